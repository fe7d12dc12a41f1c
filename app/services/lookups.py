"""Rows found by lists of keys, however many: in one statement on PostgreSQL, in one turn of the thread on SQLite."""

import functools
import sqlite3
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from sqlalchemy import Table
from sqlalchemy.ext.asyncio import AsyncSession

from app import wire
from app.models.base import Row
from app.models.unit import unit_of

_BY_KEYS_ONLY = (
    "SELECT set_config('enable_seqscan', 'off', true), set_config('enable_hashjoin', 'off', true), "
    "set_config('enable_mergejoin', 'off', true)"
)

_MANY = 1_000
"""From so many keys on their number decides how PostgreSQL looks: it plans each time, for these very keys.

Otherwise it takes them for a hundred. Where it takes the tenant's rows for a few at the same time, their statistics
being old, it would read all of them for each key: minutes for a large delivery.
"""
_AS_MANY = "SELECT set_config('enable_hashjoin', 'on', true), set_config('plan_cache_mode', 'force_custom_plan', true)"
_AS_FEW = "SELECT set_config('enable_hashjoin', 'off', true), set_config('plan_cache_mode', 'auto', true)"


class Answer:
    """What a question found, to be read once the pipeline that it was asked in has ended."""

    def __init__(self, later: wire.Later | None = None, readers: Sequence[wire.Convert | None] = ()) -> None:
        self._later = later
        self._readers = readers
        self._found: Sequence[Any] | None = None if later else ()

    async def come(self, session: AsyncSession) -> None:
        """Wait until it is there, if it was only posted."""
        if self._later is not None:
            await wire.read(session, self._later)

    async def rows(self) -> Sequence[Any]:
        """Return the rows, each as a sequence of the columns asked for, in no order."""
        if self._found is None and self._later is not None:
            self._found = wire.meant(self._readers, self._later.rows) if self._readers else self._later.rows
        return self._found or ()


async def ask(
    session: AsyncSession,
    row_type: type[Row],
    columns: Sequence[str],
    keys: Sequence[str],
    wanted: Collection[tuple[Any, ...]],
) -> Answer:
    """Look for the tenant's rows of a table whose `keys` are among `wanted`."""
    if not wanted:
        return Answer()
    table: Table = row_type.__table__  # type: ignore[attr-defined]  # set by SQLModel on table classes
    rows = [dict(zip(keys, values, strict=True)) for values in wanted]
    if await wire.direct(session):
        statements = _lookup(table, tuple(columns), tuple(keys)), _lookup_many(table, tuple(columns), tuple(keys))
        return await ask_by_keys(session, statements, rows)
    tenant = unit_of(session).tenant.id.hex
    parameters = [(tenant, *values) for values in wire.bound(table, tuple(keys), rows)]
    statement = _lookup_one(table, tuple(columns), tuple(keys))
    return await ask_each(session, statement, parameters, wire.readers(table, tuple(columns)))


async def by_keys_only(session: AsyncSession) -> None:
    """Let the rest of the transaction find rows by their indexes.

    A statement, or a foreign key, that was planned while a table was nearly empty would go on reading all of it.
    """
    if await wire.direct(session):
        await wire.execute(session, _BY_KEYS_ONLY, {})


async def ask_directly(session: AsyncSession, statement: str, rows: Sequence[dict[str, Any]]) -> Answer:
    """Ask PostgreSQL with a statement of its own over the parameters `rows` and `tenant`."""
    parameters = {"rows": wire.encoded(rows), "tenant": unit_of(session).tenant.id}
    return Answer(await wire.execute(session, statement, parameters))


async def ask_by_keys(session: AsyncSession, statements: tuple[str, str], rows: Sequence[dict[str, Any]]) -> Answer:
    """Ask PostgreSQL by keys; the second statement is for many of them, which come as a parameter for each column."""
    few, many = statements
    if len(rows) < _MANY:
        return await ask_directly(session, few, rows)
    columns: dict[str, Any] = {name: [row[name] for row in rows] for name in rows[0]}
    await wire.execute(session, _AS_MANY, {})
    found = await wire.execute(session, many, columns | {"tenant": unit_of(session).tenant.id})
    await wire.execute(session, _AS_FEW, {})
    return Answer(found)


async def ask_each(
    session: AsyncSession, statement: str, parameters: Iterable[Sequence[Any]], readers: Sequence[wire.Convert | None]
) -> Answer:
    """Ask SQLite with a statement of its own, once with each of `parameters`; `readers` read what it keeps."""
    later = await wire.work(session, functools.partial(_each, statement, list(parameters)))
    return Answer(later, readers)


def _each(statement: str, parameters: Sequence[Sequence[Any]], connection: sqlite3.Connection) -> wire.Rows:
    return [row for each in parameters for row in connection.execute(statement, each)]


@functools.lru_cache(maxsize=100)
def _lookup_one(table: Table, columns: tuple[str, ...], keys: tuple[str, ...]) -> str:
    same = " AND ".join(f"{key} = ?" for key in keys)
    return f"SELECT {', '.join(columns)} FROM {table.name} WHERE tenant_id = ? AND {same}"  # noqa: S608  names are columns


def each_finds(name: str, columns: Sequence[str], **same: str) -> str:
    """Return a join of what stands before it with the tenant's rows of the table `name`, whose alias is its name too.

    `same` tells which of its columns equals what. Each row before looks into the table, never the other way round:
    of a table that was nearly empty when it planned PostgreSQL would read all rows of the tenant first.
    """
    found = " AND ".join(f"t.{column} = {value}" for column, value in same.items())
    listed = ", ".join(f"t.{column}" for column in columns)
    return (
        f"CROSS JOIN LATERAL (SELECT {listed} FROM {name} AS t "  # noqa: S608  names are columns
        f"WHERE t.tenant_id = %(tenant)s::uuid AND {found} OFFSET 0) AS {name} "
    )


def joined(name: str, **same: str) -> str:
    """Return the same join for `ask_by_keys` with many keys: how it is done, the planner decides."""
    found = " AND ".join(f"{name}.{column} = {value}" for column, value in same.items())
    return f"JOIN {name} ON {name}.tenant_id = %(tenant)s::uuid AND {found} "


@functools.lru_cache(maxsize=100)
def _lookup_many(table: Table, columns: tuple[str, ...], keys: tuple[str, ...]) -> str:
    listed = ", ".join(f"{table.name}.{name}" for name in columns)
    found = joined(table.name, **{key: f"r.{key}" for key in keys})
    return f"SELECT {listed} FROM {wire.arrays(table, keys)} {found}"  # noqa: S608  names are columns


@functools.lru_cache(maxsize=100)
def _lookup(table: Table, columns: tuple[str, ...], keys: tuple[str, ...]) -> str:
    listed = ", ".join(f"{table.name}.{name}" for name in columns)
    found = each_finds(table.name, columns, **{key: f"r.{key}" for key in keys})
    return f"SELECT {listed} FROM {wire.recordset(table, keys)} {found}"  # noqa: S608  the same
