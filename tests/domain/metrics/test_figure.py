from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.figure import Caveat, Figure, Interval, Period, Status, Subject, rounded, written


def figure(**overrides: object) -> Figure:
    fields: dict[str, object] = {
        "metric": "progress",
        "definition_version": 1,
        "status": Status.OK,
        "unit": "ratio",
        "value": Decimal("0.5"),
    }
    return Figure(**{**fields, **overrides})  # type: ignore[arg-type]  # a builder with overrides


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("0.6666666666", "0.666667"),
        ("0.0000005", "0"),
        ("0.0000015", "0.000002"),
        ("0.0000025", "0.000002"),
        ("1140000.000000", "1140000"),
        ("1E+6", "1000000"),
        ("-0.0000001", "0"),
        ("-0.4000", "-0.4"),
    ],
)
def test_numbers_are_rounded_half_to_even_to_six_places_and_written_plainly(raw: str, expected: str):
    assert written(rounded(Decimal(raw))) == expected


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**30), max_value=10**30, places=9))
def test_rounding_twice_is_rounding_once(value: Decimal):
    once = rounded(value)

    assert written(rounded(once)) == written(once)
    assert abs(once - value) <= Decimal("0.0000005")


@pytest.mark.parametrize("raw", ["NaN", "Infinity", "-Infinity"])
def test_what_is_not_a_number_is_never_published(raw: str):
    with pytest.raises(ValueError, match="finite"):
        rounded(Decimal(raw))


@pytest.mark.parametrize(
    "contradiction",
    [
        {"value": None},
        {"status": Status.NO_DATA},
        {"status": Status.SUPPRESSED},
        {"status": Status.PROVISIONAL, "value": None},
    ],
)
def test_a_value_without_a_usable_status_and_the_reverse_are_refused(contradiction: dict[str, object]):
    with pytest.raises(ValueError, match="has a value exactly when"):
        figure(**contradiction)


def test_the_published_form_has_every_field_of_the_decision():
    placed = figure(interval=Interval(Decimal("0.1"), Decimal("0.9"), Decimal("0.95"), "wilson")).about(
        Subject("outcome", "out_1"),
        as_of=datetime(2026, 1, 2, 3, 4, tzinfo=UTC),
        period=Period(date(2026, 1, 1), None, "Europe/Berlin"),
        explain="/v1/explain",
    )

    assert placed.with_caveats(Caveat("late", "One event came late.")).as_json() == {
        "metric": "progress",
        "definition_version": 1,
        "parameters": {},
        "subject": {"kind": "outcome", "id": "out_1"},
        "segment": {},
        "status": "ok",
        "reason": None,
        "value": "0.5",
        "value_type": "decimal",
        "unit": "ratio",
        "numerator": None,
        "denominator": None,
        "n_people": None,
        "interval": {"low": "0.1", "high": "0.9", "level": "0.95", "method": "wilson"},
        "period": {"from": "2026-01-01", "to": None, "zone": "Europe/Berlin"},
        "as_of": "2026-01-02T03:04:00Z",
        "revision": 1,
        "basis": None,
        "override": None,
        "caveats": [{"code": "late", "detail": "One event came late."}],
        "explain": "/v1/explain",
    }


def test_an_open_period_is_provisional_and_says_how_much_of_it_has_passed():
    provisional = figure().while_open(Decimal(1) / 3)

    assert provisional.status is Status.PROVISIONAL
    assert provisional.value == Decimal("0.5")
    assert provisional.caveats == (Caveat("open_period", "The period is not over: 0.333333 of it has elapsed."),)


def test_an_open_period_without_a_value_keeps_its_status():
    unknown = figure(status=Status.NO_DATA, value=None, reason="nothing yet").while_open(Decimal("0.5"))

    assert (unknown.status, unknown.value) == (Status.NO_DATA, None)
