"""Caliper Analytics 1.1 and 1.2 envelopes to learning events (https://www.imsglobal.org/spec/caliper/v1p2).

The learner is the actor, except where the payload says whose work it is: the assignee of an attempt that is graded, the
user of a Canvas enrolment. Entities in an envelope, and actors that are no persons, or by the roles of their membership
no learners, are passed over.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from app.domain.learning import ActivityName, Identity, Kind, LearningEvent
from app.lms import Parsed, Unreadable
from app.lms._people import account, email, full_name, learner, username
from app.lms._times import first_of
from app.lms._values import activity, duration_seconds, identifier, items, mapping, number, scaled, text

_CANVAS = "com.instructure.canvas"
_CANVAS_URN = re.compile(r"^urn:instructure:canvas:[a-z_]+:(\d+)$", re.ASCII)
_OPENEDX_COURSE = re.compile(r"/course/(course-v1:[^/?#]+)$")
_COURSES = frozenset({"CourseOffering", "CourseSection", "Course"})
_QUESTIONS = frozenset({"AssessmentItem", "Question", "QuestionnaireItem", "DateTimeQuestion", "MultiselectQuestion"})
_KINDS = {
    "Activated": Kind.ENROLLED,
    "Deactivated": Kind.WITHDRAWN,
    "Started": Kind.STARTED,
    "Completed": Kind.COMPLETED,
    "Responded": Kind.ANSWERED,
    "Ranked": Kind.RATED,
    "Rated": Kind.RATED,
}
_ENROLMENT_STATES = {
    "active": Kind.ENROLLED,
    "invited": Kind.ENROLLED,
    "creation_pending": Kind.ENROLLED,
    "deleted": Kind.WITHDRAWN,
    "rejected": Kind.WITHDRAWN,
    "inactive": Kind.WITHDRAWN,
}


def is_envelope(found: Any) -> bool:
    """Return whether a JSON value is a Caliper envelope."""
    return isinstance(found, dict) and "sensor" in found and "data" in found


def parsed(body: Any, *, zone: str = "UTC") -> Parsed:
    """Return the events of one envelope or a list of them, in order; all are read or none."""
    envelopes = body if isinstance(body, list) else [body]
    data = []
    for envelope in envelopes:
        if not is_envelope(envelope):
            raise Unreadable("the body is not a Caliper envelope with sensor, sendTime, dataVersion and data")
        data += items(envelope["data"])
    events, reasons = [], dict[str, None]()
    for index, event in enumerate(data):
        try:
            found = _event(event, zone)
        except Unreadable as error:
            raise Unreadable(f"event {index + 1} of {len(data)}: {error}") from None
        if isinstance(found, str):
            reasons.setdefault(found)
        else:
            events.append(found)
    if events:
        return Parsed(tuple(events))
    return Parsed(ignored="; ".join(list(reasons)[:5]) or "the envelope holds no events")


def _event(event: Any, zone: str) -> LearningEvent | str:
    if not isinstance(event, dict):
        raise Unreadable("a member of data is not a JSON object")
    action = text(event.get("action"))
    if action is None:
        return "the envelope holds an entity, not an event"
    target = _entity(event.get("object"))
    canvas = mapping(mapping(target.get("extensions")).get(_CANVAS))
    if ":enrollment:" in str(target.get("id")):
        return _canvas_enrolment(event, action, canvas, zone)
    actor = _entity(event.get("actor"))
    if text(actor.get("type")) not in {None, "Person"} and "assignee" not in target:
        return f"the actor is not a person ({text(actor.get('type'))})"
    roles = _roles(event)
    if roles and "assignee" not in target and not any("Learner" in role for role in roles):
        return f"the actor is no learner of the course ({', '.join(roles)[:100]})"
    at, at_text = first_of(event.get("eventTime"), zone=zone)
    score = mapping(event.get("generated")) if action == "Graded" else {}
    raw, high = number(score.get("scoreGiven")), number(score.get("maxScore"))
    place = _assessed(target)
    return LearningEvent(
        kind=_kind(action, place),
        identities=_names(_entity(target.get("assignee")) or actor),
        activity=_activity(place),
        occurred_at=at,
        occurred_at_text=at_text,
        event_key=identifier(event.get("id"), "event"),
        score_scaled=scaled(raw, None, high),
        score_raw=raw,
        score_max=high,
        duration_seconds=duration_seconds(text(_entity(event.get("generated")).get("duration"))),
        person_name=full_name(_entity(target.get("assignee")).get("name") or actor.get("name")),
        extras=_extras(event, action, target),
    )


def _kind(action: str, target: Mapping[str, Any]) -> Kind:
    kind = _KINDS.get(action, Kind.EXPERIENCED)
    what = text(target.get("type"))
    if kind in {Kind.ENROLLED, Kind.WITHDRAWN} and what not in _COURSES:
        return Kind.EXPERIENCED
    if kind is Kind.COMPLETED and what in _QUESTIONS:
        return Kind.ANSWERED
    return kind


def _roles(event: Mapping[str, Any]) -> list[str]:
    """Return what the actor's membership calls them: Learner, Instructor, Learner#GuestLearner and so on."""
    return [role for role in items(_entity(event.get("membership")).get("roles")) if isinstance(role, str)]


