"""How outcomes develop: forecasts, bands, coverage and age of measurements, status, and roll-ups to objectives."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain import ids
from app.domain.figure import Override
from app.domain.metrics.catalogue import evaluate
from app.models.days import first_day
from app.models.forecasts import StatusOverride
from app.models.kpis import Cadence
from app.models.outcomes import Outcome
from app.models.people import Person
from app.services import readings
from app.services.inputs._cuts import MEASURED, STATE
from app.services.inputs._outcomes import with_kpis
from app.services.inputs._provider import BUCKETS, Given, Link, Place, Provider, Scope, bucket_end
from app.services.inputs.attainment import Attained, series
from app.services.readings import Reading
from app.services.versions import rows_at

_CADENCE_DAYS = {Cadence.DAY: 1, Cadence.WEEK: 7, Cadence.MONTH: 31, Cadence.QUARTER: 92, Cadence.YEAR: 366}
"""The longest distance of two ends of periods."""

_PERIODS_MOST = 4000
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Course:
    """An outcome with every reading of it, in order of time."""

    now: Attained
    readings: Sequence[Reading] = field(default=())
    override: Override | None = None
    span: tuple[date, date] | None = None
    """The bucket of time that is looked at: its first day and the day after its last; None: all of it."""

    def day(self, scope: Scope) -> date:
        """Return the present of it: today, or the last day of its bucket."""
        return scope.today if self.span is None else min(scope.today, self.span[1] - _DAY)

    @property
    def confirmed(self) -> list[Reading]:
        """The readings that are not provisional."""
        return [each for each in self.readings if not each.provisional]

    def due_periods(self, today: date) -> list[date]:
        """Return the first days of the periods, by the KPI's cadence, that are over and belong to the outcome."""
        outcome, cadence = self.now.outcome, str(self.now.kpi.cadence)
        if outcome.starts_on is None:
            return []
        until = min(today, outcome.due_on or today)
        found: list[date] = []
        start = first_day(outcome.starts_on, cadence)
        if start < outcome.starts_on:
            start = bucket_end(start, cadence)
        while bucket_end(start, cadence) <= until and len(found) < _PERIODS_MOST:
            if self.span is None or self.span[0] < bucket_end(start, cadence) <= self.span[1]:
                found.append(start)
            start = bucket_end(start, cadence)
        return found

    def by_period(self, *, confirmed: bool) -> dict[date, Decimal]:
        """Return the value of each period of the cadence by its first day."""
        cadence = str(self.now.kpi.cadence)
        listed = self.confirmed if confirmed else self.readings
        return {first_day(each.period_start, cadence): each.value for each in listed}

    def on(self, day: date | None) -> Reading | None:
        """Return the confirmed reading of the period that holds a day, or ends on it."""
        holding = [each for each in self.confirmed if day is not None and each.period_start <= day <= each.period_end]
        return holding[0] if holding else None

    def at_due(self) -> Decimal | None:
        """Return the confirmed value at the due day."""
        reading = self.on(self.now.outcome.due_on)
        return None if reading is None else reading.value

    def given(self, values: Mapping[str, Any], name: str, **said: Any) -> Given:
        """Return inputs; the input `name` was read from the measurements."""
        behind = [Link("measurement", one) for each in self.readings for one in each.measurement_ids]
        return Given(values, links={name: behind} if behind else {}, about=self.now.about, **said)


async def load(session: AsyncSession, scope: Scope) -> Mapping[Place, Course]:
    """Return the course of each outcome; of its segments, that of each org unit, and up to each bucket's end."""
    if scope.by:
        return await _segments(session, scope)
    said = await _overrides(session, scope)
    return {
        (outcome_id, ()): replace(each, override=said.get(outcome_id))
        for outcome_id, each in (await courses(session, scope, scope.ids)).items()
    }


