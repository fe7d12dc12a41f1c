from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from app.domain.attainment import (
    Baseline,
    Direction,
    Target,
    TargetKind,
    Window,
    baseline_on,
    contradictions,
    resolve_target,
)
from app.domain.errors import Invalid

HIGHER, LOWER = Direction.HIGHER, Direction.LOWER
VALUES = st.decimals(min_value=-1000, max_value=1000, places=2)
SIZES = st.decimals(min_value=Decimal("0.01"), max_value=1000, places=2)


def target(kind: TargetKind, value: str | None = None, direction: Direction = LOWER, **band: str) -> Target:
    ends = {name: Decimal(end) for name, end in band.items()}
    return Target(kind, direction, None if value is None else Decimal(value), **ends)


def codes(stated: Target, baseline: str | None = "60", window: Window | None = None) -> list[tuple[str, str | None]]:
    found = contradictions(stated, None if baseline is None else Decimal(baseline), window)
    return [(fault.code, fault.pointer) for fault in found]


@pytest.mark.parametrize(
    ("kind", "value", "direction", "baseline", "resolved"),
    [
        (TargetKind.ABSOLUTE, "45", LOWER, "60", "45"),
        (TargetKind.RELATIVE, "25", LOWER, "60", "45"),
        (TargetKind.RELATIVE, "25", HIGHER, "60", "75"),
        (TargetKind.RELATIVE, "20", HIGHER, "-50", "-40"),
        (TargetKind.POINTS, "15", LOWER, "60", "45"),
        (TargetKind.POINTS, "2", HIGHER, "10", "12"),
        (TargetKind.REACH, "500", HIGHER, "20", "500"),
    ],
)
def test_every_kind_of_target_comes_down_to_a_value_of_the_kpi(
    kind: TargetKind, value: str, direction: Direction, baseline: str, resolved: str
):
    result = resolve_target(target(kind, value, direction), Decimal(baseline))

    assert (result.baseline, result.value) == (Decimal(baseline), Decimal(resolved))


def test_a_reach_target_without_a_baseline_counts_from_zero():
    result = resolve_target(target(TargetKind.REACH, "500", HIGHER), None)

    assert (result.baseline, result.value) == (Decimal(0), Decimal(500))


def test_a_maintain_target_is_a_band_with_both_ends_inside():
    result = resolve_target(target(TargetKind.MAINTAIN, low="90", high="95"), Decimal(90))

    held = [result.holds(Decimal(value)) for value in ("89.9", "90", "95", "95.1")]
    assert (result.value, held) == (None, [False, True, True, False])


def test_a_band_may_be_open_on_one_side():
    result = resolve_target(target(TargetKind.MAINTAIN, high="5"), None)

    assert [result.holds(Decimal(value)) for value in ("-1000", "5", "5.01")] == [True, True, False]


@pytest.mark.parametrize("kind", [TargetKind.ABSOLUTE, TargetKind.RELATIVE, TargetKind.POINTS])
def test_a_target_that_needs_a_baseline_is_no_fault_at_write_but_cannot_be_resolved_without(kind: TargetKind):
    stated = target(kind, "10", HIGHER)

    assert codes(stated, None) == []
    with pytest.raises(Invalid) as caught:
        resolve_target(stated, None)
    assert [fault.code for fault in caught.value.errors] == ["baseline_missing"]


@pytest.mark.parametrize(("direction", "value"), [(LOWER, "61"), (HIGHER, "59")])
def test_a_target_on_the_wrong_side_of_its_baseline_is_refused_with_the_way_to_mend_it(
    direction: Direction, value: str
):
    stated = target(TargetKind.ABSOLUTE, value, direction)

    (fault,) = contradictions(stated, Decimal(60))

    side, good = ("above", "below") if direction is LOWER else ("below", "above")
    assert (fault.code, fault.pointer) == ("target_against_direction", "/target_value")
    assert f"lies {side} the baseline 60; choose a target {good} it, or correct the direction" in fault.detail


def test_a_target_equal_to_its_baseline_is_refused_unless_it_is_a_maintain_target():
    (fault,) = contradictions(target(TargetKind.ABSOLUTE, "90"), Decimal(90))

    assert fault.code == "target_equals_baseline"
    assert "set target_kind to maintain" in fault.detail
    assert codes(target(TargetKind.MAINTAIN, low="90", high="90"), "90") == []


