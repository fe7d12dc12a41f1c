"""What travels with every estimate: who was used, who left, what could be found, what the design warns of."""

import numpy as np
import pytest

from app.domain.errors import Invalid
from app.domain.impact import balance
from app.domain.impact.descriptive import before_after, completers_vs_others
from app.domain.impact.design import Design, Plan
from app.domain.impact.did import did_2x2
from app.domain.impact.estimate import estimate
from app.domain.impact.options import Options
from app.domain.impact.panel_rows import build
from app.domain.impact.pretrends import Headline
from app.domain.impact.result import StandardErrorKind as Kind
from app.domain.impact.result import Verdict


def two_arms(units=40, periods=2, start=2, *, missing=None, design=None, effect=0.0, **overrides):
    rng = np.random.default_rng(0)
    first = np.resize([start, 0], units)
    time = np.arange(1, periods + 1)
    outcome = rng.normal(size=(units, periods)) + effect * ((first[:, None] > 0) & (time >= first[:, None]))
    told = outcome.astype(object)
    if missing is not None:
        told[missing] = None
    return build(
        **{
            "unit": np.repeat(np.arange(units), periods),
            "period": np.tile(time, units),
            "outcome": told.ravel().tolist(),
            "first_exposed": np.repeat(first, periods),
            "design": design or Design(plan=Plan.LOCKED),
        }
        | overrides
    )


def test_leavers_are_compared_by_arm():
    # 2 of the 20 exposed leave, none of the others
    result = did_2x2(two_arms(missing=([0, 2], [1, 1])), Options())

    found = result.diagnostic("attrition")
    assert (found.verdict, found.values["treated"], found.values["control"]) == (Verdict.FAIL, 0.1, 0.0)
    assert result.diagnostic("missing_outcome").values["gap"] == pytest.approx(2 / 40)
    assert "attrition" in [reason.code for reason in result.reasons]
    assert (result.sample.units_treated, result.sample.units_control) == (18, 20)


def test_leavers_in_both_arms_alike_cost_nothing():
    found = did_2x2(two_arms(missing=([0, 1], [1, 1])), Options()).diagnostic("attrition")

    assert (found.verdict, found.values["gap"]) == (Verdict.OK, 0.0)


def test_raw_means_draw_the_picture():
    held = two_arms(units=4)
    means = did_2x2(held, Options()).diagnostic("raw_means").values

    wide = held.wide()
    assert means["periods"] == [1, 2]
    assert [(one["cohort"], one["units"]) for one in means["cohorts"]] == [(2, 2), ("never", 2)]
    assert means["cohorts"][0]["means"] == pytest.approx(wide[:, ::2].mean(axis=1))


def test_nearly_everyone_exposed_is_flagged():
    held = build(
        unit=np.repeat(np.arange(100), 2),
        period=np.tile([1, 2], 100),
        outcome=np.random.default_rng(1).normal(size=200),
        first_exposed=np.repeat(np.where(np.arange(100) < 97, 2, 0), 2),
    )

    assert did_2x2(held, Options()).diagnostic("composition").verdict is Verdict.FLAG


def test_the_smallest_effect_that_could_be_found_is_printed():
    result = did_2x2(two_arms(400), Options())

    found = result.diagnostic("precision").values
    assert found["smallest_effect_found"] == pytest.approx(2.80 * result.standard_error.value, rel=0.005)
    assert found["expected_power"] is None


@pytest.mark.parametrize(("share", "power", "verdict"), [(2.80, 0.80, Verdict.INFO), (1.0, 0.17, Verdict.FLAG)])
def test_power_for_the_effect_hoped_for_is_told_and_low_power_flagged(share, power, verdict):
    error = did_2x2(two_arms(400), Options()).standard_error.value
    design = Design(plan=Plan.LOCKED, expected_effect=-share * error)

    found = did_2x2(two_arms(400, design=design), Options()).diagnostic("precision")

    assert found.values["expected_power"] == pytest.approx(power, abs=0.005)
    assert found.verdict is verdict


def test_the_declared_design_warns():
    design = Design(plan=Plan.LOCKED, lag_periods=3, own_outcome=True, other_initiatives=2)
    result = did_2x2(two_arms(design=design), Options())

    assert result.diagnostic("short_window").values == {"periods_after": 1, "lag_periods": 3}
    assert result.diagnostic("own_outcome").verdict is Verdict.FLAG
    assert result.diagnostic("other_initiatives").values["count"] == 2


