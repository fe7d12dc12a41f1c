"""What a panel holds before anything is estimated: its shape, its counts and how alike the two sides were at first."""

from __future__ import annotations

from typing import Any

import numpy as np

from app.domain.impact import balance
from app.domain.impact.linear import FloatArray
from app.domain.impact.panel import BoolArray, Panel
from app.domain.impact.result import json_safe

_FLAGGED_SMD = 0.25  # impact.md 3.6: beyond it, a difference at the baseline is told


def described(panel: Panel) -> dict[str, Any]:
    """Return, as JSON values, the panel's shape, units, clusters and periods, its balance and its data diagnostics.

    `balance` compares the ever exposed with the others in each unit's first period: the mean of every covariate, and of
    the outcome where that period lies before all exposure, with the standardised mean difference.
    """
    treated = panel.ever_exposed
    found = {
        "shape": panel.shape,
        "units": panel.n_units,
        "exposed_units": int(treated.sum()),
        "clusters": None if panel.cluster is None else int(panel.cluster.max()) + 1,
        "periods": panel.period_labels,
        "observations": len(panel.outcome),
        "exposure_lasts": panel.absorbing,
        "balance": _balance(panel),
        "diagnostics": balance.report(panel, np.ones(panel.n_units, dtype=np.bool_)),
    }
    answer: dict[str, Any] = json_safe(found)
    return answer


def exposed_side(panel: Panel) -> dict[str, float | None]:
    """Return what the exposed units did: periods since exposure per unit, the level before and the raw change since.

    Means are over unit-periods; None where none was observed.
    """
    since = panel.exposed > 0.0
    before = ~since & panel.ever_exposed[panel.unit]
    units = len(np.unique(panel.unit[since]))
    level = float(panel.outcome[before].mean()) if before.any() else None
    after = float(panel.outcome[since].mean()) if units else None
    return {
        "periods": float(since.sum()) / units if units else 0.0,
        "level_before": level,
        "raw_change": None if level is None or after is None else after - level,
    }


def _balance(panel: Panel) -> list[dict[str, Any]]:
    first = np.zeros(len(panel.unit), dtype=np.bool_)
    order = np.lexsort((panel.period, panel.unit))
    first[order[np.r_[True, np.diff(panel.unit[order]) > 0]]] = True
    treated = panel.ever_exposed[panel.unit[first]]
    columns = {name: values[first] for name, values in panel.covariates.items()}
    if not (panel.exposed[first] > 0.0).any() and panel.n_periods > 1:
        columns = {"outcome": panel.outcome[first], **columns}
    return [_row(name, values, treated) for name, values in columns.items()]


def _row(name: str, values: FloatArray, treated: BoolArray) -> dict[str, Any]:
    sides = [values[treated], values[~treated]]
    means = [float(side.mean()) if len(side) else None for side in sides]
    smd = None
    if None not in means:
        spread = float(np.sqrt((sides[0].var() + sides[1].var()) / 2.0))
        gap = float(sides[0].mean() - sides[1].mean())
        smd = gap / spread if spread > 0.0 else None if gap else 0.0
    return {
        "variable": name,
        "mean_exposed": means[0],
        "mean_others": means[1],
        "standardised_difference": smd,
        "flagged": smd is not None and abs(smd) > _FLAGGED_SMD,
    }
