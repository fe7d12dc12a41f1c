"""Bodies as servers hand them over: there at once, in pieces, late, or never, and what then becomes of the wait."""

import asyncio
from collections import deque
from typing import Any

import pytest
from starlette.requests import ClientDisconnect

from app.api.passages import BodyTooLarge, Passage

SCOPE = {"type": "http", "method": "POST", "path": "/v1/x", "headers": [], "query_string": b""}


class Sender:
    """Hands pieces over, each after so many turns of the loop as its number says; then nothing more comes."""

    def __init__(self, *pieces: tuple[int, Any]) -> None:
        self._pieces = deque(pieces)
        self.gave_up: list[str] = []
        self.hides_the_end = False

    async def receive(self) -> Any:
        turns, message = self._pieces.popleft() if self._pieces else (1_000_000, None)
        try:
            for _ in range(turns):
                await asyncio.wait([asyncio.ensure_future(asyncio.sleep(0))])
        except asyncio.CancelledError as error:
            self.gave_up.append(type(error).__name__)
            if self.hides_the_end:
                await asyncio.sleep(0)
                return piece(b"last")
            raise
        return message


def piece(content: bytes, *, more: bool = False) -> dict[str, Any]:
    return {"type": "http.request", "body": content, "more_body": more}


async def unsent(_message: Any) -> None:
    raise AssertionError("nothing is to be sent")


def passage(sender: Sender, *, most: int = 100, seconds: float = 30.0) -> Passage:
    found = Passage(dict(SCOPE), sender.receive, unsent)
    found.limit(most, seconds)
    return found


@pytest.mark.parametrize("turns", [(0, 0, 0), (0, 3, 0), (1, 0, 2)])
async def test_a_body_is_the_same_however_it_comes(turns: tuple[int, ...]) -> None:
    first, second, third = turns
    sender = Sender((first, piece(b"ab", more=True)), (second, piece(b"", more=True)), (third, piece(b"c")))

    assert await passage(sender).body() == b"abc"
    assert sender.gave_up == []


async def test_a_body_that_is_late_ends_the_wait_for_it_where_it_waits() -> None:
    sender = Sender((0, piece(b"a", more=True)))
    late = passage(sender, seconds=0.02)

    with pytest.raises(TimeoutError):
        await late.body()

    assert (late.body_is_late, sender.gave_up) == (True, ["CancelledError"])


async def test_who_hangs_up_and_who_is_cancelled_leave_no_wait_behind() -> None:
    gone = Sender((2, {"type": "http.disconnect"}))
    with pytest.raises(ClientDisconnect):
        await passage(gone).body()

    sender = Sender()
    waiting = asyncio.create_task(passage(sender).body())
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert sender.gave_up == ["CancelledError"]


async def test_a_server_that_answers_a_cancelled_wait_is_heard() -> None:
    sender = Sender()
    sender.hides_the_end = True
    waiting = asyncio.create_task(passage(sender).body())
    await asyncio.sleep(0)

    waiting.cancel()

    assert await waiting == b"last"


async def test_a_body_is_counted_piece_by_piece() -> None:
    sender = Sender((0, piece(b"a" * 60, more=True)), (1, piece(b"a" * 60, more=True)))

    with pytest.raises(BodyTooLarge):
        await passage(sender).body()
