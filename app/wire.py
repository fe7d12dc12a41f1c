"""What is handed to PostgreSQL's driver directly: many rows in one statement, many statements in one round trip.

A statement here is one text for any number of rows, which come as one JSON parameter, so that it is planned once and
prepared. On SQLite there is no round trip to save, and `direct` is None: callers go by way of SQLAlchemy there.
"""

import contextlib
import functools
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy does not type it


async def direct(session: AsyncSession) -> Any | None:
    """Return the driver's connection of a session on PostgreSQL, or None on SQLite."""
    if "driver" not in session.info:
        connection = await session.connection()
        found = None
        if connection.dialect.name == "postgresql":
            found = (await connection.get_raw_connection()).driver_connection
        session.info["driver"] = found
    return session.info["driver"]


@contextlib.asynccontextmanager
async def pipelined(session: AsyncSession) -> AsyncIterator[None]:
    """Send what is executed here without waiting for its answers; all of them are there at the end.

    On SQLite nothing is special. Only `execute` may be called in it: SQLAlchemy's own statements expect their answers.
    """
    connection = await direct(session)
    if connection is None:
        yield
        return
    async with _translated(session), connection.pipeline():
        yield


async def execute(session: AsyncSession, statement: str, parameters: Mapping[str, Any]) -> Any:
    """Execute one statement on PostgreSQL; return the driver's cursor, to be read after the pipeline that it is in."""
    connection = await direct(session)
    if connection is None:
        raise RuntimeError("this statement is PostgreSQL's")
    async with _translated(session):
        return await connection.execute(statement, parameters)


def encoded(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return rows as the JSON array that `recordset` reads."""
    return _ENCODER.encode(rows)


@functools.lru_cache(maxsize=200)
def recordset(table: Table, names: tuple[str, ...], more: str = "") -> str:
    """Return `json_to_recordset` over the parameter `rows`, as `r` with the columns `names` typed as in `table`."""
    typed = [f"{name} {table.c[name].type.compile(dialect=_DIALECT)}" for name in names]
    return f"json_to_recordset(%(rows)s::json) AS r({', '.join([*typed, *([more] if more else [])])})"


@contextlib.asynccontextmanager
async def _translated(session: AsyncSession) -> AsyncIterator[None]:
    """Let the driver's errors look like SQLAlchemy's."""
    dialect = (await session.connection()).dialect
    base: Any = dialect.loaded_dbapi.Error
    try:
        yield
    except base as error:
        raise DBAPIError.instance(
            "", None, error, base, hide_parameters=True, dialect=dialect, connection_invalidated=_is_lost(error)
        ) from error


def _is_lost(error: Any) -> bool:
    """Return whether the connection broke: the server then told no SQLSTATE."""
    return type(error).__name__ in {"OperationalError", "InterfaceError"} and getattr(error, "sqlstate", None) is None


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return f"\\x{value.hex()}"
    return value.isoformat() if isinstance(value, date) else str(value)


_ENCODER = json.JSONEncoder(default=_plain, separators=(",", ":"))
