"""Making the next while the one before is used."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from app.work.ahead import ahead


async def _made(log: list[str], *, fails: bool = False) -> AsyncIterator[int]:
    for number in (1, 2, 3):
        log.append(f"made {number}")
        yield number
    if fails:
        raise ValueError("no fourth")


async def _used(log: list[str], items: AsyncIterator[int]) -> None:
    async for number in ahead(items):
        await asyncio.sleep(0)
        log.append(f"used {number}")


def test_the_next_is_made_while_the_one_before_is_used() -> None:
    log: list[str] = []

    asyncio.run(_used(log, _made(log)))

    assert log == ["made 1", "made 2", "used 1", "made 3", "used 2", "used 3"]


def test_what_fails_is_told_once_all_before_it_is_used() -> None:
    log: list[str] = []

    with pytest.raises(ValueError, match="no fourth"):
        asyncio.run(_used(log, _made(log, fails=True)))

    assert log[-1] == "used 3"


def test_whoever_stops_leaves_nothing_running() -> None:
    async def stop_early() -> set[asyncio.Task[object]]:
        async with contextlib.aclosing(ahead(_made([]))) as numbers:
            async for _ in numbers:
                break
        return asyncio.all_tasks() - {asyncio.current_task()}

    assert not asyncio.run(stop_early())
