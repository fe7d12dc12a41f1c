"""What happens to every request before and after its route: id, limits, headers, log line, counters."""

import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Receive, Scope, Send

from app import logs
from app.api import telemetry
from app.api.errors import problem
from app.api.passages import BodyTooLarge, Passage

log = structlog.get_logger("throughline.access")

HEADER_BYTES_MAX = 32 * 1024
HEADERS_MAX = 100
CLIENT_CLOSED = 499
"""Logged where the client left before it was answered."""

_LOGGED_LENGTH = 200


@dataclass(frozen=True, slots=True)
class Limits:
    """How large a body may be, how long it may take to come, and at which addresses it may be larger."""

    max_body_bytes: int
    body_timeout_seconds: float
    larger_bodies: Mapping[str, int] = field(default_factory=dict)

    def most(self, path: str) -> int:
        """Return how many bytes the body of a request to this address may have."""
        for place, most in self.larger_bodies.items():
            if path == place or (place.endswith("/") and path.startswith(place)):
                return most
        return self.max_body_bytes


class Frame(ABC):
    """What stands around whatever answers requests. Limits the body as it comes, with and without Content-Length."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits

    @abstractmethod
    async def serve(self, passage: Passage) -> None:
        """Have a request that is within its limits answered."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request of HTTP."""
        started = time.perf_counter()
        passage = Passage(scope, receive, send)
        begun = logs.begin(passage.told)
        try:
            await self._guard(passage)
        finally:
            _note(passage, time.perf_counter() - started)
            logs.end(begun)

    async def _guard(self, passage: Passage) -> None:
        most = self._limits.most(passage.scope["path"])
        refusal = _refusal(passage, most)
        if refusal is not None:
            await _refuse(passage, *refusal)
            return
        passage.limit(most, self._limits.body_timeout_seconds)
        try:
            await self.serve(passage)
        except BodyTooLarge:
            if not passage.status:
                await _refuse(passage, "body_too_large", _too_large(most))
        except TimeoutError:
            if not passage.body_is_late or passage.status:
                raise
            await _refuse(passage, "request_timeout", headers={"Connection": "close"})
        except ClientDisconnect:
            passage.status = passage.status or CLIENT_CLOSED
        except Exception as error:
            log.exception("unhandled_error", error_type=type(error).__name__)
            if passage.status:
                raise
            await _refuse(passage, "internal_error")


class RequestFrame(Frame):
    """ASGI middleware, the outermost of ours."""

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        super().__init__(limits)
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "http":
            await super().__call__(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await self.app(scope, receive, send)

    async def serve(self, passage: Passage) -> None:
        """Let the application answer."""
        await self.app(passage.scope, passage.receive, passage.send)


async def _refuse(passage: Passage, code: str, detail: str | None = None, **more: Any) -> None:
    await problem(Request(passage.scope), code, detail, **more)(passage.scope, passage.receive, passage.send)


def _refusal(passage: Passage, most: int) -> tuple[str, str | None] | None:
    headers = passage.scope["headers"]
    if len(headers) > HEADERS_MAX or sum(map(len, chain.from_iterable(headers))) > HEADER_BYTES_MAX:
        return "header_fields_too_large", None
    if passage.length.isdigit() and int(passage.length) > most:
        return "body_too_large", _too_large(most)
    return None


def _too_large(most: int) -> str:
    return f"A body may have {most:,} bytes."


def _note(passage: Passage, seconds: float) -> None:
    """Count a request and log its line."""
    method, route = passage.scope["method"], _route(passage.scope)
    telemetry.request_served(method, route, passage.status, seconds)
    logs.request_served(
        method=method,
        path=_path(passage.scope)[:_LOGGED_LENGTH],
        route=route,
        status=passage.status,
        milliseconds=round(seconds * 1000, 1),
    )


def _route(scope: Scope) -> str:
    """Return the pattern of the route; those of the API are mounted under /v1 and do not know it."""
    path = str(getattr(scope.get("route"), "path", "") or "unmatched")
    if path.startswith(("/v1", "unmatched")) or not scope["path"].startswith("/v1/"):
        return path
    return f"/v1{path}"


def _path(scope: Scope) -> str:
    """Return the path for the log: a webhook's secret segment stays out."""
    path: str = scope["path"]
    if not path.startswith("/v1/webhooks/") or path.count("/") <= 4:  # noqa: PLR2004  /v1/webhooks/{tenant}/{source}
        return path
    return "/".join([*path.split("/")[:5], "***"])
