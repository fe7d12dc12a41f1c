"""What a delivery says: read by its adapter, judged, and what of it is kept. The same live, tried and replayed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from typing import NamedTuple
from urllib.parse import parse_qsl, urlencode

from app.api.setups import Connected
from app.domain.learning import LearningEvent
from app.lms import Delivery, Parsed, TransportFault, Unreadable, _signatures
from app.lms._body import content
from app.lms._statements import posted
from app.lms._telling import telling
from app.models import sources as models
from app.models.sources import DeliveryStatus, SourceStatus
from app.services.ingest import Inbound, unfit
from app.services.sources import receiver_path

RawHeaders = Sequence[tuple[bytes, bytes]]
"""Headers as servers give them: names in lower case, both in latin-1."""

_REASON_LENGTH = 500


class Reading(NamedTuple):
    """The verdict on a delivery, why (None when applied), and the events that it brings."""

    status: DeliveryStatus
    reason: str | None = None
    events: tuple[LearningEvent, ...] = ()


def request_of(
    connected: Connected,
    headers: Mapping[str, str],
    body: bytes,
    query: Mapping[str, str],
    received_at: datetime,
    *,
    path: str | None = None,
) -> Delivery:
    """Return a request to a source as its adapter sees it: its address without any secret segment."""
    return Delivery(
        headers={name.lower(): value for name, value in headers.items() if not name.startswith(":")},
        body=body,
        received_at=received_at,
        path=path or _webhook_of(connected),
        query=query,
    )


def received(
    connected: Connected,
    headers: RawHeaders,
    body: bytes,
    query: Mapping[str, str],
    received_at: datetime,
    *,
    statements: bool = False,
) -> Delivery:
    """Return a request as `request_of` does, of the headers that a server gives, read once.

    `statements`: it came to the address for xAPI statements below the webhook URL.
    """
    texts = {name.decode("latin-1"): value.decode("latin-1") for name, value in headers if name[:1] != b":"}
    path = _statements_of(connected) if statements else _webhook_of(connected)
    return Delivery(texts, body, received_at, path=path, query=query)


def kept_request(connected: Connected, row: models.Delivery) -> Delivery:
    """Return the request that a stored delivery was, without the secrets that it carried."""
    query = dict(parse_qsl(row.headers.get(models.QUERY_HEADER, ""), keep_blank_values=True))
    path = row.headers.get(models.PATH_HEADER)
    return request_of(connected, row.headers, row.body, query, row.received_at, path=path)


def read(connected: Connected, delivery: Delivery) -> Reading:
    """Read an authentic delivery. Raises TransportFault; anything else that is unreadable is quarantined."""
    of_statements = connected.adapter.of_statements
    if of_statements is not None and delivery.path == _statements_of(connected):
        return judged(connected, lambda: of_statements(posted(delivery), connected.setup))
    return judged(connected, lambda: connected.adapter.parse(delivery, connected.setup))


def judged(connected: Connected, parse: Callable[[], Parsed]) -> Reading:
    """Return the verdict on what `parse` reads. Raises TransportFault, as `read` does."""
    try:
        parsed = parse()
    except TransportFault:
        raise
    except Unreadable as error:
        return _quarantined(str(error))
    fault = next((found for event in parsed.events if (found := unfit(event))), None)
    if fault is not None:
        return _quarantined(fault)
    if connected.status == SourceStatus.PAUSED:
        return _quarantined("the source is paused")
    if not parsed.events:
        reason = (parsed.ignored or "it holds no learning event")[:_REASON_LENGTH]
        return Reading(DeliveryStatus.IGNORED, reason)
    return Reading(DeliveryStatus.APPLIED, None, parsed.events)


def inbound(
    connected: Connected,
    delivery: Delivery,
    reading: Reading,
    *,
    marks: Mapping[str, str] | None = None,
    authentic: bool = True,
    given_ids: Sequence[str] = (),
) -> Inbound:
    """Return what to keep of a delivery; the secrets that it carries in clear are taken out.

    `given_ids`: of what came without an id, those that this service gave.
    """
    shown = _signatures.without_secrets(_opened(connected, delivery), connected.setup)
    added = dict(marks or {})
    if shown.query:
        added[models.QUERY_HEADER] = urlencode(shown.query)
    if shown.path != _webhook_of(connected):
        added[models.PATH_HEADER] = shown.path
    return Inbound(
        source_id=connected.source_id,
        received_at=delivery.received_at,
        headers={**shown.headers, **added} if added else shown.headers,
        body=shown.body,
        status=reading.status,
        reason=reading.reason,
        events=reading.events,
        authentic=authentic,
        sent_sha256=None if shown.body is delivery.body else sha256(delivery.body).digest(),
        telling=() if reading.events else _telling(connected, shown, given_ids),
    )


def _webhook_of(connected: Connected) -> str:
    return receiver_path(connected.tenant.slug, connected.slug)


def _statements_of(connected: Connected) -> str:
    return f"{_webhook_of(connected)}/statements"


def _telling(connected: Connected, shown: Delivery, given_ids: Sequence[str]) -> Sequence[tuple[str, str]]:
    return (*telling(connected.adapter, shown, connected.setup), *((":id", each) for each in given_ids))


def _opened(connected: Connected, delivery: Delivery) -> Delivery:
    """Return the request without its content encoding where a secret stands in the body, so that it can go."""
    if "content-encoding" not in delivery.headers:
        return delivery
    authentication = connected.setup.authentication
    if not _signatures.SCHEMES[authentication["scheme"]].carries(authentication).fields:
        return delivery
    headers = {name: value for name, value in delivery.headers.items() if name != "content-encoding"}
    return replace(delivery, headers=headers, body=content(delivery))


def _quarantined(reason: str) -> Reading:
    return Reading(DeliveryStatus.QUARANTINED, reason[:_REASON_LENGTH])
