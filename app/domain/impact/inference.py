"""Standard error, interval and p-value of one coefficient, by the rules of impact.md 3.4.

The clusters are those at which exposure was assigned (the units, where none are told); G of them, G1 exposed, G0 not:

G >= 30 and G1, G0 >= 10    cluster-robust (HC2 for one row per unit), t(G - 1)
G1, G0 >= 5                 wild cluster bootstrap, null imposed, Webb weights below 12 clusters
else                        randomisation inference
fewer than 40 deals         no test is possible: the estimate is shown, and that it cannot be tested
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from app.domain.impact.linear import FloatArray, IntArray, LinearFit, codes_of, interval_around, t_two_sided
from app.domain.impact.options import Options
from app.domain.impact.randomisation import LEAST_DEALS, Randomised, compare, deal, possible_deals
from app.domain.impact.result import Coefficient, Diagnostic, Interval, StandardError, StandardErrorKind, Verdict
from app.domain.impact.wild_bootstrap import wild_bootstrap

Kind = StandardErrorKind

REGRESSION_KINDS = (Kind.CLASSICAL, Kind.HC1, Kind.HC2)
_MANY, _MANY_PER_ARM, _LEAST_PER_ARM = 30, 10, 5
_PERMUTED_IF_RANDOM_BELOW = 40
_HEADLINE_UNITS = 30
_ALPHA = 0.05
_ROUNDING = 1e-9
_DIGITS = 9


@dataclass(frozen=True, slots=True)
class Inference:
    """What is known of the precision of one estimate; the fields are those of `EffectResult`."""

    standard_error: StandardError | None
    interval: Interval | None
    p_value: float | None
    p_value_reason: str | None
    df: float | None
    alternatives: tuple[StandardError, ...] = ()
    notes: tuple[Diagnostic, ...] = ()


@dataclass(frozen=True, slots=True)
class Clusters:
    """How many clusters there are, how many hold exposed and how many unexposed units, and the deals possible.

    `mixed` says that some hold both: then exposure was not dealt to clusters and cannot be dealt anew.
    """

    total: int
    exposed: int
    unexposed: int
    deals: int
    mixed: bool = False

    def rule(self, usual: Kind, *, randomised: bool = False) -> Kind | None:
        """Return the kind that 3.4 asks for in place of `usual`, None where no test is possible."""
        per_arm = min(self.exposed, self.unexposed)
        if per_arm < _LEAST_PER_ARM or (randomised and self.total < _PERMUTED_IF_RANDOM_BELOW):
            return Kind.RANDOMISATION if self.deals >= LEAST_DEALS and not self.mixed else None
        if self.total >= _MANY and per_arm >= _MANY_PER_ARM:
            return usual
        return Kind.WILD_BOOTSTRAP

    @property
    def is_small(self) -> bool:
        """Whether fewer than 30 stand on one side and exposure can be dealt anew: the headline then needs that too."""
        return min(self.exposed, self.unexposed) < _HEADLINE_UNITS and not self.mixed

    def refusal(self, kind: Kind) -> str | None:
        """Return why a p-value of this kind would mislead, None if it would not."""
        if self.deals < LEAST_DEALS:
            return (
                f"Cannot be tested: exposure could have been dealt to {self.exposed} of {self.total} clusters in only "
                f"{self.deals} ways, {LEAST_DEALS} are needed."
            )
        if kind is not Kind.RANDOMISATION and min(self.exposed, self.unexposed) < _LEAST_PER_ARM:
            return (
                f"With {self.exposed} exposed and {self.unexposed} unexposed clusters only randomisation inference "
                "holds; this kind of standard error would invent significance."
            )
        if kind is Kind.RANDOMISATION and self.mixed:
            return "Some clusters hold exposed and unexposed units, so exposure cannot be dealt to clusters anew."
        return None


def from_standard_error(
    value: float, error: StandardError, *, df: float | None, level: float, alternatives: tuple[StandardError, ...] = ()
) -> Inference:
    """Return the interval and p-value that the standard error gives, referred to t(df), or to the normal if None."""
    if error.value is None or error.value <= 0.0:
        return Inference(None, None, None, "The standard error is zero or cannot be computed.", df, alternatives)
    return Inference(
        standard_error=error,
        interval=interval_around(value, error.value, df=df, level=level),
        p_value=t_two_sided(value / error.value, df),
        p_value_reason=None,
        df=df,
        alternatives=alternatives,
    )


def from_randomisation(found: Randomised, *, level: float, alternatives: tuple[StandardError, ...]) -> Inference:
    """Return what the deals say; the standard error is their spread."""
    return Inference(
        standard_error=StandardError(found.spread, Kind.RANDOMISATION),
        interval=Interval(found.low, found.high, level, Kind.RANDOMISATION.value),
        p_value=found.p_value,
        p_value_reason=None,
        df=None,
        alternatives=alternatives,
    )


def refused(found: Inference, reason: str) -> Inference:
    """Return the inference without p-value and interval, with the reason."""
    return replace(found, p_value=None, interval=None, p_value_reason=reason)


@dataclass(frozen=True, slots=True, eq=False)
class Assigned:
    """How exposure was dealt, per observation (n) of a regression.

    `clusters` and `periods` are codes. `target` is the exposure column, or what stands for it when it is dealt anew:
    zero throughout for clusters without exposure. `dependent` names other columns of the regression that follow from
    the deal and are left out when it is dealt anew. `dealable` False: clusters cannot be dealt anew.
    """

    clusters: IntArray
    target: FloatArray
    periods: IntArray | None = None
    dependent: tuple[str, ...] = ()
    dealable: bool = True

    def arms(self) -> tuple[IntArray, FloatArray, bool]:
        """Return each cluster's arm, each arm's exposure by period (arms x periods), and whether a cluster is mixed."""
        times = self._times()
        count, width = int(self.clusters.max()) + 1, int(times.max()) + 1
        place = self.clusters * width + times
        seen = np.maximum(np.bincount(place, minlength=count * width), 1)
        means = np.bincount(place, weights=self.target, minlength=count * width) / seen
        mixed = bool((np.abs(means[place] - self.target) > _ROUNDING).any())
        histories, arms = np.unique(np.round(means.reshape(count, width), _DIGITS), axis=0, return_inverse=True)
        return arms.astype(np.int64).ravel(), histories, mixed or not self.dealable

    def counted(self) -> Clusters:
        """Return how many clusters hold exposure and how many none."""
        arms, _, mixed = self.arms()
        exposed = int(np.count_nonzero(np.bincount(self.clusters, weights=self.target != 0.0)))
        unexposed = len(arms) - exposed
        if mixed:
            unexposed = int(np.count_nonzero(np.bincount(self.clusters, weights=self.target == 0.0)))
        return Clusters(len(arms), exposed, unexposed, possible_deals(arms), mixed)

    def dealt_anew(self, fit: LinearFit, name: str, options: Options) -> Randomised:
        """Return the inference over deals; the statistic is target'(outcome without the other regressors)."""
        arms, histories, _ = self.arms()
        at = fit.names.index(name)
        kept = [one for one, label in enumerate(fit.names) if one != at and label not in self.dependent]
        root = np.ones(fit.n) if fit.weights is None else np.sqrt(fit.weights)
        others = fit.design[:, kept] * root[:, None]
        outcome = fit.residuals + fit.design @ fit.beta
        deals = deal(arms, np.random.default_rng(options.seed), options.draws)
        real = np.arange(len(arms))
        under, observed = [], []
        for column in (outcome, fit.design[:, at]):
            rest = column * root
            if kept:
                rest -= others @ np.linalg.lstsq(others, rest)[0]
            by_arm = self._by_period(rest * root, histories.shape[1]) @ histories.T
            under.append(np.take_along_axis(by_arm, deals.arms.T, axis=1).sum(axis=0))
            observed.append(float(by_arm[real, arms].sum()))
        return compare(under[0], under[1], (observed[0], observed[1]), deals, level=options.level)

    def _times(self) -> IntArray:
        return np.zeros(len(self.target), dtype=np.int64) if self.periods is None else self.periods

    def _by_period(self, values: FloatArray, width: int) -> FloatArray:
        count = int(self.clusters.max()) + 1
        sums = np.bincount(self.clusters * width + self._times(), weights=values, minlength=count * width)
        return np.asarray(sums.reshape(count, width))


