"""`/v1/webhooks/{tenant}/{source}`: where the LMSs post to. Verified, parsed, kept, committed, then answered."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Path, Request, Response
from sqlalchemy.exc import DBAPIError
from starlette.types import Receive, Scope, Send

from app.api import handshakes, readings, telemetry
from app.api.bodies import whole
from app.api.budgets import Budgets
from app.api.deps import Ingest
from app.api.errors import answer, problem
from app.api.senders import Senders
from app.api.setups import Connected, Directory
from app.domain import ids
from app.domain.errors import ThroughlineError, Unavailable
from app.lms import Delivery, Refused, TransportFault
from app.models import sources as models
from app.models.sources import UNVERIFIED_HEADER, Acknowledgement, DeliveryStatus
from app.services.ingest import Inbound, Receipt

log = structlog.get_logger(__name__)

router = APIRouter(prefix="/webhooks", tags=["webhooks"])

_TENANT = Annotated[str, Path(description="Slug of the tenant.", examples=["acme"])]
_SOURCE = Annotated[str, Path(description="Slug of the source.", examples=["docebo"])]
_SECRET = Annotated[str, Path(description="Secret segment of a source whose sender cannot authenticate otherwise.")]
_PLACES = ("/{tenant}/{source}", "/{tenant}/{source}/{secret}")
_LENGTHS = (2, 3)
"""How many segments they have."""

_OTHERS = ["GET", "HEAD", "PUT", "PATCH", "DELETE", "TRACE"]
_DOCUMENTED: dict[str, Any] = {
    "responses": {
        401: {
            "description": "`bad_signature`: The delivery is not authentic.",
            "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}},
        }
    },
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
async def receive(tenant: _TENANT, source: _SOURCE, request: Request) -> Any:
    """Answer 200 when the delivery is committed, readable or not; a bad signature is 401 and keeps nothing."""
    return await _receive(request, tenant, source)


@router.post(
    "/{tenant}/{source}/{secret}",
    operation_id="receiveDeliveryAtSecretPath",
    summary="Receive a delivery at a secret path",
    **_DOCUMENTED,
)
async def receive_at_secret_path(tenant: _TENANT, source: _SOURCE, secret: _SECRET, request: Request) -> Any:
    """For senders that can prove nothing else; works like the plain address."""
    return await _receive(request, tenant, source, secret)


class Entrance:
    """The addresses for deliveries as an ASGI application of its own, which stands beside FastAPI.

    It does what the documented routes above do. What the framework does around a route, and its search for one, would
    be most of the work on a delivery.
    """

    def __init__(self, prefix: str) -> None:
        self._start = f"{prefix}{router.prefix}/"
        self._routes = [_Named(f"{prefix}{router.prefix}{place}") for place in _PLACES]

    def takes(self, scope: Scope) -> bool:
        """Return whether a request is a delivery; those of browsers (with an origin) go the long way, through CORS."""
        if scope["type"] != "http" or scope["method"] != "POST" or not scope["path"].startswith(self._start):
            return False
        return len(self._parts(scope)) in _LENGTHS and all(name != b"origin" for name, _ in scope["headers"])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request that it `takes`."""
        parts = self._parts(scope)
        scope["route"] = self._routes[len(parts) - _LENGTHS[0]]
        request = Request(scope, receive)
        try:
            response: Response = await _receive(request, *parts)
        except (ThroughlineError, DBAPIError) as error:
            response = await answer(request, error)
        await response(scope, receive, send)

    def _parts(self, scope: Scope) -> list[str]:
        parts: list[str] = scope["path"][len(self._start) :].split("/")
        return parts if all(parts) else []


@dataclass(frozen=True, slots=True)
class _Named:
    """What logs and counters know a route by."""

    path: str


@router.api_route("/{tenant}/{source}", methods=["OPTIONS"], include_in_schema=False)
@router.api_route("/{tenant}/{source}/{secret}", methods=["OPTIONS"], include_in_schema=False)
async def permit(tenant: _TENANT, source: _SOURCE, request: Request) -> Response:
    """Give a CloudEvents sender the permission that it asks for before it sends."""
    senders: Senders = request.app.state.senders
    directory: Directory = request.app.state.directory
    try:
        senders.check_path(await directory.find(tenant, source), request.path_params.get("secret", ""))
    except Refused as error:
        return problem(request, "bad_signature", f"The address is not right: {error}.")
    return handshakes.permission(request)


@router.api_route("/{tenant}/{source}", methods=_OTHERS, include_in_schema=False)
@router.api_route("/{tenant}/{source}/{secret}", methods=_OTHERS, include_in_schema=False)
async def refuse(request: Request) -> Response:
    """Answer every other method: a receiver only takes what is posted."""
    return problem(request, "method_not_allowed", headers={"Allow": handshakes.ALLOW})


async def _receive(request: Request, tenant: str, source: str, secret: str = "") -> Response:
    directory: Directory = request.app.state.directory
    ingest: Ingest = request.app.state.ingest
    budgets: Budgets = request.app.state.budgets
    connected = await directory.find(tenant, source)
    body = await whole(request.receive)
    query = dict(request.query_params) if request.scope["query_string"] else {}
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in request.scope["headers"]}
    delivery = readings.request_of(connected, headers, body, query, datetime.now(UTC))
    adapter = connected.adapter.slug
    try:
        inbound = await _admitted(request, connected, delivery, secret)
    except Refused as error:
        telemetry.delivery_judged(adapter, "rejected")
        log.warning("delivery_refused", tenant=connected.tenant.slug, source=connected.slug, reason=str(error)[:500])
        return problem(request, "bad_signature", f"The delivery is not authentic: {error}.")
    except TransportFault as error:
        telemetry.delivery_judged(adapter, "rejected")
        return problem(request, error.code.value, f"The delivery cannot be decoded: {error}.")
    try:
        with budgets.place(connected.source_id, len(body)):
            receipt = await ingest.submit(connected.tenant, inbound)
    except Unavailable:
        telemetry.delivery_judged(adapter, "unavailable")
        raise
    telemetry.delivery_judged(adapter, receipt.status.value)
    return Response(_acknowledgement(receipt), media_type="application/json")


def _acknowledgement(receipt: Receipt) -> str:
    """Return an `Acknowledgement` as JSON."""
    delivery_id = ids.encode(models.Delivery.prefix, receipt.delivery_id)
    reason = "null" if receipt.reason is None else json.dumps(receipt.reason)
    return (
        f'{{"delivery":"{delivery_id}","status":"{receipt.status.value}","recorded":{receipt.recorded},'
        f'"duplicates":{receipt.duplicates},"reason":{reason}}}'
    )


async def _admitted(request: Request, connected: Connected, delivery: Delivery, path_secret: str) -> Inbound:
    """Return what to keep of a delivery. Raises Refused and TransportFault."""
    senders: Senders = request.app.state.senders
    try:
        await senders.authenticate(connected, delivery, path_secret)
    except Refused as error:
        changed = await request.app.state.directory.renewed(connected)
        if changed is not None:
            return await _admitted(request, changed, delivery, path_secret)
        if not request.app.state.handshakes.admits(connected, delivery):
            raise
        reason = f"a confirmation code whose sender nothing proved ({error}): send it back with iSpring's API"
        code = readings.Reading(DeliveryStatus.IGNORED, reason)
        return readings.inbound(connected, delivery, code, marks={UNVERIFIED_HEADER: "true"}, authentic=False)
    return readings.inbound(connected, delivery, readings.read(connected, delivery))
