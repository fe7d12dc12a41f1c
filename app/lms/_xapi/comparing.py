"""Whether two statements say the same, and ids for statements that come without one.

https://github.com/adlnet/xAPI-Spec/blob/master/xAPI-Data.md#statement-comparision-requirements
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid5

from app.lms._xapi import grammar
from app.lms._xapi.grammar import Object

_NAMESPACE = UUID("8a3c9f5e-6d2b-5c41-9e07-3f1d2b7a4c60")
_ASSIGNED = frozenset({"id", "authority", "stored", "timestamp", "version", "attachments"})
_FINER_SECONDS = re.compile(r"([.,]\d{2})\d+S$", re.ASCII)


def digest(statement: Mapping[str, Any]) -> bytes:
    """Return 32 bytes that are equal for statements that match; their times are compared apart.

    Left out is what a store assigns or what is no part of a statement: id, authority, stored, timestamp, version,
    attachments, displays of verbs, definitions of activities, the order of a group's members
    (https://github.com/adlnet/xAPI-Spec/blob/master/xAPI-Data.md#231-statement-immutability), and what a duration has
    beyond hundredths of a second (#46-iso-8601-durations there).
    """
    return sha256(
        _text({name: _core(name, part) for name, part in statement.items() if name not in _ASSIGNED})
    ).digest()


def with_ids(statements: Sequence[Object], received_at: datetime, only_id: str | None = None) -> list[Object]:
    """Return the statements of one request, each with an id; `only_id` is the `statementId` of a PUT.

    What comes without an id gets one that follows from what it says and when: the same statement in a batch that is
    sent again after a broken answer is the same one. Without a timestamp it is the time of receipt that tells.
    """
    seen: Counter[str] = Counter()
    complete = []
    for statement in statements:
        known = statement.get("id") or only_id
        if known is None:
            told = statement.get("timestamp")
            at = received_at if told is None else grammar.timestamp(told, "/timestamp")
            name = f"{digest(statement).hex()} {at.isoformat()}"
            known = str(uuid5(_NAMESPACE, f"{name} {seen[name]}"))
            seen[name] += 1
        complete.append({"id": known, **statement})
    return complete


def _core(name: str, part: Any) -> Any:
    """Return what counts of a property of a statement or of a substatement."""
    if name == "verb":
        return part.get("id")
    if name == "context":
        return {inner: _of_context(inner, value) for inner, value in part.items()}
    if name == "result" and "duration" in part:
        return {**part, "duration": _FINER_SECONDS.sub(r"\1S", part["duration"])}
    if name == "object" and part.get("objectType") == "SubStatement":
        moment = {"timestamp": grammar.timestamp(part["timestamp"], "").isoformat()} if "timestamp" in part else {}
        kept = {inner: _core(inner, value) for inner, value in part.items() if inner not in _ASSIGNED}
        return {**kept, **moment}
    return _thing(part) if name in {"actor", "object"} else part


def _of_context(name: str, value: Any) -> Any:
    if name == "contextActivities":
        return {kind: [_thing(one) for one in _listed(told)] for kind, told in value.items()}
    if name == "registration":
        return value.lower()
    if name in {"instructor", "team"}:
        return _thing(value)
    return value


def _thing(value: Object) -> Object:
    """Return an actor with its members in one order, or an activity without its definition."""
    kept = {name: part for name, part in value.items() if name != "definition"}
    if "member" in kept:
        kept["member"] = sorted(kept["member"], key=_text)
    return kept


def _listed(told: Any) -> list[Any]:
    return told if isinstance(told, list) else [told]


def _text(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode("ascii")
