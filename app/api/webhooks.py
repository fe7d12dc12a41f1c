"""`/v1/webhooks/{tenant}/{source}`: where the LMSs post to."""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from sqlalchemy.exc import DBAPIError
from starlette.types import Scope

from app.api import handshakes
from app.api.errors import answer, problem
from app.api.middleware import Frame, Limits
from app.api.passages import Passage
from app.api.reception import Reception
from app.api.senders import Senders
from app.api.setups import Directory
from app.domain.errors import ThroughlineError
from app.lms import Refused
from app.models.sources import Acknowledgement

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
    return await _received(request, tenant, source)


@router.post(
    "/{tenant}/{source}/{secret}",
    operation_id="receiveDeliveryAtSecretPath",
    summary="Receive a delivery at a secret path",
    **_DOCUMENTED,
)
async def receive_at_secret_path(tenant: _TENANT, source: _SOURCE, secret: _SECRET, request: Request) -> Any:
    """For senders that can prove nothing else; works like the plain address."""
    return await _received(request, tenant, source, secret)


async def _received(request: Request, *place: str) -> Response:
    reception: Reception = request.app.state.reception
    told = await reception.take(place, request.scope["headers"], request.scope["query_string"], request.body)
    return Response(told, media_type="application/json")


class Entrance(Frame):
    """The addresses for deliveries beside FastAPI, in the same frame; it does what the documented routes above do.

    What the framework does around a route, and its search for one, would be most of the work on a delivery.
    """

    def __init__(self, reception: Reception, prefix: str, limits: Limits) -> None:
        super().__init__(limits)
        self._reception = reception
        self._start = f"{prefix}{router.prefix}/"
        self._routes = [_Named(f"{prefix}{router.prefix}{place}") for place in _PLACES]

    def takes(self, scope: Scope) -> bool:
        """Return whether a request is a delivery; those of browsers (with an origin) go the long way, through CORS."""
        if scope["type"] != "http" or scope["method"] != "POST" or not scope["path"].startswith(self._start):
            return False
        return len(self._place(scope)) in _LENGTHS and b"origin" not in dict(scope["headers"])

    async def serve(self, passage: Passage) -> None:
        """Serve a request that it `takes`."""
        scope = passage.scope
        place = self._place(scope)
        scope["route"] = self._routes[len(place) - _LENGTHS[0]]
        try:
            told = await self._reception.take(place, scope["headers"], scope["query_string"], passage.body)
        except (ThroughlineError, DBAPIError) as error:
            refusal = await answer(Request(scope), error)
            await refusal(scope, passage.receive, passage.send)
        else:
            await passage.answer(told)

    def _place(self, scope: Scope) -> list[str]:
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
