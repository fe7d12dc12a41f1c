"""Caliper Analytics 1.1 and 1.2, as any sensor posts them, Canvas and Open edX among them.

One envelope `{sensor, sendTime, dataVersion, data: [...]}` or a list of envelopes. `eventTime` is the time, `id` the
event's key, the object (or what an attempt is an attempt at) the activity.
https://www.imsglobal.org/spec/caliper/v1p2; what Open edX sends: https://github.com/openedx/event-routing-backends.
"""

from __future__ import annotations

from app.lms import Adapter, Delivery, Parsed, SourceSetup
from app.lms._body import json_or_form
from app.lms._caliper import parsed


def parse(delivery: Delivery, setup: SourceSetup) -> Parsed:
    """Return the events of the envelopes."""
    return parsed(json_or_form(delivery), zone=setup.zone)


ADAPTER = Adapter(
    slug="caliper",
    title="Caliper Analytics",
    how_to_connect=(
        "1. POST /v1/sources with adapter `caliper`, scheme `static_header`, header Authorization, prefix `Bearer `.\n"
        "2. In the sensor's configuration, enter the webhook URL as the endpoint and the secret as the API key.\n"
        "3. For Open edX, add a router configuration of backend Caliper: auth_scheme Bearer, the secret as auth_key.\n"
        "4. Envelopes with a list of events and lists of envelopes are both read.\n"
        "5. Send a test event; GET /v1/deliveries?source_id=... shows it with its events."
    ),
    schemes=("static_header", "basic", "hmac_sha256", "jws", "query_token", "none"),
    authentication={"scheme": "static_header", "header": "Authorization", "prefix": "Bearer "},
    example={
        "headers": {"content-type": "application/json"},
        "body": {
            "sensor": "https://lms.example.com",
            "sendTime": "2026-06-03T10:11:13.000Z",
            "dataVersion": "http://purl.imsglobal.org/ctx/caliper/v1p2",
            "data": [
                {
                    "@context": "http://purl.imsglobal.org/ctx/caliper/v1p2",
                    "id": "urn:uuid:2f6d1d37-64ad-4bcb-9a6a-f1f4f3f0b001",
                    "type": "Event",
                    "action": "Completed",
                    "actor": {"id": "https://lms.example.com/user/8a4d6f2e", "type": "Person"},
                    "object": {
                        "id": "https://lms.example.com/course/course-v1:Acme+SEC101+2026_T2",
                        "type": "CourseOffering",
                        "name": "Security Essentials",
                    },
                    "eventTime": "2026-06-03T10:11:12.345Z",
                }
            ],
        },
    },
    parse=parse,
)
