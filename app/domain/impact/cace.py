"""The effect on those who take part because they were offered it: intention to treat over take-up.

Sources: Angrist, Imbens, Rubin (1996, doi:10.1080/01621459.1996.10476902); the interval of Anderson and Rubin (1949)
holds however weak the take-up is (Andrews, Stock, Sun 2019, doi:10.1146/annurev-economics-080218-025643).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from app.domain.errors import Fault, Invalid
from app.domain.impact.answers import answer, offered, tested
from app.domain.impact.cross_section import CrossSection, checked
from app.domain.impact.inference import from_standard_error, refused
from app.domain.impact.linear import FloatArray, LinearFit, least_squares, t_quantile
from app.domain.impact.options import Options
from app.domain.impact.regressors import CONSTANT, EXPOSURE
from app.domain.impact.result import Diagnostic, EffectResult, Estimand, StandardError, StandardErrorKind, Verdict

_STRONG = 10.0
_NO_TAKE_UP = 1e-9
_WEAK = (
    "The offer hardly changed who took part (F = {f:.1f}), so the estimate is not near normal: read the set of effects "
    "that are not rejected (anderson_rubin)."
)


@dataclass(frozen=True, slots=True)
class TakeUp:
    """Both regressions on the offer: its effect on the outcome and on taking part, with their joint covariance."""

    outcome: float
    part: float
    outcome_variance: float
    part_variance: float
    covariance: float
    df: float

    @property
    def ratio(self) -> float:
        """The effect on compliers (Wald)."""
        return self.outcome / self.part

    @property
    def error(self) -> float:
        """The standard error of the ratio by the delta method; that of two-stage least squares with this covariance."""
        slope = self.ratio
        variance = self.outcome_variance - 2.0 * slope * self.covariance + slope**2 * self.part_variance
        return math.sqrt(variance) / abs(self.part)

    @property
    def first_stage_f(self) -> float:
        """The squared t statistic of the offer in the regression of taking part."""
        return self.part**2 / self.part_variance if self.part_variance > 0.0 else math.inf

    def anderson_rubin(self, level: float) -> tuple[tuple[float, float], ...]:
        """Return the effects not rejected, as one or two intervals that may be unbounded.

        The effect b stays if (outcome - b part)^2 <= c^2 Var(outcome - b part), a quadratic inequality in b.
        """
        critical = t_quantile(0.5 + level / 2.0, self.df) ** 2
        curve = self.part**2 - critical * self.part_variance
        half_slope = self.outcome * self.part - critical * self.covariance
        constant = self.outcome**2 - critical * self.outcome_variance
        inside = half_slope**2 - curve * constant
        if inside < 0.0:
            return ((-math.inf, math.inf),)
        if curve == 0.0:
            edge = constant / (2.0 * half_slope) if half_slope != 0.0 else 0.0
            return ((edge, math.inf),) if half_slope > 0.0 else ((-math.inf, edge),)
        low, high = sorted((half_slope + sign * math.sqrt(inside)) / curve for sign in (-1.0, 1.0))
        return ((low, high),) if curve > 0.0 else ((-math.inf, low), (high, math.inf))


def complier_effect(data: CrossSection, options: Options) -> EffectResult:
    """Return the effect on compliers, by two-stage least squares with the offer as instrument.

    Taking part (`data.taken`) must not be decided before the offer. Covariates enter both stages. The estimate beside
    it is the intention to treat; comparing those who took part with the others would not be an effect at all. Where the
    offer is a weak instrument there is neither interval nor p-value.
    Raises `Invalid`: `no_take_up`, `take_up_constant`, `collinear_columns`.
    """
    taken = _take_up(checked(data))
    kind = options.standard_error or (StandardErrorKind.HC2 if data.clusters is None else StandardErrorKind.CLUSTER)
    found = _both_stages(data, taken, kind)
    inference = from_standard_error(found.ratio, StandardError(found.error, kind), df=found.df, level=options.level)
    if found.first_stage_f <= _STRONG:
        inference = refused(inference, _WEAK.format(f=found.first_stage_f))
    return answer(
        "cace",
        Estimand.CACE,
        data,
        tested(found.ratio, inference, data),
        diagnostics=_findings(data, taken, found, options),
        asked=options.standard_error,
    )


def _take_up(data: CrossSection) -> FloatArray:
    if data.taken is None:
        raise Invalid(
            "Name the column that says who took part.",
            errors=(Fault("no_take_up", "options.take_up is empty", pointer="/options/take_up"),),
        )
    offered_share, other_share = float(data.taken[data.treated].mean()), float(data.taken[~data.treated].mean())
    if abs(offered_share - other_share) < _NO_TAKE_UP:
        raise Invalid(
            "Those who were offered it took part no more often than the others: there are no compliers.",
            errors=(Fault("take_up_constant", f"{offered_share:.1%} against {other_share:.1%}"),),
        )
    return data.taken


def _both_stages(data: CrossSection, taken: FloatArray, kind: StandardErrorKind) -> TakeUp:
    """Fit outcome and taking part on the offer; the covariance of both slopes by polarisation of the same estimator."""
    outcome, part, both = (_on_offer(data, values) for values in (data.outcome, taken, data.outcome + taken))
    at = outcome.names.index(EXPOSURE)
    variances = [float(one.covariance(kind, data.clusters)[at, at]) for one in (outcome, part, both)]
    return TakeUp(
        outcome=float(outcome.beta[at]),
        part=float(part.beta[at]),
        outcome_variance=variances[0],
        part_variance=variances[1],
        covariance=(variances[2] - variances[0] - variances[1]) / 2.0,
        df=outcome.df(kind, data.clusters),
    )


def _on_offer(data: CrossSection, values: FloatArray) -> LinearFit:
    columns = np.column_stack([np.ones(data.n), data.exposed, data.covariates])
    return least_squares(values, columns, (CONSTANT, EXPOSURE, *data.names), weights=data.weights)


def _findings(data: CrossSection, taken: FloatArray, found: TakeUp, options: Options) -> tuple[Diagnostic, ...]:
    strong = found.first_stage_f > _STRONG
    sets = found.anderson_rubin(options.level)
    return (
        Diagnostic(
            "intention_to_treat",
            Verdict.INFO,
            f"Being offered it changed the outcome by {found.outcome:.4g}, whoever took part.",
            {"value": found.outcome, "standard_error": math.sqrt(found.outcome_variance)},
        ),
        Diagnostic(
            "first_stage",
            Verdict.OK if strong else Verdict.FAIL,
            f"The offer raised taking part by {found.part:.1%} (F = {found.first_stage_f:.1f}; above {_STRONG:.0f} is "
            "strong).",
            {
                "take_up_offered": float(taken[data.treated].mean()),
                "take_up_others": float(taken[~data.treated].mean()),
                "difference": found.part,
                "f": found.first_stage_f,
            },
        ),
        Diagnostic(
            "anderson_rubin",
            Verdict.INFO if strong else Verdict.FLAG,
            "The effects that are not rejected however weak the take-up is.",
            {"level": options.level, "sets": [[low, high] for low, high in sets]},
        ),
    )


ESTIMATORS = (offered("cace", "Effect on those who take part when offered", complier_effect),)
