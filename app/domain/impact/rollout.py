"""Rollout designs: who is offered the initiative when, decided by chance, and what effect such a rollout could show.

A stepped wedge (Hussey and Hughes 2007, doi:10.1016/j.cct.2006.05.007) offers it to everybody, wave after wave; those
still waiting are the comparison. The detectable effect is that of two-way fixed effects on the means of the clusters,
with the serial correlation that the outcome has (Burlig, Preonas, Woerman 2020, doi:10.1016/j.jdeveco.2020.102458),
over the periods in which somebody still waits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from app.domain.errors import Fault, Invalid
from app.domain.impact.linear import FloatArray, IntArray
from app.domain.impact.power import Serial, correlations, multiple

_FLAGGED_SMD = 0.25
_LEAST_CLUSTERS = 4
_NOTHING = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What is known of the outcome: `periods` are observed, of `cluster_size` persons (mean) in each dealt unit.

    `sd` is the standard deviation between persons in one period, `icc` its share between the dealt units (1 where a
    person is dealt), `rho` the correlation from one period to the next.
    """

    periods: int
    sd: float = 1.0
    cluster_size: float = 1.0
    icc: float = 0.0
    rho: float = 0.5
    serial: Serial = Serial.AR1
    alpha: float = 0.05
    power: float = 0.8


@dataclass(frozen=True, slots=True)
class DesignOffer:
    """One way to roll out: the start of each wave (positions of periods; None: not within them) and what it could show.

    `smallest_effect` is None where nothing could be estimated, and `reason` says why.
    """

    name: str
    starts: tuple[int | None, ...]
    sizes: tuple[int, ...]
    smallest_effect: float | None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class BalanceRow:
    """Means of one covariate by wave, and the largest standardised difference of a wave from all others."""

    covariate: str
    means: tuple[float, ...]
    largest: float
    flagged: bool


@dataclass(frozen=True, slots=True)
class Rollout:
    """A draw: the wave (0, 1, ...) of each unit in the order given, the sizes of the waves and their balance."""

    units: tuple[str, ...]
    waves: tuple[int, ...]
    sizes: tuple[int, ...]
    balance: tuple[BalanceRow, ...] = field(default=())

    def members(self, wave: int) -> tuple[str, ...]:
        """Return the units of one wave, in the order given."""
        return tuple(unit for unit, at in zip(self.units, self.waves, strict=True) if at == wave)


def randomise(
    units: Sequence[str],
    waves: int,
    *,
    generator: np.random.Generator,
    strata: Sequence[str] | None = None,
    covariates: Mapping[str, Sequence[float]] | None = None,
) -> Rollout:
    """Deal `units` (persons, teams, sites: whatever is offered the initiative together) to waves of equal size.

    Within each of the `strata` (one label per unit) the waves get equal shares. The same generator state and order of
    units give the same draw. Raises `Invalid`: `too_few_units`, `duplicate_unit`, `length_differs`, `not_finite`.
    """
    count = len(units)
    _check(units, waves, strata, covariates or {})
    labels = np.asarray(["" for _ in units] if strata is None else list(strata))
    dealt = np.empty(count, dtype=np.int64)
    turn = 0
    order = generator.permutation(waves)
    for label in np.unique(labels):
        members = generator.permutation(np.flatnonzero(labels == label))
        dealt[members] = order[(turn + np.arange(len(members))) % waves]
        turn += len(members)
    return Rollout(
        units=tuple(units),
        waves=tuple(dealt.tolist()),
        sizes=tuple(np.bincount(dealt, minlength=waves).tolist()),
        balance=tuple(
            _row(name, np.asarray(column, float), dealt, waves) for name, column in (covariates or {}).items()
        ),
    )


def _check(
    units: Sequence[str], waves: int, strata: Sequence[str] | None, covariates: Mapping[str, Sequence[float]]
) -> None:
    if waves < 1 or len(units) < max(waves, 2):
        raise _refused("too_few_units", f"{len(units)} units cannot fill {waves} waves")
    if len(set(units)) != len(units):
        raise _refused("duplicate_unit", "a unit is listed twice")
    columns = {"strata": strata, **covariates}
    for name, column in columns.items():
        if column is not None and len(column) != len(units):
            raise _refused("length_differs", f"{name} has {len(column)} values for {len(units)} units")
    for name, column in covariates.items():
        if not np.isfinite(np.asarray(column, dtype=np.float64)).all():
            raise _refused("not_finite", f"{name} has values that are not finite")


