"""Units that drop out: the effect on staying is told first, then how far the effect on the outcome could lie.

An outcome that is missing because its unit left is never filled in. Where exposure changes who stays, even a
randomised comparison of those who stayed is of different people: Lee (2009, doi:10.1111/j.1467-937X.2009.00536.x)
bounds the effect on those who stay either way by trimming the side that kept more (impact.md 3.9).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from app.domain.impact.linear import FloatArray, normal_quantile, sum_by, t_two_sided
from app.domain.impact.panel import BoolArray, Panel, Shape
from app.domain.impact.result import Diagnostic, Verdict

_ALPHA = 0.05
_LEAST = 5  # units on a side, before and after trimming


@dataclass(frozen=True, slots=True, eq=False)
class _Followed:
    """Units seen before the first exposure: which stayed to the last period, and the change of those."""

    treated: BoolArray
    stayed: BoolArray
    change: FloatArray
    cluster: FloatArray


def report(panel: Panel, wide: FloatArray) -> tuple[Diagnostic, ...]:
    """Return the effect on staying and, where anybody left, the bounds; nothing where units are not followed.

    `wide` are the outcomes, periods x units (`Panel.wide`).
    """
    followed = _follow(panel, wide)
    if followed is None:
        return ()
    staying = _staying(followed)
    return (staying, _bounds(followed)) if bool((~followed.stayed).any()) else (staying,)


def _follow(panel: Panel, wide: FloatArray) -> _Followed | None:
    if panel.shape is not Shape.PANEL or not len(panel.cohorts):
        return None
    start = int(panel.cohorts[0])
    if not 0 < start < panel.n_periods:
        return None
    seen = ~np.isnan(wide)
    known = seen[:start].any(axis=0)
    treated = panel.ever_exposed
    if min(int((treated & known).sum()), int((~treated & known).sum())) < _LEAST:
        return None
    counts = np.maximum(seen[:start].sum(axis=0), 1)
    level = np.where(seen[:start], wide[:start], 0.0).sum(axis=0) / counts
    change = wide[-1] - level
    return _Followed(treated[known], seen[-1][known], change[known], panel.unit_cluster[known].astype(np.float64))


def _staying(followed: _Followed) -> Diagnostic:
    """Return the difference in the share that stayed, with the cluster-robust error of two means."""
    rates, variance = [], 0.0
    for side in (followed.treated, ~followed.treated):
        stayed = followed.stayed[side].astype(np.float64)
        rate = float(stayed.mean())
        _, groups = np.unique(followed.cluster[side], return_inverse=True)
        summed = sum_by((stayed - rate)[:, None], groups.astype(np.int64).ravel())[:, 0]
        count = len(summed)
        variance += float((summed**2).sum()) / len(stayed) ** 2 * (count / (count - 1) if count > 1 else math.inf)
        rates.append(rate)
    effect = rates[0] - rates[1]
    error = math.sqrt(variance) if math.isfinite(variance) else None
    p_value = t_two_sided(effect / error, None) if error else None
    half = None if error is None else normal_quantile(1 - _ALPHA / 2) * error
    moved = p_value is not None and p_value < _ALPHA
    return Diagnostic(
        "retention",
        Verdict.FLAG if moved else Verdict.INFO,
        f"Of the exposed {rates[0]:.1%} stayed to the last period, of the others {rates[1]:.1%}: a difference of "
        f"{effect:+.1%}" + (", more than chance." if moved else "."),
        {
            "treated": rates[0],
            "control": rates[1],
            "effect": effect,
            "standard_error": error,
            "p_value": p_value,
            "low": None if half is None else effect - half,
            "high": None if half is None else effect + half,
        },
    )


def _bounds(followed: _Followed) -> Diagnostic:
    """Return Lee's bounds on the change from before exposure to the last period, for those who stay either way."""
    kept = [float(followed.stayed[side].mean()) for side in (followed.treated, ~followed.treated)]
    sides = [np.sort(followed.change[side & followed.stayed]) for side in (followed.treated, ~followed.treated)]
    more = 0 if kept[0] >= kept[1] else 1
    share = (kept[more] - kept[1 - more]) / kept[more] if kept[more] > 0.0 else 0.0
    cut = round(share * len(sides[more]))
    if min(len(sides[0]), len(sides[1])) < _LEAST or len(sides[more]) - cut < _LEAST:
        return Diagnostic("lee_bounds", Verdict.UNAVAILABLE, "Too few units stayed to bound the effect.")
    other = float(sides[1 - more].mean())
    trimmed = [float(sides[more][: len(sides[more]) - cut].mean()), float(sides[more][cut:].mean())]
    low, high = sorted((one - other) * (1.0 if more == 0 else -1.0) for one in trimmed)
    holds_zero = low <= 0.0 <= high
    return Diagnostic(
        "lee_bounds",
        Verdict.FLAG if cut and holds_zero else Verdict.INFO,
        f"For units that stay either way the change differs by {low:.4g} to {high:.4g}, whoever it was that left.",
        {"low": low, "high": high, "trimmed_share": share, "trimmed": "treated" if more == 0 else "control"},
    )
