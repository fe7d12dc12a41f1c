"""Litmos webhooks: `{id, created, type, object, data}`.

`achievement.earned` is a completed course or learning path; `result` may say whether it was passed and
`compliantTilldate` how long it counts. `session.registration` is an enrolment. There are no events of failure or
progress. Times are UTC without a `Z`. Litmos signs nothing: use the secret path. Only 200, 201 and 202 are success.
https://www.litmos.com/docs/litmos/webhooks/webhooks-payload
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.domain.learning import ActivityName, Kind, LearningEvent
from app.lms import Adapter, Delivery, Parsed, SourceSetup, Unreadable
from app.lms._body import json_object
from app.lms._people import account, email, full_name, learner, username
from app.lms._times import end, first_of
from app.lms._values import activity, identifier, number, percentage, text, truth

_KINDS = {"achievement.earned": Kind.COMPLETED, "session.registration": Kind.ENROLLED}


def parse(delivery: Delivery, setup: SourceSetup) -> Parsed:
    """Return the event of the webhook."""
    body = json_object(delivery)
    name, data = text(body.get("type")), body.get("data")
    if name is None or not isinstance(data, dict):
        raise Unreadable("the body has no type or no data")
    kind = _KINDS.get(name.lower())
    if kind is None:
        return Parsed(ignored=f"the type {name[:100]!r} tells nothing about a learner's progress")
    at, at_text = first_of(data.get("achievementDate"), body.get("created"), zone=setup.zone)
    result = data.get("result")
    raw = number(result)
    name_or_address = data.get("userName")
    extras = {
        "achievement": text(data.get("achievementId")),
        "code": text(data.get("code")),
        "type": text(data.get("type")),
    }
    event = LearningEvent(
        kind=kind,
        identities=learner(
            account(data.get("userId")), email(data.get("email") or name_or_address), username(name_or_address)
        ),
        activity=_activity(data, kind),
        occurred_at=at,
        occurred_at_text=at_text,
        event_key=identifier(body.get("id"), "webhook"),
        passed=truth(result) if raw is None and kind is Kind.COMPLETED else None,
        score_raw=raw,
        score_scaled=percentage(raw),
        expires_at=end(data.get("compliantTilldate"), zone=setup.zone),
        person_name=full_name(data.get("firstName"), data.get("lastName")),
        extras={key: value for key, value in extras.items() if value},
    )
    return Parsed((event,))


def _activity(data: Mapping[str, Any], kind: Kind) -> ActivityName:
    course = text(data.get("courseId"))
    path = text(data.get("learningPathId"))
    session = text(data.get("sessionId")) if kind is Kind.ENROLLED else None
    told = course or (path and f"learning_path:{path}") or (session and f"session:{session}")
    return activity(told, title=data.get("title") or data.get("courseName"))


ADAPTER = Adapter(
    slug="litmos",
    title="Litmos",
    how_to_connect=(
        "1. POST /v1/sources with adapter `litmos` and scheme `none`; the webhook URL then ends in a secret segment.\n"
        "2. In Litmos: Account settings, Integrations, Webhooks: add that URL.\n"
        "3. Tick Achievement.Earned for courses and learning paths, and Session.Registration.\n"
        "4. There are no events for failing, progress or enrolling: import those if your figures need them.\n"
        "5. Complete a course as a test learner; GET /v1/deliveries shows the webhook and its event."
    ),
    schemes=("none", "query_token"),
    authentication={"scheme": "none"},
    example={
        "headers": {"content-type": "application/json"},
        "body": {
            "id": 912345,
            "created": "2026-05-06T14:22:10.117",
            "type": "achievement.earned",
            "object": "event",
            "data": {
                "userId": "WW91rNotReal1",
                "userName": "m.duarte@example.org",
                "courseId": "Q291cnNlNotReal1",
                "title": "Operations 210",
                "achievementDate": "2026-05-06T14:22:08.903",
                "result": "Completed",
                "firstName": "Marta",
                "lastName": "Duarte",
            },
        },
    },
    parse=parse,
)
