"""CloudEvents 1.0 over HTTP: structured, binary and batch mode.

The content type tells the mode: `application/cloudevents+json` is structured, `application/cloudevents-batch+json` a
batch, any other with `ce-` headers binary (their values are percent-encoded). `source` and `id` together are the
event's key. Types and data are the sender's own: the source's field map reads `{type, source, id, key, time, subject,
verb, data}`, where `verb` is the last word of the type; without a map the usual names are tried.
https://github.com/cloudevents/spec/blob/main/cloudevents/bindings/http-protocol-binding.md,
https://github.com/cloudevents/spec/blob/main/cloudevents/http-webhook.md
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from app.domain.errors import Fault
from app.lms import Adapter, Delivery, Parsed, SourceSetup, TransportFault, TransportFaultCode, Unreadable
from app.lms._body import json_or_form, strict_json
from app.lms._envelopes import CONVENTION, verb_of
from app.lms._fieldmaps import check, field_map
from app.lms._mapped import parsed
from app.lms._values import text

_STRUCTURED, _BATCH = "application/cloudevents+json", "application/cloudevents-batch+json"
_VERSION = "1.0"


def parse(delivery: Delivery, setup: SourceSetup) -> Parsed:
    """Return the events of one CloudEvent or a batch."""
    documents = [_document(one) for one in _cloud_events(delivery)]
    rules = field_map({**CONVENTION, **setup.mapping, "items": "events"})
    return parsed(delivery, {"events": documents}, rules, setup)


def check_mapping(mapping: Mapping[str, Any]) -> list[Fault]:
    """Return what is wrong with a field map; its parts stand in for those of the convention."""
    if "items" in mapping:
        return [Fault("unknown_field", "the items of CloudEvents are its events", pointer="/items")]
    return check({**CONVENTION, **mapping})


def _cloud_events(delivery: Delivery) -> list[Mapping[str, Any]]:
    media_type = delivery.headers.get("content-type", "").partition(";")[0].strip().lower()
    binary = "ce-specversion" in delivery.headers
    if binary and media_type in {_STRUCTURED, _BATCH}:
        raise TransportFault(
            TransportFaultCode.CONTRADICTORY_HEADERS, "the headers say binary mode, the content type another"
        )
    if binary:
        return [_binary(delivery)]
    found = json_or_form(delivery)
    listed = found if isinstance(found, list) else [found]
    if not all(isinstance(one, dict) for one in listed):
        raise Unreadable("a member of the batch is not a JSON object")
    own = delivery.headers.get("ce-id")
    if own is not None and [unquote(own)] != [one.get("id") for one in listed]:
        reason = f"the header ce-id says {own[:100]!r}, and the body another id or several"
        raise TransportFault(TransportFaultCode.CONTRADICTORY_HEADERS, reason)
    return listed


def _binary(delivery: Delivery) -> Mapping[str, Any]:
    attributes = {name[3:]: unquote(value) for name, value in delivery.headers.items() if name.startswith("ce-")}
    return {**attributes, "data": json_or_form(delivery) if delivery.body else None}


def _document(event: Mapping[str, Any]) -> dict[str, Any]:
    told = [text(event.get(name)) for name in ("specversion", "type", "source", "id")]
    if not all(told) or told[0] != _VERSION:
        raise Unreadable("a CloudEvent has specversion 1.0, type, source and id")
    data = event.get("data")
    if "data_base64" in event:
        try:
            data = strict_json(base64.b64decode(str(event["data_base64"]), validate=True))
        except ValueError:
            raise Unreadable("data_base64 is not base64") from None
    return {
        **event,
        "data": data,
        "key": _key(str(event["source"]), str(event["id"])),
        "verb": verb_of(event["type"]),
    }


def _key(source: str, event_id: str) -> str:
    """Return what `source` and `id` are together; no other two give the same."""
    if "|" in source or "|" in event_id:
        return "||".join(part.replace("%", "%25").replace("|", "%7C") for part in (source, event_id))
    return f"{source}|{event_id}"


ADAPTER = Adapter(
    slug="cloudevents",
    title="CloudEvents",
    how_to_connect=(
        "1. POST /v1/sources with adapter `cloudevents` and the authentication below, or scheme `query_token`.\n"
        "2. Let the sender post to the webhook URL with `Authorization: Bearer <secret>`; OPTIONS is answered.\n"
        "3. Types that end in completed, passed, enrolled and so on are read by convention, with data.user_id and\n"
        "4. data.course_id; for other names set a mapping on {type, source, id, time, subject, verb, data}.\n"
        "5. Send a sample to POST /v1/sources/{id}/try until its events are right."
    ),
    notes=(
        "Attributes in headers beside a structured event or a batch are 400: binary mode and another one at "
        "once, or a ce-id that is not the id of the body. In binary mode ids inside the data are those of "
        "objects."
    ),
    schemes=("static_header", "query_token", "hmac_sha256", "standard_webhooks", "basic", "none"),
    authentication={"scheme": "static_header", "header": "Authorization", "prefix": "Bearer "},
    example={
        "headers": {"content-type": "application/cloudevents+json; charset=UTF-8"},
        "body": {
            "specversion": "1.0",
            "type": "com.example.learning.course.completed",
            "source": "/lms/eu-1",
            "id": "ce-0001",
            "time": "2026-05-05T10:00:00Z",
            "subject": "user/551",
            "datacontenttype": "application/json",
            "data": {"courseId": "c-9", "userId": "551", "score": 91},
        },
    },
    headers=("*",),
    parse=parse,
    check_mapping=check_mapping,
    reference={"convention": CONVENTION},
)
