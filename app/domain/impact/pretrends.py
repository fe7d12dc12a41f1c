"""Tests of the periods before exposure, and what they could have missed (impact.md 3.3.2).

A test that does not reject is no proof of parallel trends (Roth 2022, doi:10.1257/aeri.20210236): each answer tells the
drift that it could have missed and the bias that this drift would cause.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from app.domain.impact.cells import Cells
from app.domain.impact.leads import Leads
from app.domain.impact.linear import FloatArray, chi2_upper, f_upper, normal_quantile, t_quantile, t_two_sided
from app.domain.impact.result import Diagnostic, Verdict

_MOST_LEADS = 6
_CLUSTERS_PER_LEAD = 5
_TREND_LEADS = 8
_ALPHA = 0.05
_POWER = 0.80


@dataclass(frozen=True, slots=True, eq=False)
class Headline:
    """The estimate that the diagnostics are about.

    `horizon` is how many periods of a steady drift it carries; `df` the degrees of freedom of its t, None for normal;
    `loading` how it weighs the cells (see `Averages`), None for estimates that are not averages of cells.
    """

    value: float
    error: float | None
    horizon: float
    df: float | None
    level: float = 0.95
    loading: FloatArray | None = None

    @property
    def room(self) -> float:
        """The bias that matters: what brings the interval to zero, and no less than the interval's half width."""
        if self.error is None:
            return abs(self.value)
        half = t_quantile(0.5 + self.level / 2.0, self.df) * self.error
        return max(abs(self.value) - half, half)


def lead_count(leads: Leads) -> int:
    """Return how many leads are tested: at most 6, and one for every 5 clusters."""
    return max(min(leads.deepest, _MOST_LEADS, leads.cells.cohorts.n_clusters // _CLUSTERS_PER_LEAD), 0)


def joint(leads: Leads, headline: Headline) -> Diagnostic:
    """Return the joint test that the leads are zero: Hotelling, F = W(G-q)/(q(G-1)) with (q, G-q) degrees of freedom.

    The textbook chi-squared test over all cells stands beside it for comparison with other software; it rejects too
    often and decides nothing.
    """
    count = lead_count(leads)
    if count == 0:
        return Diagnostic(
            "pre_trends",
            Verdict.UNAVAILABLE,
            "There is only one period before exposure, or too few clusters: whether the groups moved alike before "
            "cannot be tested.",
        )
    cells = leads.cells
    averages = leads.single(count)
    covariance = averages.covariance(cells)
    found = _hotelling(averages.values, covariance, cells.cohorts.n_clusters)
    errors = np.sqrt(np.diag(covariance))
    drift = _missed_drift(covariance, cells.cohorts.n_clusters)
    bias = None if drift is None else drift * headline.horizon
    weak = bias is None or bias >= headline.room
    rejected = found["p_value"] is not None and found["p_value"] < _ALPHA
    values = {
        "leads": [
            {"at": -step - cells.anticipation, "value": value, "standard_error": error}
            for step, value, error in zip(averages.at, averages.values, errors, strict=True)
        ],
        **found,
        "missed_drift_per_period": drift,
        "missed_bias": bias,
        "low_power": weak,
        "textbook_all_cells": _textbook(leads),
    }
    if rejected:
        return Diagnostic("pre_trends", Verdict.FAIL, "The groups moved apart before exposure.", values)
    said = "Not rejected; " + (
        "what could have been missed cannot be told."
        if drift is None
        else f"could have missed a drift of up to {drift:.3g} per period, which would bias the estimate by {bias:.3g}."
    )
    return Diagnostic("pre_trends", Verdict.FLAG if weak else Verdict.OK, said, values)


def linear_trend(leads: Leads, headline: Headline) -> Diagnostic:
    """Return the test of a straight drift through the base period over at most 8 leads, one degree of freedom."""
    count = min(leads.deepest, _TREND_LEADS)
    if count == 0:
        return Diagnostic("pre_trend_linear", Verdict.UNAVAILABLE, "There is only one period before exposure.")
    levels = leads.chained(count)
    back = -levels.horizon
    weights = back / float(back @ back)
    slope = float(weights @ levels.values)
    error = float(np.sqrt(weights @ levels.covariance(leads.cells) @ weights))
    df = float(leads.cells.cohorts.n_clusters - 1)
    p_value = t_two_sided(slope / error, df) if error > 0.0 else None
    smallest = (normal_quantile(1 - _ALPHA / 2) + normal_quantile(_POWER)) * error
    values = {
        "slope_per_period": slope,
        "standard_error": error,
        "p_value": p_value,
        "leads": count,
        "missed_drift_per_period": smallest,
        "missed_bias": smallest * headline.horizon,
    }
    if p_value is not None and p_value < _ALPHA:
        return Diagnostic(
            "pre_trend_linear", Verdict.FAIL, f"A drift of {slope:.3g} per period before exposure.", values
        )
    said = f"No straight drift seen; one of up to {smallest:.3g} per period could have been missed."
    return Diagnostic("pre_trend_linear", Verdict.OK, said, values)


def _hotelling(values: FloatArray, covariance: FloatArray, clusters: int) -> dict[str, float | int | None]:
    q = len(values)
    wald = _quadratic(values, covariance)
    if wald is None or clusters <= q:
        return {"statistic": None, "df": q, "df_denominator": None, "p_value": None}
    statistic = wald * (clusters - q) / (q * (clusters - 1))
    return {
        "statistic": statistic,
        "df": q,
        "df_denominator": clusters - q,
        "p_value": f_upper(statistic, q, clusters - q),
    }


def _missed_drift(covariance: FloatArray, clusters: int) -> float | None:
    """Return the steady drift per period that the joint test finds with 80 % power."""
    q = len(covariance)
    ones = _quadratic(np.ones(q), covariance)
    if ones is None or clusters <= q:
        return None
    critical = float(special.fdtri(q, clusters - q, 1.0 - _ALPHA))
    needed = float(special.ncfdtrinc(q, clusters - q, 1.0 - _POWER, critical))
    return float(np.sqrt(needed / ones)) if np.isfinite(needed) else None


def _textbook(leads: Leads) -> dict[str, float | int | None]:
    cells: Cells = leads.cells
    at = np.flatnonzero(cells.event_times < -cells.anticipation)
    wald = _quadratic(cells.values[at], cells.covariance[np.ix_(at, at)]) if len(at) else None
    return {"statistic": wald, "df": len(at), "p_value": None if wald is None else chi2_upper(wald, len(at))}


def _quadratic(values: FloatArray, covariance: FloatArray) -> float | None:
    """Return values' covariance^-1 values; None where the covariance is singular."""
    if np.linalg.matrix_rank(covariance, hermitian=True) < len(values):
        return None
    return float(values @ np.linalg.solve(covariance, values))
