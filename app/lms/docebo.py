"""Docebo webhooks: one message with a `payload` or up to 25 `payloads` of one event.

Read: `course.enrollment.*` (and learning plans likewise), the learner is `user_id`, the activity `course_id`, the time
`completion_date`, `enrollment_date` or `fired_at`, without a zone (the source's zone, UTC unless set). Setting a status
to completed fires only `.completed`. There is no e-mail, no score and no duration in the payload. Every other event is
acknowledged and ignored. `message_id` is shared by the payloads of a message.
https://help.docebo.com/hc/en-us/articles/360020124479-Webhooks-events; the payload's keys are from receivers' code.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.domain.learning import Kind, LearningEvent
from app.lms import Adapter, Delivery, Parsed, SourceSetup, Unreadable
from app.lms._body import json_object
from app.lms._people import account, full_name, learner, username
from app.lms._times import end, first_of
from app.lms._values import activity, identifier, items, mapping, text

_KINDS = {
    "created": Kind.ENROLLED,
    "completed": Kind.COMPLETED,
    "deleted": Kind.WITHDRAWN,
}
_STATUSES = {
    "subscribed": Kind.ENROLLED,
    "enrolled": Kind.ENROLLED,
    "not_started": Kind.ENROLLED,
    "in_progress": Kind.STARTED,
    "completed": Kind.COMPLETED,
    "unsubscribed": Kind.WITHDRAWN,
}
_TIMES = {
    Kind.ENROLLED: ("enrollment_date", "fired_at"),
    Kind.COMPLETED: ("completion_date", "fired_at"),
}
# Learning plans are numbered apart from courses, so their ids carry what they are.
_SUBJECTS = {
    "course": ("course", "course_id", ""),
    "learningplan": ("learning_plan", "learningplan_id", "learning_plan:"),
}


def parse(delivery: Delivery, setup: SourceSetup) -> Parsed:
    """Return one event for each payload of the message."""
    message = _unwrapped(json_object(delivery))
    name = text(message.get("event"))
    if name is None:
        raise Unreadable("the message does not name its event")
    subject, _, action = name.partition(".enrollment.")
    if subject not in _SUBJECTS or action not in {*_KINDS, "updated"}:
        return Parsed(ignored=f"the event {name[:100]!r} tells nothing about a learner's progress")
    payloads = items(message.get("payloads")) or [message.get("payload")]
    key = identifier(message.get("message_id"), "message")
    events = []
    for index, payload in enumerate(payloads):
        if not isinstance(payload, dict):
            raise Unreadable(f"payload {index + 1} is not an object")
        kind = _KINDS.get(action) or _STATUSES.get(str(payload.get("status")).lower().replace(" ", "_"))
        if kind is not None:
            events.append(_event(kind, payload, subject, key, index, setup))
    return Parsed(tuple(events)) if events else Parsed(ignored="the enrolment's status is none that counts")


def _unwrapped(message: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the message that a relay has wrapped as `{"event": {"body": {...}}}`."""
    inner = mapping(mapping(message.get("event")).get("body"))
    return inner if "event" in inner else message


def _event(
    kind: Kind, payload: Mapping[str, Any], subject: str, key: str | None, index: int, setup: SourceSetup
) -> LearningEvent:
    at, at_text = first_of(*(payload.get(moment) for moment in _TIMES.get(kind, ("fired_at",))), zone=setup.zone)
    name, other_id, prefix = _SUBJECTS[subject]
    place = text(payload.get(f"{name}_id")) or text(payload.get(other_id))
    return LearningEvent(
        kind=kind,
        identities=learner(account(payload.get("user_id")), username(payload.get("username"))),
        activity=activity(place and prefix + place, title=payload.get(f"{name}_name")),
        occurred_at=at,
        occurred_at_text=at_text,
        event_key=key,
        item=index,
        due_at=end(payload.get("enrollment_date_end_validity"), zone=setup.zone),
        person_name=full_name(payload.get("firstname"), payload.get("lastname")),
        extras={name: value for name in ("level", "status") if (value := text(payload.get(name)))},
    )


ADAPTER = Adapter(
    slug="docebo",
    title="Docebo",
    how_to_connect=(
        "1. POST /v1/sources with adapter `docebo` and scheme `basic`; keep the URL and the secret that it answers.\n"
        "2. In Docebo: Admin menu, Webhooks, add one with that URL, authentication Basic, user and password.\n"
        "3. Tick the course enrolment events: created, updated, completed, deleted.\n"
        "4. Set the source's zone if your platform's dates are not UTC: Docebo sends them without a zone.\n"
        "5. Complete a course as a test user; GET /v1/deliveries shows the message and its event."
    ),
    schemes=("basic", "static_header", "none"),
    authentication={"scheme": "basic"},
    example={
        "headers": {"content-type": "application/json"},
        "body": {
            "event": "course.enrollment.completed",
            "fired_by_batch_action": False,
            "webhook_id": 3,
            "original_domain": "northwind-academy.docebosaas.com",
            "message_id": "wh-20260311-094502-0b3f7c52-8a1e-4c0d-9a77-51d2f0a9c611",
            "payload": {
                "fired_at": "2026-03-11 09:44:58",
                "user_id": 50211,
                "username": "r.okafor",
                "course_id": 884,
                "course_name": "Safe Lifting Refresher",
                "completion_date": "2026-03-11 09:44:58",
                "status": "completed",
            },
        },
    },
    parse=parse,
)
