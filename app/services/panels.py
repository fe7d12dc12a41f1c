"""Panels from stored facts: what an initiative's units were measured at, and since when they were exposed.

Exposure is the offer: the day on which the audience was offered or assigned the learning, never a completion
(decisions.md, "Causal exposure"). A unit is the subject of the KPI's measurements: an org unit, exposed where anybody
worked who was offered it, or a person.
"""

import hashlib
import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import distinct, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain import ids
from app.models.effect_options import ExposureChoice
from app.models.kpis import Measurement, MeasurementStatus, SubjectKind
from app.services import offers
from app.services.offers import Offers
from app.services.readings import value_of
from app.services.versions import rows_at

PREFIX = {SubjectKind.ORG_UNIT: "org", SubjectKind.PERSON: "per"}


@dataclass(frozen=True, slots=True)
class Observation:
    """One unit in one period: its value, and the day since which it was exposed (None: never).

    `cluster` names the org unit in which exposure was assigned, where that is not the unit itself.
    """

    unit_id: UUID
    unit: str
    period_start: date
    period_end: date
    value: Decimal
    exposed_on: date | None
    cluster: str | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """The observations of one outcome and one initiative, in order of unit and period."""

    unit_kind: str
    rows: tuple[Observation, ...]

    @property
    def periods(self) -> list[date]:
        """The first days of the periods, in order."""
        return sorted({row.period_start for row in self.rows})

    def first_exposed(self) -> list[str | None]:
        """Return per row the label of its unit's first exposed period: the first that ends after the offer."""
        since = {None: None} | {day: self.period_after(day) for day in {row.exposed_on for row in self.rows} if day}
        return [None if (start := since[row.exposed_on]) is None else start.isoformat() for row in self.rows]

    def period_after(self, day: date) -> date | None:
        """Return the first day of the first period that ends after `day`; None if none does."""
        return min((row.period_start for row in self.rows if row.period_end > day), default=None)

    def sha256(self) -> str:
        """Return the hash of the observations: equal hashes are equal data."""
        plain = [
            [row.unit, str(row.period_start), f"{row.value:f}", str(row.exposed_on), row.cluster] for row in self.rows
        ]
        return hashlib.sha256(json.dumps(plain).encode()).hexdigest()


async def of_many(
    session: AsyncSession,
    pairs: Sequence[tuple[UUID, UUID]],
    *,
    as_of: datetime | None,
    exposure: ExposureChoice = ExposureChoice.OFFERED,
) -> list[Facts]:
    """Return the facts of each (initiative, KPI), in order; the queries do not grow with their number.

    Units are org units where the KPI is measured for any, else persons.
    """
    measured: dict[UUID, list[Any]] = {}
    for row in await _measured(session, {kpi_id for _, kpi_id in pairs}, as_of):
        measured.setdefault(row.kpi_id, []).append(row)
    offered = await offers.of_many(session, {initiative_id for initiative_id, _ in pairs}, as_of, exposure)
    return [_facts(measured.get(kpi_id, []), offered[initiative_id]) for initiative_id, kpi_id in pairs]


async def measured_of(session: AsyncSession, kpi_id: UUID, *, as_of: datetime | None) -> Facts:
    """Return a KPI's units and values, whoever was offered what: none is exposed."""
    return _facts(await _measured(session, {kpi_id}, as_of), Offers({}, {}))


async def count_units(session: AsyncSession, kpi_id: UUID) -> int:
    """Return how many units a KPI is measured for."""
    table = rows_at(session, Measurement, None)
    counts = (
        select(func.count(distinct(table.c.subject_id)))
        .where(table.c.kpi_id == kpi_id, *_in_use(table))
        .group_by(table.c.subject_kind)
    )
    return max(await session.scalars(counts), default=0)


def _facts(measured: Sequence[Any], offered: Offers) -> Facts:
    kinds = {row.subject_kind for row in measured}
    kind = SubjectKind.ORG_UNIT if SubjectKind.ORG_UNIT in kinds else SubjectKind.PERSON
    since = offered.of_kind(kind)
    rows = tuple(
        Observation(
            row.subject_id,
            ids.encode(PREFIX[kind], row.subject_id),
            row.period_start,
            row.period_end,
            value_of(row.value, row.numerator, row.denominator),
            since.get(row.subject_id),
        )
        for row in measured
        if row.subject_kind == kind
    )
    return Facts(kind.value, rows)


async def _measured(session: AsyncSession, kpi_ids: Collection[UUID], as_of: datetime | None) -> Sequence[Any]:
    table = rows_at(session, Measurement, as_of)
    statement = (
        select(table)
        .where(table.c.kpi_id.in_(kpi_ids), *_in_use(table))
        .order_by(table.c.subject_id, table.c.period_start, table.c.period_end)
    )
    return (await session.execute(statement)).all()


def _in_use(table: Any) -> tuple[Any, ...]:
    return table.c.subject_kind != SubjectKind.TENANT, table.c.status != MeasurementStatus.VOIDED


def cells(facts: Facts) -> dict[str, Sequence[Decimal]] | None:
    """Return the four cells of a difference in differences around the first offer, or None without such periods.

    Before is the last period that ends by the first offer, after the first period that ends later; only units observed
    in both count, and units exposed later than that are in the comparison group.
    """
    offered = [row.exposed_on for row in facts.rows if row.exposed_on is not None]
    ends = sorted({(row.period_end, row.period_start) for row in facts.rows})
    before = [(start, end) for end, start in ends if offered and end <= min(offered)]
    after = [(start, end) for end, start in ends if offered and end > min(offered)]
    if not before or not after:
        return None
    start, end = after[0]
    values = {(row.unit, row.period_start, row.period_end): row for row in facts.rows}
    found: dict[str, list[Decimal]] = {
        f"{group}_{time}": [] for group in ("treated", "control") for time in ("before", "after")
    }
    for unit in dict.fromkeys(row.unit for row in facts.rows):
        first, second = values.get((unit, *before[-1])), values.get((unit, start, end))
        if first is None or second is None:
            continue
        group = "treated" if second.exposed_on is not None and second.exposed_on < end else "control"
        found[f"{group}_before"].append(first.value)
        found[f"{group}_after"].append(second.value)
    return dict(found)
