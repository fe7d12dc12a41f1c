"""Payloads read through a field map."""

from __future__ import annotations

import contextlib
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any

from app.domain.learning import Identity, IdentityKind, Kind, LearningEvent
from app.lms import Delivery, Parsed, SourceSetup, Unreadable
from app.lms._body import json_in_form, json_or_form
from app.lms._expressions import Budget, Expression
from app.lms._fieldmaps import spelled
from app.lms._people import account, email, email_sha1, full_name, learner, openid, username
from app.lms._rules import DURATION_UNITS, IGNORE, DurationRule, FieldMap, NameRule, NumberRule, PassedRule, TimeRule
from app.lms._times import end, instant, spelling, with_pattern
from app.lms._values import activity, duration_seconds, identifier, number, scaled, share, text, truth

ITEMS_MAX = 10_000
_EXTRA_CHARACTERS_MAX = 1_000
_NOTHING = frozenset({"", "None", "null", "undefined"})
"""How a template or a form spells that there is no value."""

_ONE, _HUNDRED = Decimal(1), Decimal(100)


def payload(delivery: Delivery, field_map: FieldMap) -> Any:
    """Return the body to be mapped: JSON, a form, or the payload of a JWS, with its `json_fields` read as JSON."""
    body = json_or_form(delivery)
    if not isinstance(body, dict):
        return body
    inner = {name: json_in_form(body, name) for name in field_map.json_fields if isinstance(body.get(name), str)}
    return {**body, **inner}


def parsed(delivery: Delivery, body: Any, field_map: FieldMap, setup: SourceSetup) -> Parsed:
    """Return the events of a payload, in the order of its items; it is read whole or not at all.

    Items that share one event id are told apart by their place among those with that id, whether they hold an event or
    are ignored: another mapping may recognise more of them, and those of before must stay the same.
    """
    reader = _Reader(field_map, setup)
    surroundings = {
        "_body": body,
        "_headers": dict(delivery.headers),
        "_query": dict(delivery.query),
        "_path": delivery.path,
    }
    events: list[LearningEvent] = []
    reasons: dict[str, None] = {}
    seen: Counter[str] = Counter()
    for index, item in enumerate(reader.items(body, surroundings)):
        if index >= ITEMS_MAX:
            raise Unreadable(f"the payload has more than {ITEMS_MAX} items")
        try:
            found = reader.event(item, seen)
        except Unreadable as error:
            raise Unreadable(f"item {index + 1}: {error}") from None
        if isinstance(found, str):
            reasons.setdefault(found)
        else:
            events.append(found)
    if events:
        return Parsed(tuple(events))
    return Parsed(ignored="; ".join(list(reasons)[:5]) or "the payload holds no items")