def of_coefficient(
    fit: LinearFit,
    name: str,
    options: Options,
    *,
    default: Kind,
    clusters: npt.ArrayLike | None,
    assigned: Assigned | None = None,
    randomised: bool = False,
) -> tuple[Inference, tuple[Coefficient, ...]]:
    """Return the inference on the coefficient `name`, and the regression table.

    The kind is the one asked for in `options`, else `default` or what the rules above put in its place. `clusters`
    (one label per observation) are those of assignment; None where each observation is a unit of its own. `assigned`
    must be given unless the column `name` itself is exposure and each cluster has one value of it. Other kinds stand
    in `alternatives`.
    """
    value = float(fit.beta[fit.names.index(name)])
    groups = np.arange(fit.n, dtype=np.int64) if clusters is None else codes_of(clusters)
    dealt = assigned or Assigned(groups, fit.design[:, fit.names.index(name)])
    counted = dealt.counted()
    kind = options.standard_error or counted.rule(default, randomised=randomised) or default
    usual = kind if kind in {*REGRESSION_KINDS, Kind.CLUSTER} else default
    kinds = [*REGRESSION_KINDS, *([Kind.CLUSTER] if clusters is not None else [])]
    others = tuple(StandardError(fit.standard_error(name, one, clusters), one) for one in kinds if one is not kind)
    table = fit.table(usual, clusters, level=options.level)
    if kind is Kind.WILD_BOOTSTRAP and fit.standard_error(name, Kind.CLUSTER, groups) > 0.0:
        found = _bootstrapped(fit, name, groups, options, others)
    elif kind is Kind.RANDOMISATION and not counted.mixed:
        found = from_randomisation(dealt.dealt_anew(fit, name, options), level=options.level, alternatives=others)
    else:
        error = StandardError(fit.standard_error(name, usual, clusters), usual)
        found = from_standard_error(value, error, df=fit.df(usual, clusters), level=options.level, alternatives=others)
    reason = counted.refusal(kind)
    if reason is not None:
        found = refused(found, reason)
    elif kind is not Kind.RANDOMISATION and counted.is_small:
        found = small_sample(found, dealt.dealt_anew(fit, name, options), counted)
    return found, table


