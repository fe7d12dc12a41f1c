"""ATT(g, t): the effect on each cohort in each period, with its influence (Callaway and Sant'Anna 2021).

Periods before exposure are compared with the period just before them (varying base), later ones with the last period
before exposure and its anticipation. doi:10.1016/j.jeconom.2020.12.001
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from app.domain.errors import Invalid
from app.domain.impact.cohorts import Cohorts
from app.domain.impact.doubly_robust import Contrast, contrast
from app.domain.impact.grade import MINIMUM_CELL
from app.domain.impact.linear import FloatArray, IntArray
from app.domain.impact.moments import Change, Moments
from app.domain.impact.options import Controls, Options


@dataclass(frozen=True, slots=True)
class Cell:
    """One cohort (position `cohort` in `Cohorts.firsts`) in one `period`, against `base`, and its controls.

    `controls` is the first cohort position whose units serve as controls; the cohort itself never does. `value` is
    None where the cell is below the minimum size or could not be computed, and `suppressed` says why.
    """

    cohort: int
    period: int
    base: int
    controls: int
    value: float | None
    n_treated: int
    n_control: int
    suppressed: str | None = None


@dataclass(frozen=True, eq=False)
class Cells:
    """All cells that have a value, in order of cohort and period.

    `covariance` is that of the cells, followed by each cohort's share: of their influence functions, summed within
    clusters, over units squared.
    """

    cohorts: Cohorts
    cells: tuple[Cell, ...]
    suppressed: tuple[Cell, ...]
    values: FloatArray
    covariance: FloatArray
    anticipation: int

    @cached_property
    def event_times(self) -> IntArray:
        """Periods since the first exposed one, per cell."""
        return self.periods - self.cohorts.firsts[self.cohort_of]

    @cached_property
    def cohort_of(self) -> IntArray:
        """The cohort position per cell."""
        return np.array([cell.cohort for cell in self.cells], dtype=np.int64)

    @cached_property
    def periods(self) -> IntArray:
        """The period position per cell."""
        return np.array([cell.period for cell in self.cells], dtype=np.int64)


def compute(cohorts: Cohorts, options: Options) -> Cells:
    """Return every ATT(g, t) of `cohorts`; cells with fewer than 5 treated or controls are suppressed."""
    planned = _plan(cohorts, options)
    suppressed = [_with_reason(one, reason) for one in planned if (reason := _too_small(one)) is not None]
    large = [one for one in planned if _too_small(one) is None]
    if cohorts.names:
        cells, refused, covariance = _adjusted(cohorts, large, options)
        suppressed += refused
    else:
        cells, covariance = _plain(cohorts, large)
    return Cells(
        cohorts=cohorts,
        cells=tuple(cells),
        suppressed=tuple(suppressed),
        values=np.array([cell.value for cell in cells], dtype=np.float64),
        covariance=covariance,
        anticipation=options.anticipation,
    )


def _plain(cohorts: Cohorts, planned: list[Cell]) -> tuple[list[Cell], FloatArray]:
    """Return the cells with their values, and the covariance, without covariates."""
    changes = [
        Change(
            one.cohort,
            one.base,
            one.period,
            tuple(at for at in range(one.controls, cohorts.n_cohorts + 1) if at != one.cohort),
        )
        for one in planned
    ]
    moments = Moments.of(cohorts)
    values = moments.effects(changes).tolist()
    cells = [_with_value(one, value) for one, value in zip(planned, values, strict=True)]
    return cells, moments.covariance(changes)


def _adjusted(cohorts: Cohorts, planned: list[Cell], options: Options) -> tuple[list[Cell], list[Cell], FloatArray]:
    """Return the cells with their values, those that cannot be computed, and the covariance, with covariates."""
    cells: list[Cell] = []
    refused: list[Cell] = []
    influence = np.zeros((len(planned) + cohorts.n_cohorts, cohorts.n_units))
    kept = _Kept(cohorts, options)
    for one in planned:
        try:
            cells.append(_with_value(one, kept.into(influence[len(cells)], one)))
        except Invalid as error:
            refused.append(_with_reason(one, error.detail))
    influence = influence[: len(cells) + cohorts.n_cohorts]
    _share_influence(influence[len(cells) :], cohorts)
    return cells, refused, _covariance(influence, cohorts)


def _plan(cohorts: Cohorts, options: Options) -> list[Cell]:
    planned = []
    sizes = cohorts.sizes
    for at in range(cohorts.n_cohorts):
        starts = int(cohorts.firsts[at]) - options.anticipation
        for period in range(1, cohorts.n_periods):
            base = starts - 1 if period >= starts else period - 1
            after = max(period, base) + options.anticipation
            controls = int(np.searchsorted(cohorts.firsts, after, side="right"))
            if options.controls is Controls.NEVER:
                controls = cohorts.n_cohorts
            others = int(sizes[controls:].sum()) - (int(sizes[at]) if at >= controls else 0)
            planned.append(Cell(at, period, base, controls, None, int(sizes[at]), others))
    return planned


@dataclass(slots=True)
class _Kept:
    """Contrasts already fitted: cells with the same units and covariates share one."""

    cohorts: Cohorts
    options: Options
    fitted: dict[tuple[int, int, int], tuple[IntArray, Contrast]] = field(default_factory=dict)

    def into(self, row: FloatArray, cell: Cell) -> float:
        """Return the cell's value and write its influence into `row` (all units)."""
        outcome = self.cohorts.outcome
        at, fitted = self._contrast(cell)
        value, influence = fitted.effect((outcome[cell.period] - outcome[cell.base])[at])
        row[at] = influence * (len(row) / len(at))
        return value

    def _contrast(self, cell: Cell) -> tuple[IntArray, Contrast]:
        held = self.cohorts
        steady = all(len(one) == 1 for one in held.covariates)
        key = (cell.cohort, cell.controls, 0 if steady else cell.base)
        if key not in self.fitted:
            at = np.concatenate(
                [np.arange(held.bounds[cell.cohort], held.bounds[cell.cohort + 1]), _others(cell, held)]
            )
            exposed = np.zeros(len(at))
            exposed[: cell.n_treated] = 1.0
            weights = None if held.weights is None else held.weights[at] / held.weights[at].mean()
            if not steady and self.fitted and next(iter(self.fitted))[0] != cell.cohort:
                self.fitted.clear()
            covariates = held.covariates_at(cell.base)[at]
            self.fitted[key] = (
                at,
                contrast(exposed, covariates, held.names, method=self.options.cell_method, weights=weights),
            )
        return self.fitted[key]


