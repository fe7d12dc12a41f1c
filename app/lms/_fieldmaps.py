"""Field maps: the documents that tell where a payload keeps what an event needs, checked and compiled.

Every path is a JMESPath expression (https://jmespath.org/specification.html) on the item, an object that also has
`_item` (the item itself, for items that are no objects), `_parent` (the item of the level above), `_body` (the whole
payload), `_headers` (lower-case names), `_query` and `_path` (of the receiver's URL).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from app.domain.errors import Fault
from app.domain.learning import IdentityKind, Kind
from app.lms import Unreadable
from app.lms._expressions import Expression, Malformed, compiled
from app.lms._rules import (
    DURATION_UNITS,
    IGNORE,
    TIME_FORMATS,
    DurationRule,
    FieldMap,
    KindRule,
    NameRule,
    NumberRule,
    PassedRule,
    TimeRule,
)
from app.lms._times import UNITS, known_zone
from app.lms._values import number

_LEVELS_MAX = 4
_NAMES_MAX = 10
_EXTRAS_MAX = 20
_VALUES_MAX = 500
_TEXT_MAX = 200


def check(document: Mapping[str, Any]) -> list[Fault]:
    """Return what is wrong with a field map, pointers into it; empty when it can be used."""
    reading = _Reading()
    reading.field_map(document)
    return [replace(fault, pointer=_place(document, fault.pointer or "/")) for fault in reading.faults]


def _place(document: Any, pointer: str) -> str:
    """Return a pointer that stops where the document has a text or a number in place of an object."""
    reached, place = document, ""
    for name in pointer.split("/")[1:]:
        if reached is not document and not isinstance(reached, dict | list):
            return place
        inner = reached.get(name) if isinstance(reached, dict) else None
        if isinstance(reached, list) and name.isdigit() and int(name) < len(reached):
            inner = reached[int(name)]
        if inner is None:
            return pointer
        reached, place = inner, f"{place}/{name}"
    return pointer


def field_map(document: Mapping[str, Any]) -> FieldMap:
    """Return the compiled field map; `Unreadable` with the first fault when it cannot be used."""
    try:
        text = json.dumps(document, sort_keys=True)
    except (TypeError, ValueError):
        raise Unreadable("the source's mapping is not a JSON object") from None
    return _compiled(text)


@lru_cache(maxsize=512)
def _compiled(text: str) -> FieldMap:
    reading = _Reading()
    found = reading.field_map(json.loads(text))
    if found is None or reading.faults:
        fault = reading.faults[0]
        raise Unreadable(f"the source's mapping cannot be used: {fault.pointer}: {fault.detail}")
    return found


class _Reading:
    """One pass over a document that collects every fault."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []

    def field_map(self, document: Any) -> FieldMap | None:
        known = (*FieldMap.__dataclass_fields__, "activity")
        parts = self.members(document, "", [name for name in known if name not in {"title", "version"}])
        for name in ("kind", "learner", "activity"):
            if name not in parts:
                self.fault(f"/{name}", "missing", f"a mapping needs {name!r}")
        kind = self.kind(parts["kind"]) if "kind" in parts else None
        learner = self.names(parts["learner"]) if "learner" in parts else ()
        place = self.rule(parts.get("activity"), "/activity", ["path", "title", "version"])
        activity = self.path(place, "path", "/activity", required="activity" in parts)
        found: dict[str, Any] = {
            "items": self.levels(parts.get("items")),
            "title": self.path(place, "title", "/activity"),
            "version": self.path(place, "version", "/activity"),
            "score": self.number(parts.get("score"), "/score"),
            "progress": self.number(parts.get("progress"), "/progress"),
            "passed": self.passed(parts.get("passed")),
            "duration": self.duration(parts.get("duration")),
            "extras": self.extras(parts.get("extras")),
            "json_fields": self.json_fields(parts.get("json_fields")),
        }
        for name in ("person_name", "event_id", "attempt", "voids", "affirmed"):
            found[name] = self.path(self.rule(parts.get(name), f"/{name}", ["path"]), "path", f"/{name}", bare=True)
        for name in ("time", "due", "expires"):
            found[name] = self.time(parts.get(name), f"/{name}")
        return FieldMap(kind, learner, activity, **found) if kind and activity else None

    def fault(self, pointer: str, code: str, detail: str) -> None:
        self.faults.append(Fault(code, detail, pointer=pointer or "/"))

    def members(self, value: Any, pointer: str, known: list[str]) -> Mapping[str, Any]:
        if not isinstance(value, Mapping):
            self.fault(pointer, "invalid_value", "must be an object")
            return {}
        for name in value:
            if name not in known:
                self.fault(f"{pointer}/{name}", "unknown_field", f"must be one of {', '.join(sorted(set(known)))}")
        return {name: value[name] for name in known if value.get(name) is not None}

    def rule(self, value: Any, pointer: str, known: list[str]) -> Mapping[str, Any]:
        """Return the members of a rule; a text alone is its path."""
        if value is None:
            return {}
        return {"path": value} if isinstance(value, str) else self.members(value, pointer, known)

    def path(
        self, rule: Mapping[str, Any], name: str, pointer: str, *, required: bool = False, bare: bool = False
    ) -> Expression | None:
        if name not in rule:
            if required or (rule and bare):
                self.fault(f"{pointer}/{name}", "missing", f"{name!r} is needed: a JMESPath expression")
            return None
        text = rule[name]
        try:
            return compiled(text if isinstance(text, str) else "")
        except Malformed as error:
            self.fault(f"{pointer}/{name}", "invalid_expression", str(error))
            return None

    def word(
        self, rule: Mapping[str, Any], name: str, pointer: str, allowed: Callable[[str], bool], what: str
    ) -> str | None:
        value = rule.get(name)
        if value is None:
            return None
        if not isinstance(value, str) or len(value) > _TEXT_MAX or not allowed(value):
            self.fault(f"{pointer}/{name}", "invalid_value", f"must be {what}")
            return None
        return value

    def words(self, rule: Mapping[str, Any], name: str, pointer: str) -> frozenset[str] | None:
        value = rule.get(name)
        if value is None:
            return None
        if not isinstance(value, list) or not value or len(value) > _VALUES_MAX:
            self.fault(f"{pointer}/{name}", "invalid_value", "must be a list of the values that mean it")
            return None
        return frozenset(map(spelled, value))

    def kind(self, value: Any) -> KindRule | None:
        if isinstance(value, str):
            value = {"value": value}
        rule = self.members(value, "/kind", ["value", "path", "values", "default"])
        fixed = self.word(rule, "value", "/kind", _is_kind, f"one of {', '.join(Kind)}")
        default = self.word(rule, "default", "/kind", _is_kind_or_ignore, f"a kind or {IGNORE}")
        path = self.path(rule, "path", "/kind")
        if ("value" in rule) == ("path" in rule):
            self.fault("/kind", "invalid_value", "needs either 'value', a kind, or 'path', where the kind is told")
            return None
        values = rule.get("values")
        if values is not None and (not isinstance(values, Mapping) or len(values) > _VALUES_MAX):
            self.fault("/kind/values", "invalid_value", f"must be an object of at most {_VALUES_MAX} values and kinds")
            return None
        for told, meant in (values or {}).items():
            if not isinstance(meant, str) or not _is_kind_or_ignore(meant):
                self.fault(f"/kind/values/{told}", "invalid_value", f"must be {IGNORE} or one of {', '.join(Kind)}")
        return KindRule(Kind(fixed) if fixed else None, path, values, default)

    def names(self, value: Any) -> tuple[NameRule, ...]:
        listed = value if isinstance(value, list) else [value]
        if not 1 <= len(listed) <= _NAMES_MAX:
            self.fault(
                "/learner", "invalid_value", f"must list 1 to {_NAMES_MAX} names of the learner, strongest first"
            )
        found = []
        for index, entry in enumerate(listed[:_NAMES_MAX]):
            pointer = f"/learner/{index}" if isinstance(value, list) else "/learner"
            rule = self.rule(entry, pointer, ["kind", "path", "issuer", "issuer_path"])
            kind = self.word(rule, "kind", pointer, _is_identity_kind, f"one of {', '.join(IdentityKind)}")
            path = self.path(rule, "path", pointer, required=True)
            issuer = self.word(rule, "issuer", pointer, bool, "text")
            issuer_path = self.path(rule, "issuer_path", pointer)
            if path:
                found.append(NameRule(IdentityKind(kind or "account"), path, issuer, issuer_path))
        return tuple(found)

    def levels(self, value: Any) -> tuple[Expression, ...]:
        if value is None:
            return ()
        listed = value if isinstance(value, list) else [value]
        if len(listed) > _LEVELS_MAX:
            self.fault("/items", "invalid_value", f"can go at most {_LEVELS_MAX} levels deep")
        found = [self.path({str(index): text}, str(index), "/items") for index, text in enumerate(listed[:_LEVELS_MAX])]
        return tuple(path for path in found if path)

    def time(self, value: Any, pointer: str) -> TimeRule | None:
        rule = self.rule(value, pointer, ["path", "format", "unit", "zone"])
        path = self.path(rule, "path", pointer, bare=True)
        style = self.word(
            rule, "format", pointer, _is_time_format, f"one of {', '.join(TIME_FORMATS)} or a pattern with %"
        )
        unit = self.word(rule, "unit", pointer, UNITS.__contains__, f"one of {', '.join(UNITS)}")
        zone = self.word(rule, "zone", pointer, _is_zone, "an IANA zone such as Europe/Berlin")
        return TimeRule(path, style or "auto", unit, zone) if path else None

    def number(self, value: Any, pointer: str) -> NumberRule | None:
        rule = self.rule(value, pointer, ["path", "scale", "min", "max"])
        path = self.path(rule, "path", pointer, bare=True)
        auto = rule.get("scale") == "auto"
        scale = number(rule.get("scale"))
        if "scale" in rule and not auto and (scale is None or scale <= 0):
            self.fault(f"{pointer}/scale", "invalid_value", "must be auto or the number that means all of it")
            scale = None
        low, high = self.path(rule, "min", pointer), self.path(rule, "max", pointer)
        return NumberRule(path, scale, auto, low, high) if path else None

    def passed(self, value: Any) -> PassedRule | None:
        rule = self.rule(value, "/passed", ["path", "true", "false"])
        path = self.path(rule, "path", "/passed", bare=True)
        true, false = self.words(rule, "true", "/passed"), self.words(rule, "false", "/passed")
        return PassedRule(path, true, false) if path else None

    def duration(self, value: Any) -> DurationRule | None:
        rule = self.rule(value, "/duration", ["path", "unit"])
        path = self.path(rule, "path", "/duration", bare=True)
        unit = self.word(rule, "unit", "/duration", DURATION_UNITS.__contains__, f"one of {', '.join(DURATION_UNITS)}")
        return DurationRule(path, unit or "s") if path else None

    def extras(self, value: Any) -> dict[str, Expression]:
        if value is None:
            return {}
        if not isinstance(value, Mapping) or len(value) > _EXTRAS_MAX:
            self.fault("/extras", "invalid_value", f"must be an object of at most {_EXTRAS_MAX} names and expressions")
            return {}
        found = {name: self.path(value, name, "/extras") for name in value}
        return {name: path for name, path in found.items() if path}

    def json_fields(self, value: Any) -> tuple[str, ...]:
        if value is None:
            return ()
        if not isinstance(value, list) or len(value) > _NAMES_MAX or not all(isinstance(name, str) for name in value):
            self.fault("/json_fields", "invalid_value", f"must list at most {_NAMES_MAX} names of fields")
            return ()
        return tuple(value)


def spelled(value: Any) -> str:
    """Return how a value map spells a JSON value: text as it is, the rest as JSON."""
    return value if isinstance(value, str) else json.dumps(value)


def _is_kind(word: str) -> bool:
    return word in Kind.__members__.values()


def _is_kind_or_ignore(word: str) -> bool:
    return word == IGNORE or _is_kind(word)


def _is_identity_kind(word: str) -> bool:
    return word in IdentityKind.__members__.values()


def _is_time_format(word: str) -> bool:
    return word in TIME_FORMATS or "%" in word


def _is_zone(word: str) -> bool:
    try:
        known_zone(word)
    except Unreadable:
        return False
    return True
