"""iSpring Learn webhooks: `{type, payloads: [...]}`, consecutive events of one type together.

`completionDate` counts nanoseconds by the documentation; other units are told by the magnitude. An enrolment names many
learners at once and no time; a change of status carries no status, so it is acknowledged and ignored. There is no event
id. Only 200 is success, and after a day of failures the queue is lost and the URL must be confirmed again, with a code
that iSpring posts to it.
https://ispringhelpdocs.com/ispring-learn/list-of-event-messages-86770547.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from app.domain.learning import Kind, LearningEvent
from app.lms import Adapter, Delivery, Parsed, SourceSetup, Unreadable
from app.lms._body import json_object
from app.lms._people import account, learner
from app.lms._times import instant, spelling
from app.lms._values import activity, items, text

# type: kind, the field of the activity, its prefix, whether it means success
_TYPES: dict[str, tuple[Kind, str, str, bool | None]] = {
    "COURSE_COMPLETED_SUCCESSFULLY": (Kind.COMPLETED, "courseId", "", True),
    "COURSE_ITEM_COMPLETED_SUCCESSFULLY": (Kind.COMPLETED, "courseItemId", "item:", True),
    "LEARNERS_ENROLLED_IN_COURSE": (Kind.ENROLLED, "courseId", "", None),
}


def parse(delivery: Delivery, setup: SourceSetup) -> Parsed:
    """Return one event for each learner of each payload."""
    body = json_object(delivery)
    name, payloads = text(body.get("type")), body.get("payloads")
    if payloads is None and any("code" in key.lower() for key in body):
        return Parsed(ignored="a confirmation code: send it back with iSpring's POST /webhook/confirm")
    if name is None or not isinstance(payloads, list):
        raise Unreadable("the body has no type or no list of payloads")
    if name not in _TYPES:
        return Parsed(ignored=f"the type {name[:100]!r} tells nothing about a learner's progress")
    events: list[LearningEvent] = []
    for index, payload in enumerate(payloads):
        if not isinstance(payload, dict):
            raise Unreadable(f"payload {index + 1} of {len(payloads)} is not an object")
        try:
            events += _events(name, payload, setup)
        except Unreadable as error:
            raise Unreadable(f"payload {index + 1} of {len(payloads)}: {error}") from None
    return Parsed(tuple(events)) if events else Parsed(ignored="the payloads name no learners")


def _events(name: str, payload: Mapping[str, Any], setup: SourceSetup) -> Iterator[LearningEvent]:
    kind, field, prefix, passed = _TYPES[name]
    told = text(payload.get(field)) or (text(payload.get("itemId")) if prefix else None)
    named = activity(told and prefix + told)
    date = payload.get("completionDate")
    at = instant(date, zone=setup.zone)
    extras = {"enrolments": [one for one in map(text, items(payload.get("enrollmentIds"))[:100]) if one]}
    for person in items(payload.get("learnerIds")) if "learnerIds" in payload else [payload.get("learnerId")]:
        yield LearningEvent(
            kind=kind,
            identities=learner(account(person)),
            activity=named,
            occurred_at=at,
            occurred_at_text=spelling(date),
            passed=passed,
            extras=extras if extras["enrolments"] else {},
        )


ADAPTER = Adapter(
    slug="ispring",
    title="iSpring Learn",
    how_to_connect=(
        "1. POST /v1/sources with adapter `ispring` and the authentication below; keep the URL and the secret.\n"
        "2. Register the subscriber with iSpring's API: that URL, the secret, and the event types you need.\n"
        "3. iSpring posts a confirmation code to the URL; find it in GET /v1/deliveries and confirm it with its API; "
        "likewise after an outage of a day, when iSpring suspends the subscription.\n"
        "4. Types: COURSE_COMPLETED_SUCCESSFULLY, COURSE_ITEM_COMPLETED_SUCCESSFULLY, LEARNERS_ENROLLED_IN_COURSE.\n"
        "5. Complete a course as a test learner; GET /v1/deliveries shows the message and its event."
    ),
    schemes=("concatenation_hash", "none"),
    authentication={"scheme": "concatenation_hash", "header": "X-Hub-Signature", "encoding": "hex"},
    example={
        "headers": {"content-type": "application/json"},
        "body": {
            "type": "COURSE_COMPLETED_SUCCESSFULLY",
            "payloads": [
                {
                    "courseId": "0a6d3f0e-2f6b-11f1-8a7a-0a768b65ead7",
                    "learnerId": "1b7e4a1f-2f6b-11f1-8a7a-0a768b65ead7",
                    "enrollmentIds": ["2c8f5b20-2f6b-11f1-8a7a-0a768b65ead7"],
                    "completionDate": 1788436800000000000,
                }
            ],
        },
    },
    parse=parse,
)
