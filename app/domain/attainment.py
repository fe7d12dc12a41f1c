"""Targets and how far an outcome has come: target kinds, contradictions, plan, pace and status (metrics.md, section 4).

Direction is explicit, nothing is clamped, and what is not known stays None. The vocabulary of targets:

absolute  the KPI is to come to `value` from its baseline (60 days down to 45)
relative  the KPI is to improve by `value` percent of the size of its baseline
points    the KPI is to improve by `value` of its own units (percentage points where the KPI is a percentage)
reach     like absolute, but the baseline may be left out: the count then starts from zero (500 people certified)
maintain  the KPI is to stay inside the band from `low` to `high`, both inclusive; one side may be open
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from app.domain.errors import Fault, Invalid
from app.domain.figure import arithmetic, rounded, written


class Direction(StrEnum):
    """Which way is better; `sign` is +1 or -1."""

    HIGHER = "higher_is_better"
    LOWER = "lower_is_better"

    @property
    def sign(self) -> int:
        """+1 when higher is better, -1 when lower is."""
        return 1 if self is Direction.HIGHER else -1


class TargetKind(StrEnum):
    """How a target is stated; the module docstring defines each."""

    ABSOLUTE = "absolute"
    RELATIVE = "relative"
    POINTS = "points"
    REACH = "reach"
    MAINTAIN = "maintain"


@dataclass(frozen=True, slots=True)
class Target:
    """A target as stated. `value` belongs to every kind but maintain, `low` and `high` to maintain alone."""

    kind: TargetKind
    direction: Direction
    value: Decimal | None = None
    low: Decimal | None = None
    high: Decimal | None = None


@dataclass(frozen=True, slots=True)
class ResolvedTarget:
    """A target in KPI units: from `baseline` to `value`, or the band `low`..`high` with neither of them."""

    baseline: Decimal | None
    value: Decimal | None
    low: Decimal | None = None
    high: Decimal | None = None

    def holds(self, current: Decimal) -> bool:
        """Say whether `current` lies inside the band; ends belong to it, an open side holds everything."""
        return (self.low is None or current >= self.low) and (self.high is None or current <= self.high)


@dataclass(frozen=True, slots=True)
class Window:
    """When an outcome is worked on: from `start_on` to `due_on` (local dates), no effect expected for `lag_days`."""

    start_on: date
    due_on: date
    lag_days: int = 0

    @property
    def days(self) -> int:
        """Length of the window in days."""
        return (self.due_on - self.start_on).days


def resolve_target(target: Target, baseline: Decimal | None) -> ResolvedTarget:
    """Return the target in KPI units, exact.

    Raises Invalid with the faults of `target_faults`, and one more where the baseline is needed and not known yet.
    """
    faults = list(target_faults(target, baseline))
    if baseline is None and target.kind not in {TargetKind.REACH, TargetKind.MAINTAIN}:
        faults.append(
            Fault(
                "baseline_missing",
                f"a target of kind {target.kind} is counted from a baseline; record the baseline first",
                pointer="/baseline_value",
            )
        )
    if faults:
        raise Invalid(faults[0].detail, code="contradictory_target", errors=tuple(faults))
    start = Decimal(0) if baseline is None and target.kind is TargetKind.REACH else baseline
    return ResolvedTarget(start, _target_value(target, start), target.low, target.high)


def _target_value(target: Target, baseline: Decimal | None) -> Decimal | None:
    """Return the KPI value aimed at, or None where it cannot be told (no baseline yet) or does not exist (a band)."""
    if target.value is None or target.kind is TargetKind.MAINTAIN:
        return None
    if target.kind in {TargetKind.ABSOLUTE, TargetKind.REACH}:
        return target.value
    if baseline is None:
        return None
    with arithmetic():
        change = target.value if target.kind is TargetKind.POINTS else abs(baseline) * target.value / 100
        return baseline + target.direction.sign * change


def contradictions(target: Target, baseline: Decimal | None, window: Window | None = None) -> tuple[Fault, ...]:
    """Return everything that makes an outcome impossible to judge, each with the sentence that says how to mend it.

    Pointers are into a flat body: /target_kind, /target_value, /target_low, /target_high, /baseline_value, /start_on,
    /due_on, /lag_days. A baseline that is not known yet is no fault; it only leaves fewer things to check.
    """
    return target_faults(target, baseline) + (window_faults(window) if window else ())


def window_faults(window: Window) -> tuple[Fault, ...]:
    """Return what is wrong with the dates: a window without days, a negative lag, a lag that fills the window."""
    if window.days <= 0:
        detail = f"the due date {window.due_on} is not after the start {window.start_on}; move one of them"
        return (Fault("window_empty", detail, pointer="/due_on"),)
    if window.lag_days < 0:
        return (Fault("lag_negative", "the lag is a number of days of 0 or more", pointer="/lag_days"),)
    if window.lag_days >= window.days:
        detail = (
            f"a lag of {window.lag_days} days fills the whole window of {window.days} days, so no effect could ever be "
            f"seen; shorten the lag below {window.days} days or move the due date"
        )
        return (Fault("lag_fills_window", detail, pointer="/lag_days"),)
    return ()


def target_faults(target: Target, baseline: Decimal | None) -> tuple[Fault, ...]:
    """Return what is wrong with a target and its baseline; see `contradictions` for the pointers."""
    if target.kind is TargetKind.MAINTAIN:
        return tuple(_band_faults(target))
    return tuple(_value_faults(target, baseline))


def _band_faults(target: Target) -> Iterable[Fault]:
    if target.value is not None:
        yield Fault(
            "target_value_unexpected",
            "a maintain target has a band, not a value; give target_low, target_high or both",
            pointer="/target_value",
        )
    if target.low is None and target.high is None:
        yield Fault("band_missing", "a maintain target needs target_low, target_high or both", pointer="/target_low")
    elif target.low is not None and target.high is not None and target.low > target.high:
        yield Fault(
            "band_inverted",
            f"the band from {_say(target.low)} to {_say(target.high)} holds nothing; swap its ends",
            pointer="/target_low",
        )


def _value_faults(target: Target, baseline: Decimal | None) -> Iterable[Fault]:
    if target.low is not None or target.high is not None:
        yield Fault(
            "band_unexpected",
            "target_low and target_high belong to a maintain target; leave them out or set target_kind to maintain",
            pointer="/target_low" if target.low is not None else "/target_high",
        )
    if target.value is None:
        yield Fault(
            "target_value_missing", f"a target of kind {target.kind} needs target_value", pointer="/target_value"
        )
    elif target.kind in {TargetKind.RELATIVE, TargetKind.POINTS}:
        yield from _change_faults(target, target.value, baseline)
    else:
        start = Decimal(0) if baseline is None and target.kind is TargetKind.REACH else baseline
        yield from _level_faults(target, target.value, start)


def _change_faults(target: Target, value: Decimal, baseline: Decimal | None) -> Iterable[Fault]:
    if value <= 0:
        yield Fault(
            "target_change_not_positive",
            f"give the size of the change as a number above 0; the direction ({target.direction}) says which way",
            pointer="/target_value",
        )
    if target.kind is TargetKind.RELATIVE and baseline == 0:
        yield Fault(
            "baseline_zero",
            "a percentage of a baseline of 0 is no change at all; set target_kind to points or absolute",
            pointer="/target_kind",
        )


def _level_faults(target: Target, value: Decimal, baseline: Decimal | None) -> Iterable[Fault]:
    if baseline is None:
        return
    if value == baseline:
        yield Fault(
            "target_equals_baseline",
            f"the target equals the baseline {_say(baseline)}, so there is no distance to cover; "
            "set target_kind to maintain with a band, or choose another target",
            pointer="/target_value",
        )
    elif (value - baseline) * target.direction.sign < 0:
        lower = target.direction is Direction.LOWER
        yield Fault(
            "target_against_direction",
            f"{'lower' if lower else 'higher'} is better for this KPI, but the target {_say(value)} lies "
            f"{'above' if lower else 'below'} the baseline {_say(baseline)}; choose a target "
            f"{'below' if lower else 'above'} it, or correct the direction of the KPI",
            pointer="/target_value",
        )


def _say(value: Decimal) -> str:
    return written(rounded(value))


@dataclass(frozen=True, slots=True)
class Baseline:
    """A baseline in force from a date on. Re-baselining appends another with its reason; the old one is kept."""

    value: Decimal
    from_on: date
    reason: str | None = None


def baseline_on(history: Iterable[Baseline], on: date) -> Baseline | None:
    """Return the baseline in force on a date: the newest begun, the last given of one day; None before the first."""
    begun = [baseline for baseline in history if baseline.from_on <= on]
    return max(reversed(begun), key=lambda baseline: baseline.from_on) if begun else None
