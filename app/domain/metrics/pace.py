"""Where an outcome should be by now, and whether it is: plan value, pace and status (metrics.md, section 4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from app.domain.attainment import Direction, ResolvedTarget, Window, window_faults
from app.domain.errors import Fault, Invalid
from app.domain.figure import Caveat, Figure, rounded, written
from app.domain.metrics.answers import Answer, caveat, inconsistent, not_applicable

ZERO, ONE = Decimal(0), Decimal(1)


class AttainmentStatus(StrEnum):
    """The words of the computed status; `met` and `missed` only from the due date on."""

    TOO_EARLY = "too_early"
    ON_TRACK = "on_track"
    AT_RISK = "at_risk"
    OFF_TRACK = "off_track"
    UNKNOWN = "unknown"
    MET = "met"
    MISSED = "missed"


@dataclass(frozen=True, slots=True)
class PeriodTarget:
    """A target of its own for the time from `from_on` until the next one begins."""

    from_on: date
    target: Decimal


@dataclass(frozen=True, slots=True)
class Override:
    """A status set by hand. It stands beside the computed one and never replaces it."""

    status: AttainmentStatus
    author: str
    reason: str
    at: datetime


def with_override(figure: Figure, override: Override) -> Figure:
    """Return the status figure with the manual status beside it; the computed value stays.

    Raises Invalid when author or reason is empty: an unexplained override is not kept.
    """
    faults = tuple(
        Fault("missing_field", f"an override needs its {name}", pointer=f"/{name}")
        for name, text in (("author", override.author), ("reason", override.reason))
        if not text.strip()
    )
    if faults:
        raise Invalid("an override names who set it and why", errors=faults)
    said = f"{override.status} by {override.author} at {override.at.isoformat()}: {override.reason}"
    return figure.with_caveats(Caveat("manual_override", said))


def elapsed_rate(window: Window, on: date) -> Decimal:
    """Return the share of the window after its lag that has passed on a date, 0..1. Raises Invalid for a bad window."""
    if faults := window_faults(window):
        raise Invalid(faults[0].detail, errors=faults)
    passed = (on - window.start_on).days - window.lag_days
    return min(max(Decimal(passed) / (window.days - window.lag_days), ZERO), ONE)


def planned(
    baseline: Decimal, target: Decimal, window: Window, on: date, periods: Sequence[PeriodTarget] = ()
) -> Decimal | None:
    """Return where the KPI should be on a date, in KPI units.

    With period targets it is the newest one begun, and None before the first; without, a straight line from the
    baseline at the end of the lag to the target at the due date.
    """
    if periods:
        begun = [period for period in periods if period.from_on <= on]
        return max(begun, key=lambda period: period.from_on).target if begun else None
    return baseline + (target - baseline) * elapsed_rate(window, on)


def plan_value(
    *,
    baseline: Decimal,
    target: Decimal,
    start_on: date,
    due_on: date,
    lag_days: int,
    on: date,
    period_targets: Sequence[PeriodTarget],
) -> Answer:
    """Return the planned value of the KPI on a date."""
    window = Window(start_on, due_on, lag_days)
    if faults := window_faults(window):
        return inconsistent(faults[0].detail)
    value = planned(baseline, target, window, on, period_targets)
    if value is None:
        return not_applicable("the first period with a target has not begun")
    return Answer(value=value, basis="period_targets" if period_targets else "straight_line_after_lag")


def pace_index(*, current: Decimal, baseline: Decimal, **plan: Any) -> Answer:
    """Return how much of the planned change has happened; the other inputs are those of `plan_value`."""
    answer = plan_value(baseline=baseline, **plan)
    if not isinstance(answer.value, Decimal):
        return answer
    if answer.value == baseline:
        return not_applicable("too early: no change is planned yet")
    pace = (current - baseline) / (answer.value - baseline)
    return Answer(value=pace, numerator=current - baseline, denominator=answer.value - baseline, basis=answer.basis)


@dataclass(frozen=True, slots=True)
class Observation:
    """What is known of the KPI `on` a date: newest confirmed value, its date, and the value confirmed for the end."""

    on: date
    current: Decimal | None
    measured_on: date | None
    cadence_days: int | None
    confirmed_at_due: Decimal | None

    def stale(self, factor: Decimal) -> bool:
        """Say whether the newest measurement is older than `factor` times the cadence."""
        if self.measured_on is None or self.cadence_days is None:
            return False
        return (self.on - self.measured_on).days > factor * self.cadence_days


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From which pace (or share of periods in the band) an outcome is on track or at risk; when data are stale."""

    on_track_at: Decimal
    at_risk_at: Decimal
    stale_after: Decimal

    def word(self, rate: Decimal) -> AttainmentStatus:
        """Return the status that a pace deserves."""
        if rate >= self.on_track_at:
            return AttainmentStatus.ON_TRACK
        return AttainmentStatus.AT_RISK if rate >= self.at_risk_at else AttainmentStatus.OFF_TRACK


