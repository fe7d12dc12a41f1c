"""Offers that not everybody takes up: intention to treat, compliers, and what must not be compared."""

import math

import numpy as np
import pytest

from app.domain.errors import Invalid
from app.domain.impact.cace import TakeUp, complier_effect
from app.domain.impact.cross_section import CrossSection
from app.domain.impact.options import Options
from app.domain.impact.randomised import difference_in_means
from app.domain.impact.result import Estimand, Verdict
from app.domain.impact.result import StandardErrorKind as Kind


def waitlist(seed, n, *, effect=0.40):
    """Half are offered at once; 68 % of them, rather the abler, take it up; nobody else can take part."""
    rng = np.random.default_rng(seed)
    ability = rng.normal(size=n)
    offered = rng.permutation(np.arange(n) % 2).astype(float)
    willing = ability + rng.normal(size=n) > -0.4677 * math.sqrt(2.0)
    taken = offered * willing
    outcome = 0.5 * ability + rng.normal(size=n) * 0.9 + effect * taken
    return CrossSection(outcome=outcome, exposed=offered, taken=taken, randomised=True)


def test_the_complier_effect_is_the_offers_effect_over_take_up():
    data = waitlist(1, 40_000)

    offered, compliers = difference_in_means(data, Options()), complier_effect(data, Options())

    assert offered.value == pytest.approx(0.40 * 0.68, abs=0.03)
    assert compliers.value == pytest.approx(0.40, abs=0.04)
    assert compliers.estimand is Estimand.CACE
    first_stage = compliers.diagnostic("first_stage").values
    assert first_stage["take_up_offered"] == pytest.approx(0.68, abs=0.01)
    assert first_stage["take_up_others"] == 0.0
    assert compliers.value == pytest.approx(offered.value / first_stage["difference"], abs=1e-12)
    assert compliers.diagnostic("intention_to_treat").values["value"] == pytest.approx(offered.value, abs=1e-12)


def test_comparing_those_who_took_part_with_the_others_would_be_far_off():
    data = waitlist(1, 40_000)

    as_treated = data.outcome[data.taken == 1].mean() - data.outcome[data.taken == 0].mean()

    assert as_treated > 0.40 + 0.20


def test_the_standard_error_is_that_of_two_stage_least_squares():
    data = waitlist(2, 500)
    ones = np.ones(500)
    instruments, regressors = np.column_stack([ones, data.exposed]), np.column_stack([ones, data.taken])
    beta = np.linalg.solve(instruments.T @ regressors, instruments.T @ data.outcome)
    scores = instruments * (data.outcome - regressors @ beta)[:, None]
    inverse = np.linalg.inv(instruments.T @ regressors)
    expected = math.sqrt((inverse @ scores.T @ scores @ inverse.T)[1, 1] * 500 / 498)

    result = complier_effect(data, Options(standard_error=Kind.HC1))

    assert result.value == pytest.approx(beta[1], abs=1e-10)
    assert result.standard_error.value == pytest.approx(expected, rel=1e-8)


def test_the_limits_of_the_anderson_rubin_interval_are_just_not_rejected():
    data = waitlist(3, 400)
    result = complier_effect(data, Options(standard_error=Kind.HC1))

    [(low, high)] = result.diagnostic("anderson_rubin").values["sets"]

    for edge in (low, high):
        shifted = CrossSection(outcome=data.outcome - edge * data.taken, exposed=data.exposed, randomised=True)
        assert difference_in_means(shifted, Options(standard_error=Kind.HC1)).p_value == pytest.approx(0.05, abs=1e-9)
    assert low < result.value < high


def test_a_weak_first_stage_fails_and_its_interval_is_unbounded():
    rng = np.random.default_rng(4)
    offered = np.array([0.0, 1.0] * 100)
    taken = (rng.random(200) < 0.5 + 0.02 * offered).astype(float)
    data = CrossSection(outcome=rng.normal(size=200), exposed=offered, taken=taken, randomised=True)

    result = complier_effect(data, Options())

    assert result.diagnostic("first_stage").verdict is Verdict.FAIL
    sets = result.diagnostic("anderson_rubin").values["sets"]
    assert not math.isfinite(sets[0][0])
    assert result.to_dict()["diagnostics"]


@pytest.mark.parametrize(
    ("take_up", "bounded"),
    [
        (TakeUp(0.3, 0.7, 0.01, 0.001, 0.0, 100.0), True),
        (TakeUp(0.9, 0.1, 0.01, 0.01, 0.0, 100.0), False),
        (TakeUp(0.05, 0.1, 0.01, 0.01, 0.0, 100.0), False),
    ],
)
def test_an_anderson_rubin_set_is_bounded_only_if_take_up_is_significant(take_up, bounded):
    sets = take_up.anderson_rubin(0.95)

    assert all(math.isfinite(edge) for one in sets for edge in one) is bounded
    assert any(low <= take_up.ratio <= high for low, high in sets)


def test_without_a_difference_in_take_up_there_are_no_compliers():
    data = CrossSection(outcome=np.arange(8.0), exposed=np.array([0.0, 1.0] * 4), taken=np.ones(8), randomised=True)

    with pytest.raises(Invalid) as refused:
        complier_effect(data, Options())
    assert refused.value.errors[0].code == "take_up_constant"


def test_who_took_part_must_be_told():
    data = CrossSection(outcome=np.arange(8.0), exposed=np.array([0.0, 1.0] * 4), randomised=True)

    with pytest.raises(Invalid) as refused:
        complier_effect(data, Options())
    assert refused.value.errors[0].code == "no_take_up"
