"""Statements, checked against every rule of form (https://github.com/adlnet/xAPI-Spec/blob/master/xAPI-Data.md#24-statement-properties)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from app.lms._xapi import Edition, Unacceptable, activities, actors, grammar
from app.lms._xapi.grammar import Object

VOIDED = "http://adlnet.gov/expapi/verbs/voided"

_OF_BOTH = {"actor", "verb", "object", "result", "context", "timestamp", "attachments"}
_STATEMENT = frozenset(_OF_BOTH | {"id", "stored", "authority", "version"})
_SUBSTATEMENT = frozenset(_OF_BOTH | {"objectType"})
_NEEDED = ("actor", "verb", "object")
_VERB = frozenset({"id", "display"})
_REFERENCE = ("objectType", "id")
_SCORE = ("scaled", "raw", "min", "max")
_ATTACHMENT = frozenset({"usageType", "display", "description", "contentType", "length", "sha2", "fileUrl"})
_ATTACHMENT_NEEDED = ("usageType", "display", "contentType", "length", "sha2")
GROUPINGS = ("parent", "grouping", "category", "other")
_OBJECTS = ("Activity", "Agent", "Group", "StatementRef", "SubStatement")
_SHA2 = re.compile(r"[0-9a-fA-F]{56}|[0-9a-fA-F]{64}|[0-9a-fA-F]{96}|[0-9a-fA-F]{128}")
_VERSION = {
    Edition.ONE: re.compile(r"1\.0(?:\.\d+)?", re.ASCII),
    Edition.TWO: re.compile(r"(?:1|2)\.0(?:\.\d+)?", re.ASCII),
}


def statement(value: Any, edition: Edition, at: str = "") -> Object:
    """Check one statement of a request in `edition`; raise `Unacceptable` with the place of the first fault."""
    found = grammar.members(value, _STATEMENT, _NEEDED, at)
    if "id" in found:
        grammar.uuid(found["id"], f"{at}/id")
    if "stored" in found:
        grammar.timestamp(found["stored"], f"{at}/stored")
    if "authority" in found:
        actors.authority(found["authority"], f"{at}/authority")
    if "version" in found and not _VERSION[edition].fullmatch(grammar.text(found["version"], f"{at}/version")):
        raise Unacceptable("must be a version that this request may use, such as 1.0.0", f"{at}/version")
    _check(found, edition, at, inner=False)
    return found


def _check(found: Object, edition: Edition, at: str, *, inner: bool) -> None:
    actors.actor(found["actor"], f"{at}/actor")
    verb = grammar.members(found["verb"], _VERB, ("id",), f"{at}/verb")
    grammar.iri(verb["id"], f"{at}/verb/id")
    if "display" in verb:
        grammar.language_map(verb["display"], f"{at}/verb/display")
    kind = _object(found["object"], edition, f"{at}/object", inner=inner)
    if verb["id"] == VOIDED and kind != "StatementRef":
        # https://github.com/adlnet/xAPI-Spec/blob/master/xAPI-Data.md#232-voiding
        raise Unacceptable("must be a StatementRef, because the verb is voided", f"{at}/object")
    if "result" in found:
        _result(found["result"], f"{at}/result")
    if "context" in found:
        _context(found["context"], edition, kind, f"{at}/context")
    if "timestamp" in found:
        grammar.timestamp(found["timestamp"], f"{at}/timestamp")
    if "attachments" in found:
        for place, attachment in enumerate(grammar.array(found["attachments"], f"{at}/attachments")):
            _attachment(attachment, f"{at}/attachments/{place}")


def _object(value: Any, edition: Edition, at: str, *, inner: bool) -> str:
    """Check a statement's object and return its type."""
    found = grammar.mapping(value, at)
    kind = grammar.one_of(found.get("objectType", "Activity"), _OBJECTS, f"{at}/objectType")
    if kind == "Activity":
        activities.activity(found, at)
    elif kind == "StatementRef":
        reference(found, at)
    elif kind == "SubStatement":
        # https://github.com/adlnet/xAPI-Spec/blob/master/xAPI-Data.md#substatements
        if inner:
            raise Unacceptable("must not be a SubStatement inside another", at)
        grammar.members(found, _SUBSTATEMENT, _NEEDED, at)
        _check(found, edition, at, inner=True)
    else:
        actors.actor(found, at)
    return kind


def reference(value: Any, at: str) -> Object:
    """Check a StatementRef (https://github.com/adlnet/xAPI-Spec/blob/master/xAPI-Data.md#statement-references)."""
    found = grammar.members(value, _REFERENCE, _REFERENCE, at)
    grammar.one_of(found["objectType"], ("StatementRef",), f"{at}/objectType")
    grammar.uuid(found["id"], f"{at}/id")
    return found


def _result(value: Any, at: str) -> None:
    # https://github.com/adlnet/xAPI-Spec/blob/master/xAPI-Data.md#245-result
    _each(grammar.members(value, _OF_RESULT, (), at), _OF_RESULT, at)


