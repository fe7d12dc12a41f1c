"""360Learning webhooks: `{type, timestamp, data}`, one event type for each subscription, Standard Webhooks headers.

The event's key is the header `webhook-id`, stable over retries. `xapi` and `xapi.started` come as bare xAPI statements.
A closed attempt is a completion and says nothing about success; paths tell success by status. Enrolments into a path
session name no users, so they are acknowledged and ignored. There is no e-mail outside xAPI. The header's timestamp
counts seconds, the body's milliseconds.
https://360learning.readme.io/docs/webhooks, https://360learning.readme.io/docs/security-and-signature-verification
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from app.domain.learning import Kind, LearningEvent
from app.lms import Adapter, Delivery, Parsed, SourceSetup, Unreadable
from app.lms._body import json_object
from app.lms._people import account, learner
from app.lms._statements import is_statement, parsed
from app.lms._times import first_of
from app.lms._values import activity, identifier, mapping, number, percentage, text

_STATUSES = {
    "notYetStarted": Kind.ENROLLED,
    "sessionNotOpened": Kind.ENROLLED,
    "onTime": Kind.PROGRESSED,
    "late": Kind.PROGRESSED,
    "awaitingCorrection": Kind.PROGRESSED,
    "successful": Kind.PASSED,
    "unsuccessful": Kind.FAILED,
    "toRetake": Kind.FAILED,
    "notEnrolled": Kind.WITHDRAWN,
}
_NO_LEARNERS = frozenset({"path.session.users.enrolled", "path.session.users.unenrolled"})


def parse(delivery: Delivery, setup: SourceSetup) -> Parsed:
    """Return the event of a webhook or of an xAPI statement."""
    body = json_object(delivery)
    key = identifier(delivery.headers.get("webhook-id"), "webhook")
    inner = body.get("data")
    statement = body if is_statement(body) else inner
    if is_statement(statement):
        found = parsed(statement, zone=setup.zone)
        return found._replace(events=tuple(replace(event, event_key=key or event.event_key) for event in found.events))
    name = text(body.get("type"))
    if name is None or not isinstance(inner, dict):
        raise Unreadable("the body has no type or no data")
    if name in _NO_LEARNERS:
        return Parsed(ignored=f"{name} does not say who was enrolled; subscribe to path.session.user.status.updated")
    facts = _facts(name, inner)
    if isinstance(facts, str):
        return Parsed(ignored=facts)
    moment = facts.pop("moment")
    at, at_text = first_of(moment, body.get("timestamp"), zone=setup.zone)
    extras = {word: value for word, value in facts.pop("extras").items() if value}
    event = LearningEvent(
        identities=learner(account(inner.get("userId"))),
        occurred_at=at,
        occurred_at_text=at_text,
        event_key=key,
        extras=extras,
        **facts,
    )
    return Parsed((event,))


def _facts(name: str, data: Mapping[str, Any]) -> dict[str, Any] | str:
    """Return the parts of the event that differ by type, or why there is none."""
    context = mapping(data.get("context"))
    path = {
        "path": text(data.get("pathId")) or text(context.get("pathId")),
        "session": text(data.get("sessionId")) or text(data.get("pathSessionId")) or text(context.get("pathSessionId")),
        "enrolment": text(data.get("enrollmentId")),
    }
    match name:
        case "course.attempt.closed":
            extras = {**path, "attempt": text(data.get("attemptId")), "reason": text(data.get("reason"))}
            place, kind, moment = data.get("courseId"), Kind.COMPLETED, data.get("closedAt")
        case "user.certificate.awarded":
            extras = {**path, "certificate": text(data.get("certificateId"))}
            place = text(data.get("pathId")) or text(data.get("certificateOutlineId")) or data.get("certificateId")
            kind, moment = Kind.CERTIFIED, data.get("deliveryDate")
        case "path.session.user.status.updated":
            status = text(data.get("status"))
            if status not in _STATUSES:
                return f"the status {status} is none that counts"
            extras, place, kind, moment = path, data.get("pathId"), _STATUSES[status], data.get("updatedAt")
            extras = {**path, "status": status}
        case "user.assessment.corrected":
            return _assessment(data, path)
        case _:
            return f"the type {name[:100]!r} tells nothing about a learner's progress"
    passed = (kind is Kind.PASSED) if kind in {Kind.PASSED, Kind.FAILED} else None
    return {"kind": kind, "activity": activity(place), "moment": moment, "passed": passed, "extras": extras}


def _assessment(data: Mapping[str, Any], path: Mapping[str, Any]) -> dict[str, Any] | str:
    success, raw = data.get("success"), number(data.get("score"))
    if not isinstance(success, bool):
        return "the correction does not say whether the assessment was passed"
    return {
        "kind": Kind.PASSED if success else Kind.FAILED,
        "activity": activity(data.get("assessmentId"), title=data.get("name")),
        "moment": data.get("correctedAt"),
        "passed": success,
        "score_raw": raw,
        "score_max": None if raw is None else Decimal(100),
        "score_scaled": percentage(raw),
        "extras": path,
    }


ADAPTER = Adapter(
    slug="360learning",
    title="360Learning",
    how_to_connect=(
        "1. POST /v1/sources with adapter `360learning` and scheme `standard_webhooks`, key `raw`; keep the URL.\n"
        "2. Create one subscription for each event type with 360Learning's API (webhooks:write), with that URL.\n"
        "3. Take course.attempt.closed, path.session.user.status.updated and user.assessment.corrected.\n"
        "4. Give the secret that 360Learning answers to the source; rotation keeps two valid at once.\n"
        "5. Use 360Learning's replay of events after an outage: what is here already counts as duplicate."
    ),
    notes=(
        "webhook-id is the id of the message and the event's key; attemptId, certificateId and the id of an "
        "xAPI statement are those of objects, and differ from it.\n"
        "path.session.users.enrolled names no users: take path.session.user.status.updated."
    ),
    schemes=("standard_webhooks", "none"),
    authentication={"scheme": "standard_webhooks", "key": "raw"},
    example={
        "headers": {"content-type": "application/json", "webhook-id": "msg_2aQ1xExampleOnly000000001"},
        "body": {
            "type": "course.attempt.closed",
            "timestamp": 1773821106412,
            "data": {
                "attemptId": "65f8a1c2b4d5e6f708192a3b",
                "closedAt": "2026-03-18T08:05:05.980Z",
                "userId": "64a0c0ffee0d15ea5e5e1f01",
                "courseId": "63b1c0de63b1c0de63b1c0de",
                "reason": "learnerFinished",
            },
        },
    },
    headers=("webhook-id",),
    parse=parse,
)
