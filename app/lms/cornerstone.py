"""Cornerstone CSX webhooks: gzip, batches in `records`, an empty batch every five minutes as a heartbeat.

Each record's `value` names its case (`lmsEventsCase`) and holds the data under the same name, first letter lower. The
learner is `targetUser...`; `actorId` and `createdBy...` are whoever acted. There is no e-mail and no score.
`trainingRegistrationNumber` tells re-takes apart. A 4xx is final for the sender. Its canonical HMAC in Authorization is
not checked (the signed string is not documented); `x-api-key` is.
https://csod.dev/guides/webhooks/event-payload-samples.html, https://csod.dev/guides/webhooks/security-features.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.domain.learning import Kind, LearningEvent
from app.lms import Adapter, Delivery, Parsed, SourceSetup, Unreadable
from app.lms._body import json_object
from app.lms._people import account, full_name, learner, username
from app.lms._times import end, first_of
from app.lms._values import activity, identifier, mapping, text

_KINDS = {"TrainingCompleted": Kind.COMPLETED, "TrainingAssigned": Kind.ENROLLED}


def parse(delivery: Delivery, setup: SourceSetup) -> Parsed:
    """Return one event for each record about a learner's training."""
    records = json_object(delivery).get("records")
    if not isinstance(records, list):
        raise Unreadable("the body has no list of records")
    if not records:
        return Parsed(ignored="a heartbeat: the list of records is empty")
    events, cases = [], dict[str, None]()
    for index, record in enumerate(records):
        value = mapping(mapping(record).get("value"))
        case = text(value.get("lmsEventsCase"))
        if case is None:
            raise Unreadable(f"record {index + 1} of {len(records)} does not name its case")
        if case not in _KINDS:
            cases.setdefault(case[:100])
            continue
        try:
            events.append(_event(_KINDS[case], value, case, setup))
        except Unreadable as error:
            raise Unreadable(f"record {index + 1} of {len(records)}: {error}") from None
    if events:
        return Parsed(tuple(events))
    return Parsed(ignored=f"{', '.join(cases)} tells nothing about a learner's progress")


def _event(kind: Kind, value: Mapping[str, Any], case: str, setup: SourceSetup) -> LearningEvent:
    data = mapping(mapping(value.get(case[0].lower() + case[1:])).get("data"))
    headers = mapping(value.get("headers"))
    at, at_text = first_of(data.get("trainingActionDateTimestamp"), zone=setup.zone)
    reference = text(data.get("trainingRef"))
    extras = {
        "registration": text(data.get("trainingRegistrationNumber")),
        "division": text(data.get("targetUserDivisionRef")),
        "location": text(data.get("targetUserLocationRef")),
    }
    numbered = [text(data.get(name)) for name in ("targetUserId", "trainingId", "trainingRegistrationNumber")]
    return LearningEvent(
        kind=kind,
        attempt="|".join(filter(None, numbered)) if all(numbered) else None,
        identities=learner(
            account(data.get("targetUserRef")),
            account(data.get("targetUserGuid")),
            username(data.get("targetUsername")),
        ),
        activity=activity(
            reference or data.get("trainingId"), title=data.get("trainingTitle"), aliases=(data.get("trainingId"),)
        ),
        occurred_at=at,
        occurred_at_text=at_text,
        event_key=identifier(data.get("eventId"), "event") or identifier(headers.get("messageId"), "message"),
        due_at=end(data.get("dueDateTimestamp"), zone=setup.zone),
        person_name=full_name(data.get("targetUserFirstName"), data.get("targetUserLastName")),
        extras={name: told for name, told in extras.items() if told},
    )


ADAPTER = Adapter(
    slug="cornerstone",
    title="Cornerstone CSX",
    how_to_connect=(
        "1. POST /v1/sources with adapter `cornerstone` and the authentication below, without a secret yet.\n"
        "2. In Cornerstone: Admin, Tools, Edge, Webhooks, Create; give its API key to the source, then Verify.\n"
        "3. Subscribe to Training Completion and Training Assigned; leave gzip on.\n"
        "4. Set the source's silence threshold to 15 minutes: heartbeats come every five.\n"
        "5. Complete a training as a test user; GET /v1/deliveries shows the batch and its event."
    ),
    notes=(
        "eventId and headers.messageId of a record are one id in Cornerstone's samples; eventId decides, as a "
        "4xx would be final for every record of the batch.\n"
        "A 4xx is never sent again, and a heartbeat comes every five minutes."
    ),
    schemes=("static_header", "query_token", "none"),
    authentication={"scheme": "static_header", "header": "x-api-key"},
    example={
        "headers": {"content-type": "application/json"},
        "body": {
            "subscriptionId": "2f977027-0000-4000-8000-0000000000dd",
            "attemptNumber": 1,
            "records": [
                {
                    "offset": 168,
                    "value": {
                        "headers": {"actorId": 812, "messageId": "3e7b5f60-5c1c-4a37-8f6a-4a1f4d0c9b77"},
                        "lmsEventsCase": "TrainingCompleted",
                        "trainingCompleted": {
                            "data": {
                                "eventId": "3e7b5f60-5c1c-4a37-8f6a-4a1f4d0c9b77",
                                "trainingRef": "GDPR-2026",
                                "trainingTitle": "GDPR Refresher",
                                "targetUserRef": "EMP45511",
                                "trainingActionDateTimestamp": "2026-09-14T18:54:38.973Z",
                            }
                        },
                    },
                }
            ],
        },
    },
    parse=parse,
)