def _entity(value: Any) -> Mapping[str, Any]:
    """Return an entity; Caliper lets an IRI stand for it."""
    return {"id": value} if isinstance(value, str) else mapping(value)


def _assessed(target: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what an attempt is an attempt at, or the object itself."""
    return (_entity(target.get("assignable")) or target) if target.get("type") == "Attempt" else target


def _activity(target: Mapping[str, Any]) -> ActivityName:
    named = str(target.get("id"))
    matches = (_CANVAS_URN.match(named), _OPENEDX_COURSE.search(named))
    return activity(
        target.get("id"),
        title=target.get("name"),
        version=target.get("version"),
        aliases=tuple(match[1] for match in matches if match),
    )


def _names(person: Mapping[str, Any]) -> tuple[Identity, ...]:
    told = str(person.get("id"))
    match = _CANVAS_URN.match(told)
    canvas = mapping(mapping(person.get("extensions")).get(_CANVAS))
    others = [entry for entry in items(person.get("otherIdentifiers")) if isinstance(entry, dict)]
    return learner(
        account(person.get("id")),
        account(match[1]) if match else None,
        *(email(entry.get("identifier")) for entry in others if entry.get("identifierType") == "EmailAddress"),
        username(canvas.get("user_login")),
    )


def _canvas_enrolment(event: Mapping[str, Any], action: str, told: Mapping[str, Any], zone: str) -> LearningEvent | str:
    # https://github.com/instructure/canvas-lms/tree/master/doc/api/data_services/json/caliper/event-types
    state = text(told.get("workflow_state"))
    kind = _ENROLMENT_STATES.get(state or "") if action in {"Created", "Modified"} else None
    if told.get("type") != "StudentEnrollment" or kind is None:
        return f"the enrolment of a {text(told.get('type'))} in the state {state} is none that counts"
    at, at_text = first_of(event.get("eventTime"), zone=zone)
    return LearningEvent(
        kind=kind,
        identities=_names({"id": told.get("user_id")}),
        activity=_activity({"id": told.get("course_id")}),
        affirmed=kind is Kind.ENROLLED and action == "Modified",
        occurred_at=at,
        occurred_at_text=at_text,
        event_key=identifier(event.get("id"), "event"),
        person_name=full_name(told.get("user_name")),
        extras={"enrolment": entity} if (entity := text(told.get("entity_id"))) else {},
    )


def _extras(event: Mapping[str, Any], action: str, target: Mapping[str, Any]) -> dict[str, Any]:
    found = {
        "action": action if action not in _KINDS else None,
        "activity_type": text(target.get("type")),
        "group": text(_entity(event.get("group")).get("id")),
    }
    return {name: value for name, value in found.items() if value}
