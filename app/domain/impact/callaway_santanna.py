"""Staggered exposure: effects by cohort and period, averaged (Callaway and Sant'Anna 2021)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from app.domain.errors import Fault, Invalid
from app.domain.impact import aggregates, balance, cells, cohorts, sensitivity
from app.domain.impact.aggregates import Averages
from app.domain.impact.bands import simultaneous_quantile
from app.domain.impact.cells import Cell, Cells
from app.domain.impact.cohort_deals import count_clusters, dealt_anew
from app.domain.impact.cohorts import Cohorts
from app.domain.impact.findings import concluded
from app.domain.impact.inference import Inference, from_randomisation, from_standard_error, refused, small_sample
from app.domain.impact.leads import Leads
from app.domain.impact.linear import interval_around, t_two_sided
from app.domain.impact.options import Estimator, Options
from app.domain.impact.panel import Panel
from app.domain.impact.pretrends import Headline
from app.domain.impact.result import (
    Aggregation,
    AggregationKind,
    Diagnostic,
    EffectResult,
    EffectRow,
    Interval,
    Sample,
    StandardError,
    StandardErrorKind,
    Verdict,
)

Kind = AggregationKind

ALL_KINDS = (Kind.SIMPLE, Kind.GROUP, Kind.DYNAMIC, Kind.CALENDAR, Kind.EVENT_STUDY, Kind.COHORT_PERIOD)
_BAND_DRAWS = 1999
_Pair = tuple[Averages | None, Averages | None]
_AVERAGES: dict[AggregationKind, Callable[[Cells], _Pair]] = {
    Kind.SIMPLE: lambda found: (None, aggregates.simple(found)),
    Kind.GROUP: aggregates.group,
    Kind.DYNAMIC: aggregates.dynamic,
    Kind.CALENDAR: aggregates.calendar,
    Kind.EVENT_STUDY: lambda found: (aggregates.event_study(found), aggregates.dynamic(found)[1]),
}


def callaway_santanna(panel: Panel, options: Options) -> EffectResult:
    """Return the effect on the treated and the aggregations asked for (all, if none is named).

    The value is the overall effect of the first aggregation asked for: `simple` if none is named. Standard errors are
    those of the influence functions, summed within clusters; simultaneous bands come from their joint distribution.

    Raises `Invalid`: exposure that ends, no cohort with a base period, nobody to compare with, no cell of 5 by 5.
    """
    arranged = cohorts.arrange(panel, options)
    found = cells.compute(arranged, options)
    if not bool((found.event_times >= 0).any()):
        reasons = "; ".join(sorted({cell.suppressed or "" for cell in found.suppressed}))
        raise Invalid(
            f"No effect of any cohort in any period could be computed: {reasons}.",
            errors=(Fault("no_cells", reasons, pointer="/panel"),),
        )
    kinds = options.aggregations or ALL_KINDS
    headline = next((kind for kind in kinds if kind is not Kind.COHORT_PERIOD), Kind.SIMPLE)
    overall = _AVERAGES[headline](found)[1] or aggregates.simple(found)
    precision = _precision(found, overall, options)
    value = float(overall.values[0])
    error = None if precision.standard_error is None else precision.standard_error.value
    return concluded(
        "callaway_santanna",
        panel,
        options,
        value=value,
        found=precision,
        used=arranged.used,
        observations=int(arranged.outcome.size),
        sample=_sample(arranged),
        aggregations=tuple(_aggregation(kind, found, options) for kind in kinds),
        diagnostics=(
            _composition(found, headline, options),
            *sensitivity.diagnose(
                Leads(found),
                Headline(
                    value, error, float(overall.horizon[0]), precision.df, options.level, loading=overall.loading[0]
                ),
            ),
        ),
    )


def _precision(found: Cells, overall: Averages, options: Options) -> Inference:
    """Return the inference on one average, by the rules of impact.md 3.4; randomisation stands in for the bootstrap."""
    arranged = found.cohorts
    counted = count_clusters(arranged)
    error = StandardError(float(overall.errors(found)[0]), StandardErrorKind.CLUSTER)
    kind = options.standard_error
    if kind is None:
        randomised = arranged.panel.design.assignment.randomised
        kind = counted.rule(StandardErrorKind.CLUSTER, randomised=randomised)
    dealt = {StandardErrorKind.RANDOMISATION, StandardErrorKind.WILD_BOOTSTRAP}
    if kind in dealt and counted.refusal(StandardErrorKind.RANDOMISATION) is None:
        return from_randomisation(dealt_anew(found, options), level=options.level, alternatives=(error,))
    inference = from_standard_error(
        float(overall.values[0]), error, df=float(arranged.n_clusters - 1), level=options.level
    )
    reason = counted.refusal(StandardErrorKind.CLUSTER)
    if reason is not None:
        return refused(inference, reason)
    return small_sample(inference, dealt_anew(found, options), counted) if counted.is_small else inference


def _sample(arranged: Cohorts) -> Sample:
    sizes = arranged.sizes
    plain = Sample(int(arranged.outcome.size), int(sizes[:-1].sum()), int(sizes[-1]))
    if not arranged.clustered:
        return plain
    counted = count_clusters(arranged)
    return replace(plain, clusters_treated=counted.exposed, clusters_control=counted.unexposed)


def _aggregation(kind: AggregationKind, found: Cells, options: Options) -> Aggregation:
    if kind is Kind.COHORT_PERIOD:
        return Aggregation(kind, None, _cell_rows(found, options))
    rows, overall = _AVERAGES[kind](found)
    return Aggregation(
        kind=kind,
        overall=None if overall is None else _rows(overall, found, options, kind=None)[0],
        rows=() if rows is None else _rows(rows, found, options, kind=kind),
    )


def _rows(averages: Averages, found: Cells, options: Options, *, kind: AggregationKind | None) -> tuple[EffectRow, ...]:
    """Return the averages as rows: overall effects where `kind` is None; the event study has simultaneous bands."""
    df = float(found.cohorts.n_clusters - 1)
    quantile = None
    if kind is Kind.EVENT_STUDY:
        quantile = simultaneous_quantile(
            averages.covariance(found),
            np.random.default_rng(options.seed),
            level=options.level,
            df=df,
            draws=_BAND_DRAWS,
        )
    return tuple(
        _row(
            float(value),
            float(error),
            df,
            options.level,
            at=None if kind is None else _label(at, found, kind),
            quantile=quantile,
        )
        for at, value, error in zip(averages.at, averages.values, averages.errors(found), strict=True)
    )


def _row(
    value: float, error: float, df: float, level: float, *, at: int | str | None, quantile: float | None = None
) -> EffectRow:
    if error <= 0.0:
        return EffectRow(at, value, None)
    band = None if quantile is None else Interval(value - quantile * error, value + quantile * error, level, "sup_t")
    interval = interval_around(value, error, df=df, level=level)
    return EffectRow(at, value, error, interval, band, t_two_sided(value / error, df))


def _label(at: int, found: Cells, kind: AggregationKind) -> int | str:
    labels = found.cohorts.panel.period_labels
    if kind is Kind.GROUP:
        return labels[int(found.cohorts.firsts[at])]
    return labels[at] if kind is Kind.CALENDAR else at


def _cell_rows(found: Cells, options: Options) -> tuple[EffectRow, ...]:
    df = float(found.cohorts.n_clusters - 1)
    errors = np.sqrt(np.diag(found.covariance)[: len(found.cells)]).tolist()
    labels, firsts = found.cohorts.panel.period_labels, found.cohorts.firsts

    def placed(cell: Cell, row: EffectRow) -> EffectRow:
        return replace(
            row,
            at=labels[int(firsts[cell.cohort])],
            period=labels[cell.period],
            n_treated=cell.n_treated,
            n_control=cell.n_control,
            suppressed=cell.suppressed,
        )

    rows = [
        placed(cell, _row(float(value), error, df, options.level, at=None))
        for cell, value, error in zip(found.cells, found.values, errors, strict=True)
    ]
    return (*rows, *(placed(cell, EffectRow(None, None, None)) for cell in found.suppressed))


def _composition(found: Cells, headline: AggregationKind, options: Options) -> Diagnostic:
    arranged = found.cohorts
    values = {
        "headline": headline.value,
        "controls": options.controls.value,
        "method": options.cell_method.value if options.covariates else "unconditional",
        "covariates": list(options.covariates),
        "anticipation": options.anticipation,
        "cells": len(found.cells),
        "cells_suppressed": len(found.suppressed),
        "notes": list(arranged.notes),
        "pre_periods": balance.pre_periods(arranged.panel, options.anticipation),
    }
    said = " ".join(arranged.notes) or "Every unit is used."
    return Diagnostic("cohorts", Verdict.INFO, said, values)


ESTIMATORS = (Estimator("callaway_santanna", "Callaway and Sant'Anna", callaway_santanna),)
