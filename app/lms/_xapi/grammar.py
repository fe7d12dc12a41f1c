"""The data types of xAPI: each function returns its value when it is well formed and raises `Unacceptable` otherwise.

`at` is the JSON Pointer of the value. Nulls are of no type, so every check refuses them.
https://github.com/adlnet/xAPI-Spec/blob/master/xAPI-Data.md#22-formatting-requirements
"""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

from app.lms._xapi import Unacceptable

Object = dict[str, Any]

# RFC 3987 by best effort: a scheme, then no space, control character or delimiter that no IRI may hold.
_IRI = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:[^\s\x00-\x20\x7f<>\"{}|\\^`]+")
_MAILBOX = re.compile(r"mailto:[^\s@<>]+@[^\s@<>]+")
_SHA1 = re.compile(r"[0-9a-fA-F]{40}")
_UUID = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}")
_TIMESTAMP = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})[T ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,12}))?)?(Z|z|[+-]\d{2}(?::?\d{2})?)?", re.ASCII
)
_NO_OFFSETS = frozenset({"-00", "-0000", "-00:00"})
# ISO 8601, 4.4.3.2: weeks alone, or years to seconds of which the last may have a fraction.
_DURATION = re.compile(
    r"P(?:\d+(?:[.,]\d+)?W"
    r"|(?=\d|T\d)(?:\d+(?:[.,]\d+)?Y)?(?:\d+(?:[.,]\d+)?M)?(?:\d+(?:[.,]\d+)?D)?"
    r"(?:T(?=\d)(?:\d+(?:[.,]\d+)?H)?(?:\d+(?:[.,]\d+)?M)?(?:\d+(?:[.,]\d+)?S)?)?)",
    re.ASCII,
)
# RFC 5646, 2.1: language, extended language, script, region, variants, extensions, private use; or grandfathered.
_LANGUAGE = re.compile(
    r"(?:[a-z]{2,3}(?:-[a-z]{3}){0,3}|[a-z]{4}|[a-z]{5,8})(?:-[a-z]{4})?(?:-(?:[a-z]{2}|\d{3}))?"
    r"(?:-(?:[a-z0-9]{5,8}|\d[a-z0-9]{3}))*(?:-[0-9a-wy-z](?:-[a-z0-9]{2,8})+)*(?:-x(?:-[a-z0-9]{1,8})+)?"
    r"|x(?:-[a-z0-9]{1,8})+|i-[a-z]{2,8}|art-lojban|cel-gaulish|no-bok|no-nyn|zh-(?:guoyu|hakka|min|min-nan|xiang)"
    r"|en-gb-oed|sgn-(?:be-fr|be-nl|ch-de)",
    re.IGNORECASE | re.ASCII,
)
_MEDIA_TYPE = re.compile(r"[\w!#$&\-^.+]+/[\w!#$&\-^.+]+(?:\s*;.*)?", re.ASCII)
_LEAP_SECOND = 60


def mapping(value: Any, at: str) -> Object:
    """Return a JSON object."""
    if not isinstance(value, dict):
        raise Unacceptable("must be a JSON object", at)
    return value


def members(value: Any, allowed: Collection[str], required: Collection[str], at: str) -> Object:
    """Return an object that has no other members than `allowed`, names spelled exactly, and all of `required`."""
    found = mapping(value, at)
    for name in found:
        if name not in allowed:
            raise Unacceptable(f"has no property {name[:60]!r}: properties are {', '.join(sorted(allowed))}", at)
    for name in required:
        if name not in found:
            raise Unacceptable(f"needs the property {name!r}", at)
    return found


def array(value: Any, at: str) -> list[Any]:
    """Return a JSON array."""
    if not isinstance(value, list):
        raise Unacceptable("must be an array", at)
    return value


def text(value: Any, at: str) -> str:
    """Return a string."""
    if not isinstance(value, str):
        raise Unacceptable("must be a string", at)
    return value


def boolean(value: Any, at: str) -> bool:
    """Return a boolean; the strings "true" and "false" are none."""
    if not isinstance(value, bool):
        raise Unacceptable("must be true or false", at)
    return value


def number(value: Any, at: str) -> float:
    """Return a JSON number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Unacceptable("must be a number", at)
    return value


def count(value: Any, at: str) -> int:
    """Return a whole number of at least 0."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise Unacceptable("must be a whole number, 0 or more", at)
    return value


def iri(value: Any, at: str) -> str:
    """Return an IRI with its scheme."""
    if not isinstance(value, str) or not _IRI.fullmatch(value):
        raise Unacceptable("must be an IRI with a scheme, such as http://example.org/x", at)
    return value


