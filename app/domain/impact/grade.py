"""The evidence grade, 0 to 5: computed from the design and the diagnostics, never typed in (impact.md 3.6).

The design sets a cap; every failed diagnostic costs a step; nothing raises it. Each reason is told.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from app.domain.impact import words
from app.domain.impact.design import Design, ExposureBasis, Plan
from app.domain.impact.result import EffectResult, Reason, StandardErrorKind, Verdict

MINIMUM_CELL = 5  # impact.md 3.4: fewer treated or control units than this carry no estimate
_CLUSTERS = 20
_BREAKDOWN = 0.5
_PRE_PERIODS = 3
_SERIES_PRE = 24
_SYNTHETIC_PRE = 12
_SYNTHETIC_DONORS = 10


class Family(StrEnum):
    """How an estimator earns its comparison.

    `differences`: change of the exposed against change of others; `synthetic`: a weighted donor pool; `matching`:
    alike units compared once; `series`: one series against its own past; `descriptive`: no comparison that could be
    an effect; `diagnostic`: computed only to show what it would have said.
    """

    DIFFERENCES = "differences"
    SYNTHETIC = "synthetic"
    MATCHING = "matching"
    SERIES = "series"
    DESCRIPTIVE = "descriptive"
    DIAGNOSTIC = "diagnostic"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the grade needs beside the result: the family, the pre periods seen and whether a baseline was used."""

    family: Family
    pre_periods: int = 0
    has_baseline: bool = False


_TESTED = frozenset({Family.DIFFERENCES, Family.SYNTHETIC, Family.MATCHING})

# diagnostic code -> (reason code, what it costs); several codes of one reason cost one step together
_STEPS = {
    "pre_trends": ("failed_pre_trend", "The groups already moved apart before exposure."),
    "pre_trend_linear": ("failed_pre_trend", "The groups already drifted apart before exposure."),
    "placebo_outcome": ("failed_placebo", "An effect appears on an outcome that exposure cannot have changed."),
    "placebo_date": ("failed_placebo", "An effect appears at a date before exposure."),
    "placebo_group": ("failed_placebo", "An effect appears in a group that was not exposed."),
    "overlap": ("poor_overlap", "The treated have too few counterparts among the controls."),
    "anticipation": ("anticipation", "The estimate moves when the base period is moved away from exposure."),
    "dip": ("anticipation", "The outcome of those exposed moved just before exposure."),
    "attrition": ("attrition", "Leaving rates differ between the exposed and the others."),
    "specification_spread": ("sign_change", "Admissible estimators disagree on the sign."),
}
_WIDE_GAP = 0.10


def graded(result: EffectResult, design: Design, evidence: Evidence) -> EffectResult:
    """Return the result with its grade, the reasons why it is not higher, its words and the exploratory mark."""
    reasons = [*_caps(result, design, evidence), *_steps(result, design), *_late_caps(result, design, evidence)]
    return _with(replace(result, exploratory=design.plan is not Plan.LOCKED), tuple(reasons))


def stepped_down(result: EffectResult, reason: Reason) -> EffectResult:
    """Return the result graded anew with one reason more, unless it holds that reason already."""
    if any(one.code == reason.code for one in result.reasons):
        return result
    return _with(result, (*result.reasons, reason))


def _with(result: EffectResult, reasons: tuple[Reason, ...]) -> EffectResult:
    cap = min((one.cap for one in reasons if one.cap is not None), default=5)
    first = next((one.cap for one in reasons if one.cap is not None), 5)
    stepped = first - sum(one.steps for one in reasons)
    grade = min(cap, max(stepped, min(1, cap)))
    return replace(result, grade=grade, reasons=reasons, words=words.allowed(grade))


def _caps(result: EffectResult, design: Design, evidence: Evidence) -> list[Reason]:
    """Return the design's cap first, then what else bounds the grade before the diagnostics."""
    caps = [_design_cap(design, evidence, controls=result.sample.units_control)]
    if design.exposure_basis is ExposureBasis.COMPLETED:
        caps.append(
            Reason(
                "exposure_is_completion",
                "Completion is decided after the start, so those who completed differ from those who did not: "
                "use offered or enrolled.",
                cap=1,
            )
        )
    if result.value is None:
        caps.append(Reason("no_estimate", "There is no estimate.", cap=0))
    elif _compares_units(evidence.family) and _too_few(result):
        caps.append(
            Reason("below_minimum", f"Fewer than {MINIMUM_CELL} exposed or {MINIMUM_CELL} comparison units.", cap=0)
        )
    return caps


