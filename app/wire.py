"""What is handed to the drivers directly: many rows in one statement, many statements in one round trip.

On PostgreSQL a statement is one text for any number of rows, which come as one JSON parameter, so that it is planned
once and prepared. On SQLite the round trip is a turn of the thread that holds the connection: `work` is what it does
there, and statements are executed for one row after the other, which is what SQLite prepares them for.
"""

import contextlib
import functools
import importlib
import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from operator import attrgetter, itemgetter
from typing import Any, Protocol
from uuid import UUID

from pydantic_core import to_json
from sqlalchemy import Connection, LargeBinary, Table, Uuid
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session
from sqlalchemy.types import TypeEngine

from app.models.base import MILLIONTHS, Exact, Instant

_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy does not type it
_EMBEDDED = sqlite.dialect()

_WAITING = "waiting"
_HOLDING = "holding"
_STREAMING = "streaming"
_LARGE = 32_768
"""Bytes of a statement's values that are worth a message of their own."""

_PIPELINE = "pipeline"

Rows = Sequence[Sequence[Any]]
Work = Callable[[sqlite3.Connection], Rows]
Convert = Callable[[Any], Any]
Statement = tuple[str, Mapping[str, Any]]
"""A statement and its parameters, named in it like `%(name)s`, where their types are said too.

Bytes are the text of a value that is spelled already.
"""


class Later:
    """The rows that a piece of work finds, once it has been sent and answered."""

    rows: Rows = ()


class Pipeline(Protocol):
    """A connection's conversation with PostgreSQL: `app.pipeline`, which needs its driver."""

    is_unanswered: bool
    """Whether something was sent whose answer is not read."""

    def post(self, asked: Sequence[tuple[Later, Statement]], until: Later | None = None) -> None:
        """Send statements and leave their answers to `read`; that of `until` does not wait for those after it."""

    async def read(self, until: Later | None = None) -> None:
        """Read the answers that are left, up to that of `until`."""

    def forget(self) -> None:
        """Prepare everything anew."""


@dataclass(frozen=True, slots=True)
class _Driven:
    """What a session's transaction runs on: looked up once, which is dearer than much of what is done with it."""

    dialect: Dialect
    connection: Any
    """The driver's own."""

    pipeline: Pipeline | None
    """Its conversation with PostgreSQL; None: it is SQLite's."""


async def _driven(session: AsyncSession) -> _Driven:
    found: _Driven | None = session.info.get("driven")
    if found is None:
        connection = await session.connection()
        raw = await connection.get_raw_connection()
        driver, pipeline = raw.driver_connection, None
        if connection.dialect.name == "postgresql":
            pipeline = raw.info.get(_PIPELINE)
            if pipeline is None:
                pipeline = raw.info[_PIPELINE] = importlib.import_module("app.pipeline").Pipeline(driver)
        found = session.info["driven"] = _Driven(connection.dialect, driver, pipeline)
    return found


def before_rollback(connection: Connection, *_savepoint: object) -> None:
    """Read what a connection has not answered, and do as `Pipeline.forget`; one that is lost has none."""
    pipeline: Pipeline | None = None if connection.invalidated else connection.info.get(_PIPELINE)
    if pipeline is None:
        return
    if pipeline.is_unanswered:
        with contextlib.suppress(connection.dialect.loaded_dbapi.Error):
            driven: Any = connection.connection.dbapi_connection
            driven.run_async(lambda _driver: pipeline.read())
    pipeline.forget()


def begin(session: Session, _transaction: object) -> None:
    """Let a transaction, or a savepoint, of a session reach the database before what is handed to its driver."""
    session.info.pop("driven", None)


def give_up(session: Session, _transaction: object) -> None:
    """Drop what was kept in a transaction, or since a savepoint, that is rolled back."""
    session.info.pop(_WAITING, None)


async def direct(session: AsyncSession) -> bool:
    """Return whether a session's statements are handed to PostgreSQL; else SQLite's thread does its work."""
    return (await _driven(session)).pipeline is not None


