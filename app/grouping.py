"""Group commit: many callers' items in one transaction of their tenant; and patience that counts fairly."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from itertools import accumulate
from typing import Any, Generic, TypeVar
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.errors import Unavailable
from app.models.unit import TenantScope, Units

QUEUE_LIMIT = 2_000
QUEUE_BYTES = 128 * 1024 * 1024
DEADLINE_SECONDS = 30.0
BATCH_LIMIT = 256
BATCH_BYTES = 8 * 1024 * 1024
BATCH_WORTH_WAITING = 64
"""A commit waits for what has arrived and is only being read, until it has so many items."""

_WATCH_STEPS = 10
_TOO_LATE = "The delivery could not be stored in time; send it again."

Item = TypeVar("Item")
Result = TypeVar("Result")
Handler = Callable[..., Awaitable[Sequence[Result]]]
"""Takes a session, the items of a group and, where there is one, what the question asked."""

Question = Callable[[AsyncSession, Sequence[Item]], Awaitable[Any]]
"""Asks, in the pipeline that opens the transaction, what the handler needs to know of the items."""


def no_size(_item: Any) -> int:
    """Return 0: the items of a group are small."""
    return 0


class Group(Generic[Item, Result]):
    """Group commit: while one commit of a tenant is under way, others wait and go together in the next.

    Every caller gets its own answer, after its own rows are committed. If the database refuses the batch, its halves
    are tried, and theirs, down to single items: one of them never fails its neighbours, nor keeps them long.
    """

    def __init__(
        self,
        database: Units,
        handler: Handler[Result],
        size: Callable[[Item], int],
        question: Question[Item] | None = None,
    ) -> None:
        self._database = database
        self._handler = handler
        self._question = question
        self._size = size
        self._bytes = 0
        self._waiting: dict[UUID, list[tuple[Item, asyncio.Future[Result]]]] = {}
        self._drains: dict[UUID, asyncio.Task[None]] = {}
        self._deadlines = _Deadlines()
        self.observe: Callable[[int, float], None] = lambda _size, _seconds: None

    async def submit(self, tenant: TenantScope, item: Item) -> Result:
        """Wait until `item` is committed and return its result; raise what went wrong with it alone."""
        queue = self._waiting.get(tenant.id, [])
        size = self._size(item)
        if len(queue) >= QUEUE_LIMIT or (self._bytes and self._bytes + size > QUEUE_BYTES):
            raise Unavailable("Too many deliveries are waiting; try again in a few seconds.")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Result] = loop.create_future()
        self._bytes += size
        queue.append((item, future))
        self._waiting[tenant.id] = queue
        if tenant.id not in self._drains:
            self._drains[tenant.id] = asyncio.create_task(self._drain(tenant))
        self._deadlines.begin(future, loop)
        try:
            return await future  # a caller that goes away cancels its answer, not its item
        finally:
            self._deadlines.end(future)

    async def close(self) -> None:
        """Wait until everything submitted is answered."""
        await asyncio.gather(*self._drains.values())

    async def _drain(self, tenant: TenantScope) -> None:
        queue = self._waiting[tenant.id]
        try:
            while queue:
                await _let_arrive(queue)
                together = self._together([item for item, _ in queue[:BATCH_LIMIT]])
                batch, queue[:] = queue[:together], queue[together:]
                try:
                    await self._commit(tenant, batch)
                finally:
                    self._bytes -= sum(self._size(item) for item, _ in batch)
        finally:
            del self._drains[tenant.id], self._waiting[tenant.id]

    def _together(self, items: Sequence[Item]) -> int:
        """Return how many of the items that wait go in one transaction: one, or as many as are not too large for it."""
        totals = accumulate(map(self._size, items))
        return max(1, sum(total <= BATCH_BYTES for total in totals))

    async def _commit(self, tenant: TenantScope, batch: list[tuple[Item, asyncio.Future[Result]]]) -> None:
        started = asyncio.get_running_loop().time()
        try:
            results = await self._results(tenant, [item for item, _ in batch])
        except Unavailable as error:
            _fail(batch, error)
        except Exception as error:  # noqa: BLE001  whatever one item does, its neighbours are tried without it
            if len(batch) == 1:
                _fail(batch, error)
            else:
                for half in (batch[: len(batch) // 2], batch[len(batch) // 2 :]):
                    await self._commit(tenant, half)
        else:
            self.observe(len(batch), asyncio.get_running_loop().time() - started)
            for (_, future), result in zip(batch, results, strict=True):
                if not future.done():
                    future.set_result(result)

    async def _results(self, tenant: TenantScope, items: list[Item]) -> Sequence[Result]:
        if self._question is None:
            async with self._database.transaction(tenant) as session:
                return await self._handler(session, items)
        question = self._question
        async with self._database.asking(tenant, lambda session: question(session, items)) as (session, asked):
            return await self._handler(session, items, asked)


async def _let_arrive(queue: list[Any]) -> None:
    """Give requests at the door a turn as long as each turn brings more; nobody waits for what is not there yet."""
    before = 0
    while before < len(queue) < BATCH_WORTH_WAITING:
        before = len(queue)
        await asyncio.sleep(0)


def _fail(batch: Sequence[tuple[Any, asyncio.Future[Any]]], error: Exception) -> None:
    for _, future in batch:
        if not future.done():
            future.set_exception(error)
            future.exception()  # a caller that has gone does not make it an unhandled one


class _Deadlines:
    """Ends waits that last longer than all may: as all may last equally long, the oldest is the next to end.

    So one timer does for all of them; one for each would cost more than the wait itself.
    """

    def __init__(self) -> None:
        self._ends: dict[asyncio.Future[Any], float] = {}
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, future: asyncio.Future[Any], loop: asyncio.AbstractEventLoop) -> None:
        """Give a wait its time."""
        self._ends[future] = loop.time() + DEADLINE_SECONDS
        if self._timer is None:
            self._timer = loop.call_later(DEADLINE_SECONDS, self._ring, loop)

    def end(self, future: asyncio.Future[Any]) -> None:
        """Forget a wait that is over."""
        self._ends.pop(future, None)
        if not self._ends and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _ring(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        now = loop.time()
        late = [future for future, end in self._ends.items() if end <= now]
        _fail([(None, future) for future in late], Unavailable(_TOO_LATE))
        left = next((end for end in self._ends.values() if end > now), None)
        if left is not None:
            self._timer = loop.call_at(left, self._ring, loop)


class Watch:
    """Ends a wait after some seconds in which this process had time for its answer.

    It counts in steps, between which answers are read: a process that waits for a core, or has much to do, would
    otherwise blame the database for its own delay and refuse what is merely slow.
    """

    def __init__(self, limit: asyncio.Timeout, seconds: float) -> None:
        self._limit = limit
        self._step = seconds / _WATCH_STEPS
        self._left = _WATCH_STEPS
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(self._step, self._count)

    def stop(self) -> None:
        """End nothing any more."""
        self._timer.cancel()

    def _count(self) -> None:
        self._left -= 1
        if self._left:
            self._timer = self._loop.call_later(self._step, self._count)
        else:
            self._limit.reschedule(self._loop.time())
