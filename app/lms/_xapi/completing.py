"""What a learning record store adds to a statement that it accepts, and by what the statement is found again.

https://github.com/adlnet/xAPI-Spec/blob/master/xAPI-Data.md#231-statement-immutability
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from app.domain.learning import Identity
from app.domain.mentions import agent_name, key_of
from app.lms._xapi import Edition, actors, comparing, grammar
from app.lms._xapi.grammar import Object
from app.lms._xapi.statements import VOIDED

# What a statement says that names no version (https://github.com/adlnet/xAPI-Spec/blob/master/xAPI-Data.md#2410-version).
_VERSIONS = {Edition.ONE: "1.0.0", Edition.TWO: "2.0.0"}


@dataclass(slots=True)
class Found:
    """By what a statement is found: keys of 16 bytes, True where the plain filter finds it and False for `related_`."""

    keys: dict[bytes, bool] = field(default_factory=dict)
    definitions: list[tuple[bytes, Object]] = field(default_factory=list)
    """Definitions of activities that it tells, by activity key."""

    people: list[Identity] = field(default_factory=list)
    """Everybody it names, groups included."""

    def note(self, key: bytes, *, direct: bool) -> None:
        """Add an agent or activity."""
        self.keys[key] = self.keys.get(key, False) or direct


def agent_key(value: Mapping[str, Any]) -> bytes | None:
    """Return the key of an agent or identified group; None for an anonymous group."""
    known = actors.identity(value)
    return None if known is None else key_of("agent", agent_name(known))


def accepted(statement: Object, edition: Edition) -> Object:
    """Return a checked statement, which has its id by now, as it is kept: without what `shown` adds."""
    kept = {name: part for name, part in statement.items() if name not in {"stored", "authority"}}
    kept.setdefault("version", _VERSIONS[edition])
    if edition is Edition.TWO and "timestamp" in kept:
        kept["timestamp"] = spelled(grammar.timestamp(kept["timestamp"], "/timestamp"))  # IEEE 9274.1.1, 4.2.7: UTC
    if "contextActivities" in kept.get("context", ()):
        kept["context"] = _with_arrays(kept["context"])
    if "contextActivities" in kept["object"].get("context", ()):
        kept["object"] = {**kept["object"], "context": _with_arrays(kept["object"]["context"])}
    return kept


def shown(kept: Object, stored_at: datetime, authority: Object) -> Object:
    """Return a kept statement as its readers get it.

    Who sent it vouches for it, whatever it says itself; without a timestamp of its own it has that of its storing.
    https://github.com/adlnet/xAPI-Spec/blob/master/xAPI-Data.md#249-authority, #248-stored, #247-timestamp there.
    """
    stored = spelled(stored_at)
    return {"timestamp": stored, **kept, "stored": stored, "authority": authority}


def spelled(at: datetime) -> str:
    """Return an instant in RFC 3339, UTC, with six digits of a second."""
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond:06d}Z"


def told_at(statement: Mapping[str, Any]) -> datetime | None:
    """Return the instant of a checked statement's own timestamp, if it has one."""
    told = statement.get("timestamp")
    return None if told is None else grammar.timestamp(told, "/timestamp")


def refers_to(statement: Mapping[str, Any]) -> UUID | None:
    """Return the id of the statement that a checked statement has as its object, if it has one."""
    target = statement["object"]
    return UUID(target["id"]) if target.get("objectType") == "StatementRef" else None


def voids(statement: Mapping[str, Any]) -> bool:
    """Return whether a checked statement voids another."""
    return bool(statement["verb"]["id"] == VOIDED)


def registration(statement: Mapping[str, Any]) -> UUID | None:
    """Return the registration of a checked statement, if it has one."""
    told = statement.get("context", {}).get("registration")
    return None if told is None else UUID(told)


def digest(statement: Mapping[str, Any]) -> bytes:
    """Return what makes two statements of one id the same."""
    return comparing.digest(statement)


def found_by(statement: Mapping[str, Any]) -> Found:
    """Return by what a checked statement is found, its authority apart.

    https://github.com/adlnet/xAPI-Spec/blob/master/xAPI-Communication.md#213-get-statements
    """
    found = Found()
    _note_all(found, statement, direct=True)
    return found


def _note_all(found: Found, statement: Mapping[str, Any], *, direct: bool) -> None:
    _note_actor(found, statement["actor"], direct=direct)
    target = statement["object"]
    kind = target.get("objectType", "Activity")
    if kind == "Activity":
        _note_activity(found, target, direct=direct)
    elif kind in {"Agent", "Group"}:
        _note_actor(found, target, direct=direct)
    elif kind == "SubStatement":
        _note_all(found, target, direct=False)
    context = statement.get("context", {})
    for who in _people(context):
        _note_actor(found, who, direct=False)
    for told in context.get("contextActivities", {}).values():
        for one in told if isinstance(told, list) else [told]:
            _note_activity(found, one, direct=False)


def _people(context: Mapping[str, Any]) -> Iterator[Object]:
    for name in ("instructor", "team"):
        if name in context:
            yield context[name]
    for one in context.get("contextAgents", ()):
        yield one["agent"]
    for one in context.get("contextGroups", ()):
        yield one["group"]


def _note_actor(found: Found, value: Mapping[str, Any], *, direct: bool) -> None:
    """Note an agent, or a group and each of its members."""
    known = actors.identity(value)
    if known is not None:
        found.note(key_of("agent", agent_name(known)), direct=direct)
        found.people.append(known)
    for member in value.get("member", ()):
        _note_actor(found, member, direct=direct)


def _note_activity(found: Found, value: Mapping[str, Any], *, direct: bool) -> None:
    key = key_of("activity", value["id"])
    found.note(key, direct=direct)
    if value.get("definition"):
        found.definitions.append((key, value["definition"]))


def _with_arrays(context: Object) -> Object:
    # https://github.com/adlnet/xAPI-Spec/blob/master/xAPI-Data.md#2462-contextactivities-property: returned as arrays
    told = context["contextActivities"]
    return {**context, "contextActivities": {n: v if isinstance(v, list) else [v] for n, v in told.items()}}
