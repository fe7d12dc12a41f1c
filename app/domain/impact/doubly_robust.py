"""The effect of exposure on a change, given covariates (Sant'Anna and Zhao 2020, doi:10.1016/j.jeconom.2020.06.003).

The "traditional" estimators: least squares among the controls, a logit for exposure, and control weights
p(1-D)/(1-p) normalised by their own sum (Hajek), with the influence of both fits in the standard error.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from app.domain.errors import Fault, Invalid
from app.domain.impact.linear import FloatArray
from app.domain.impact.options import CellMethod
from app.domain.impact.propensity import propensity, standardised


@dataclass(frozen=True, slots=True, eq=False)
class OutcomeModel:
    """Least squares among the controls, ready for any outcome: `inverse` (k x k) of their cross products.

    `treated_pull` and `control_pull` (n) carry the influence of the fit on the means over treated and controls.
    """

    inverse: FloatArray
    treated_pull: FloatArray
    control_pull: FloatArray | None


@dataclass(frozen=True, slots=True, eq=False)
class Contrast:
    """One treated group and its controls (n units together), ready for any change of the outcome.

    `treated` and `others` (n) are the sampling weights of the two groups, zero elsewhere; `stand_in` (n) weighs the
    controls by their odds of exposure, None under outcome regression; `score` (n) is the propensity and
    `score_influence` (n x k) the influence on its coefficients.
    """

    design: FloatArray
    treated: FloatArray
    others: FloatArray
    stand_in: FloatArray | None
    score: FloatArray | None
    score_influence: FloatArray | None
    outcome_model: OutcomeModel | None

    def effect(self, change: FloatArray) -> tuple[float, FloatArray]:
        """Return the effect on `change` (n) and each unit's influence (n, mean 0): se = sqrt(sum(influence^2)) / n."""
        n = len(change)
        model = self.outcome_model
        rest = change
        if model is not None:
            rest = change - self.design @ (model.inverse @ (self.design.T @ (self.others * change) / n))
        share = float(self.treated.mean())
        gain = float(self.treated @ rest) / n / share
        influence = self.treated * (rest - gain)
        pulled = None if model is None else self.others * rest
        if model is not None and pulled is not None:
            influence -= pulled * model.treated_pull
        influence /= share
        if self.stand_in is None or self.score_influence is None:
            return gain, influence
        weight = float(self.stand_in.mean())
        drift = float(self.stand_in @ rest) / n / weight
        tail = self.stand_in * (rest - drift)
        tail += self.score_influence @ (self.design.T @ tail / n)
        if model is not None and pulled is not None and model.control_pull is not None:
            tail -= pulled * model.control_pull
        return gain - drift, influence - tail / weight

    @property
    def control_weights(self) -> FloatArray:
        """The weights that the controls carry (n), zero for the treated."""
        return self.others if self.stand_in is None else self.stand_in


def contrast(
    exposed: FloatArray,
    covariates: FloatArray,
    names: tuple[str, ...],
    *,
    method: CellMethod = CellMethod.DOUBLY_ROBUST,
    weights: FloatArray | None = None,
) -> Contrast:
    """Return the contrast of exposed (n, 0/1) given covariates (n x k, without a constant); `weights` (n) sum to n.

    Raises `Invalid`: `collinear_columns`; `separated` where the covariates tell the groups apart perfectly.
    """
    n = len(exposed)
    held = np.ones(n) if weights is None else weights
    treated, others = held * exposed, held * (1.0 - exposed)
    stand_in = score = score_influence = None
    if method is CellMethod.OUTCOME_REGRESSION:
        design = standardised(covariates, names)
    else:
        fitted = propensity(exposed, covariates, names, weights=weights)
        design, score, score_influence = fitted.design, fitted.score, fitted.influence
        stand_in = others * fitted.odds
    model = None
    if method is not CellMethod.INVERSE_PROPENSITY:
        inverse = _inverse((design * others[:, None]).T @ design / n, names)
        model = OutcomeModel(
            inverse=inverse,
            treated_pull=design @ (inverse @ (design.T @ treated / n)),
            control_pull=None if stand_in is None else design @ (inverse @ (design.T @ stand_in / n)),
        )
    return Contrast(design, treated, others, stand_in, score, score_influence, model)


def _inverse(gram: FloatArray, names: tuple[str, ...]) -> FloatArray:
    if np.linalg.matrix_rank(gram, hermitian=True) < len(gram):
        listed = ", ".join(names)
        raise Invalid(
            f"Among the controls the covariates ({listed}) are constant or combinations of each other: leave some out.",
            errors=(Fault("collinear_columns", listed),),
        )
    return np.asarray(np.linalg.inv(gram))
