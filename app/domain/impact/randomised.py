"""Intention-to-treat effects where chance decided: difference in means, and what a baseline adds to its precision.

Sources: Neyman's difference in means with HC2; McKenzie (2012, doi:10.1016/j.jdeveco.2012.01.002) for ANCOVA; Lin
(2013, doi:10.1214/12-AOAS583) for interactions with centred covariates; Deng, Xu, Kohavi, Walker (2013,
doi:10.1145/2433396.2433413) for CUPED.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from app.domain.errors import Fault, Invalid
from app.domain.impact.answers import answer, of_regression, offered
from app.domain.impact.cross_section import CrossSection, checked
from app.domain.impact.linear import FloatArray, least_squares
from app.domain.impact.options import Options
from app.domain.impact.overlap import balance
from app.domain.impact.regressors import CONSTANT, EXPOSURE
from app.domain.impact.result import Diagnostic, EffectResult, Estimand, Verdict


def difference_in_means(data: CrossSection, options: Options) -> EffectResult:
    """Return the mean of the exposed minus that of the others; covariates serve the balance table only.

    Where chance did not decide, the estimand is `descriptive`.
    """
    estimand = Estimand.ITT if data.randomised else Estimand.DESCRIPTIVE
    return _regressed("difference_in_means", data, options, estimand=estimand, outcome=data.outcome, extra=None)


def ancova(data: CrossSection, options: Options) -> EffectResult:
    """Return the difference in means adjusted for the covariates, one slope for both sides.

    Raises `Invalid` (`no_covariates`, `collinear_columns`).
    """
    estimand = Estimand.ITT if data.randomised else Estimand.ATT
    extra = _covariates(data)
    return _regressed("ancova", data, options, estimand=estimand, outcome=data.outcome, extra=extra, names=data.names)


def lin(data: CrossSection, options: Options) -> EffectResult:
    """Return the difference in means adjusted for centred covariates, each side with its own slopes.

    Raises `Invalid` (`no_covariates`, `collinear_columns`).
    """
    covariates = _covariates(data)
    centred = covariates - np.average(covariates, axis=0, weights=data.held)
    extra = np.column_stack([centred, centred * data.exposed[:, None]])
    names = (*data.names, *(f"{EXPOSURE} x {name}" for name in data.names))
    estimand = Estimand.ITT if data.randomised else Estimand.ATE
    return _regressed(
        "lin",
        data,
        options,
        estimand=estimand,
        outcome=data.outcome,
        extra=extra,
        names=names,
        dependent=names[len(data.names) :],
    )


def cuped(data: CrossSection, options: Options) -> EffectResult:
    """Return the difference in means of outcome - slope * (covariates - their mean), the slope from everybody.

    The finding `variance_reduction` holds the ratio of the outcome's variance after and before. Raises `Invalid`
    (`no_covariates`, `collinear_columns`).
    """
    covariates = _covariates(data)
    columns = np.column_stack([np.ones(data.n), covariates])
    slopes = least_squares(data.outcome, columns, (CONSTANT, *data.names), weights=data.weights).beta[1:]
    adjusted = data.outcome - (covariates - np.average(covariates, axis=0, weights=data.held)) @ slopes
    ratio = float(adjusted.var() / data.outcome.var())
    found = _regressed(
        "cuped",
        data,
        options,
        estimand=Estimand.ITT if data.randomised else Estimand.ATE,
        outcome=adjusted,
        extra=None,
    )
    return found.with_diagnostics(
        Diagnostic(
            "variance_reduction",
            Verdict.INFO,
            f"The covariates take the variance of the outcome to {ratio:.1%} of what it was.",
            {"ratio": ratio},
        )
    )


def _covariates(data: CrossSection) -> FloatArray:
    if not data.names:
        raise Invalid(
            "Name the covariates measured before exposure, or use difference_in_means.",
            errors=(Fault("no_covariates", "options.covariates is empty", pointer="/options/covariates"),),
        )
    return checked(data).covariates


def _regressed(
    slug: str,
    data: CrossSection,
    options: Options,
    *,
    estimand: Estimand,
    outcome: FloatArray,
    extra: FloatArray | None,
    names: tuple[str, ...] = (),
    dependent: tuple[str, ...] = (),
) -> EffectResult:
    checked(data)
    columns = [np.ones(data.n), data.exposed, *([] if extra is None else [extra])]
    fitted = least_squares(outcome, np.column_stack(columns), (CONSTANT, EXPOSURE, *names), weights=data.weights)
    found = of_regression(fitted, data, options, dependent=dependent)
    findings = (balance(data),) if data.names else ()
    result = answer(slug, estimand, data, found, diagnostics=findings, asked=options.standard_error)
    if data.randomised:
        return result
    return replace(result, diagnostics=(*result.diagnostics, _not_random()))


def _not_random() -> Diagnostic:
    return Diagnostic(
        "not_randomised", Verdict.FLAG, "Chance did not decide who was exposed, so both sides may differ anyway.", {}
    )


ESTIMATORS = (
    offered("difference_in_means", "Difference in means", difference_in_means, adjusts=False),
    offered("ancova", "Difference in means adjusted for the baseline", ancova),
    offered("lin", "Difference in means adjusted with interactions", lin),
    offered("cuped", "Difference in means with the predictable part taken out", cuped),
)
