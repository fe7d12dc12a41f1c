"""Adobe Learning Manager webhooks: `{accountId, events: [...]}`, in real time or as `..._BATCH`.

Read: `COURSE_`, `LEARNING_PATH_` and `CERTIFICATION_` `ENROLLMENT`, `COMPLETED` and `UNENROLLMENT`, `LEARNER_PROGRESS`.
The learner is `data.userId`, the activity `data.loId`, the key `eventId`. A completion with `hasPassed` false is a
failure. Times come as ISO text, epoch seconds or epoch milliseconds. A completion may arrive before its enrolment.
https://experienceleague.adobe.com/en/docs/learning-manager/using/integration/webhooks/webhooks-usage-guide
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.domain.learning import Kind, LearningEvent
from app.lms import Adapter, Delivery, Parsed, SourceSetup, Unreadable
from app.lms._body import json_object
from app.lms._people import account, learner
from app.lms._times import first_of
from app.lms._values import activity, identifier, mapping, percentage, text

_SUBJECTS = ("COURSE", "LEARNING_PATH", "CERTIFICATION")
_KINDS = {
    **{f"{subject}_ENROLLMENT": Kind.ENROLLED for subject in _SUBJECTS},
    **{f"{subject}_COMPLETED": Kind.COMPLETED for subject in _SUBJECTS},
    **{f"{subject}_UNENROLLMENT": Kind.WITHDRAWN for subject in _SUBJECTS},
    "LEARNER_PROGRESS": Kind.PROGRESSED,
}
_TIMES = {Kind.ENROLLED: "dateEnrolled", Kind.COMPLETED: "dateCompleted"}


def parse(delivery: Delivery, setup: SourceSetup) -> Parsed:
    """Return one event for each event about a learner."""
    listed = json_object(delivery).get("events")
    if not isinstance(listed, list):
        raise Unreadable("the body has no list of events")
    events, names = [], dict[str, None]()
    for index, entry in enumerate(listed):
        name = text(mapping(entry).get("eventName"))
        if name is None:
            raise Unreadable(f"event {index + 1} of {len(listed)} has no name")
        kind = _KINDS.get(name.removesuffix("_BATCH"))
        if kind is None:
            names.setdefault(name[:100])
            continue
        try:
            events.append(_event(kind, entry, setup))
        except Unreadable as error:
            raise Unreadable(f"event {index + 1} of {len(listed)}: {error}") from None
    if events:
        return Parsed(tuple(events))
    return Parsed(ignored=f"{', '.join(names) or 'an empty list'} tells nothing about a learner's progress")


def _event(kind: Kind, entry: Mapping[str, Any], setup: SourceSetup) -> LearningEvent:
    data = mapping(entry.get("data"))
    told = data.get("hasPassed")
    passed = told if isinstance(told, bool) and kind is Kind.COMPLETED else None
    at, at_text = first_of(data.get(_TIMES.get(kind, "")), entry.get("timestamp"), zone=setup.zone)
    extras = {"instance": text(data.get("loInstanceId")), "enrolment_source": text(data.get("enrollmentSource"))}
    return LearningEvent(
        kind=Kind.FAILED if passed is False else kind,
        identities=learner(account(data.get("userId"))),
        activity=activity(data.get("loId")),
        occurred_at=at,
        occurred_at_text=at_text,
        event_key=identifier(entry.get("eventId"), "event"),
        passed=passed,
        progress=percentage(data.get("progressPercent")) if kind is Kind.PROGRESSED else None,
        extras={name: value for name, value in extras.items() if value},
    )


ADAPTER = Adapter(
    slug="adobe-learning-manager",
    title="Adobe Learning Manager",
    how_to_connect=(
        "1. POST /v1/sources with adapter `adobe-learning-manager` and scheme `basic`; keep the URL and the secret.\n"
        "2. In Learning Manager, as integration administrator: Webhooks, Add; URL, Basic with user and password.\n"
        "3. Choose the real-time events course, learning path and certification: enrolment, unenrolment, completed.\n"
        "4. At most five webhooks for an account: put all events on one.\n"
        "5. Activate it, complete a course as a test learner; GET /v1/deliveries shows the events."
    ),
    schemes=("basic", "static_header", "none"),
    authentication={"scheme": "basic"},
    example={
        "headers": {"content-type": "application/json"},
        "body": {
            "accountId": 20771,
            "events": [
                {
                    "eventId": "8f0c1a2b-6c98-4ed3-b0b0-0aa1bb22cc33",
                    "eventName": "COURSE_COMPLETED",
                    "timestamp": "2026-11-05T03:49:52.000Z",
                    "data": {
                        "userId": 31180928,
                        "loId": "course:8812345",
                        "loInstanceId": "course:8812345_15448484",
                        "loType": "course",
                        "dateCompleted": "2026-11-05T03:49:40.000Z",
                        "hasPassed": True,
                    },
                }
            ],
        },
    },
    parse=parse,
)
