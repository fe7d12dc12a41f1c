"""Power, smallest detectable effects and sample sizes against the published tables."""

from dataclasses import replace

import numpy as np
import pytest

from app.domain.errors import Invalid
from app.domain.impact.power import (
    Analysis,
    Comparison,
    Repeated,
    Serial,
    design_effect,
    exaggeration,
    multiple,
    power,
    smallest_effect,
    units_needed,
)

PAIR = Comparison(treated=100, control=100)
YEARS = Repeated(before=12, after=12, rho=0.5, analysis=Analysis.CHANGE)


@pytest.mark.parametrize(("effect", "units"), [(0.5, 63.77), (0.2, 393.4), (0.8, 25.52)])
def test_cohens_sample_sizes_come_from_the_noncentral_t(effect, units):
    found = units_needed(Comparison(treated=1, control=1), effect)

    assert found == pytest.approx(units, abs=0.05 if units > 100 else 0.005)


def test_eighty_percent_power_needs_an_effect_of_two_point_eight_standard_errors():
    assert multiple(0.05, None, 0.8) == pytest.approx(2.80, abs=0.005)


@pytest.mark.parametrize("normal", [True, False])
def test_the_smallest_effect_is_found_with_just_the_power_asked_for(normal):
    planned = replace(PAIR, treated=30, control=80, normal=normal, sd=3.0)

    assert power(planned, smallest_effect(planned, wanted=0.9)) == pytest.approx(0.9, abs=1e-9)


def test_serial_correlation_makes_the_detectable_effect_larger_than_the_textbook_says():
    planned = replace(PAIR, normal=True, repeated=YEARS)
    textbook = replace(planned, repeated=replace(YEARS, rho=0.0))

    assert smallest_effect(planned) == pytest.approx(0.256, abs=5e-4)
    assert smallest_effect(textbook) == pytest.approx(0.162, abs=5e-4)
    assert power(planned, 0.256) == pytest.approx(0.80, abs=0.005)


def test_the_detectable_effect_has_that_power_in_simulated_panels():
    rng = np.random.default_rng(1)
    n, found = 100, 0
    for _ in range(400):
        errors = np.zeros((2 * n, 24))
        errors[:, 0] = rng.normal(size=2 * n)
        for at in range(1, 24):
            errors[:, at] = 0.5 * errors[:, at - 1] + np.sqrt(0.75) * rng.normal(size=2 * n)
        change = errors[:, 12:].mean(axis=1) - errors[:, :12].mean(axis=1)
        change[:n] += 0.256
        error = np.sqrt(change[:n].var(ddof=1) / n + change[n:].var(ddof=1) / n)
        found += abs(change[:n].mean() - change[n:].mean()) > 1.96 * error

    assert found / 400 == pytest.approx(0.80, abs=0.06)


@pytest.mark.parametrize("rho", [0.25, 0.5, 0.75])
def test_with_one_period_on_each_side_ancova_beats_both_by_mckenzies_formulas(rho):
    once = Repeated(before=1, after=1, rho=rho)

    assert replace(once, analysis=Analysis.POST).variance_factor() == pytest.approx(1.0)
    assert replace(once, analysis=Analysis.CHANGE).variance_factor() == pytest.approx(2 * (1 - rho))
    assert replace(once, analysis=Analysis.ANCOVA).variance_factor() == pytest.approx(1 - rho**2)


def test_exchangeable_outcomes_follow_mckenzies_general_formula():
    m, r, rho = 3, 4, 0.4
    plan = Repeated(before=m, after=r, rho=rho, serial=Serial.EXCHANGEABLE, analysis=Analysis.ANCOVA)

    expected = (1 + (r - 1) * rho) / r - m * rho**2 / (1 + (m - 1) * rho)
    assert plan.variance_factor() == pytest.approx(expected)


def test_clusters_inflate_the_variance_by_the_design_effect():
    assert design_effect(10, 0.1) == pytest.approx(1.9)
    assert design_effect(10, 0.1, cv=0.5) == pytest.approx(1 + (1.25 * 10 - 1) * 0.1)
    assert design_effect(1, 0.3) == 1.0

    teams = replace(PAIR, cluster_size=10, icc=0.1)
    assert teams.standard_error == pytest.approx(PAIR.standard_error * np.sqrt(1.9))
    assert teams.df == 18.0


def test_fewer_clusters_cost_power_beyond_the_design_effect():
    few = replace(PAIR, treated=30, control=30, cluster_size=10)

    assert power(few, 1.0) < power(replace(few, cluster_size=1), 1.0)


def test_the_sample_size_keeps_the_ratio_of_the_sides_and_has_the_power():
    planned = Comparison(treated=1, control=3, cluster_size=5, icc=0.05)

    units = units_needed(planned, 0.4, wanted=0.9)

    assert power(replace(planned, treated=units, control=3 * units), 0.4) == pytest.approx(0.9, abs=1e-6)


def test_a_huge_effect_needs_only_the_fewest_units():
    assert units_needed(Comparison(treated=1, control=1), 50.0) == pytest.approx(1.5)


def test_an_underpowered_significant_estimate_exaggerates():
    # simulated: a test with 17 % power reports 2.45 times the truth when it is significant (impact.md 3.4)
    assert exaggeration(0.17) == pytest.approx(2.45, abs=0.06)
    assert exaggeration(0.99) == pytest.approx(1.0, abs=0.02)


def test_no_effect_is_found_as_often_as_alpha_says():
    assert power(PAIR, 0.0) == pytest.approx(0.05, abs=1e-9)


@pytest.mark.parametrize(
    ("changed", "pointer"),
    [
        ({"treated": 0}, "/treated"),
        ({"control": -1}, "/control"),
        ({"sd": 0.0}, "/sd"),
        ({"sd": float("nan")}, "/sd"),
        ({"alpha": 1.0}, "/alpha"),
        ({"icc": 1.2}, "/icc"),
        ({"cluster_size": 0.5}, "/cluster_size"),
        ({"repeated": Repeated(before=0, after=3, analysis=Analysis.CHANGE)}, "/before"),
        ({"repeated": Repeated(before=3, after=3, rho=1.0)}, "/rho"),
    ],
)
def test_impossible_plans_are_refused_where_they_are_impossible(changed, pointer):
    with pytest.raises(Invalid) as refused:
        power(replace(PAIR, **changed), 0.3)
    assert refused.value.errors[0].pointer == pointer


def test_power_below_alpha_and_an_effect_of_zero_cannot_be_planned():
    with pytest.raises(Invalid):
        smallest_effect(PAIR, wanted=0.04)
    with pytest.raises(Invalid):
        units_needed(PAIR, 0.0)
    with pytest.raises(Invalid):
        units_needed(PAIR, 1e-7)
    with pytest.raises(Invalid):
        exaggeration(0.05)


def test_units_are_found_under_a_strict_alpha_too():
    strict = replace(PAIR, alpha=1e-6)

    units = units_needed(strict, 0.3)

    assert units == pytest.approx(736.43, abs=0.01)
    assert power(replace(strict, treated=units, control=units), 0.3) == pytest.approx(0.8)