class _Reader:
    def __init__(self, field_map: FieldMap, setup: SourceSetup) -> None:
        self._map = field_map
        self._zone = setup.zone
        self._budget = Budget()

    def items(self, body: Any, surroundings: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """Yield each innermost item with its surroundings, as its expressions see it."""
        if isinstance(body, list) and not self._map.items:
            yield from (_seen_from(item, body, surroundings) for item in body)
        else:
            yield from self._nested(_seen_from(body, None, surroundings), surroundings, self._map.items)

    def _nested(
        self, outer: dict[str, Any], surroundings: Mapping[str, Any], levels: tuple[Expression, ...]
    ) -> Iterator[dict[str, Any]]:
        if not levels:
            yield outer
            return
        found = levels[0].of(outer, self._budget)
        for item in found if isinstance(found, list) else [] if found is None else [found]:
            yield from self._nested(_seen_from(item, outer["_item"], surroundings), surroundings, levels[1:])

    def event(self, item: dict[str, Any], seen: Counter[str]) -> LearningEvent | str:
        """Return the event of one item, or why it holds none; `seen` counts the event ids before it."""
        rule = self._map
        kind = self._kind(item)
        if not isinstance(kind, Kind):
            self._pass_over(item, seen)
            return kind
        names = [self._name(name, item) for name in rule.learner]
        title, version = self._text(rule.title, item), self._value(rule.version, item)
        voids = identifier(self._id(rule.voids, item), "voided event")
        at, at_text = self._time(rule.time, item)
        key = identifier(self._id(rule.event_id, item), "event")
        raw, low, high, score = self._score(rule.score, item)
        place = self._id(rule.activity, item)
        voiding = kind is Kind.VOIDED
        if voiding and not voids:
            raise Unreadable("the payload does not tell which event it takes back")
        return LearningEvent(
            kind=kind,
            identities=tuple(filter(None, names)) if voiding else learner(*names),
            activity=None if voiding and text(place) is None else activity(place, title=title, version=version),
            occurred_at=at,
            occurred_at_text=at_text,
            event_key=key,
            item=_next_index(key, seen),
            attempt=identifier(self._id(rule.attempt, item), "enrolment"),
            passed=self._passed(rule.passed, item, kind),
            score_scaled=score,
            score_raw=raw,
            score_min=low,
            score_max=high,
            progress=self._progress(rule.progress, item),
            duration_seconds=self._duration(rule.duration, item),
            due_at=self._end(rule.due, item),
            expires_at=self._end(rule.expires, item),
            person_name=full_name(self._id(rule.person_name, item)),
            voids=voids,
            affirmed=kind is Kind.ENROLLED
            and rule.affirmed is not None
            and truth(self._value(rule.affirmed, item)) is True,
            extras=self._extras(item),
        )

    def _pass_over(self, item: Mapping[str, Any], seen: Counter[str]) -> None:
        """Count an item without an event; what is wrong with the id of one that is not wanted harms nobody."""
        with contextlib.suppress(Unreadable):
            _next_index(identifier(self._id(self._map.event_id, item), "event"), seen)

    def _value(self, path: Expression | None, item: Mapping[str, Any]) -> Any:
        return None if path is None else path.of(item, self._budget)

    def _id(self, path: Expression | None, item: Mapping[str, Any]) -> Any:
        """Return the value, or None for what senders write in place of one: it would make all of them the same."""
        value = self._value(path, item)
        return None if isinstance(value, str) and value.strip() in _NOTHING else value

    def _text(self, path: Expression | None, item: Mapping[str, Any]) -> str | None:
        return text(self._value(path, item))

    def _kind(self, item: Mapping[str, Any]) -> Kind | str:
        rule = self._map.kind
        if rule.path is None:
            return rule.value or "the mapping tells no kind"
        told = self._value(rule.path, item)
        word = spelled(told)
        meant = (rule.values or {}).get(word, rule.default if rule.values else word)
        if meant is not None and meant in Kind.__members__.values():
            return Kind(meant)
        known = "is mapped to ignore" if meant == IGNORE else "is not in the mapping"
        return f"the kind of event {word[:100]!r} {known}"

    def _name(self, rule: NameRule, item: Mapping[str, Any]) -> Identity | None:
        value = self._id(rule.path, item)
        issuer = rule.issuer or identifier(self._value(rule.issuer_path, item), "issuer")
        match rule.kind:
            case IdentityKind.ACCOUNT:
                return account(value, issuer)
            case IdentityKind.USERNAME:
                return username(value, issuer)
            case IdentityKind.EMAIL:
                return email(value)
            case IdentityKind.EMAIL_SHA1:
                return email_sha1(value)
            case IdentityKind.OPENID:
                return openid(value)

    def _time(self, rule: TimeRule | None, item: Mapping[str, Any]) -> tuple[datetime | None, str | None]:
        if rule is None:
            return None, None
        value = self._value(rule.path, item)
        zone = rule.zone or self._zone
        told = spelling(value)
        if "%" in rule.format:
            return (with_pattern(str(value), rule.format, zone), told) if text(value) else (None, None)
        if rule.format == "rfc2822" and text(value):
            return _mail_date(str(value), zone), told
        if rule.format == "iso8601" and not isinstance(value, str | None):
            raise Unreadable("a time is a number where ISO 8601 text was expected")
        return instant(value, zone=zone, unit=rule.unit), told

    def _end(self, rule: TimeRule | None, item: Mapping[str, Any]) -> datetime | None:
        if rule is None:
            return None
        try:
            found = self._time(rule, item)[0]
        except Unreadable:
            return None
        return end(found.isoformat()) if found else None

    def _score(
        self, rule: NumberRule | None, item: Mapping[str, Any]
    ) -> tuple[Decimal | None, Decimal | None, Decimal | None, Decimal | None]:
        if rule is None:
            return None, None, None, None
        raw = number(self._value(rule.path, item))
        if raw is None:
            return None, None, None, None
        low, high = number(self._value(rule.min, item)), number(self._value(rule.max, item))
        if high is None:
            high = _scale(rule, raw)
        if high is None and rule.max is None:
            return raw, low, high, share(raw)
        return raw, low, high, scaled(raw, low, high)

    def _progress(self, rule: NumberRule | None, item: Mapping[str, Any]) -> Decimal | None:
        if rule is None:
            return None
        low, high = number(self._value(rule.min, item)), number(self._value(rule.max, item))
        if high is not None:
            return scaled(number(self._value(rule.path, item)), low, high)
        told = number(self._value(rule.path, item))
        return share(told, _scale(rule, told) or _ONE)

    def _passed(self, rule: PassedRule | None, item: Mapping[str, Any], kind: Kind) -> bool | None:
        if kind in {Kind.PASSED, Kind.FAILED}:
            return kind is Kind.PASSED
        if rule is None:
            return None
        value = self._value(rule.path, item)
        if rule.true is None and rule.false is None:
            return truth(value)
        word = spelled(value)
        if rule.true is not None and word in rule.true:
            return True
        if rule.false is not None:
            return False if word in rule.false else None
        return None if value is None else False

    def _duration(self, rule: DurationRule | None, item: Mapping[str, Any]) -> int | None:
        if rule is None:
            return None
        value = self._value(rule.path, item)
        amount = number(value)
        return duration_seconds(value) if amount is None else duration_seconds(amount * DURATION_UNITS[rule.unit])

    def _extras(self, item: Mapping[str, Any]) -> dict[str, Any]:
        found = {name: self._value(path, item) for name, path in self._map.extras.items()}
        return {name: _scalar(value) for name, value in found.items() if _is_scalar(value)}


def _seen_from(item: Any, parent: Any, surroundings: Mapping[str, Any]) -> dict[str, Any]:
    own = item if isinstance(item, dict) else {}
    return {**own, **surroundings, "_item": item, "_parent": parent}


def _scale(rule: NumberRule, told: Decimal | None) -> Decimal | None:
    return (_ONE if told is None or told <= 1 else _HUNDRED) if rule.auto else rule.scale


def _next_index(key: str | None, seen: Counter[str]) -> int:
    if key is None:
        return 0
    seen[key] += 1
    return seen[key] - 1


def _mail_date(value: str, zone: str) -> datetime | None:
    try:
        return instant(parsedate_to_datetime(value[:100]).isoformat(), zone=zone)
    except (ValueError, TypeError, IndexError, OverflowError):
        raise Unreadable(f"the time {value[:60]!r} is not an RFC 2822 date") from None


def _is_scalar(value: Any) -> bool:
    return isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value))


def _scalar(value: str | float) -> str | float:
    return value[:_EXTRA_CHARACTERS_MAX] if isinstance(value, str) else value