def _said(word: AttainmentStatus, *notes: Caveat | None) -> Answer:
    return Answer(value=word.value).noting(*notes)


def _unjudgeable(seen: Observation, due_on: date, limits: Thresholds) -> Answer | None:
    """Return the status `unknown` with its reason where nothing can be judged."""
    if seen.on >= due_on:
        if seen.confirmed_at_due is None:
            return _said(
                AttainmentStatus.UNKNOWN, caveat("not_confirmed", "No value is confirmed for the due date yet.")
            )
    elif seen.current is None:
        return _said(AttainmentStatus.UNKNOWN, caveat("no_measurement", "Nothing has been measured yet."))
    elif seen.stale(limits.stale_after):
        old = f"The newest measurement is of {seen.measured_on}, older than {written(limits.stale_after)} cadences."
        return _said(AttainmentStatus.UNKNOWN, caveat("stale", old))
    return None


def status_of_change(
    *,
    direction: str,
    baseline: Decimal,
    target: Decimal,
    start_on: date,
    due_on: date,
    lag_days: int,
    period_targets: Sequence[PeriodTarget],
    on_track_at: Decimal,
    at_risk_at: Decimal,
    stale_after: Decimal,
    **observed: Any,
) -> Answer:
    """Return the status of an outcome that is to come from a baseline to a target."""
    seen = Observation(**observed)
    limits = Thresholds(on_track_at, at_risk_at, stale_after)
    window, sign = Window(start_on, due_on, lag_days), Direction(direction).sign
    if faults := window_faults(window):
        return inconsistent(faults[0].detail)
    if seen.on < due_on and (seen.on - start_on).days <= lag_days:
        return _said(AttainmentStatus.TOO_EARLY)
    if unknown := _unjudgeable(seen, due_on, limits):
        return unknown
    if seen.on >= due_on and seen.confirmed_at_due is not None:
        reached = sign * (seen.confirmed_at_due - target) >= 0
        return _said(AttainmentStatus.MET if reached else AttainmentStatus.MISSED)
    plan = planned(baseline, target, window, seen.on, period_targets)
    if plan is None or seen.current is None:
        return _said(AttainmentStatus.TOO_EARLY)
    return _against_plan(baseline, plan, seen.current, sign, limits)


def _against_plan(baseline: Decimal, plan: Decimal, current: Decimal, sign: int, limits: Thresholds) -> Answer:
    """Return the status by pace; where no change is planned, it is enough not to be worse than the plan."""
    if plan == baseline:
        holds = sign * (current - plan) >= 0
        return _said(AttainmentStatus.ON_TRACK if holds else AttainmentStatus.OFF_TRACK)
    pace = (current - baseline) / (plan - baseline)
    return _said(limits.word(pace), Caveat("pace", f"Pace {written(rounded(pace))} of plan {written(rounded(plan))}."))


def status_of_band(
    *,
    low: Decimal | None,
    high: Decimal | None,
    periods_inside: int,
    periods_observed: int,
    due_on: date,
    on_track_at: Decimal,
    at_risk_at: Decimal,
    stale_after: Decimal,
    **observed: Any,
) -> Answer:
    """Return the status of a maintain outcome: a present breach is off track, past breaches count by their share."""
    seen = Observation(**observed)
    limits = Thresholds(on_track_at, at_risk_at, stale_after)
    if (low is None and high is None) or periods_inside > periods_observed:
        return inconsistent("a band needs an end, and no more periods can be inside it than were observed")
    if unknown := _unjudgeable(seen, due_on, limits):
        return unknown
    value = seen.confirmed_at_due if seen.on >= due_on else seen.current
    inside = value is not None and ResolvedTarget(None, None, low, high).holds(value)
    rate = Decimal(periods_inside) / periods_observed if periods_observed else Decimal(inside)
    word = limits.word(rate) if inside else AttainmentStatus.OFF_TRACK
    if seen.on >= due_on:
        word = AttainmentStatus.MET if word is AttainmentStatus.ON_TRACK else AttainmentStatus.MISSED
    return replace(
        _said(word, caveat("breach_now", "The newest value lies outside the band.", when=not inside)),
        numerator=Decimal(periods_inside),
        denominator=Decimal(periods_observed),
    )
