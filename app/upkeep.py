"""What PostgreSQL would do later by itself: look at tables that grow from nothing, before it plans badly for long."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from app.domain.errors import Unavailable

_FIRST_ROWS = 4


class Statistics:
    """Has the statistics of small tables made anew whenever twice as many rows have passed as the last time.

    A statement, or a foreign key, that was planned while a table was nearly empty would go on reading all of the
    tenant's rows by an index that serves no better when there are few; new statistics make all plans anew. Nobody waits
    for them: the tables can be written meanwhile.
    """

    def __init__(self, analyse: Callable[[], Awaitable[None]]) -> None:
        self._analyse = analyse
        self._passed = 0
        self._next = 2 * _FIRST_ROWS
        self._task: asyncio.Task[None] | None = None

    def count(self, rows: int) -> None:
        """Count rows that were written."""
        self._passed += rows
        if self._passed >= self._next and (self._task is None or self._task.done()):
            self._next = 2 * self._passed
            self._task = asyncio.create_task(self._look())

    async def close(self) -> None:
        """Wait until nothing is under way."""
        if self._task is not None:
            await asyncio.wait([self._task])

    async def _look(self) -> None:
        with contextlib.suppress(Unavailable):  # they are made at the next time
            await self._analyse()
