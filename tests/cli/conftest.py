"""The command line as a user meets it: in this process for most tests, as a process of its own where signals matter."""

import json
import logging
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from typer.testing import CliRunner, Result

from app.cli import app
from app.config import Settings
from tests.engines import SECRET_KEY, make_database

ROOT = Path(__file__).parents[2]
Command = Callable[..., Result]


def environment(settings: Settings) -> dict[str, str]:
    """The settings of a database as a shell would export them."""
    found = {
        "THROUGHLINE_DATABASE_URL": settings.database_url,
        "THROUGHLINE_SECRET_KEYS": SECRET_KEY,
        "PYTHONPATH": str(ROOT),
        "PYTHONWARNINGS": "error",
    }
    if settings.migration_database_url:
        found["THROUGHLINE_MIGRATION_DATABASE_URL"] = settings.migration_database_url
    return found


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Run in an empty folder without settings, and put logging and signals back."""
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith("THROUGHLINE_"):
            monkeypatch.delenv(name)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    signals = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in signals.items():
        signal.signal(number, handler)
    structlog.reset_defaults()
    logging.captureWarnings(capture=False)
    root.handlers[:], root.level = handlers, level


@pytest.fixture
def run() -> Command:
    """Run a command in this process, on the settings given (none: a fresh folder)."""

    def run(*arguments: str, settings: Settings | None = None) -> Result:
        return CliRunner().invoke(app, list(arguments), env=environment(settings) if settings else None)

    return run


@pytest.fixture
def command(run: Command, settings: Settings) -> Command:
    """Run a command in this process, on the database of one engine and then of the other."""
    return lambda *arguments: run(*arguments, settings=settings)


def new_settings(engine: str, request: pytest.FixtureRequest, folder: Path) -> Settings:
    """The settings of an empty database of its own."""
    if engine == "sqlite":
        return Settings(database_url=f"sqlite:///{folder / 'new.db'}", secret_keys=(SECRET_KEY,))
    superuser = request.getfixturevalue("postgres_server")
    owner, application = make_database(superuser, f"cli_{secrets.token_hex(4)}")
    return Settings(database_url=application, migration_database_url=owner, secret_keys=(SECRET_KEY,))


def start(settings: Settings, *arguments: str) -> subprocess.Popen[str]:
    """Start a command as a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "app", *arguments],
        env={**os.environ, **environment(settings)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def answered(result: Result) -> Any:
    """The JSON document that a command printed; it must have gone well."""
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)
