"""Standard Webhooks of any sender: `{type, timestamp, data}` and the headers webhook-id, -timestamp and -signature.

`webhook-id` is the event's key, stable over retries; an `id` of the body that is a message's as well must be the same.
Types and data are the sender's own: the source's field map reads
`{type, id, key, time, verb, data}`, where `verb` is the last word of the type; without a map the usual names are tried.
https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.domain.errors import Fault
from app.lms import Adapter, Delivery, Parsed, SourceSetup, Unreadable
from app.lms._body import json_object
from app.lms._envelopes import CONVENTION, expect_one_id, verb_of
from app.lms._fieldmaps import check, field_map
from app.lms._mapped import parsed


def parse(delivery: Delivery, setup: SourceSetup) -> Parsed:
    """Return the event, or the events where the mapping says that `data` holds several."""
    body = json_object(delivery)
    if not isinstance(body.get("type"), str) or "data" not in body:
        raise Unreadable("the body has no type or no data")
    prefix = str(setup.authentication.get("header_prefix") or "webhook").lower()
    message_id = delivery.headers.get(f"{prefix}-id", "")
    expect_one_id(f"{prefix}-id", message_id, body.get("id"))
    document = {
        **body,
        "time": body.get("timestamp"),
        "key": message_id or body.get("id"),
        "verb": verb_of(body["type"]),
    }
    return parsed(delivery, document, field_map({**CONVENTION, **setup.mapping}), setup)


def check_mapping(mapping: Mapping[str, Any]) -> list[Fault]:
    """Return what is wrong with a field map; its parts stand in for those of the convention."""
    return check({**CONVENTION, **mapping})


ADAPTER = Adapter(
    slug="standard-webhooks",
    title="Standard Webhooks",
    how_to_connect=(
        "1. POST /v1/sources with adapter `standard-webhooks`; keep the webhook URL and the `whsec_` secret.\n"
        "2. Enter both at the sender; if it makes the secret itself, give that to the source instead.\n"
        "3. Types that end in completed, passed, enrolled and so on are read by convention, with data.user_id and\n"
        "4. data.course_id; for other names set a mapping on {type, time, key, verb, data}.\n"
        "5. Send a sample to POST /v1/sources/{id}/try until its events are right."
    ),
    notes=(
        "webhook-id is the id of the message and the event's key; an id of the body that begins like it "
        "(`msg_`) must be the same, or the answer is 400; any other id of the body is that of an object and "
        "may be anything."
    ),
    schemes=("standard_webhooks",),
    authentication={"scheme": "standard_webhooks"},
    example={
        "headers": {"content-type": "application/json", "webhook-id": "msg_StdExample0001"},
        "body": {
            "type": "course.completed",
            "timestamp": "2026-01-01T00:00:00.120000Z",
            "data": {"user_id": "u_1", "course_id": "c_1"},
        },
    },
    headers=("*",),
    parse=parse,
    check_mapping=check_mapping,
    reference={"convention": CONVENTION},
)
