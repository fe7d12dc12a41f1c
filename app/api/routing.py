"""One request, one unit of work: authenticated, opened, committed, and only then answered."""

from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any

from fastapi import Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic import BaseModel

from app.api import deprecations, keyed_requests
from app.api.bodies import read_json
from app.api.principals import Principal
from app.api.rates import admit
from app.domain.errors import Fault, Invalid

Handler = Callable[[Request], Coroutine[Any, Any, Response]]

_SAFE = {"GET", "HEAD", "OPTIONS"}


class UnitRoute(APIRoute):
    """A route whose handler runs inside the unit of work of its caller's tenant.

    GET reads; every other method writes in one transaction, committed before the response leaves. The body is read and
    parsed before the unit opens, so that a slow client holds no lock.
    """

    reading_scope = "read"
    writing_scope = "write"
    """Scopes that GET, and every other method, need."""

    def get_route_handler(self) -> Handler:
        """Return the handler around FastAPI's own."""
        inner = super().get_route_handler()
        parameters = _names(self.dependant)
        notice = deprecations.headers(self.openapi_extra)
        takes_none = self.body_field is None and "requestBody" not in (self.openapi_extra or {})

        async def handle(request: Request) -> Response:
            principal: Principal = await request.app.state.keyring.principal(request.headers)
            request.state.principal = principal
            request.state.told = dict(notice)
            admit(request, principal)
            reading = request.method in _SAFE
            principal.require(self.reading_scope if reading else self.writing_scope)
            _check_address(request, parameters)
            if reading:
                return await self.read(request, principal, inner)
            await self.read_body(request)
            if takes_none:
                _refuse_fields(getattr(request, "_json", None))
            return await self.write(request, principal, inner)

        return handle

    async def read(self, request: Request, principal: Principal, inner: Handler) -> Response:
        """Have a request answered in a unit that reads."""
        database = request.app.state.database
        as_of = _instant(request.query_params.get("as_of"))
        if as_of is not None:
            await database.settle(principal.tenant, as_of)
        async with database.reading(principal.tenant) as session:
            request.state.session = session
            return await inner(request)

    async def write(self, request: Request, principal: Principal, inner: Handler) -> Response:
        """Have a request answered in a unit that writes; under its Idempotency-Key, if it has one."""
        keyed = await keyed_requests.of(request, principal)
        with keyed_requests.alone(request, keyed):
            async with request.app.state.database.transaction(principal.tenant) as session:
                request.state.session = session
                stored = await keyed_requests.answered(request, session, keyed)
                return stored or await keyed_requests.kept(request, session, keyed, await inner(request))

    async def read_body(self, request: Request) -> None:
        """Read and parse the body; a route that takes another type than JSON has a way of its own."""
        await read_json(request)


def _instant(text: str | None) -> datetime | None:
    """Return the instant of an `as_of`; None where there is none, or none that the route will take."""
    try:
        found = datetime.fromisoformat(text) if text else None
        return found.astimezone(UTC) if found is not None and found.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


def _names(dependant: Dependant) -> frozenset[str]:
    """Return the query parameters that a route takes; those of a model are its fields."""
    names: set[str] = set()
    for parameter in dependant.query_params:
        shape: Any = parameter.field_info.annotation
        model = isinstance(shape, type) and issubclass(shape, BaseModel)
        names |= set(shape.model_fields) if model else {parameter.alias}
    return frozenset(names.union(*map(_names, dependant.dependencies)))


def _check_address(request: Request, parameters: frozenset[str]) -> None:
    """Refuse what no parameter is (a typing error must not widen a list), and NUL, which no text holds."""
    unknown = sorted(set(request.query_params) - parameters)
    if unknown:
        taken = f"it takes {', '.join(sorted(parameters))}" if parameters else "it takes none"
        faults = tuple(
            Fault("unknown_parameter", "is no parameter of this request", parameter=name[:50]) for name in unknown
        )
        raise Invalid(f"Leave out the parameter {unknown[0][:50]!r}: {taken}.", errors=faults)
    if "\0" in request.scope["path"] or any("\0" in value for _, value in request.query_params.multi_items()):
        raise Invalid("Leave the character NUL out of the address.")


def _refuse_fields(body: Any) -> None:
    """Refuse what is sent to a route that takes no body (a day sent with an action must not be thought to count)."""
    names = sorted(body) if isinstance(body, dict) else []
    faults = tuple(
        Fault("unknown_field", "is no field of this request: it takes none", pointer=f"/{name[:80]}") for name in names
    )
    if faults or body not in (None, {}):
        raise Invalid("Send no body with this request.", errors=faults)


class KeyRoute(APIRoute):
    """A route that needs a caller with `scope` and no unit of work: it waits for nobody and holds nothing."""

    scope = "read"

    def get_route_handler(self) -> Handler:
        """Return the handler around FastAPI's own."""
        inner = super().get_route_handler()
        parameters = _names(self.dependant)
        notice = deprecations.headers(self.openapi_extra)

        async def handle(request: Request) -> Response:
            principal: Principal = await request.app.state.keyring.principal(request.headers)
            request.state.principal = principal
            request.state.told = dict(notice)
            admit(request, principal)
            principal.require(self.scope)
            _check_address(request, parameters)
            if request.method not in _SAFE:
                await read_json(request)
            return await inner(request)

        return handle


class AdminRoute(UnitRoute):
    """A route that only callers with the scope `admin` may use."""

    reading_scope = writing_scope = "admin"
