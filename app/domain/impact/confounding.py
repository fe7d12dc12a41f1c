"""How strong an unmeasured confounder would have to be to explain an effect away."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from app.domain.impact.cross_section import CrossSection
from app.domain.impact.linear import FloatArray, LinearFit, normal_quantile
from app.domain.impact.result import Diagnostic, Verdict

_RISK_PER_SD = 0.91  # log risk ratio per standard deviation of a continuous outcome
_R_SQUARED_ROOM = 1.3


@dataclass(frozen=True, slots=True)
class EValue:
    """Risk ratios that a confounder needs with both exposure and outcome: to undo the estimate, or its significance."""

    point: float
    limit: float


def e_value(value: float, error: float, outcome_sd: float, *, level: float = 0.95) -> EValue:
    """Return the E-values of a difference of means (VanderWeele and Ding 2017, doi:10.7326/M16-2607).

    `value` and its standard error `error` are in units of the outcome, whose standard deviation is `outcome_sd` > 0.
    The E-value of the interval's limit nearer to zero is 1 where the interval holds zero.
    """
    effect = abs(value) / outcome_sd
    half = normal_quantile(0.5 + level / 2.0) * error / outcome_sd
    return EValue(_needed(effect), _needed(max(0.0, effect - half)))


def _needed(effect: float) -> float:
    ratio = math.exp(_RISK_PER_SD * effect)
    return ratio + math.sqrt(ratio * (ratio - 1.0))


def e_value_diagnostic(data: CrossSection, value: float, error: float, *, level: float) -> Diagnostic:
    """Return the E-values of an estimate, against the spread of the outcome within both sides."""
    within = data.outcome - np.where(
        data.treated, data.outcome[data.treated].mean(), data.outcome[~data.treated].mean()
    )
    found = e_value(value, error, float(within.std()), level=level)
    return Diagnostic(
        "e_value",
        Verdict.INFO,
        f"Something unmeasured that raises exposure and outcome by a risk ratio of {found.point:.2f} would explain the "
        f"estimate away; {found.limit:.2f} would make it insignificant.",
        {"point": found.point, "limit": found.limit},
    )


def oster_delta(
    short: LinearFit, long: LinearFit, auxiliary_variance: float, *, name: str, most: float
) -> float | None:
    """Return how much stronger than the covariates an unmeasured confounder must select to make the effect zero.

    Oster (2019, doi:10.1080/07350015.2016.1227711), proposition 3 with the effect zero. `short` regresses the outcome
    on the exposure `name` alone, `long` adds the covariates; `auxiliary_variance` is the variance of the exposure left
    by the covariates; `most` is the R-squared that a regression with everything would reach. None where the covariates
    say nothing (no movement and no gain in fit).
    """
    raw, adjusted = float(short.beta[short.names.index(name)]), float(long.beta[long.names.index(name)])
    outcome = short.design @ short.beta + short.residuals
    exposure = short.design[:, short.names.index(name)]
    var_y, var_x = float(outcome.var()), float(exposure.var())
    tau, moved = auxiliary_variance, raw - adjusted
    gained, room = long.r_squared - short.r_squared, most - long.r_squared
    cubic = adjusted**3 * (tau * var_x - tau**2)
    shared = adjusted**2 * tau * moved * var_x
    above = adjusted * gained * var_y * tau + adjusted * var_x * tau * moved**2 + 2.0 * shared + cubic
    below = room * var_y * moved * var_x + adjusted * room * var_y * (var_x - tau) + shared + cubic
    return above / below if below != 0.0 else None


def oster_diagnostic(short: LinearFit, long: LinearFit, covariates: FloatArray, *, name: str) -> Diagnostic:
    """Return Oster's delta with the R-squared of everything set to 1.3 times the one reached (at most 1)."""
    exposure = short.design[:, short.names.index(name)]
    design = np.column_stack([np.ones(len(exposure)), covariates])
    left = exposure - design @ np.linalg.lstsq(design, exposure, rcond=None)[0]
    most = min(1.0, _R_SQUARED_ROOM * long.r_squared)
    delta = oster_delta(short, long, float(left.var()), name=name, most=most)
    if delta is None:
        return Diagnostic("oster_delta", Verdict.UNAVAILABLE, "The covariates explain nothing.", {"delta": None})
    way = "" if delta >= 0.0 else ", in the opposite direction,"
    return Diagnostic(
        "oster_delta",
        Verdict.OK if abs(delta) >= 1.0 else Verdict.FLAG,
        f"What is unmeasured undoes it if it selects{way} {abs(delta):.2f} times as strongly as covariates do.",
        {"delta": delta, "r_squared_most": most},
    )
