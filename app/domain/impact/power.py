"""Planning: power, smallest detectable effect and sample size of a comparison of two sides.

Sources: Cohen (1988) for the noncentral t; the design effect 1 + (m - 1) ICC of Kish (1965), with unequal clusters as
in Eldridge, Ashby, Kerry (2006, doi:10.1093/ije/dyl129); repeated measures by McKenzie (2012,
doi:10.1016/j.jdeveco.2012.01.002), with serial correlation as in Burlig, Preonas, Woerman (2020,
doi:10.1016/j.jdeveco.2020.102458); the exaggeration of significant estimates by Gelman and Carlin (2014,
doi:10.1177/1745691614551642).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from scipy import optimize, special

from app.domain.errors import Fault, Invalid
from app.domain.impact.linear import FloatArray, normal_quantile, t_quantile

_MOST_UNITS = 1e9
_LEAST_DF = 1.0
_LARGE_DF = 1e5
_NO_WRONG_SIGN = 5.0


class Serial(StrEnum):
    """How a unit's outcomes hang together over time: less the farther apart, or always the same."""

    AR1 = "ar1"
    EXCHANGEABLE = "exchangeable"


class Analysis(StrEnum):
    """What is compared: the mean since exposure, its change, or the mean adjusted for the one before (ANCOVA)."""

    POST = "post"
    CHANGE = "change"
    ANCOVA = "ancova"


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeated:
    """Outcomes of each unit in `before` and `after` periods, with correlation `rho` from one period to the next."""

    before: int = 0
    after: int = 1
    rho: float = 0.0
    serial: Serial = Serial.AR1
    analysis: Analysis = Analysis.POST

    def variance_factor(self) -> float:
        """Return the variance of what is compared, per unit, over that of one outcome."""
        return _variance_factor(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A comparison of `treated` with `control` units (numbers; clusters hold `cluster_size` of them on average).

    `sd` is the outcome's standard deviation in one period, `icc` the share of its variance between clusters,
    `cluster_size_cv` the coefficient of variation of their sizes. `repeated` tells the periods, None means one. The
    test is two-sided at `alpha`; `normal` takes the normal for the t.
    """

    treated: float
    control: float
    sd: float = 1.0
    alpha: float = 0.05
    cluster_size: float = 1.0
    cluster_size_cv: float = 0.0
    icc: float = 0.0
    repeated: Repeated | None = None
    normal: bool = False

    @property
    def design_effect(self) -> float:
        """How many times the variance grows because units come in clusters."""
        return design_effect(self.cluster_size, self.icc, cv=self.cluster_size_cv)

    @property
    def standard_error(self) -> float:
        """The standard error that the estimate will have."""
        factor = 1.0 if self.repeated is None else self.repeated.variance_factor()
        return self.sd * math.sqrt(factor * self.design_effect * (1.0 / self.treated + 1.0 / self.control))

    @property
    def df(self) -> float | None:
        """The degrees of freedom: clusters (units, if each is its own) less two; None means the normal."""
        if self.normal:
            return None
        return max((self.treated + self.control) / self.cluster_size - 2.0, _LEAST_DF)


def design_effect(cluster_size: float, icc: float, *, cv: float = 0.0) -> float:
    """Return 1 + ((cv^2 + 1) m - 1) ICC for clusters of mean size m whose sizes vary by `cv`."""
    return 1.0 if cluster_size <= 1.0 else 1.0 + ((cv**2 + 1.0) * cluster_size - 1.0) * icc


def power(planned: Comparison, effect: float) -> float:
    """Return the probability that a test of this comparison finds an effect of this size, in units of the outcome."""
    return _power(abs(effect) / checked(planned).standard_error, planned.alpha, planned.df)


def smallest_effect(planned: Comparison, *, wanted: float = 0.8) -> float:
    """Return the effect that is found with probability `wanted` (alpha < wanted < 1), in units of the outcome."""
    return multiple(planned.alpha, planned.df, wanted) * checked(planned).standard_error


def units_needed(planned: Comparison, effect: float, *, wanted: float = 0.8) -> float:
    """Return how many units per treated side are needed, not rounded; the ratio of the sides stays that of `planned`.

    Raises `Invalid` (`invalid_option`) for an effect of zero.
    """
    checked(planned)
    if effect == 0.0:
        raise _refused("effect", "an effect of zero cannot be found")
    ratio = planned.control / planned.treated

    def gap(logarithm: float) -> float:
        units = math.exp(logarithm)
        return power(replace(planned, treated=units, control=ratio * units), effect) - wanted

    fewest = math.log((2.0 * planned.cluster_size + _LEAST_DF) / (1.0 + ratio))
    if gap(fewest) >= 0.0:
        return math.exp(fewest)
    if gap(math.log(_MOST_UNITS)) < 0.0:
        raise _refused("effect", f"more than {_MOST_UNITS:.0e} units would be needed")
    return math.exp(float(optimize.brentq(gap, fewest, math.log(_MOST_UNITS), xtol=1e-12)))


def multiple(alpha: float, df: float | None, wanted: float) -> float:
    """Return how many standard errors an effect must measure to be found with probability `wanted`: 2.80 at 5 and 80 %.

    Raises `Invalid` (`invalid_option`) unless alpha < wanted < 1.
    """
    if not alpha < wanted < 1.0:
        raise _refused("power", f"power must lie between {alpha} and 1")
    highest = 20.0 + 4.0 * t_quantile(1.0 - alpha / 2.0, df)
    return float(optimize.brentq(lambda size: _power(size, alpha, df) - wanted, 0.0, highest, xtol=1e-13))


def exaggeration(true_power: float, *, alpha: float = 0.05) -> float:
    """Return how many times too large a significant estimate is on average, when the test has this power.

    For a normal estimate: E(|estimate| given |estimate| > critical) / effect. Power must lie between alpha and 1.
    """
    if not alpha < true_power < 1.0:
        raise _refused("power", f"power must lie between {alpha} and 1")
    critical = normal_quantile(1.0 - alpha / 2.0)
    effect = float(optimize.brentq(lambda size: _power(size, alpha, None) - true_power, 0.0, 40.0))
    above, below = critical - effect, critical + effect
    density = [math.exp(-(edge**2) / 2.0) / math.sqrt(2.0 * math.pi) for edge in (above, below)]
    beyond = [float(special.ndtr(-edge)) for edge in (above, below)]
    mean = effect * (beyond[0] - beyond[1]) + density[0] + density[1]
    return mean / true_power / effect


def checked(planned: Comparison) -> Comparison:
    """Return the comparison if its numbers can be; raises `Invalid` (`invalid_option`) naming the one that cannot."""
    wrong = {
        "treated": planned.treated <= 0.0,
        "control": planned.control <= 0.0,
        "sd": not (planned.sd > 0.0 and math.isfinite(planned.sd)),
        "alpha": not 0.0 < planned.alpha < 1.0,
        "cluster_size": planned.cluster_size < 1.0,
        "cluster_size_cv": planned.cluster_size_cv < 0.0,
        "icc": not 0.0 <= planned.icc <= 1.0,
    }
    for name, fails in wrong.items():
        if fails:
            raise _refused(name, f"{name} cannot be {getattr(planned, name):g}")
    return planned


def _power(size: float, alpha: float, df: float | None) -> float:
    """Return the power at a true effect of `size` standard errors; beyond 100,000 df the t is the normal."""
    if df is None or df > _LARGE_DF:
        critical = normal_quantile(1.0 - alpha / 2.0)
        return float(special.ndtr(size - critical) + special.ndtr(-size - critical))
    critical = t_quantile(1.0 - alpha / 2.0, df)
    # the wrong sign: beyond 5 standard errors less than 1e-7, and scipy loses it there
    opposite = 0.0 if size > _NO_WRONG_SIGN else _noncentral_t(df, size, -critical)
    return 1.0 - _noncentral_t(df, size, critical) + opposite


def _noncentral_t(df: float, noncentrality: float, point: float) -> float:
    """Return P(T <= point); far out in a tail, where scipy has no number, by the normal approximation.

    Abramowitz and Stegun (1964), 26.7.10.
    """
    exact = float(special.nctdtr(df, noncentrality, point))
    if not math.isnan(exact):
        return exact
    away = point * (1.0 - 1.0 / (4.0 * df)) - noncentrality
    return float(special.ndtr(away / math.sqrt(1.0 + point**2 / (2.0 * df))))


def _variance_factor(plan: Repeated) -> float:
    if plan.before < 0 or plan.after < 1 or (plan.before < 1 and plan.analysis is not Analysis.POST):
        raise _refused("before", f"{plan.analysis.value} needs periods before and after exposure")
    lowest = -1.0 if plan.serial is Serial.AR1 else -1.0 / max(plan.before + plan.after - 1, 1)
    if not lowest < plan.rho < 1.0:
        raise _refused("rho", f"rho must lie between {lowest:.2g} and 1")
    correlation = correlations(plan.before + plan.after, plan.rho, plan.serial)
    after = np.zeros(plan.before + plan.after)
    after[plan.before :] = 1.0 / plan.after
    spread = float(after @ correlation @ after)
    if plan.analysis is Analysis.POST:
        return spread
    before = np.zeros_like(after)
    before[: plan.before] = 1.0 / plan.before
    shared, earlier = float(after @ correlation @ before), float(before @ correlation @ before)
    if plan.analysis is Analysis.CHANGE:
        return spread + earlier - 2.0 * shared
    return spread - shared**2 / earlier


def correlations(periods: int, rho: float, serial: Serial) -> FloatArray:
    """Return the correlations (periods x periods) of a unit's outcomes."""
    if serial is Serial.EXCHANGEABLE:
        return np.asarray(np.full((periods, periods), rho) + (1.0 - rho) * np.eye(periods))
    steps = np.arange(periods, dtype=np.float64)
    return np.asarray(rho ** np.abs(steps[:, None] - steps[None, :]))


def _refused(name: str, detail: str) -> Invalid:
    return Invalid(f"This cannot be planned: {detail}.", errors=(Fault("invalid_option", detail, pointer=f"/{name}"),))
