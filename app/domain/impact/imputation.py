"""Imputation (Borusyak, Jaravel and Spiess 2024, doi:10.1093/restud/rdae007): what the exposed would have had.

Unit and period effects (and covariates) are fitted on unexposed rows only; each exposed row's effect is its outcome
less what they predict. More precise than Callaway and Sant'Anna where trends are parallel in every period, and more
biased where they are not.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from app.domain.errors import Fault, Invalid
from app.domain.impact import balance
from app.domain.impact.findings import before_exposure, concluded
from app.domain.impact.grade import MINIMUM_CELL
from app.domain.impact.inference import Assigned, Inference, from_standard_error, refused
from app.domain.impact.linear import FloatArray, IntArray, codes_of, interval_around, t_two_sided, total_by
from app.domain.impact.options import Estimator, Options
from app.domain.impact.panel import BoolArray, Panel, Shape
from app.domain.impact.pretrends import Headline
from app.domain.impact.result import (
    Aggregation,
    AggregationKind,
    Diagnostic,
    EffectResult,
    EffectRow,
    StandardError,
    StandardErrorKind,
    Verdict,
)
from app.domain.impact.within import Effects

_KINDS = (AggregationKind.SIMPLE, AggregationKind.GROUP, AggregationKind.DYNAMIC, AggregationKind.CALENDAR)


@dataclass(frozen=True, slots=True, eq=False)
class Imputed:
    """Rows (n) with `effect` = outcome less prediction: the effect where `exposed`, the residual where not.

    `horizon` counts periods since the first exposed one. `clusters` are codes of assignment. `design` (n x k) holds the
    covariates less their unit and period effects among the unexposed rows, `inverse` their cross products' inverse.
    """

    panel: Panel
    effects: Effects
    exposed: BoolArray
    effect: FloatArray
    horizon: IntArray
    clusters: IntArray
    design: FloatArray
    inverse: FloatArray

    def average(self, chosen: BoolArray) -> tuple[float, float]:
        """Return the mean effect over the `chosen` exposed rows and its standard error.

        The error is the conservative one of the paper's section 4.3: treated residuals are taken about the mean of
        their cohort and period.
        """
        weights = np.where(chosen, self.effects.weights, 0.0)
        weights /= weights.sum()
        value = float(weights @ self.effect)
        load = weights - self._pull(weights)
        summed = total_by(load * self._residual(weights), self.clusters)
        return value, float(np.sqrt((summed**2).sum()))

    def _pull(self, weights: FloatArray) -> FloatArray:
        """Return the weight of each unexposed row's outcome in the predictions that `weights` average."""
        free = np.where(self.exposed, 0.0, self.effects.weights)
        part = Effects(self.effects.unit, self.effects.period, free)
        of_unit, of_period = part.solve(
            total_by(weights, part.unit, part.n_units), total_by(weights, part.period, part.n_periods)
        )
        pulled = free * (of_unit[part.unit] + of_period[part.period])
        if self.design.shape[1]:
            pulled += free * (self.design @ (self.inverse @ (self.design.T @ weights)))
        return pulled

    def _residual(self, weights: FloatArray) -> FloatArray:
        """Return the residuals: of exposed rows about the weighted mean of their cohort and period."""
        panel = self.panel
        group = panel.first[panel.unit] * panel.n_periods + panel.period
        squared = weights**2
        mass = total_by(squared, group)
        mean = total_by(squared * self.effect, group) / np.where(mass > 0.0, mass, 1.0)
        return np.where(self.exposed, self.effect - mean[group], self.effect)


def impute(panel: Panel, options: Options) -> Imputed:
    """Return each exposed row's effect.

    Rows that cannot be predicted are left out: those of units without an unexposed row, and those of periods in which
    everyone is exposed. Raises `Invalid` (`nothing_imputable`) if none is left.
    """
    panel.require_shape(Shape.PANEL)
    panel.require_absorbing()
    panel.require_comparison()
    exposed = panel.period >= panel.first[panel.unit] - options.anticipation
    units = np.bincount(panel.unit[~exposed], minlength=panel.n_units) > 0
    periods = np.bincount(panel.period[~exposed], minlength=panel.n_periods) > 0
    panel = panel.rows(units[panel.unit] & periods[panel.period])
    exposed = panel.period >= panel.first[panel.unit] - options.anticipation
    if not bool(exposed.any()):
        raise Invalid(
            "No exposed outcome can be predicted: every exposed unit or period lacks unexposed rows.",
            errors=(Fault("nothing_imputable", "no unexposed rows to learn from", pointer="/panel"),),
        )
    weights = np.ones(len(panel.outcome)) if panel.weights is None else panel.weights
    effects = Effects(panel.unit, panel.period, weights)
    part = Effects(panel.unit, panel.period, np.where(exposed, 0.0, weights))
    covariates = np.column_stack([np.zeros((len(exposed), 0)), *(panel.column(name) for name in options.covariates)])
    swept = np.column_stack([np.zeros((len(exposed), 0)), *(part.without_both(one) for one in covariates.T)])
    gram = (swept * part.weights[:, None]).T @ swept
    inverse = np.asarray(np.linalg.pinv(gram, hermitian=True)) if len(gram) else gram
    effect = part.without_both(panel.outcome)
    effect -= swept @ (inverse @ (swept.T @ (part.weights * effect)))
    return Imputed(
        panel=panel,
        effects=effects,
        exposed=exposed,
        effect=effect,
        horizon=panel.period - panel.first[panel.unit],
        clusters=codes_of(panel.unit_cluster[panel.unit]),
        design=swept,
        inverse=inverse,
    )


