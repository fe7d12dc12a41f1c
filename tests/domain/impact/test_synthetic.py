"""California's tobacco law (Abadie et al. 2010; Arkhangelsky et al. 2021, Table 1), and the weights themselves."""

from dataclasses import replace

import numpy as np
import pytest

from app.domain.errors import Invalid
from app.domain.impact.design import Assignment, Design, Plan
from app.domain.impact.donors import effect_of_few
from app.domain.impact.estimate import estimate
from app.domain.impact.options import Options
from app.domain.impact.panel_rows import build
from app.domain.impact.placebos import SpacePlacebos, in_space
from app.domain.impact.result import Estimand, Verdict
from app.domain.impact.result import StandardErrorKind as Kind
from app.domain.impact.simplex import simplex_weights
from app.domain.impact.synthetic import Block, Method, checked, fit


@pytest.fixture(scope="module")
def california(published):
    column = published("california_prop99.csv", ";")
    return build(
        unit=column["State"],
        period=[int(year) for year in column["Year"]],
        outcome=column["PacksPerCapita"],
        exposure=column["treated"],
        design=Design(assignment=Assignment.ROLLOUT, plan=Plan.LOCKED),
    )


@pytest.fixture(scope="module")
def results(california):
    slugs = ("sdid", "synthetic_control")
    return dict(zip(slugs, estimate(california, slugs), strict=True))


def block(seed=1, *, donors=20, before=12, after=4, treated=1, effect=0.0):
    """Outcomes driven by two random walks with loadings of their own; the treated load like the average donor."""
    rng = np.random.default_rng(seed)
    factors = rng.normal(size=(2, before + after)).cumsum(axis=1)
    loadings = rng.uniform(0, 1, size=(donors + treated, 2))
    outcomes = loadings @ factors + 0.3 * rng.normal(size=(donors + treated, before + after))
    outcomes[donors:, before:] += effect
    return Block(
        donors=outcomes[:donors],
        treated=outcomes[donors:],
        before=before,
        donor_names=tuple(f"d{j}" for j in range(donors)),
        periods=tuple(range(before + after)),
    )


@pytest.mark.parametrize(("slug", "value", "tolerance"), [("sdid", -15.6, 0.05), ("synthetic_control", -19.6, 0.15)])
def test_both_methods_give_the_published_effect_of_the_law(results, slug, value, tolerance):
    result = results[slug]

    assert result.value == pytest.approx(value, abs=tolerance)
    assert result.estimand is Estimand.ATT
    assert (result.sample.units_treated, result.sample.units_control) == (1, 38)


def test_the_plain_difference_in_differences_stands_beside_them(results):
    beside = results["sdid"].diagnostic("difference_in_differences")

    assert beside.values["value"] == pytest.approx(-27.3491, abs=5e-5)


def test_by_the_ratio_of_gaps_california_ranks_third_of_thirty_nine(results):
    placebo = results["synthetic_control"].diagnostic("placebo_space").values

    assert (placebo["rank"], placebo["of"]) == (3, 39)
    assert results["synthetic_control"].p_value == pytest.approx(0.077, abs=0.0005)
    assert placebo["every_donor_once"] is True


def test_the_placebo_standard_error_lies_between_the_published_and_the_resampled(results):
    error = results["sdid"].standard_error

    assert error.kind is Kind.PLACEBO
    assert 8.4 <= error.value <= 10.9


@pytest.mark.parametrize("kind", [Kind.CLUSTER, Kind.HC1, Kind.WILD_BOOTSTRAP])
def test_one_treated_unit_gets_no_clustered_p_value(california, kind):
    [result] = estimate(california, ["sdid"], Options(standard_error=kind))

    assert result.p_value is None
    assert result.interval is None
    assert "invent significance" in result.p_value_reason


def test_nothing_is_found_before_the_law_and_no_single_donor_decides(results):
    for result in results.values():
        assert result.diagnostic("placebo_date").verdict is Verdict.OK
        assert result.diagnostic("leave_one_out").verdict is Verdict.OK
        assert result.diagnostic("leave_one_out").values["high"] < 0
    assert results["sdid"].grade == 3
    assert results["sdid"].diagnostic("precision").values["smallest_effect_found"] > 15.6


def test_the_interval_agrees_with_the_p_value(results):
    for result in results.values():
        assert (result.interval.low <= 0 <= result.interval.high) == (result.p_value > 0.05)


def test_the_same_panel_in_any_order_of_units_gives_the_same_numbers(published, results):
    column = published("california_prop99.csv", ";")
    order = np.random.default_rng(1).permutation(len(column["State"]))
    shuffled = build(
        unit=[column["State"][at] for at in order],
        period=[int(column["Year"][at]) for at in order],
        outcome=[column["PacksPerCapita"][at] for at in order],
        exposure=[column["treated"][at] for at in order],
    )

    [again] = estimate(shuffled, ["sdid"])

    assert again.value == results["sdid"].value
    assert again.p_value == results["sdid"].p_value


def test_simplex_weights_are_the_minimum_whatever_is_tried():
    rng = np.random.default_rng(2)
    features, target = rng.normal(size=(12, 6)), rng.normal(size=12)

    weights = simplex_weights(features, target, ridge=0.5)

    def loss(tried):
        return ((features @ tried.T - target[:, None]) ** 2).sum(axis=0) + 0.5 * (tried**2).sum(axis=1)

    assert weights.sum() == pytest.approx(1.0)
    assert (weights >= 0).all()
    others = rng.dirichlet(np.full(6, 0.3), size=4000)
    near = weights + 0.01 * (others - weights)
    assert loss(weights[None, :])[0] <= min(loss(others).min(), loss(near).min()) + 1e-12


