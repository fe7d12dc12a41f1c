"""One client's connection: deadlines and bounds that uvicorn does not have, and problem documents for all of them."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from app.cli import connections, servers
from app.cli.connections import Connection
from app.config import Settings

GOOD = b"GET / HTTP/1.1\r\nHost: test\r\n\r\n"

LAST = b"GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer at once, whatever of the body is still to come, and 204."""
    if scope["type"] == "lifespan":
        for step in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{step}.complete"})
        return
    if scope["path"] == "/slow":
        await asyncio.sleep(0.6)
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body"})


@pytest.fixture
async def port(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    """The port of a server with short deadlines."""
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.3)
    config = uvicorn.Config(echo, http=Connection, ws="none", log_config=None, limit_concurrency=3)
    listener = servers.listen(Settings(port=0))
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server._serve([listener]))
    async with asyncio.timeout(5):
        while not server.started:  # noqa: ASYNC110  uvicorn sets no event
            await asyncio.sleep(0.01)
    yield listener.getsockname()[1]
    server.should_exit = True
    await serving


async def talk(port: int, *pieces: bytes, pause: float = 0) -> bytes:
    """Send the pieces and return all that comes until the server closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    received = b""
    with contextlib.suppress(ConnectionError):
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause)
    with contextlib.suppress(ConnectionError):
        async with asyncio.timeout(3):
            received = await reader.read()
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()
    return received


def problem_of(answer: bytes) -> dict[str, object]:
    """The problem document of one answer, whose head must fit it."""
    head, _, body = answer.partition(b"\r\n\r\n")
    lines = head.decode().lower().split("\r\n")
    assert "content-type: application/problem+json" in lines
    assert f"content-length: {len(body)}" in lines
    assert "connection: close" in lines
    document: dict[str, object] = json.loads(body)
    assert head.startswith(f"HTTP/1.1 {document['status']} ".encode())
    return document


async def test_a_head_that_does_not_come_to_an_end_is_answered_408(port: int) -> None:
    answer = await talk(port, b"GET / HTTP/1.1\r\nHost: t", b"est\r\n", pause=0.1)

    assert problem_of(answer)["code"] == "request_timeout"


async def test_a_head_that_trickles_after_an_answer_has_its_deadline_too(port: int) -> None:
    answer = await talk(port, GOOD, b"GET", b" /", b" HT", pause=0.1)

    first, _, second = answer.partition(b"\r\n\r\n")
    assert first.startswith(b"HTTP/1.1 204")
    assert problem_of(second)["code"] == "request_timeout"


async def test_a_client_that_says_nothing_is_hung_up_on(port: int) -> None:
    started = asyncio.get_running_loop().time()

    assert await talk(port) == b""
    assert asyncio.get_running_loop().time() - started < 2


async def test_a_slow_answer_is_not_cut_off(port: int) -> None:
    answer = await talk(port, LAST.replace(b"/", b"/slow", 1))

    assert answer.startswith(b"HTTP/1.1 204")


async def test_a_body_that_trickles_on_after_its_answer_ends_without_a_second_answer(port: int) -> None:
    answer = await talk(
        port, b"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 200000\r\n\r\n", b"x" * 90_000, b"x", b"x", pause=0.15
    )

    assert answer.startswith(b"HTTP/1.1 204")
    assert answer.count(b"HTTP/1.1") == 1


async def test_a_head_beyond_all_bounds_is_answered_431_before_its_end(port: int) -> None:
    answer = await talk(port, b"GET / HTTP/1.1\r\nHost: test\r\nX-Long: " + b"x" * 70_000)

    assert problem_of(answer)["code"] == "header_fields_too_large"


@pytest.mark.parametrize(
    "garbage", [b"\x16\x03\x01\x02\x00\x01\x00", b"HELLO\r\n\r\n", b"GET / HTTP/1.1\r\nA b: c\r\n\r\n"]
)
async def test_what_is_not_http_is_answered_with_a_problem_document(port: int, garbage: bytes) -> None:
    assert problem_of(await talk(port, garbage))["code"] == "malformed_request"


async def test_more_clients_than_the_limit_are_told_to_come_back(port: int) -> None:
    waiting = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
    await asyncio.sleep(0.05)

    answer = await talk(port, GOOD)

    assert b"retry-after: " in answer.lower()
    assert problem_of(answer)["code"] == "unavailable"
    for _, writer in waiting:
        writer.close()
        await writer.wait_closed()
    await asyncio.sleep(0.05)
    assert (await talk(port, LAST)).startswith(b"HTTP/1.1 204")
