"""One request on its way through the service: what comes in is limited, what goes out completed, whoever serves it."""

import asyncio
import re
import types
from collections.abc import Awaitable, Generator
from typing import Any

from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Scope, Send
from uuid_utils import uuid7

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_TRACEPARENT = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})(?P<trace_id>[0-9a-f]{32})-(?!0{16})(?P<parent_id>[0-9a-f]{16})-[0-9a-f]{2}"
)
"""https://www.w3.org/TR/trace-context/#traceparent-header"""

_USUAL_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
)
"""What responses carry that say nothing else; the last one only what may not be kept."""


class BodyTooLarge(Exception):
    """More came than a body may hold."""


class Passage:
    """A request and its answer. `receive` and `send` are those of ASGI; `body` and `answer` do for a short exchange.

    `status` is that of the answer, 0 before it begins; `told` names the request in every line of the log.
    """

    __slots__ = (
        "_deadline",
        "_left",
        "_receive",
        "_send",
        "_state",
        "_without_body",
        "body_is_late",
        "body_is_whole",
        "length",
        "request_id",
        "scope",
        "status",
        "told",
    )

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._without_body = scope["method"] == "HEAD"
        if self._without_body:
            scope = {**scope, "method": "GET"}  # a copy: the server has to know that no body follows the headers
        first = dict(reversed(scope["headers"]))
        self.scope, self._receive, self._send = scope, receive, send
        self.request_id = _request_id(first.get(b"x-request-id", b""))
        self.length: bytes = first.get(b"content-length", b"0")
        self.told = {"request_id": self.request_id, **_trace(first.get(b"traceparent", b""))}
        self.status = 0
        self.body_is_late = self.body_is_whole = False
        self._left, self._deadline = 0, 0.0
        self._state: dict[str, Any] = scope.setdefault("state", {})
        self._state |= {"request_id": self.request_id, "told": {}, "without_body": self._without_body}

    def limit(self, most: int, seconds: float) -> None:
        """Let the body have `most` bytes, and come within `seconds`."""
        self._left = most
        self._deadline = asyncio.get_running_loop().time() + seconds

    async def receive(self) -> Message:
        """Return the next message. Raises BodyTooLarge, and TimeoutError when the body `body_is_late`."""
        if self.body_is_whole:
            return await self._receive()
        try:
            message: Message = await _in_time(self._receive(), self._deadline)
        except TimeoutError:
            self.body_is_late = True
            raise
        if message["type"] == "http.request":
            self._left -= len(message.get("body", b""))
            self.body_is_whole = not message.get("more_body", False)
            if self._left < 0:
                raise BodyTooLarge
        return message

    async def body(self) -> bytes:
        """Return the body, of which nobody has read yet. Raises ClientDisconnect too, when its sender goes away."""
        chunks = []
        while not self.body_is_whole:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            chunks.append(message.get("body", b""))
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    async def send(self, message: Message) -> None:
        """Send a message on, the first with the headers that every response carries."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers: list[tuple[bytes, bytes]] = list(message.get("headers", ()))
            if self._state["told"]:
                told = {name.lower().encode(): value.encode() for name, value in self._state["told"].items()}
                headers = [(name, value) for name, value in headers if name == b"link" or name not in told]
                headers += told.items()
            names = {name for name, _ in headers}
            usual = _USUAL_HEADERS[:-1] if self.scope["path"].startswith("/static") else _USUAL_HEADERS
            headers += [each for each in usual if each[0] not in names]
            headers.append((b"x-request-id", self.request_id.encode()))
            message = {**message, "headers": headers}
        if message["type"] == "http.response.body" and self._without_body:
            message = {**message, "body": b""}
        await self._send(message)

    async def answer(self, content: bytes) -> None:
        """Answer 200 with a JSON document: what `send` makes of Starlette's response, without its detours."""
        self.status = 200
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(content)),
            *_USUAL_HEADERS,
            (b"x-request-id", self.request_id.encode()),
        ]
        await self._send({"type": "http.response.start", "status": 200, "headers": headers})
        await self._send({"type": "http.response.body", "body": content})


@types.coroutine
def _in_time(message: Awaitable[Message], deadline: float) -> Generator[Any, Any, Message]:
    """Wait for a message until a deadline; for one that is there already, as most are, no clock is set.

    To set one costs more than all else that is done to receive a body.
    """
    steps = message.__await__()
    try:
        step = next(steps)
    except StopIteration as done:
        found: Message = done.value
        return found
    return (yield from _before(deadline, _Begun(step, steps)).__await__())


async def _before(deadline: float, waiting: Awaitable[Message]) -> Message:
    async with asyncio.timeout_at(deadline):
        return await waiting


class _Begun:
    """A wait whose first step is taken: it waits at `step`, and goes on with `steps`."""

    def __init__(self, step: Any, steps: Generator[Any, Any, Message]) -> None:
        self._step, self._steps = step, steps

    def __await__(self) -> Generator[Any, Any, Message]:
        """Go on; what ends the wait from outside, ends it inside."""
        try:
            yield self._step
        except BaseException as error:  # noqa: BLE001  it is for the wait to handle
            try:
                self._step = self._steps.throw(error)
            except StopIteration as done:
                found: Message = done.value
                return found
            return (yield from self.__await__())
        return (yield from self._steps)


def _trace(traceparent: bytes) -> dict[str, str]:
    """Return what ties log lines to the caller's trace; nothing for a header that W3C Trace Context does not allow."""
    parts = _TRACEPARENT.fullmatch(traceparent.decode("latin-1")) if traceparent else None
    return {} if parts is None else {"trace_id": parts["trace_id"], "parent_id": parts["parent_id"]}


def _request_id(sent: bytes) -> str:
    text = sent.decode("latin-1")
    return text if text and _REQUEST_ID.fullmatch(text) else uuid7().hex
