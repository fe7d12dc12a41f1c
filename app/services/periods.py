"""Periods of one KPI and subject lie apart, or are the same one written again: no two values of a day contradict."""

from bisect import bisect_left, insort
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from sqlalchemy import select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from app.domain.errors import Fault
from app.models.kpis import Measurement, MeasurementStatus
from app.services.batches import CHUNK, Item

Key = tuple[UUID, str, UUID, date, date]
"""(KPI, subject kind, subject, first day, day after the last): what a measurement is found by."""

_About = tuple[UUID, str, UUID]


@dataclass(slots=True)
class _Taken:
    """The periods of one KPI and subject as ordinals of their days, in order; none is longer than `longest` days."""

    periods: list[tuple[int, int]] = field(default_factory=list)
    longest: int = 0

    def other(self, start: int, end: int) -> tuple[int, int] | None:
        """Return a period that shares a day with `[start, end)` and is another one."""
        first = bisect_left(self.periods, (start - self.longest, 0))
        near = self.periods[first : bisect_left(self.periods, (end, 0))]
        return next((each for each in near if each[1] > start and each != (start, end)), None)

    def add(self, start: int, end: int) -> None:
        """Take a period."""
        insort(self.periods, (start, end))
        self.longest = max(self.longest, end - start)


async def refuse_overlaps(session: AsyncSession, items: Sequence[Item[Key]]) -> None:
    """Refuse the items whose period shares days with another one, recorded or of an earlier item; voided ones free it.

    One statement for each 500 pairs of KPI and subject. The unit holds the tenant's clock: nobody else records
    meanwhile.
    """
    wanted = [(item, item.key) for item in items if item.key is not None and not item.faults]
    if not wanted:
        return
    taken = await _taken(session, [key for _, key in wanted])
    for item, (kpi_id, kind, subject_id, first, after) in wanted:
        here = taken.setdefault((kpi_id, kind, subject_id), _Taken())
        start, end = first.toordinal(), after.toordinal()
        other = here.other(start, end)
        if other is None:
            here.add(start, end)
            continue
        said = " to ".join(date.fromordinal(day).isoformat() for day in other)
        detail = (
            f"overlaps {said}, of which there is a value: periods of one KPI and subject are apart or the same; "
            "correct that value, or void it first"
        )
        item.faults.append(Fault("overlapping_period", detail, pointer="/period_start"))


async def _taken(session: AsyncSession, keys: Iterable[Key]) -> dict[_About, _Taken]:
    """Return the periods in force near those of the keys."""
    wanted = list(keys)
    about = sorted({key[:3] for key in wanted}, key=str)
    row = Measurement
    columns = (col(row.kpi_id), col(row.subject_kind), col(row.subject_id))
    found: dict[_About, _Taken] = {}
    for start in range(0, len(about), CHUNK):
        statement = select(*columns, col(row.period_start), col(row.period_end)).where(
            tuple_(*columns).in_(about[start : start + CHUNK]),
            col(row.period_start) < max(key[4] for key in wanted),
            col(row.period_end) > min(key[3] for key in wanted),
            col(row.archived_at).is_(None),
            col(row.status) != MeasurementStatus.VOIDED,
        )
        for kpi_id, kind, subject_id, first, after in await session.execute(statement):
            found.setdefault((kpi_id, kind, subject_id), _Taken()).add(first.toordinal(), after.toordinal())
    return found
