"""Return on investment with its uncertainty: Monte Carlo over effect, unit value and cost (impact.md 3.7).

Benefit = effect on the treated x units treated x periods observed x value of one KPI unit. Ratios, not percent:
ROI = (benefit - cost) / cost, so 2.0 is 200 %. Only grade 3 and above may stand as a headline.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from app.domain.errors import Fault, Invalid
from app.domain.impact.linear import FloatArray, normal_quantile
from app.domain.impact.result import EffectResult, Estimand

LEAST_DRAWS = 10_000
_HEADLINE_GRADE = 3
_INDICATIVE_GRADE = 2
_CLAIMABLE = frozenset({Estimand.ATT, Estimand.ITT, Estimand.CACE})


class Usage(StrEnum):
    """What a return may be used for: reported as a headline, shown as indicative, or not at all."""

    HEADLINE = "headline"
    INDICATIVE = "indicative"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Range:
    """An uncertain amount.

    Triangular from `low` over `mode` to `high`; without a mode lognormal (above zero), with `low` and `high` its
    central interval of `level`; exact where both are the same.
    """

    low: float
    high: float
    mode: float | None = None
    level: float = 0.9

    @classmethod
    def exactly(cls, amount: float) -> Range:
        """Return an amount without uncertainty."""
        return cls(amount, amount)

    @property
    def central(self) -> float:
        """The mode, or the median of the lognormal."""
        if self.mode is not None:
            return self.mode
        return self.low if self.low == self.high else math.sqrt(self.low * self.high)

    def draw(self, generator: np.random.Generator, count: int) -> FloatArray:
        """Return `count` draws."""
        if self.low == self.high:
            return np.full(count, self.low)
        if self.mode is not None:
            return generator.triangular(self.low, self.mode, self.high, count)
        spread = math.log(self.high / self.low) / (2.0 * normal_quantile(0.5 + self.level / 2.0))
        return generator.lognormal(math.log(self.central), spread, count)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stakes:
    """What an effect is worth and what it cost.

    `units_treated` are those whom the effect is about (the offered for ITT, those who took part for CACE), `periods`
    the observed ones since exposure. `unit_value` is the money for one KPI unit in the good direction, per unit and
    period; `cost` the fully loaded cost. `lower_is_better` turns the effect round. `level_before` is the mean outcome
    without exposure, needed where the outcome is in logarithms. `assumed_periods` is for how long the effect is
    believed to last beyond what was observed: it never enters the return, only a labelled second one. `raw_change` is
    the unadjusted change of the KPI per unit and period, in KPI units.
    """

    units_treated: float
    periods: float
    unit_value: Range
    cost: Range
    lower_is_better: bool = False
    level_before: float | None = None
    assumed_periods: float = 0.0
    raw_change: float | None = None
    hurdle: float = 0.0


@dataclass(frozen=True, slots=True)
class Spread:
    """A distribution by its median and its central 80 and 95 % intervals (low, high)."""

    median: float
    interval_80: tuple[float, float]
    interval_95: tuple[float, float]

    @classmethod
    def of(cls, draws: FloatArray) -> Spread:
        """Return the quantiles of the draws."""
        low, lower, median, upper, high = (float(one) for one in np.quantile(draws, (0.025, 0.1, 0.5, 0.9, 0.975)))
        return cls(median, (lower, upper), (low, high))


@dataclass(frozen=True, slots=True)
class Return:
    """A return at the central amounts (`benefit`, `net`, `bcr`, `roi`) and over the draws.

    `probability_positive` is P(ROI > 0), `probability_hurdle` P(ROI > hurdle).
    """

    benefit: float
    cost: float
    net: float
    bcr: float
    roi: float
    roi_spread: Spread
    benefit_spread: Spread
    probability_positive: float
    probability_hurdle: float


@dataclass(frozen=True, slots=True)
class ReturnOnInvestment:
    """The return inside the observed window, or why there is none, and how little training need explain.

    `with_assumption` counts the assumed periods too and is never a headline. `break_even_share` is the share of the
    raw change that pays for the cost (above 1: not even all of it would), `break_even_effect` the effect in KPI units.
    Both hold whatever the grade; None where they are undefined.
    """

    usage: Usage
    reason: str | None
    observed: Return | None
    with_assumption: Return | None
    break_even_share: float | None
    break_even_effect: float | None
    draws: int


def of_effect(
    effect: EffectResult,
    stakes: Stakes,
    *,
    generator: np.random.Generator,
    draws: int = LEAST_DRAWS,
    effect_draws: FloatArray | None = None,
) -> ReturnOnInvestment:
    """Return what the graded effect earned. The effect is drawn from a normal, or from `effect_draws` (a bootstrap).

    The same effect, stakes and generator state give the same numbers, to the last bit. Grades 0 and 1 are refused:
    usage `refused`, no return. Raises `Invalid`: `wrong_estimand`, `no_standard_error`, `too_few_draws`,
    `invalid_option`, `no_level_before`.
    """
    _check(effect, stakes, draws)
    usage = _usage(effect.grade)
    per_unit_effect = stakes.unit_value.central * stakes.units_treated * stakes.periods
    raw = None if stakes.raw_change is None else _sign(stakes) * stakes.raw_change * per_unit_effect
    share = stakes.cost.central / raw if raw is not None and raw > 0.0 else None
    needed = _sign(stakes) * stakes.cost.central / per_unit_effect if per_unit_effect > 0.0 else None
    if usage is Usage.REFUSED:
        reason = f"Evidence of grade {effect.grade} shows no effect that could be valued; grade 2 is needed."
        return ReturnOnInvestment(usage, reason, None, None, share, needed, 0)
    values = _drawn_effects(effect, effect_draws, generator, draws)
    worth = stakes.unit_value.draw(generator, draws) * stakes.units_treated
    cost = stakes.cost.draw(generator, draws)
    central = float(_in_units(np.array([effect.value]), effect, stakes)[0])
    gains = _in_units(values, effect, stakes)

    def over(periods: float) -> Return:
        benefit = central * stakes.unit_value.central * stakes.units_treated * periods
        return _return(benefit, gains * worth * periods, cost, stakes)

    return ReturnOnInvestment(
        usage=usage,
        reason=None if usage is Usage.HEADLINE else "Evidence of grade 2 is weak: indicative only.",
        observed=over(stakes.periods),
        with_assumption=over(stakes.periods + stakes.assumed_periods) if stakes.assumed_periods > 0.0 else None,
        break_even_share=share,
        break_even_effect=needed,
        draws=draws,
    )


def _return(benefit: float, benefits: FloatArray, costs: FloatArray, stakes: Stakes) -> Return:
    cost = stakes.cost.central
    returns = benefits / costs - 1.0
    return Return(
        benefit=benefit,
        cost=cost,
        net=benefit - cost,
        bcr=benefit / cost,
        roi=benefit / cost - 1.0,
        roi_spread=Spread.of(returns),
        benefit_spread=Spread.of(benefits),
        probability_positive=float((returns > 0.0).mean()),
        probability_hurdle=float((returns > stakes.hurdle).mean()),
    )


def _drawn_effects(
    effect: EffectResult, given: FloatArray | None, generator: np.random.Generator, draws: int
) -> FloatArray:
    if given is not None:
        if len(given) == 0 or not np.isfinite(given).all():
            raise _refused("invalid_option", "the draws of the effect must be finite")
        return np.asarray(generator.choice(given, size=draws))
    error = None if effect.standard_error is None else effect.standard_error.value
    if error is None or effect.value is None:
        raise _refused("no_standard_error", "the effect has no standard error; pass draws of it")
    return generator.normal(effect.value, error, draws)


def _in_units(values: FloatArray, effect: EffectResult, stakes: Stakes) -> FloatArray:
    """Return effects in KPI units, good ones positive; log points are turned into a change of `level_before`."""
    if effect.transform == "log":
        if stakes.level_before is None:
            raise _refused("no_level_before", "an effect in log points needs the mean outcome without exposure")
        values = np.expm1(values) * stakes.level_before
    return _sign(stakes) * values


def in_kpi_units(
    value: float, error: float | None, *, transform: str, level_before: float | None
) -> tuple[float, float | None]:
    """Return an effect and its standard error in KPI units; log points become a change of `level_before`.

    The error follows by the delta method. Raises `Invalid` (`no_level_before`).
    """
    if transform != "log":
        return value, error
    if level_before is None:
        raise _refused("no_level_before", "an effect in log points needs the mean outcome without exposure")
    scale = math.exp(value) * level_before
    return scale - level_before, None if error is None else error * abs(scale)


def _sign(stakes: Stakes) -> float:
    return -1.0 if stakes.lower_is_better else 1.0


def _usage(grade: int) -> Usage:
    if grade >= _HEADLINE_GRADE:
        return Usage.HEADLINE
    return Usage.INDICATIVE if grade == _INDICATIVE_GRADE else Usage.REFUSED


def _check(effect: EffectResult, stakes: Stakes, draws: int) -> None:
    if draws < LEAST_DRAWS:
        raise _refused("too_few_draws", f"{draws} draws; at least {LEAST_DRAWS} are needed")
    if effect.estimand not in _CLAIMABLE and _usage(effect.grade) is not Usage.REFUSED:
        raise _refused("wrong_estimand", f"{effect.estimand} is not the effect on those who were treated")
    for name, held in (("unit_value", stakes.unit_value), ("cost", stakes.cost)):
        ordered = held.low <= (held.low if held.mode is None else held.mode) <= held.high
        if not ordered or not math.isfinite(held.low + held.high) or not 0.0 < held.level < 1.0:
            raise _refused("invalid_option", f"{name} must have low <= mode <= high")
        if held.low < 0.0 or (held.low == 0.0 and (held.mode is None or name == "cost")):
            raise _refused("invalid_option", f"{name} must be above zero")
    if stakes.units_treated <= 0.0 or stakes.periods <= 0.0 or stakes.assumed_periods < 0.0:
        raise _refused("invalid_option", "units treated and periods must be above zero")


def _refused(code: str, detail: str) -> Invalid:
    return Invalid(f"No return can be computed: {detail}.", errors=(Fault(code, detail),))
