"""The types that shapes share: what is exact stays exact, what is unclear is refused."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from app.models.base import LARGEST
from app.models.values import AwareTime, Day, ExactNumber, Money, Zone, plain

NUMBER: TypeAdapter[Decimal] = TypeAdapter(ExactNumber)
INSTANT: TypeAdapter[datetime] = TypeAdapter(AwareTime)
ZONE: TypeAdapter[str] = TypeAdapter(Zone)
DAY: TypeAdapter[date] = TypeAdapter(Day)
MONEY = TypeAdapter(Money)


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("0.1", "0.1"),
        (0.1, "0.1"),
        ("12.500000", "12.5"),
        ("1E3", "1000"),
        ("-0.0", "0"),
        ("0e-9999", "0"),
        ("1.0000000000", "1"),
        ("0.000001", "0.000001"),
        ("9200000000000", "9200000000000"),
        (9.2e12, "9200000000000"),
        (-9200000000000, "-9200000000000"),
    ],
)
def test_a_number_is_shown_plainly_and_exactly(sent: Any, shown: str) -> None:
    assert NUMBER.dump_json(NUMBER.validate_python(sent)) == f'"{shown}"'.encode()


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        ("1e30", "larger unit"),
        (2**70, "larger unit"),
        ("9200000000000.000001", "larger unit"),
        ("0.0000001", "six decimals"),
        ("1e-400", "six decimals"),
        ("1234567890123.12345600000000000000000001", "six decimals"),
        (0.1 + 0.2, "as a string"),
        ("NaN", "decimal number"),
        ("Infinity", "decimal number"),
        (float("nan"), "finite"),
        (Decimal("NaN"), "finite"),
        ("1_000", "decimal number"),
        (" 1", "decimal number"),
        ("１", "decimal number"),
        ("1,5", "decimal number"),
        ("", "decimal number"),
        (True, "decimal number"),
    ],
)
def test_a_number_that_could_not_be_kept_exactly_is_refused_with_the_remedy(sent: Any, reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        NUMBER.validate_python(sent)


@given(st.integers(-int(LARGEST) * 10**6, int(LARGEST) * 10**6))
def test_every_number_of_six_places_survives_the_way_out_and_in(millionths: int) -> None:
    number = Decimal(millionths).scaleb(-6)

    assert NUMBER.validate_python(plain(number)) == number


@pytest.mark.parametrize(
    ("amount", "shown"), [("1234.5", "1234.50"), ("310", "310.00"), ("0.125", "0.125"), ("-0.5", "-0.50"), (0, "0.00")]
)
def test_money_is_shown_with_two_places_at_the_least(amount: Any, shown: str) -> None:
    money = MONEY.validate_python({"amount": amount, "currency": "EUR"})

    assert MONEY.dump_json(money) == f'{{"amount":"{shown}","currency":"EUR"}}'.encode()


@pytest.mark.parametrize(
    "sent", [{"amount": "1"}, {"amount": "1", "currency": "eur"}, {"amount": "1", "currency": "EURO"}]
)
def test_money_has_a_currency_of_three_capital_letters(sent: Any) -> None:
    with pytest.raises(ValidationError):
        MONEY.validate_python(sent)


def test_a_zone_is_looked_up_without_walking_through_the_zones_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    ZONE.validate_python("Europe/Vienna")
    monkeypatch.setattr("app.models.values.available_timezones", lambda: pytest.fail("listed again"))

    assert ZONE.validate_python("Asia/Tokyo") == "Asia/Tokyo"
    with pytest.raises(ValidationError, match="IANA"):
        ZONE.validate_python("Europe/Vien")


def test_an_instant_of_any_offset_becomes_utc() -> None:
    assert INSTANT.validate_python("2026-01-01T01:30:00+02:00") == datetime(2025, 12, 31, 23, 30, tzinfo=UTC)
    assert INSTANT.validate_python("2026-01-01T00:00:00.000001Z").microsecond == 1


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        ("2026-01-01T00:00:00", "time zone"),
        ("2026-01-01", "not an instant"),
        ("0", "not an instant"),
        (0, "not an instant"),
        (1767225600.5, "not an instant"),
        ("99999-01-01T00:00:00Z", "not an instant"),
        ("0001-01-01T00:00:00+14:00", "years 1 to 9999"),
        ("9999-12-31T23:59:59-14:00", "years 1 to 9999"),
        ("2016-12-31T23:59:60Z", "valid datetime"),
        ("2026-01-01T24:00:00Z", "valid datetime"),
        ("2026-02-30T00:00:00Z", "valid datetime"),
    ],
)
def test_an_unclear_instant_is_refused(sent: Any, reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        INSTANT.validate_python(sent)


@pytest.mark.parametrize(
    "sent", [20260201, "20260201", "1769904000", "2026-02-01T00:00:00Z", "2026-2-1", "2026-02-30", 0]
)
def test_a_day_is_written_as_a_day(sent: Any) -> None:
    assert DAY.validate_python("2026-02-01") == date(2026, 2, 1)
    with pytest.raises(ValidationError):
        DAY.validate_python(sent)
