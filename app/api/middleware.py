"""What happens to every request before and after its route: id, limits, headers, log line, counters."""

import asyncio
import re
import time
from collections.abc import Mapping
from itertools import chain
from typing import Any

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uuid_utils import uuid7

from app import logs
from app.api import telemetry
from app.api.errors import problem

log = structlog.get_logger("throughline.access")

HEADER_BYTES_MAX = 32 * 1024
HEADERS_MAX = 100
CLIENT_CLOSED = 499
"""Logged where the client left before it was answered."""
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_TRACEPARENT = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})(?P<trace_id>[0-9a-f]{32})-(?!0{16})(?P<parent_id>[0-9a-f]{16})-[0-9a-f]{2}"
)
"""https://www.w3.org/TR/trace-context/#traceparent-header"""

_LOGGED_LENGTH = 200
_USUAL_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
)
"""What responses carry that say nothing else; the last one only what may not be kept."""


class _BodyTooLarge(Exception):
    """More came than a body may hold."""


class RequestFrame:
    """ASGI middleware, the outermost of ours. Limits the body as it comes, with and without Content-Length."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        max_body_bytes: int,
        body_timeout_seconds: float,
        larger_bodies: Mapping[str, int] | None = None,
    ) -> None:
        self.app = app
        self.max_body_bytes = max_body_bytes
        self.larger_bodies = dict(larger_bodies or {})
        self.body_timeout_seconds = body_timeout_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008})
                return
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        without_body = scope["method"] == "HEAD"
        if without_body:
            scope = {**scope, "method": "GET"}  # a copy: the server has to know that no body follows the headers
        first = dict(reversed(scope["headers"]))
        request_id = _request_id(first.get(b"x-request-id", b""))
        state = scope.setdefault("state", {})
        state["request_id"], state["told"], state["without_body"] = request_id, {}, without_body
        structlog.contextvars.bind_contextvars(request_id=request_id, **_trace(first.get(b"traceparent", b"")))
        sender = _Sender(send, request_id, state, no_store=not scope["path"].startswith("/static"))
        sender.without_body = without_body
        try:
            await self._serve(scope, first.get(b"content-length", b"0"), receive, sender)
        finally:
            seconds = time.perf_counter() - started
            route = _route(scope)
            telemetry.request_served(scope["method"], route, sender.status, seconds)
            logs.request_served(
                method=scope["method"],
                path=_path(scope)[:_LOGGED_LENGTH],
                route=route,
                status=sender.status,
                milliseconds=round(seconds * 1000, 1),
            )
            structlog.contextvars.clear_contextvars()

    async def _serve(self, scope: Scope, length: bytes, receive: Receive, send: "_Sender") -> None:
        most = self._most(scope)
        refusal = _refusal(scope, length, most)
        if refusal is not None:
            await problem(Request(scope), *refusal)(scope, receive, send)
            return
        body = _LimitedBody(receive, most, self.body_timeout_seconds)
        try:
            await self.app(scope, body, send)
        except _BodyTooLarge:
            if not send.status:
                await problem(Request(scope), "body_too_large", _too_large(most))(scope, receive, send)
        except TimeoutError:
            if not body.timed_out or send.status:
                raise
            late = problem(Request(scope), "request_timeout", headers={"Connection": "close"})
            await late(scope, receive, send)
        except ClientDisconnect:
            send.status = send.status or CLIENT_CLOSED
        except Exception as error:
            log.exception("unhandled_error", error_type=type(error).__name__)
            if send.status:
                raise
            await problem(Request(scope), "internal_error")(scope, receive, send)

    def _most(self, scope: Scope) -> int:
        """Return how many bytes the body of a request to this address may have."""
        path: str = scope["path"]
        for place, most in self.larger_bodies.items():
            if path == place or (place.endswith("/") and path.startswith(place)):
                return most
        return self.max_body_bytes


def _refusal(scope: Scope, length: bytes, most: int) -> tuple[str, str | None] | None:
    headers = scope["headers"]
    if len(headers) > HEADERS_MAX or sum(map(len, chain.from_iterable(headers))) > HEADER_BYTES_MAX:
        return "header_fields_too_large", None
    if length.isdigit() and int(length) > most:
        return "body_too_large", _too_large(most)
    return None


def _too_large(most: int) -> str:
    return f"A body may have {most:,} bytes."


class _LimitedBody:
    """The receiving side of a request with a limit on the body's size and on the time it takes."""

    def __init__(self, receive: Receive, most: int, seconds: float) -> None:
        self._receive = receive
        self._left = most
        self._deadline = asyncio.get_running_loop().time() + seconds
        self._done = False
        self.timed_out = False

    async def __call__(self) -> Message:
        if self._done:
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._deadline):
                message = await self._receive()
        except TimeoutError:
            self.timed_out = True
            raise
        if message["type"] == "http.request":
            self._left -= len(message.get("body", b""))
            self._done = not message.get("more_body", False)
            if self._left < 0:
                raise _BodyTooLarge
        return message


class _Sender:
    """The sending side: adds the headers that every response carries and remembers the status."""

    def __init__(self, send: Send, request_id: str, state: Mapping[str, Any], *, no_store: bool) -> None:
        self._send = send
        self._request_id = request_id
        self._state = state
        self._usual = _USUAL_HEADERS if no_store else _USUAL_HEADERS[:-1]
        self.without_body = False
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers: list[tuple[bytes, bytes]] = list(message.get("headers", ()))
            if self._state["told"]:
                told = {name.lower().encode(): value.encode() for name, value in self._state["told"].items()}
                headers = [(name, value) for name, value in headers if name == b"link" or name not in told]
                headers += told.items()
            names = {name for name, _ in headers}
            headers += [usual for usual in self._usual if usual[0] not in names]
            headers.append((b"x-request-id", self._request_id.encode()))
            message = {**message, "headers": headers}
        if message["type"] == "http.response.body" and self.without_body:
            message = {**message, "body": b""}
        await self._send(message)


def _trace(traceparent: bytes) -> dict[str, str]:
    """Return what ties log lines to the caller's trace; nothing for a header that W3C Trace Context does not allow."""
    parts = _TRACEPARENT.fullmatch(traceparent.decode("latin-1")) if traceparent else None
    return {} if parts is None else {"trace_id": parts["trace_id"], "parent_id": parts["parent_id"]}


def _request_id(sent: bytes) -> str:
    text = sent.decode("latin-1")
    return text if text and _REQUEST_ID.fullmatch(text) else uuid7().hex


def _route(scope: Scope) -> str:
    """Return the pattern of the route; those of the API are mounted under /v1 and do not know it."""
    path = str(getattr(scope.get("route"), "path", "") or "unmatched")
    return f"/v1{path}" if scope["path"].startswith("/v1/") and not path.startswith(("/v1", "unmatched")) else path


def _path(scope: Scope) -> str:
    """Return the path for the log: a webhook's secret segment stays out."""
    path: str = scope["path"]
    parts = path.split("/")
    if path.startswith("/v1/webhooks/"):
        return "/".join([*parts[:5], *(["***"] if len(parts) > 5 else [])])  # noqa: PLR2004  /v1/webhooks/{tenant}/{source}
    return path
