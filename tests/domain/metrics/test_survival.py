from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.metrics.survival import Spell, Step, cumulative_incidence, first_sustained, median, median_interval

EVENT, OUT, OPEN = "completed", "withdrawn", "open"


def curve(*spells: tuple[int, str]) -> tuple[Step, ...]:
    return cumulative_incidence((Spell(Decimal(days), word) for days, word in spells), event=EVENT, competing=OUT)


# Remission under 6-MP, Freireich et al. 1963; survival as printed in textbooks (Collett, Klein and Moeschberger).
REMISSION = [
    *((days, EVENT) for days in (6, 6, 6, 7, 10, 13, 16, 22, 23)),
    *((days, OPEN) for days in (6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35)),
]
PRINTED = {6: "0.857", 7: "0.807", 10: "0.753", 13: "0.690", 16: "0.627", 22: "0.538", 23: "0.448"}
PRINTED_ERRORS = {6: "0.0764", 7: "0.0869", 10: "0.0963", 13: "0.1068", 16: "0.1141", 22: "0.1282", 23: "0.1346"}
# The control arm of the same trial: nobody is censored, the published median is 8 weeks.
CONTROL = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]


def test_the_curve_equals_the_published_kaplan_meier_estimate():
    steps = curve(*REMISSION)

    assert {int(step.days): f"{1 - step.incidence:.3f}" for step in steps} == PRINTED
    assert median(steps) == 23


def test_the_variance_without_competing_exits_is_that_of_greenwood():
    steps = curve(*REMISSION)

    assert {int(step.days): f"{step.variance.sqrt():.4f}" for step in steps} == PRINTED_ERRORS


def test_an_uncensored_arm_has_its_ordinary_median_and_an_interval_around_it():
    steps = curve(*((days, EVENT) for days in CONTROL))

    interval = median_interval(steps)
    assert median(steps) == 8
    assert interval is not None
    # survival package of R, conf.type = "log-log": 4 and 11
    assert (interval.low, interval.high) == (4, 11)


def test_an_interval_without_upper_end_is_none():
    assert median_interval(curve(*REMISSION)) is None


def test_a_competing_exit_is_not_censoring():
    competing = curve((1, OUT), (1, OUT), (10, EVENT), (20, EVENT), (30, EVENT))
    censored = curve((1, OPEN), (1, OPEN), (10, EVENT), (20, EVENT), (30, EVENT))

    assert [step.incidence for step in competing[-3:]] == [Decimal("0.2"), Decimal("0.4"), Decimal("0.6")]
    assert (median(competing), median(censored)) == (30, 20)


def test_the_mean_of_completers_would_be_biased_low_where_the_median_is_not_reached():
    steps = curve((3, EVENT), (4, EVENT), *((30, OPEN) for _ in range(8)))

    assert median(steps) is None


@given(st.lists(st.integers(0, 60), min_size=1, max_size=30))
def test_without_censoring_the_median_is_the_lower_sample_median(days: list[int]):
    steps = curve(*((each, EVENT) for each in days))

    assert median(steps) == sorted(days)[(len(days) - 1) // 2]


@given(st.lists(st.tuples(st.integers(0, 30), st.sampled_from([EVENT, OUT, OPEN])), max_size=25))
def test_the_incidence_rises_within_zero_and_one_and_its_variance_is_never_negative(spells: list[tuple[int, str]]):
    steps = curve(*spells)

    incidences = [step.incidence for step in steps]
    assert incidences == sorted(incidences)
    assert all(0 <= each <= 1 + Decimal("1e-24") for each in incidences)
    assert all(step.variance >= 0 for step in steps)


@given(st.lists(st.tuples(st.integers(0, 20), st.sampled_from([EVENT, OUT, OPEN])), max_size=12))
def test_grouped_cases_give_the_same_curve_as_single_ones(spells: list[tuple[int, str]]):
    grouped = {key: spells.count(key) for key in spells}
    counted = [Spell(Decimal(days), word, count) for (days, word), count in grouped.items()]

    assert cumulative_incidence(counted, event=EVENT, competing=OUT) == curve(*spells)


@pytest.mark.parametrize(
    ("met", "expected"),
    [
        ([True, True, True, True], 10),
        ([False, True, True, True], 20),
        ([True, False, True, True], None),
        ([False, False, False, True], None),
    ],
)
def test_proficiency_counts_from_the_first_day_of_a_run_that_holds(met: list[bool], expected: int | None):
    assert first_sustained([10, 20, 30, 40], met, hold_days=20) == expected
