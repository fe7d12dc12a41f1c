"""What platforms send before their first event, to see whether somebody listens.

CloudEvents ask with OPTIONS whether they may send. iSpring posts a code that its administrator sends back through
iSpring's API, at first and again after a day without answers; whether that request is signed is not documented, so an
unsigned one is kept, marked, and never counts. It is kept for an active source too: of an outage here, or of an address
that was entered anew, the source knows nothing, and a code that nobody keeps leaves the subscription dead. The others
need nothing of their own: Cornerstone's verification and heartbeats and Northpass's probe are signed like every
delivery and answered 200 like every delivery.
https://github.com/cloudevents/spec/blob/main/cloudevents/http-webhook.md#4-abuse-protection,
https://ispringhelpdocs.com/ispring-learn/sending-a-verification-code-62863675.html
"""

import re
import time
from uuid import UUID

from fastapi import Request, Response

from app.api.setups import Connected
from app.lms import Delivery, Unreadable
from app.lms._body import json_object

ALLOW = "POST, OPTIONS"
_ORIGIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.:-]{0,253})", re.ASCII)
_CODE = re.compile(r"[A-Za-z0-9-]{8,64}", re.ASCII)
_CODE_BYTES = 1_024
_CODES_AN_HOUR = 5
_HOUR = 3_600.0
_REMEMBERED_MOST = 1_000


def permission(request: Request) -> Response:
    """Answer an OPTIONS request: leave to send, at any rate, for the origin that asks for it by a plain host name."""
    headers = {"Allow": ALLOW}
    origin = request.headers.get("webhook-request-origin", "")
    if _ORIGIN.fullmatch(origin):
        headers |= {"WebHook-Allowed-Origin": origin, "WebHook-Allowed-Rate": "*"}
    return Response(status_code=200, headers=headers)


class Handshakes:
    """Lets unsigned confirmation codes in: few and small."""

    def __init__(self) -> None:
        self._seen: dict[UUID, list[float]] = {}

    def admits(self, connected: Connected, delivery: Delivery) -> bool:
        """Return whether an unproved delivery is a confirmation code to keep."""
        if connected.adapter.slug != "ispring" or not _is_code(delivery):
            return False
        now = time.monotonic()
        if len(self._seen) >= _REMEMBERED_MOST:
            self._seen.clear()
        recent = [at for at in self._seen.get(connected.source_id, []) if at > now - _HOUR]
        self._seen[connected.source_id] = [*recent, now][:_CODES_AN_HOUR]
        return len(recent) < _CODES_AN_HOUR


def _is_code(delivery: Delivery) -> bool:
    if len(delivery.body) > _CODE_BYTES or "content-encoding" in delivery.headers:
        return False
    try:
        body = json_object(delivery)
    except Unreadable:
        return False
    codes = [value for name, value in body.items() if "code" in name.lower()]
    return "payloads" not in body and len(codes) == 1 and bool(_CODE.fullmatch(str(codes[0])))
