"""The grade follows from the design and its diagnostics; nobody can set it and nothing raises it."""

import pytest

from app.domain.impact import words
from app.domain.impact.design import Assignment, Design, ExposureBasis, Plan
from app.domain.impact.grade import Evidence, Family, graded, stepped_down
from app.domain.impact.result import (
    Diagnostic,
    EffectResult,
    Estimand,
    Interval,
    Reason,
    Sample,
    StandardError,
    StandardErrorKind,
    Verdict,
)


def result(*failed, value=0.5, error=0.1, p_value=0.01, reason=None, sample=None, kind=StandardErrorKind.HC2):
    diagnostics = tuple(
        Diagnostic(code, Verdict.FAIL, "failed", {"gap": gap})
        for code, gap in (one if isinstance(one, tuple) else (one, None) for one in failed)
    )
    return EffectResult(
        estimator="any",
        estimand=Estimand.ATT,
        value=value,
        standard_error=None if value is None else StandardError(error, kind),
        interval=None if value is None else Interval(value - 2 * error, value + 2 * error, 0.95, "normal"),
        p_value=p_value,
        p_value_reason=reason,
        sample=sample or Sample(200, 100, 100),
        diagnostics=diagnostics,
    )


def design(assignment=Assignment.VOLUNTARY, plan=Plan.LOCKED, basis=ExposureBasis.OFFERED):
    return Design(assignment=assignment, plan=plan, exposure_basis=basis)


RANDOM = design(Assignment.RANDOM)
DIFFERENCES = Evidence(Family.DIFFERENCES, pre_periods=4)
MATCHING = Evidence(Family.MATCHING, has_baseline=True)


@pytest.mark.parametrize(
    ("held", "evidence", "grade"),
    [
        (RANDOM, MATCHING, 5),
        (design(Assignment.LOTTERY), Evidence(Family.MATCHING), 5),
        (RANDOM, DIFFERENCES, 5),
        (design(), DIFFERENCES, 3),
        (design(), Evidence(Family.DIFFERENCES, pre_periods=2), 2),
        (design(), Evidence(Family.DIFFERENCES, pre_periods=0), 1),
        (design(), MATCHING, 2),
        (design(), Evidence(Family.MATCHING), 1),
        (design(), Evidence(Family.SYNTHETIC, pre_periods=19), 3),
        (design(), Evidence(Family.SYNTHETIC, pre_periods=11), 2),
        (design(), Evidence(Family.SERIES, pre_periods=36), 2),
        (design(), Evidence(Family.SERIES, pre_periods=20), 1),
        (RANDOM, Evidence(Family.DESCRIPTIVE), 1),
        (RANDOM, Evidence(Family.DIAGNOSTIC), 1),
    ],
)
def test_the_design_sets_the_cap(held, evidence, grade):
    assert graded(result(), held, evidence).grade == grade


@pytest.mark.parametrize("plan", [Plan.NONE, Plan.DEVIATED])
def test_without_the_locked_plan_a_randomised_study_is_four_and_exploratory(plan):
    found = graded(result(), design(Assignment.RANDOM, plan), MATCHING)

    assert (found.grade, found.exploratory) == (4, True)
    assert [one.code for one in found.reasons] == ["randomised", "unplanned"]


@pytest.mark.parametrize(
    ("failed", "code"),
    [
        ("pre_trends", "failed_pre_trend"),
        ("pre_trend_linear", "failed_pre_trend"),
        ("overlap", "poor_overlap"),
        ("anticipation", "anticipation"),
        ("dip", "anticipation"),
        ("attrition", "attrition"),
    ],
)
def test_each_failed_diagnostic_costs_a_step_and_is_told(failed, code):
    found = graded(result(failed), design(), DIFFERENCES)

    assert found.grade == 2
    assert code in [one.code for one in found.reasons]


def test_two_diagnostics_of_one_fault_cost_one_step():
    assert graded(result("pre_trends", "pre_trend_linear"), design(), DIFFERENCES).grade == 2
    assert graded(result("pre_trends", "attrition"), design(), DIFFERENCES).grade == 1


def test_steps_end_at_one():
    failed = ("pre_trends", "placebo_date", "dip", "attrition", "overlap")

    assert graded(result(*failed), design(plan=Plan.NONE), DIFFERENCES).grade == 1


def test_a_flag_costs_nothing():
    flagged = result().with_diagnostics(Diagnostic("anticipation", Verdict.FLAG, "moves"))

    assert graded(flagged, design(), DIFFERENCES).grade == 3


