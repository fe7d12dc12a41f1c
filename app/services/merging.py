"""What was recorded about one person and belongs to another, as soon as both turn out to be the same."""

from collections.abc import Iterator
from functools import cache
from uuid import UUID

from sqlalchemy import Table, and_, case, exists, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import SQLModel

from app.domain.errors import Conflict
from app.models.history import VERSIONS
from app.models.kpis import Measurement, SubjectKind
from app.models.unit import unit_of
from app.services import changes
from app.services.versions import keep_rows

_MOVED_ELSEWHERE = frozenset({"identity", "enrolment", "audience_member", "org_membership"})
"""Names are linked and attempts folded anew; of audiences and the organisation the one who stays is a member."""


async def move_facts(session: AsyncSession, other_id: UUID, person_id: UUID) -> None:
    """Put a person in the place of another wherever a fact names that one: each row gets its next version.

    Earlier as-of answers still name both. Raises Conflict where both have a measurement of the same KPI and period.
    """
    for table, columns in _facts():
        await _move(session, table, columns, other_id, person_id)
    await _move_measurements(session, other_id, person_id)


@cache
def _facts() -> tuple[tuple[Table, tuple[str, ...]], ...]:
    """Return the historised tables whose rows name people, each with the columns that do."""
    return tuple((table, columns) for table, columns in _naming() if table.name not in _MOVED_ELSEWHERE)


def _naming() -> Iterator[tuple[Table, tuple[str, ...]]]:
    for name in sorted(VERSIONS):
        table = SQLModel.metadata.tables[name]
        keys = [key for key in table.foreign_key_constraints if key.referred_table.name == "person"]
        columns = sorted(column.name for key in keys for column in key.columns if column.name != "tenant_id")
        if columns:
            yield table, tuple(columns)


async def _move(session: AsyncSession, table: Table, columns: tuple[str, ...], other_id: UUID, person_id: UUID) -> None:
    theirs = and_(
        table.c.tenant_id == unit_of(session).tenant.id, or_(*(table.c[name] == other_id for name in columns))
    )
    rows = (await session.execute(select(table).where(theirs))).mappings().all()
    if not rows:
        return
    now = unit_of(session).tick()
    named = {name: case((table.c[name] == other_id, person_id), else_=table.c[name]) for name in columns}
    await session.execute(update(table).where(theirs).values(**named, version=table.c.version + 1, recorded_at=now))
    moved = [
        {**row, "version": row["version"] + 1, "recorded_at": now}
        | {name: person_id for name in columns if row[name] == other_id}
        for row in rows
    ]
    await keep_rows(session, table, moved)
    await changes.note_rows(session, table.name, moved, "updated")


async def _move_measurements(session: AsyncSession, other_id: UUID, person_id: UUID) -> None:
    table: Table = Measurement.__table__  # type: ignore[attr-defined]  # set by SQLModel on table classes
    mine = table.alias("mine")
    of_people = and_(table.c.tenant_id == unit_of(session).tenant.id, table.c.subject_kind == SubjectKind.PERSON)
    names = ("tenant_id", "kpi_id", "subject_kind", "period_start", "period_end")
    same = exists().where(mine.c.subject_id == person_id, *(mine.c[name] == table.c[name] for name in names))
    if await session.scalar(select(table.c.id).where(of_people, table.c.subject_id == other_id, same).limit(1)):
        raise Conflict(
            "Both have a value of the same KPI and period: a person has one. Record them for one of the two."
        )
    await _move(session, table, ("subject_id",), other_id, person_id)
