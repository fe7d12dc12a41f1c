"""Two by two difference in differences, on the same units or on repeated cross-sections."""

from __future__ import annotations

import numpy as np

from app.domain.errors import Fault, Invalid
from app.domain.impact import inference
from app.domain.impact.findings import before_exposure, concluded
from app.domain.impact.inference import Assigned
from app.domain.impact.linear import FloatArray, codes_of
from app.domain.impact.options import Estimator, Options
from app.domain.impact.panel import BoolArray, Panel, Shape
from app.domain.impact.pretrends import Headline
from app.domain.impact.regressors import CONSTANT, EXPOSURE, Rows, regression_facts
from app.domain.impact.result import EffectResult, StandardErrorKind

_SINCE, _GROUP = "since", "group"
_CELL_NAMES = ("exposed before", "exposed since", "others before", "others since")


def did_2x2(panel: Panel, options: Options) -> EffectResult:
    """Return (change of the exposed) - (change of the others), for one start date.

    On a panel each unit's mean since the start minus its mean before is regressed on exposure, and on the covariates as
    they stood in the last period before. On repeated cross-sections the outcome is regressed on period, group, their
    product (the effect) and the covariates; exposure must then be told as first exposed period.

    Raises `Invalid`: several start dates (use callaway_santanna), exposure that ends, an empty cell of the four.
    """
    panel.require_shape(Shape.PANEL, Shape.REPEATED_CROSS_SECTION)
    panel.require_absorbing()
    panel.require_comparison()
    repeated = panel.shape is Shape.REPEATED_CROSS_SECTION
    rows = _pooled_rows(panel, options) if repeated else change_rows(panel, options)
    fit = rows.fit()
    clusters = None if panel.cluster is None else panel.unit_cluster[rows.unit]
    found, table = inference.of_coefficient(
        fit,
        EXPOSURE,
        options,
        default=StandardErrorKind.HC2 if clusters is None else StandardErrorKind.CLUSTER,
        clusters=clusters,
        assigned=_assigned(panel, rows) if repeated else None,
        randomised=panel.design.assignment.randomised,
    )
    value = float(fit.beta[fit.names.index(EXPOSURE)])
    error = None if found.standard_error is None else found.standard_error.value
    headline = Headline(value, error, horizon_of(panel), found.df, options.level)
    return concluded(
        "did_2x2",
        panel,
        options,
        value=value,
        found=found,
        used=np.isin(np.arange(panel.n_units), rows.unit),
        observations=fit.n,
        table=table,
        diagnostics=(regression_facts(fit, ()), *before_exposure(panel, options, headline)),
    )


def horizon_of(panel: Panel) -> float:
    """Return the periods from the middle of those before the start to the middle of those since."""
    start = start_of(panel)
    return (start + panel.n_periods - 1) / 2.0 - (start - 1) / 2.0


def _assigned(panel: Panel, rows: Rows) -> Assigned:
    """Return who was dealt exposure: whole clusters, with their rows before; single rows cannot be dealt anew."""
    group = rows.design[:, rows.names.index(_GROUP)]
    if panel.cluster is None:
        return Assigned(np.arange(len(group), dtype=np.int64), group, dealable=False)
    since = rows.design[:, rows.names.index(_SINCE)]
    return Assigned(codes_of(panel.cluster), group * (since - since.mean()), rows.period, dependent=(_GROUP,))


def start_of(panel: Panel) -> int:
    """Return the position of the one first exposed period; raises `Invalid` (`several_starts`)."""
    cohorts = panel.cohorts
    if len(cohorts) != 1:
        labels = ", ".join(str(panel.period_labels[at]) for at in cohorts[:5])
        raise Invalid(
            f"Exposure starts in several periods ({labels}): use callaway_santanna or imputation, or restrict the "
            "periods to one start.",
            errors=(Fault("several_starts", labels, pointer="/panel"),),
        )
    if not cohorts[0]:
        raise Invalid(
            "Exposure starts in the first period, so there is no change to compare.",
            errors=(Fault("no_pre_period", "no period before exposure", pointer="/panel"),),
        )
    return int(cohorts[0])


def change_rows(panel: Panel, options: Options) -> Rows:
    """Return one row per unit observed on both sides of the start: its change, exposure and baseline covariates."""
    start = start_of(panel)
    outcome = panel.wide()
    change = mean_of(outcome[start:]) - mean_of(outcome[:start])
    baseline = [last_of(panel.wide(panel.column(name))[:start]) for name in options.covariates]
    used = ~np.isnan(change)
    for one in baseline:
        used &= ~np.isnan(one)
    exposed = panel.ever_exposed[used]
    refuse_empty(exposed, ~exposed)
    return Rows(
        outcome=change[used],
        names=(CONSTANT, EXPOSURE, *options.covariates),
        design=np.column_stack([np.ones(len(exposed)), exposed, *(one[used] for one in baseline)]),
        unit=np.flatnonzero(used),
        period=np.full(len(exposed), start),
        weights=None if panel.weights is None else mean_of(panel.wide(panel.weights))[used],
    )


def mean_of(table: FloatArray) -> FloatArray:
    """Return the means of the columns over their observed rows; NaN where none was observed."""
    seen = ~np.isnan(table)
    counts = seen.sum(axis=0)
    totals = np.where(seen, table, 0.0).sum(axis=0)
    return np.asarray(np.where(counts > 0, totals / np.maximum(counts, 1), np.nan))


def last_of(table: FloatArray) -> FloatArray:
    """Return the last observed value of each column; NaN where none was observed."""
    found: FloatArray = table[0].copy()
    for row in table[1:]:
        seen = ~np.isnan(row)
        found[seen] = row[seen]
    return found


def _pooled_rows(panel: Panel, options: Options) -> Rows:
    start = start_of(panel)
    since = panel.period >= start
    group = panel.ever_exposed[panel.unit]
    refuse_empty(group & ~since, group & since, ~group & ~since, ~group & since)
    covariates = [panel.column(name) for name in options.covariates]
    return Rows(
        outcome=panel.outcome,
        names=(CONSTANT, _SINCE, _GROUP, EXPOSURE, *options.covariates),
        design=np.column_stack([np.ones(len(since)), since, group, since & group, *covariates]),
        unit=panel.unit,
        period=panel.period,
        weights=panel.weights,
    )


def refuse_empty(*cells: BoolArray) -> None:
    """Raise `Invalid` (`empty_cell`) unless every cell holds someone."""
    for at, cell in enumerate(cells):
        if not bool(cell.any()):
            name = _CELL_NAMES[at] if len(cells) == len(_CELL_NAMES) else ("exposed", "others")[at]
            raise Invalid(
                f"Nobody is observed in the cell {name!r}: all the cells of the comparison must be filled. In repeated "
                "cross-sections tell exposure as first exposed period, in the rows before it too.",
                errors=(Fault("empty_cell", name, pointer="/panel"),),
            )


ESTIMATORS = (Estimator("did_2x2", "Difference in differences, two by two", did_2x2),)
