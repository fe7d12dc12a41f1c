"""Effects of a voluntary initiative from one cross-section: five estimators, each with the same findings beside it.

Overlap, what an unmeasured confounder would need, and a placebo outcome travel with every estimate (impact.md 3.3).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from app.domain.errors import Fault, Invalid
from app.domain.impact.answers import answer, offered
from app.domain.impact.confounding import e_value_diagnostic, oster_diagnostic
from app.domain.impact.cross_section import CrossSection, checked
from app.domain.impact.linear import least_squares
from app.domain.impact.options import Estimator, Options
from app.domain.impact.overlap import (
    LEAST_ESS,
    MOST_OFF_SUPPORT,
    Overlap,
    off_support,
    overlap,
    treated_per_covariate,
)
from app.domain.impact.propensity import Propensity, propensity
from app.domain.impact.regressors import CONSTANT, EXPOSURE
from app.domain.impact.result import Diagnostic, EffectResult, Estimand, Verdict
from app.domain.impact.weighting import METHODS, Weighted

_WEIGHTED = frozenset({"ipw", "aipw", "entropy_balancing"})
_TITLES = {
    "ols_adjusted": "Regression on exposure and covariates",
    "regression_adjustment": "Regression of the controls, imputed for the treated",
    "ipw": "Controls weighted by their propensity",
    "aipw": "Doubly robust: weighted controls and their regression",
    "entropy_balancing": "Controls weighted to the treated's means",
}


def effect_on_treated(slug: str, data: CrossSection, options: Options) -> EffectResult:
    """Return the effect on the treated by the estimator `slug`, ungraded, with every finding attached.

    `options.extras` may hold `placebo`: {"outcome": a covariate, "drop": [covariates]}, else the baseline serves; and
    `trim`: drop units with a propensity above it. Raises `Invalid`: `no_covariates`, `separated`, `cannot_balance`,
    `collinear_columns`, and those of `cross_section.checked`.
    """
    if not data.names:
        raise Invalid(
            "Name the covariates measured before exposure; without them this is only a difference in means.",
            errors=(Fault("no_covariates", "options.covariates is empty", pointer="/options/covariates"),),
        )
    checked(data)
    score = propensity(data.exposed, data.covariates, data.names, weights=data.held)
    used, score, trimmed = _trimmed(slug, data, score, options)
    found = METHODS[slug](used, score, options)
    seen = overlap(used, score.score, found.control_weights)
    findings = (
        seen.diagnostic(),
        *trimmed,
        treated_per_covariate(used),
        *_confounding(used, found, level=options.level),
        _placebo(slug, used, options),
    )
    result = answer(slug, Estimand.ATT, used, found.estimate, diagnostics=findings, asked=options.standard_error)
    return _blocked(result, seen) if slug in _WEIGHTED and seen.ess < LEAST_ESS else result


def _trimmed(
    slug: str, data: CrossSection, score: Propensity, options: Options
) -> tuple[CrossSection, Propensity, tuple[Diagnostic, ...]]:
    """Return the units on common support where that was asked for or too many treated lie off it."""
    most = options.extras.get("trim")
    beyond = off_support(score.score, data.treated)
    needed = slug in _WEIGHTED and float(beyond[data.treated].mean()) > MOST_OFF_SUPPORT
    if most is None and not needed:
        return data, score, ()
    highest = float(score.score[~data.treated].max()) if most is None else float(most)
    kept = score.score <= highest
    if min(int((kept & data.treated).sum()), int((kept & ~data.treated).sum())) <= len(data.names) + 1:
        raise Invalid(
            "Too few units are left on common support: the treated have no counterparts among the controls.",
            errors=(Fault("no_common_support", f"{int((kept & data.treated).sum())} treated units are left"),),
        )
    used = data.among(kept)
    dropped = int((data.treated & ~kept).sum())
    share = dropped / int(data.treated.sum())
    changed = Diagnostic(
        "estimand_changed",
        Verdict.FLAG,
        f"{dropped} treated units ({share:.1%}) with a propensity above {highest:.3f} were left out: the estimate is "
        "the effect on the treated who have counterparts, not on all treated.",
        {"dropped_treated": dropped, "share_dropped": share, "highest_score": highest},
    )
    return used, propensity(used.exposed, used.covariates, used.names, weights=used.held), (changed,)


def _blocked(result: EffectResult, seen: Overlap) -> EffectResult:
    """Return the result without its number: too few effective controls carry it."""
    reason = f"The weighted controls amount to {seen.ess:.1f} units; at least {LEAST_ESS:.0f} are needed."
    return replace(
        result, value=None, standard_error=None, interval=None, p_value=None, p_value_reason=reason, alternatives=()
    )


def _confounding(data: CrossSection, found: Weighted, *, level: float) -> tuple[Diagnostic, ...]:
    estimate = found.estimate
    e_values = e_value_diagnostic(data, estimate.value, estimate.error or 0.0, level=level)
    if found.regression is None:
        return (e_values,)
    columns = np.column_stack([np.ones(data.n), data.exposed])
    short = least_squares(data.outcome, columns, (CONSTANT, EXPOSURE), weights=data.weights)
    return e_values, oster_diagnostic(short, found.regression, data.covariates, name=EXPOSURE)


def placebo_outcome(
    slug: str, data: CrossSection, *, outcome: str, drop: tuple[str, ...], options: Options
) -> Diagnostic:
    """Return what the estimator finds on `outcome`, a covariate that exposure cannot have changed.

    `drop` are the covariates to leave out: `outcome` itself and what is computed from it.
    """
    values = data.covariate(outcome)
    rest = data.without(*{outcome, *drop})
    if not rest.names or float(np.ptp(values)) == 0.0:
        return Diagnostic("placebo_outcome", Verdict.UNAVAILABLE, f"No covariate is left to explain {outcome}.", {})
    pretended = replace(rest, outcome=values)
    score = propensity(pretended.exposed, pretended.covariates, pretended.names, weights=pretended.held)
    found = METHODS[slug](pretended, score, options).estimate
    p_value = found.inference.p_value
    if found.error is None or p_value is None:
        return Diagnostic("placebo_outcome", Verdict.UNAVAILABLE, f"{outcome} gives no standard error.", {})
    statistic = found.value / found.error
    fails = p_value < 1.0 - options.level
    told = "placebo fails" if fails else "nothing found where nothing can be"
    return Diagnostic(
        "placebo_outcome",
        Verdict.FAIL if fails else Verdict.OK,
        f"Effect on {outcome}, which was measured before exposure: {found.value:.4g}; {told}, t={statistic:.1f}.",
        {
            "outcome": outcome,
            "value": found.value,
            "standard_error": found.error,
            "statistic": statistic,
            "p_value": p_value,
            "dropped": sorted({outcome, *drop}),
        },
    )


def _placebo(slug: str, data: CrossSection, options: Options) -> Diagnostic:
    asked = options.extras.get("placebo")
    outcome = data.baseline if asked is None else str(asked["outcome"])
    if outcome is None:
        return Diagnostic("placebo_outcome", Verdict.UNAVAILABLE, "No outcome from before exposure was named.", {})
    drop = () if asked is None else tuple(str(name) for name in asked.get("drop", ()))
    return placebo_outcome(slug, data, outcome=outcome, drop=drop, options=options)


def _offer(slug: str) -> Estimator:
    def run(data: CrossSection, options: Options) -> EffectResult:
        return effect_on_treated(slug, data, options)

    return offered(slug, _TITLES[slug], run)


ESTIMATORS = tuple(_offer(slug) for slug in METHODS)
