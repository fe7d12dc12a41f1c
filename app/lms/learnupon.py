"""LearnUpon webhooks, version 2 and version 1.

v2: `{"data": [up to 10]}`, the type in the header X-Webhook-Type, the delivery's id in X-Webhook-ID, HMAC in
X-Webhook-Signature. An item's key is that id and its enrolment, of which one delivery may tell several facts (two
modules). v1: one object with a `header` that holds type, id and an MD5 signature; every type arrives, wanted or not. A
`course_completion` may carry any enrolment status; `failed` is not a completion. Names may be null, credits are
numbers in text, e-mail case varies.
https://docs.learnupon.com/webhooks/v2/, https://docs.learnupon.com/webhooks/
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from app.domain.learning import ActivityName, Kind, LearningEvent
from app.lms import Adapter, Delivery, Parsed, SourceSetup, Unreadable
from app.lms._body import json_object
from app.lms._people import account, email, full_name, learner, username
from app.lms._times import end, first_of
from app.lms._values import activity, identifier, items, mapping, number, percentage, text

_STATUSES = {
    "passed": Kind.COMPLETED,
    "pass": Kind.COMPLETED,
    "completed": Kind.COMPLETED,
    "failed": Kind.FAILED,
    "fail": Kind.FAILED,
    "in_progress": Kind.PROGRESSED,
    "not_started": Kind.ENROLLED,
    "enrolled": Kind.ENROLLED,
}
_EXAM = {"pass": Kind.PASSED, "passed": Kind.PASSED, "fail": Kind.FAILED, "failed": Kind.FAILED}
# type: how its kind is told, the name of its subject in the payload's fields
_TYPES: dict[str, tuple[Kind | Mapping[str, Kind], str]] = {
    "course_completion": (_STATUSES, "course"),
    "learning_path_completion": (_STATUSES, "learningPath"),
    "module_complete": (Kind.COMPLETED, "module"),
    "exam_completion": (_EXAM, "exam"),
    "survey_completion": (Kind.ANSWERED, "survey"),
    "badge_awarded": (Kind.EARNED, "badge"),
    "badge_revoked": (Kind.EXPIRED, "badge"),
    "course_enrollment": (Kind.ENROLLED, "course"),
    "learning_path_enrollment": (Kind.ENROLLED, "learningPath"),
}
_PREFIXES = {
    "course": "",
    "learningPath": "learning_path:",
    "module": "module:",
    "exam": "exam:",
    "survey": "survey:",
    "badge": "badge:",
}
_PASSED = {"passed": True, "pass": True, "failed": False, "fail": False}


def parse(delivery: Delivery, setup: SourceSetup) -> Parsed:
    """Return one event for each item, of either version."""
    body = json_object(delivery)
    header = mapping(body.get("header"))
    if header:
        name = text(header.get("webHookType")) or text(header.get("webhookType"))
        key, entries = identifier(header.get("webhookId"), "webhook"), [body]
    else:
        name = text(delivery.headers.get("x-webhook-type"))
        key, entries = identifier(delivery.headers.get("x-webhook-id"), "webhook"), items(body.get("data"))
        if "data" not in body:
            raise Unreadable("the body has neither the header of version 1 nor the data of version 2")
    if name is None:
        raise Unreadable("neither the body nor the header X-Webhook-Type tells the type of the event")
    if name not in _TYPES:
        return Parsed(ignored=f"the type {name[:100]!r} tells nothing about a learner's progress")
    events = []
    told: Counter[str | None] = Counter()
    for index, entry in enumerate(entries):
        if not isinstance(entry, dict):
            raise Unreadable(f"item {index + 1} of data is not an object")
        kind = _kind(entry, name)
        own = key if header else _item_key(key, entry, index)
        if kind is not None:
            events.append(_event(kind, entry, name, setup, key=own, item=told[own] if own else 0))
        told[own] += 1  # also what counts for nothing has its place: a later reading may see more in it
    return Parsed(tuple(events)) if events else Parsed(ignored="no item has a status that counts")


def _kind(entry: Mapping[str, Any], name: str) -> Kind | None:
    told = _TYPES[name][0]
    return told if isinstance(told, Kind) else told.get(_status(entry))


def _status(entry: Mapping[str, Any]) -> str:
    return (text(entry.get("enrollmentStatus")) or text(entry.get("status")) or "").lower().replace(" ", "_")


def _item_key(key: str | None, entry: Mapping[str, Any], index: int) -> str | None:
    return key and f"{key}#{text(entry.get('enrollmentId')) or index}"


def _event(
    kind: Kind, entry: Mapping[str, Any], name: str, setup: SourceSetup, *, key: str | None, item: int
) -> LearningEvent:
    user = mapping(entry.get("user"))
    date = "dateEnrolled" if kind is Kind.ENROLLED else "dateCompleted"
    at, at_text = first_of(entry.get(date), entry.get("eventCreated"), entry.get("dateAwarded"), zone=setup.zone)
    raw = number(entry.get("percentage"))
    finished = kind in {Kind.COMPLETED, Kind.FAILED, Kind.PASSED}
    return LearningEvent(
        kind=kind,
        identities=learner(account(user.get("userId")), email(user.get("email")), username(user.get("username"))),
        activity=_activity(entry, _TYPES[name][1]),
        occurred_at=at,
        occurred_at_text=at_text,
        event_key=key,
        attempt=text(entry.get("enrollmentId")),
        item=item,
        passed=_PASSED.get(_status(entry)) if finished else None,
        score_scaled=percentage(raw) if finished else None,
        score_raw=raw if finished else None,
        score_max=Decimal(100) if finished and raw is not None else None,
        expires_at=end(entry.get("certExpiresAt"), zone=setup.zone),
        person_name=full_name(user.get("firstName"), user.get("lastName")),
        extras=_extras(entry),
    )


def _activity(entry: Mapping[str, Any], subject: str) -> ActivityName:
    own = mapping(entry.get(subject))
    told = text(entry.get(f"{subject}Id")) or text(own.get("id"))
    return activity(told and _PREFIXES[subject] + told, title=text(entry.get(f"{subject}Name")) or own.get("name"))


def _extras(entry: Mapping[str, Any]) -> dict[str, Any]:
    points = [number(mapping(one).get("number")) for one in items(entry.get("credits"))]
    found = {
        "enrolment": text(entry.get("enrollmentId")),
        "reference": text(entry.get("courseReferenceCode")),
        "certification": text(entry.get("certificationName")),
        "credits": str(sum((one for one in points if one), Decimal(0))) if any(points) else None,
        "recertified": True if entry.get("wasRecertified") is True else None,
    }
    return {name: value for name, value in found.items() if value}


ADAPTER = Adapter(
    slug="learnupon",
    title="LearnUpon",
    how_to_connect=(
        "1. POST /v1/sources with adapter `learnupon` and the authentication below; keep the URL and the secret.\n"
        "2. In LearnUpon: Settings, Integrations, Webhooks, version 2: enter the URL and the secret.\n"
        "3. Tick completion events as well as enrolments: course, exam, learning path, module, survey, badge.\n"
        "4. Version 1 only: use the scheme `embedded_md5` with accept_md5 true, knowing that MD5 is weak.\n"
        "5. Complete a course as a test learner; GET /v1/deliveries shows the message and its events."
    ),
    notes=(
        "X-Webhook-ID is the id of the delivery and enrollmentId that of an enrolment: an item's key is made "
        "of both. Version 1 tells its webhookId in the body alone.\n"
        "A course_completion may carry any status: in_progress is read as progress, failed as failed."
    ),
    schemes=("hmac_sha256", "embedded_md5", "query_token", "none"),
    authentication={"scheme": "hmac_sha256", "header": "X-Webhook-Signature", "encoding": "hex"},
    example={
        "headers": {
            "content-type": "application/json",
            "x-webhook-type": "course_completion",
            "x-webhook-id": "b7a9b0f2-0f35-4b8e-9d0e-6f3b2ad1c7aa",
        },
        "body": {
            "data": [
                {
                    "courseId": 73110,
                    "enrollmentId": 9910021,
                    "dateCompleted": "2026-04-02T13:04:28.000Z",
                    "enrollmentStatus": "passed",
                    "percentage": 92,
                    "user": {"userId": 40321, "username": None, "email": "Ilse.Vance@Example.org"},
                }
            ]
        },
    },
    headers=("x-webhook-type", "x-webhook-id"),
    examples={
        "embedded_md5": {
            "headers": {"content-type": "application/json"},
            "body": {
                "header": {
                    "source": "LearnUpon",
                    "version": 1,
                    "webhookId": 7204411,
                    "attempt": 1,
                    "webHookType": "course_completion",
                },
                "user": {"userId": 40321, "email": "ilse.vance@example.org"},
                "enrollmentId": 9910021,
                "courseId": 73110,
                "dateCompleted": "2026-04-02T13:04:28Z",
                "percentage": 92,
                "enrollmentStatus": "passed",
            },
        }
    },
    parse=parse,
)
