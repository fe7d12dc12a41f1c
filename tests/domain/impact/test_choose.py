"""The design chooses the estimators; all that are admissible run side by side and one is accepted."""

import numpy as np
import pytest

from app.domain.errors import Invalid
from app.domain.impact.choose import Role, accepted, admissible
from app.domain.impact.design import Assignment, Design, Plan
from app.domain.impact.estimate import estimate, estimators
from app.domain.impact.options import Options
from app.domain.impact.panel_rows import build
from app.domain.impact.result import EffectResult, Estimand, Sample, StandardError, StandardErrorKind, Verdict
from app.domain.impact.spread import side_by_side

SAMPLE = Sample(100, 50, 50)


def panel(first, periods=6, *, assignment=Assignment.VOLUNTARY, effect=0.0, seed=0, **overrides):
    """Units with these first exposed periods (0: never), observed in periods 1 to `periods`."""
    rng = np.random.default_rng(seed)
    first = np.asarray(first)
    time = np.arange(1, periods + 1)
    outcome = rng.normal(size=(len(first), 1)) + rng.normal(size=(len(first), periods))
    outcome += effect * ((first[:, None] > 0) & (time >= first[:, None]))
    columns = {
        "unit": np.repeat(np.arange(len(first)), periods),
        "period": np.tile(time, len(first)),
        "outcome": outcome.ravel(),
        "first_exposed": np.repeat(first, periods),
        "covariates": {"age": np.repeat(rng.normal(size=len(first)), periods)},
        "design": Design(assignment=assignment, plan=Plan.LOCKED),
    }
    return build(**(columns | overrides))


def chosen(held, *covariates):
    return [(one.slug, one.role.value) for one in admissible(held, Options(covariates=covariates))]


SHOWN = [("completers_vs_others", "shown"), ("before_after", "shown")]


def test_staggered_starts_are_compared_by_cohort():
    assert chosen(panel(np.resize([3, 5, 0], 60))) == [
        ("callaway_santanna", "primary"),
        ("imputation", "second"),
        ("twfe", "shown"),
        *SHOWN,
    ]


def test_one_start_compares_changes_and_uses_covariates_where_there_are_any():
    held = panel(np.resize([3, 0], 60))

    assert chosen(held) == [("did_2x2", "primary"), ("callaway_santanna", "second"), *SHOWN]
    assert chosen(held, "age")[0] == ("dr_did", "primary")


def test_chance_is_adjusted_for_the_past_and_not_differenced():
    held = panel(np.resize([3, 0], 60), assignment=Assignment.RANDOM)

    assert chosen(held)[:2] == [("ancova", "primary"), ("did_2x2", "second")]


def test_a_few_exposed_units_with_a_long_past_get_a_synthetic_control():
    assert chosen(panel([13, *[0] * 12], 16))[:2] == [("sdid", "primary"), ("synthetic_control", "second")]
    assert chosen(panel([5, *[0] * 12], 16))[0] == ("did_2x2", "primary")


def test_everyone_at_once_is_a_series_against_its_own_past():
    assert chosen(panel([4] * 10)) == [("its_reml", "primary"), ("before_after", "shown")]
    assert chosen(panel([4])) == [("its_reml", "primary")]


def test_exposure_that_ends_compares_units_with_themselves():
    held = panel(np.resize([3, 0], 20), 3, first_exposed=None, exposure=np.tile([0, 1, 0, 0, 0, 0], 10))

    assert [slug for slug, _ in chosen(held)] == ["fixed_effects", "first_difference"]


def test_cross_sections_follow_how_people_got_in():
    held = panel(np.resize([1, 0], 40), 1)
    random = panel(np.resize([1, 0], 40), 1, assignment=Assignment.LOTTERY)

    assert chosen(held) == [("completers_vs_others", "shown")]
    assert [slug for slug, _ in chosen(held, "age")] == [
        "aipw",
        "entropy_balancing",
        "ols_adjusted",
        "completers_vs_others",
    ]
    assert chosen(random) == [("difference_in_means", "primary")]
    assert chosen(random, "age")[0] == ("lin", "primary")


