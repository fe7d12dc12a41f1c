"""LearnWorlds webhooks: `{version, type, trigger, school_id, data}`; version 1 sent the data bare.

Read: completions of courses and programs, awarded certificates, enrolments (free course, product bought), unenrolments.
Times are epoch seconds with fractions; course ids are slugs; the user may be nested twice. There is no event id. A net
promoter score on the user comes along as a fact beside the completion. The signature header holds a fixed token
(`v1=<token>`); some receivers compute an HMAC instead: use `hmac_sha256` if yours does.
https://www.learnworlds.dev, https://support.learnworlds.com/support/solutions/articles/12000025878
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.domain.learning import ActivityName, Kind, LearningEvent
from app.lms import Adapter, Delivery, Parsed, SourceSetup, Unreadable
from app.lms._body import json_object
from app.lms._people import account, email, full_name, learner, username
from app.lms._times import end, first_of
from app.lms._values import activity, identifier, mapping, number, text

# type: kind, where the activity stands and its prefix, the moments
_TYPES: dict[str, tuple[Kind, tuple[tuple[str, str], ...], tuple[str, ...]]] = {
    "courseCompleted": (Kind.COMPLETED, (("course", ""),), ("completed_at",)),
    "learningProgramCompleted": (
        Kind.COMPLETED,
        (("learning_program", "program:"), ("program", "program:")),
        ("completed_at",),
    ),
    "awardedCertificate": (Kind.CERTIFIED, (("course", ""), ("certificate", "certificate:")), ("awarded_at", "issued")),
    "enrolledFreeCourse": (Kind.ENROLLED, (("course", ""),), ("enrolled_at", "created")),
    "productBought": (Kind.ENROLLED, (("course", ""), ("product", ""), ("bundle", "bundle:")), ("created", "paid_at")),
    "userUnenrolledFromProduct": (Kind.WITHDRAWN, (("course", ""), ("product", "")), ("unenrolled_at",)),
}


def parse(delivery: Delivery, setup: SourceSetup) -> Parsed:
    """Return the event of the webhook."""
    body = json_object(delivery)
    name = text(body.get("type")) or text(body.get("event"))
    data = body.get("data", body)
    if name is None or not isinstance(data, dict):
        raise Unreadable("the body has no type or no data")
    if name not in _TYPES:
        return Parsed(ignored=f"the type {name[:100]!r} tells nothing about a learner's progress")
    kind, places, moments = _TYPES[name]
    user = mapping(data.get("user"))
    user = mapping(user.get("user")) or user
    certificate = mapping(data.get("certificate"))
    at, at_text = first_of(*(data.get(moment, certificate.get(moment)) for moment in moments), zone=setup.zone)
    nps = number(user.get("nps_score"))
    extras = {
        "manually_completed": True if data.get("manually_completed") is True else None,
        "nps_score": None if nps is None or kind is not Kind.COMPLETED else str(nps),
        "nps_comment": (text(user.get("nps_comment")) or "")[:1000] if kind is Kind.COMPLETED else None,
    }
    event = LearningEvent(
        kind=kind,
        identities=learner(account(user.get("id")), email(user.get("email")), username(user.get("username"))),
        activity=_activity(data, places),
        occurred_at=at,
        occurred_at_text=at_text,
        event_key=identifier(certificate.get("id"), "certificate"),
        expires_at=end(certificate.get("expires"), zone=setup.zone),
        person_name=full_name(user.get("first_name"), user.get("last_name")),
        extras={key: value for key, value in extras.items() if value},
    )
    return Parsed((event,))


def _activity(data: Mapping[str, Any], places: tuple[tuple[str, str], ...]) -> ActivityName:
    for field, prefix in places:
        own = mapping(data.get(field))
        told = text(own.get("id"))
        if told:
            return activity(prefix + told, title=own.get("title") or own.get("name"))
    return activity(None)


ADAPTER = Adapter(
    slug="learnworlds",
    title="LearnWorlds",
    how_to_connect=(
        "1. POST /v1/sources with adapter `learnworlds` and the authentication below; keep the webhook URL.\n"
        "2. In LearnWorlds: Settings, Developers, Webhooks: enter the URL for each event that you need.\n"
        "3. Copy the token of the signature that this page shows (after `v1=`) to the source as its secret.\n"
        "4. Events: course completed, learning program completed, certificate awarded, enrolled, bought, unenrolled.\n"
        "5. Press Test for an event; GET /v1/deliveries shows it and what was read from it."
    ),
    schemes=("static_header", "hmac_sha256", "none"),
    authentication={"scheme": "static_header", "header": "Learnworlds-Webhook-Signature", "prefix": "v1="},
    example={
        "headers": {"content-type": "application/json"},
        "body": {
            "version": 2,
            "type": "courseCompleted",
            "trigger": "course_completed",
            "school_id": "60aa4a6de11ac0798538aaaa",
            "data": {
                "completed_at": 1785412345.736462,
                "manually_completed": False,
                "course": {"id": "first-aid", "title": "First aid"},
                "user": {"id": "65c0ffee65c0ffee65c0ffee", "email": "noor@example.net", "username": "noor"},
            },
        },
    },
    parse=parse,
)
