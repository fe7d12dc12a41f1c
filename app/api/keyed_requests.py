"""Requests under an Idempotency-Key: answered once, and again with the same answer (api.md, REST 8)."""

import contextlib
import hashlib
from collections.abc import Iterator

from fastapi import Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.principals import Principal
from app.domain.errors import Conflict, Fault, Invalid
from app.services import idempotency
from app.services.idempotency import KeyedRequest

_KEY_LENGTH_MAX = 255
_QUOTED = '""'
"""A key may stand in quotes, as the draft of the header has it; these do not count."""
_STORED_HEADERS = ("content-type", "etag", "location")


async def of(request: Request, principal: Principal) -> KeyedRequest | None:
    """Return a POST under its key; None for any other request. Raises Invalid."""
    key = request.headers.get("idempotency-key")
    if key is None or request.method != "POST":
        return None
    key = key.strip()
    if len(key) > len(_QUOTED) and key.startswith('"') and key.endswith('"'):
        key = key[1:-1]
    if not 1 <= len(key) <= _KEY_LENGTH_MAX:
        fault = Fault("length", f"takes 1 to {_KEY_LENGTH_MAX} characters", header="Idempotency-Key")
        raise Invalid(f"Idempotency-Key takes 1 to {_KEY_LENGTH_MAX} characters.", errors=(fault,))
    sent = request.url.query.encode() + b"\n" + await request.body()
    return KeyedRequest(principal.caller_id, request.method, request.url.path, key, hashlib.sha256(sent).digest())


@contextlib.contextmanager
def alone(request: Request, keyed: KeyedRequest | None) -> Iterator[None]:
    """Let one request at a time run under a key. Raises Conflict (`request_in_progress`)."""
    if keyed is None:
        yield
        return
    running: set[tuple[object, ...]] = request.app.state.running_keys
    place = (keyed.caller_id, keyed.method, keyed.route, keyed.key)
    if place in running:
        raise Conflict("A request with this Idempotency-Key is still running.", code="request_in_progress")
    running.add(place)
    try:
        yield
    finally:
        running.discard(place)


async def answered(request: Request, session: AsyncSession, keyed: KeyedRequest | None) -> Response | None:
    """Return the answer that a request was given before; None for a first one, and for one without a key."""
    stored = None if keyed is None else await idempotency.find(session, request.app.state.vault, keyed)
    if stored is None:
        return None
    return Response(stored.body, stored.status, {**stored.headers, "Idempotency-Replayed": "true"})


async def kept(request: Request, session: AsyncSession, keyed: KeyedRequest | None, response: Response) -> Response:
    """Store the answer of a request with its effect, if it has a key; return it."""
    if keyed is not None:
        headers = {name: response.headers[name] for name in _STORED_HEADERS if name in response.headers}
        answer = idempotency.Answer(response.status_code, headers, bytes(response.body))
        await idempotency.keep(session, request.app.state.vault, keyed, answer)
    return response
