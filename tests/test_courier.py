"""Receivers that misbehave, over real sockets: each attempt is bounded, and nobody else waits."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime

import pytest

from app import outbound
from app.outbound import Answer, Outbound

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def receiver(serve: Serve) -> AsyncIterator[str]:
    """A server on this machine that treats each connection as `serve` does; its origin."""

    serving: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await serve(reader, writer)
        writer.close()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.add(asyncio.create_task(connected(reader, writer)))

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        await asyncio.wait(serving)


async def post(origin: str, scheme: str = "http") -> Answer:
    url = origin.replace("http", scheme, 1)
    return await Outbound([url]).post(f"{url}/hook", b"{}", {"Content-Type": "application/json"}, at=datetime.now(UTC))


async def head(reader: asyncio.StreamReader) -> None:
    await reader.readuntil(b"\r\n\r\n")


async def hangs(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    while await reader.read(1024):
        pass


async def drips(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await head(reader)
    for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello" * 100:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.1)


async def speaks_no_tls(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"\x16\x03\x01\xff\xff" + b"garbage" * 100)
    await hangs(reader, writer)


async def redirects(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await head(reader)
    writer.write(b"HTTP/1.1 307 Temporary Redirect\r\nLocation: /hook\r\nContent-Length: 0\r\n\r\n")
    await writer.drain()


async def refuses(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await head(reader)
    writer.write(b"HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 900\r\n\r\n" + b"x" * 900)
    await writer.drain()


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbound, "CONNECT_SECONDS", 0.5)
    monkeypatch.setattr(outbound, "POST_SECONDS", 0.8)


@pytest.mark.parametrize(
    ("serve", "scheme", "reason"),
    [
        (hangs, "http", "no answer within"),
        (drips, "http", "no answer within"),
        (speaks_no_tls, "https", "it cannot be reached (ConnectError)|no answer within"),
        (hangs, "https", "it cannot be reached (ConnectTimeout)|no answer within"),
    ],
)
async def test_an_attempt_ends_in_time_whatever_the_receiver_does(serve: Serve, scheme: str, reason: str) -> None:
    async with receiver(serve) as origin, asyncio.timeout(5):
        answer = await post(origin, scheme)

    assert (answer.status, answer.succeeded) == (None, False)
    assert answer.reason is not None
    assert answer.reason.startswith(tuple(reason.split("|")))


async def test_a_redirect_is_not_followed() -> None:
    came = []

    async def counts(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.append(1)
        await redirects(reader, writer)

    async with receiver(counts) as origin:
        answer = await post(origin)

    assert (answer.status, answer.succeeded, len(came)) == (307, False, 1)


async def test_an_endless_answer_is_a_success_of_which_nothing_is_read() -> None:
    written = 0
    done = asyncio.Event()

    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal written
        await head(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n")
        try:
            while written < 2**30:
                writer.write(b"x" * 65536)
                await writer.drain()
                written += 65536
        finally:
            done.set()

    async with receiver(endless) as origin, asyncio.timeout(10):
        answer = await post(origin)
        await done.wait()

    assert answer.succeeded
    assert written < 64 * 2**20  # what the two sockets buffer; the caller is gone


async def test_a_refusal_is_told_with_its_beginning_and_its_wish() -> None:
    async with receiver(refuses) as origin:
        answer = await post(origin)

    assert answer.reason == "it answered 503: " + "x" * 500
    assert answer.retry_after is not None
    assert answer.retry_after.total_seconds() == 7


async def test_one_that_hangs_does_not_hold_up_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbound, "POST_SECONDS", 3.0)
    async with receiver(hangs) as hung, receiver(refuses) as quick, asyncio.timeout(20):
        waiting = asyncio.create_task(post(hung))
        answer = await post(quick)
        assert (answer.status, waiting.done()) == (503, False)
        assert (await waiting).status is None
