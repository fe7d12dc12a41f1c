"""Fixed effects taken out of columns: of units, or of units and periods together, by weighted least squares."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from app.domain.impact.linear import FloatArray, IntArray, total_by


@dataclass(frozen=True, slots=True, eq=False)
class Effects:
    """Rows (n) of units and periods, given as codes 0..N-1 and 0..T-1, with positive weights."""

    unit: IntArray
    period: IntArray
    weights: FloatArray

    @property
    def n_units(self) -> int:
        """The number of unit codes."""
        return int(self.unit.max()) + 1

    @property
    def n_periods(self) -> int:
        """The number of period codes."""
        return int(self.period.max()) + 1

    def unit_means(self, column: FloatArray) -> FloatArray:
        """Return the weighted mean of `column` (n) in each unit (N); 0 for units without rows."""
        mass = total_by(self.weights, self.unit)
        return np.asarray(total_by(self.weights * column, self.unit) / np.where(mass > 0.0, mass, 1.0))

    def without_units(self, column: FloatArray) -> FloatArray:
        """Return `column` (n) less its unit means."""
        return np.asarray(column - self.unit_means(column)[self.unit])

    def fitted_both(self, column: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the unit effects (N) and period effects (T, the first 0) that fit `column` (n) best."""
        return self.solve(total_by(self.weights * column, self.unit), total_by(self.weights * column, self.period))

    def solve(self, unit_sums: FloatArray, period_sums: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the effects whose normal equations have these right-hand sides.

        The units are eliminated first, which leaves a system of the size of the periods. Groups of units and periods
        that no row connects are each pinned by least norm.
        """
        place = self.period * self.n_units + self.unit
        table = total_by(self.weights, place, self.n_periods * self.n_units).reshape(self.n_periods, self.n_units)
        mass = table.sum(axis=0)
        share = table / np.where(mass > 0.0, mass, 1.0)
        left = np.diag(table.sum(axis=1)) - share @ table.T
        right = period_sums - share @ unit_sums
        of_period = np.zeros(self.n_periods)
        of_period[1:] = np.linalg.lstsq(left[1:, 1:], right[1:])[0]
        of_unit = (unit_sums - of_period @ table) / np.where(mass > 0.0, mass, 1.0)
        return np.asarray(of_unit), of_period

    def without_both(self, column: FloatArray) -> FloatArray:
        """Return `column` (n) less its unit and period effects."""
        of_unit, of_period = self.fitted_both(column)
        return np.asarray(column - of_unit[self.unit] - of_period[self.period])
