"""Wild cluster bootstrap with the null imposed (Cameron, Gelbach and Miller 2008, doi:10.1162/rest.90.3.414).

Residuals of the fit under the null are multiplied by one draw per cluster: Rademacher, or Webb's six points below 12
clusters. Everything is summed to clusters first, so the cost does not grow with the observations.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from app.domain.impact.linear import FloatArray, IntArray, LinearFit, sum_by

_WEBB_BELOW = 12
_RADEMACHER: FloatArray = np.array([-1.0, 1.0])
_WEBB: FloatArray = np.sqrt([1.5, 1.0, 0.5, 0.5, 1.0, 1.5]) * np.array([-1.0, -1.0, -1.0, 1.0, 1.0, 1.0])
_HALVINGS = 50
_DOUBLINGS = 12  # the interval is sought within 2**12 standard errors


@dataclass(frozen=True, slots=True)
class Bootstrapped:
    """p-value of no effect, and the values not rejected at 1 - level; None where the search found no end."""

    p_value: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True, eq=False)
class _Sums:
    """Cluster sums: `under` (G x k) of x'e where e are the residuals under effect 0, `slope` how they fall as it grows.

    `row` (k) turns a sum of x'e into the coefficient; `pull` (G x k) takes the fitted part out of a cluster's score;
    `draws` (B x G) are the multipliers; `error` is CRV1 without its factor, which cancels.
    """

    under: FloatArray
    slope: FloatArray
    row: FloatArray
    pull: FloatArray
    draws: FloatArray
    value: float
    error: float

    def p_value(self, null: float) -> float:
        """Return the share of bootstrap |t| at least as large as the observed one, under effect = `null`."""
        sums = self.under - null * self.slope
        direct = sums @ self.row  # G: what each cluster's residuals move the coefficient by
        moved = self.draws * direct
        effects = moved.sum(axis=1)
        scores = moved - (self.draws @ sums) @ self.pull.T
        errors = np.sqrt((scores**2).sum(axis=1))
        observed = abs(self.value - null) / self.error
        more = np.abs(effects) >= observed * errors * (1.0 - 1e-10)
        return float((1 + int(more.sum())) / (len(self.draws) + 1))


def wild_bootstrap(
    fit: LinearFit, name: str, clusters: IntArray, *, rng: np.random.Generator, draws: int, level: float
) -> Bootstrapped:
    """Return p-value and interval of the coefficient `name`; `clusters` (n) are codes 0..G-1."""
    sums = _sums(fit, fit.names.index(name), clusters, rng, draws)
    low, high = (bound(sums.p_value, sums.value, side * sums.error, level=level) for side in (-1.0, 1.0))
    return Bootstrapped(sums.p_value(0.0), low, high)


def bound(p_value: Callable[[float], float], value: float, step: float, *, level: float) -> float | None:
    """Return where, from `value` in the direction of `step`, `p_value` falls to 1 - level; None if it never does."""
    alpha = 1.0 - level
    inside, outside = value, value + step
    for _ in range(_DOUBLINGS):
        if p_value(outside) <= alpha:
            break
        inside, step = outside, step * 2.0
        outside = value + step
    else:
        return None
    for _ in range(_HALVINGS):
        middle = (inside + outside) / 2.0
        inside, outside = (middle, outside) if p_value(middle) > alpha else (inside, middle)
    return inside


def _sums(fit: LinearFit, at: int, clusters: IntArray, rng: np.random.Generator, draws: int) -> _Sums:
    root = np.ones(fit.n) if fit.weights is None else np.sqrt(fit.weights)
    design = fit.design * root[:, None]
    outcome = root * (fit.residuals + fit.design @ fit.beta)
    others = np.delete(design, at, axis=1)
    project = np.linalg.pinv(others) if others.shape[1] else np.zeros((0, fit.n))
    row = np.asarray(fit.bread[at])
    count = int(clusters.max()) + 1
    points = _WEBB if count < _WEBB_BELOW else _RADEMACHER
    scores = sum_by(design * (root * fit.residuals)[:, None], clusters) @ row
    return _Sums(
        under=sum_by(design * (outcome - others @ (project @ outcome))[:, None], clusters),
        slope=sum_by(design * (design[:, at] - others @ (project @ design[:, at]))[:, None], clusters),
        row=row,
        pull=sum_by(design * (design @ row)[:, None], clusters) @ fit.bread,
        draws=rng.choice(points, (draws, count)),
        value=float(fit.beta[at]),
        error=float(np.sqrt((scores**2).sum())),
    )
