"""Propensity, weights, overlap and what an unmeasured confounder would need, on data whose truth is known."""

from dataclasses import replace

import numpy as np
import pytest

from app.domain.errors import Invalid
from app.domain.impact.confounding import e_value, oster_delta
from app.domain.impact.cross_section import CrossSection
from app.domain.impact.linear import least_squares
from app.domain.impact.observational import effect_on_treated
from app.domain.impact.options import Options
from app.domain.impact.overlap import effective_sample_size, off_support
from app.domain.impact.propensity import propensity
from app.domain.impact.result import Estimand, Verdict
from app.domain.impact.result import StandardErrorKind as Kind
from app.domain.impact.weighting import METHODS, entropy_weights

SLUGS = tuple(METHODS)


def selected(seed, n=600, *, effect=0.30, pull=0.8, curved=0.0, baseline=None):
    """Those with a high x rather take part; x raises the outcome too, so the naive difference is far too large."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 2))
    exposed = (rng.random(n) < 1 / (1 + np.exp(0.5 - pull * x[:, 0]))).astype(float)
    outcome = 0.7 * x[:, 0] + 0.3 * x[:, 1] + curved * x[:, 0] ** 2 + effect * exposed + rng.normal(size=n)
    return CrossSection(outcome=outcome, exposed=exposed, covariates=x, names=("x1", "x2"), baseline=baseline)


@pytest.mark.parametrize("slug", SLUGS)
def test_each_method_removes_the_selection_that_its_covariates_show(slug):
    data = selected(1, 20_000)
    naive = data.outcome[data.treated].mean() - data.outcome[~data.treated].mean()

    result = effect_on_treated(slug, data, Options())

    assert naive > 0.30 + 0.40
    assert result.value == pytest.approx(0.30, abs=0.05)
    assert result.estimand is Estimand.ATT


def test_doubly_robust_intervals_hold_the_truth_as_often_as_they_say():
    held = 0
    for seed in range(150):
        found = effect_on_treated("aipw", selected(seed, 400), Options()).interval
        held += found.low <= 0.30 <= found.high

    assert 0.90 <= held / 150 <= 0.99


def test_doubly_robust_estimates_survive_a_wrong_outcome_model_where_regression_does_not():
    rng = np.random.default_rng(2)
    x = rng.normal(size=(40_000, 1))
    exposed = (rng.random(40_000) < 1 / (1 + np.exp(1 - x[:, 0]))).astype(float)
    outcome = np.exp(x[:, 0]) + 0.30 * exposed + rng.normal(size=40_000)
    data = CrossSection(outcome=outcome, exposed=exposed, covariates=x, names=("x",))

    robust, regression = (effect_on_treated(slug, data, Options()).value for slug in ("aipw", "regression_adjustment"))

    assert robust == pytest.approx(0.30, abs=0.1)
    assert abs(regression - 0.30) > 0.2


def test_the_logit_solves_its_score_equations():
    data = selected(3)

    found = propensity(data.exposed, data.covariates, data.names)

    assert found.design.T @ (data.exposed - found.score) == pytest.approx(0.0, abs=1e-7)
    assert found.influence.mean(axis=0) == pytest.approx(0.0, abs=1e-8)


def test_a_covariate_that_defines_the_treated_is_refused():
    data = selected(4, 100)
    telling = replace(data, covariates=np.column_stack([data.exposed, data.covariates[:, 1]]))

    with pytest.raises(Invalid) as refused:
        effect_on_treated("aipw", telling, Options())
    assert refused.value.errors[0].code == "separated"


def test_a_constant_covariate_is_named():
    data = replace(selected(5, 100), covariates=np.column_stack([np.arange(100.0), np.ones(100)]))

    with pytest.raises(Invalid) as refused:
        effect_on_treated("ipw", data, Options())
    assert refused.value.errors[0].code == "collinear_columns"
    assert "x2" in refused.value.detail


def test_covariates_must_be_named():
    data = CrossSection(outcome=np.arange(8.0), exposed=np.array([0.0, 1.0] * 4))

    with pytest.raises(Invalid) as refused:
        effect_on_treated("aipw", data, Options())
    assert refused.value.errors[0].code == "no_covariates"


def test_entropy_weights_give_the_controls_the_means_of_the_treated():
    data = selected(6)

    weights = entropy_weights(data, data.covariates)

    assert weights.sum() == pytest.approx(1.0)
    assert (weights > 0).all()
    assert weights @ data.covariates[~data.treated] == pytest.approx(
        data.covariates[data.treated].mean(axis=0), abs=1e-8
    )


def test_treated_beyond_the_range_of_the_controls_cannot_be_balanced():
    x = np.concatenate([np.linspace(0, 1, 20), np.linspace(1.5, 2.5, 20)])[:, None]
    data = CrossSection(outcome=x[:, 0], exposed=np.repeat([0.0, 1.0], 20), covariates=x, names=("x",))

    with pytest.raises(Invalid) as refused:
        entropy_weights(data, data.covariates)
    assert refused.value.errors[0].code == "cannot_balance"


@pytest.mark.parametrize("slug", SLUGS)
def test_sampling_weights_count_as_that_many_copies(slug):
    data = selected(7, 120)
    times = np.random.default_rng(7).integers(1, 4, size=120)

    weighted = effect_on_treated(slug, replace(data, weights=times.astype(float)), Options()).value
    copied = effect_on_treated(slug, data.among(np.repeat(np.arange(120), times)), Options()).value

    assert weighted == pytest.approx(copied, abs=1e-7)


def test_shifting_the_outcome_or_rescaling_covariates_changes_nothing():
    data = selected(8)
    moved = replace(data, outcome=data.outcome + 1000.0, covariates=data.covariates * [1000.0, 0.01] + 5.0)

    for slug in SLUGS:
        here, there = (effect_on_treated(slug, one, Options()) for one in (data, moved))
        assert there.value == pytest.approx(here.value, abs=1e-6)
        assert there.standard_error.value == pytest.approx(here.standard_error.value, rel=1e-5)


def test_teams_give_clustered_influence():
    data = selected(9)
    twice = data.among(np.tile(np.arange(600), 2))
    by_person = effect_on_treated("aipw", data, Options()).standard_error
    by_copy = effect_on_treated("aipw", replace(twice, clusters=np.tile(np.arange(600), 2)), Options()).standard_error

    assert by_copy.kind is Kind.CLUSTER
    assert by_copy.value == pytest.approx(by_person.value * np.sqrt(600 / 599), rel=1e-6)


def test_effective_size_counts_equal_weights_fully_and_a_single_heavy_one_as_one():
    assert effective_sample_size(np.ones(50)) == pytest.approx(50.0)
    assert effective_sample_size(np.array([1.0, 0.0, 0.0])) == pytest.approx(1.0)
    assert effective_sample_size(np.zeros(3)) == 0.0


def test_too_few_effective_controls_block_the_number_and_say_why():
    data = selected(10, 200, pull=4.0)

    result = effect_on_treated("ipw", data, Options(extras={"trim": 0.999}))

    overlap = result.diagnostic("overlap")
    assert overlap.values["ess_control"] < 20
    assert overlap.verdict is Verdict.FAIL
    assert result.value is None
    assert "at least 20" in result.p_value_reason


def test_many_treated_off_support_are_left_out_and_the_estimand_is_said_to_change():
    rng = np.random.default_rng(11)
    x = np.concatenate([rng.normal(0.0, 1.0, 400), rng.normal(0.0, 1.0, 100), rng.normal(6.0, 0.5, 60)])[:, None]
    exposed = np.repeat([0.0, 1.0], [400, 160])
    data = CrossSection(outcome=x[:, 0] + rng.normal(size=560), exposed=exposed, covariates=x, names=("x",))

    result = effect_on_treated("aipw", data, Options())

    changed = result.diagnostic("estimand_changed")
    assert changed.verdict is Verdict.FLAG
    assert changed.values["dropped_treated"] >= 60
    assert result.sample.units_treated == 160 - changed.values["dropped_treated"]


def test_off_support_are_the_treated_above_every_control():
    score = np.array([0.1, 0.5, 0.4, 0.6])

    assert off_support(score, np.array([False, False, True, True])).tolist() == [False, False, False, True]


def test_a_placebo_on_the_baseline_passes_where_the_rest_explains_selection():
    rng = np.random.default_rng(12)
    ability = rng.normal(size=4000)
    exposed = (rng.random(4000) < 1 / (1 + np.exp(-ability))).astype(float)
    before, after = (ability + 0.5 * rng.normal(size=4000) for _ in range(2))
    data = CrossSection(
        outcome=after,
        exposed=exposed,
        covariates=np.column_stack([ability, before]),
        names=("ability", "before"),
        baseline="before",
    )

    result = effect_on_treated("aipw", data, Options())

    assert result.diagnostic("placebo_outcome").verdict is Verdict.OK
    assert result.diagnostic("placebo_outcome").values["outcome"] == "before"


def test_fewer_than_ten_treated_for_a_covariate_are_flagged():
    data = selected(13, 40)
    few = data.among(np.concatenate([np.flatnonzero(data.treated)[:12], np.flatnonzero(~data.treated)]))

    result = effect_on_treated("ols_adjusted", few, Options())

    assert result.diagnostic("treated_per_covariate").verdict is Verdict.FLAG


def test_the_e_value_of_the_published_example_of_a_risk_ratio():
    # VanderWeele and Ding 2017: a risk ratio of 3.9 has the E-value 7.26; ln(3.9) / 0.91 standard deviations give it
    found = e_value(np.log(3.9) / 0.91, 1e-9, 1.0)

    assert found.point == pytest.approx(7.26, abs=0.005)
    assert e_value(0.1, 0.2, 1.0).limit == 1.0


def test_osters_delta_is_one_where_the_unmeasured_selects_like_the_measured():
    rng = np.random.default_rng(14)
    n = 400_000
    measured, unmeasured = rng.normal(size=n), rng.normal(size=n)
    exposure = 0.5 * measured + 0.5 * unmeasured + rng.normal(size=n)
    outcome = measured + unmeasured + rng.normal(size=n)  # no effect at all
    ones = np.ones(n)
    short = least_squares(outcome, np.column_stack([ones, exposure]), ("constant", "exposure"))
    long = least_squares(outcome, np.column_stack([ones, exposure, measured]), ("constant", "exposure", "measured"))
    everything = 1.0 - 1.0 / outcome.var()
    left = exposure - 0.5 * measured

    delta = oster_delta(short, long, left.var(), name="exposure", most=everything)

    assert delta == pytest.approx(1.0, abs=0.03)