def imputation(panel: Panel, options: Options) -> EffectResult:
    """Return the mean effect over exposed rows, and by cohort, time since exposure and period."""
    imputed = impute(panel, options)
    kept = imputed.panel
    since = imputed.exposed & (imputed.horizon >= 0)
    value, error = imputed.average(since)
    df = float(imputed.clusters.max())
    found = _precision(value, error, imputed, df, options)
    used = np.isin(np.arange(panel.n_units), kept.unit)
    headline = Headline(value, error, float(imputed.horizon[since].mean()) + 1.0, df, options.level)
    kinds = [kind for kind in (options.aggregations or _KINDS) if kind in _KINDS]
    left_out = len(panel.outcome) - len(kept.outcome)
    rows = Diagnostic(
        "imputed_rows",
        Verdict.INFO,
        f"{int(since.sum())} exposed outcomes are compared with predictions; {left_out} rows cannot be predicted.",
        {"imputed": int(since.sum()), "left_out": left_out},
    )
    return concluded(
        "imputation",
        panel,
        options,
        value=value,
        found=found,
        used=used,
        observations=len(kept.outcome),
        sample=balance.sample_of(panel, used, observations=len(kept.outcome)),
        aggregations=tuple(_aggregation(kind, imputed, since, df, options) for kind in kinds),
        diagnostics=(rows, *before_exposure(panel, options, headline)),
    )


def _precision(value: float, error: float, imputed: Imputed, df: float, options: Options) -> Inference:
    exposed = (imputed.panel.first < imputed.panel.n_periods).astype(np.float64)[imputed.panel.unit]
    counted = Assigned(imputed.clusters, exposed).counted()
    found = from_standard_error(value, StandardError(error, StandardErrorKind.CLUSTER), df=df, level=options.level)
    reason = counted.refusal(StandardErrorKind.CLUSTER)
    if options.standard_error is None and counted.rule(StandardErrorKind.CLUSTER) is not StandardErrorKind.CLUSTER:
        reason = reason or (
            f"{counted.total} clusters, {counted.exposed} of them exposed, are too few for this standard error: "
            "callaway_santanna has randomisation inference."
        )
    return found if reason is None else refused(found, reason)


def _aggregation(kind: AggregationKind, imputed: Imputed, since: BoolArray, df: float, options: Options) -> Aggregation:
    panel = imputed.panel
    by = {
        AggregationKind.GROUP: panel.first[panel.unit],
        AggregationKind.DYNAMIC: imputed.horizon,
        AggregationKind.CALENDAR: panel.period,
    }
    overall = _row(None, *imputed.average(since), df, options.level)
    if kind not in by:
        return Aggregation(kind, overall)
    places: Iterable[int] = np.unique(by[kind][since]).tolist()
    rows = []
    for at in places:
        chosen = since & (by[kind] == at)
        label = at if kind is AggregationKind.DYNAMIC else panel.period_labels[at]
        if len(np.unique(panel.unit[chosen])) < MINIMUM_CELL:
            rows.append(EffectRow(label, None, None, suppressed=f"fewer than {MINIMUM_CELL} exposed units"))
        else:
            rows.append(_row(label, *imputed.average(chosen), df, options.level))
    return Aggregation(kind, overall, tuple(rows))


def _row(at: int | str | None, value: float, error: float, df: float, level: float) -> EffectRow:
    if error <= 0.0:
        return EffectRow(at, value, None)
    interval = interval_around(value, error, df=df, level=level)
    return EffectRow(at, value, error, interval, p_value=t_two_sided(value / error, df))


ESTIMATORS = (Estimator("imputation", "Imputation (Borusyak, Jaravel, Spiess)", imputation),)
