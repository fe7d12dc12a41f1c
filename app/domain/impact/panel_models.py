"""Fixed and random effects of units, with period dummies (Wooldridge 2010, chapter 10)."""

from __future__ import annotations

import numpy as np

from app.domain.errors import Fault, Invalid
from app.domain.impact import inference
from app.domain.impact.findings import before_exposure, concluded
from app.domain.impact.inference import Assigned
from app.domain.impact.linear import FloatArray, LinearFit, codes_of, collinear
from app.domain.impact.options import Estimator, Options
from app.domain.impact.panel import Panel, Shape
from app.domain.impact.pretrends import Headline
from app.domain.impact.regressors import (
    CONSTANT,
    EXPOSURE,
    Rows,
    columns,
    regression_facts,
    staggered,
    without_redundant,
)
from app.domain.impact.result import Diagnostic, EffectResult, StandardErrorKind, Verdict
from app.domain.impact.within import Effects

_DUMMY_CELLS = 5_000_000  # above, period effects are taken out instead of being estimated by name


def fixed_effects(panel: Panel, options: Options) -> EffectResult:
    """Return the effect of exposure within units, with an effect of each period.

    Covariates that never change within units fall out and are told. Where starts are staggered this weighs effects of
    different cohorts in ways nobody chose, which is flagged: see twfe.
    """
    rows = _rows(panel, options, least=2)
    effects = _effects(rows)
    dummies = rows.names[1 : len(np.unique(rows.period))]
    if rows.design.size > _DUMMY_CELLS:
        kept = [at for at, name in enumerate(rows.names) if name != CONSTANT and name not in dummies]
        swept = [effects.without_both(rows.design[:, at]) for at in kept]
        outcome, absorbed = effects.without_both(rows.outcome), effects.n_units + len(dummies)
    else:
        kept = [at for at, name in enumerate(rows.names) if name != CONSTANT]
        swept = [effects.without_units(rows.design[:, at]) for at in kept]
        outcome, absorbed = effects.without_units(rows.outcome), effects.n_units
    demeaned = Rows(
        outcome=outcome,
        names=tuple(rows.names[at] for at in kept),
        design=np.column_stack(swept),
        unit=rows.unit,
        period=rows.period,
        weights=rows.weights,
    )
    thinner, dropped = without_redundant(demeaned, options.covariates)
    fit = thinner.fit(absorbed=absorbed, centred=False)
    return _answered("fixed_effects", panel, options, fit=fit, rows=thinner, dropped=dropped, extra=staggered(panel))


def random_effects(panel: Panel, options: Options) -> EffectResult:
    """Return the effect of exposure if unit effects are unrelated to exposure (Swamy and Arora 1972).

    Unit effects that go with exposure bias it: prefer fixed effects, and read the difference as the warning it is.
    """
    rows, dropped = without_redundant(_rows(panel, options, least=1), options.covariates)
    effects = _effects(rows)
    theta, variances = _quasi_demeaning(rows, effects)
    pull = theta[effects.unit]
    shrunk = Rows(
        outcome=rows.outcome - pull * effects.unit_means(rows.outcome)[effects.unit],
        names=rows.names,
        design=np.column_stack([one - pull * effects.unit_means(one)[effects.unit] for one in rows.design.T]),
        unit=rows.unit,
        period=rows.period,
        weights=rows.weights,
    )
    return _answered(
        "random_effects", panel, options, fit=shrunk.fit(), rows=shrunk, dropped=dropped, extra=(variances,)
    )