def test_a_failed_placebo_bounds_a_cross_section_at_one_and_a_panel_at_two():
    assert graded(result("placebo_outcome"), RANDOM, MATCHING).grade == 1
    assert graded(result("placebo_date"), RANDOM, DIFFERENCES).grade == 2


def test_leavers_cost_a_step_and_beyond_ten_points_bound_the_grade():
    assert graded(result(("attrition", 0.07)), RANDOM, DIFFERENCES).grade == 4
    assert graded(result(("attrition", -0.12)), design(), DIFFERENCES).grade == 2
    assert [one.cap for one in graded(result(("attrition", -0.12)), design(), DIFFERENCES).reasons] == [3, None, 2]


def test_completion_as_exposure_is_a_description():
    found = graded(result(), design(Assignment.RANDOM, basis=ExposureBasis.COMPLETED), MATCHING)

    assert (found.grade, found.words) == (1, "changed / differed")
    assert "exposure_is_completion" in [one.code for one in found.reasons]


def test_below_the_minimum_there_is_no_evidence():
    assert graded(result(sample=Sample(50, 4, 46)), RANDOM, MATCHING).grade == 0
    assert graded(result(value=None), design(), DIFFERENCES).grade == 0


def test_moderate_evidence_needs_twenty_clusters_or_randomisation_inference():
    few = Sample(200, 100, 100, 8, 9)

    assert graded(result(sample=few), design(), DIFFERENCES).grade == 2
    assert graded(result(sample=few, kind=StandardErrorKind.RANDOMISATION), design(), DIFFERENCES).grade == 3


def test_moderate_evidence_needs_a_finding_that_half_the_worst_drift_does_not_undo():
    def with_breakdown(m_bar):
        return result().with_diagnostics(Diagnostic("breakdown", Verdict.INFO, "", {"m_bar": m_bar}))

    assert graded(with_breakdown(0.4), design(), DIFFERENCES).grade == 2
    assert graded(with_breakdown(0.6), design(), DIFFERENCES).grade == 3
    assert graded(with_breakdown(None), design(), DIFFERENCES).grade == 3


def test_what_cannot_be_tested_is_weak_at_most():
    found = graded(result(p_value=None, reason="Cannot be tested."), RANDOM, MATCHING)

    assert found.grade == 2
    assert found.reasons[-1].detail == "Cannot be tested."


def test_a_precise_zero_may_be_strong_evidence():
    assert graded(result(value=0.0, error=0.001, p_value=1.0), RANDOM, MATCHING).grade == 5


def test_a_later_finding_lowers_the_grade_once():
    found = graded(result(), design(), DIFFERENCES)
    reason = Reason("sign_change", "Estimators disagree.", steps=1)

    lowered = stepped_down(stepped_down(found, reason), reason)

    assert (lowered.grade, lowered.words) == (2, "is consistent with")


@pytest.mark.parametrize(
    ("grade", "verb"),
    [
        (5, "caused"),
        (4, "caused"),
        (3, "probably caused"),
        (2, "is consistent with"),
        (1, "changed / differed"),
        (0, "changed / differed"),
    ],
)
def test_the_words_are_those_of_the_grade(grade, verb):
    assert words.allowed(grade) == verb


def test_the_sentence_says_no_more_than_the_grade():
    moderate = graded(result(), design(), DIFFERENCES)
    weak = graded(result(), design(plan=Plan.NONE), DIFFERENCES)
    described = graded(result(), design(), Evidence(Family.DESCRIPTIVE))

    def said(one):
        return words.sentence(one, exposure="the grant", outcome="scrap")

    assert said(moderate) == "The grant probably caused scrap to change by 0.5 (95% interval 0.3 to 0.7)."
    assert said(weak).startswith("The evidence is consistent with the grant having changed scrap by 0.5")
    assert "not an effect" in said(described)


def test_the_sentence_does_not_claim_what_its_interval_leaves_open():
    strong, weak = (graded(result(value=0.1), held, MATCHING) for held in (RANDOM, design()))

    assert words.sentence(weak, exposure="coaching", outcome="sales") == (
        "The evidence is consistent with coaching having changed sales by 0.1 (95% interval -0.1 to 0.3), "
        "and with no effect."
    )
    assert words.sentence(strong, exposure="coaching", outcome="sales") == (
        "An effect of coaching on sales could not be told from none: 0.1 (95% interval -0.1 to 0.3)."
    )
    assert "could not be estimated" in words.sentence(result(value=None), exposure="coaching", outcome="sales")
