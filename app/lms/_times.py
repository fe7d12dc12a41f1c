"""Times: every spelling that senders use, to an aware UTC instant.

Understood: ISO 8601 with `Z`, an offset or no zone, with `T` or a space, basic or extended, with any number of
fraction digits; `str(datetime)`; `2026-05-06 12:22:08 UTC`; RFC 822/1123 dates; a date alone (midnight); epoch
seconds, milliseconds, microseconds or nanoseconds, as integer, float or digits. What is defined rather than refused:
24:00 is the next midnight, the leap second :60 the next second, fractions beyond microseconds are cut, a local time
that a clock change repeats is its first occurrence. Absent are None, empty text, `None`, `null`, epoch 0, and the
"unset" dates of MySQL (`0000-00-00`) and .NET (`0001-01-01`). Instants outside the years 1900 to 9998 are unreadable:
databases and drivers disagree about them.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from decimal import Decimal, InvalidOperation
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from app.lms import Unreadable

UNITS = {"s": Decimal(10**6), "ms": Decimal(10**3), "us": Decimal(1), "ns": Decimal("0.001")}
_YEARS = range(1900, 9999)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ABSENT = frozenset({"", "none", "null", "0", "0000-00-00", "0000-00-00 00:00:00", "0000-00-00T00:00:00"})
_ABSENT_BEGINS = frozenset({"", "n", "N", "0"})
_UNSET_YEAR = re.compile(r"0001-01-01(?:$|[T ]00:00)", re.ASCII)
_NUMBER = re.compile(r"[+-]?\d{1,20}(?:\.\d{1,20})?(?:[eE]\+?\d{1,2})?", re.ASCII)
_CALENDAR = re.compile(r"(?:19|20)\d{6}", re.ASCII)
_ZONE_NAME = re.compile(r"\s*(?:UTC|GMT|Z|z)$", re.ASCII)
_OFFSET = re.compile(r"\s*([+-])(\d{2}):?(\d{2})?$", re.ASCII)
_CLOCK = re.compile(r"[T ](\d{2}):?(\d{2})(?::?(\d{2})(?:[.,](\d+))?)?", re.ASCII)
_LAST_MINUTE = 59
_LEAP_SECOND = 60
_MIDNIGHT = 24
_DAY = timedelta(days=1)
_TEXT_MAX = 100


def instant(value: Any, *, zone: str = "UTC", unit: str | None = None) -> datetime | None:
    """Return the instant that `value` spells, or None when it spells none; `Unreadable` when it cannot be told.

    `zone` is the IANA zone of times without one. `unit` (s, ms, us, ns) is the unit of numbers; None tells it from the
    magnitude, which is right for every instant from 1973 to 5138.
    """
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return _from_epoch(value, unit)
    if not isinstance(value, str):
        raise Unreadable("a time is neither text nor a number")
    text = value.strip()
    if text[:1] in _ABSENT_BEGINS and (text.lower() in _ABSENT or _UNSET_YEAR.match(text)):
        return None
    if len(text) > _TEXT_MAX:
        raise _untold(text)
    if _NUMBER.fullmatch(text) and not _CALENDAR.fullmatch(text):
        return _from_epoch(text, unit)
    return _within_years(_from_text(text, zone), text)


def first_of(*values: Any, zone: str = "UTC") -> tuple[datetime | None, str | None]:
    """Return the instant of the first value that spells one, and that value's original text."""
    for value in values:
        found = instant(value, zone=zone)
        if found is not None:
            return found, spelling(value)
    return None, None


def end(value: Any, *, zone: str = "UTC") -> datetime | None:
    """Return the instant of a due date or an end of validity, or None when there is none or it cannot be told.

    A broken one does not make the fact beside it unreadable; years from 9000 mean "never ends".
    """
    try:
        found = instant(value, zone=zone)
    except Unreadable:
        return None
    return found if found is not None and found.year < 9000 else None  # noqa: PLR2004 - 9999-12-31 in any zone


