"""What a two-way fixed-effects coefficient is made of (Goodman-Bacon 2021, doi:10.1016/j.jeconom.2021.03.014).

It is a weighted mean of all two by two comparisons between cohorts; those that take units already exposed as controls
subtract effects from effects, and are the reason why the coefficient is no effect of anybody.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from app.domain.impact.linear import FloatArray
from app.domain.impact.panel import Panel


class Pairing(StrEnum):
    """Who serves as control: never exposed units, units exposed later, or units exposed already."""

    NEVER = "never_exposed"
    LATER = "exposed_later"
    EARLIER = "exposed_already"


@dataclass(frozen=True, slots=True)
class Comparison:
    """One two by two comparison: positions of the cohorts' first exposed periods, its weight and its estimate."""

    pairing: Pairing
    treated: int
    control: int
    weight: float
    value: float


@dataclass(frozen=True, slots=True, eq=False)
class _Group:
    """Units first exposed in the same period: share of all units, share of periods exposed, mean outcome (periods)."""

    first: int
    share: float
    exposed: float
    means: FloatArray


def decompose(panel: Panel) -> tuple[Comparison, ...]:
    """Return the comparisons, whose weights add up to 1 and whose weighted mean is the coefficient.

    Only units observed in every period enter; sampling weights are taken as each unit's mean.
    """
    groups = list(_groups(panel))
    raw = [one for group in groups for other in groups if group.first < other.first for one in _between(group, other)]
    total = sum(one.weight for one in raw)
    return tuple(
        Comparison(one.pairing, one.treated, one.control, one.weight / total, one.value) for one in raw if one.weight
    )


def _groups(panel: Panel) -> Iterator[_Group]:
    outcome = panel.wide()
    whole = ~np.isnan(outcome).any(axis=0)
    weights = np.ones(panel.n_units) if panel.weights is None else np.nanmean(panel.wide(panel.weights), axis=0)
    total = float(weights[whole].sum())
    for first in np.unique(panel.first[whole]).tolist():
        members = whole & (panel.first == first)
        held = weights[members]
        yield _Group(
            first=first,
            share=float(held.sum()) / total,
            exposed=1.0 - first / panel.n_periods,
            means=np.asarray(outcome[:, members] @ held / held.sum()),
        )


def _between(early: _Group, late: _Group) -> Iterator[Comparison]:
    """Yield the comparisons of two groups, with weights not yet scaled; formulas (10e) to (10g) of the paper."""
    size = early.share + late.share
    mix = early.share * late.share / size**2
    k, m = early.exposed, late.exposed
    gap = late.means - early.means
    if m == 0.0:
        if early.first:
            change = gap[: early.first].mean() - gap[early.first :].mean()
            yield Comparison(Pairing.NEVER, early.first, late.first, size**2 * mix * k * (1.0 - k), float(change))
        return
    if early.first:
        weight = size**2 * mix * (k - m) * (1.0 - k)
        change = gap[: early.first].mean() - gap[early.first : late.first].mean()
        yield Comparison(Pairing.LATER, early.first, late.first, weight, float(change))
    weight = size**2 * mix * m * (k - m)
    change = gap[late.first :].mean() - gap[early.first : late.first].mean()
    yield Comparison(Pairing.EARLIER, late.first, early.first, weight, float(change))
