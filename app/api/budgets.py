"""Budgets of sources: how many deliveries of one may wait at once, so that a noisy one never keeps the others waiting.

What is over budget is answered 503 with Retry-After (api.md, REST 19): every sender takes that for a reason to come
back. Only what is proved to be of a source counts, so that nobody can use up the budget of a source by its address.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from app.domain.errors import Unavailable

_BYTES = 32 * 1024 * 1024
"""What the deliveries of one source that wait may hold together: a quarter of what the whole queue takes."""


class Budgets:
    """The deliveries that wait in this process, by their source."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._waiting: dict[UUID, tuple[int, int]] = {}

    @contextmanager
    def place(self, source_id: UUID, size: int) -> Iterator[None]:
        """Count one delivery of `size` bytes for as long as it waits. Raises Unavailable."""
        number, held = self._waiting.get(source_id, (0, 0))
        if number >= self._most or (number and held + size > _BYTES):
            raise Unavailable(
                f"{number} deliveries of this source are waiting to be stored, as many as it may have at once: "
                "send fewer at a time, or send this one again in a few seconds."
            )
        self._waiting[source_id] = (number + 1, held + size)
        try:
            yield
        finally:
            number, held = self._waiting[source_id]
            if number == 1:
                del self._waiting[source_id]
            else:
                self._waiting[source_id] = (number - 1, held - size)