@contextlib.asynccontextmanager
async def held(session: AsyncSession) -> AsyncIterator[None]:
    """Keep what is executed here until it is sent; an exception drops it.

    Only `execute` (PostgreSQL) and `work` (SQLite) may be called in it: SQLAlchemy's own statements expect answers.
    """
    await _driven(session)
    waiting = session.info.setdefault(_WAITING, [])
    before = len(waiting)
    session.info[_HOLDING] = True
    try:
        yield
    except BaseException:
        del waiting[before:]
        raise
    finally:
        session.info[_HOLDING] = False


@contextlib.asynccontextmanager
async def streamed(session: AsyncSession) -> AsyncIterator[None]:
    """Keep what is executed here as `held` does, but post at once what is large: an exception has to end the unit."""
    async with held(session):
        session.info[_HOLDING] = _STREAMING
        yield


@contextlib.asynccontextmanager
async def pipelined(session: AsyncSession) -> AsyncIterator[None]:
    """Send what is executed here together; all answers are there at the end."""
    async with held(session):
        yield
    await send(session)


def waits(session: Session | AsyncSession) -> bool:
    """Return whether something was kept and is not sent, or not answered: nothing else may be executed before."""
    driven: _Driven | None = session.info.get("driven")
    unanswered = driven is not None and driven.pipeline is not None and driven.pipeline.is_unanswered
    return unanswered or bool(session.info.get(_WAITING))


async def post(session: AsyncSession, until: Later | None = None) -> None:
    """Send what is held, and go on while PostgreSQL works: `read` or `send` bring the answers.

    That of `until` does not wait for those after it. SQLite's thread does nothing before the answers are wanted.
    """
    driven = await _driven(session)
    if driven.pipeline is not None and session.info.get(_WAITING):
        async with _translated(session):
            driven.pipeline.post(session.info.pop(_WAITING), until)


async def read(session: AsyncSession, until: Later | None = None) -> None:
    """Read the answers of what was posted; on PostgreSQL those after that of `until` are left to the next time."""
    driven = await _driven(session)
    async with _translated(session):
        if driven.pipeline is not None:
            await driven.pipeline.read(until)
        elif waiting := session.info.pop(_WAITING, None):
            await driven.connection._execute(functools.partial(_act, driven.connection, waiting))  # noqa: SLF001  what aiosqlite offers takes one turn for each statement


async def send(session: AsyncSession, until: Later | None = None) -> None:
    """Send what is held, and read the answers; on PostgreSQL those after that of `until` are left to `read`."""
    await post(session, until)
    await read(session, until)


async def conclude(session: AsyncSession) -> None:
    """Send what is held still, and the COMMIT with it; without any, SQLAlchemy commits."""
    if waits(session):
        if await direct(session):
            async with held(session):
                await execute(session, "COMMIT", {})
        await send(session)


async def work(session: AsyncSession, task: Work) -> Later:
    """Let the thread of an SQLite connection do `task`, with what else is held."""
    return await _put(session, task)


async def execute(session: AsyncSession, statement: str, parameters: Mapping[str, Any]) -> Later:
    """Execute one statement on PostgreSQL, with what else is held."""
    return await _put(session, (statement, parameters))


async def _put(session: AsyncSession, what: Any) -> Later:
    later, holding = Later(), session.info.get(_HOLDING)
    session.info.setdefault(_WAITING, []).append((later, what))
    if not holding:
        await send(session)
    elif holding == _STREAMING and type(what) is tuple and len(what[1].get("rows", b"")) > _LARGE:
        await post(session)
    return later


def _act(driver: Any, tasks: Sequence[tuple[Later, Work]]) -> None:
    for later, task in tasks:
        later.rows = task(driver._conn)  # noqa: SLF001  the same


