"""The schema of the database: where it stands, and bringing it to where this version needs it."""

import asyncio
import functools
import importlib
import pkgutil
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, Table, create_engine, inspect, text
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.pool import NullPool
from sqlmodel import SQLModel

from app import models
from app.config import Settings
from app.db import async_url

MIGRATIONS = Path(__file__).resolve().parent.parent / "migrations"
MIGRATION_LOCK = 7417090
"""The advisory lock on PostgreSQL under which one process at a time changes the schema."""

_STEP = re.compile(r'^(revision|down_revision)(?:: [^=]+)? = (?:"([^"]+)"|None)$', re.MULTILINE)
"""How a file of a revision names itself and the one before it."""


@dataclass(frozen=True, slots=True)
class SchemaState:
    """Revision of the database (None: empty) and the newest one that this version knows."""

    current: str | None
    head: str

    @property
    def complaint(self) -> str | None:
        """Why this version cannot work on that schema, and what to run; None when it can."""
        if self.current == self.head:
            return None
        if self.current is None:
            return "The database has no tables yet: run `throughline migrate`."
        if self.current in _revisions():
            return f"The database is at revision {self.current}, not yet at {self.head}: run `throughline migrate`."
        return (
            f"The database is at revision {self.current}, which this version of Throughline does not know: "
            "run the version that migrated it, or a newer one."
        )


def sync_url(settings: Settings) -> URL:
    """Return the address that migrations use, with the synchronous driver."""
    url = async_url(settings.migration_database_url or settings.database_url)
    return url.set(drivername="sqlite" if url.get_backend_name() == "sqlite" else "postgresql+psycopg")


@functools.cache
def head() -> str:
    """Return the newest revision of this version."""
    newest = _revisions().keys() - set(_revisions().values())
    if len(newest) != 1:
        raise RuntimeError("there are no migrations beside the code, or they are no chain")
    return newest.pop()


@functools.cache
def _revisions() -> Mapping[str, str]:
    """Return every revision with the one before it, read from the files: starting needs no more of the migrations."""
    steps = [dict(_STEP.findall(path.read_text("utf-8"))) for path in sorted((MIGRATIONS / "versions").glob("2*.py"))]
    return {step["revision"]: step["down_revision"] for step in steps}


async def state_of(session: AsyncSession) -> SchemaState:
    """Return where the database of `session` stands."""
    connection = await session.connection()
    return await connection.run_sync(state_on)


def state_on(connection: Connection) -> SchemaState:
    """Return where the database of `connection` stands."""
    return SchemaState(_revision(connection), head())


def tables() -> list[Table]:
    """Return every table of this version, each after those that its rows refer to."""
    for module in pkgutil.iter_modules(models.__path__):
        importlib.import_module(f"{models.__name__}.{module.name}")
    return SQLModel.metadata.sorted_tables


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return found


def is_current(settings: Settings) -> bool:
    """Tell whether the embedded database is at the head already."""
    url = sync_url(settings)
    if url.database is None or not Path(url.database).exists():
        return False
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        return _revision(connection) == head()


def migrate(settings: Settings, revision: str = "head") -> None:
    """Bring the database to `revision`. On PostgreSQL the application role is granted what it needs, and no more."""
    from alembic import command  # noqa: PLC0415  a service whose schema is right starts without it
    from alembic.config import Config  # noqa: PLC0415  the same

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["url"] = sync_url(settings)
    command.upgrade(config, revision)
    application = async_url(settings.database_url)
    if settings.migration_database_url and application.username:
        _grant(sync_url(settings), application.username)


def analyse(settings: Settings) -> None:
    """Let PostgreSQL look at tables that were filled at once: it plans by what it saw last, and looks once a minute."""
    engine = create_engine(sync_url(settings), poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        _run(connection, "ANALYZE")
    engine.dispose()


async def migrate_embedded(settings: Settings) -> None:
    """Bring the embedded database to the head without blocking the event loop."""
    await asyncio.to_thread(migrate, settings)


def _grant(url: URL, role: str) -> None:
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        _run(connection, f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})")
        quoted = connection.dialect.identifier_preparer.quote(role)
        _run(connection, f"GRANT USAGE ON SCHEMA public TO {quoted}")
        _run(connection, f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {quoted}")
        _run(connection, f"REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM {quoted}")
    engine.dispose()


def _run(connection: Connection, statement: str) -> None:
    connection.execute(text(statement))
