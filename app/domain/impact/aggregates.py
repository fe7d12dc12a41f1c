"""Averages of ATT(g, t): over everything, by cohort, by time since exposure, by calendar period.

Every average is linear in the cells and, through its weights, in the cohorts' shares, so its standard error follows
from `Cells.covariance` (Callaway and Sant'Anna 2021, section 3).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from app.domain.impact.cells import Cells
from app.domain.impact.linear import FloatArray
from app.domain.impact.panel import BoolArray


@dataclass(frozen=True, slots=True, eq=False)
class Averages:
    """Averages of the cells: `values` (m), and `loading` (m x (cells + cohorts)) on what `Cells.covariance` covers.

    `at` names each average (cohort position, event time or period position); `horizon` (m) is its mean time under
    exposure in periods, 1 in the first exposed period, by which a steady drift would have grown since the base.
    """

    at: tuple[int, ...]
    values: FloatArray
    loading: FloatArray
    horizon: FloatArray

    def covariance(self, cells: Cells) -> FloatArray:
        """Return the m x m covariance of the averages."""
        return np.asarray(self.loading @ cells.covariance @ self.loading.T)

    def errors(self, cells: Cells) -> FloatArray:
        """Return the m standard errors."""
        return np.asarray(np.sqrt(np.maximum(np.diag(self.covariance(cells)), 0.0)))

    def mean(self) -> Averages:
        """Return the plain mean of the averages, as one."""
        return Averages(
            at=(0,),
            values=self.values.mean(keepdims=True),
            loading=self.loading.mean(axis=0, keepdims=True),
            horizon=self.horizon.mean(keepdims=True),
        )


def simple(cells: Cells) -> Averages:
    """Return the mean over all exposed cells, each weighing as its cohort."""
    return _stacked([0], [_share_weighted(cells, cells.event_times >= 0)])


def group(cells: Cells) -> tuple[Averages, Averages]:
    """Return each cohort's mean over its exposed periods, and their mean weighted by cohort share."""
    exposed = cells.event_times >= 0
    present = [at for at in range(cells.cohorts.n_cohorts) if bool((exposed & (cells.cohort_of == at)).any())]
    rows = _stacked(present, [_share_weighted(cells, exposed & (cells.cohort_of == at)) for at in present])
    shares = cells.cohorts.shares[present]
    total = float(shares.sum())
    overall = float(shares @ rows.values) / total
    loading = shares @ rows.loading / total
    loading[len(cells.cells) + np.array(present)] += (rows.values - overall) / total
    return rows, _stacked([0], [(overall, loading, float(shares @ rows.horizon) / total)])


def event_study(cells: Cells) -> Averages:
    """Return the mean at each time since exposure, leads (negative) included."""
    times = np.unique(cells.event_times).tolist()
    return _stacked(times, [_share_weighted(cells, cells.event_times == time) for time in times])


def dynamic(cells: Cells) -> tuple[Averages, Averages]:
    """Return the event study from exposure on, and its plain mean."""
    times = [time for time in np.unique(cells.event_times).tolist() if time >= 0]
    rows = _stacked(times, [_share_weighted(cells, cells.event_times == time) for time in times])
    return rows, rows.mean()


def calendar(cells: Cells) -> tuple[Averages, Averages]:
    """Return the mean over the exposed cohorts in each period, and its plain mean."""
    exposed = cells.event_times >= 0
    periods = np.unique(cells.periods[exposed]).tolist()
    rows = _stacked(periods, [_share_weighted(cells, exposed & (cells.periods == period)) for period in periods])
    return rows, rows.mean()


def _share_weighted(cells: Cells, chosen: BoolArray) -> tuple[float, FloatArray, float]:
    """Return the share-weighted mean of the chosen cells, its loading, and its mean time under exposure."""
    at = np.flatnonzero(chosen)
    cohort = cells.cohort_of[at]
    shares = cells.cohorts.shares[cohort]
    weights = shares / shares.sum()
    value = float(weights @ cells.values[at])
    loading = np.zeros(len(cells.covariance))
    loading[at] = weights
    pull = (cells.values[at] - value) / shares.sum()
    np.add.at(loading, len(cells.cells) + cohort, pull)
    return value, loading, float(weights @ (cells.event_times[at] + 1.0)) + cells.anticipation


def _stacked(at: list[int], rows: list[tuple[float, FloatArray, float]]) -> Averages:
    return Averages(
        at=tuple(at),
        values=np.array([row[0] for row in rows]),
        loading=np.stack([row[1] for row in rows]),
        horizon=np.array([row[2] for row in rows]),
    )
