"""Least squares over the simplex: weights that are not negative and add up to one, the core of synthetic control.

The problem is convex. Arkhangelsky et al. (2021, doi:10.1257/aer.20190159) approach its minimum by Frank-Wolfe steps;
here it is solved exactly, so that there is one answer, whatever the start, and no step left over where the approach
stops: by the active-set method of Lawson and Hanson (1974), or, with many columns and a true penalty, by Newton steps
in the dual, which has only as many variables as there are rows.
"""

from __future__ import annotations

import numpy as np
from scipy import optimize

from app.domain.errors import Fault, Invalid
from app.domain.impact.linear import FloatArray

_MANY = 60
_PENALISED = 1e-6  # of the columns' mean square
_FITTED = 1e-6  # of the columns' length: nearer, and weights without a penalty are no longer unique
_ROUNDS = 100
_HALVINGS = 40
_SETTLED = 1e-11
_ARMIJO = 1e-4


def simplex_weights(features: FloatArray, target: FloatArray, *, ridge: float) -> FloatArray:
    """Return w (k) >= 0 with sum 1 that minimises |features (n x k) @ w - target (n)|^2 + ridge * |w|^2.

    `ridge` > 0 makes the answer unique. Raises `Invalid` (`no_weights`) if the search does not settle.
    """
    gaps = features - target[:, None]
    square = float((gaps**2).sum(axis=0).mean())
    if features.shape[1] > _MANY and ridge > _PENALISED * square:
        found = _by_dual(features, target, ridge)
        if found is not None:
            return found
    elif features.shape[1] > _MANY:
        loose = _by_active_set(gaps)
        if float(np.linalg.norm(gaps @ loose)) > _FITTED * np.sqrt(square):
            return loose
    return _by_active_set(np.vstack([gaps, np.sqrt(ridge) * np.eye(features.shape[1])]))


def _by_active_set(gaps: FloatArray) -> FloatArray:
    """Return u on the simplex that minimises |gaps @ u|^2.

    For w = s*u, min over s of |gaps w|^2 + (sum(w) - 1)^2 is q / (1 + q) with q = |gaps u|^2, which grows with q: the
    direction found without the constraint is the constrained minimum, at any scale of the gaps.
    """
    scale = float(np.sqrt((gaps**2).sum(axis=0).min()))
    count = gaps.shape[1]
    problem = np.vstack([gaps / (scale if scale > 0.0 else 1.0), np.ones(count)])
    goal = np.zeros(problem.shape[0])
    goal[-1] = 1.0
    try:
        weights = optimize.nnls(problem, goal, maxiter=30 * count + 100)[0]
    except RuntimeError:
        raise Invalid(
            "The synthetic control weights do not settle: send fewer or less extreme donors.",
            errors=(Fault("no_weights", "the active set cycles"),),
        ) from None
    return np.asarray(weights / weights.sum())


def _by_dual(features: FloatArray, target: FloatArray, ridge: float) -> FloatArray | None:
    """Return the weights from y = target - features @ w, where w is the projection of features' y / ridge."""
    dual = target - features.mean(axis=1)
    weights = _projected(dual @ features / ridge)
    for _ in range(_ROUNDS):
        slope = dual - target + features @ weights
        if float(np.abs(slope).max()) <= _SETTLED * float(np.abs(features).max()):
            return weights
        active = features[:, weights > 0.0]
        centred = active - active.mean(axis=1, keepdims=True)
        step = -np.linalg.solve(np.eye(len(dual)) + centred @ centred.T / ridge, slope)
        level, share = _dual_value(features, target, ridge, dual, weights), 1.0
        for _ in range(_HALVINGS):
            tried = dual + share * step
            weights = _projected(tried @ features / ridge)
            if _dual_value(features, target, ridge, tried, weights) <= level + _ARMIJO * share * float(slope @ step):
                break
            share /= 2.0
        dual = tried
    return None


def _dual_value(features: FloatArray, target: FloatArray, ridge: float, dual: FloatArray, weights: FloatArray) -> float:
    fitted = float(dual @ (features @ weights)) - ridge / 2.0 * float(weights @ weights)
    return float(dual @ dual) / 2.0 - float(target @ dual) + fitted


def _projected(point: FloatArray) -> FloatArray:
    """Return the nearest point of the simplex (Held, Wolfe, Crowder 1974)."""
    falling = np.sort(point)[::-1]
    excess = (np.cumsum(falling) - 1.0) / np.arange(1, len(point) + 1)
    kept = int(np.flatnonzero(falling > excess)[-1])
    return np.asarray(np.maximum(point - excess[kept], 0.0))