def test_pre_periods_are_those_that_half_of_the_exposed_have():
    held = build(
        unit=np.repeat(np.arange(5), 6),
        period=np.tile(np.arange(6), 5),
        outcome=np.random.default_rng(0).normal(size=30),
        first_exposed=np.repeat(np.array([2, 4, 4, 5, np.nan]), 6),
    )

    assert balance.pre_periods(held) == 4
    assert balance.pre_periods(held, anticipation=1) == 3


def test_the_bias_that_matters_undoes_the_estimate_or_exceeds_its_noise():
    assert Headline(1.0, 0.1, 1.0, None).room == pytest.approx(0.804, abs=0.001)
    assert Headline(0.0, 0.1, 1.0, None).room == pytest.approx(0.196, abs=0.001)


def test_before_and_after_is_the_mean_change_of_the_exposed_with_a_paired_error():
    held = two_arms(20, 4, 3, effect=1.0)
    wide = held.wide()[:, ::2]
    change = wide[2:].mean(axis=0) - wide[:2].mean(axis=0)

    result = before_after(held, Options())

    assert result.value == pytest.approx(change.mean())
    assert result.standard_error.value == pytest.approx(change.std(ddof=1) / 10**0.5)
    assert (result.grade, result.estimand.value, result.p_value) == (1, "descriptive", None)
    assert "description" in result.p_value_reason


def test_the_exposed_against_the_others_is_a_difference_of_means_with_welchs_error():
    held = two_arms(20, 4, 3)
    after = held.wide()[2:].mean(axis=0)

    result = completers_vs_others(held, Options())

    assert result.value == pytest.approx(after[::2].mean() - after[1::2].mean())
    welch = (after[::2].var(ddof=1) / 10 + after[1::2].var(ddof=1) / 10) ** 0.5
    assert result.standard_error.value == pytest.approx(welch)
    assert {one.kind for one in result.alternatives} == {Kind.CLASSICAL, Kind.HC1}


def test_nobody_observed_on_both_sides_is_refused():
    with pytest.raises(Invalid) as refused:
        before_after(two_arms(4, missing=([0, 2], [0, 0])), Options())
    assert refused.value.errors[0].code == "empty_cell"


def test_an_empty_arm_is_refused():
    with pytest.raises(Invalid) as refused:
        did_2x2(two_arms(4, missing=([1, 3], [0, 0])), Options())
    assert refused.value.errors[0].code == "empty_cell"


def test_exposure_in_the_first_period_leaves_nothing_to_compare():
    with pytest.raises(Invalid) as refused:
        did_2x2(two_arms(20, 2, 1), Options())
    assert refused.value.errors[0].code == "no_pre_period"


def test_covariates_adjust_the_change_as_they_stood_before():
    rng = np.random.default_rng(3)
    x = rng.normal(size=200)
    first = np.where(x + rng.normal(size=200) > 0, 2, 0)
    outcome = rng.normal(size=(200, 2)) * 0.1 + np.column_stack([np.zeros(200), 2 * x + (first > 0)])
    later = np.column_stack([x, x + 100 * (first > 0)])
    held = build(
        unit=np.repeat(np.arange(200), 2),
        period=np.tile([1, 2], 200),
        outcome=outcome.ravel(),
        first_exposed=np.repeat(first, 2),
        covariates={"x": later.ravel()},
    )

    plain, adjusted = (did_2x2(held, Options(covariates=names)).value for names in ((), ("x",)))

    assert adjusted == pytest.approx(1.0, abs=0.1)
    assert plain > 2.0


def test_every_panel_estimator_answers_in_json_with_a_grade_and_words():
    held = two_arms(80, 6, 4, effect=1.0)
    slugs = [
        "did_2x2", "first_difference", "fixed_effects", "random_effects", "dr_did", "or_did", "ipw_did",
        "callaway_santanna", "imputation", "twfe", "before_after", "completers_vs_others",
    ]  # fmt: skip

    for result in estimate(held, slugs):
        answer = result.to_dict()
        assert answer["words"]
        assert answer["reasons"]
        assert answer["provenance"]["data_hash"] == held.digest()
        assert result.value == pytest.approx(1.0, abs=1.0)
        assert {"composition", "attrition", "raw_means"} <= {one["code"] for one in answer["diagnostics"]}


def test_units_that_never_change_have_an_effect_of_zero_that_cannot_be_tested():
    level = np.repeat(np.arange(20.0), 4)

    plain, study = estimate(two_arms(units=20, periods=4, start=3, outcome=level), ["did_2x2", "callaway_santanna"])

    assert (plain.value, plain.p_value) == (0.0, None)
    assert "standard error is zero" in plain.p_value_reason
    assert study.value == 0.0
    assert study.standard_error.value == 0.0
