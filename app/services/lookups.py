"""Rows found by lists of keys, however many, in one statement on PostgreSQL and in portions on SQLite."""

import functools
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Table, select
from sqlalchemy.ext.asyncio import AsyncSession

from app import wire
from app.models.base import Row
from app.models.unit import unit_of
from app.services.among import among

_PORTION = 400
_BY_KEYS_ONLY = (
    "SELECT set_config('enable_seqscan', 'off', true), set_config('enable_hashjoin', 'off', true), "
    "set_config('enable_mergejoin', 'off', true)"
)


class Answer:
    """What a question found, to be read once the pipeline that it was asked in has ended."""

    def __init__(self, rows: Sequence[Any] = (), cursor: Any = None) -> None:
        self._found = rows
        self._cursor = cursor

    async def rows(self) -> Sequence[Any]:
        """Return the rows, each as a sequence of the columns asked for, in no order."""
        return self._found if self._cursor is None else await self._cursor.fetchall()


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
    if await wire.direct(session) is not None:
        table: Table = row_type.__table__  # type: ignore[attr-defined]  # set by SQLModel on table classes
        rows = [dict(zip(keys, values, strict=True)) for values in wanted]
        return await ask_directly(session, _lookup(table, tuple(columns), tuple(keys)), rows)
    found: list[Any] = []
    listed = list(wanted)
    for start in range(0, len(listed), _PORTION):
        condition = among([getattr(row_type, key) for key in keys], listed[start : start + _PORTION])
        found += (await session.execute(select(*[getattr(row_type, name) for name in columns]).where(condition))).all()
    return Answer(found)


async def by_keys_only(session: AsyncSession) -> None:
    """Let the rest of the transaction find rows by their indexes, whatever the planner knew of tables when small.

    A statement that was prepared while a table was nearly empty would go on reading it from end to end.
    """
    if await wire.direct(session) is not None:
        await wire.execute(session, _BY_KEYS_ONLY, {})


async def ask_directly(session: AsyncSession, statement: str, rows: Sequence[dict[str, Any]]) -> Answer:
    """Ask PostgreSQL with a statement of its own over the parameters `rows` and `tenant`."""
    parameters = {"rows": wire.encoded(rows), "tenant": unit_of(session).tenant.id}
    return Answer(cursor=await wire.execute(session, statement, parameters))


@functools.lru_cache(maxsize=100)
def _lookup(table: Table, columns: tuple[str, ...], keys: tuple[str, ...]) -> str:
    listed = ", ".join(f"{table.name}.{name}" for name in columns)
    same = " AND ".join(f"{table.name}.{key} = r.{key}" for key in keys)
    return (
        f"SELECT {listed} FROM {wire.recordset(table, keys)} "  # noqa: S608  names are columns
        f"JOIN {table.name} ON {table.name}.tenant_id = %(tenant)s::uuid AND {same}"
    )
