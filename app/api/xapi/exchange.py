"""One request to a resource and its answer: alternate syntax, version, authentication, and errors as xAPI has them."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import format_datetime
from hashlib import sha1
from typing import Any

import structlog
from fastapi import Request, Response
from pydantic_core import to_json

from app.api import readings, telemetry
from app.api.errors import BASIC_CHALLENGE, problem
from app.api.senders import Senders
from app.api.setups import Connected, Directory
from app.domain.errors import Fault, NotFound, ThroughlineError
from app.lms import Delivery, Refused, TransportFault, _signatures
from app.lms._xapi import Edition, Unacceptable, alternate, completing, edition_of
from app.lms._xapi.alternate import Call
from app.services.xapi.lookups import CERTAIN_AFTER

log = structlog.get_logger(__name__)

VERSION_HEADER = "X-Experience-API-Version"
CONSISTENT_HEADER = "X-Experience-API-Consistent-Through"
REFUSED = "invalid_xapi"

_NO_CONTENT = 204
_NOT_MODIFIED = 304


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request of a source that is proved, in the specification's own terms."""

    request: Request
    connected: Connected
    call: Call
    edition: Edition
    received_at: datetime

    @property
    def base_path(self) -> str:
        """The address of the store that the resources stand in, without a trailing slash."""
        return f"/v1/xapi/{self.connected.tenant.slug}/{self.connected.slug}"

    def delivery_as_sent(self) -> Delivery:
        """Return the request as it came, alternate syntax apart."""
        return readings.request_of(
            self.connected, self.call.headers, self.call.body, self.call.parameters, self.received_at
        )

    def delivery(self, body: bytes) -> Delivery:
        """Return what is kept of the request: `body` is what it says, whatever it came wrapped in."""
        left = {"content-length", "content-encoding", "content-type"}
        headers = {name: value for name, value in self.call.headers.items() if name not in left}
        return readings.request_of(
            self.connected,
            {**headers, "content-type": "application/json"},
            body,
            self.call.parameters,
            self.received_at,
            path=f"{self.base_path}/statements",
        )