def _bootstrapped(
    fit: LinearFit, name: str, groups: IntArray, options: Options, others: tuple[StandardError, ...]
) -> Inference:
    rng = np.random.default_rng(options.seed)
    found = wild_bootstrap(fit, name, groups, rng=rng, draws=options.draws, level=options.level)
    error = StandardError(fit.standard_error(name, Kind.CLUSTER, groups), Kind.WILD_BOOTSTRAP)
    interval = Interval(found.low, found.high, options.level, Kind.WILD_BOOTSTRAP.value)
    return Inference(error, interval, found.p_value, None, float(groups.max()), others)


def small_sample(found: Inference, dealt: Randomised, counted: Clusters) -> Inference:
    """Return the inference with randomisation inference set beside it; flagged where they disagree at 5 %."""
    differs = found.p_value is not None and (found.p_value < _ALPHA) != (dealt.p_value < _ALPHA)
    note = Diagnostic(
        "small_sample",
        Verdict.FLAG if differs else Verdict.OK,
        f"{counted.exposed} exposed and {counted.unexposed} unexposed: randomisation inference gives p = "
        f"{dealt.p_value:.3f}.",
        {"exposed": counted.exposed, "unexposed": counted.unexposed, "randomisation_p_value": dealt.p_value},
    )
    return replace(found, notes=(*found.notes, note))
