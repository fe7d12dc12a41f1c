"""A client of a stream that reads it as it comes: ASGI in this process, as httpx waits for the end of a body."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from typing import Any, Self

from fastapi import FastAPI


@dataclass
class Listener:
    """One open stream: its status and headers, and its events in order."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    last_id: str | None = None
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    _parts: asyncio.Queue[bytes | None] = field(default_factory=asyncio.Queue)
    _asked: bool = False

    async def receive(self) -> dict[str, Any]:
        if not self._asked:
            self._asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.begun.set()
            self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
            return
        self._parts.put_nowait(message.get("body", b""))
        if not message.get("more_body", False):
            self._parts.put_nowait(None)

    async def block(self) -> str | None:
        """Return the next block of lines; None at the end of the stream."""
        async with asyncio.timeout(10):
            while b"\n\n" not in self.body:
                part = await self._parts.get()
                if part is None:
                    return None
                self.body += part
        block, _, self.body = self.body.partition(b"\n\n")
        return block.decode()

    async def event(self) -> dict[str, Any] | None:
        """Return the data of the next event, past comments; None at the end of the stream."""
        while (block := await self.block()) is not None:
            lines = [line.partition(": ")[::2] for line in block.splitlines()]
            self.last_id = dict(lines).get("id", self.last_id)
            data = "\n".join(value for name, value in lines if name == "data")
            if data:
                found: dict[str, Any] = json.loads(data)
                return found
        return None


@contextlib.asynccontextmanager
async def listening(
    app: FastAPI, token: str | None, query: str = "", method: str = "GET", **headers: str
) -> AsyncIterator[Listener]:
    """Open `/v1/stream`; it is open, or refused, when the block begins."""
    listener = Listener()
    serving = asyncio.create_task(app(_scope(token, query, method, headers), listener.receive, listener.send))
    try:
        async with asyncio.timeout(10):
            await listener.begun.wait()
        if listener.status == 200 and method == "GET":
            opening = await listener.block()
            assert opening is not None
            listener.last_id = opening.partition("id: ")[2].partition("\n")[0]
        yield listener
    finally:
        listener.gone.set()
        async with asyncio.timeout(10):
            await serving


def _scope(token: str | None, query: str, method: str, headers: Mapping[str, str]) -> dict[str, Any]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if token is not None:
        named["authorization"] = f"Bearer {token}"
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": "/v1/stream",
        "raw_path": b"/v1/stream",
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.lower().encode(), value.encode()) for name, value in named.items()],
        "client": ("127.0.0.1", 1),
        "server": ("test", 80),
    }


class Later(datetime):
    """A clock that is an hour ahead."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Self:
        return super().now(tz) + timedelta(hours=1)
