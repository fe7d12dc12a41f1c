"""`/v1/webhooks/{tenant}/{source}`: where the LMSs post to. Verified, parsed, kept, committed, then answered."""

import hmac
from datetime import UTC, datetime
from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Path, Request
from fastapi.responses import JSONResponse

from app.api import telemetry
from app.api.deps import DirectoryOf, IngestOf
from app.api.errors import problem
from app.api.setups import Connected
from app.domain.errors import Unavailable
from app.lms import Delivery, Parsed, Refused, TransportFault, Unreadable, _signatures
from app.models.sources import Acknowledgement, DeliveryStatus, SourceStatus
from app.services.ingest import Inbound, unfit

log = structlog.get_logger(__name__)

router = APIRouter(prefix="/webhooks", tags=["webhooks"])

_TENANT = Annotated[str, Path(description="Slug of the tenant.", examples=["acme"])]
_SOURCE = Annotated[str, Path(description="Slug of the source.", examples=["docebo"])]
_SECRET = Annotated[str, Path(description="Secret segment of a source whose sender cannot authenticate otherwise.")]
_REASON_LENGTH = 500
_DOCUMENTED: dict[str, Any] = {
    "responses": {401: {"description": "Bad signature"}, 413: {"description": "Too large"}},
    "openapi_extra": {
        "requestBody": {
            "required": True,
            "description": "The platform's own format; it is kept as received.",
            "content": {"application/json": {"schema": {}}, "application/x-www-form-urlencoded": {"schema": {}}},
        }
    },
    "response_model": Acknowledgement,
}


@router.post("/{tenant}/{source}", operation_id="receiveDelivery", summary="Receive a delivery", **_DOCUMENTED)
async def receive(tenant: _TENANT, source: _SOURCE, request: Request, directory: DirectoryOf, ingest: IngestOf) -> Any:
    """Answer 200 when the delivery is committed, readable or not; a bad signature is 401 and keeps nothing."""
    return await _receive(request, await directory.find(tenant, source), ingest, "")


@router.post(
    "/{tenant}/{source}/{secret}",
    operation_id="receiveDeliveryAtSecretPath",
    summary="Receive a delivery at a secret path",
    **_DOCUMENTED,
)
async def receive_at_secret_path(
    tenant: _TENANT, source: _SOURCE, secret: _SECRET, request: Request, directory: DirectoryOf, ingest: IngestOf
) -> Any:
    """For senders that can prove nothing else; works like the plain address."""
    return await _receive(request, await directory.find(tenant, source), ingest, secret)


async def _receive(request: Request, connected: Connected, ingest: IngestOf, path_secret: str) -> Any:
    delivery = Delivery(
        headers={name.lower(): value for name, value in request.headers.items()},
        body=await request.body(),
        received_at=datetime.now(UTC),
        path=request.url.path,
        query=dict(request.query_params),
    )
    adapter = connected.adapter.slug
    try:
        _authenticate(connected, delivery, path_secret)
        inbound = _read(connected, delivery)
    except Refused as error:
        telemetry.delivery_judged(adapter, "rejected")
        log.warning(
            "delivery_refused", tenant=connected.tenant.slug, source=connected.slug, reason=str(error)[:_REASON_LENGTH]
        )
        return problem(request, "bad_signature", f"The delivery is not authentic: {error}.")
    except TransportFault as error:
        telemetry.delivery_judged(adapter, "rejected")
        return problem(request, error.code.value, f"The delivery cannot be decoded: {error}.")
    try:
        receipt = await ingest.submit(connected.tenant, inbound)
    except Unavailable:
        telemetry.delivery_judged(adapter, "unavailable")
        raise
    telemetry.delivery_judged(adapter, receipt.status.value)
    answer = Acknowledgement(
        delivery=receipt.delivery_id,
        status=receipt.status,
        recorded=receipt.recorded,
        duplicates=receipt.duplicates,
        reason=receipt.reason,
    )
    return JSONResponse(answer.model_dump(mode="json"))


def _authenticate(connected: Connected, delivery: Delivery, path_secret: str) -> None:
    """Raise Refused unless the delivery proves that it comes from the source."""
    if _signatures.SCHEMES[connected.setup.authentication["scheme"]].secret_path:
        sent = path_secret.encode()
        if sum(hmac.compare_digest(sent, secret.encode()) for secret in connected.setup.secrets) == 0:
            raise Refused("the address lacks its secret segment, or has a wrong one")
    elif path_secret:
        raise Refused("this source has no secret segment in its address")
    _signatures.verify(delivery, connected.setup)


def _read(connected: Connected, delivery: Delivery) -> Inbound:
    """Return what to keep of an authentic delivery. Raises TransportFault; anything else unreadable is quarantined."""
    status, reason, parsed = DeliveryStatus.APPLIED, None, Parsed()
    try:
        parsed = connected.adapter.parse(delivery, connected.setup)
    except TransportFault:
        raise
    except Unreadable as error:
        status, reason = DeliveryStatus.QUARANTINED, str(error)
    fault = next((found for event in parsed.events if (found := unfit(event))), None)
    if fault is not None:
        status, reason, parsed = DeliveryStatus.QUARANTINED, fault, Parsed()
    if status is DeliveryStatus.APPLIED and connected.status == SourceStatus.PAUSED:
        status, reason, parsed = DeliveryStatus.QUARANTINED, "the source is paused", Parsed()
    if status is DeliveryStatus.APPLIED and not parsed.events:
        status, reason = DeliveryStatus.IGNORED, parsed.ignored or "it holds no learning event"
    shown = _signatures.without_secrets(delivery, connected.setup)
    return Inbound(
        source_id=connected.source_id,
        received_at=delivery.received_at,
        headers=shown.headers,
        body=shown.body,
        status=status,
        reason=None if reason is None else reason[:_REASON_LENGTH],
        events=parsed.events,
    )