def spelling(value: Any) -> str | None:
    """Return the original text of a time, for keeping beside the instant."""
    return None if value is None or isinstance(value, bool) else str(value)[:100]


@lru_cache(maxsize=256)
def known_zone(name: str) -> tzinfo:
    """Return the IANA zone `name`; `Unreadable` when there is none."""
    try:
        return UTC if name == "UTC" else ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Unreadable(f"the time zone {name[:60]!r} is not an IANA zone name; correct the source's setup") from None


def with_pattern(text: str, pattern: str, zone: str) -> datetime:
    """Return the instant of `text` under a `strptime` pattern; without `%z` the time is local in `zone`."""
    try:
        found = datetime.strptime(text, pattern)  # noqa: DTZ007 - the zone is set on the next line
    except (ValueError, OverflowError, re.error):
        raise Unreadable(f"the time {text[:60]!r} does not follow the format {pattern!r}") from None
    return _within_years(found if found.tzinfo else found.replace(tzinfo=known_zone(zone)), text)


def _from_epoch(value: float | str, unit: str | None) -> datetime | None:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite():
        raise Unreadable("a time is not a finite number")
    if number == 0:
        return None
    if unit is None:
        magnitude = number.copy_abs().adjusted()
        unit = "s" if magnitude < 11 else "ms" if magnitude < 14 else "us" if magnitude < 17 else "ns"  # noqa: PLR2004 - digits of an epoch time
    try:
        found = _EPOCH + timedelta(microseconds=int(number * UNITS[unit]))
    except OverflowError:
        raise Unreadable(f"the time {str(value)[:60]} lies outside the calendar") from None
    return _within_years(found, str(value))


def _from_text(text: str, zone: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = _from_other_text(text, zone)
    return found if found.tzinfo else found.replace(tzinfo=known_zone(zone))


def _from_other_text(text: str, zone: str) -> datetime:
    clock = _CLOCK.search(text)
    day = _calendar_day(text[: clock.start()]) if clock else None
    if clock is None or day is None:
        return _mail_date(text)
    hour, minute, second = int(clock[1]), int(clock[2]), int(clock[3] or 0)
    span = timedelta(hours=hour, minutes=minute, seconds=second, microseconds=int((clock[4] or "").ljust(6, "0")[:6]))
    if hour > _MIDNIGHT or (hour == _MIDNIGHT and span > _DAY) or minute > _LAST_MINUTE or second > _LEAP_SECOND:
        raise _untold(text)
    try:
        return (day + span).replace(tzinfo=_zone_of(text[clock.end() :], zone, text))
    except OverflowError:
        raise _untold(text) from None


def _calendar_day(head: str) -> datetime | None:
    try:
        day = datetime.fromisoformat(head)
    except ValueError:
        return None
    return None if day.tzinfo or day.time() != datetime.min.time() else day


def _zone_of(tail: str, zone: str, text: str) -> tzinfo:
    if not tail.strip():
        return known_zone(zone)
    if _ZONE_NAME.fullmatch(tail):
        return UTC
    offset = _OFFSET.fullmatch(tail)
    if offset is None:
        raise _untold(text)
    shift = timedelta(hours=int(offset[2]), minutes=int(offset[3] or 0))
    if shift >= timedelta(days=1):
        raise _untold(text)
    return timezone(shift if offset[1] == "+" else -shift)


def _mail_date(text: str) -> datetime:
    try:
        return parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        raise _untold(text) from None


def _within_years(found: datetime, text: str) -> datetime:
    try:
        moment = found.astimezone(UTC)
    except (OverflowError, ValueError):
        raise _untold(text) from None
    if moment.year not in _YEARS:
        raise Unreadable(f"the time {text[:60]!r} lies outside the years {_YEARS[0]} to {_YEARS[-1]}")
    return moment


def _untold(text: str) -> Unreadable:
    return Unreadable(f"the time {text[:60]!r} cannot be told; ISO 8601 or an epoch number would be")