async def _segments(session: AsyncSession, scope: Scope) -> Mapping[Place, Course]:
    found: dict[Place, Course] = {}
    for (outcome, kpi), units in await series(session, scope):
        for unit, listed in units.items():
            whole = Course(Attained(outcome, kpi, listed[-1] if listed else None), listed)
            for span in _spans(whole, scope):
                mine = [each for each in listed if span is None or each.period_end <= span[1]]
                labels = tuple(unit if each == "org_unit" or span is None else span[0] for each in scope.by)
                found[outcome.id, labels] = Course(Attained(outcome, kpi, mine[-1] if mine else None), mine, span=span)
    return found


def _spans(found: Course, scope: Scope) -> list[tuple[date, date] | None]:
    """Return the buckets inside the time asked for in which a period of the KPI ends; without buckets, all of time."""
    bucket = scope.bucket
    if bucket is None:
        return [None]
    cadence = str(found.now.kpi.cadence)
    ends = [bucket_end(start, cadence) for start in found.due_periods(scope.today)]
    starts = {first_day(end - _DAY, bucket) for end in (*ends, *(each.period_end for each in found.readings))}
    return [
        (start, bucket_end(start, bucket))
        for start in sorted(starts)
        if (scope.since is None or start >= scope.since) and (scope.until is None or start < scope.until)
    ]


async def _overrides(session: AsyncSession, scope: Scope) -> dict[UUID, Override]:
    """Return what people say that the status of outcomes is today: of several the one that began last."""
    table = rows_at(session, StatusOverride, scope.as_of)
    in_force = (table.c.from_on <= scope.today) & (table.c.to_on.is_(None) | (table.c.to_on > scope.today))
    statement = select(table).where(table.c.outcome_id.in_(scope.ids), in_force)
    return {
        row.outcome_id: Override(
            id=ids.encode(StatusOverride.prefix, row.id),
            value=row.status,
            reason=row.reason,
            author_id=ids.encode(Person.prefix, row.author_id),
            start=row.from_on,
            end=row.to_on,
        )
        for row in await session.execute(statement.order_by(table.c.from_on, table.c.recorded_at, table.c.id))
    }


async def courses(session: AsyncSession, scope: Scope, outcome_ids: Sequence[UUID]) -> dict[UUID, Course]:
    """Return the courses of outcomes by id; three queries."""
    pairs = await with_kpis(session, outcome_ids, scope.as_of)
    listed = list(pairs.values())
    found = await readings.series_of_outcomes(session, listed, as_of=scope.as_of, today=scope.today)
    return {
        outcome.id: Course(Attained(outcome, kpi, each[-1] if each else None), each)
        for (outcome, kpi), each in zip(listed, found, strict=True)
    }


def _maintain(found: Course, scope: Scope) -> Given | None:
    outcome = found.now.outcome
    if not found.now.maintains:
        return None
    values = found.by_period(confirmed=False)
    periods = [{"value": _text(values.get(start))} for start in found.due_periods(scope.today)]
    band = {"low": outcome.target_low, "high": outcome.target_high}
    return found.given({"periods": periods, **band}, "periods")


def _coverage(found: Course, scope: Scope) -> Given:
    due, values = found.due_periods(scope.today), found.by_period(confirmed=True)
    inputs = {"due": len(due), "confirmed": sum(start in values for start in due)}
    return found.given(inputs, "confirmed")


def _staleness(found: Course, scope: Scope) -> Given:
    """Return how old the newest value is: it occurred when its period ended, in the KPI's zone."""
    newest = None
    if found.readings:
        zone = ZoneInfo(found.now.kpi.zone)
        newest = datetime.combine(found.readings[-1].period_end, time.min, zone)
    return found.given({"now": scope.now, "newest_occurred_at": newest}, "newest_occurred_at")


def _points(found: Course) -> list[dict[str, Any]]:
    since = found.now.outcome.starts_on
    return [
        {"on": min(each.period_end, found.now.outcome.due_on or each.period_end), "value": each.value}
        for each in found.confirmed
        if since is None or each.period_end > since
    ]


