"""How far outcomes have come: targets, measurements, plan, pace and status."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.attainment import Direction, Target, TargetKind, resolve_target
from app.domain.errors import Invalid
from app.domain.figure import Caveat, Period
from app.models.days import first_day
from app.models.kpis import Kpi
from app.models.outcomes import Outcome
from app.services import readings
from app.services.inputs._cuts import MEASURED
from app.services.inputs._outcomes import with_kpis
from app.services.inputs._provider import BUCKETS, Given, Label, Link, Place, Provider, Scope, bucket_end
from app.services.readings import Reading


@dataclass(frozen=True, slots=True)
class Attained:
    """An outcome with its KPI and the newest reading of it; None where nothing was measured."""

    outcome: Outcome
    kpi: Kpi
    reading: Reading | None

    @property
    def current(self) -> Decimal | None:
        """The newest value."""
        return None if self.reading is None else self.reading.value

    def day(self, scope: Scope) -> date:
        """Return the day on which it is held against the plan: today, or the last of the bucket that it lies in."""
        if scope.bucket is None or self.reading is None:
            return scope.today
        first = first_day(self.reading.period_end - timedelta(days=1), scope.bucket)
        return min(scope.today, bucket_end(first, scope.bucket) - timedelta(days=1))

    @property
    def maintains(self) -> bool:
        """Whether the KPI is to stay in a band, so that there is nothing to come to."""
        return str(self.outcome.target_kind) == TargetKind.MAINTAIN.value

    def target(self) -> tuple[Decimal | None, Decimal | None, tuple[Caveat, ...]]:
        """Return baseline and target in the KPI's unit, None with the reason where there is no usable target."""
        stated = Target(
            TargetKind(self.outcome.target_kind),
            Direction(self.kpi.direction),
            value=self.outcome.target,
            low=self.outcome.target_low,
            high=self.outcome.target_high,
        )
        notes: tuple[Caveat, ...] = ()
        if self.outcome.baselines:
            last = self.outcome.baselines[-1]
            said = f"Counted from a baseline that was replaced from {last['from_on']} on: {last['reason']}"
            notes = (Caveat("rebaselined", said),)
        try:
            resolved = resolve_target(stated, self.outcome.baseline)
        except Invalid as error:
            return self.outcome.baseline, None, (*notes, Caveat("target_unusable", error.detail))
        return resolved.baseline, resolved.value, notes

    def plan(self) -> tuple[dict[str, Any], tuple[Caveat, ...]]:
        """Return the inputs that say what was planned by when, and what is said of an unusable target."""
        baseline, target, caveats = self.target()
        outcome = self.outcome
        inputs = {
            "baseline": baseline,
            "target": target,
            "start_on": outcome.starts_on,
            "due_on": outcome.due_on,
            "lag_days": outcome.lag_days,
            "period_targets": outcome.period_targets or [],
        }
        return inputs, caveats

    @property
    def about(self) -> tuple[Link, ...]:
        """The outcome and its KPI, which say what is aimed at, by when, and how it is measured."""
        return (Link("outcome", self.outcome.id, self.outcome.version), Link("kpi", self.kpi.id, self.kpi.version))

    def given(self, values: Mapping[str, Any], *caveats: Caveat) -> Given:
        """Return inputs with what every figure of the reading says."""
        links = {"baseline": [Link("outcome", self.outcome.id, self.outcome.version)]}
        reading = self.reading
        if reading is None:
            return Given(values, caveats=caveats, links=links, about=self.about)
        links["current"] = [Link("measurement", each) for each in reading.measurement_ids]
        return Given(
            values,
            caveats=(*caveats, *reading.caveats),
            period=Period(reading.period_start, reading.period_end, self.kpi.zone),
            provisional="the newest measurement is provisional" if reading.provisional else None,
            links=links,
            about=self.about,
        )


