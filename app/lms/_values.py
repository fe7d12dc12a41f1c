"""Values that lie about their type: ids as numbers, numbers as text, booleans as words, scores on three scales.

Numbers are exact Decimals with six places (decisions.md, "Exact numbers"), halves to even.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from app.domain.learning import ActivityName
from app.lms import Unreadable

ID_BYTES_MAX = 2_000
_ID_CHARACTERS_SURE = ID_BYTES_MAX // 4  # so many characters cannot have more bytes
_TITLE_CHARACTERS_MAX = 500
_SIX_PLACES = Decimal("0.000001")
_LARGEST = Decimal("9.2e12")
_YES = frozenset({"true", "yes", "y", "1", "passed", "pass", "success", "successful"})
_NO = frozenset({"false", "no", "n", "0", "failed", "fail", "failure", "unsuccessful"})
_DURATION = re.compile(
    r"P(?=.)(?:(?P<years>\d+(?:\.\d+)?)Y)?(?:(?P<months>\d+(?:\.\d+)?)M)?(?:(?P<weeks>\d+(?:\.\d+)?)W)?"
    r"(?:(?P<days>\d+(?:\.\d+)?)D)?"
    r"(?:T(?=.)(?:(?P<hours>\d+(?:\.\d+)?)H)?(?:(?P<minutes>\d+(?:\.\d+)?)M)?(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?",
    re.ASCII,
)
_SECONDS = {
    "years": 31_536_000,
    "months": 2_592_000,
    "weeks": 604_800,
    "days": 86_400,
    "hours": 3_600,
    "minutes": 60,
    "seconds": 1,
}
_CLOCK = re.compile(r"(\d{1,5}):([0-5]?\d):([0-5]?\d(?:\.\d+)?)", re.ASCII)
_DURATION_TEXT_MAX = 60
_LONGEST = 2**31 - 1


def mapping(value: Any) -> Mapping[str, Any]:
    """Return `value` when it is a JSON object, else an empty one: for optional nested objects."""
    return value if isinstance(value, dict) else {}


def items(value: Any) -> list[Any]:
    """Return `value` when it is a JSON array, else an empty one: for optional arrays."""
    return value if isinstance(value, list) else []


def text(value: Any) -> str | None:
    """Return text exactly as sent, an integer or whole float as its digits; None for null, blank text and the rest."""
    if isinstance(value, str):
        return value if value and not value.isspace() else None
    if isinstance(value, float) and math.isfinite(value):
        return str(int(value)) if value.is_integer() else repr(value)
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None


def identifier(value: Any, what: str) -> str | None:
    """Return the text of an id, or None when there is none; `Unreadable` when it is too long to be a key."""
    found = text(value)
    if found is None:
        if isinstance(value, dict | list):
            raise Unreadable(f"the id of the {what} is neither text nor a number")
        return None
    if len(found) > _ID_CHARACTERS_SURE and len(found.encode("utf-8", "replace")) > ID_BYTES_MAX:
        raise Unreadable(f"the id of the {what} is longer than {ID_BYTES_MAX} bytes")
    return found


def required(value: Any, what: str) -> str:
    """Return the text of an id that must be there; `Unreadable` naming `what` is missing otherwise."""
    found = identifier(value, what)
    if found is None:
        raise Unreadable(f"the payload does not name the {what}")
    return found


def activity(value: Any, *, title: Any = None, version: Any = None, aliases: tuple[Any, ...] = ()) -> ActivityName:
    """Return the activity whose id is `value`; `Unreadable` when there is no id."""
    external_id = required(value, "activity")
    named = [identifier(alias, "activity") for alias in aliases]
    others = tuple(dict.fromkeys([alias for alias in named if alias and alias != external_id]))
    label = text(title)
    return ActivityName(
        external_id, label and label[:_TITLE_CHARACTERS_MAX], identifier(version, "activity's version"), others
    )


def number(value: Any) -> Decimal | None:
    """Return a number, also from text such as `92.0` or `92 %`; None when there is none or it is out of range."""
    if value is None or isinstance(value, bool | dict | list):
        return None
    if isinstance(value, int):
        return Decimal(value) if abs(value) <= _LARGEST else None
    try:
        found = Decimal(str(value).strip().removesuffix("%").rstrip())
    except InvalidOperation:
        return None
    if not found.is_finite() or abs(found) > _LARGEST:
        return None
    return plain(found.quantize(_SIX_PLACES))


def plain(value: Decimal) -> Decimal:
    """Return the same number without trailing zeros and without an exponent."""
    whole = int(value)
    return Decimal(whole) if whole == value else value.normalize()  # only whole numbers get an exponent by that


def share(value: Any, scale: Decimal = Decimal(1)) -> Decimal | None:
    """Return `value / scale` as a share 0..1, or None when it is none or lies outside; a Decimal is of `number`."""
    found = value if isinstance(value, Decimal) else number(value)
    if found is None:
        return None
    part = found / scale
    return plain(part.quantize(_SIX_PLACES)) if 0 <= part <= 1 else None


def percentage(value: Any) -> Decimal | None:
    """Return a percentage 0..100 as a share 0..1, or None."""
    return share(value, Decimal(100))


def scaled(raw: Decimal | None, low: Decimal | None, high: Decimal | None) -> Decimal | None:
    """Return where `raw` lies between `low` (0 if not told) and `high`, 0..1; None if undefined.

    A raw score beyond the maximum (extra credit) is 1; the raw one beside it tells the difference.
    """
    if raw is None or high is None:
        return None
    low = low or Decimal(0)
    if high <= low or raw < low:
        return None
    return plain(min((raw - low) / (high - low), Decimal(1)).quantize(_SIX_PLACES))


def truth(value: Any) -> bool | None:
    """Return true or false, also from 1, 0 and the words that senders use; None for anything else."""
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower() if isinstance(value, str | int | float) else ""
    return True if word in _YES or word == "1.0" else False if word in _NO or word == "0.0" else None


def duration_seconds(value: Any, *, seconds_per_unit: int = 1) -> int | None:
    """Return whole seconds (halves to even) of a number of units, an ISO 8601 duration or `HH:MM:SS`; None if untold.

    A nominal month counts 30 days and a nominal year 365, as xAPI leaves them open.
    """
    if isinstance(value, str) and len(value) <= _DURATION_TEXT_MAX:
        iso = _DURATION.fullmatch(value.strip())
        if iso:
            parts = [Decimal(part) * _SECONDS[name] for name, part in iso.groupdict().items() if part]
            return _whole(sum(parts, Decimal(0))) if parts else None
        clock = _CLOCK.fullmatch(value.strip())
        if clock:
            return _whole(Decimal(clock[1]) * 3600 + Decimal(clock[2]) * 60 + Decimal(clock[3]))
    found = number(value)
    return None if found is None else _whole(found * seconds_per_unit)


def _whole(seconds: Decimal) -> int | None:
    return int(seconds.quantize(Decimal(1))) if 0 <= seconds <= _LONGEST else None
