"""Time to an event with censoring and a competing way out: medians that open cases cannot bias.

The cumulative incidence of the event is the Aalen-Johansen estimate; without competing exits it is one minus the
Kaplan-Meier curve. Open cases are censored at the age they have reached: they count as at risk until then and are
neither counted as finished nor dropped.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from app.domain.figure import Interval, arithmetic
from app.domain.metrics.intervals import LEVEL, normal_quantile

HALF = Decimal("0.5")
# A curve is compared with one half only up to the rounding of its 34-digit product.
_SLACK = Decimal("1e-24")


@dataclass(frozen=True, slots=True)
class Spell:
    """`count` cases that left observation after `days`: by the event, by a competing exit, or still open."""

    days: Decimal
    outcome: str
    count: int = 1


@dataclass(frozen=True, slots=True)
class Step:
    """The curve from `days` on: `incidence` of the event (0..1) and the variance of that estimate."""

    days: Decimal
    incidence: Decimal
    variance: Decimal


@dataclass(frozen=True, slots=True)
class _Moment:
    days: Decimal
    events: int
    exits: int
    at_risk: int


def cumulative_incidence(spells: Iterable[Spell], *, event: str, competing: str) -> tuple[Step, ...]:
    """Return the curve at each time with an event or a competing exit, in order of time.

    Every other outcome is censoring. At equal times events come before censoring. The variance is the delta-method
    estimate of Marubini and Valsecchi 1995, section 10.2.2; without competing exits it is Greenwood's.
    """
    steps: list[Step] = []
    with arithmetic():
        alive, incidence, terms = Decimal(1), Decimal(0), _VarianceTerms()
        for moment in _moments(spells, event, competing):
            incidence += alive * moment.events / moment.at_risk
            terms.add(moment, alive, incidence)
            alive *= Decimal(moment.at_risk - moment.events - moment.exits) / moment.at_risk
            steps.append(Step(moment.days, incidence, terms.at(incidence)))
    return tuple(steps)


def _moments(spells: Iterable[Spell], event: str, competing: str) -> Iterable[_Moment]:
    leaving: dict[Decimal, list[int]] = {}
    for spell in spells:
        counts = leaving.setdefault(spell.days, [0, 0, 0])
        counts[0 if spell.outcome == event else 1 if spell.outcome == competing else 2] += spell.count
    at_risk = sum(sum(counts) for counts in leaving.values())
    for days in sorted(leaving):
        events, exits, censored = leaving[days]
        if events or exits:
            yield _Moment(days, events, exits, at_risk)
        at_risk -= events + exits + censored


class _VarianceTerms:
    """Running sums, so that the variance at any time t costs a constant: it is a quadratic in the incidence at t."""

    def __init__(self) -> None:
        self.square = self.linear = self.constant = Decimal(0)

    def add(self, moment: _Moment, alive: Decimal, incidence: Decimal) -> None:
        n, gone = moment.at_risk, moment.events + moment.exits
        if n > gone:
            spread = Decimal(gone) / (n * (n - gone))
            self.square += spread
            self.linear -= 2 * spread * incidence
            self.constant += spread * incidence * incidence
        cross = alive * moment.events / (n * n)
        self.linear -= 2 * cross
        self.constant += 2 * cross * incidence + alive * alive * moment.events * (n - moment.events) / Decimal(n) ** 3

    def at(self, incidence: Decimal) -> Decimal:
        return max(self.square * incidence * incidence + self.linear * incidence + self.constant, Decimal(0))


def median(steps: Sequence[Step]) -> Decimal | None:
    """Return the first time at which at least half have had the event, or None: the median is not reached."""
    return next((step.days for step in steps if step.incidence >= HALF - _SLACK), None)


def median_interval(steps: Sequence[Step], level: Decimal = LEVEL) -> Interval | None:
    """Return the interval of the median: every time whose own log-log interval of the incidence contains one half.

    Brookmeyer and Crowley 1982 with the log-log transform. None where one end is not reached, which is itself a
    finding: an interval without an upper end cannot be written as two numbers.
    """
    with arithmetic():
        z = normal_quantile(level)
        low = next((step.days for step in steps if _bound(step, z) >= HALF - _SLACK), None)
        high = next((step.days for step in steps if _bound(step, -z) >= HALF - _SLACK), None)
    return None if low is None or high is None else Interval(low, high, level, "brookmeyer_crowley_log_log")


def _bound(step: Step, z: Decimal) -> Decimal:
    """Return the upper (z > 0) or lower (z < 0) log-log bound of the incidence at a step."""
    free = 1 - step.incidence
    if free <= _SLACK or step.incidence == 0 or step.variance == 0:
        return step.incidence
    width = z * step.variance.sqrt() / (free * abs(free.ln()))
    return 1 - (free.ln() * width.exp()).exp()


def first_sustained(days: Sequence[int], met: Sequence[bool], hold_days: int) -> int | None:
    """Return the first day on which a criterion is met and stays met for `hold_days`; None if that never happens.

    `days` are ascending days of observation, `met` whether the criterion held then. A run that reaches the last
    observation before it is `hold_days` long does not count yet.
    """
    start: int | None = None
    for day, holds in zip(days, met, strict=True):
        if not holds:
            start = None
            continue
        start = day if start is None else start
        if day - start >= hold_days:
            return start
    return None