def mailbox(value: Any, at: str) -> str:
    """Return a `mailto:` IRI of one address."""
    if not isinstance(value, str) or not _MAILBOX.fullmatch(value):
        raise Unacceptable("must be mailto: and an e-mail address", at)
    return value


def sha1(value: Any, at: str) -> str:
    """Return a SHA-1 in hexadecimal."""
    if not isinstance(value, str) or not _SHA1.fullmatch(value):
        raise Unacceptable("must be a SHA-1 in 40 hexadecimal digits", at)
    return value


def uuid(value: Any, at: str) -> UUID:
    """Return a UUID from its standard string form."""
    if not isinstance(value, str) or not _UUID.fullmatch(value):
        raise Unacceptable("must be a UUID in its standard form", at)
    return UUID(value)


def timestamp(value: Any, at: str) -> datetime:
    """Return an ISO 8601 date and time as aware UTC, to the microsecond; without a zone it counts as UTC.

    The offsets -00, -0000 and -00:00 are refused (RFC 3339, 4.3, gives them another meaning than ISO 8601). 24:00 is
    the next midnight (ISO 8601 knows the end of a day) and the second 60 the next second, as everywhere here. Every
    year from 1 to 9999 will do, as a store gives back what it was sent; its event follows the rule of all others
    (docs/platform-gotchas.md, "Times").
    https://github.com/adlnet/xAPI-Spec/blob/master/xAPI-Data.md#45-iso-8601-timestamps
    """
    found = _TIMESTAMP.fullmatch(value) if isinstance(value, str) else None
    if found is None or found[8] in _NO_OFFSETS:
        raise Unacceptable("must be an ISO 8601 date and time such as 2026-03-04T15:30:00.000Z", at)
    year, month, day, hour, minute = (int(found[n]) for n in range(1, 6))
    second, fraction = int(found[6] or 0), int((found[7] or "").ljust(6, "0")[:6])
    leap, ends = second == _LEAP_SECOND, (hour, minute, second, fraction) == (24, 0, 0, 0)
    hour, second = 0 if ends else hour, 59 if leap else second
    try:
        local = datetime(year, month, day, hour, minute, second, fraction, _zone(found[8]))
        return (local + timedelta(days=ends, seconds=leap)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Unacceptable("is no date and time of the calendar", at) from None


def duration(value: Any, at: str) -> str:
    """Return an ISO 8601 duration (https://github.com/adlnet/xAPI-Spec/blob/master/xAPI-Data.md#46-iso-8601-durations)."""
    if not isinstance(value, str) or not _DURATION.fullmatch(value):
        raise Unacceptable("must be an ISO 8601 duration such as PT4H35M59.14S", at)
    return value


def language(value: Any, at: str) -> str:
    """Return an RFC 5646 language tag."""
    if not isinstance(value, str) or not _LANGUAGE.fullmatch(value):
        raise Unacceptable("must be an RFC 5646 language tag such as en-US", at)
    return value


def language_map(value: Any, at: str) -> Object:
    """Return an object of texts by language tag (https://github.com/adlnet/xAPI-Spec/blob/master/xAPI-Data.md#42-language-maps)."""
    found = mapping(value, at)
    for tag, said in found.items():
        if not _LANGUAGE.fullmatch(tag):
            raise Unacceptable(f"has the key {tag[:60]!r}, which is no RFC 5646 language tag", at)
        if not isinstance(said, str):
            raise Unacceptable("must be a string", f"{at}/{tag}")
    return found


def extensions(value: Any, at: str) -> Object:
    """Return an object whose keys are IRIs and whose values are whatever they are, null included.

    https://github.com/adlnet/xAPI-Spec/blob/master/xAPI-Data.md#41-extensions
    """
    found = mapping(value, at)
    for key in found:
        if not _IRI.fullmatch(key):
            raise Unacceptable(f"has the key {key[:60]!r}, which is no IRI", at)
    return found


def media_type(value: Any, at: str) -> str:
    """Return an Internet media type."""
    if not isinstance(value, str) or not _MEDIA_TYPE.fullmatch(value):
        raise Unacceptable("must be a media type such as text/plain", at)
    return value


def one_of(value: Any, choices: Collection[str], at: str) -> str:
    """Return one of the enumerated values, spelled exactly."""
    if not isinstance(value, str) or value not in choices:
        raise Unacceptable(f"must be one of {', '.join(sorted(choices))}", at)
    return value


def _zone(told: str | None) -> timezone:
    if told in {None, "Z", "z"}:
        return UTC
    assert told is not None  # noqa: S101  the set above holds None
    digits = told[1:].replace(":", "").ljust(4, "0")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-offset if told[0] == "-" else offset)