def _design_cap(design: Design, evidence: Evidence, *, controls: int) -> Reason:
    family, pre = evidence.family, evidence.pre_periods
    if _compares_units(family) and design.assignment.randomised:
        return Reason("randomised", "Chance alone decided who was exposed.", cap=5)
    series = Reason("series", f"One series with {pre} points before exposure.", cap=2 if pre >= _SERIES_PRE else 1)
    matched = Reason("matching_no_baseline", "Alike units compared, without the outcome before exposure.", cap=1)
    if evidence.has_baseline:
        matched = Reason("matching_baseline", "Alike units compared, with the outcome before exposure.", cap=2)
    enough = pre >= _SYNTHETIC_PRE and controls >= _SYNTHETIC_DONORS
    donors = f"A synthetic control from {controls} donors and {pre} pre periods."
    by_family = {
        Family.DIFFERENCES: _differences_cap(pre),
        Family.SYNTHETIC: Reason("synthetic", donors, cap=3 if enough else 2),
        Family.MATCHING: matched,
        Family.SERIES: series,
        Family.DESCRIPTIVE: Reason("descriptive", "No comparison stands for what would have happened anyway.", cap=1),
        Family.DIAGNOSTIC: Reason("diagnostic_only", "Computed only to show what it would have said.", cap=1),
    }
    return by_family[family]


def _differences_cap(pre: int) -> Reason:
    if pre >= _PRE_PERIODS:
        return Reason("differences", f"A comparison of changes with {pre} periods before exposure.", cap=3)
    if pre >= 1:
        return Reason(
            "few_pre_periods", f"A comparison of changes with {pre} period(s) before: trends untested.", cap=2
        )
    return Reason("no_pre_period", "No period before exposure was observed.", cap=1)


def _steps(result: EffectResult, design: Design) -> list[Reason]:
    failed = {one.code for one in result.diagnostics if one.verdict is Verdict.FAIL}
    found = {_STEPS[code][0]: Reason(*_STEPS[code], steps=1) for code in _STEPS if code in failed}
    if design.plan is Plan.NONE:
        found["unplanned"] = Reason("unplanned", "No analysis plan was locked before the outcome was known.", steps=1)
    if design.plan is Plan.DEVIATED:
        found["unplanned"] = Reason("unplanned", "The analysis is not the one that the locked plan names.", steps=1)
    return list(found.values())


def _late_caps(result: EffectResult, design: Design, evidence: Evidence) -> list[Reason]:
    """Return the caps that failed diagnostics set, whatever the steps left."""
    caps = []
    failed = {one.code: one for one in result.diagnostics if one.verdict is Verdict.FAIL}
    randomised = design.assignment.randomised
    if any(code.startswith("placebo_") for code in failed):
        cross_section = evidence.family is Family.MATCHING
        caps.append(Reason("failed_placebo_cap", "A failed placebo bounds the grade.", cap=1 if cross_section else 2))
    gap = failed["attrition"].values.get("gap") if "attrition" in failed else None
    if gap is not None and abs(gap) > _WIDE_GAP:
        caps.append(Reason("attrition_cap", "Leaving rates differ by more than 10 points.", cap=4 if randomised else 2))
    if "staggered_regression" in failed:
        caps.append(Reason("staggered_regression", failed["staggered_regression"].detail, cap=2))
    if result.p_value is None and result.p_value_reason and evidence.family in _TESTED:
        caps.append(Reason("untestable", result.p_value_reason, cap=2))
    if not randomised and evidence.family is Family.DIFFERENCES and evidence.pre_periods >= _PRE_PERIODS:
        caps.extend(_moderate_needs(result))
    return caps


def _moderate_needs(result: EffectResult) -> list[Reason]:
    """Return why a comparison of changes misses what grade 3 asks for."""
    needs = []
    breakdown = result.diagnostic("breakdown")
    reached = None if breakdown is None else breakdown.values.get("m_bar")
    if breakdown is not None and reached is not None and reached < _BREAKDOWN:
        needs.append(
            Reason(
                "fragile", f"A violation {reached:.2f} times the worst one seen before would undo the effect.", cap=2
            )
        )
    sample = result.sample
    clusters = (sample.clusters_treated or sample.units_treated) + (sample.clusters_control or sample.units_control)
    kind = None if result.standard_error is None else result.standard_error.kind
    if clusters < _CLUSTERS and kind is not StandardErrorKind.RANDOMISATION:
        needs.append(Reason("few_clusters", f"{clusters} clusters, and no randomisation inference.", cap=2))
    return needs


def _compares_units(family: Family) -> bool:
    return family in {Family.DIFFERENCES, Family.MATCHING}


def _too_few(result: EffectResult) -> bool:
    return min(result.sample.units_treated, result.sample.units_control) < MINIMUM_CELL
