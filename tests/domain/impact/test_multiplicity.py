"""Asking for many outcomes, or looking many times, must not make something significant."""

import math
from dataclasses import replace

import numpy as np
import pytest

from app.domain.errors import Invalid
from app.domain.impact.design import Design, LookMethod
from app.domain.impact.looks import (
    always_valid,
    always_valid_p_value,
    at_this_look,
    obrien_fleming,
    repeated_p_value,
)
from app.domain.impact.multiplicity import benjamini_hochberg, holm
from app.domain.impact.result import EffectResult, Estimand, Interval, Sample, StandardError, StandardErrorKind, Verdict

P_VALUES = [0.04, 0.001, 0.03, 0.2]


def test_holm_multiplies_by_the_hypotheses_left_and_never_falls():
    # sorted .001 .03 .04 .2 -> .004, .09, max(.09, .08), .2
    assert holm(P_VALUES) == pytest.approx([0.09, 0.004, 0.09, 0.2])


def test_benjamini_hochberg_scales_by_rank_and_never_rises_backwards():
    # .001*4, .03*4/2 = .06, .04*4/3 = .0533, .2 -> running minimum from the end
    assert benjamini_hochberg(P_VALUES) == pytest.approx([0.16 / 3, 0.004, 0.16 / 3, 0.2])


def test_one_hypothesis_is_not_adjusted():
    assert holm([0.03]) == benjamini_hochberg([0.03]) == [0.03]
    assert holm([]) == []


@pytest.mark.parametrize("wrong", [[1.2], [-0.1], [float("nan")]])
def test_what_is_no_p_value_is_refused(wrong):
    with pytest.raises(Invalid):
        holm(wrong)


@pytest.mark.parametrize(
    ("looks", "expected"),
    [
        (1, [1.960]),
        (2, [2.797, 1.977]),
        (3, [3.471, 2.454, 2.004]),
        (5, [4.562, 3.226, 2.634, 2.281, 2.040]),
    ],
)
def test_obrien_fleming_bounds_match_the_tables(looks, expected):
    # Jennison and Turnbull (2000), table 2.3: 1.960, 1.977, 2.004, 2.040 times sqrt(K / k)
    found = obrien_fleming([at / looks for at in range(1, looks + 1)])

    assert found == pytest.approx(expected, abs=0.0015)


@pytest.mark.parametrize("wrong", [[], [0.0, 1.0], [0.5, 0.5], [0.5, 1.5]])
def test_fractions_that_do_not_ascend_are_refused(wrong):
    with pytest.raises(Invalid) as refused:
        obrien_fleming(wrong)
    assert refused.value.errors[0].code == "bad_fractions"


def test_the_always_valid_interval_is_the_published_formula():
    found = always_valid(0.3, 0.1, n=200, n_planned=400)

    alpha = 0.05
    rho = (-2 * math.log(alpha) + math.log(1 - 2 * math.log(alpha))) / 400
    half = (
        0.1
        * math.sqrt(200)
        * math.sqrt(2 * (200 * rho + 1) / (200**2 * rho) * math.log(math.sqrt(200 * rho + 1) / alpha))
    )
    assert (found.low, found.high) == (pytest.approx(0.3 - half), pytest.approx(0.3 + half))
    assert half > 1.96 * 0.1


def test_looking_every_month_rarely_finds_an_effect_that_is_not_there():
    rng = np.random.default_rng(0)
    means = rng.normal(size=(400, 12, 50)).mean(axis=2).cumsum(axis=1) / np.arange(1, 13)
    sizes = 50 * np.arange(1, 13)
    errors = 1 / np.sqrt(sizes)
    halves = [
        always_valid(0.0, error, n=n, n_planned=600).high for error, n in zip(errors, sizes.tolist(), strict=True)
    ]
    bounds = np.array(obrien_fleming([at / 12 for at in range(1, 13)]))

    fixed = (np.abs(means) > 1.96 * errors).any(axis=1).mean()
    always = (np.abs(means) > halves).any(axis=1).mean()
    planned = (np.abs(means) > bounds * errors).any(axis=1).mean()

    assert fixed > 0.15
    assert always < 0.05
    assert planned < 0.08


def result(value=0.3, error=0.1):
    return EffectResult(
        estimator="did_2x2",
        estimand=Estimand.ATT,
        value=value,
        standard_error=StandardError(error, StandardErrorKind.HC2),
        interval=Interval(value - 0.196, value + 0.196, 0.95, "normal"),
        p_value=math.erfc(value / error / math.sqrt(2)),
        p_value_reason=None,
        sample=Sample(100, 50, 50),
    )


def looked(one, **design):
    return at_this_look(one, Design(**design))


def test_an_early_look_needs_more_than_the_last_one():
    early = looked(result(), look=1, planned_looks=4)
    last = looked(result(), look=4, planned_looks=4)

    assert early.diagnostic("looks").values["critical"] == pytest.approx(4.049, abs=0.002)
    assert early.interval.low < 0.0 < last.interval.low
    assert early.p_value > 0.05 > last.p_value > result().p_value
    assert early.diagnostic("looks").values["single_look"]["p_value"] == result().p_value


def test_a_look_is_as_sure_as_the_test_it_repeats_whatever_its_standard_error():
    dealt = replace(result(), p_value=0.002, interval=Interval(0.02, 0.7, 0.95, "randomisation"))

    one = looked(dealt, look=2, planned_looks=2)
    steady = looked(dealt, look=2, look_method=LookMethod.ALWAYS_VALID)

    assert 0.002 < one.p_value < steady.p_value
    assert one.interval.low < 0.02
    assert one.interval.high > 0.7


def test_the_p_value_of_a_look_is_the_level_at_which_its_boundary_is_crossed():
    fractions = [at / 4 for at in range(1, 5)]
    bounds = obrien_fleming(fractions, alpha=0.03)

    assert [repeated_p_value(bound, fractions, at + 1) for at, bound in enumerate(bounds)] == pytest.approx([0.03] * 4)
    assert repeated_p_value(0.0, fractions, 2) == 1.0


def test_a_look_beyond_the_plan_is_not_tested_and_a_single_one_needs_nothing():
    spent = looked(replace(result(), grade=4), look=5, planned_looks=4)

    assert (spent.p_value, spent.interval, spent.grade) == (None, None, 2)
    assert spent.diagnostic("looks").verdict is Verdict.FLAG
    assert "no error is left" in spent.p_value_reason
    assert looked(result(), look=2, planned_looks=1).p_value is None
    assert looked(result(), look=1, planned_looks=1) == result()


def test_an_always_valid_interval_holds_at_any_look_and_agrees_with_its_p_value():
    design = {"look_method": LookMethod.ALWAYS_VALID, "planned_units": 200}
    first, ninth = (looked(result(), look=at, **design) for at in (1, 9))
    at_the_edge = always_valid(0.0, 0.1, n=100, n_planned=200).high

    expected = always_valid(0.3, 0.1, n=100, n_planned=200)
    assert first.interval == ninth.interval
    assert (first.interval.low, first.interval.high) == pytest.approx((expected.low, expected.high), abs=1e-5)
    assert result().p_value < first.p_value == ninth.p_value
    assert (first.p_value < 0.05) == (first.interval.low > 0.0)
    assert always_valid_p_value(at_the_edge, 0.1, n=100, n_planned=200) == pytest.approx(0.05)