Handler = Callable[[Exchange], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Resource:
    """One address below the store: its methods. `versioned`: a request needs its version, and proof of its sender."""

    path: str
    handlers: Mapping[str, Handler]
    versioned: bool = True
    consistent: bool = False
    """Whether every answer tells up to when what was stored can be read."""


async def answer(request: Request, resource: Resource, tenant: str, source: str) -> Response:
    """Answer a request to a resource; every answer, of an error too, names the version that it is of."""
    now = datetime.now(UTC)
    edition = edition_of(request.headers.get(VERSION_HEADER)) or Edition.ONE
    connected: Connected | None = None
    try:
        connected = await _connected(request.app.state.directory, tenant, source)
        spoken = Edition(connected.setup.mapping.get("version", Edition.ONE))
        edition = edition_of(request.headers.get(VERSION_HEADER)) or spoken
        exchange = await _opened(request, resource, connected, now)
        edition = exchange.edition
        handler = resource.handlers.get(exchange.call.method)
        response = await handler(exchange) if handler else _not_allowed(request, resource)
    except Unacceptable as error:
        response = refused(request, error)
    except Refused as error:
        response = _unproved(request, connected, error)
    except TransportFault as error:
        response = problem(request, error.code.value, f"The body cannot be decoded: {error}.")
    except ThroughlineError as error:
        response = problem(request, error.code, error.detail, errors=error.errors)
    # https://github.com/adlnet/xAPI-Spec/blob/master/xAPI-Communication.md#33-versioning: in every response
    response.headers[VERSION_HEADER] = edition.value
    if resource.consistent:
        response.headers.setdefault(CONSISTENT_HEADER, completing.spelled(now - CERTAIN_AFTER))
    return response


def refused(request: Request, error: Unacceptable) -> Response:
    """Return the answer to a request that is not what the specification asks for."""
    where = error.pointer or error.parameter
    detail = f"{where}: {error.reason}." if where else f"{error.reason[:1].upper()}{error.reason[1:]}."
    faults = [Fault(REFUSED, error.reason, pointer=error.pointer, parameter=error.parameter)] if where else []
    return problem(request, REFUSED, detail, errors=faults)


def shown(exchange: Exchange, content: bytes, media_type: str, *, changed_at: datetime | None = None) -> Response:
    """Return a 200 with its ETag and Last-Modified, or a 304 for who has it already.

    https://github.com/adlnet/xAPI-Spec/blob/master/xAPI-Communication.md#31-concurrency: SHA-1 of the contents, quoted
    """
    etag = f'"{sha1(content, usedforsecurity=False).hexdigest()}"'
    headers = {"ETag": etag}
    if changed_at is not None:
        headers["Last-Modified"] = format_datetime(changed_at.replace(microsecond=0), usegmt=True)
    if etag in {tag.strip() for tag in exchange.call.headers.get("if-none-match", "").split(",")}:
        return Response(status_code=_NOT_MODIFIED, headers=headers)
    return Response(content, media_type=media_type, headers=headers)


def shown_json(exchange: Exchange, value: Any, *, changed_at: datetime | None = None) -> Response:
    """Return a 200 with a JSON document."""
    return shown(exchange, to_json(value), "application/json", changed_at=changed_at)


def done() -> Response:
    """Return the answer to what has been done: 204."""
    return Response(status_code=_NO_CONTENT)


async def _connected(directory: Directory, tenant: str, source: str) -> Connected:
    connected = await directory.find(tenant, source)
    if connected.adapter.slug != "xapi":
        raise NotFound("This source has no learning record store: make one with the adapter xapi.")
    return connected


async def _opened(request: Request, resource: Resource, connected: Connected, now: datetime) -> Exchange:
    """Return a request unwrapped and proved. Raises Unacceptable and Refused."""
    pairs = request.query_params.multi_items()
    parameters = dict(pairs)
    if len(parameters) != len(pairs):
        raise Unacceptable("a parameter is given twice")
    if any("\0" in value for value in parameters.values()):
        raise Unacceptable("a parameter holds the character NUL")
    headers = dict(request.headers.items())
    call = Call(request.method, parameters, headers, await request.body())
    # https://github.com/adlnet/xAPI-Spec/blob/master/xAPI-Communication.md#13-alternate-request-syntax: gone with 2.0
    if (
        call.method == "POST"
        and "method" in parameters
        and edition_of(headers.get(VERSION_HEADER.lower())) != Edition.TWO
    ):
        call = alternate.unpacked(call)
    spoken = Edition(connected.setup.mapping.get("version", Edition.ONE))
    if not resource.versioned:
        return Exchange(request, connected, call, edition_of(call.headers.get(VERSION_HEADER.lower())) or spoken, now)
    proved, call = await _proved(request, connected, call, now)
    edition = edition_of(call.headers.get(VERSION_HEADER.lower()))
    if edition is None:
        # https://github.com/adlnet/xAPI-Spec/blob/master/xAPI-Communication.md#33-versioning
        raise Unacceptable(f"the header {VERSION_HEADER} must be 1.0, 1.0.x, 2.0 or 2.0.x")
    return Exchange(request, proved, call, edition, now)


async def _proved(request: Request, connected: Connected, call: Call, now: datetime) -> tuple[Connected, Call]:
    """Return the source as it is now, and its request without the secret that its address may carry."""
    delivery = readings.request_of(connected, call.headers, call.body, call.parameters, now)
    senders: Senders = request.app.state.senders
    try:
        await senders.authenticate(connected, delivery, "")
    except Refused:
        changed = await request.app.state.directory.renewed(connected)
        if changed is None:
            raise
        return await _proved(request, changed, call, now)
    authentication = connected.setup.authentication
    secret = _signatures.SCHEMES[authentication["scheme"]].carries(authentication).parameters
    left = {name: value for name, value in call.parameters.items() if name not in secret}
    return connected, replace(call, parameters=left)


def _unproved(request: Request, connected: Connected | None, error: Refused) -> Response:
    # https://github.com/adlnet/xAPI-Spec/blob/master/xAPI-Communication.md#40-authentication
    assert connected is not None  # noqa: S101  who is unknown is not found, never refused
    telemetry.delivery_judged(connected.adapter.slug, "rejected")
    log.warning("xapi_refused", tenant=connected.tenant.slug, source=connected.slug, reason=str(error)[:500])
    basic = connected.setup.authentication["scheme"] == "basic"
    headers = {"WWW-Authenticate": BASIC_CHALLENGE} if basic else None
    return problem(request, "bad_signature", f"The request is not authentic: {error}.", headers=headers)


def _not_allowed(request: Request, resource: Resource) -> Response:
    allowed = sorted({*resource.handlers, *(("HEAD",) if "GET" in resource.handlers else ())})
    return problem(request, "method_not_allowed", headers={"Allow": ", ".join(allowed)})