@pytest.mark.parametrize("ridge", [1e-9, 0.01, 1.0, 100.0])
def test_many_donors_are_weighted_as_the_conditions_of_the_minimum_demand(ridge):
    rng = np.random.default_rng(3)
    features, target = rng.normal(size=(10, 150)), 4.0 * rng.normal(size=10)

    weights = simplex_weights(features, target, ridge=ridge)

    slopes = 2 * features.T @ (features @ weights - target) + 2 * ridge * weights
    assert weights.sum() == pytest.approx(1.0)
    assert (weights >= 0).all()
    assert slopes[weights > 0] == pytest.approx(slopes.min(), abs=1e-5)


def test_a_donor_that_is_the_treated_gets_all_the_weight():
    made = block(3)
    twin = replace(made, treated=made.donors[[7]] + np.where(np.arange(16) >= 12, 2.0, 0.0))

    found = fit(twin, Method.SYNTHETIC_CONTROL)

    assert found.donor_weights[7] == pytest.approx(1.0, abs=1e-6)
    assert found.value == pytest.approx(2.0, abs=1e-6)


@pytest.mark.parametrize("method", list(Method))
def test_a_planted_effect_is_found_and_its_absence_is_not(method):
    planted, nothing = (effect_of_few(block(4, before=24, effect=effect), method, Options()) for effect in (5.0, 0.0))

    assert planted.value == pytest.approx(5.0, abs=1.0)
    assert planted.p_value == pytest.approx(1 / 21)
    assert planted.interval.low > 0
    assert nothing.p_value > 0.05


def test_synthetic_difference_in_differences_ignores_a_constant_gap():
    made = block(5)
    lifted = replace(made, treated=made.treated + 100.0)

    assert fit(lifted, Method.SDID).value == pytest.approx(fit(made, Method.SDID).value, abs=1e-8)


def test_few_donors_give_no_p_value_below_their_rank_and_say_so():
    result = effect_of_few(block(6, donors=9), Method.SDID, Options())

    placebo = result.diagnostic("placebo_space")
    assert placebo.verdict is Verdict.FLAG
    assert placebo.values["smallest_p_value"] == pytest.approx(0.1)
    assert result.interval is None
    assert result.diagnostic("few_donors").verdict is Verdict.FLAG


def test_with_several_treated_units_sets_of_donors_are_drawn_by_the_seed():
    made = block(7, treated=3, effect=4.0)

    first, same, other = (effect_of_few(made, Method.SDID, Options(draws=60, seed=seed)) for seed in (1, 1, 2))

    assert first == same
    assert first.diagnostic("placebo_space").values["effects"] != other.diagnostic("placebo_space").values["effects"]
    assert first.p_value == pytest.approx(1 / 61)
    assert first.diagnostic("placebo_space").values["every_donor_once"] is False


def test_drawn_placebos_need_a_generator():
    with pytest.raises(Invalid) as refused:
        in_space(block(8, treated=2), Method.SDID, replications=20, generator=None)
    assert refused.value.errors[0].code == "no_generator"


def test_ranks_count_ties_against_the_estimate():
    placebos = SpacePlacebos(effects=np.zeros(19), statistics=np.arange(1.0, 20.0), exhaustive=True)

    assert placebos.p_value(19.0) == pytest.approx(2 / 20)
    assert placebos.p_value(19.5) == pytest.approx(1 / 20)
    assert placebos.critical(0.05) == 19.0
    assert placebos.critical(0.01) is None


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"donors": np.full((20, 16), np.nan)}, "not_finite"),
        ({"donors": np.ones((20, 16))}, "constant_outcome"),
        ({"donors": np.ones((1, 16))}, "too_few_donors"),
        ({"donors": np.ones((1001, 16))}, "too_many_donors"),
        ({"treated": np.empty((0, 16))}, "none_treated"),
        ({"before": 1}, "too_few_periods"),
        ({"before": 16}, "too_few_periods"),
    ],
)
def test_blocks_that_carry_no_comparison_are_refused(changed, code):
    with pytest.raises(Invalid) as refused:
        checked(replace(block(9), **changed))
    assert code in [fault.code for fault in refused.value.errors]


def test_a_gap_in_the_treated_units_series_is_refused_and_a_donor_with_gaps_is_left_out():
    made = block(10, donors=6, before=5, after=2)
    units = [f"d{j}" for j in range(6) for _ in range(7)] + ["t"] * 7
    values = [*made.donors.ravel(), *made.treated.ravel()]
    exposure = [0] * 42 + [0] * 5 + [1] * 2
    holed = [None if at == 3 else value for at, value in enumerate(values)]
    torn = [None if at == 43 else value for at, value in enumerate(values)]

    [result] = estimate(build(unit=units, period=[*range(7)] * 7, outcome=holed, exposure=exposure), ["sdid"])

    assert result.sample.units_control == 5
    with pytest.raises(Invalid) as refused:
        estimate(build(unit=units, period=[*range(7)] * 7, outcome=torn, exposure=exposure), ["sdid"])
    assert refused.value.errors[0].code == "gap_in_treated"
