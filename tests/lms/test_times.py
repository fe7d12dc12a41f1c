"""Every spelling of time in lms/events.md, and what is defined where others are undefined."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.lms import Unreadable
from app.lms._times import end, first_of, instant, known_zone, with_pattern


def utc(*parts):
    return datetime(*parts, tzinfo=UTC)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("2026-11-05T03:49:40.000Z", utc(2026, 11, 5, 3, 49, 40)),
        ("2026-03-04T17:30:00.000+02:00", utc(2026, 3, 4, 15, 30)),
        ("2026-03-04T17:30:00+0200", utc(2026, 3, 4, 15, 30)),
        ("2026-03-04 17:30:00 +0200", utc(2026, 3, 4, 15, 30)),
        ("2026-03-04T17:30:00-00:00", utc(2026, 3, 4, 17, 30)),
        ("2026-03-04T17:30:00+14:00", utc(2026, 3, 4, 3, 30)),
        ("2026-06-03 10:11:12.345678+00:00", utc(2026, 6, 3, 10, 11, 12, 345678)),
        ("2026-05-06 12:22:08 UTC", utc(2026, 5, 6, 12, 22, 8)),
        ("Wed, 06 May 2026 12:22:08 GMT", utc(2026, 5, 6, 12, 22, 8)),
        ("Wed, 06 May 2026 12:22:08 +0200", utc(2026, 5, 6, 10, 22, 8)),
        ("2026-01-01T00:00:00.1234567Z", utc(2026, 1, 1, 0, 0, 0, 123456)),
        ("20260506T101112Z", utc(2026, 5, 6, 10, 11, 12)),
        (1778070128, utc(2026, 5, 6, 12, 22, 8)),
        ("1778070128", utc(2026, 5, 6, 12, 22, 8)),
        (1785412345.736462, utc(2026, 7, 30, 11, 52, 25, 736462)),
        (1773821106412, utc(2026, 3, 18, 8, 5, 6, 412000)),
        (1773821106412123, utc(2026, 3, 18, 8, 5, 6, 412123)),
        (1788436800000000000, utc(2026, 9, 3, 12)),
        ("2026-12-31T24:00:00Z", utc(2027, 1, 1)),
        ("2026-12-31T23:59:60Z", utc(2027, 1, 1)),
        ("2026-12-31T23:59:60.5Z", utc(2027, 1, 1, 0, 0, 0, 500000)),
    ],
)
def test_a_time_with_a_zone_of_its_own_is_that_instant(told, expected):
    assert instant(told, zone="America/New_York") == expected


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("2023-09-21 13:35:33", utc(2023, 9, 21, 11, 35, 33)),
        ("2023-09-21T13:35:33.5", utc(2023, 9, 21, 11, 35, 33, 500000)),
        ("2023-09-21T13:35", utc(2023, 9, 21, 11, 35)),
        ("21 Sep 2023 13:35:33", utc(2023, 9, 21, 11, 35, 33)),
        ("2026-05-06", utc(2026, 5, 5, 22)),
        ("20260506", utc(2026, 5, 5, 22)),
        ("2026-10-25T02:30:00", utc(2026, 10, 25, 0, 30)),
        ("2026-03-29T02:30:00", utc(2026, 3, 29, 1, 30)),
    ],
)
def test_a_time_without_a_zone_is_local_and_a_repeated_hour_is_its_first(told, expected):
    assert instant(told, zone="Europe/Berlin") == expected


@pytest.mark.parametrize(
    "told", [None, "", "  ", "None", "null", 0, "0", 0.0, True, "0000-00-00 00:00:00", "0001-01-01T00:00:00"]
)
def test_what_senders_write_for_no_time_is_no_time(told):
    assert instant(told) is None


@pytest.mark.parametrize(
    "told",
    [
        "yesterday",
        "12:22:08",
        "2026-13-01T00:00:00Z",
        "2026-02-30",
        "2026-12-31T24:00:01Z",
        "2026-12-31T25:00:00Z",
        "2026-12-31T23:59:61Z",
        "2026-12-31T23:60:00Z",
        "2026-05-06T12:22:08+24:00",
        "3/18/2026 1:35:33 PM",
        "99999-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
        "1753-01-01T00:00:00Z",
        1e300,
        float("inf"),
        float("nan"),
        10**40,
        "2" * 500,
        "２０２６-05-06",
        [],
        {},
    ],
    ids=str,
)
def test_a_time_that_cannot_be_told_is_unreadable(told):
    with pytest.raises(Unreadable):
        instant(told)


def test_a_unit_overrules_the_magnitude():
    assert instant(60, unit="s") == utc(1970, 1, 1, 0, 1)
    assert instant(60_000, unit="ms") == utc(1970, 1, 1, 0, 1)
    assert instant("1788436800000000001", unit="ns") == utc(2026, 9, 3, 12)


def test_a_pattern_reads_local_times():
    assert with_pattern("21.09.2026 13:35", "%d.%m.%Y %H:%M", "Europe/Berlin") == utc(2026, 9, 21, 11, 35)
    assert with_pattern("21.09.2026 13:35 +0000", "%d.%m.%Y %H:%M %z", "Europe/Berlin") == utc(2026, 9, 21, 13, 35)
    with pytest.raises(Unreadable):
        with_pattern("2026-09-21", "%d.%m.%Y", "UTC")


@pytest.mark.parametrize("name", ["Mars/Olympus", "", "../etc/passwd", "/etc/localtime", "x" * 300, "Europe"])
def test_a_zone_that_is_none_is_unreadable(name):
    with pytest.raises(Unreadable):
        known_zone(name)


@pytest.mark.parametrize("told", ["9999-12-31", "9999-12-31T23:59:59Z", "never", None, "9500-01-01"])
def test_a_validity_that_never_ends_has_no_end(told):
    assert end(told) is None


def test_the_first_time_that_is_told_counts_with_its_own_spelling():
    assert first_of(None, "0", 1778070128, "2026-01-01") == (utc(2026, 5, 6, 12, 22, 8), "1778070128")
    assert first_of(None, "") == (None, None)


@given(st.datetimes(datetime(1900, 1, 2), datetime(9998, 12, 30), timezones=st.timezones()))  # noqa: DTZ001  the zone is drawn
def test_iso_texts_of_any_zone_round_trip(moment):
    assert instant(moment.isoformat()) == moment.astimezone(UTC)


@given(st.one_of(st.text(max_size=60), st.floats(), st.integers(), st.none()))
def test_anything_is_an_instant_in_utc_or_none_or_unreadable(told):
    try:
        found = instant(told, zone="Asia/Kathmandu")
    except Unreadable:
        return

    assert found is None or (found.tzinfo is UTC and 1900 <= found.year <= 9998)