@pytest.mark.parametrize(
    ("stated", "baseline", "expected"),
    [
        (target(TargetKind.RELATIVE, "-20"), "60", ("target_change_not_positive", "/target_value")),
        (target(TargetKind.POINTS, "0"), "60", ("target_change_not_positive", "/target_value")),
        (target(TargetKind.RELATIVE, "20"), "0", ("baseline_zero", "/target_kind")),
        (target(TargetKind.ABSOLUTE), "60", ("target_value_missing", "/target_value")),
        (target(TargetKind.ABSOLUTE, "45", low="1"), "60", ("band_unexpected", "/target_low")),
        (target(TargetKind.ABSOLUTE, "45", high="1"), "60", ("band_unexpected", "/target_high")),
        (target(TargetKind.MAINTAIN), "60", ("band_missing", "/target_low")),
        (target(TargetKind.MAINTAIN, low="9", high="8"), "60", ("band_inverted", "/target_low")),
        (target(TargetKind.MAINTAIN, "5", low="1"), "60", ("target_value_unexpected", "/target_value")),
        (target(TargetKind.REACH, "5", LOWER), None, ("target_against_direction", "/target_value")),
    ],
)
def test_each_contradiction_is_one_fault_at_its_place(stated: Target, baseline: str | None, expected: tuple[str, str]):
    assert codes(stated, baseline) == [expected]


@pytest.mark.parametrize(
    ("start", "due", "lag", "expected"),
    [
        ("2026-01-01", "2026-01-01", 0, [("window_empty", "/due_on")]),
        ("2026-01-02", "2026-01-01", 0, [("window_empty", "/due_on")]),
        ("2026-01-01", "2026-01-31", 30, [("lag_fills_window", "/lag_days")]),
        ("2026-01-01", "2026-01-31", -1, [("lag_negative", "/lag_days")]),
        ("2026-01-01", "2026-01-31", 29, []),
    ],
)
def test_a_lag_shorter_than_the_window_is_the_only_one_that_can_show_an_effect(
    start: str, due: str, lag: int, expected: list[tuple[str, str]]
):
    window = Window(date.fromisoformat(start), date.fromisoformat(due), lag)

    assert codes(target(TargetKind.ABSOLUTE, "45"), "60", window) == expected


def test_all_contradictions_are_told_at_once():
    window = Window(date(2026, 1, 1), date(2026, 1, 31), 90)

    assert codes(target(TargetKind.ABSOLUTE, "70"), "60", window) == [
        ("target_against_direction", "/target_value"),
        ("lag_fills_window", "/lag_days"),
    ]


def test_a_contradictory_target_cannot_be_resolved():
    with pytest.raises(Invalid) as caught:
        resolve_target(target(TargetKind.ABSOLUTE, "70"), Decimal(60))

    assert caught.value.code == "contradictory_target"
    assert "choose a target below it" in caught.value.detail


@given(st.sampled_from(list(Direction)), SIZES, VALUES, st.sampled_from([TargetKind.RELATIVE, TargetKind.POINTS]))
def test_a_stated_change_always_leads_the_better_way(
    direction: Direction, size: Decimal, baseline: Decimal, kind: TargetKind
):
    assume(baseline != 0)

    result = resolve_target(Target(kind, direction, size), baseline)

    assert result.value is not None
    assert direction.sign * (result.value - baseline) > 0


def test_re_baselining_changes_the_future_and_not_the_past():
    first = Baseline(Decimal(60), date(2026, 1, 1))
    second = Baseline(Decimal(55), date(2026, 4, 1), "the site in the south was closed")
    corrected = Baseline(Decimal(54), date(2026, 4, 1), "a month had been counted twice")
    days = (date(2025, 12, 31), date(2026, 3, 31), date(2026, 4, 1))

    assert [baseline_on([second, first], day) for day in days] == [None, first, second]
    assert baseline_on([first, second, corrected], date(2026, 5, 1)) == corrected


@given(SIZES, VALUES)
def test_a_kpi_and_its_mirror_image_have_mirrored_targets(size: Decimal, baseline: Decimal):
    upright = resolve_target(Target(TargetKind.POINTS, HIGHER, size), baseline)
    mirrored = resolve_target(Target(TargetKind.POINTS, LOWER, size), -baseline)

    assert upright.value is not None
    assert mirrored.value == -upright.value
