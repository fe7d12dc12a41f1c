"""Learning events from the rows of a table in our own columns: how a source is reconciled, or its past brought in.

A row tells what the same source's deliveries tell. With the sender's id in `event_id` (and `item`, where one id covers
several facts), or with the same learner, activity, kind and time where deliveries carry no id, it is the same event.
`attempt` is the number of the enrolment, where the source's adapter reads one, as it reads it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar

from app.domain.learning import ActivityName, Identity, Kind, LearningEvent
from app.lms import Unreadable
from app.lms._people import account, email, email_sha1, full_name, learner, openid, username
from app.lms._times import instant, spelling
from app.lms._values import activity, duration_seconds, identifier, number, scaled, truth

REQUIRED = ("kind",)
OPTIONAL = (
    "account",
    "issuer",
    "username",
    "email",
    "email_sha1",
    "openid",
    "person_name",
    "activity",
    "activity_title",
    "content_version",
    "occurred_at",
    "event_id",
    "item",
    "passed",
    "score_scaled",
    "score_raw",
    "score_min",
    "score_max",
    "progress",
    "duration",
    "due_at",
    "expires_at",
    "voids",
    "attempt",
)
NAMES = ("account", "username", "email", "email_sha1", "openid")
"""The columns that name the learner, the strongest first."""

_ITEMS_MOST = 10_000

Read = TypeVar("Read")


def event_of(cells: Mapping[str, str], zone: str) -> LearningEvent:
    """Return the event of one row; `zone` is that of times without one.

    Raises Unreadable, `<column>: <what is wrong>`.
    """
    told = {name: text for name, text in cells.items() if text}
    kind = _kind(told["kind"])
    voiding = kind is Kind.VOIDED
    voids = _in("voids", identifier, told.get("voids"), "voided event")
    if voiding and not voids:
        raise Unreadable("voids: names no event to take back")
    raw, low, high = (_number(told, name) for name in ("score_raw", "score_min", "score_max"))
    return LearningEvent(
        kind=kind,
        identities=() if voiding and not _names_somebody(told) else _learner(told, cells),
        activity=None if "activity" not in told and voiding else _activity(told),
        occurred_at=_instant(told, "occurred_at", zone),
        occurred_at_text=spelling(told.get("occurred_at")),
        event_key=_in("event_id", identifier, told.get("event_id"), "event"),
        item=_item(told.get("item", "0")),
        passed=kind is Kind.PASSED if kind in {Kind.PASSED, Kind.FAILED} else _truth(told),
        score_scaled=_within(told, "score_scaled", -1) if "score_scaled" in told else scaled(raw, low, high),
        score_raw=raw,
        score_min=low,
        score_max=high,
        progress=_within(told, "progress", 0),
        duration_seconds=_duration(told),
        due_at=_instant(told, "due_at", zone),
        expires_at=_instant(told, "expires_at", zone),
        person_name=full_name(told.get("person_name")),
        voids=voids,
        attempt=identifier(told.get("attempt"), "enrolment"),
    )


def _kind(text: str) -> Kind:
    try:
        return Kind(text.lower())
    except ValueError:
        raise Unreadable(f"kind: takes {', '.join(Kind)}") from None


def _in(column: str, read: Callable[..., Read], *values: Any, **named: Any) -> Read:
    """Return what `read` makes of a column. Raises Unreadable that names it."""
    try:
        return read(*values, **named)
    except Unreadable as error:
        raise Unreadable(f"{column}: {error}") from None


def _instant(told: Mapping[str, str], column: str, zone: str) -> datetime | None:
    return _in(column, instant, told[column], zone=zone) if column in told else None


def _activity(told: Mapping[str, str]) -> ActivityName:
    if "activity" not in told:
        raise Unreadable("activity: is empty")
    version = _in("content_version", identifier, told.get("content_version"), "activity's version")
    return _in("activity", activity, told["activity"], title=told.get("activity_title"), version=version)


def _names_somebody(told: Mapping[str, str]) -> bool:
    return any(name in told for name in NAMES)


def _learner(told: Mapping[str, str], cells: Mapping[str, str]) -> tuple[Identity, ...]:
    issuer = told.get("issuer")
    names = (
        _in("account", account, told.get("account"), issuer),
        _in("username", username, told.get("username"), issuer),
        _in("email", email, told.get("email")),
        _in("email_sha1", email_sha1, told.get("email_sha1")),
        _in("openid", openid, told.get("openid")),
    )
    if not any(names):
        column = next((name for name in NAMES if name in told), None) or next(
            (n for n in NAMES if n in cells), NAMES[0]
        )
        raise Unreadable(f"{column}: names no learner")
    return learner(*names)


def _number(told: Mapping[str, str], name: str) -> Decimal | None:
    if name not in told:
        return None
    found = number(told[name])
    if found is None:
        raise Unreadable(f"{name}: is no number within 9.2e12")
    return found


def _within(told: Mapping[str, str], name: str, low: int) -> Decimal | None:
    found = _number(told, name)
    if found is not None and not low <= found <= 1:
        raise Unreadable(f"{name}: takes {low} to 1")
    return found


def _truth(told: Mapping[str, str]) -> bool | None:
    found = truth(told.get("passed"))
    if found is None and "passed" in told:
        raise Unreadable("passed: takes true or false")
    return found


def _duration(told: Mapping[str, str]) -> int | None:
    found = duration_seconds(told.get("duration"))
    if found is None and "duration" in told:
        raise Unreadable("duration: takes seconds, an ISO 8601 duration or HH:MM:SS")
    return found


def _item(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and int(text[:9]) < _ITEMS_MOST):
        raise Unreadable(f"item: takes a whole number below {_ITEMS_MOST}")
    return int(text)
