"""The propensity score: a logit fitted by iteratively reweighted least squares, with its influence function."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from app.domain.errors import Fault, Invalid
from app.domain.impact.linear import FloatArray, collinear

_ROUNDS = 60
_HALVINGS = 30
_CONVERGED = 1e-12  # relative gain of the likelihood; the coefficients are then exact to some 1e-8
_CERTAIN = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Propensity:
    """P(exposed | covariates), per unit (`score`, n), and what its standard error needs.

    `design` (n x k) is a constant and the standardised covariates; `influence` (n x k) holds each unit's influence on
    the coefficients, so that their covariance is `influence.T @ influence / n**2`.
    """

    score: FloatArray
    design: FloatArray
    influence: FloatArray

    @property
    def odds(self) -> FloatArray:
        """Return p / (1 - p), the weight that makes a control stand for the treated."""
        return np.asarray(self.score / (1.0 - self.score))


def propensity(
    exposed: FloatArray, covariates: FloatArray, names: tuple[str, ...], *, weights: FloatArray | None = None
) -> Propensity:
    """Fit exposed (n, 0/1) on the covariates (n x k, named by `names`) and a constant; `weights` (n) sum to n.

    Raises `Invalid`: `collinear_columns`, or `separated` where the covariates tell treated from controls perfectly.
    """
    design = standardised(covariates, names)
    held = np.ones(len(exposed)) if weights is None else weights
    beta = np.zeros(design.shape[1])
    likelihood = _log_likelihood(design, beta, exposed, held)
    for _ in range(_ROUNDS):
        score = special.expit(design @ beta)
        step = _step(design, exposed, held, score)
        beta, gained = _advance(design, exposed, held, beta=beta, step=step, likelihood=likelihood)
        likelihood += gained
        if abs(gained) <= _CONVERGED * (1.0 + abs(likelihood)):
            break
    score = special.expit(design @ beta)
    if float(np.minimum(score, 1.0 - score).max()) < _CERTAIN:
        raise _separated()
    information = (design * (held * score * (1.0 - score))[:, None]).T @ design / len(exposed)
    scores = design * (held * (exposed - score))[:, None]
    return Propensity(score, design, np.asarray(np.linalg.solve(information, scores.T).T))


def standardised(covariates: FloatArray, names: tuple[str, ...]) -> FloatArray:
    """Return a constant and the covariates with mean 0 and standard deviation 1 (n x (1 + k)).

    Raises `Invalid` (`collinear_columns`) naming columns that are constant or combinations of others.
    """
    spread = covariates.std(axis=0)
    design = np.column_stack(
        [np.ones(len(covariates)), (covariates - covariates.mean(axis=0)) / np.where(spread > 0.0, spread, 1.0)]
    )
    redundant = collinear(design)
    if redundant:
        listed = ", ".join(names[at - 1] for at in redundant)
        raise Invalid(
            f"These covariates are constant or combinations of others: {listed}. Leave them out.",
            errors=(Fault("collinear_columns", listed),),
        )
    return design


def _step(design: FloatArray, exposed: FloatArray, held: FloatArray, score: FloatArray) -> FloatArray:
    curvature = held * score * (1.0 - score)
    information = (design * curvature[:, None]).T @ design
    try:
        return np.asarray(np.linalg.solve(information, design.T @ (held * (exposed - score))))
    except np.linalg.LinAlgError:
        raise _separated() from None


def _advance(
    design: FloatArray, exposed: FloatArray, held: FloatArray, *, beta: FloatArray, step: FloatArray, likelihood: float
) -> tuple[FloatArray, float]:
    """Return beta moved along `step`, halved until the likelihood does not fall, and the gain."""
    share = 1.0
    for _ in range(_HALVINGS):
        moved = beta + share * step
        gained = _log_likelihood(design, moved, exposed, held) - likelihood
        if gained >= -_CONVERGED * (1.0 + abs(likelihood)):
            return moved, gained
        share /= 2.0
    return beta, 0.0


def _log_likelihood(design: FloatArray, beta: FloatArray, exposed: FloatArray, held: FloatArray) -> float:
    index = design @ beta
    return float(held @ (exposed * index - np.logaddexp(0.0, index)))


def _separated() -> Invalid:
    return Invalid(
        "The covariates tell the treated from the controls perfectly, so there is nobody to compare with: leave out "
        "the covariate that defines who was treated.",
        errors=(Fault("separated", "the logit of exposure has no maximum"),),
    )
