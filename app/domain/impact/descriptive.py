"""What people compute without a design. Kept to be shown beside an effect; never called one (grade 1)."""

from __future__ import annotations

import numpy as np

from app.domain.errors import Fault, Invalid
from app.domain.impact import balance, inference
from app.domain.impact.grade import Evidence, Family, graded
from app.domain.impact.linear import FloatArray, LinearFit, least_squares
from app.domain.impact.options import Estimator, Options
from app.domain.impact.panel import BoolArray, Panel, Shape
from app.domain.impact.regressors import CONSTANT, EXPOSURE
from app.domain.impact.result import EffectResult, Estimand, StandardError
from app.domain.impact.result import StandardErrorKind as Kind


def completers_vs_others(panel: Panel, options: Options) -> EffectResult:
    """Return the exposed minus the never exposed, each unit's mean over the periods after everyone's start.

    `options.periods` narrows the periods. Raises `Invalid` without units on both sides.
    """
    panel.require_comparison()
    cohorts = panel.cohorts
    window = panel.rows(panel.period >= (int(cohorts[-1]) if len(cohorts) else 0))
    means = _unit_means(window)
    used = ~np.isnan(means)
    if panel.shape is Shape.CROSS_SECTION and panel.weights is not None:
        weights = panel.weights[np.argsort(panel.unit)]
    else:
        weights = None
    exposed = panel.ever_exposed[used].astype(np.float64)
    if not 0.0 < exposed.mean() < 1.0:
        raise Invalid(
            "There are no units on one side of the comparison in these periods.",
            errors=(Fault("empty_cell", "exposed or unexposed units are missing", pointer="/panel"),),
        )
    fit = least_squares(
        means[used], np.column_stack([np.ones(len(exposed)), exposed]), (CONSTANT, EXPOSURE), weights=weights
    )
    return _described("completers_vs_others", panel, options, fit=fit, name=EXPOSURE, used=used)


def before_after(panel: Panel, options: Options) -> EffectResult:
    """Return the mean over exposed units of (own mean since exposure - own mean before).

    Raises `Invalid` where no exposed unit is observed on both sides.
    """
    panel.require_shape(Shape.PANEL)
    before, after = own_means(panel)
    used = ~np.isnan(before) & ~np.isnan(after) & panel.ever_exposed
    if int(used.sum()) < 2:  # noqa: PLR2004  a spread needs two
        raise Invalid(
            "Fewer than two exposed units are observed both before and since exposure.",
            errors=(Fault("empty_cell", "no exposed unit is observed before and since exposure", pointer="/panel"),),
        )
    change = (after - before)[used]
    fit = least_squares(change, np.ones((len(change), 1)), ("change",))
    return _described("before_after", panel, options, fit=fit, name="change", used=used)


def own_means(panel: Panel) -> tuple[FloatArray, FloatArray]:
    """Return each unit's mean outcome before and since its exposure; NaN where there is none."""
    since = panel.period >= panel.first[panel.unit]
    return _unit_means(panel.rows(~since)), _unit_means(panel.rows(since))


def _unit_means(panel: Panel) -> FloatArray:
    counts = np.bincount(panel.unit, minlength=panel.n_units)
    totals = np.bincount(panel.unit, weights=panel.outcome, minlength=panel.n_units)
    return np.where(counts > 0, totals / np.maximum(counts, 1), np.nan)


def _described(
    slug: str, panel: Panel, options: Options, *, fit: LinearFit, name: str, used: BoolArray
) -> EffectResult:
    clusters = None if panel.cluster is None else panel.unit_cluster[used]
    kinds = list(inference.REGRESSION_KINDS if clusters is None else (*inference.REGRESSION_KINDS, Kind.CLUSTER))
    kind = Kind.HC2 if clusters is None else Kind.CLUSTER
    if options.standard_error in kinds:
        kind = options.standard_error
    errors = {one: StandardError(fit.standard_error(name, one, clusters), one) for one in kinds}
    found = inference.from_standard_error(
        float(fit.beta[fit.names.index(name)]),
        errors[kind],
        df=fit.df(kind, clusters),
        level=options.level,
        alternatives=tuple(error for other, error in errors.items() if other is not kind),
    )
    result = EffectResult(
        estimator=slug,
        estimand=Estimand.DESCRIPTIVE,
        value=float(fit.beta[fit.names.index(name)]),
        standard_error=found.standard_error,
        interval=found.interval,
        p_value=None,
        p_value_reason="This is a description and not an effect, so there is nothing to test.",
        sample=balance.sample_of(panel, used, observations=fit.n),
        df=found.df,
        transform=panel.transform,
        alternatives=found.alternatives,
        coefficients=fit.table(kind, clusters, level=options.level),
        diagnostics=balance.report(panel, used),
    )
    return graded(result, panel.design, Evidence(Family.DESCRIPTIVE))


ESTIMATORS = (
    Estimator("before_after", "Before and after (descriptive)", before_after, descriptive=True),
    Estimator("completers_vs_others", "Exposed and others (descriptive)", completers_vs_others, descriptive=True),
)
