"""The two databases of a copy, each held alone in one transaction."""

import contextlib
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from app import schema
from app.cli.answers import Mistake
from app.cli.databases import embedded_file
from app.config import Settings
from app.db import async_url

_ALONE = "LOCK TABLE tenant, tenant_clock, job IN SHARE ROW EXCLUSIVE MODE NOWAIT"
"""Every writing unit changes one of these; one that holds them all sees no other, nor another copy."""
_SERVICES = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'throughline'"
)
_LOCK_NOT_AVAILABLE = "55P03"  # https://www.postgresql.org/docs/current/errcodes-appendix.html
_SQLITE_LOCKED = {5, 6}  # SQLITE_BUSY and SQLITE_LOCKED, https://www.sqlite.org/rescode.html


@contextlib.contextmanager
def alone(settings: Settings, name: str) -> Iterator[Connection]:
    """Open a database for one transaction in which nobody else can write to it; it commits at the end.

    `name` is what a message calls it. Raises Mistake when it is missing, at another revision, or in use.
    """
    path = embedded_file(settings)
    if path is not None and not path.exists():
        raise Mistake(f"There is no {name} at {path.resolve()}.")
    engine = _engine(settings)
    try:
        with engine.begin() as connection:
            complaint = schema.state_on(connection).complaint
        if complaint:
            raise Mistake(f"The {name} does not fit. {complaint}")
        with engine.begin() as connection:
            _shut_out(connection)
            yield connection
    except OperationalError as error:
        if not _is_taken(error):
            raise
        raise Mistake(
            f"The {name} is in use: stop every service, worker and command on it first, for what it took in from now "
            "on would not be copied."
        ) from error
    finally:
        engine.dispose()


def enter(connection: Connection, tenant: UUID) -> None:
    """Tell row-level security whose rows come next."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.set_config("app.tenant", str(tenant), True)))


def _engine(settings: Settings) -> Engine:
    url = async_url(settings.database_url)
    if not settings.embedded:
        options = {"options": "-c timezone=UTC", "application_name": "throughline copy"}
        isolation = "REPEATABLE READ"
        return create_engine(
            url, poolclass=NullPool, hide_parameters=True, isolation_level=isolation, connect_args=options
        )
    engine = create_engine(url.set(drivername="sqlite"), poolclass=NullPool, hide_parameters=True)
    event.listen(engine, "connect", _hold)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    return engine


def _hold(connection: Any, _record: Any) -> None:
    """Hold an SQLite file alone: it is refused while anybody has it open (https://www.sqlite.org/wal.html#noshm)."""
    connection.isolation_level = None
    for pragma in ("locking_mode=EXCLUSIVE", "busy_timeout=0", "foreign_keys=ON", "synchronous=FULL"):
        connection.execute(f"PRAGMA {pragma}")


def _shut_out(connection: Connection) -> None:
    """Hold a PostgreSQL database alone, before the transaction's one snapshot is taken."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text(_ALONE))
        if connection.scalar(sa.text(_SERVICES)):
            raise OperationalError(_SERVICES, None, _Taken())


class _Taken(Exception):
    """A service is connected, at rest for now."""


def _is_taken(error: OperationalError) -> bool:
    code = getattr(error.orig, "sqlite_errorcode", None)
    locked = code is not None and code & 0xFF in _SQLITE_LOCKED
    return locked or isinstance(error.orig, _Taken) or getattr(error.orig, "sqlstate", None) == _LOCK_NOT_AVAILABLE
