"""Placebo inference for one or few treated units: in space, in time, and without each donor.

Sources: Abadie, Diamond, Hainmueller (2010, doi:10.1198/jasa.2009.ap08746) for the ranks; Arkhangelsky et al. (2021,
algorithm 4) for the standard error; Firpo and Possebom (2018, doi:10.1515/jci-2016-0026) for the interval, the set of
constant effects that the ranks do not reject. With one treated unit a clustered standard error does not exist: it
invents significance that the ranks deny.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from app.domain.errors import Fault, Invalid
from app.domain.impact.linear import FloatArray
from app.domain.impact.synthetic import Block, Fit, Method, fit

_ROUNDING = 1e-9
_LEAST_BEFORE = 3


@dataclass(frozen=True, slots=True, eq=False)
class SpacePlacebos:
    """What the estimator finds where nothing happened: `effects` and `statistics` (B), one per placebo.

    The statistic is the absolute effect under SDID and the ratio of mean squared gaps under synthetic control;
    `exhaustive` says that every donor was used once.
    """

    effects: FloatArray
    statistics: FloatArray
    exhaustive: bool

    @property
    def smallest_p(self) -> float:
        """The smallest p-value that this many placebos can give."""
        return 1.0 / (1.0 + len(self.effects))

    @property
    def standard_error(self) -> float:
        """The standard deviation of the placebo effects."""
        return float(self.effects.std())

    def p_value(self, statistic: float) -> float:
        """Return the share of placebos, the estimate among them, at least as extreme as `statistic`."""
        reached = int((self.statistics >= statistic * (1.0 - _ROUNDING)).sum())
        return (1.0 + reached) / (1.0 + len(self.statistics))

    def critical(self, alpha: float) -> float | None:
        """Return the largest statistic not rejected at `alpha`; None if so few placebos can reject nothing."""
        rejected = math.floor(alpha * (1.0 + len(self.statistics)) + _ROUNDING)
        if rejected < 1:
            return None
        return float(np.sort(self.statistics)[-rejected])


def statistic(found: Fit, method: Method) -> float:
    """Return what is ranked: |effect| under SDID, the ratio of mean squared gaps under synthetic control."""
    return abs(found.value) if method is Method.SDID else found.mspe_ratio


def in_space(
    block: Block, method: Method, *, replications: int, generator: np.random.Generator | None
) -> SpacePlacebos:
    """Give the treatment to donors that never had it, as many at a time as are treated.

    With one treated unit every donor is used once; beyond `replications` donors, or with several treated units, that
    many sets are drawn by `generator`. Raises `Invalid` if a generator is needed and missing (`no_generator`) or there
    are too few donors (`too_few_donors`).
    """
    size = block.treated.shape[0]
    donors = block.donors.shape[0]
    if donors < size + 2:
        raise Invalid(
            f"{donors} donors are too few for placebos with {size} treated units: at least {size + 2} are needed.",
            errors=(Fault("too_few_donors", f"{donors} donors, {size} treated"),),
        )
    exhaustive = size == 1 and donors <= replications
    sets: list[tuple[int, ...]]
    if exhaustive:
        sets = list(combinations(range(donors), 1))
    else:
        if generator is None:
            raise Invalid(
                "Placebos have to be drawn here: pass a seed.",
                errors=(Fault("no_generator", f"{size} treated units, {donors} donors"),),
            )
        sets = [tuple(generator.permutation(donors)[:size].tolist()) for _ in range(replications)]
    fits = [fit(block.pretending(one), method) for one in sets]
    return SpacePlacebos(
        effects=np.array([one.value for one in fits]),
        statistics=np.array([statistic(one, method) for one in fits]),
        exhaustive=exhaustive,
    )


def constant_effects(
    found: Fit, placebos: SpacePlacebos, method: Method, *, level: float
) -> tuple[float, float] | None:
    """Return the lowest and highest constant effect that the ranks do not reject; None if unbounded or empty."""
    critical = placebos.critical(1.0 - level)
    if critical is None:
        return None
    if method is Method.SDID:
        return found.value - critical, found.value + critical
    squared = critical * found.mspe_before - float(found.gap[found.before :].var())
    if squared < 0.0 or not math.isfinite(squared):
        return None
    return found.value - math.sqrt(squared), found.value + math.sqrt(squared)


@dataclass(frozen=True, slots=True)
class TimePlacebo:
    """The effect found when exposure is pretended to begin `periods` earlier, at `at`, and its rank p-value."""

    at: int | str
    periods: int
    effect: float
    p_value: float


def in_time(
    block: Block, method: Method, *, replications: int, generator: np.random.Generator | None
) -> TimePlacebo | None:
    """Pretend that exposure began earlier, on the unexposed periods alone; None if those are fewer than five."""
    moved = min(block.after, block.before // 3)
    before = block.before - moved
    if moved < 1 or before < _LEAST_BEFORE:
        return None
    earlier = block.earlier(before)
    found = fit(earlier, method)
    placebos = in_space(earlier, method, replications=replications, generator=generator)
    p_value = placebos.p_value(statistic(found, method))
    return TimePlacebo(block.periods[before], moved, found.value, p_value)


def leave_one_out(block: Block, found: Fit, method: Method, *, least_weight: float = 0.01) -> dict[str, float]:
    """Return the estimate without each donor that carries at least `least_weight`, by the donor's name."""
    if block.donors.shape[0] <= 2:  # noqa: PLR2004  with one donor left there are no weights to choose
        return {}
    carried = np.flatnonzero(found.donor_weights >= least_weight)
    return {block.donor_names[j]: fit(block.without(int(j)), method).value for j in carried}
