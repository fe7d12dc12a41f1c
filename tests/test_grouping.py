"""Patience with the database counts the time that this process had for its answers, not what it spent elsewhere."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeVar
from uuid import UUID

import pytest

from app.domain.errors import Unavailable
from app.grouping import DEADLINE_SECONDS, Group, Watch
from app.models.unit import TenantScope

SECONDS = 2.5
STEP = SECONDS / 10
STALL = 600.0
Result = TypeVar("Result")


class FakeLoop(asyncio.SelectorEventLoop):
    """A loop whose clock goes on only while it waits, at once, and when a test stands still for a while."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        select = self._selector.select  # type: ignore[attr-defined]  # that of every selector loop

        def at_once(timeout: float | None = None) -> list[Any]:
            found: list[Any] = select(0)
            self.now += 0.0 if found else timeout or 0.0
            return found

        self._selector.select = at_once  # type: ignore[attr-defined]  # as above

    def time(self) -> float:
        return self.now

    def stall(self) -> None:
        """Let time go by in which the process does not run."""
        self.now += STALL


def run(test: Callable[[FakeLoop], Awaitable[Result]]) -> Result:
    async def main() -> Result:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, FakeLoop)
        return await test(loop)

    with asyncio.Runner(loop_factory=FakeLoop) as runner:
        return runner.run(main())


async def waited(loop: FakeLoop, answered_after: float | None) -> tuple[str, float]:
    """Wait under a watch for an answer that comes after some seconds, or never; return what came and when."""
    answer: asyncio.Future[str] = loop.create_future()
    if answered_after is not None:
        loop.call_later(answered_after, answer.set_result, "answered")
    try:
        async with asyncio.timeout(None) as limit:
            watch = Watch(limit, SECONDS)
            try:
                return await answer, loop.now
            finally:
                watch.stop()
    except TimeoutError:
        return "given up", loop.now


def test_a_wait_without_an_answer_ends_after_its_seconds() -> None:
    what, when = run(lambda loop: waited(loop, None))

    assert (what, round(when, 6)) == ("given up", SECONDS)


def test_an_answer_in_time_is_taken_and_nothing_is_ended_afterwards() -> None:
    async def answered_and_idle(loop: FakeLoop) -> tuple[str, float]:
        found = await waited(loop, SECONDS - STEP / 2)
        await asyncio.sleep(10 * SECONDS)
        return found

    assert run(answered_and_idle) == ("answered", SECONDS - STEP / 2)


def test_a_process_that_stood_still_reads_the_answer_that_came_meanwhile() -> None:
    async def stalled(loop: FakeLoop) -> tuple[str, float]:
        loop.call_later(STEP / 2, loop.stall)
        return await waited(loop, STALL - STEP)

    assert run(stalled)[0] == "answered"


def test_standing_still_costs_a_step_each_time_and_ends_in_giving_up() -> None:
    async def stalled(loop: FakeLoop) -> tuple[str, float]:
        for number in range(4):
            loop.call_later(number * STALL, loop.stall)
        return await waited(loop, None)

    what, when = run(stalled)

    assert what == "given up"
    assert 4 * STALL < when < 4 * STALL + SECONDS


def test_each_wait_for_a_commit_that_does_not_end_lasts_as_long_as_every_other() -> None:
    class Silent:
        @contextlib.asynccontextmanager
        async def transaction(self, _tenant: TenantScope) -> AsyncIterator[Any]:
            await asyncio.Event().wait()
            yield

    async def submitted(loop: FakeLoop, group: Group[int, int], after: float) -> float:
        await asyncio.sleep(after)
        began = loop.now
        with pytest.raises(Unavailable):
            await group.submit(TenantScope(UUID(int=1), "acme"), 1)
        return loop.now - began

    async def all_of_them(loop: FakeLoop) -> list[float]:
        group: Group[int, int] = Group(Silent(), None, lambda _item: 1)  # type: ignore[arg-type]  # neither is reached
        return list(await asyncio.gather(*(submitted(loop, group, after) for after in (0.0, 1.0, 1.0, 40.0))))

    assert [round(waited, 6) for waited in run(all_of_them)] == [DEADLINE_SECONDS] * 4
