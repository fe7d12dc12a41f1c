"""Thinkific webhooks: `{id, resource, action, tenant_id, created_at, payload}`, the topic also in a header.

Read: `enrollment.created|trial|progress|completed`, `lesson.completed`, `quiz.attempted`. `completed_at` stands in the
payload of other actions too, so the action decides. `percentage_completed` is text whose scale is not settled: above 1
it is a percentage, up to 1 it is left out. `enrollment.progress` also fires when an administrator removes a lesson.
https://support.thinkific.dev/hc/en-us/articles/4422658311703-Webhooks-Documentation
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from app.domain.learning import ActivityName, Kind, LearningEvent
from app.lms import Adapter, Delivery, Parsed, SourceSetup, Unreadable
from app.lms._body import json_object
from app.lms._people import account, email, full_name, learner
from app.lms._times import first_of
from app.lms._values import activity, identifier, mapping, number, percentage, text

# topic: kind, subject, the payload's own moments, the best first
_TOPICS: dict[str, tuple[Kind, str, tuple[str, ...]]] = {
    "enrollment.created": (Kind.ENROLLED, "course", ("activated_at", "created_at")),
    "enrollment.trial": (Kind.ENROLLED, "course", ("activated_at", "created_at")),
    "enrollment.progress": (Kind.PROGRESSED, "course", ("updated_at",)),
    "enrollment.completed": (Kind.COMPLETED, "course", ("completed_at", "updated_at")),
    "lesson.completed": (Kind.COMPLETED, "lesson", ("completed_at",)),
    "quiz.attempted": (Kind.EXPERIENCED, "quiz", ("attempted_at",)),
}


def parse(delivery: Delivery, setup: SourceSetup) -> Parsed:
    """Return the event of the webhook."""
    body = json_object(delivery)
    resource, action, payload = text(body.get("resource")), text(body.get("action")), body.get("payload")
    if resource is None or action is None or not isinstance(payload, dict):
        raise Unreadable("the body has no resource, action or payload")
    topic = f"{resource}.{action}"
    if topic not in _TOPICS:
        return Parsed(ignored=f"the topic {topic[:100]!r} tells nothing about a learner's progress")
    kind, subject, moments = _TOPICS[topic]
    user = mapping(payload.get("user"))
    at, at_text = first_of(*[payload.get(name) for name in moments], body.get("created_at"), zone=setup.zone)
    score = number(payload.get("grade")) if subject == "quiz" else None
    told = number(payload.get("percentage_completed"))
    extras = {
        "enrolment": text(payload.get("id")) if subject == "course" else text(payload.get("enrollment_id")),
        "course": text(mapping(payload.get("course")).get("id")) if subject != "course" else None,
        "access_ends": text(payload.get("expiry_date")),
        "trial": True if payload.get("free_trial") is True else None,
    }
    event = LearningEvent(
        kind=kind,
        identities=learner(account(user.get("id")), email(user.get("email"))),
        activity=_activity(payload, subject),
        occurred_at=at,
        occurred_at_text=at_text,
        event_key=identifier(body.get("id"), "webhook"),
        progress=percentage(told) if kind is Kind.PROGRESSED and told is not None and told > 1 else None,
        score_raw=score,
        score_max=None if score is None else Decimal(100),
        score_scaled=percentage(score),
        person_name=full_name(user.get("first_name"), user.get("last_name")),
        extras={name: value for name, value in extras.items() if value},
    )
    return Parsed((event,))


def _activity(payload: Mapping[str, Any], subject: str) -> ActivityName:
    own = mapping(payload.get(subject))
    told = text(payload.get(f"{subject}_id")) or text(own.get("id"))
    prefix = "" if subject == "course" else f"{subject}:"
    return activity(told and prefix + told, title=own.get("name") or payload.get(f"{subject}_name"))


ADAPTER = Adapter(
    slug="thinkific",
    title="Thinkific",
    how_to_connect=(
        "1. POST /v1/sources with adapter `thinkific` and the authentication below; keep the webhook URL.\n"
        "2. Give the source its secret: the site's API key, or the client secret of your Thinkific app.\n"
        "3. Create one webhook for each topic with Thinkific's API (those made in the interface are not signed).\n"
        "4. Topics: enrollment.created, enrollment.progress, enrollment.completed, lesson.completed, quiz.attempted.\n"
        "5. Complete a course as a test student; GET /v1/deliveries shows the webhook and its event."
    ),
    notes="X-Thinkific-Topic repeats resource and action of the body, which decide; it is no id.",
    schemes=("hmac_sha256", "none"),
    authentication={"scheme": "hmac_sha256", "header": "X-Thinkific-Hmac-Sha256", "encoding": "hex"},
    example={
        "headers": {"content-type": "application/json", "x-thinkific-topic": "enrollment.completed"},
        "body": {
            "id": "20260812144501773310042",
            "resource": "enrollment",
            "action": "completed",
            "tenant_id": "90211",
            "created_at": "2026-08-12T18:45:01.773Z",
            "payload": {
                "completed_at": "2026-08-12T18:45:01.700Z",
                "course": {"id": 511, "name": "Pastry Basics"},
                "id": 880123,
                "percentage_completed": "1.0",
                "user": {"email": "lea.roy@example.com", "first_name": "Lea", "id": 70012, "last_name": "Roy"},
            },
        },
    },
    parse=parse,
)
