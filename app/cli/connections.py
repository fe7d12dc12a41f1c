"""One client's connection: uvicorn's HTTP protocol, with what uvicorn leaves open closed.

A request's head must come within seconds and within bounds, more connections than the limit are told to come back, and
what cannot be parsed is answered with a problem document as everything else is.
"""

import asyncio
import json
from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.types import Receive, Scope, Send
from uuid_utils.compat import uuid7
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.api.errors import problem
from app.api.problems import PROBLEMS

HEAD_SECONDS = 10.0
HEAD_BYTES_MAX = 64 * 1024


class Connection(HttpToolsProtocol):
    """A connection with a deadline for each head and a bound on its size."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._most = self.limit_concurrency
        self.limit_concurrency = None  # uvicorn's own answer is plain text without Retry-After
        self._deadline: asyncio.TimerHandle | None = None
        self._head_bytes = 0
        self._expects_head = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for the first head."""
        super().connection_made(transport)  # type: ignore[arg-type]  # uvicorn narrows the base class
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what came; what follows an answer, a head or the rest of a body, has its deadline too."""
        super().data_received(data)
        if self.transport.is_closing() or not (self.cycle is None or self.cycle.response_complete):
            return
        self._head_bytes += len(data) if self._expects_head else 0
        if self._head_bytes > HEAD_BYTES_MAX:
            self._refuse("header_fields_too_large")
        elif self._deadline is None:
            self._wait_for_head()

    def on_headers_complete(self) -> None:
        """Hand the request to the service, or to nobody when too many are connected."""
        self._expects_head = False
        self._stop_waiting()
        full = self._most is not None and max(len(self.connections), len(self.tasks)) > self._most
        self.app = too_many if full else self.config.loaded_app
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Expect the next head."""
        self._expects_head = True
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  uvicorn's own words say no more
        """Refuse what is not HTTP."""
        self._refuse("malformed_request")

    def shutdown(self) -> None:
        """Stop as uvicorn does, which waits for requests in flight; streams would keep it waiting for ever."""
        self.config.loaded_app.state.streams.stop()
        super().shutdown()

    def _wait_for_head(self) -> None:
        self._deadline = self.loop.call_later(HEAD_SECONDS, self._head_is_late)

    def _stop_waiting(self) -> None:
        self._head_bytes = 0
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _head_is_late(self) -> None:
        self._deadline = None
        if self._head_bytes:
            self._refuse("request_timeout")
        else:
            self.transport.close()

    def _refuse(self, code: str) -> None:
        self.transport.write(refusal(code))
        self.transport.close()


async def too_many(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer 503 with Retry-After and close: an ASGI application of one answer."""
    request = Request(scope)
    request.state.request_id = uuid7().hex
    answer = problem(request, "unavailable", "Too many clients are connected.", headers={"Connection": "close"})
    await answer(scope, receive, send)


def refusal(code: str) -> bytes:
    """Return the whole HTTP response that refuses a request of which no head could be read."""
    row = PROBLEMS[code]
    request_id = uuid7().hex
    document = {
        "type": f"/v1/problems/{code}",
        "title": row.title,
        "status": row.status,
        "detail": row.remedy,
        "code": code,
        "request_id": request_id,
        "errors": [],
    }
    body = json.dumps(document).encode()
    head = (
        f"HTTP/1.1 {row.status} {HTTPStatus(row.status).phrase}\r\n"
        "Content-Type: application/problem+json\r\n"
        f"Content-Length: {len(body)}\r\n"
        f"X-Request-Id: {request_id}\r\n"
        "Cache-Control: no-store\r\n"
        "Connection: close\r\n\r\n"
    )
    return head.encode() + body
