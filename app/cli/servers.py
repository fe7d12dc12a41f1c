"""The server that `throughline serve` runs: uvicorn, bound, bounded and stopped gracefully."""

import os
import socket
import sys
import tempfile
from typing import Any

import typer
import uvicorn
from fastapi import FastAPI
from uvicorn.supervisors import Multiprocess

from app import heap
from app.cli.answers import Mistake
from app.cli.connections import Connection
from app.cli.databases import read_settings
from app.cli.serving import exit_calmly, start_logging
from app.config import Settings
from app.main import create_app

DRAIN_SECONDS = 20
"""How long requests in flight may take once the process is asked to stop; what is left then is cut off."""

BACKLOG = 2048


def run(settings: Settings, *, workers: int = 1) -> None:
    """Serve until told to stop, then exit 0. Raises Mistake when the address cannot be had."""
    listener = listen(settings)
    settings = settings.model_copy(update={"port": listener.getsockname()[1]})
    exit_calmly()
    if workers > 1:
        with tempfile.TemporaryDirectory(prefix="throughline-metrics-") as folder:
            _hand_down(settings, folder)
            _announce(settings)
            Multiprocess(_configuration(f"{__name__}:service", settings, workers=workers), sockets=[listener]).run()
    else:
        Server(_configuration(lambda: create_app(settings, with_worker=True), settings), settings).run([listener])


def service() -> FastAPI:
    """Return the service of one of several processes, set up from the environment as `serve` left it."""
    settings = read_settings()
    start_logging(settings)
    return create_app(settings, with_worker=True)


def listen(settings: Settings) -> socket.socket:
    """Return a bound socket. Raises Mistake when the address cannot be had."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family, backlog=BACKLOG)
    except OSError as error:
        place, reason = f"{settings.host}:{settings.port}", str(error.strerror).partition(" (")[0]
        raise Mistake(f"Cannot listen on {place} ({reason}): choose another with --host and --port.") from error


class Server(uvicorn.Server):
    """A server that says when it is ready."""

    def __init__(self, config: uvicorn.Config, settings: Settings) -> None:
        super().__init__(config)
        self._settings = settings

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and say where."""
        await super().startup(sockets)
        heap.keep()
        _announce(self._settings)


def _configuration(app: Any, settings: Settings, *, workers: int = 1) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        factory=True,
        host=settings.host,
        port=settings.port,
        workers=workers,
        loop="uvloop" if sys.platform != "win32" else "auto",
        http=Connection,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=BACKLOG,
        limit_concurrency=settings.max_connections,
        timeout_graceful_shutdown=DRAIN_SECONDS,
        timeout_worker_healthcheck=30,  # a process that is only starting slowly is not hung
    )


def _announce(settings: Settings) -> None:
    url = settings.base_url
    typer.echo(f"Throughline is ready: {url}/docs (REST), {url}/graphql-console (GraphQL). Ctrl+C stops it.")


def _hand_down(settings: Settings, metrics_folder: str) -> None:
    """Let the processes of this one see what the command line said, and where they count together."""
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = metrics_folder
    os.environ["THROUGHLINE_HOST"] = settings.host
    os.environ["THROUGHLINE_PORT"] = str(settings.port)
