"""Which estimators a design allows, which one leads, and which result is accepted (impact.md 3.2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from app.domain.impact import balance
from app.domain.impact.options import Options
from app.domain.impact.panel import Panel, Shape
from app.domain.impact.result import EffectResult, Estimand

_DONORS = 10
_MOST_SYNTHETIC = 4
_PRE_SYNTHETIC = 12
_NEVER_ACCEPTED = frozenset({Estimand.DESCRIPTIVE, Estimand.CACE})


class Role(StrEnum):
    """What an estimator is run for: to answer, to be set beside the answer, or to show what others would compute."""

    PRIMARY = "primary"
    SECOND = "second"
    SHOWN = "shown"


@dataclass(frozen=True, slots=True)
class Choice:
    """An estimator and why it is run."""

    slug: str
    role: Role
    reason: str


def admissible(panel: Panel, options: Options) -> tuple[Choice, ...]:
    """Return the estimators that the design allows, the primary one first."""
    if panel.shape is Shape.CROSS_SECTION:
        return _cross_section(panel, options)
    if panel.shape is Shape.REPEATED_CROSS_SECTION:
        return (Choice("did_2x2", Role.PRIMARY, "Other units in each period: groups are compared before and since."),)
    return _panel(panel, options)


def accepted(results: Sequence[EffectResult]) -> EffectResult | None:
    """Return the most credible result: the highest grade, and among equals the smallest effect.

    Descriptions are never accepted, nor is the effect on compliers, who are not all that were exposed; None if there is
    nothing else.
    """
    able = [one for one in results if one.estimand not in _NEVER_ACCEPTED and one.value is not None]
    return min(able, key=lambda one: (-one.grade, abs(one.value or 0.0)), default=None)


def _cross_section(panel: Panel, options: Options) -> tuple[Choice, ...]:
    shown = Choice("completers_vs_others", Role.SHOWN, "What a comparison without adjustment says.")
    if panel.design.assignment.randomised:
        lead = Choice("difference_in_means", Role.PRIMARY, "Chance decided: the difference is the effect.")
        if not options.covariates:
            return (lead, *_compliers(options))
        adjusted = Choice("lin", Role.PRIMARY, "Chance decided; the baseline makes the answer sharper.")
        return (adjusted, Choice(lead.slug, Role.SECOND, lead.reason), *_compliers(options))
    if not options.covariates:
        return (shown,)
    return (
        Choice("aipw", Role.PRIMARY, "Alike units compared, right if either model is."),
        Choice("entropy_balancing", Role.SECOND, "Alike units compared by weights alone."),
        Choice("ols_adjusted", Role.SECOND, "The usual regression."),
        shown,
    )


def _compliers(options: Options) -> tuple[Choice, ...]:
    if options.take_up is None:
        return ()
    return (Choice("cace", Role.SECOND, "The effect of the offer over the share that took it up because of it."),)


def _panel(panel: Panel, options: Options) -> tuple[Choice, ...]:
    before_after = Choice("before_after", Role.SHOWN, "What a comparison with the time before says.")
    treated = int(panel.ever_exposed.sum())
    others = panel.n_units - treated
    if not panel.absorbing:
        return (
            Choice("fixed_effects", Role.PRIMARY, "Exposure comes and goes: units are compared with themselves."),
            Choice("first_difference", Role.SECOND, "The same from changes between periods."),
        )
    if others == 0 and len(panel.cohorts) <= 1:
        series = Choice("its_reml", Role.PRIMARY, "Everyone is exposed at once: the series against its own past.")
        return (series, before_after) if panel.n_units > 1 else (series,)
    shown = (Choice("completers_vs_others", Role.SHOWN, "What a comparison after the start says."), before_after)
    if treated <= _MOST_SYNTHETIC and others >= _DONORS and balance.pre_periods(panel) >= _PRE_SYNTHETIC:
        return (
            Choice("sdid", Role.PRIMARY, "Few exposed units, many donors, a long past."),
            Choice("synthetic_control", Role.SECOND, "The same donors weighted on the outcome alone."),
            *shown,
        )
    if len(panel.cohorts) > 1:
        return (
            Choice("callaway_santanna", Role.PRIMARY, "Staggered starts: each cohort against those not yet exposed."),
            Choice("imputation", Role.SECOND, "Sharper where trends are parallel throughout."),
            Choice("twfe", Role.SHOWN, "What the usual regression says, taken apart."),
            *shown,
        )
    return (*_one_start(panel, options), *shown)


def _one_start(panel: Panel, options: Options) -> tuple[Choice, ...]:
    plain = Choice("did_2x2", Role.SECOND, "Changes compared, without covariates in the model of exposure.")
    if panel.design.assignment.randomised:
        lead = Choice("ancova", Role.PRIMARY, "Chance decided; adjusting for the past beats subtracting it.")
        return (lead, plain, *_compliers(options))
    study = Choice("callaway_santanna", Role.SECOND, "The same with an event study.")
    if options.covariates:
        return (Choice("dr_did", Role.PRIMARY, "Changes compared among alike units."), plain, study)
    return (Choice("did_2x2", Role.PRIMARY, "One start: changes compared."), study)
