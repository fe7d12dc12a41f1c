"""Any sender whose payload is JSON, a form or a signed body: a field map in the source's setup says what is where.

The map is documented, field by field and with an example for each shape of body, in `REFERENCE`, which is what
`GET /v1/adapters/mapped` shows. It serves senders that have no adapter of their own.
"""

from __future__ import annotations

from app.lms import Adapter, Delivery, Parsed, SourceSetup, Unreadable
from app.lms._envelopes import expect_one_id
from app.lms._fieldmaps import check, field_map
from app.lms._mapped import parsed, payload
from app.lms._mapped_reference import EXAMPLES, REFERENCE


def parse(delivery: Delivery, setup: SourceSetup) -> Parsed:
    """Return the events that the source's field map finds in the payload."""
    if not setup.mapping:
        raise Unreadable("the source has no mapping; send one with PATCH /v1/sources/{id} and replay the delivery")
    rules = field_map(setup.mapping)
    document = payload(delivery, rules)
    if setup.authentication.get("scheme") == "standard_webhooks" and isinstance(document, dict):
        header = f"{setup.authentication.get('header_prefix') or 'webhook'}-id".lower()
        expect_one_id(header, delivery.headers.get(header, ""), document.get("id"))
    return parsed(delivery, document, rules, setup)


ADAPTER = Adapter(
    slug="mapped",
    title="Any payload, by a field map",
    how_to_connect=(
        "1. Let the sender post one payload to a request inspector; see where learner, course, time and kind stand.\n"
        "2. Write a mapping with JMESPath expressions; start from the example whose shape is nearest.\n"
        "3. POST /v1/sources with adapter `mapped`, the mapping and the authentication scheme that the sender can do.\n"
        "4. Send the payload to POST /v1/sources/{id}/try until events and verdict are right; nothing is stored.\n"
        "5. Give the sender the webhook URL and the secret that POST /v1/sources answered."
    ),
    notes=(
        "Under the scheme standard_webhooks an id of the body that begins like webhook-id (`msg_`, as Whop "
        "repeats it) must be the same, or the answer is 400; elsewhere the id of a delivery in a header and "
        "an id of the body are taken for different things, and event_id says which of them is the event's.\n"
        "Coassemble: scheme hmac_sha256 with header X-Coassemble-Signature, prefix `sha256=` and "
        "timestamp_header X-Coassemble-Timestamp."
    ),
    schemes=(
        "hmac_sha256",
        "standard_webhooks",
        "static_header",
        "basic",
        "body_field",
        "concatenation_hash",
        "embedded_md5",
        "jws",
        "oauth2",
        "query_token",
        "none",
    ),
    authentication={"scheme": "hmac_sha256", "header": "X-Webhook-Signature", "encoding": "hex", "prefix": ""},
    example={key: EXAMPLES[0][key] for key in ("headers", "body", "mapping")},
    headers=("*",),
    parse=parse,
    check_mapping=check,
    reference=REFERENCE,
)
