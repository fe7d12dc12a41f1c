from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.attainment import Window
from app.domain.errors import Invalid
from app.domain.figure import Figure, Status
from app.domain.metrics import evaluate
from app.domain.metrics.pace import AttainmentStatus, Override, PeriodTarget, elapsed_rate, planned, with_override

YEAR = Window(date(2026, 1, 1), date(2026, 12, 31), lag_days=64)
OUTCOME = {
    "direction": "higher_is_better",
    "baseline": "200",
    "target": "300",
    "start_on": "2026-01-01",
    "due_on": "2026-12-31",
}
OVERRIDE = Override(AttainmentStatus.ON_TRACK, "per_1", "the strike is over", datetime(2026, 5, 1, tzinfo=UTC))


def status(**inputs: Any) -> Figure:
    return evaluate("status", {**OUTCOME, **inputs})


@pytest.mark.parametrize(
    ("on", "expected"),
    [
        (date(2025, 6, 1), "0"),
        (date(2026, 3, 6), "0"),
        (date(2026, 8, 3), "0.5"),
        (date(2026, 12, 31), "1"),
        (date(2027, 6, 1), "1"),
    ],
)
def test_the_plan_stands_still_until_the_lag_is_over_and_ends_at_the_due_date(on: date, expected: str):
    assert elapsed_rate(YEAR, on) == Decimal(expected)


def test_a_bad_window_is_refused_with_the_way_to_mend_it():
    with pytest.raises(Invalid, match="shorten the lag below 364 days"):
        elapsed_rate(Window(date(2026, 1, 1), date(2026, 12, 31), lag_days=364), date(2026, 6, 1))


@given(st.dates(date(2025, 1, 1), date(2028, 1, 1)), st.integers(-500, 500), st.integers(-500, 500))
def test_the_plan_never_leaves_the_way_from_baseline_to_target(on: date, baseline: int, target: int):
    plan = planned(Decimal(baseline), Decimal(target), YEAR, on)

    assert plan is not None
    assert min(baseline, target) <= plan <= max(baseline, target)


def test_period_targets_count_from_their_first_day_in_any_order():
    periods = [PeriodTarget(date(2026, 4, 1), Decimal(250)), PeriodTarget(date(2026, 1, 1), Decimal(220))]
    days = (date(2025, 12, 31), date(2026, 3, 31), date(2026, 4, 1))

    plans = [planned(Decimal(200), Decimal(300), YEAR, on, periods) for on in days]

    assert plans == [None, Decimal(220), Decimal(250)]


def test_a_sub_period_target_decides_the_status_of_its_period():
    periods = [{"from_on": "2026-01-01", "target": "210"}, {"from_on": "2026-04-01", "target": "260"}]

    first = status(on="2026-03-31", current="210", period_targets=periods)
    second = status(on="2026-04-01", current="210", period_targets=periods)

    assert (first.value, second.value) == ("on_track", "off_track")


def test_a_period_target_at_the_baseline_asks_only_not_to_fall_below_it():
    periods = [{"from_on": "2026-01-01", "target": "200"}]

    kept = status(on="2026-02-01", current="200", period_targets=periods)
    lost = status(on="2026-02-01", current="199", period_targets=periods)

    assert (kept.value, lost.value) == ("on_track", "off_track")


@pytest.mark.parametrize(
    ("current", "word"),
    [("250", "on_track"), ("245", "on_track"), ("244.9", "at_risk"), ("237.5", "at_risk"), ("237", "off_track")],
)
def test_the_thresholds_belong_to_the_better_word(current: str, word: str):
    assert status(on="2026-07-02", current=current).value == word


@pytest.mark.parametrize(("measured_on", "word"), [("2026-04-17", "on_track"), ("2026-04-16", "unknown")])
def test_data_are_stale_after_one_and_a_half_cadences_and_not_before(measured_on: str, word: str):
    figure = status(on="2026-06-01", current="290", measured_on=measured_on, cadence_days=30)

    assert figure.value == word


@pytest.mark.parametrize(("confirmed", "word"), [("300", "met"), ("299.999999", "missed"), ("301", "met")])
def test_the_due_date_is_decided_by_the_confirmed_value_alone(confirmed: str, word: str):
    assert status(on="2026-12-31", current="1", confirmed_at_due=confirmed).value == word


def test_lower_is_better_meets_its_target_from_below():
    low = {"direction": "lower_is_better", "baseline": "60", "target": "45"}

    assert status(**low, on="2027-01-01", confirmed_at_due="44").value == "met"
    assert status(**low, on="2027-01-01", confirmed_at_due="46").value == "missed"


def test_a_maintain_outcome_is_met_only_without_a_present_breach():
    band = {"low": "90", "due_on": "2026-12-31", "on": "2026-12-31", "periods_inside": 12, "periods_observed": 12}

    held = evaluate("status", {**band, "confirmed_at_due": "90"}, {"kind": "maintain"})
    broken = evaluate("status", {**band, "confirmed_at_due": "89"}, {"kind": "maintain"})

    assert (held.value, broken.value) == ("met", "missed")


def test_a_manual_status_stands_beside_the_computed_one():
    computed = status(on="2026-07-02", current="210")

    shown = with_override(computed, OVERRIDE)

    assert (shown.value, shown.status) == ("off_track", Status.OK)
    (note,) = [caveat for caveat in shown.caveats if caveat.code == "manual_override"]
    assert note.detail == "on_track by per_1 at 2026-05-01T00:00:00+00:00: the strike is over"


def test_a_manual_status_without_author_or_reason_is_refused():
    unexplained = Override(AttainmentStatus.ON_TRACK, " ", "", OVERRIDE.at)

    with pytest.raises(Invalid) as caught:
        with_override(status(on="2026-07-02", current="210"), unexplained)

    assert [fault.pointer for fault in caught.value.errors] == ["/author", "/reason"]
