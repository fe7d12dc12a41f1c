"""`/v1/webhooks/{tenant}/{source}`: where the LMSs post to.

Plugins that take the webhook URL for that of a learning record store (Moodle's logstore_xapi, Open edX's
event-routing-backends) find below it what they use of one: `statements`, to POST and PUT, and `about`. What comes there
is received like any delivery (read leniently, kept, quarantined), only the answers are those of a store: the store
that takes nothing but valid statements, and gives them out again, is `/v1/xapi`.
"""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DBAPIError
from starlette.types import Scope

from app.api import handshakes
from app.api.errors import answer, problem
from app.api.middleware import Frame, Limits
from app.api.passages import Passage
from app.api.reception import Reception
from app.api.senders import Senders
from app.api.setups import Directory
from app.api.xapi.entities import about
from app.api.xapi.exchange import VERSION_HEADER
from app.domain.errors import ThroughlineError
from app.lms import Refused
from app.lms._xapi import Edition, edition_of
from app.models.sources import Acknowledgement

router = APIRouter(prefix="/webhooks", tags=["webhooks"])

_TENANT = Annotated[str, Path(description="Slug of the tenant.", examples=["acme"])]
_SOURCE = Annotated[str, Path(description="Slug of the source.", examples=["docebo"])]
_SECRET = Annotated[str, Path(description="Secret segment of a source whose sender cannot authenticate otherwise.")]
_PLACES = ("/{tenant}/{source}", "/{tenant}/{source}/{secret}")
_LENGTHS = (2, 3)
"""How many segments they have."""

_OTHERS_THAN_STATEMENTS = ["GET", "HEAD", "PATCH", "DELETE", "OPTIONS", "TRACE"]
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


_STATEMENTS: dict[str, Any] = {
    "responses": _DOCUMENTED["responses"],
    "openapi_extra": {
        "requestBody": {
            "required": True,
            "description": "One xAPI statement or an array of them; it is kept as received.",
            "content": {"application/json": {"schema": {}}},
        }
    },
}
_PLAIN, _SECRET_PATH = _PLACES
_VERSIONS_TOLD = ["1.0.0", "1.0.1", "1.0.2", "1.0.3"]
"""All that the client of Open edX knows (https://github.com/RusticiSoftware/TinCanPython): it refuses an answer that
names another one. Statements of 2.0 are read as well."""


@router.post(
    f"{_PLAIN}/statements",
    operation_id="receiveStatements",
    summary="Receive statements at a webhook URL",
    response_model=list[str],
    response_description="The ids of the statements, in order; made here for those that came without one.",
    **_STATEMENTS,
)
@router.post(f"{_SECRET_PATH}/statements", response_model=list[str], include_in_schema=False)
async def receive_statements(tenant: _TENANT, source: _SOURCE, request: Request) -> Any:
    """Answer the ids in order when the delivery is committed, readable or not; for LMSs that send statements."""
    # https://github.com/adlnet/xAPI-Spec/blob/master/xAPI-Communication.md#212-post-statements
    return JSONResponse(await _statements(request, tenant, source), headers=_edition(request))


@router.put(
    f"{_PLAIN}/statements",
    operation_id="receiveStatement",
    summary="Receive one statement at a webhook URL",
    status_code=204,
    **_STATEMENTS,
)
@router.put(f"{_SECRET_PATH}/statements", status_code=204, include_in_schema=False)
async def receive_statement(
    tenant: _TENANT,
    source: _SOURCE,
    request: Request,
    statement_id: Annotated[
        str | None, Query(alias="statementId", description="Id of the statement, unless it stands in it.")
    ] = None,
) -> Response:
    """Answer 204 when the delivery is committed, readable or not."""
    # https://github.com/adlnet/xAPI-Spec/blob/master/xAPI-Communication.md#211-put-statements
    del statement_id  # it is read with the delivery, as it is when that is replayed
    await _statements(request, tenant, source)
    return Response(status_code=204, headers=_edition(request))


@router.get(
    f"{_PLAIN}/about",
    operation_id="getStatementVersions",
    summary="Tell the versions of statements",
    response_description="The versions of xAPI.",
)
@router.get(f"{_SECRET_PATH}/about", include_in_schema=False)
async def tell_versions(tenant: _TENANT, source: _SOURCE, request: Request) -> dict[str, Any]:
    """Answer which versions of xAPI are read, those of 1.0 only; needs no credentials."""
    # https://github.com/adlnet/xAPI-Spec/blob/master/xAPI-Communication.md#28-about-resource
    reception: Reception = request.app.state.reception
    await reception.taker_of_statements(tenant, source)
    return about() | {"version": _VERSIONS_TOLD}


@router.api_route(f"{_PLAIN}/statements", methods=_OTHERS_THAN_STATEMENTS, include_in_schema=False)
@router.api_route(f"{_SECRET_PATH}/statements", methods=_OTHERS_THAN_STATEMENTS, include_in_schema=False)
async def refuse_at_statements(request: Request) -> Response:
    """Answer every other method: nothing is given out here."""
    return problem(request, "method_not_allowed", headers={"Allow": "POST, PUT"})


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


async def _statements(request: Request, *place: str) -> list[str]:
    reception: Reception = request.app.state.reception
    secret = request.path_params.get("secret")
    where = [*place, secret] if secret else place
    return await reception.take_statements(where, request.scope["headers"], request.scope["query_string"], request.body)


def _edition(request: Request) -> dict[str, str]:
    # https://github.com/adlnet/xAPI-Spec/blob/master/xAPI-Communication.md#33-versioning: in every response
    return {VERSION_HEADER: edition_of(request.headers.get(VERSION_HEADER)) or Edition.ONE}


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
        place = self._place(scope)
        if len(place) not in _LENGTHS or place[-1] == "statements":
            return False
        return b"origin" not in dict(scope["headers"])

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
