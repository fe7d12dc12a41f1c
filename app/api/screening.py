"""Addresses that a client types in are screened before the unit of work opens: a look-up must not hold the clock."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from fastapi import Request, Response

from app.api.bodies import read_json
from app.api.routing import Handler, UnitRoute
from app.domain.errors import Fault, Invalid
from app.outbound import CallRefused


class ScreenedRoute(UnitRoute):
    """A route that refuses a body with an address that may not be called. A subclass says where addresses stand."""

    addresses: Callable[[Mapping[str, Any]], Iterator[tuple[str, str]]]
    """Yields (JSON pointer, address) for each address of a body; what is malformed otherwise is found later."""

    def get_route_handler(self) -> Handler:
        """Return the handler around that of every unit."""
        inner = super().get_route_handler()

        async def handle(request: Request) -> Response:
            if request.method in {"POST", "PATCH"}:
                principal = await request.app.state.keyring.principal(request.headers)
                principal.require(self.writing_scope)
                body = await read_json(request)
                for pointer, url in type(self).addresses(body) if isinstance(body, Mapping) else ():
                    await _screen(request, pointer, url)
            return await inner(request)

        return handle


async def _screen(request: Request, pointer: str, url: str) -> None:
    try:
        await request.app.state.outbound.screen(url)
    except CallRefused as error:
        fault = Fault("address_refused", str(error), pointer=pointer)
        raise Invalid(f"Give another address: {error}.", errors=(fault,)) from None