def _score(value: Any, at: str) -> None:
    # https://github.com/adlnet/xAPI-Spec/blob/master/xAPI-Data.md#2451-score
    found = grammar.members(value, _SCORE, (), at)
    told = {name: grammar.number(found[name], f"{at}/{name}") for name in _SCORE if name in found}
    if "scaled" in told and not -1 <= told["scaled"] <= 1:
        raise Unacceptable("must lie between -1 and 1", f"{at}/scaled")
    if "min" in told and "max" in told and told["min"] >= told["max"]:
        raise Unacceptable("must be less than max", f"{at}/min")
    if "raw" in told and not told.get("min", told["raw"]) <= told["raw"] <= told.get("max", told["raw"]):
        raise Unacceptable("must lie between min and max", f"{at}/raw")


def _context(value: Any, edition: Edition, kind: str, at: str) -> None:
    # https://github.com/adlnet/xAPI-Spec/blob/master/xAPI-Data.md#246-context
    found = grammar.members(value, _CONTEXT[edition], (), at)
    _each(found, _OF_CONTEXT, at)
    for name in ("revision", "platform"):
        if name in found and kind != "Activity":
            raise Unacceptable("may only stand where the object is an activity", f"{at}/{name}")
    _related(found, "contextAgents", "contextAgent", "agent", at)
    _related(found, "contextGroups", "contextGroup", "group", at)


def _context_activities(value: Any, at: str) -> None:
    # https://github.com/adlnet/xAPI-Spec/blob/master/xAPI-Data.md#2462-contextactivities-property
    for name, told in grammar.members(value, GROUPINGS, (), at).items():
        if isinstance(told, list):
            for place, one in enumerate(told):
                activities.activity(one, f"{at}/{name}/{place}")
        else:
            activities.activity(told, f"{at}/{name}")


def _related(context: Object, name: str, kind: str, who: str, at: str) -> None:
    """Check the contextAgents or contextGroups of IEEE 9274.1.1, 4.2.2.5."""
    if name not in context:
        return
    check = actors.agent if who == "agent" else actors.group
    for place, one in enumerate(grammar.array(context[name], f"{at}/{name}")):
        here = f"{at}/{name}/{place}"
        found = grammar.members(one, ("objectType", who, "relevantTypes"), ("objectType", who), here)
        grammar.one_of(found["objectType"], (kind,), f"{here}/objectType")
        check(found[who], f"{here}/{who}")
        if "relevantTypes" in found:
            types = grammar.array(found["relevantTypes"], f"{here}/relevantTypes")
            if not types:
                raise Unacceptable("must not be empty", f"{here}/relevantTypes")
            for index, each in enumerate(types):
                grammar.iri(each, f"{here}/relevantTypes/{index}")


def _attachment(value: Any, at: str) -> None:
    # https://github.com/adlnet/xAPI-Spec/blob/master/xAPI-Data.md#2411-attachments
    found = grammar.members(value, _ATTACHMENT, _ATTACHMENT_NEEDED, at)
    grammar.iri(found["usageType"], f"{at}/usageType")
    grammar.language_map(found["display"], f"{at}/display")
    if "description" in found:
        grammar.language_map(found["description"], f"{at}/description")
    grammar.media_type(found["contentType"], f"{at}/contentType")
    grammar.count(found["length"], f"{at}/length")
    if not _SHA2.fullmatch(grammar.text(found["sha2"], f"{at}/sha2")):
        raise Unacceptable("must be a SHA-2 in hexadecimal digits", f"{at}/sha2")
    if "fileUrl" in found:
        grammar.iri(found["fileUrl"], f"{at}/fileUrl")


def _each(found: Object, checks: Mapping[str, Callable[[Any, str], Any]], at: str) -> None:
    """Check each property that is there with its own function."""
    for name, check in checks.items():
        if name in found:
            check(found[name], f"{at}/{name}")


_OF_RESULT: Mapping[str, Callable[[Any, str], Any]] = {
    "score": _score,
    "success": grammar.boolean,
    "completion": grammar.boolean,
    "response": grammar.text,
    "duration": grammar.duration,
    "extensions": grammar.extensions,
}
_OF_CONTEXT: Mapping[str, Callable[[Any, str], Any]] = {
    "registration": grammar.uuid,
    "instructor": actors.actor,
    "team": actors.group,
    "contextActivities": _context_activities,
    "revision": grammar.text,
    "platform": grammar.text,
    "language": grammar.language,
    "statement": reference,
    "extensions": grammar.extensions,
}
_CONTEXT: Mapping[Edition, frozenset[str]] = {
    Edition.ONE: frozenset(_OF_CONTEXT),
    Edition.TWO: frozenset(_OF_CONTEXT) | {"contextAgents", "contextGroups"},
}
