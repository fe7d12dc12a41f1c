"""First differences: change of the outcome on change of exposure (Wooldridge 2010, section 10.6)."""

from __future__ import annotations

import numpy as np

from app.domain.errors import Fault, Invalid
from app.domain.impact import inference
from app.domain.impact.findings import before_exposure, concluded
from app.domain.impact.inference import Assigned
from app.domain.impact.linear import FloatArray, codes_of
from app.domain.impact.options import Estimator, Options
from app.domain.impact.panel import Panel, Shape
from app.domain.impact.pretrends import Headline
from app.domain.impact.regressors import (
    CONSTANT,
    EXPOSURE,
    Columns,
    Rows,
    columns,
    regression_facts,
    staggered,
    without_redundant,
)
from app.domain.impact.result import EffectResult, StandardErrorKind


def first_difference(panel: Panel, options: Options) -> EffectResult:
    """Return the effect of exposure from changes between consecutive periods; each has its own intercept.

    Raises `Invalid` where no unit is observed in two consecutive periods or exposure never changes.
    """
    panel.require_shape(Shape.PANEL)
    panel.require_comparison()
    rows, dropped = without_redundant(_changes(columns(panel, options), panel), options.covariates)
    fit = rows.fit()
    repeated = len(np.unique(rows.unit)) < len(rows.unit)
    grouped = panel.cluster is not None or repeated
    labels = panel.unit_cluster[rows.unit]
    found, table = inference.of_coefficient(
        fit,
        EXPOSURE,
        options,
        default=StandardErrorKind.CLUSTER if grouped else StandardErrorKind.HC2,
        clusters=labels if grouped else None,
        assigned=Assigned(
            clusters=codes_of(labels),
            target=fit.design[:, fit.names.index(EXPOSURE)],
            periods=rows.period,
            dependent=tuple(name for name in fit.names if name.startswith(f"{EXPOSURE}_lag")),
        ),
        randomised=panel.design.assignment.randomised,
    )
    used = np.isin(np.arange(panel.n_units), rows.unit)
    value = float(fit.beta[fit.names.index(EXPOSURE)])
    error = None if found.standard_error is None else found.standard_error.value
    facts = before_exposure(panel, options, Headline(value, error, 1.0, found.df, options.level))
    return concluded(
        "first_difference",
        panel,
        options,
        value=value,
        found=found,
        used=used,
        observations=fit.n,
        table=table,
        diagnostics=(regression_facts(fit, dropped), *staggered(panel), *facts),
    )


def _changes(held: Columns, panel: Panel) -> Rows:
    complete = held.complete
    both = complete[1:] & complete[:-1]
    period, unit = np.nonzero(both)
    if not len(unit):
        raise Invalid(
            "No unit is observed in two consecutive periods.",
            errors=(Fault("no_changes", "no unit is observed in two consecutive periods", pointer="/panel"),),
        )
    ends = np.unique(period)
    dummies = [(period == end).astype(np.float64) for end in ends[1:]]
    names = (CONSTANT, *(str(panel.period_labels[end + 1]) for end in ends[1:]), *held.names)
    changes = [(one[1:] - one[:-1])[both] for one in held.regressors]
    weights: FloatArray | None = None if held.weights is None else held.weights[1:][both]
    return Rows(
        outcome=(held.outcome[1:] - held.outcome[:-1])[both],
        names=names,
        design=np.column_stack([np.ones(len(unit)), *dummies, *changes]),
        unit=unit,
        period=period + 1,
        weights=weights,
    )


ESTIMATORS = (Estimator("first_difference", "First differences", first_difference),)
