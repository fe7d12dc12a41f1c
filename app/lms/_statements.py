"""xAPI statements (1.0.3 and 2.0, cmi5 included) to learning events.

https://github.com/adlnet/xAPI-Spec/blob/master/xAPI-Data.md. Lenient where a missing or odd part takes nothing from the
fact; whether a statement is valid xAPI is a question for the statement resource, not for this module.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid5

from app.domain.learning import ActivityName, Identity, Kind, LearningEvent
from app.lms import Delivery, Parsed, Unreadable
from app.lms._body import json_or_form
from app.lms._people import account, email, email_sha1, full_name, learner, openid
from app.lms._times import instant, spelling
from app.lms._values import (
    activity,
    duration_seconds,
    identifier,
    items,
    mapping,
    number,
    percentage,
    scaled,
    share,
    text,
)
from app.lms._verbs import COURSE_TYPES, KINDS, LEFT, VOIDED, WAIVED

_CMI5_CATEGORY = "https://w3id.org/xapi/cmi5/context/categories/cmi5"
_CMI5_SESSION = "https://w3id.org/xapi/cmi5/context/extensions/sessionid"
_PROGRESS = "https://w3id.org/xapi/cmi5/result/extensions/progress"
_WAIVED_REASON = "https://w3id.org/xapi/cmi5/result/extensions/reason"
_OPENEDX_TRANSFORMER = "https://w3id.org/xapi/openedx/extension/transformer-version"
# The ids that Open edX and 360Learning use for the same activity outside xAPI.
_BARE_IDS = (re.compile(r"/course/(course-v1:[^/?#]+)$"), re.compile(r"^urn:360learning:\w+:([0-9a-f]{24})$", re.ASCII))
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_RESPONSE_MAX = 1_000
_NAMESPACE = UUID("3f0d1f0a-1c5e-5b0e-8d6f-6b7b0a2e9c41")


def is_statement(found: Any) -> bool:
    """Return whether a JSON object has the parts that make an xAPI statement."""
    return isinstance(found, dict) and isinstance(found.get("actor"), dict) and isinstance(found.get("verb"), dict)


def posted(delivery: Delivery) -> dict[str, Any] | list[Any]:
    """Return the statement or statements of a request; the one of a PUT has the id that its address names.

    Raises Unreadable and TransportFault. Lenient, unlike the statement resource
    (https://github.com/adlnet/xAPI-Spec/blob/master/xAPI-Communication.md#211-put-statements): an id inside prevails.
    """
    body = json_or_form(delivery)
    named = delivery.query.get("statementId")
    return {"id": named, **body} if named and isinstance(body, dict) else body


def statement_ids(delivery: Delivery) -> list[str]:
    """Return an id for every statement of a request, in order: its own, or one that follows from what it says.

    For the answer alone (https://github.com/adlnet/xAPI-Spec/blob/master/xAPI-Communication.md#212-post-statements): a
    batch that is sent again is answered alike. What cannot be read has none.
    """
    try:
        body = posted(delivery)
    except Unreadable:
        return []
    seen: Counter[str] = Counter()
    answered = []
    for statement in body if isinstance(body, list) else [body]:
        told = statement.get("id") if isinstance(statement, dict) else None
        if not (isinstance(told, str) and _UUID.fullmatch(told)):
            content = json.dumps(statement, sort_keys=True)
            told = str(uuid5(_NAMESPACE, f"{content} {seen[content]}"))
            seen[content] += 1
        answered.append(told)
    return answered


def parsed(body: Any, *, zone: str = "UTC", verbs: Mapping[str, str] | None = None) -> Parsed:
    """Return the events of one statement or an array of them, in order; a batch is read whole or not at all.

    `verbs` maps further verb ids to kinds, or to `ignore`.
    """
    statements = body if isinstance(body, list) else [body]
    events: list[LearningEvent] = []
    reasons: dict[str, None] = {}
    for index, statement in enumerate(statements):
        try:
            reading = events_of(statement, zone=zone, verbs=verbs)
        except Unreadable as error:
            raise Unreadable(f"statement {index + 1} of {len(statements)}: {error}") from None
        if isinstance(reading, str):
            reasons.setdefault(reading)
        else:
            events.extend(reading)
    if events:
        return Parsed(tuple(events))
    return Parsed(ignored="; ".join(reasons) or "there is no statement in the batch")


def events_of(
    statement: Any, *, zone: str = "UTC", verbs: Mapping[str, str] | None = None
) -> tuple[LearningEvent, ...] | str:
    """Return the events of one statement, one for each learner that its actor names, or why it holds none."""
    if not isinstance(statement, dict):
        raise Unreadable("a statement must be a JSON object")
    verb = mapping(statement.get("verb")).get("id")
    target, actor = statement.get("object"), statement.get("actor")
    if not isinstance(verb, str) or not isinstance(target, dict) or not isinstance(actor, dict):
        raise Unreadable("a statement must have an actor, a verb with an id, and an object")
    key = statement.get("id")
    if key is not None and not (isinstance(key, str) and _UUID.fullmatch(key)):
        raise Unreadable("the id of a statement must be a UUID")
    if verb == VOIDED:
        return (_voiding(statement, target, zone),)
    told = (verbs or {}).get(verb)
    object_type = target.get("objectType", "Activity")
    if told == "ignore" or object_type != "Activity":
        return (
            f"the verb {verb} is mapped to ignore" if told == "ignore" else f"the object is no activity ({object_type})"
        )
    result = mapping(statement.get("result"))
    kind = Kind(told) if told else _kind(verb, target, result)
    # event-routing-backends says "registered" of a changed mode as well, and "earned" of grades, never of badges
    # (its event_transformers/enrollment_events.py and grading_events.py)
    openedx = not told and _is_of_openedx(statement)
    if openedx and kind is Kind.EARNED:
        kind = Kind.EXPERIENCED
    people = _people(actor)
    if not people:
        return "the actor is a group without members"
    at, at_text = _occurred(statement, zone)
    facts = _facts(statement, kind, verb, result)
    named = _activity(target, mapping(statement.get("context")))
    lower_key = key.lower() if key else None
    attempt = _attempt(mapping(statement.get("context")))
    return tuple(
        LearningEvent(
            kind=kind,
            identities=names,
            activity=named,
            occurred_at=at,
            occurred_at_text=at_text,
            event_key=lower_key,
            attempt=attempt,
            item=index,
            person_name=name,
            affirmed=openedx and kind is Kind.ENROLLED,
            **facts,
        )
        for index, (names, name) in enumerate(people)
    )


def _is_of_openedx(statement: Mapping[str, Any]) -> bool:
    return _OPENEDX_TRANSFORMER in mapping(mapping(statement.get("context")).get("extensions"))


def _attempt(context: Mapping[str, Any]) -> str | None:
    """Return the registration of a statement that cmi5 defines, where it is an enrolment in the course.

    Of other statements it tells nothing: many authoring tools make another one for each launch.
    https://github.com/AICC/CMI-5_Spec_Current/blob/quartz/cmi5_spec.md#96-context
    """
    grouped = mapping(context.get("contextActivities"))
    return text(context.get("registration")) if _CMI5_CATEGORY in _ids(grouped.get("category")) else None


def _kind(verb: str, target: Mapping[str, Any], result: Mapping[str, Any]) -> Kind:
    if verb in LEFT:
        what = text(mapping(target.get("definition")).get("type"))
        return Kind.WITHDRAWN if what in COURSE_TYPES else Kind.EXPERIENCED
    kind = KINDS.get(verb, Kind.EXPERIENCED)
    completion = result.get("completion")
    if kind is Kind.COMPLETED and completion is False:
        return Kind.PROGRESSED
    if kind is Kind.PROGRESSED and completion is True:
        return Kind.COMPLETED
    if kind is Kind.PASSED and result.get("success") is False:
        return Kind.FAILED
    return kind


def _voiding(statement: Mapping[str, Any], target: Mapping[str, Any], zone: str) -> LearningEvent:
    # https://github.com/adlnet/xAPI-Spec/blob/master/xAPI-Data.md#voided
    voids = target.get("id")
    if target.get("objectType") != "StatementRef" or not isinstance(voids, str) or not _UUID.fullmatch(voids):
        raise Unreadable("a voiding statement must have a StatementRef with the id of a statement as its object")
    at, at_text = _occurred(statement, zone)
    key = text(statement.get("id"))
    return LearningEvent(
        Kind.VOIDED, (), None, at, at_text, event_key=key.lower() if key else None, voids=voids.lower()
    )


def _occurred(statement: Mapping[str, Any], zone: str) -> tuple[datetime | None, str | None]:
    told = statement.get("timestamp")
    if told is None:
        told = statement.get("stored")
    return instant(told, zone=zone), spelling(told)


def _people(actor: Mapping[str, Any]) -> list[tuple[tuple[Identity, ...], str | None]]:
    if actor.get("objectType") == "Group":
        return [one for member in items(actor.get("member")) if isinstance(member, dict) for one in _people(member)]
    named = mapping(actor.get("account"))
    home = identifier(named.get("homePage"), "account's home page")
    names = learner(
        account(named.get("name"), home),
        email(actor.get("mbox")),
        email_sha1(actor.get("mbox_sha1sum")),
        openid(actor.get("openid")),
    )
    return [(names, full_name(actor.get("name")))]


def _activity(target: Mapping[str, Any], context: Mapping[str, Any]) -> ActivityName:
    title = _in_language(mapping(target.get("definition")).get("name"), text(context.get("language")))
    external_id = target.get("id")
    also = [pattern.search(external_id) for pattern in _BARE_IDS] if isinstance(external_id, str) else []
    return activity(external_id, title=title, aliases=tuple(match[1] for match in also if match))


def _in_language(names: Any, language: str | None) -> str | None:
    """Return the name in the statement's language, else in any English, else the first."""
    if not isinstance(names, dict) or not names:
        return None
    english = next((tag for tag in names if tag.lower().partition("-")[0] == "en"), None)
    return text(names.get(language or "") or names.get(english or "") or next(iter(names.values())))


def _facts(statement: Mapping[str, Any], kind: Kind, verb: str, result: Mapping[str, Any]) -> dict[str, Any]:
    context = mapping(statement.get("context"))
    facts: dict[str, Any] = {}
    if result:
        facts = _score(mapping(result.get("score")))
        success = result.get("success")
        facts["passed"] = success if isinstance(success, bool) else None
        facts["duration_seconds"] = duration_seconds(text(result.get("duration")))
        facts["progress"] = _progress(mapping(result.get("extensions")).get(_PROGRESS))
        if kind in {Kind.PROGRESSED, Kind.COMPLETED} and _is_of_openedx(statement):
            _take_score_for_progress(facts, verb)
    if kind in {Kind.PASSED, Kind.FAILED}:
        facts["passed"] = kind is Kind.PASSED
    facts["extras"] = _extras(statement, context, result, verb)
    return facts


def _score(score: Mapping[str, Any]) -> dict[str, Any]:
    raw, low, high = number(score.get("raw")), number(score.get("min")), number(score.get("max"))
    share_told = number(score.get("scaled"))
    if share_told is None or abs(share_told) > 1:
        share_told = scaled(raw, low, high)
    return {"score_scaled": share_told, "score_raw": raw, "score_min": low, "score_max": high}


def _take_score_for_progress(facts: dict[str, Any], verb: str) -> None:
    # event-routing-backends tells the progress of a course as result.score.scaled of the verb "progressed"
    if verb.endswith("/progressed") and facts["progress"] is None:
        facts["progress"] = share(facts["score_scaled"])
        facts["score_scaled"] = None


def _progress(told: Any) -> Decimal | None:
    """Return cmi5's progress, an integer percentage; others send a share with a point."""
    if isinstance(told, float) and 0 <= told <= 1:
        return share(told)
    return percentage(told)


def _extras(
    statement: Mapping[str, Any], context: Mapping[str, Any], result: Mapping[str, Any], verb: str
) -> dict[str, Any]:
    grouped = mapping(context.get("contextActivities"))
    extensions = mapping(context.get("extensions"))
    found: dict[str, Any] = {
        "verb": verb if verb not in KINDS else None,
        "activity_type": text(mapping(mapping(statement.get("object")).get("definition")).get("type")),
        "registration": text(context.get("registration")),
        "parent": _ids(grouped.get("parent")),
        "grouping": _ids(grouped.get("grouping")),
        "cmi5_session": text(extensions.get(_CMI5_SESSION)),
        "platform": text(context.get("platform")),
        "response": (text(result.get("response")) or "")[:_RESPONSE_MAX],
    }
    if verb == WAIVED:
        found["waived"] = text(mapping(result.get("extensions")).get(_WAIVED_REASON)) or "waived"
    if _CMI5_CATEGORY in _ids(grouped.get("category")):
        found["profile"] = "cmi5"
    return {name: value for name, value in found.items() if value}


def _ids(activities: Any) -> list[str]:
    listed = activities if isinstance(activities, list) else [activities]  # 1.0.3 allows one object for an array
    return [one["id"][:500] for one in listed if isinstance(one, dict) and isinstance(one.get("id"), str)][:20]
