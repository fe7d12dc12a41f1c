"""Return on investment: the check case, the uncertainty, and who may claim it."""

from dataclasses import replace

import numpy as np
import pytest

from app.domain.errors import Invalid
from app.domain.impact.result import EffectResult, Estimand, Sample, StandardError, StandardErrorKind
from app.domain.impact.roi import Range, Stakes, Usage, of_effect

EFFECT = EffectResult(
    estimator="callaway_santanna",
    estimand=Estimand.ATT,
    value=2.0,
    standard_error=StandardError(0.8, StandardErrorKind.CLUSTER),
    interval=None,
    p_value=0.01,
    p_value_reason=None,
    sample=Sample(2400, 100, 100),
    grade=3,
)
STAKES = Stakes(units_treated=100, periods=12, unit_value=Range.exactly(100.0), cost=Range.exactly(80_000.0))


def earned(effect=EFFECT, stakes=STAKES, *, seed=1, **choices):
    return of_effect(effect, stakes, generator=np.random.default_rng(seed), **choices)


def test_a_benefit_of_240_000_for_80_000_is_a_ratio_of_three_and_a_return_of_200_percent():
    found = earned().observed

    assert found.benefit == pytest.approx(240_000)
    assert found.net == pytest.approx(160_000)
    assert found.bcr == pytest.approx(3.0)
    assert found.roi == pytest.approx(2.0)


def test_the_same_seed_gives_the_same_numbers_to_the_last_bit():
    stakes = replace(STAKES, unit_value=Range(80, 130), cost=Range(60_000, 120_000, mode=80_000))

    assert earned(stakes=stakes) == earned(stakes=stakes)
    assert earned(stakes=stakes) != earned(stakes=stakes, seed=2)


def test_the_draws_follow_the_effect_where_nothing_else_is_uncertain():
    found = earned(draws=200_000).observed

    assert found.roi_spread.median == pytest.approx(2.0, abs=0.02)
    assert found.roi_spread.interval_95 == pytest.approx((2.0 - 1.96 * 1.2, 2.0 + 1.96 * 1.2), abs=0.04)
    assert found.roi_spread.interval_80 == pytest.approx((2.0 - 1.2816 * 1.2, 2.0 + 1.2816 * 1.2), abs=0.04)
    assert found.probability_positive == pytest.approx(0.9522, abs=0.003)  # P(Z > -2 / 1.2)


def test_the_hurdle_is_harder_than_zero():
    found = earned(stakes=replace(STAKES, hurdle=2.0)).observed

    assert found.probability_hurdle == pytest.approx(0.5, abs=0.02)
    assert found.probability_hurdle < found.probability_positive


def test_intervals_cover_the_true_return_as_often_as_they_say():
    rng = np.random.default_rng(3)
    true_roi = 240_000 / 80_000 - 1
    held = 0
    for _ in range(400):
        effect = replace(EFFECT, value=rng.normal(2.0, 0.8))
        centre = 80_000 * np.exp(0.2 * rng.normal())
        spread = np.exp(1.645 * 0.2)
        stakes = replace(STAKES, cost=Range(centre / spread, centre * spread))
        low, high = of_effect(effect, stakes, generator=rng).observed.roi_spread.interval_95
        held += low <= true_roi <= high

    assert held / 400 == pytest.approx(0.947, abs=0.03)


@pytest.mark.parametrize(
    ("grade", "usage"),
    [(5, Usage.HEADLINE), (3, Usage.HEADLINE), (2, Usage.INDICATIVE), (1, Usage.REFUSED), (0, Usage.REFUSED)],
)
def test_only_grade_three_and_above_is_a_headline_and_grade_one_earns_no_return(grade, usage):
    found = earned(replace(EFFECT, grade=grade))

    assert found.usage is usage
    assert (found.observed is None) is (usage is Usage.REFUSED)
    assert (found.reason is None) is (usage is Usage.HEADLINE)


