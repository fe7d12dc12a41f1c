"""Effects on the treated from regression and from weighted controls: the point estimates with their standard errors.

Regression adjustment, inverse propensity weights and their union are those of `doubly_robust`, on the outcome itself;
entropy balancing follows Hainmueller (2012, doi:10.1093/pan/mpr025). What travels beside them is in `observational`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import special

from app.domain.errors import Fault, Invalid
from app.domain.impact.answers import Estimate, of_influence, of_regression
from app.domain.impact.cross_section import CrossSection
from app.domain.impact.doubly_robust import contrast
from app.domain.impact.linear import FloatArray, LinearFit, least_squares
from app.domain.impact.options import CellMethod, Options
from app.domain.impact.propensity import Propensity
from app.domain.impact.regressors import CONSTANT, EXPOSURE

_ROUNDS = 200
_HALVINGS = 40
_BALANCED = 1e-9
_ARMIJO = 1e-4


@dataclass(frozen=True, slots=True, eq=False)
class Weighted:
    """An estimate and the weights (one per control) by which its controls stand for the treated.

    `regression` is the fit that gave the estimate, where one on exposure and covariates did.
    """

    estimate: Estimate
    control_weights: FloatArray
    regression: LinearFit | None = None


Method = Callable[[CrossSection, Propensity, Options], Weighted]


def ols_adjusted(data: CrossSection, score: Propensity, options: Options) -> Weighted:
    """Regress the outcome on exposure and the covariates: the effect on the treated if it is the same for all."""
    columns = np.column_stack([np.ones(data.n), data.exposed, data.covariates])
    fitted = least_squares(data.outcome, columns, (CONSTANT, EXPOSURE, *data.names), weights=data.weights)
    return Weighted(of_regression(fitted, data, options), _odds(data, score), fitted)


def regression_adjustment(data: CrossSection, score: Propensity, options: Options) -> Weighted:
    """Fit the outcome on the controls and take the treated's mean distance to it (Oaxaca and Blinder)."""
    return _doubly_robust(data, score, options, CellMethod.OUTCOME_REGRESSION)


def ipw(data: CrossSection, score: Propensity, options: Options) -> Weighted:
    """Compare the treated with controls weighted by the odds of their propensity, normalised by their sum."""
    return _doubly_robust(data, score, options, CellMethod.INVERSE_PROPENSITY)


def aipw(data: CrossSection, score: Propensity, options: Options) -> Weighted:
    """Compare distances to an outcome model of the controls, weighted as in `ipw`: right if either model is."""
    return _doubly_robust(data, score, options, CellMethod.DOUBLY_ROBUST)


def entropy_balancing(data: CrossSection, score: Propensity, options: Options) -> Weighted:
    """Weight the controls to the treated's covariate means, then regress the outcome on exposure with the weights."""
    found = entropy_weights(data, score.design[:, 1:])
    weights = data.held.copy()
    weights[~data.treated] = found * weights[data.treated].sum()
    columns = np.column_stack([np.ones(data.n), data.exposed])
    fitted = least_squares(data.outcome, columns, (CONSTANT, EXPOSURE), weights=weights)
    return Weighted(of_regression(fitted, data, options), found)


METHODS: dict[str, Method] = {
    "ols_adjusted": ols_adjusted,
    "regression_adjustment": regression_adjustment,
    "ipw": ipw,
    "aipw": aipw,
    "entropy_balancing": entropy_balancing,
}


def _doubly_robust(data: CrossSection, score: Propensity, options: Options, method: CellMethod) -> Weighted:
    made = contrast(data.exposed, data.covariates, data.names, method=method, weights=data.held)
    value, influence = made.effect(data.outcome)
    return Weighted(of_influence(value, influence, data, options), _odds(data, score))


def _odds(data: CrossSection, score: Propensity) -> FloatArray:
    return np.asarray((data.held * score.odds)[~data.treated])


def entropy_weights(data: CrossSection, features: FloatArray) -> FloatArray:
    """Return weights of the controls, summing to 1, that give `features` (n x k) the treated's means.

    Among such weights those nearest to the sampling weights in relative entropy. Raises `Invalid` (`cannot_balance`) if
    no weights do: the treated's means lie outside the range of the controls.
    """
    goal = np.average(features[data.treated], axis=0, weights=data.held[data.treated])
    gaps = features[~data.treated] - goal
    base = np.log(data.held[~data.treated])
    tilt = np.zeros(gaps.shape[1])
    for _ in range(_ROUNDS):
        level = float(special.logsumexp(base + gaps @ tilt))
        weights = np.exp(base + gaps @ tilt - level)
        slope = weights @ gaps
        if float(np.abs(slope).max()) <= _BALANCED:
            return np.asarray(weights / weights.sum())
        curvature = (gaps * weights[:, None]).T @ gaps - np.outer(slope, slope)
        step = _newton(curvature, slope)
        tilt = tilt + _shortened(base, gaps, tilt, step=step, slope=slope, level=level) * step
    raise _unbalanced()


def _newton(curvature: FloatArray, slope: FloatArray) -> FloatArray:
    try:
        return np.asarray(-np.linalg.solve(curvature, slope))
    except np.linalg.LinAlgError:
        raise _unbalanced() from None


def _shortened(
    base: FloatArray, gaps: FloatArray, tilt: FloatArray, *, step: FloatArray, slope: FloatArray, level: float
) -> float:
    """Return the share of `step` at which the potential falls enough, by halving."""
    share, promised = 1.0, float(slope @ step)
    for _ in range(_HALVINGS):
        reached = float(special.logsumexp(base + gaps @ (tilt + share * step)))
        if reached <= level + _ARMIJO * share * promised + _BALANCED**2:
            return share
        share /= 2.0
    raise _unbalanced()


def _unbalanced() -> Invalid:
    return Invalid(
        "No weights of the controls give the treated's covariate means: some treated have no counterpart. Leave out a "
        "covariate or restrict the treated to those with counterparts.",
        errors=(Fault("cannot_balance", "the treated's means lie outside the controls' range"),),
    )
