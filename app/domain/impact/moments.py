"""Cohort effects without covariates, from each cohort's means and second moments: the units are read once.

The influence of a cell is, within a cohort, one linear function of a unit's outcomes. So the covariance of all cells
follows from a matrix of (periods + 2) squared per cohort, instead of one row of influence over all units per cell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from app.domain.impact.cohorts import Cohorts
from app.domain.impact.linear import FloatArray

_ONE, _WEIGHT, _OUTCOMES = 0, 1, 2  # places in a unit's features: 1, its weight, its weighted centred outcomes


@dataclass(frozen=True, slots=True)
class Change:
    """A comparison to compute: the change from `base` to `period` of a `cohort` against that of its `controls`."""

    cohort: int
    base: int
    period: int
    controls: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Means (cohorts x periods, the never exposed last) and weights in sum (cohorts) of the units' outcomes."""

    cohorts: Cohorts
    means: FloatArray
    mass: FloatArray

    @classmethod
    def of(cls, cohorts: Cohorts) -> Moments:
        """Return the weighted means of each cohort."""
        means, mass = [], []
        for at in range(cohorts.n_cohorts + 1):
            block, weights = _block(cohorts, at)
            means.append(block.mean(axis=1) if weights is None else block @ weights / weights.sum())
            mass.append(float(block.shape[1]) if weights is None else float(weights.sum()))
        return cls(cohorts, np.array(means), np.array(mass))

    def effects(self, changes: Sequence[Change]) -> FloatArray:
        """Return the effect of each change: of the cohort, minus the mean of its controls."""
        return np.array([self._grown(one)[one.cohort] - self._drift(one) for one in changes], dtype=np.float64)

    def covariance(self, changes: Sequence[Change]) -> FloatArray:
        """Return the covariance of these effects, followed by the cohorts' shares; clustered as exposure was dealt."""
        held = self.cohorts
        loadings = self._loadings(changes)
        if held.clustered:
            summed = sum(
                (loading @ self._cluster_sums(at) for at, loading in enumerate(loadings)),
                np.zeros((loadings[0].shape[0], held.n_clusters)),
            )
            factor = held.n_clusters / (held.n_clusters - 1)
            return _rounded(summed @ summed.T * factor / held.n_units**2)
        total = sum(
            (loading @ self._squares(at) @ loading.T for at, loading in enumerate(loadings)),
            np.zeros((loadings[0].shape[0],) * 2),
        )
        return _rounded(total / held.n_units**2)

    def _grown(self, one: Change) -> FloatArray:
        """Return every cohort's mean change."""
        return np.asarray(self.means[:, one.period] - self.means[:, one.base])

    def _drift(self, one: Change) -> float:
        """Return the mean change of the controls."""
        controls = list(one.controls)
        return float(self._grown(one)[controls] @ self.mass[controls] / self.mass[controls].sum())

    def _loadings(self, changes: Sequence[Change]) -> list[FloatArray]:
        """Return per cohort how the influences (changes, then shares) load on the features of its units."""
        held = self.cohorts
        rows = len(changes) + held.n_cohorts
        found = np.zeros((held.n_cohorts + 1, rows, held.n_periods + _OUTCOMES))
        for row, one in enumerate(changes):
            self._load(found[one.cohort, row], one, held.n_units / self.mass[one.cohort], 0.0)
            grown, drift = self._grown(one), self._drift(one)
            scale = -held.n_units / float(self.mass[list(one.controls)].sum())
            for other in one.controls:
                self._load(found[other, row], one, scale, float(grown[other]) - drift)
        for at in range(held.n_cohorts):
            found[:, len(changes) + at, _ONE] = -held.shares[at]
            found[at, len(changes) + at, _WEIGHT] = 1.0
        return list(found)

    @staticmethod
    def _load(row: FloatArray, one: Change, scale: float, offset: float) -> None:
        row[_WEIGHT] = scale * offset
        row[_OUTCOMES + one.period] += scale
        row[_OUTCOMES + one.base] -= scale

    def _features(self, at: int) -> FloatArray:
        """Return the features of a cohort's units: (periods + 2) x units."""
        block, weights = _block(self.cohorts, at)
        features = np.ones((block.shape[0] + _OUTCOMES, block.shape[1]))
        np.subtract(block, self.means[at][:, None], out=features[_OUTCOMES:])
        if weights is not None:
            features[_WEIGHT] = weights
            features[_OUTCOMES:] *= weights
        return features

    def _squares(self, at: int) -> FloatArray:
        features = self._features(at)
        return np.asarray(features @ features.T)

    def _cluster_sums(self, at: int) -> FloatArray:
        """Return the features summed within clusters: (periods + 2) x clusters."""
        held = self.cohorts
        cluster = held.cluster[held.bounds[at] : held.bounds[at + 1]]
        features = self._features(at)
        return np.stack([np.bincount(cluster, weights=row, minlength=held.n_clusters) for row in features])


def _rounded(covariance: FloatArray) -> FloatArray:
    """Return the covariance with variances that only rounding makes negative set to zero."""
    at = np.diag_indices_from(covariance)
    covariance[at] = np.maximum(covariance[at], 0.0)
    return covariance


def _block(cohorts: Cohorts, at: int) -> tuple[FloatArray, FloatArray | None]:
    """Return the outcomes (periods x units) and weights of one cohort."""
    members = slice(int(cohorts.bounds[at]), int(cohorts.bounds[at + 1]))
    return cohorts.outcome[:, members], None if cohorts.weights is None else cohorts.weights[members]
