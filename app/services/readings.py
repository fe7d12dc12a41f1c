"""What KPIs stand at: the newest values of outcomes' subjects, three queries for any number of outcomes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.figure import Caveat
from app.models.kpis import Aggregation, Kpi, Measurement, MeasurementStatus, SubjectKind
from app.models.outcomes import Outcome
from app.services.versions import rows_at


@dataclass(frozen=True, slots=True)
class Reading:
    """A KPI's newest value for one subject: over which period, from how many subjects, how sure."""

    value: Decimal
    period_start: date
    period_end: date
    subjects: int
    provisional: bool
    measurement_ids: tuple[UUID, ...]
    caveats: tuple[Caveat, ...] = ()


async def of_outcomes(
    session: AsyncSession, outcomes: Sequence[tuple[Outcome, Kpi]], *, as_of: datetime | None, today: date
) -> list[Reading | None]:
    """Return the newest reading of each outcome, in order; None where nothing was measured.

    An outcome of an org unit reads that unit's values. One of the tenant reads the tenant's own values; where there
    are none, it aggregates its org units' values of the newest period as the KPI says.
    """
    rows = await _newest(session, outcomes, as_of=as_of, today=today)
    units = await _units_measured(session, {kpi.id for _, kpi in outcomes}, as_of)
    return [_reading(outcome, kpi, rows, units.get(kpi.id, 0)) for outcome, kpi in outcomes]


async def series_of_outcomes(
    session: AsyncSession, outcomes: Sequence[tuple[Outcome, Kpi]], *, as_of: datetime | None, today: date
) -> list[list[Reading]]:
    """Return every reading of each outcome, in order of time; one query. Whose values are read: see `of_outcomes`."""
    rows = await _all(session, {kpi.id for _, kpi in outcomes}, as_of=as_of, today=today)
    return [_series(outcome.org_unit_id, kpi, rows.get(kpi.id, [])) for outcome, kpi in outcomes]


async def series_by_unit(
    session: AsyncSession, outcomes: Sequence[tuple[Outcome, Kpi]], *, as_of: datetime | None, today: date
) -> list[dict[UUID, list[Reading]]]:
    """Return every reading of each outcome's KPI by the org unit measured, in order of time; one query."""
    rows = await _all(session, {kpi.id for _, kpi in outcomes}, as_of=as_of, today=today)
    found: list[dict[UUID, list[Reading]]] = []
    for _, kpi in outcomes:
        mine = rows.get(kpi.id, [])
        units = sorted({row.subject_id for row in mine if row.subject_kind == SubjectKind.ORG_UNIT})
        found.append({unit: _series(unit, kpi, mine) for unit in units})
    return found


async def _all(
    session: AsyncSession, kpi_ids: set[UUID], *, as_of: datetime | None, today: date
) -> dict[UUID, list[Row[Any]]]:
    """Return the values of the tenant and of org units of each KPI, in order of time."""
    table = rows_at(session, Measurement, as_of)
    statement = (
        select(table)
        .where(
            table.c.kpi_id.in_(kpi_ids),
            table.c.subject_kind != SubjectKind.PERSON,
            table.c.status != MeasurementStatus.VOIDED,
            table.c.period_end <= today,
        )
        .order_by(table.c.period_end, table.c.period_start, table.c.subject_id)
    )
    found: dict[UUID, list[Row[Any]]] = {}
    for row in await session.execute(statement):
        found.setdefault(row.kpi_id, []).append(row)
    return found


def _series(org_unit_id: UUID | None, kpi: Kpi, rows: Sequence[Row[Any]]) -> list[Reading]:
    units = [row for row in rows if row.subject_kind == SubjectKind.ORG_UNIT]
    own = [row for row in rows if row.subject_kind == SubjectKind.TENANT]
    if org_unit_id is not None:
        mine, expected = [row for row in units if row.subject_id == org_unit_id], 1
    else:
        mine, expected = (own, 1) if own else (units, len({row.subject_id for row in units}))
    periods: dict[tuple[date, date], list[Row[Any]]] = {}
    for row in mine:
        periods.setdefault((row.period_end, row.period_start), []).append(row)
    combined = [_combined(kpi, each, expected) for each in periods.values()]
    return [each for each in combined if each is not None]


def value_of(value: Decimal | None, numerator: Decimal | None, denominator: Decimal | None) -> Decimal:
    """Return the value of a measurement, given as such or as a ratio."""
    if value is not None:
        return value
    if numerator is None or not denominator:
        raise ValueError("a measurement has a value, or a numerator and a denominator above zero")
    return numerator / denominator


