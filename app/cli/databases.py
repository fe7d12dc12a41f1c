"""The database as commands meet it: opened when its schema fits, refused with what to run when it does not."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import structlog
import typer
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ProgrammingError

from app import logs, schema
from app.cli.answers import Mistake
from app.config import Settings
from app.db import Database, async_url
from app.schema import SchemaState

log = structlog.get_logger(__name__)

_INSUFFICIENT_PRIVILEGE = "42501"  # https://www.postgresql.org/docs/current/errcodes-appendix.html


def read_settings(**options: Any) -> Settings:
    """Return the settings of the environment; `options` that are not None win."""
    settings = Settings(**{name: value for name, value in options.items() if value is not None})
    for url in (settings.database_url, settings.migration_database_url):
        if url is not None:
            _check_address(url)
    return settings


@contextlib.asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Database]:
    """Open the database. Raises Mistake unless it exists and has this version's schema."""
    path = embedded_file(settings)
    if path is not None and not path.exists():
        raise Mistake(f"There is no database at {path.resolve()}: run `throughline migrate` to make one there.")
    database = Database(settings)
    try:
        async with database.reading(None) as session:
            state = await schema.state_of(session)
        if state.complaint:
            raise Mistake(state.complaint)
        yield database
    finally:
        await database.dispose()


async def check(settings: Settings) -> None:
    """Raise Mistake unless the database can be opened."""
    async with opened(settings):
        pass


def migrate(settings: Settings) -> str:
    """Bring the database to this version's schema; return its revision. Raises Mistake when it is newer."""
    if settings.embedded and schema.is_current(settings):
        return schema.head()
    from alembic.util import CommandError  # noqa: PLC0415  a service whose schema is right starts without it

    try:
        schema.migrate(settings)
    except CommandError as error:
        unknown = str(error).rpartition(" by ")[2].strip("'\"")
        raise Mistake(SchemaState(unknown, schema.head()).complaint or str(error)) from error
    except ProgrammingError as error:
        if getattr(error.orig, "sqlstate", None) != _INSUFFICIENT_PRIVILEGE:
            raise
        reason = str(error.orig).partition("\n")[0]
        mend = "give THROUGHLINE_MIGRATION_DATABASE_URL the address of the owner of the tables"
        raise Mistake(f"The database does not let this role change its tables ({reason}): {mend}.") from error
    log.info("schema_current", revision=schema.head())
    return schema.head()


def migrate_command() -> None:
    """Bring the database to this version's schema; nothing happens when it is there already."""
    settings = read_settings()
    logs.configure("warning", "console")
    revision = migrate(settings)
    typer.echo(f"The database is at revision {revision}.")


def embedded_file(settings: Settings) -> Path | None:
    """Return the SQLite file, None with PostgreSQL."""
    name = make_url(settings.database_url).database
    return Path(name) if settings.embedded and name else None


def _check_address(url: str) -> None:
    try:
        parsed = async_url(url)
    except ValueError as error:
        raise Mistake(f"{error}.") from error
    if parsed.get_backend_name() == "sqlite" and not parsed.database:
        raise Mistake("THROUGHLINE_DATABASE_URL must name a file, such as sqlite:///throughline.db.")
