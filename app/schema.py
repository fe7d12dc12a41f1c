"""The schema of the database: where it stands, and bringing it to where this version needs it."""

import asyncio
import functools
from dataclasses import dataclass
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.pool import NullPool

from app.config import Settings
from app.db import async_url

MIGRATIONS = Path(__file__).resolve().parent.parent / "migrations"
MIGRATION_LOCK = 7417090
"""The advisory lock on PostgreSQL under which one process at a time changes the schema."""


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
    found = ScriptDirectory(str(MIGRATIONS)).get_current_head()
    if found is None:
        raise RuntimeError("there are no migrations beside the code")
    return found


@functools.cache
def _revisions() -> frozenset[str]:
    return frozenset(script.revision for script in ScriptDirectory(str(MIGRATIONS)).walk_revisions())


async def state_of(session: AsyncSession) -> SchemaState:
    """Return where the database of `session` stands."""
    connection = await session.connection()
    return SchemaState(await connection.run_sync(_revision), head())


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def migrate(settings: Settings, revision: str = "head") -> None:
    """Bring the database to `revision`. On PostgreSQL the application role is granted what it needs, and no more."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["url"] = sync_url(settings)
    command.upgrade(config, revision)
    application = async_url(settings.database_url)
    if settings.migration_database_url and application.username:
        _grant(sync_url(settings), application.username)


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