async def load(session: AsyncSession, scope: Scope) -> Mapping[Place, Attained]:
    """Return what is known of each outcome; of its segments, the newest reading of each."""
    if scope.by:
        return await _segments(session, scope)
    pairs = await with_kpis(session, scope.ids, scope.as_of)
    found = await readings.of_outcomes(session, list(pairs.values()), as_of=scope.as_of, today=scope.today)
    return {
        (outcome_id, ()): Attained(outcome, kpi, reading)
        for (outcome_id, (outcome, kpi)), reading in zip(pairs.items(), found, strict=True)
    }


async def _segments(session: AsyncSession, scope: Scope) -> Mapping[Place, Attained]:
    """Return what is known of each outcome by the org unit that was measured and the bucket in which a period ends."""
    found: dict[Place, Attained] = {}
    for (outcome, kpi), units in await series(session, scope):
        for unit, each in units.items():
            for reading in each:
                labels = _labels(scope, unit, reading)
                if labels is not None:
                    found[outcome.id, labels] = Attained(outcome, kpi, reading)
    return found


async def series(
    session: AsyncSession, scope: Scope
) -> list[tuple[tuple[Outcome, Kpi], Mapping[UUID | None, list[Reading]]]]:
    """Return the readings of each outcome in order of time: by org unit where scopes are cut so, else under None."""
    pairs = await with_kpis(session, scope.ids, scope.as_of)
    listed = list(pairs.values())
    if "org_unit" in scope.by:
        by_unit = await readings.series_by_unit(session, listed, as_of=scope.as_of, today=scope.today)
        return [(pair, dict(each.items())) for pair, each in zip(listed, by_unit, strict=True)]
    whole = await readings.series_of_outcomes(session, listed, as_of=scope.as_of, today=scope.today)
    return [(pair, {None: each}) for pair, each in zip(listed, whole, strict=True)]


def _labels(scope: Scope, unit: UUID | None, reading: Reading) -> tuple[Label, ...] | None:
    """Return the segment of a reading, which lies in time where its period ends; None: outside the time asked for."""
    last = reading.period_end - timedelta(days=1)
    if (scope.since is not None and last < scope.since) or (scope.until is not None and last >= scope.until):
        return None
    return tuple(unit if each == "org_unit" else first_day(last, each) for each in scope.by)


def _progress(found: Attained, _scope: Scope) -> Given:
    baseline, target, caveats = found.target()
    return found.given({"baseline": baseline, "target": target, "current": found.current}, *caveats)


def _improvement_abs(found: Attained, _scope: Scope) -> Given:
    values = {"baseline": found.outcome.baseline, "current": found.current, "direction": str(found.kpi.direction)}
    return found.given(values | {"kpi_unit": found.kpi.unit})


def _improvement_rel(found: Attained, _scope: Scope) -> Given:
    values = {"baseline": found.outcome.baseline, "current": found.current, "direction": str(found.kpi.direction)}
    return found.given(values)


def _plan_value(found: Attained, scope: Scope) -> Given | None:
    if found.maintains:
        return None
    inputs, caveats = found.plan()
    values = inputs | {"on": found.day(scope), "kpi_unit": found.kpi.unit}
    return Given(values, caveats=caveats, about=found.about)


def _pace(found: Attained, scope: Scope) -> Given | None:
    if found.maintains:
        return None
    inputs, caveats = found.plan()
    return found.given(inputs | {"on": found.day(scope), "current": found.current}, *caveats)


PROVIDERS = (
    Provider(
        metrics={
            "progress": _progress,
            "improvement_abs": _improvement_abs,
            "improvement_rel": _improvement_rel,
        },
        kinds=frozenset({"outcome"}),
        load=load,
        by=frozenset({"org_unit", *BUCKETS}),
        refused=MEASURED,
    ),
    Provider(
        metrics={"plan_value": _plan_value, "pace_index": _pace},
        kinds=frozenset({"outcome"}),
        load=load,
        by=frozenset({"org_unit", *BUCKETS}),
        refused=MEASURED,
        apart={"plan_value": {"org_unit": "a plan is of the outcome as a whole, the same for each of its org units"}},
    ),
)
