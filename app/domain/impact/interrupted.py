"""The interrupted time series estimators: one series against its own past, with a placebo date (impact.md 3.2, 3.3)."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from app.domain.errors import Fault, Invalid
from app.domain.impact.answers import along
from app.domain.impact.grade import Evidence, Family, graded
from app.domain.impact.inference import from_standard_error
from app.domain.impact.its import SeriesFit, prais_winsten, reml
from app.domain.impact.its_counts import poisson
from app.domain.impact.linear import coefficient, t_two_sided
from app.domain.impact.options import Estimator, Options
from app.domain.impact.panel import Panel
from app.domain.impact.result import (
    Coefficient,
    Diagnostic,
    EffectResult,
    Estimand,
    Interval,
    Sample,
    StandardError,
    StandardErrorKind,
    Verdict,
)
from app.domain.impact.series import Series, checked, from_panel

FitSeries = Callable[[Series], SeriesFit]

_POINTS_FOR_GRADE = 24
_POINTS_FOR_SEASON = 36
_LEAST_PLACEBO = 6
_SIGNIFICANT = 0.05


def effect_of_break(
    slug: str, series: Series, fit: FitSeries, options: Options, *, sample: Sample, transform: str = "none"
) -> EffectResult:
    """Return the ungraded effect: the mean distance since exposure from where the series was heading.

    `options.extras` may hold `placebo_dates`, labels of periods before exposure; else the middle of them serves.
    """
    found = fit(checked(series))
    error = StandardError(found.effect_error, StandardErrorKind.MODEL)
    precision = from_standard_error(found.effect, error, df=found.effect_df, level=options.level)
    return EffectResult(
        estimator=slug,
        estimand=Estimand.ATT,
        value=found.effect,
        standard_error=precision.standard_error,
        interval=precision.interval,
        p_value=precision.p_value,
        p_value_reason=precision.p_value_reason,
        sample=sample,
        df=precision.df,
        transform=transform,
        coefficients=_table(found, options.level),
        diagnostics=(
            _facts(series, found),
            *_points(series),
            *_ratio(found.effect, precision.interval, transform),
            _placebo_date(series, fit, options),
            _course(series, found),
            _narrow(),
        ),
    )


def _table(found: SeriesFit, level: float) -> tuple[Coefficient, ...]:
    errors = np.sqrt(np.diag(found.covariance))
    return tuple(
        coefficient(name, float(value), float(error), df=df, level=level)
        for name, value, error, df in zip(found.names, found.beta, errors, found.df, strict=True)
    )


def _facts(series: Series, found: SeriesFit) -> Diagnostic:
    after = series.length - series.start
    values = {
        "points_before": series.start,
        "points_after": after,
        "harmonics": series.harmonics,
        "season": series.season,
        "autocorrelation": found.rho,
        "dispersion": found.dispersion,
    }
    return Diagnostic("series", Verdict.INFO, f"{series.start} points before exposure and {after} since.", values)


def _points(series: Series) -> tuple[Diagnostic, ...]:
    wanted = _POINTS_FOR_SEASON if series.harmonics else _POINTS_FOR_GRADE
    if series.start >= wanted:
        return ()
    return (
        Diagnostic(
            "few_points",
            Verdict.FLAG,
            f"{series.start} points before exposure; {wanted} are wanted to tell a break from the usual course.",
            {"points_before": series.start, "wanted": wanted},
        ),
    )


def _ratio(effect: float, interval: Interval | None, transform: str) -> tuple[Diagnostic, ...]:
    """Return the effect as a ratio where the outcome is in logarithms."""
    if transform != "log":
        return ()
    low, high = (None, None) if interval is None else (interval.low, interval.high)
    values = {
        "value": math.exp(effect),
        "low": None if low is None else math.exp(low),
        "high": None if high is None else math.exp(high),
    }
    return (
        Diagnostic(
            "rate_ratio",
            Verdict.INFO,
            f"The outcome since exposure is {values['value']:.3f} times what it would be.",
            values,
        ),
    )


def _placebo_date(series: Series, fit: FitSeries, options: Options) -> Diagnostic:
    """Pretend that exposure began at other dates before it; several are judged at the level divided by their number."""
    asked = options.extras.get("placebo_dates")
    places = [series.start // 2] if asked is None else [_position(series, label) for label in asked]
    tried: list[tuple[int | str, float, float]] = []
    for at in places:
        try:
            found = fit(checked(series.before(at), least_before=_LEAST_PLACEBO))
        except Invalid as refused:
            return Diagnostic("placebo_date", Verdict.UNAVAILABLE, refused.detail, {})
        statistic = found.effect / found.effect_error
        tried.append((_label(series, at), found.effect, t_two_sided(statistic, found.effect_df)))
    fails = any(p_value < _SIGNIFICANT / len(tried) for _, _, p_value in tried)
    listed = ", ".join(f"{label}: {value:.4g} (p={p_value:.3f})" for label, value, p_value in tried)
    return Diagnostic(
        "placebo_date",
        Verdict.FAIL if fails else Verdict.OK,
        f"Effect at dates at which nothing happened: {listed}.",
        {"dates": [{"at": label, "value": value, "p_value": p_value} for label, value, p_value in tried]},
    )


def _position(series: Series, label: object) -> int:
    before = series.periods[: series.start]
    if label not in before:
        raise Invalid(
            f"The placebo date {label!r} is not a period before exposure.",
            errors=(Fault("unknown_period", str(label), pointer="/options/extras/placebo_dates"),),
        )
    return before.index(label)


def _label(series: Series, at: int) -> int | str:
    return series.periods[at] if series.periods else at


def _course(series: Series, found: SeriesFit) -> Diagnostic:
    """Return the picture: what was observed, the fit, and the fit without exposure."""
    design, names = series.columns()
    changed = np.array([name.endswith("_change") for name in names])
    shift = design[:, changed] @ found.beta[changed]
    fitted = design @ found.beta + (0.0 if series.offset is None else series.offset)
    counts = found.dispersion is not None
    return Diagnostic(
        "raw_means",
        Verdict.INFO,
        "Observed, fitted, and where the series was heading without exposure.",
        {
            "periods": list(series.periods),
            "observed": series.outcome.tolist(),
            "fitted": (np.exp(fitted) if counts else fitted).tolist(),
            "without_exposure": (np.exp(fitted - shift) if counts else fitted - shift).tolist(),
        },
    )


def _narrow() -> Diagnostic:
    return Diagnostic(
        "intervals_too_narrow",
        Verdict.INFO,
        "Intervals of a single series are still somewhat too narrow: 5 to 9 % false findings at a nominal 5 %.",
        {},
    )


def _offer(slug: str, title: str, fit: FitSeries) -> Estimator:
    def run(panel: Panel, options: Options) -> EffectResult:
        series, sample = from_panel(panel, options)
        found = effect_of_break(slug, series, fit, options, sample=sample, transform=panel.transform)
        return _graded(found, panel, options)

    return Estimator(slug, title, run)


def _counts(panel: Panel, options: Options) -> EffectResult:
    """Run `its_poisson`; `options.extras["family"]` is "quasi_poisson" (the default) or "poisson"."""
    family = options.extras.get("family", "quasi_poisson")
    if family not in {"poisson", "quasi_poisson"}:
        raise Invalid(
            "`family` must be poisson or quasi_poisson.",
            errors=(Fault("invalid_option", str(family), pointer="/options/extras/family"),),
        )
    if panel.transform != "none":
        raise Invalid(
            "A Poisson series takes the counts themselves: send them without a transform.",
            errors=(Fault("invalid_option", panel.transform, pointer="/transform"),),
        )

    def fit(series: Series) -> SeriesFit:
        return poisson(series, quasi=family == "quasi_poisson")

    series, sample = from_panel(panel, options, counts=True)
    found = effect_of_break("its_poisson", series, fit, options, sample=sample, transform="log")
    return _graded(found, panel, options)


def _graded(result: EffectResult, panel: Panel, options: Options) -> EffectResult:
    before = int(panel.cohorts[0])
    told = result.with_diagnostics(*along(result, panel, options))
    return graded(told, panel.design, Evidence(Family.SERIES, pre_periods=before))


ESTIMATORS = (
    _offer("its_reml", "Interrupted series, restricted maximum likelihood", reml),
    _offer("its_prais_winsten", "Interrupted series, Prais-Winsten", prais_winsten),
    Estimator("its_poisson", "Interrupted series of counts", _counts),
)
