"""The next of several things made while the one before is used."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from typing import TypeVar

T = TypeVar("T")


async def ahead(items: AsyncIterator[T]) -> AsyncGenerator[T]:
    """Yield `items`, none of them None, each made while the caller still works with the one before.

    What making one raises is raised when its turn comes, after all before it were used.
    """
    coming = asyncio.create_task(_next(items))
    try:
        while (item := await coming) is not None:
            coming = asyncio.create_task(_next(items))
            yield item
    finally:
        coming.cancel()
        with contextlib.suppress(asyncio.CancelledError, Exception):
            await coming


async def _next(items: AsyncIterator[T]) -> T | None:
    return await anext(items, None)