def _forecast(found: Course, _scope: Scope) -> Given | None:
    outcome = found.now.outcome
    if found.now.maintains:
        return None
    window = {"start_on": outcome.starts_on, "due_on": outcome.due_on, "kpi_unit": found.now.kpi.unit}
    return found.given({"points": _points(found), **window}, "points")


def _projected(found: Course, _scope: Scope) -> Given | None:
    outcome = found.now.outcome
    if found.now.maintains:
        return None
    _, target, caveats = found.now.target()
    window = {"start_on": outcome.starts_on, "due_on": outcome.due_on, "direction": str(found.now.kpi.direction)}
    return found.given({"points": _points(found), "target": target, **window}, "points", caveats=caveats)


def _status(found: Course, scope: Scope) -> Given:
    """Return the status of an outcome by the thresholds of the tenant; its kind follows from the target's."""
    outcome, newest = found.now.outcome, found.now.reading
    limits = {name: getattr(scope.settings, name) for name in ("on_track_at", "at_risk_at", "stale_after")}
    observed = {
        "due_on": outcome.due_on,
        "on": found.day(scope),
        "current": found.now.current,
        "measured_on": None if newest is None else newest.period_end,
        "cadence_days": _CADENCE_DAYS[Cadence(found.now.kpi.cadence)],
        "confirmed_at_due": found.at_due(),
    }
    provisional = "the newest measurement is provisional" if newest is not None and newest.provisional else None
    beside = {"provisional": provisional, "override": found.override}
    parameters = {name: _text(value) for name, value in limits.items() if value is not None}
    if found.now.maintains:
        values = found.by_period(confirmed=False)
        seen = [values[start] for start in found.due_periods(scope.today) if start in values]
        inside = sum(_holds(outcome, value) for value in seen)
        band = {"low": outcome.target_low, "high": outcome.target_high}
        counts = {"periods_inside": inside, "periods_observed": len(seen)}
        chosen = {"kind": "maintain", **parameters}
        return found.given({**band, **counts, **observed}, "current", parameters=chosen, **beside)
    plan, caveats = found.now.plan()
    inputs = {**plan, **observed, "direction": str(found.now.kpi.direction)}
    chosen = {"kind": "change", **parameters}
    return found.given(inputs, "current", parameters=chosen, caveats=caveats, **beside)


def _holds(outcome: Outcome, value: Decimal) -> bool:
    low, high = outcome.target_low, outcome.target_high
    return (low is None or value >= low) and (high is None or value <= high)


def _text(value: Decimal | None) -> str | None:
    return None if value is None else format(value, "f")


def progress_of(found: Course, scope: Scope) -> Decimal | None:
    """Return the progress of an outcome, unrounded parts aside; of a maintain outcome the share of periods inside."""
    if found.now.maintains:
        given = _maintain(found, scope)
        value = None if given is None else evaluate("maintain_attainment", given.inputs).value
        return value if isinstance(value, Decimal) else None
    baseline, target, _ = found.now.target()
    current = found.now.current
    if baseline is None or target is None or current is None or target == baseline:
        return None
    return (current - baseline) / (target - baseline)


_LINE = "a line is drawn through all points up to an instant: ask with as_of for another one"

PROVIDERS = (
    Provider(
        metrics={
            "maintain_attainment": _maintain,
            "measurement_coverage": _coverage,
            "ttl": _staleness,
            "forecast_at_due": _forecast,
            "projected_date": _projected,
            "status": _status,
        },
        kinds=frozenset({"outcome"}),
        load=load,
        by=frozenset({"org_unit", *BUCKETS}),
        refused=MEASURED,
        apart={
            "ttl": dict.fromkeys(BUCKETS, STATE),
            **dict.fromkeys(("forecast_at_due", "projected_date"), dict.fromkeys(BUCKETS, _LINE)),
        },
    ),
)