async def _newest(
    session: AsyncSession, outcomes: Sequence[tuple[Outcome, Kpi]], *, as_of: datetime | None, today: date
) -> dict[tuple[UUID, str, UUID | None], list[Row[Any]]]:
    """Return the newest values by (KPI, subject kind, None) and by (KPI, subject kind, subject)."""
    table = rows_at(session, Measurement, as_of)
    wanted = [
        table.c.kpi_id.in_({kpi.id for _, kpi in outcomes}),
        table.c.status != MeasurementStatus.VOIDED,
        table.c.period_end <= today,
    ]
    units = {outcome.org_unit_id for outcome, _ in outcomes if outcome.org_unit_id is not None}
    found: dict[tuple[UUID, str, UUID | None], list[Row[Any]]] = {}
    for scope, extra, keyed in (
        ((table.c.kpi_id, table.c.subject_kind), table.c.subject_kind != SubjectKind.PERSON, False),
        ((table.c.kpi_id, table.c.subject_id), table.c.subject_id.in_(units), True),
    ):
        for row in await session.execute(_latest(table, scope, [*wanted, extra])):
            key = (row.kpi_id, row.subject_kind, row.subject_id if keyed else None)
            found.setdefault(key, []).append(row)
    return found


async def _units_measured(session: AsyncSession, kpi_ids: set[UUID], as_of: datetime | None) -> dict[UUID, int]:
    """Return how many org units were ever measured, by KPI."""
    table = rows_at(session, Measurement, as_of)
    statement = (
        select(table.c.kpi_id, func.count(func.distinct(table.c.subject_id)))
        .where(
            table.c.kpi_id.in_(kpi_ids),
            table.c.subject_kind == SubjectKind.ORG_UNIT,
            table.c.status != MeasurementStatus.VOIDED,
        )
        .group_by(table.c.kpi_id)
    )
    return {row[0]: row[1] for row in await session.execute(statement)}


def _latest(table: Any, scope: tuple[Any, ...], conditions: list[ColumnElement[bool]]) -> Any:
    order = (table.c.period_end.desc(), table.c.period_start.desc())
    ranked = select(table, func.rank().over(partition_by=scope, order_by=order).label("age")).where(*conditions)
    inner = ranked.subquery()
    return select(inner).where(inner.c.age == 1)


def _reading(
    outcome: Outcome, kpi: Kpi, rows: dict[tuple[UUID, str, UUID | None], list[Row[Any]]], units: int
) -> Reading | None:
    if outcome.org_unit_id is not None:
        return _combined(kpi, rows.get((kpi.id, SubjectKind.ORG_UNIT, outcome.org_unit_id), []), 1)
    own = rows.get((kpi.id, SubjectKind.TENANT, None), [])
    return _combined(kpi, own, 1) if own else _combined(kpi, rows.get((kpi.id, SubjectKind.ORG_UNIT, None), []), units)


def _combined(kpi: Kpi, rows: Sequence[Row[Any]], expected: int) -> Reading | None:
    """Return one value of several subjects' values in one period; ratios add numerators and denominators (G9).

    `expected` is how many subjects there could be; fewer are a caveat.
    """
    if not rows:
        return None
    values = [value_of(row.value, row.numerator, row.denominator) for row in rows]
    caveats: tuple[Caveat, ...] = ()
    if len(rows) == 1:
        combined = values[0]
    elif kpi.aggregation == Aggregation.SUM:
        combined = sum(values, Decimal(0))
    elif kpi.aggregation == Aggregation.RATIO and all(row.denominator for row in rows):
        combined = sum((row.numerator for row in rows), Decimal(0)) / sum((row.denominator for row in rows), Decimal(0))
    else:
        combined = sum(values, Decimal(0)) / len(values)
        detail = f"The mean of {len(rows)} org units, each counted once."
        caveats = (Caveat("mean_of_subjects", detail),)
    if len(rows) < expected:
        detail = f"Only {len(rows)} of the {expected} org units that were ever measured have a value for this period."
        caveats = (*caveats, Caveat("partial_coverage", detail))
    return Reading(
        value=combined,
        period_start=rows[0].period_start,
        period_end=rows[0].period_end,
        subjects=len(rows),
        provisional=any(row.status == MeasurementStatus.PROVISIONAL for row in rows),
        measurement_ids=tuple(sorted(row.id for row in rows)),
        caveats=caveats,
    )