def test_the_break_even_share_is_told_whatever_the_grade():
    stakes = replace(STAKES, raw_change=8.0)

    for grade in (1, 3):
        found = earned(replace(EFFECT, grade=grade), stakes)
        assert found.break_even_share == pytest.approx(80_000 / 960_000)
        assert found.break_even_effect == pytest.approx(80_000 / 120_000)


def test_without_a_change_for_the_better_there_is_no_break_even_share():
    assert earned(stakes=replace(STAKES, raw_change=-1.0)).break_even_share is None
    assert earned().break_even_share is None


def test_fewer_errors_are_a_benefit_where_lower_is_better():
    found = earned(replace(EFFECT, value=-2.0), replace(STAKES, lower_is_better=True, raw_change=-8.0))

    assert found.observed.roi == pytest.approx(2.0)
    assert found.break_even_share == pytest.approx(80_000 / 960_000)
    assert found.break_even_effect == pytest.approx(-80_000 / 120_000)


def test_a_harmful_effect_has_a_return_below_minus_one():
    assert earned(replace(EFFECT, value=-0.5)).observed.roi == pytest.approx(-1.75)


def test_periods_not_observed_stay_out_of_the_return_and_in_a_labelled_second_one():
    found = earned(stakes=replace(STAKES, assumed_periods=12))

    assert found.observed.roi == pytest.approx(2.0)
    assert found.with_assumption.roi == pytest.approx(5.0)
    assert earned().with_assumption is None


def test_an_effect_in_log_points_changes_the_level_it_started_from():
    logs = replace(
        EFFECT,
        value=float(np.log(1.02)),
        standard_error=StandardError(0.001, StandardErrorKind.CLUSTER),
        transform="log",
    )

    assert earned(logs, replace(STAKES, level_before=100.0)).observed.benefit == pytest.approx(240_000)
    with pytest.raises(Invalid) as refused:
        earned(logs)
    assert refused.value.errors[0].code == "no_level_before"


def test_draws_of_a_bootstrap_replace_the_normal():
    found = earned(effect_draws=np.array([1.0, 3.0])).observed

    assert found.roi_spread.interval_80 == pytest.approx((0.5, 3.5))


def test_ranges_have_the_shape_they_are_named_for():
    rng = np.random.default_rng(4)
    lognormal, triangular = Range(50, 200).draw(rng, 100_000), Range(0, 10, mode=2).draw(rng, 100_000)

    assert np.quantile(lognormal, (0.05, 0.5, 0.95)) == pytest.approx((50, 100, 200), rel=0.02)
    assert triangular.mean() == pytest.approx(4.0, abs=0.05)
    assert (triangular.min() >= 0) & (triangular.max() <= 10)
    assert Range(50, 200).central == pytest.approx(100)


@pytest.mark.parametrize("estimand", [Estimand.ATE, Estimand.DESCRIPTIVE])
def test_only_effects_on_those_who_were_treated_can_be_valued(estimand):
    with pytest.raises(Invalid) as refused:
        earned(replace(EFFECT, estimand=estimand))
    assert refused.value.errors[0].code == "wrong_estimand"


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"cost": Range(0.0, 10.0)}, "invalid_option"),
        ({"cost": Range(0.0, 0.0)}, "invalid_option"),
        ({"cost": Range(10.0, 5.0)}, "invalid_option"),
        ({"unit_value": Range(1.0, 5.0, mode=7.0)}, "invalid_option"),
        ({"unit_value": Range(1.0, float("inf"))}, "invalid_option"),
        ({"units_treated": 0}, "invalid_option"),
    ],
)
def test_impossible_stakes_are_refused(changed, code):
    with pytest.raises(Invalid) as refused:
        earned(stakes=replace(STAKES, **changed))
    assert refused.value.errors[0].code == code


def test_an_effect_without_a_standard_error_and_too_few_draws_are_refused():
    with pytest.raises(Invalid) as no_error:
        earned(replace(EFFECT, standard_error=None))
    with pytest.raises(Invalid) as few:
        earned(draws=9_999)

    assert no_error.value.errors[0].code == "no_standard_error"
    assert few.value.errors[0].code == "too_few_draws"