def encoded(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Return rows as the JSON array that `recordset` reads. Raises ValueError for a text that is no Unicode.

    What is None is left out: a record has NULL where its object has no such name.
    """
    spelled = [
        {name: _hex(value) if type(value) is bytes else value for name, value in row.items() if value is not None}
        for row in rows
    ]
    return to_json(spelled)


@functools.lru_cache(maxsize=200)
def recordset(table: Table, names: tuple[str, ...], more: str = "") -> str:
    """Return `json_to_recordset` over the parameter `rows`, as `r` with the columns `names` typed as in `table`."""
    typed = [f"{name} {table.c[name].type.compile(dialect=_DIALECT)}" for name in names]
    return f"json_to_recordset(%(rows)s::json) AS r({', '.join([*typed, *([more] if more else [])])})"


@functools.lru_cache(maxsize=200)
def arrays(table: Table, names: tuple[str, ...]) -> str:
    """Return the same over a parameter for each column, an array of values: so the planner sees how many they are."""
    typed = [f"%({name})s::{table.c[name].type.compile(dialect=_DIALECT)}[]" for name in names]
    return f"unnest({', '.join(typed)}) AS r({', '.join(names)})"


def bound(table: Table, names: tuple[str, ...], rows: Sequence[Mapping[str, Any]]) -> Rows:
    """Return rows, one at the least, as SQLite keeps them: the values of `names` in order, NULL for every None."""
    columns = [_bound(list(map(itemgetter(name), rows)), bind) for name, bind in _binders(table, names)]
    return list(zip(*columns, strict=True))


def _bound(column: Sequence[Any], bind: Convert | None) -> Sequence[Any]:
    """Return the values of a column as SQLite keeps them; many have one and the same in every row."""
    if bind is None:
        return column
    first = column[0]
    kept = None if first is None else bind(first)
    return [kept if value is first else None if value is None else bind(value) for value in column]


def meant(readers: Sequence[Convert | None], rows: Rows) -> Rows:
    """Return what rows of SQLite stand for; `readers` are those of their columns."""
    return [
        [value if value is None or read is None else read(value) for read, value in zip(readers, row, strict=True)]
        for row in rows
    ]


@functools.lru_cache(maxsize=200)
def readers(table: Table, names: tuple[str, ...]) -> tuple[Convert | None, ...]:
    """Return for each column what makes of a value that SQLite keeps the one that it stands for; None: it is that."""
    return tuple(_conversions(table.c[name].type)[1] for name in names)


@functools.lru_cache(maxsize=200)
def _binders(table: Table, names: tuple[str, ...]) -> tuple[tuple[str, Convert | None], ...]:
    return tuple((name, _conversions(table.c[name].type)[0]) for name in names)


def _conversions(kind: TypeEngine[Any]) -> tuple[Convert | None, Convert | None]:
    """Return how values of a column get into SQLite and out of it: as SQLAlchemy's, without its layers."""
    known = _CONVERSIONS.get(type(kind))
    if known is not None:
        return known
    kept = kind.dialect_impl(_EMBEDDED)
    return kept.bind_processor(_EMBEDDED), kept.result_processor(_EMBEDDED, None)


@functools.lru_cache(maxsize=2_000)
def _instant_text(value: datetime) -> str:
    if value.tzinfo is not UTC:
        if value.tzinfo is None:
            raise ValueError("a naive datetime reached the database: give it a zone first")
        value = value.astimezone(UTC)
    return value.isoformat(" ", "microseconds")[:_INSTANT_LENGTH]


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def _millionths(value: Decimal) -> int:
    return int((Decimal(value) * MILLIONTHS).to_integral_exact())


def _exact(value: int) -> Decimal:
    return Decimal(int(value)).scaleb(-6)


_INSTANT_LENGTH = len("2026-11-28 16:47:54.000001")
_CONVERSIONS: Mapping[type[Any], tuple[Convert | None, Convert | None]] = {
    Uuid: (attrgetter("hex"), UUID),
    Instant: (_instant_text, _instant),
    Exact: (_millionths, _exact),
    LargeBinary: (None, None),
}


@contextlib.asynccontextmanager
async def _translated(session: AsyncSession) -> AsyncIterator[None]:
    """Let the driver's errors look like SQLAlchemy's."""
    dialect = (await _driven(session)).dialect
    base: Any = dialect.loaded_dbapi.Error
    try:
        yield
    except base as error:
        raise DBAPIError.instance(
            "", None, error, base, hide_parameters=True, dialect=dialect, connection_invalidated=_is_lost(error)
        ) from error


def _is_lost(error: Any) -> bool:
    """Return whether the connection broke: PostgreSQL then told no SQLSTATE. SQLite's cannot."""
    if isinstance(error, sqlite3.Error):
        return False
    return type(error).__name__ in {"OperationalError", "InterfaceError"} and getattr(error, "sqlstate", None) is None


def _hex(value: bytes) -> str:
    return f"\\x{value.hex()}"
