"""What the periods before exposure say: leads, and the same chained back from the base period."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np

from app.domain.impact.aggregates import Averages
from app.domain.impact.cells import Cells
from app.domain.impact.linear import FloatArray, total_by

Weights = dict[int, float]  # position among a cohort's cells -> weight


class Leads:
    """The cells before exposure of each cohort, by steps back from the base period.

    Step 1 is the last lead: the change into the base period from the one before. `depth(c)` is how many a cohort has
    without a gap.
    """

    def __init__(self, cells: Cells) -> None:
        self.cells = cells
        base = -1 - cells.anticipation
        steps = base - cells.event_times + 1
        self._at = {
            (cohort, step): at
            for at, (cohort, step) in enumerate(zip(cells.cohort_of.tolist(), steps.tolist(), strict=True))
            if step >= 1
        }
        self._depths = [
            next(step for step in itertools.count(1) if (cohort, step) not in self._at) - 1
            for cohort in range(cells.cohorts.n_cohorts)
        ]

    def depth(self, cohort: int) -> int:
        """Return the number of leads of the cohort without a gap."""
        return self._depths[cohort]

    @property
    def deepest(self) -> int:
        """The number of leads of the cohort that has most."""
        return max(self._depths, default=0)

    def single(self, deepest: int) -> Averages:
        """Return the leads 1..`deepest`, each a change from one period to the next, averaged over cohorts."""
        return self._averaged(range(1, deepest + 1), lambda step: {step: 1.0})

    def chained(self, deepest: int, multiples: FloatArray | None = None) -> Averages:
        """Return the levels 1..`deepest` periods before the base period, the base being 0, averaged over cohorts.

        `multiples` (cohorts) multiply the cohorts' shares, so that the average is that of another estimate.
        """
        return self._averaged(range(1, deepest + 1), lambda step: dict.fromkeys(range(1, step + 1), -1.0), multiples)

    def multiples(self, loading: FloatArray | None = None) -> FloatArray:
        """Return what an estimate weighs each cohort by, over its share; by its exposed periods if `loading` is None.

        `loading` is that of the estimate on `Cells.covariance`.
        """
        cells = self.cells
        exposed = cells.event_times >= 0
        weight = np.ones(len(cells.cells)) if loading is None else loading[: len(cells.cells)]
        total = total_by(np.where(exposed, weight, 0.0), cells.cohort_of, cells.cohorts.n_cohorts)
        return total if loading is None else np.asarray(total / cells.cohorts.shares)

    def pretended(self, length: int) -> Averages:
        """Return the effect that exposure `length` periods too early would have had on the periods up to the base."""
        weights = {step: step / length for step in range(1, length + 1)}
        return self._averaged([length], lambda _: weights)

    def _averaged(
        self, steps: range | list[int], weigh: Callable[[int], Weights], multiples: FloatArray | None = None
    ) -> Averages:
        times = np.ones(self.cells.cohorts.n_cohorts) if multiples is None else multiples
        rows = [row for step in steps if (row := self._row(step, weigh(step), times)) is not None]
        return Averages(
            at=tuple(step for step in steps if self.deepest >= step),
            values=np.array([value for value, _ in rows]),
            loading=np.stack([loading for _, loading in rows]) if rows else np.zeros((0, len(self.cells.covariance))),
            horizon=np.array([float(step) for step in steps if self.deepest >= step]),
        )

    def _row(self, deepest: int, weights: Weights, multiples: FloatArray) -> tuple[float, FloatArray] | None:
        """Average the weighted leads over the cohorts that have all of them, by cohort share times `multiples`."""
        cells = self.cells
        cohorts = [at for at in range(cells.cohorts.n_cohorts) if self.depth(at) >= deepest]
        if not cohorts:
            return None
        shares = cells.cohorts.shares[cohorts] * multiples[cohorts]
        total = float(shares.sum())
        within = np.array(
            [sum(weight * cells.values[self._at[at, step]] for step, weight in weights.items()) for at in cohorts]
        )
        value = float(shares @ within) / total
        loading = np.zeros(len(cells.covariance))
        for at, share in zip(cohorts, shares.tolist(), strict=True):
            for step, weight in weights.items():
                loading[self._at[at, step]] += share / total * weight
        loading[len(cells.cells) + np.array(cohorts)] += multiples[cohorts] * (within - value) / total
        return value, loading
