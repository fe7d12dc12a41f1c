from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtri, stdtr, stdtrit

from app.domain.metrics.intervals import mean_interval, normal_point, normal_quantile, t_quantile, t_tail, wilson

DEGREES = [1, 2, 3, 4, 7, 12, 29, 61, 120, 500, 999, 1000, 1001, 12_345, 10**6, 10**9]


@pytest.mark.parametrize("level", ["0.5", "0.8", "0.95", "0.99", "0.999"])
@pytest.mark.parametrize("degrees", DEGREES)
def test_t_quantiles_are_exact_to_ten_digits(degrees: int, level: str):
    expected = stdtrit(degrees, (1 + float(level)) / 2)

    assert float(t_quantile(degrees, Decimal(level))) == pytest.approx(expected, rel=1e-10)


@given(st.integers(1, 2000), st.floats(0.01, 40))
def test_t_tails_agree_with_the_reference(degrees: int, statistic: float):
    assert t_tail(statistic, degrees) == pytest.approx(2 * stdtr(degrees, -statistic), rel=1e-9, abs=1e-15)


@pytest.mark.parametrize(("degrees", "level"), [(0, "0.95"), (-1, "0.95"), (3, "0"), (3, "1"), (3, "1.5")])
def test_a_t_quantile_outside_its_range_is_refused(degrees: int, level: str):
    with pytest.raises(ValueError, match="degree of freedom"):
        t_quantile(degrees, Decimal(level))


@pytest.mark.parametrize("level", ["0.5", "0.8", "0.9", "0.95", "0.99"])
def test_normal_quantiles_agree_with_the_reference(level: str):
    assert float(normal_quantile(Decimal(level))) == pytest.approx(ndtri((1 + float(level)) / 2), rel=1e-14)
    assert float(normal_point(Decimal(level))) == pytest.approx(ndtri(float(level)), rel=1e-13, abs=1e-15)


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [(4, 5, "37.6", "96.4"), (80, 100, "71.1", "86.7"), (0, 10, "0.0", "27.8"), (10, 10, "72.2", "100.0")],
)
def test_wilson_intervals_equal_the_published_ones(successes: int, trials: int, low: str, high: str):
    interval = wilson(successes, trials)

    assert f"{100 * interval.low:.1f}" == low
    assert f"{100 * interval.high:.1f}" == high


@given(st.data(), st.integers(1, 10_000))
def test_wilson_intervals_hold_the_rate_within_zero_and_one_and_mirror(data: st.DataObject, trials: int):
    successes = data.draw(st.integers(0, trials))

    interval, mirrored = wilson(successes, trials), wilson(trials - successes, trials)

    rate = Decimal(successes) / trials
    assert 0 <= interval.low <= rate <= interval.high <= 1
    assert abs(interval.low - (1 - mirrored.high)) < Decimal("1e-25")


def test_a_mean_interval_is_that_of_student():
    values = [Decimal(text) for text in ("5.1", "4.9", "6.2", "5.8", "5.0")]

    interval = mean_interval(values)

    # mean 5.4, sd 0.570088, t(4) = 2.776445: half width 2.776445 · 0.570088 / √5 = 0.707857
    assert interval is not None
    assert round(interval.low, 6) == Decimal("4.692143")
    assert round(interval.high, 6) == Decimal("6.107857")


def test_counts_stand_for_repeated_values():
    repeated = mean_interval([Decimal(1), Decimal(1), Decimal(4)])

    assert mean_interval([Decimal(1), Decimal(4)], counts=[2, 1]) == repeated


@pytest.mark.parametrize("values", [[], [Decimal(3)], [Decimal(3), Decimal(3)]])
def test_too_few_or_equal_values_claim_no_interval(values: list[Decimal]):
    assert mean_interval(values) is None
