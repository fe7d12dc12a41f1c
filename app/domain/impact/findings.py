"""How the panel estimators put their answers together: what travels with every one of them, then the grade."""

from __future__ import annotations

from app.domain.errors import Invalid
from app.domain.impact import balance, cells, cohorts, sensitivity
from app.domain.impact.grade import Evidence, Family, graded
from app.domain.impact.inference import Inference
from app.domain.impact.leads import Leads
from app.domain.impact.linear import normal_probability, normal_quantile, t_quantile
from app.domain.impact.options import Options
from app.domain.impact.panel import BoolArray, Panel, Shape
from app.domain.impact.pretrends import Headline
from app.domain.impact.result import (
    Aggregation,
    Coefficient,
    Diagnostic,
    EffectResult,
    Estimand,
    Sample,
    Verdict,
)

_POWER = 0.80
_HALF_POWER = 0.50


def concluded(
    slug: str,
    panel: Panel,
    options: Options,
    *,
    value: float,
    found: Inference,
    used: BoolArray,
    observations: int,
    family: Family = Family.DIFFERENCES,
    table: tuple[Coefficient, ...] = (),
    aggregations: tuple[Aggregation, ...] = (),
    diagnostics: tuple[Diagnostic, ...] = (),
    sample: Sample | None = None,
) -> EffectResult:
    """Return the graded result of a panel estimator; `used` (per unit) are the units that it rests on.

    The estimand is the effect of being offered (ITT) where chance dealt exposure, else the effect on the treated.
    """
    estimand = Estimand.ITT if panel.design.assignment.randomised else Estimand.ATT
    result = EffectResult(
        estimator=slug,
        estimand=Estimand.DESCRIPTIVE if family in {Family.DESCRIPTIVE, Family.DIAGNOSTIC} else estimand,
        value=value,
        standard_error=found.standard_error,
        interval=found.interval,
        p_value=found.p_value,
        p_value_reason=found.p_value_reason,
        sample=sample or balance.sample_of(panel, used, observations=observations),
        df=found.df,
        transform=panel.transform,
        alternatives=found.alternatives,
        aggregations=aggregations,
        coefficients=table,
        diagnostics=(
            *diagnostics,
            *found.notes,
            *precision(panel, found, level=options.level),
            *warnings(panel),
            *balance.report(panel, used),
        ),
    )
    pre = balance.pre_periods(panel, options.anticipation)
    return graded(result, panel.design, Evidence(family, pre_periods=pre))


def before_exposure(panel: Panel, options: Options, headline: Headline) -> tuple[Diagnostic, ...]:
    """Return what the periods before exposure say, from the cohort effects of the same panel.

    Where they cannot be had (repeated cross-sections, exposure that ends, one period before), that is told instead.
    """
    reason = "There is only one period before exposure: whether the groups moved alike before cannot be tested."
    if panel.shape is not Shape.PANEL or not panel.absorbing:
        reason = "Trends before exposure can be tested on panels with lasting exposure only."
    elif balance.pre_periods(panel, options.anticipation) > 1:
        try:
            found = cells.compute(cohorts.arrange(panel, options), options)
        except Invalid as refused:
            reason = refused.detail
        else:
            return sensitivity.diagnose(Leads(found), headline)
    return (Diagnostic("pre_trends", Verdict.UNAVAILABLE, reason),)


def precision(panel: Panel, found: Inference, *, level: float) -> tuple[Diagnostic, ...]:
    """Return the smallest effect that this standard error finds with 80 % power, and the power for the one hoped for.

    Under 50 % power an effect that shows is on average far too large (impact.md 3.4), so it is flagged.
    """
    error = None if found.standard_error is None else found.standard_error.value
    if error is None:
        return (Diagnostic("precision", Verdict.UNAVAILABLE, "There is no standard error."),)
    critical = t_quantile(0.5 + level / 2.0, found.df)
    smallest = (critical + normal_quantile(_POWER)) * error
    hoped = panel.design.expected_effect
    power = None if hoped is None else normal_probability(abs(hoped) / error - critical)
    weak = power is not None and power < _HALF_POWER
    values = {"smallest_effect_found": smallest, "power": _POWER, "expected_effect": hoped, "expected_power": power}
    said = f"Effects from {smallest:.3g} on are found with 80 % power."
    if weak:
        said += " The effect hoped for is smaller, so one that shows exaggerates: do not call it significant."
    return (Diagnostic("precision", Verdict.FLAG if weak else Verdict.INFO, said, values),)


def warnings(panel: Panel) -> tuple[Diagnostic, ...]:
    """Return what the declared design warns of (impact.md 3.2)."""
    design = panel.design
    found = []
    after = panel.n_periods - int(panel.cohorts[-1]) if len(panel.cohorts) else 0
    if after < design.lag_periods:
        found.append(
            Diagnostic(
                "short_window",
                Verdict.FLAG,
                f"The last cohort is followed for {after} periods, the declared lag is {design.lag_periods}.",
                {"periods_after": after, "lag_periods": design.lag_periods},
            )
        )
    if design.own_outcome:
        found.append(
            Diagnostic("own_outcome", Verdict.FLAG, "The outcome is recorded by the system that the training teaches.")
        )
    if design.other_initiatives:
        found.append(
            Diagnostic(
                "other_initiatives",
                Verdict.FLAG,
                f"{design.other_initiatives} other initiatives ran in the same window: see the attribution budget.",
                {"count": design.other_initiatives},
            )
        )
    return tuple(found)
