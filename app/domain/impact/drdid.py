"""Difference in differences given covariates, for one start date (Sant'Anna and Zhao 2020): dr_did, or_did, ipw_did."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from app.domain.impact.cross_section import CrossSection
from app.domain.impact.did import change_rows, horizon_of
from app.domain.impact.doubly_robust import Contrast, contrast
from app.domain.impact.findings import before_exposure, concluded
from app.domain.impact.inference import Assigned, Inference, from_randomisation, from_standard_error, refused
from app.domain.impact.linear import FloatArray, codes_of, sum_by
from app.domain.impact.options import CellMethod, Estimator, Options
from app.domain.impact.overlap import overlap
from app.domain.impact.panel import Panel, Shape
from app.domain.impact.pretrends import Headline
from app.domain.impact.regressors import EXPOSURE, Rows
from app.domain.impact.result import Diagnostic, EffectResult, StandardError, StandardErrorKind

Kind = StandardErrorKind


def dr_did(panel: Panel, options: Options) -> EffectResult:
    """Return the doubly robust effect: right if either the model of changes or that of exposure is."""
    return _adjusted("dr_did", CellMethod.DOUBLY_ROBUST, panel, options)


def or_did(panel: Panel, options: Options) -> EffectResult:
    """Return the effect by a regression of changes among the controls."""
    return _adjusted("or_did", CellMethod.OUTCOME_REGRESSION, panel, options)


def ipw_did(panel: Panel, options: Options) -> EffectResult:
    """Return the effect with controls weighted by their odds of exposure, the weights adding up to one (Hajek)."""
    return _adjusted("ipw_did", CellMethod.INVERSE_PROPENSITY, panel, options)


def _adjusted(slug: str, method: CellMethod, panel: Panel, options: Options) -> EffectResult:
    """Compare each unit's mean since the start less its mean before, given covariates from the last period before.

    Raises `Invalid`: several start dates, exposure that ends, repeated cross-sections, collinear covariates, or
    covariates that tell the groups apart perfectly.
    """
    panel.require_shape(Shape.PANEL)
    panel.require_absorbing()
    panel.require_comparison()
    rows = change_rows(panel, options)
    exposed = rows.design[:, rows.names.index(EXPOSURE)]
    covariates = rows.design[:, len(rows.names) - len(options.covariates) :]
    weights = None if rows.weights is None else rows.weights / rows.weights.mean()
    fitted = contrast(exposed, covariates, options.covariates, method=method, weights=weights)
    value, influence = fitted.effect(rows.outcome)
    found = _precision(value, influence, panel, rows, options)
    error = None if found.standard_error is None else found.standard_error.value
    headline = Headline(value, error, horizon_of(panel), found.df, options.level)
    return concluded(
        slug,
        panel,
        options,
        value=value,
        found=found,
        used=np.isin(np.arange(panel.n_units), rows.unit),
        observations=len(rows.outcome),
        diagnostics=(
            *_overlap(fitted, rows, covariates, panel, options),
            *before_exposure(panel, replace(options, cell_method=method), headline),
        ),
    )


def _precision(value: float, influence: FloatArray, panel: Panel, rows: Rows, options: Options) -> Inference:
    clusters = codes_of(panel.unit_cluster[rows.unit])
    summed = sum_by(influence[:, None], clusters)[:, 0]
    factor = 1.0 if panel.cluster is None else len(summed) / max(len(summed) - 1, 1)
    error = StandardError(float(np.sqrt((summed**2).sum() * factor)) / len(influence), Kind.CLUSTER)
    assigned = Assigned(clusters, rows.design[:, rows.names.index(EXPOSURE)])
    counted = assigned.counted()
    kind = options.standard_error
    if kind is None:
        kind = counted.rule(Kind.CLUSTER, randomised=panel.design.assignment.randomised)
    if kind in {Kind.RANDOMISATION, Kind.WILD_BOOTSTRAP} and counted.refusal(Kind.RANDOMISATION) is None:
        dealt = assigned.dealt_anew(rows.fit(), EXPOSURE, options)
        return from_randomisation(dealt, level=options.level, alternatives=(error,))
    found = from_standard_error(value, error, df=float(len(summed) - 1), level=options.level)
    reason = counted.refusal(Kind.CLUSTER)
    return found if reason is None else refused(found, reason)


def _overlap(
    fitted: Contrast, rows: Rows, covariates: FloatArray, panel: Panel, options: Options
) -> tuple[Diagnostic, ...]:
    if fitted.score is None or not options.covariates:
        return ()
    exposed = rows.design[:, rows.names.index(EXPOSURE)]
    data = CrossSection(
        outcome=rows.outcome,
        exposed=exposed,
        covariates=covariates,
        names=options.covariates,
        weights=rows.weights,
        randomised=panel.design.assignment.randomised,
    )
    return (overlap(data, fitted.score, fitted.control_weights[exposed == 0.0]).diagnostic(),)


ESTIMATORS = (
    Estimator("dr_did", "Difference in differences, doubly robust", dr_did),
    Estimator("or_did", "Difference in differences by outcome regression", or_did),
    Estimator("ipw_did", "Difference in differences by inverse propensity weights", ipw_did),
)