def _row(name: str, values: FloatArray, dealt: IntArray, waves: int) -> BalanceRow:
    means, gaps = [], [0.0]
    for wave in range(waves):
        here, others = values[dealt == wave], values[dealt != wave]
        means.append(float(here.mean()))
        if len(others):
            spread = float(np.sqrt((here.var() + others.var()) / 2.0))
            gaps.append(abs(float(here.mean() - others.mean())) / spread if spread > 0.0 else 0.0)
    return BalanceRow(name, tuple(means), max(gaps), max(gaps) > _FLAGGED_SMD)


def designs(
    clusters: int, outlook: Outlook, *, first_start: int, step: int = 1, most_waves: int = 6
) -> list[DesignOffer]:
    """Return the ways to roll out to `clusters` dealt units: at once, one half waiting, and stepped wedges.

    The first wave starts at position `first_start` of the periods (so many are observed before, at least one), each
    further one `step` later. Raises `Invalid` (`too_few_units`, `invalid_option`).
    """
    if clusters < _LEAST_CLUSTERS:
        raise _refused("too_few_units", f"{clusters} dealt units; at least {_LEAST_CLUSTERS} are needed")
    if not 1 <= first_start < outlook.periods or step < 1:
        raise _refused(
            "invalid_option", "the first wave must start within the periods, after the first, and steps be >= 1"
        )
    offers = [_offer("at_once", (first_start,), clusters, outlook)]
    offers.append(_offer("half_waits", (first_start, None), clusters, outlook))
    for waves in range(2, most_waves + 1):
        starts = tuple(first_start + step * wave for wave in range(waves))
        if starts[-1] < outlook.periods and clusters >= 2 * waves:
            offers.append(_offer(f"stepped_wedge_{waves}", starts, clusters, outlook))
    return offers


def _offer(name: str, starts: tuple[int | None, ...], clusters: int, outlook: Outlook) -> DesignOffer:
    share, rest = divmod(clusters, len(starts))
    sizes = tuple(share + (wave < rest) for wave in range(len(starts)))
    waves = np.repeat(np.arange(len(starts)), sizes)
    found = smallest_effect([starts[wave] for wave in waves], outlook)
    reason = None if found is not None else "Nobody waits while others are exposed, so there is nobody to compare with."
    return DesignOffer(name, starts, sizes, found, reason)


def smallest_effect(
    starts: Sequence[int | None], outlook: Outlook, *, sizes: Sequence[float] | None = None
) -> float | None:
    """Return the effect found with the outlook's power when dealt unit i starts at period `starts[i]` (None: never).

    `sizes` are the persons in each dealt unit (its mean for all, if None). None where exposure never differs between
    units in the same period. Raises `Invalid` (`invalid_option`).
    """
    _check_outlook(outlook)
    times = np.arange(outlook.periods)
    begin = np.array([outlook.periods if start is None else start for start in starts])
    exposed = (times[None, :] >= begin[:, None]).astype(np.float64)
    exposed = exposed[:, ~exposed.all(axis=0)]
    if exposed.size == 0 or not exposed.any():
        return None
    rest = exposed - exposed.mean(axis=0) - exposed.mean(axis=1, keepdims=True) + exposed.mean()
    information = float((rest**2).sum())
    if information <= _NOTHING:
        return None
    correlation = correlations(exposed.shape[1], outlook.rho, outlook.serial)
    persons = np.asarray(sizes if sizes is not None else [outlook.cluster_size] * len(starts), dtype=np.float64)
    scale = outlook.sd**2 * (outlook.icc + (1.0 - outlook.icc) / persons)
    variance = float((scale * np.einsum("ct,ts,cs->c", rest, correlation, rest)).sum()) / information**2
    df = float(max(len(starts) - 2, 1))
    return multiple(outlook.alpha, df, outlook.power) * float(np.sqrt(variance))


def _check_outlook(outlook: Outlook) -> None:
    wrong = {
        "periods": outlook.periods < 1,
        "sd": outlook.sd <= 0.0,
        "cluster_size": outlook.cluster_size < 1.0,
        "icc": not 0.0 <= outlook.icc <= 1.0,
        "rho": not -1.0 < outlook.rho < 1.0,
    }
    for name, fails in wrong.items():
        if fails:
            raise _refused("invalid_option", f"{name} cannot be {getattr(outlook, name)}")


def _refused(code: str, detail: str) -> Invalid:
    return Invalid(f"This rollout cannot be planned: {detail}.", errors=(Fault(code, detail),))