def test_other_people_each_period_are_compared_by_group():
    held = panel(np.resize([3, 0], 20), unit=None)

    assert chosen(held) == [("did_2x2", "primary")]


def test_whatever_is_chosen_can_be_run():
    panels = [
        panel([13, *[0] * 12], 16),
        panel([4] * 10),
        panel(np.resize([3, 5, 0], 60)),
        panel(np.resize([1, 0], 40), 1, assignment=Assignment.RANDOM),
    ]

    wanted = {one.slug for held in panels for one in admissible(held, Options(covariates=("age",)))}

    assert wanted <= set(estimators())


def test_without_names_the_admissible_ones_run_side_by_side_and_one_is_accepted():
    results = estimate(panel(np.resize([4, 5, 0], 150), 8, effect=3.0))

    assert [one.estimator for one in results][:2] == ["callaway_santanna", "imputation"]
    assert [one.grade for one in results] == [3, 3, 1, 1, 1]
    assert accepted(results) in results[:2]
    assert results[0].diagnostic("specification_spread").verdict is Verdict.OK
    assert results[2].diagnostic("specification_spread") is None
    assert results[0].provenance["seed"] == 0


def test_where_nothing_admissible_can_be_computed_the_reason_is_told():
    with pytest.raises(Invalid):
        estimate(panel([2, 0, 0], 3, unit=None, period=[1, 1, 1, 2, 2, 2, 3, 3, 3], first_exposed=[0] * 3 + [2] * 6))


def test_a_level_outside_zero_and_one_is_refused():
    with pytest.raises(Invalid) as refused:
        estimate(panel(np.resize([3, 0], 60)), ["did_2x2"], Options(level=95))
    assert refused.value.errors[0].code == "bad_level"


def test_planned_looks_travel_with_every_result():
    design = Design(assignment=Assignment.VOLUNTARY, plan=Plan.LOCKED, look=1, planned_looks=4)

    [result] = estimate(panel(np.resize([3, 0], 60), design=design), ["did_2x2"])

    assert result.diagnostic("looks").values["critical"] == pytest.approx(4.05, abs=0.01)


def result(value, *, slug="did_2x2", grade=3, estimand=Estimand.ATT, error=0.1):
    return EffectResult(
        estimator=slug,
        estimand=estimand,
        value=value,
        standard_error=StandardError(error, StandardErrorKind.HC2),
        interval=None,
        p_value=0.5,
        p_value_reason=None,
        sample=SAMPLE,
        grade=grade,
    )


def test_the_highest_grade_is_accepted_and_between_equals_the_smallest_effect():
    large, small, weak = result(0.5), result(-0.3), result(0.1, grade=2)

    assert accepted([large, small, weak]) is small
    assert accepted([result(0.1, estimand=Estimand.DESCRIPTIVE)]) is None
    assert accepted([]) is None


def test_a_wide_range_is_flagged_and_a_change_of_sign_costs_a_grade():
    def marks(*values):
        found = side_by_side([result(value, slug=str(at)) for at, value in enumerate(values)])
        return [(one.diagnostic("specification_spread").verdict.value, one.grade) for one in found]

    assert marks(0.30, 0.40) == [("ok", 3)] * 2
    assert marks(0.30, 0.60) == [("flag", 3)] * 2
    assert marks(-0.02, 0.03) == [("flag", 3)] * 2
    assert [verdict for verdict, _ in marks(-0.10, 0.30)] == ["fail"] * 2


def test_one_estimate_has_no_spread():
    assert side_by_side([result(0.3)])[0].diagnostic("specification_spread") is None


def test_roles_are_words():
    assert [role.value for role in Role] == ["primary", "second", "shown"]