def _others(cell: Cell, cohorts: Cohorts) -> IntArray:
    """Return the positions of the cell's control units."""
    controls = np.arange(int(cohorts.bounds[cell.controls]), cohorts.n_units, dtype=np.int64)
    low, high = cohorts.bounds[cell.cohort], cohorts.bounds[cell.cohort + 1]
    return np.asarray(controls[(controls < low) | (controls >= high)])


def _too_small(cell: Cell) -> str | None:
    if min(cell.n_treated, cell.n_control) >= MINIMUM_CELL:
        return None
    return f"fewer than {MINIMUM_CELL} exposed or comparison units"


def _with_value(cell: Cell, value: float) -> Cell:
    return Cell(cell.cohort, cell.period, cell.base, cell.controls, value, cell.n_treated, cell.n_control)


def _with_reason(cell: Cell, reason: str) -> Cell:
    return Cell(cell.cohort, cell.period, cell.base, cell.controls, None, cell.n_treated, cell.n_control, reason)


def _share_influence(rows: FloatArray, cohorts: Cohorts) -> None:
    """Write the influence of the cohorts' shares: weight x (in the cohort) - share."""
    weights = np.ones(cohorts.n_units) if cohorts.weights is None else cohorts.weights
    for at, share in enumerate(cohorts.shares):
        members = slice(int(cohorts.bounds[at]), int(cohorts.bounds[at + 1]))
        rows[at] -= share
        rows[at, members] += weights[members]


def _covariance(influence: FloatArray, cohorts: Cohorts) -> FloatArray:
    """Return sum of psi psi' over units (or clusters, with G/(G-1)), over units squared."""
    if not cohorts.clustered:
        return np.asarray(influence @ influence.T / cohorts.n_units**2)
    count = cohorts.n_clusters
    summed = np.stack([np.bincount(cohorts.cluster, weights=row, minlength=count) for row in influence])
    return np.asarray(summed @ summed.T / cohorts.n_units**2 * (count / (count - 1)))
