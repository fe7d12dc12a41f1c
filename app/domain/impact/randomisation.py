"""Randomisation inference: what the estimate would be, had chance dealt exposure to the clusters otherwise.

Under the sharp null of a constant effect the outcomes without it are known, so the distribution over all deals is
exact, however few the clusters (Fisher 1935; Rosenbaum 2002; MacKinnon and Webb 2020,
doi:10.1016/j.jeconom.2020.04.024).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from app.domain.impact.linear import FloatArray, IntArray
from app.domain.impact.wild_bootstrap import bound

LEAST_DEALS = 40  # impact.md 3.4: below, no 5 % test is possible
_ENUMERATED = 5000
_TIE = 1e-9
_COUNTED = 10**15
_LEAST_DRAWS = 99
_MOST_CELLS = 5_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Deals:
    """Ways to deal the arms to the clusters: B x G arm codes. `exact`: all of them, the real one included."""

    arms: IntArray
    exact: bool
    possible: int


@dataclass(frozen=True, slots=True)
class Randomised:
    """p-value of no effect, the constant effects not rejected at 1 - level, and the spread over the deals."""

    p_value: float
    low: float | None
    high: float | None
    spread: float


def possible_deals(arms: IntArray) -> int:
    """Return in how many ways the arms (per cluster, codes) can be dealt, keeping each arm's size; at most 10^15."""
    counts = np.bincount(arms).tolist()
    if math.lgamma(len(arms) + 1) - sum(math.lgamma(count + 1) for count in counts) > math.log(_COUNTED):
        return _COUNTED
    return math.factorial(len(arms)) // math.prod(math.factorial(count) for count in counts)


def deal(arms: IntArray, rng: np.random.Generator, draws: int) -> Deals:
    """Return all deals where there are at most 5,000, else `draws` random ones; fewer, 99 at least, of many clusters.

    So many clusters need no finer p-value, and the deals of 100,000 would not fit into memory.
    """
    possible = possible_deals(arms)
    if possible <= _ENUMERATED:
        counts = np.bincount(arms).tolist()
        return Deals(np.array(list(_arrangements(counts, len(arms))), dtype=np.int64), True, possible)
    drawn = min(draws, max(_LEAST_DRAWS, _MOST_CELLS // len(arms)))
    order = np.argsort(rng.random((drawn, len(arms))), axis=1)
    return Deals(arms[order], False, possible)


def compare(
    under: FloatArray, slope: FloatArray, observed: tuple[float, float], deals: Deals, *, level: float
) -> Randomised:
    """Return the inference from a statistic that is linear in the outcome.

    `under` (B) is the statistic of the outcome under each deal, `slope` (B) that of the exposure column itself;
    `observed` is the same pair under the real deal. The estimate is their ratio.
    """
    value = observed[0] / observed[1]

    def p_value(null: float) -> float:
        seen = abs(observed[0] - null * observed[1])
        more = int((np.abs(under - null * slope) >= seen * (1.0 - _TIE)).sum())
        return more / len(under) if deals.exact else (1 + more) / (1 + len(under))

    spread = float(np.std(under - value * slope)) / abs(observed[1])
    if spread == 0.0:
        return Randomised(p_value(0.0), None, None, spread)
    low, high = (bound(p_value, value, side * spread, level=level) for side in (-1.0, 1.0))
    return Randomised(p_value(0.0), low, high, spread)


def _arrangements(counts: list[int], length: int) -> Iterator[list[int]]:
    """Yield every distinct order of `counts[code]` copies of each code."""
    if length == 0:
        yield []
        return
    for code, count in enumerate(counts):
        if count:
            left = [*counts[:code], count - 1, *counts[code + 1 :]]
            for rest in _arrangements(left, length - 1):
                yield [code, *rest]
