"""Versions of historised rows: written with every change, read as of an instant."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Subquery, Table, and_, insert, or_, select, true, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.models.base import Noun, new_id
from app.models.history import VERSIONS
from app.models.tenancy import TenantClock
from app.models.unit import unit_of

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


async def keep_versions(session: AsyncSession, rows: Sequence[Noun]) -> None:
    """Close the versions that `rows` replace and write their present state as the current version.

    All rows are of one table; a table without history is left alone. Two statements whatever the number of rows.
    """
    if rows:
        table: Table = rows[0].__table__  # type: ignore[attr-defined]  # set by SQLModel on table classes
        names = [column.name for column in table.columns]
        await keep_rows(session, table, [{name: getattr(row, name) for name in names} for row in rows])


async def keep_rows(session: AsyncSession, current: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Do as `keep_versions` with the values of rows of the table `current`."""
    table = VERSIONS.get(current.name)
    if table is None:
        return
    noun_id = f"{current.name}_id"
    now = unit_of(session).tick()
    replaced = [row["id"] for row in rows if row["version"] > 1]
    if replaced:
        await session.execute(
            update(table)
            .where(
                table.c.tenant_id == unit_of(session).tenant.id,
                table.c[noun_id].in_(replaced),
                table.c.superseded_at.is_(None),
            )
            .values(superseded_at=now)
        )
    names = [column.name for column in table.columns]
    kept = [version_of(row, noun_id) for row in rows]
    await session.execute(insert(table), [{name: row.get(name) for name in names} for row in kept])


def current_at(table: Table, as_of: datetime) -> ColumnElement[bool]:
    """Return the condition that selects the versions of `table` that were current at `as_of`."""
    return and_(table.c.recorded_at <= as_of, or_(table.c.superseded_at.is_(None), table.c.superseded_at > as_of))


def version_of(row: Mapping[str, Any], noun_id: str) -> dict[str, Any]:
    """Return the current version of a row; what its table of versions has no column for is still in it."""
    return {**row, "id": new_id(), noun_id: row["id"], "superseded_at": None}


def rows_at(
    session: AsyncSession,
    row: type[Noun],
    as_of: datetime | None,
    *,
    archived: bool = False,
    only: Collection[str] = (),
) -> Subquery:
    """Return the rows of a historised noun in use at `as_of` (None: now), under the column names of its table.

    `archived`: those that were archived by then as well. `only`: these columns, where building a statement of them all
    would take longer than running it; empty: all.
    """
    tenant_id = unit_of(session).tenant.id
    current: Table = row.__table__  # type: ignore[attr-defined]  # set by SQLModel on table classes
    if as_of is None:
        in_use = and_(current.c.tenant_id == tenant_id, true() if archived else current.c.archived_at.is_(None))
        return select(*(each for each in current.columns if not only or each.name in only)).where(in_use).subquery()
    table = VERSIONS[current.name]
    columns = [
        table.c[f"{current.name}_id"].label("id") if c.name == "id" else c
        for c in table.columns
        if not only or c.name in only
    ]
    in_use = and_(
        table.c.tenant_id == tenant_id, true() if archived else table.c.archived_at.is_(None), current_at(table, as_of)
    )
    return select(*[c for c in columns if c.name != f"{current.name}_id"]).where(in_use).subquery()


async def instant(session: AsyncSession) -> datetime:
    """Return the instant on the tenant's clock of the state that a reading unit sees: what is "now" in it, for ever.

    Whatever is written later has a later one. It is the last write's; `Units.settle` brings it up to the present.
    """
    ticked_us = (await session.execute(select(TenantClock.ticked_us))).scalar_one()  # type: ignore[call-overload]  # SQLModel types columns as values
    return _EPOCH + timedelta(microseconds=ticked_us)
