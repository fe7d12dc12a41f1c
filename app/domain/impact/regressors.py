"""The columns of the panel regressions: outcome, exposure with its lags, and covariates, as periods x units."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from app.domain.impact.linear import FloatArray, IntArray, LinearFit, collinear, least_squares
from app.domain.impact.options import Options
from app.domain.impact.panel import BoolArray, Panel
from app.domain.impact.result import Diagnostic, Verdict

EXPOSURE = "exposure"
CONSTANT = "constant"


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """The outcome and the regressors, each periods x units with NaN where unobserved; `names` begin with exposure."""

    outcome: FloatArray
    names: tuple[str, ...]
    regressors: tuple[FloatArray, ...]
    weights: FloatArray | None

    @property
    def complete(self) -> BoolArray:
        """Where every column is observed: periods x units."""
        held = ~np.isnan(self.outcome)
        for one in self.regressors:
            held &= ~np.isnan(one)
        return held


def columns(panel: Panel, options: Options) -> Columns:
    """Return the columns that `options` ask for.

    A lag reaches before the data in the first periods: exposure then counts as none if nobody is exposed in the first
    period, else those periods are left out.
    """
    exposed = panel.wide(panel.exposed)
    names = [EXPOSURE]
    regressors = [exposed]
    before = 0.0 if not np.nansum(exposed[0]) else np.nan
    for lag in range(1, options.exposure_lags + 1):
        shifted = np.full_like(exposed, before)
        shifted[lag:] = exposed[:-lag]
        names.append(f"{EXPOSURE}_lag{lag}")
        regressors.append(shifted)
    for name in options.covariates:
        names.append(name)
        regressors.append(panel.wide(panel.column(name)))
    weights = None if panel.weights is None else panel.wide(panel.weights)
    return Columns(panel.wide(), tuple(names), tuple(regressors), weights)


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """A regression made ready: one row per observation, and which unit (and period) it belongs to."""

    outcome: FloatArray
    names: tuple[str, ...]
    design: FloatArray
    unit: IntArray
    period: IntArray
    weights: FloatArray | None = None

    def fit(self, *, absorbed: int = 0, centred: bool = True) -> LinearFit:
        """Return the least-squares fit; raises `Invalid` for collinear columns."""
        return least_squares(
            self.outcome, self.design, self.names, weights=self.weights, absorbed=absorbed, centred=centred
        )


def without_redundant(rows: Rows, droppable: tuple[str, ...]) -> tuple[Rows, tuple[str, ...]]:
    """Return the rows without those `droppable` columns that depend on others, and the names dropped.

    Covariates that never change vanish in differences and within units; that is no mistake of the caller.
    """
    names = [rows.names[at] for at in collinear(rows.design)]
    dropped = tuple(name for name in names if name in droppable)
    kept = [at for at, name in enumerate(rows.names) if name not in dropped]
    thinner = Rows(
        outcome=rows.outcome,
        names=tuple(rows.names[at] for at in kept),
        design=rows.design[:, kept],
        unit=rows.unit,
        period=rows.period,
        weights=rows.weights,
    )
    return thinner, dropped


def regression_facts(fit: LinearFit, dropped: tuple[str, ...]) -> Diagnostic:
    """Return R-squared, the number of observations and the columns that fell out."""
    detail = f"{fit.n} observations, R-squared {fit.r_squared:.3f}."
    if dropped:
        detail += f" Left out, because they do not vary within units: {', '.join(dropped)}."
    values = {"r_squared": fit.r_squared, "observations": fit.n, "dropped_columns": list(dropped)}
    return Diagnostic("regression", Verdict.INFO, detail, values)


def staggered(panel: Panel) -> tuple[Diagnostic, ...]:
    """Return the warning that one coefficient cannot say the effect of several starts, if there are several.

    Units exposed early then serve as controls of later ones while their own effect still grows (Goodman-Bacon 2021).
    """
    starts = [panel.period_labels[at] for at in panel.cohorts]
    if len(starts) == 1:
        return ()
    said = "Exposure starts in several periods: earlier cohorts serve as controls of later ones. See callaway_santanna."
    return (Diagnostic("staggered_regression", Verdict.FAIL, said, {"starts": starts}),)