def _answered(
    slug: str,
    panel: Panel,
    options: Options,
    *,
    fit: LinearFit,
    rows: Rows,
    dropped: tuple[str, ...],
    extra: tuple[Diagnostic, ...],
) -> EffectResult:
    labels = panel.unit_cluster[rows.unit]
    found, table = inference.of_coefficient(
        fit,
        EXPOSURE,
        options,
        default=StandardErrorKind.CLUSTER,
        clusters=labels,
        assigned=Assigned(
            clusters=codes_of(labels),
            target=fit.design[:, fit.names.index(EXPOSURE)],
            periods=rows.period,
            dependent=tuple(name for name in fit.names if name.startswith(f"{EXPOSURE}_lag")),
        ),
        randomised=panel.design.assignment.randomised,
    )
    value = float(fit.beta[fit.names.index(EXPOSURE)])
    error = None if found.standard_error is None else found.standard_error.value
    headline = Headline(value, error, panel.n_periods / 2.0, found.df, options.level)
    return concluded(
        slug,
        panel,
        options,
        value=value,
        found=found,
        used=np.isin(np.arange(panel.n_units), rows.unit),
        observations=fit.n,
        table=table,
        diagnostics=(regression_facts(fit, dropped), *extra, *before_exposure(panel, options, headline)),
    )


def _rows(panel: Panel, options: Options, *, least: int) -> Rows:
    """Return the complete rows of units with at least `least` of them: constant, periods, exposure, covariates."""
    panel.require_shape(Shape.PANEL)
    panel.require_comparison()
    held = columns(panel, options)
    complete = held.complete
    complete &= complete.sum(axis=0) >= least
    period, unit = np.nonzero(complete)
    if not len(unit):
        raise Invalid(
            "No unit is observed in two periods with all its columns.",
            errors=(Fault("no_changes", "no unit is observed twice", pointer="/panel"),),
        )
    seen = np.unique(period)
    dummies = [(period == at).astype(np.float64) for at in seen[1:]]
    return Rows(
        outcome=held.outcome[complete],
        names=(CONSTANT, *(str(panel.period_labels[at]) for at in seen[1:]), *held.names),
        design=np.column_stack([np.ones(len(unit)), *dummies, *(one[complete] for one in held.regressors)]),
        unit=unit,
        period=np.searchsorted(seen, period),
        weights=None if held.weights is None else held.weights[complete],
    )


def _effects(rows: Rows) -> Effects:
    weights = np.ones(len(rows.unit)) if rows.weights is None else rows.weights
    return Effects(codes_of(rows.unit), rows.period, weights)


def _quasi_demeaning(rows: Rows, effects: Effects) -> tuple[FloatArray, Diagnostic]:
    """Return the share of its mean that each unit (N) loses, and the variance components behind it."""
    swept = np.column_stack([effects.without_units(one) for one in rows.design.T])
    kept = _independent(swept)
    residual = _residual(effects.without_units(rows.outcome), swept[:, kept])
    sizes = np.bincount(effects.unit).astype(np.float64)
    spare = len(rows.outcome) - len(sizes) - len(kept)
    means = np.column_stack([effects.unit_means(one) for one in rows.design.T])
    between = _independent(means)
    if spare <= 0 or len(sizes) <= len(between):
        raise Invalid(
            "There are too few units or periods to tell unit effects from noise: use first_difference.",
            errors=(Fault("no_degrees_of_freedom", "variance components", pointer="/panel"),),
        )
    noise = float(residual @ residual) / spare
    apart = _residual(effects.unit_means(rows.outcome), means[:, between])
    harmonic = len(sizes) / float((1.0 / sizes).sum())
    unit_variance = max(float(apart @ apart) / (len(sizes) - len(between)) - noise / harmonic, 0.0)
    theta = 1.0 - np.sqrt(noise / (sizes * unit_variance + noise)) if noise > 0.0 else np.ones_like(sizes)
    values = {"variance_within": noise, "variance_between": unit_variance, "theta_mean": float(theta.mean())}
    said = f"Units lose {theta.mean():.2f} of their mean; fixed effects would take all of it."
    return np.asarray(theta), Diagnostic("variance_components", Verdict.INFO, said, values)


def _independent(table: FloatArray) -> list[int]:
    redundant = set(collinear(table))
    return [at for at in range(table.shape[1]) if at not in redundant]


def _residual(outcome: FloatArray, design: FloatArray) -> FloatArray:
    return np.asarray(outcome - design @ np.linalg.lstsq(design, outcome)[0])


ESTIMATORS = (
    Estimator("fixed_effects", "Fixed effects of units", fixed_effects),
    Estimator("random_effects", "Random effects of units", random_effects),
)
