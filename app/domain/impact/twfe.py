"""Two-way fixed effects, computed only to be taken apart: what the usual regression would have said, and why."""

from __future__ import annotations

import numpy as np

from app.domain.impact.bacon import Comparison, Pairing, decompose
from app.domain.impact.findings import before_exposure, concluded
from app.domain.impact.grade import Family
from app.domain.impact.inference import Assigned, of_coefficient
from app.domain.impact.linear import codes_of
from app.domain.impact.options import Estimator, Options
from app.domain.impact.panel import Panel, Shape
from app.domain.impact.pretrends import Headline
from app.domain.impact.regressors import EXPOSURE, Rows
from app.domain.impact.result import Diagnostic, EffectResult, StandardErrorKind, Verdict
from app.domain.impact.within import Effects


def twfe(panel: Panel, options: Options) -> EffectResult:
    """Return the coefficient of exposure with unit and period effects, on units observed in every period.

    A diagnostic, grade 1 at most; the decomposition stands in the diagnostic `bacon`.
    Raises `Invalid` where exposure ends or nobody can be compared.
    """
    panel.require_shape(Shape.PANEL)
    panel.require_absorbing()
    panel.require_comparison()
    whole = np.bincount(panel.unit, minlength=panel.n_units) == panel.n_periods
    balanced = panel.rows(whole[panel.unit])
    balanced.require_comparison()
    weights = np.ones(len(balanced.outcome)) if balanced.weights is None else balanced.weights
    unit = codes_of(balanced.unit)
    effects = Effects(unit, balanced.period, weights)
    rows = Rows(
        outcome=effects.without_both(balanced.outcome),
        names=(EXPOSURE,),
        design=effects.without_both(balanced.exposed)[:, None],
        unit=balanced.unit,
        period=balanced.period,
        weights=balanced.weights,
    )
    fit = rows.fit(absorbed=effects.n_units + effects.n_periods - 1, centred=False)
    labels = panel.unit_cluster[rows.unit]
    found, table = of_coefficient(
        fit,
        EXPOSURE,
        options,
        default=StandardErrorKind.CLUSTER,
        clusters=labels,
        assigned=Assigned(codes_of(labels), balanced.exposed, rows.period, dealable=False),
    )
    value = float(fit.beta[0])
    error = None if found.standard_error is None else found.standard_error.value
    headline = Headline(value, error, panel.n_periods / 2.0, found.df, options.level)
    return concluded(
        "twfe",
        panel,
        options,
        value=value,
        found=found,
        used=whole,
        observations=fit.n,
        family=Family.DIAGNOSTIC,
        table=table,
        diagnostics=(_bacon(balanced, value), *before_exposure(panel, options, headline)),
    )


def _bacon(panel: Panel, value: float) -> Diagnostic:
    parts = decompose(panel)
    share = {kind: sum(one.weight for one in parts if one.pairing is kind) for kind in Pairing}
    forbidden = share[Pairing.EARLIER]
    said = f"{forbidden:.0%} of the weight is on comparisons with units exposed already."
    values = {
        "weights": {kind.value: weight for kind, weight in share.items()},
        "means": {kind.value: _mean(parts, kind) for kind in Pairing},
        "comparisons": [_told(one, panel) for one in parts],
        "weighted_mean": sum(one.weight * one.value for one in parts),
        "coefficient": value,
    }
    return Diagnostic("bacon", Verdict.FLAG if forbidden > 0.0 else Verdict.OK, said, values)


def _mean(parts: tuple[Comparison, ...], kind: Pairing) -> float | None:
    weight = sum(one.weight for one in parts if one.pairing is kind)
    return sum(one.weight * one.value for one in parts if one.pairing is kind) / weight if weight else None


def _told(one: Comparison, panel: Panel) -> dict[str, str | int | float]:
    return {
        "pairing": one.pairing.value,
        "treated": _label(one.treated, panel),
        "control": _label(one.control, panel),
        "weight": one.weight,
        "value": one.value,
    }


def _label(first: int, panel: Panel) -> int | str:
    return panel.period_labels[first] if first < panel.n_periods else "never"


ESTIMATORS = (Estimator("twfe", "Two-way fixed effects (diagnostic)", twfe),)
