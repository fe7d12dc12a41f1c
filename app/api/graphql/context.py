"""What one request to the graph shares: whose it is, and the loaders that make one query of many."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Sequence
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy.ext.asyncio import AsyncSession
from strawberry.dataloader import DataLoader

from app.api.graphql.requests import Caller

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
Load = Callable[[AsyncSession, list[K]], Awaitable[Sequence[V]]]
"""A service function: keys in, values out in the same order."""

UNITS_MOST = 3
"""Reading units that one request holds open at the same time, so that it cannot take every connection."""


class Graph:
    """The context of one request."""

    def __init__(self, caller: Caller) -> None:
        self.principal = caller.principal
        self.vault = caller.vault
        self._database = caller.database
        self._units = asyncio.Semaphore(UNITS_MOST)
        self._views: dict[datetime | None, View] = {}

    def view(self, at: datetime | None) -> "View":
        """Return the graph as it stands now (None), or as it stood at an instant."""
        if at not in self._views:
            self._views[at] = View(self, at)
        return self._views[at]

    @contextlib.asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncSession]:
        """Open a short reading unit of the caller's tenant."""
        async with self._units, self._database.reading(self.principal.tenant) as session:
            yield session


class View:
    """The graph at one instant. Everything that is loaded through it is loaded in batches, once per request."""

    def __init__(self, graph: Graph, at: datetime | None) -> None:
        self.graph = graph
        self.at = at
        self._loaders: dict[Hashable, DataLoader[Any, Any]] = {}
        self._memory: dict[Hashable, Any] = {}

    def load(self, name: Hashable, load: Load[K, V], key: K) -> Awaitable[V]:
        """Return the value of `key`; keys that are asked for under one name at the same time are one call of `load`."""
        loader = self._loaders.get(name)
        if loader is None:
            loader = self._loaders[name] = DataLoader(self._in_unit(load))
        return loader.load(key)

    def remembered(self, name: Hashable, make: Callable[[], V]) -> V:
        """Return what `make` gave the first time; siblings' arguments are the same and are checked once."""
        if name not in self._memory:
            self._memory[name] = make()
        found: V = self._memory[name]
        return found

    def _in_unit(self, load: Load[K, V]) -> Callable[[list[K]], Awaitable[Sequence[V]]]:
        async def loaded(keys: list[K]) -> Sequence[V]:
            async with self.graph.reading() as session:
                return await load(session, keys)

        return loaded
