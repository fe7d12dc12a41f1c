from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from app.domain.figure import Status
from app.domain.metrics import evaluate
from app.domain.metrics.trends import Point, theil_sen

START = date(2026, 1, 1)
VALUES = st.lists(st.integers(-100, 100), min_size=3, max_size=9)


def points(values: list[int], step: int = 30) -> list[Point]:
    return [Point(START + timedelta(days=step * index), Decimal(value)) for index, value in enumerate(values)]


def test_one_wild_point_does_not_turn_the_line():
    calm = theil_sen(points([60, 58, 56, 54, 52, 50, 48]))
    wild = theil_sen(points([60, 58, 56, 540, 52, 50, 48]))

    assert wild.slope == calm.slope


@given(VALUES, st.integers(-50, 50), st.integers(-3, 3))
def test_adding_a_line_to_the_points_adds_it_to_the_forecast(values: list[int], level: int, slope: int):
    plain = theil_sen(points(values))
    moved = theil_sen([Point(p.on, p.value + level + slope * (p.on - START).days) for p in points(values)])

    later = START + timedelta(days=1000)
    assert abs(moved.at(later) - plain.at(later) - level - 1000 * slope) < Decimal("1e-20")


@given(VALUES)
def test_a_mirrored_kpi_is_reached_on_the_same_day(values: list[int]):
    line, mirror = theil_sen(points(values)), theil_sen([Point(p.on, -p.value) for p in points(values)])
    assume(line.slope != 0)

    assert line.reaches(Decimal(200), 1) == mirror.reaches(Decimal(-200), -1)


def test_the_prediction_widens_with_distance_and_is_that_of_a_new_value():
    line = theil_sen(points([60, 57, 58, 54, 53]))

    near, far = (line.prediction(START + timedelta(days=days)) for days in (130, 600))

    assert near is not None
    assert far is not None
    assert far.high - far.low > near.high - near.low > 0


def test_a_line_needs_two_dates():
    with pytest.raises(ValueError, match="two dates"):
        theil_sen([Point(START, Decimal(1)), Point(START, Decimal(2))])


def test_points_of_one_day_are_insufficient():
    rows = [{"on": "2026-01-01", "value": str(value)} for value in range(4)]

    figure = evaluate("forecast_at_due", {"points": rows, "start_on": "2026-01-01", "due_on": "2026-01-02"})

    assert figure.status is Status.INSUFFICIENT


def test_only_the_newest_points_are_used():
    rows = [Point(p.on, p.value) for p in points([0, 900, 10, 20, 30])]
    inputs = {"points": rows, "start_on": START, "due_on": START + timedelta(days=150)}

    figure = evaluate("forecast_at_due", inputs, {"last_points": 3})

    assert (figure.value, figure.basis) == (Decimal(40), "theil_sen_over_3_points")


def test_a_target_already_passed_has_the_day_on_which_the_line_passed_it():
    line = theil_sen(points([10, 20, 30], step=10))

    assert line.reaches(Decimal(15), 1) == START + timedelta(days=5)
    assert line.reaches(Decimal(-999), 1) == START


def test_a_line_that_needs_more_than_a_century_never_arrives():
    line = theil_sen(points([10, 10, 11, 11], step=1000))

    assert line.reaches(Decimal(10_000), 1) is None


def test_a_line_at_the_end_of_the_calendar_never_arrives():
    late = [Point(date(9999, 12, day), Decimal(day)) for day in (1, 2, 3)]

    assert theil_sen(late).reaches(Decimal(400), 1) is None


def test_a_seasonal_kpi_is_forecast_after_a_full_season_with_a_warning():
    rows = points([10, 12, 10, 13, 11, 14, 12, 15, 13, 16, 14, 17, 15], step=31)
    inputs = {"points": rows, "start_on": START, "due_on": date(2027, 6, 1)}

    figure = evaluate("forecast_at_due", inputs, {"season_days": 365, "last_points": 13})

    assert figure.status is Status.OK
    assert "season_not_modelled" in {caveat.code for caveat in figure.caveats}
