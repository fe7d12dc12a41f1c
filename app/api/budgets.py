"""Budgets of sources: how many deliveries of one may wait at once, so that a noisy one never keeps the others waiting.

What is over budget is answered 503 with Retry-After (api.md, REST 19): every sender takes that for a reason to come
back. Only what is proved to be of a source counts, so that nobody can use up the budget of a source by its address.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from uuid import UUID

from app.domain.errors import Unavailable

_BYTES = 32 * 1024 * 1024
"""What the deliveries of one source that wait may hold together: a quarter of what the whole queue takes."""


class _Place:
    """One delivery that waits: a context manager of its own, as one made of a generator takes five times as long."""

    __slots__ = ("_give_back", "_size", "_source")

    def __init__(self, give_back: Callable[[int, int], None], source: int, size: int) -> None:
        self._give_back, self._source, self._size = give_back, source, size

    def __enter__(self) -> None:
        return None

    def __exit__(self, *_raised: object) -> None:
        self._give_back(self._source, self._size)


class Budgets:
    """The deliveries that wait in this process, by their source."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._waiting: dict[int, tuple[int, int]] = {}

    def place(self, source_id: UUID, size: int) -> AbstractContextManager[None]:
        """Count one delivery of `size` bytes from now until it waits no more. Raises Unavailable."""
        source = source_id.int
        number, held = self._waiting.get(source, (0, 0))
        if number >= self._most or (number and held + size > _BYTES):
            raise Unavailable(
                f"{number} deliveries of this source are waiting to be stored, as many as it may have at once: "
                "send fewer at a time, or send this one again in a few seconds."
            )
        self._waiting[source] = (number + 1, held + size)
        return _Place(self._give_back, source, size)

    def _give_back(self, source: int, size: int) -> None:
        number, held = self._waiting[source]
        if number == 1:
            del self._waiting[source]
        else:
            self._waiting[source] = (number - 1, held - size)
