"""The change feed: one entry for everything that changed, in the order of the tenant's clock."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Boolean, ColumnElement, insert, literal_column, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from app.domain import ids
from app.domain.errors import Fault, Invalid
from app.models.base import Noun, new_id
from app.models.learning import Enrolment
from app.models.tenancy import INDEXED_CHANGES, Change, ChangeRead
from app.models.unit import unit_of

_PREFIXES = {noun.replace(" ", "_"): prefix for prefix, noun in ids.PREFIXES.items()} | {
    "tenant_settings": "ten",
    "audience_member": "aud",
    "org_membership": "org",
}


async def note(session: AsyncSession, rows: Sequence[Noun], verb: str) -> None:
    """Append one entry for each row; all rows are of one noun."""
    if rows:
        told = [{"id": row.id, "version": row.version} for row in rows]
        await note_rows(session, str(rows[0].__tablename__), told, verb)


async def note_rows(session: AsyncSession, noun: str, rows: Sequence[Mapping[str, Any]], verb: str) -> None:
    """Append one entry for each row of a noun, of which `id` and `version` are needed."""
    await session.execute(insert(Change), entries_of(session, noun, rows, verb))


def entries_of(session: AsyncSession, noun: str, rows: Sequence[Mapping[str, Any]], verb: str) -> list[dict[str, Any]]:
    """Return one entry for each row, as the unit's next ones."""
    unit = unit_of(session)
    common = {
        "tenant_id": unit.tenant.id,
        "position": unit.position,
        "recorded_at": unit.tick(),
        "noun": noun,
        "verb": verb,
    }
    entries = [
        {**common, "id": new_id(), "ordinal": ordinal, "noun_id": row["id"], "version": row["version"]}
        for ordinal, row in enumerate(rows, unit.changes)
    ]
    unit.changes += len(entries)
    return entries


Place = tuple[int, int]
"""(position, ordinal) of an entry."""

Resource = tuple[str, UUID]
"""(prefix, id) of a row that changed."""

BEGINNING: Place = (0, -1)


async def newest(session: AsyncSession) -> Place:
    """Return the place of the last entry; the beginning where there is none."""
    statement = select(col(Change.position), col(Change.ordinal))
    row = (
        await session.execute(statement.order_by(col(Change.position).desc(), col(Change.ordinal).desc()).limit(1))
    ).first()
    return BEGINNING if row is None else (row[0], row[1])


async def after(session: AsyncSession, place: Place, limit: int, *, about: Sequence[Resource] = ()) -> list[Change]:
    """Return up to `limit` entries behind `place`, oldest first; with `about`, only those of these rows."""
    statement = select(Change).where(tuple_(col(Change.position), col(Change.ordinal)) > place)
    if about:
        statement = statement.where(*conditions(about))
    return list(await session.scalars(statement.order_by(col(Change.position), col(Change.ordinal)).limit(limit)))


def conditions(about: Sequence[Resource]) -> list[ColumnElement[bool]]:
    """Return what the entries about some rows meet; spelled so that the index of the feed by rows serves."""
    wanted: list[ColumnElement[bool]] = [col(Change.noun_id).in_([noun_id for _, noun_id in about])]
    folded = any(prefix == Enrolment.prefix for prefix, _ in about)
    return wanted if folded else [*wanted, literal_column(INDEXED_CHANGES, Boolean)]


def resources(texts: Sequence[str]) -> list[Resource]:
    """Return what public ids of anything that has changes name. Raises Invalid."""
    found = []
    for each in texts:
        prefix = ids.kind_of(each) or "obj"
        try:
            found.append((prefix, ids.decode(prefix, each)))
        except ValueError as error:
            fault = Fault("invalid_value", "is no public id of anything", parameter="resource_id")
            detail = f"resource_id takes public ids, as the feed shows them: {error}."
            raise Invalid(detail, errors=(fault,)) from error
    return found


def shown(row: Change) -> ChangeRead:
    """Return an entry in its Read shape."""
    return ChangeRead(
        id=row.id,
        type=f"{row.noun}.{row.verb}",
        resource_id=ids.encode(_PREFIXES[row.noun], row.noun_id),
        version=row.version,
        recorded_at=row.recorded_at,
    )
