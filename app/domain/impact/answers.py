"""How the cross-sectional estimators put their answers together: standard errors, intervals and what travels along."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from app.domain.errors import Fault, Invalid
from app.domain.impact import balance
from app.domain.impact.cross_section import CrossSection, from_panel, sample_of
from app.domain.impact.findings import precision, warnings
from app.domain.impact.grade import Evidence, Family, graded
from app.domain.impact.inference import Assigned, Inference, from_standard_error, of_coefficient, refused
from app.domain.impact.linear import FloatArray, LinearFit, codes_of, sum_by
from app.domain.impact.options import Estimator, Options
from app.domain.impact.panel import Panel
from app.domain.impact.regressors import EXPOSURE
from app.domain.impact.result import (
    Coefficient,
    Diagnostic,
    EffectResult,
    Estimand,
    StandardError,
    StandardErrorKind,
    Verdict,
)

_PER_UNIT = frozenset(
    {StandardErrorKind.CLASSICAL, StandardErrorKind.HC1, StandardErrorKind.HC2, StandardErrorKind.INFLUENCE}
)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A point estimate with what is known of its precision, and the regression table if one gave it."""

    value: float
    inference: Inference
    coefficients: tuple[Coefficient, ...] = ()

    @property
    def error(self) -> float | None:
        """The standard error; None where it cannot be had."""
        found = self.inference.standard_error
        return None if found is None else found.value


def of_regression(
    fitted: LinearFit, data: CrossSection, options: Options, *, dependent: tuple[str, ...] = ()
) -> Estimate:
    """Return the coefficient of exposure with its inference by the rules of impact.md 3.4.

    The usual standard error is cluster where exposure was assigned by cluster, else HC2. `dependent` names columns that
    are computed from exposure.
    """
    found, table = of_coefficient(
        fitted,
        EXPOSURE,
        options,
        default=StandardErrorKind.HC2 if data.clusters is None else StandardErrorKind.CLUSTER,
        clusters=data.clusters,
        assigned=_assigned(data, dependent),
        randomised=data.randomised,
    )
    return Estimate(float(fitted.beta[fitted.names.index(EXPOSURE)]), found, table)


def _assigned(data: CrossSection, dependent: tuple[str, ...] = ()) -> Assigned:
    groups = np.arange(data.n, dtype=np.int64) if data.clusters is None else codes_of(data.clusters)
    return Assigned(groups, data.exposed, dependent=dependent)


def of_influence(value: float, influence: FloatArray, data: CrossSection, options: Options) -> Estimate:
    """Return an estimate from its influence function (n, mean 0): of independent units, or summed within clusters.

    Raises `Invalid` (`one_cluster`).
    """
    alone = StandardError(float(np.sqrt((influence**2).sum())) / data.n, StandardErrorKind.INFLUENCE)
    if data.clusters is None:
        return tested(value, from_standard_error(value, alone, df=None, level=options.level), data)
    summed = sum_by(influence[:, None], codes_of(data.clusters))[:, 0]
    count = len(summed)
    if count <= 1:
        raise Invalid(
            "All units are in one cluster: no clustered standard error is possible.",
            errors=(Fault("one_cluster", "the cluster column has a single value", pointer="/panel"),),
        )
    error = float(np.sqrt((summed**2).sum() * count / (count - 1))) / data.n
    clustered = StandardError(error, StandardErrorKind.CLUSTER)
    found = from_standard_error(value, clustered, df=float(count - 1), level=options.level, alternatives=(alone,))
    return tested(value, found, data)


def tested(value: float, found: Inference, data: CrossSection) -> Estimate:
    """Return the estimate, its p-value withheld where so few are on one side that it would mislead."""
    reason = _assigned(data).counted().refusal(StandardErrorKind.CLUSTER)
    return Estimate(value, found if reason is None else refused(found, reason))


def answer(
    slug: str,
    estimand: Estimand,
    data: CrossSection,
    found: Estimate,
    *,
    diagnostics: tuple[Diagnostic, ...] = (),
    asked: StandardErrorKind | None = None,
) -> EffectResult:
    """Return the ungraded result; `asked` is the kind of standard error that the caller wanted."""
    precision = found.inference
    return EffectResult(
        estimator=slug,
        estimand=estimand,
        value=found.value,
        standard_error=precision.standard_error,
        interval=precision.interval,
        p_value=precision.p_value,
        p_value_reason=precision.p_value_reason,
        sample=sample_of(data),
        df=precision.df,
        transform=data.transform,
        alternatives=precision.alternatives,
        coefficients=found.coefficients,
        diagnostics=(*diagnostics, *precision.notes, *_kind_findings(data, found, asked)),
    )


def _kind_findings(data: CrossSection, found: Estimate, asked: StandardErrorKind | None) -> tuple[Diagnostic, ...]:
    given = found.inference.standard_error
    findings = []
    if given is not None and asked is not None and asked is not given.kind:
        findings.append(
            Diagnostic(
                "standard_error_kind",
                Verdict.INFO,
                f"This estimator has no standard error of the kind {asked.value}; {given.kind.value} is given.",
                {"asked": asked.value, "given": given.kind.value},
            )
        )
    if given is not None and data.clusters is not None and given.kind in _PER_UNIT:
        findings.append(
            Diagnostic(
                "clusters_ignored",
                Verdict.FLAG,
                f"Exposure was assigned by cluster, but the standard error is {given.kind.value}: it is too small.",
                {"kind": given.kind.value},
            )
        )
    return tuple(findings)


def along(result: EffectResult, panel: Panel, options: Options) -> tuple[Diagnostic, ...]:
    """Return the smallest effect that this precision could have shown, and what the declared design warns of."""
    known = Inference(
        result.standard_error, result.interval, result.p_value, result.p_value_reason, result.df, result.alternatives
    )
    return (*precision(panel, known, level=options.level), *warnings(panel))


def offered(
    slug: str, title: str, estimate: Callable[[CrossSection, Options], EffectResult], *, adjusts: bool = True
) -> Estimator:
    """Return an estimator of cross-sections: the panel is read, the answer graded; `adjusts` if it uses a baseline."""

    def run(panel: Panel, options: Options) -> EffectResult:
        data, used = from_panel(panel, options)
        evidence = Evidence(Family.MATCHING, has_baseline=adjusts and data.baseline is not None)
        found = estimate(data, options)
        found = found.with_diagnostics(*along(found, panel, options), *balance.report(panel, used))
        return graded(found, panel.design, evidence)

    return Estimator(slug, title, run)
