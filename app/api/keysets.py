"""Key sets (JWKS) of senders that sign their bodies: remembered, and fetched anew at most once a minute."""

import asyncio
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog

from app.lms import Unreadable
from app.lms._body import strict_json
from app.outbound import CallFailed, CallRefused, Outbound

log = structlog.get_logger(__name__)

PAUSE_SECONDS = 60.0
"""Least time between two fetches for one source, whatever its senders claim."""

STALE_SECONDS = 3_600.0
"""After so long a set is fetched anew beside the delivery that uses it, so that a withdrawn key goes some time."""

_REMEMBERED_MOST = 10_000

Place = tuple[UUID, str]
"""(source id, address of its key set)."""


@dataclass(slots=True)
class _Kept:
    keys: Mapping[str, Any] | None = None
    fetched_at: float = -math.inf
    tried_at: float = -math.inf
    failed: bool = False
    fetching: asyncio.Task[None] | None = None


class KeySets:
    """The key sets of this process. One that cannot be fetched anew stays in use."""

    def __init__(self, outbound: Outbound) -> None:
        self._outbound = outbound
        self._kept: dict[Place, _Kept] = {}

    def at_hand(self, place: Place) -> Mapping[str, Any] | None:
        """Return the key set as last fetched, without waiting; None before the first time."""
        kept = self._kept.get(place)
        if kept is None:
            return None
        if kept.keys is not None and time.monotonic() - kept.fetched_at > STALE_SECONDS:
            self._begin(place, kept)
        return kept.keys

    async def renew(self, place: Place) -> None:
        """Fetch the set, or wait for the fetch that is under way; nothing within a minute of the last one."""
        if place not in self._kept and len(self._kept) >= _REMEMBERED_MOST:
            self._kept.clear()
        kept = self._kept.setdefault(place, _Kept())
        self._begin(place, kept)
        if kept.fetching is not None:
            await asyncio.shield(kept.fetching)

    def is_away(self, place: Place) -> bool:
        """Return whether the last fetch failed: a key that is unknown here may be a good one."""
        return self._kept[place].failed

    def _begin(self, place: Place, kept: _Kept) -> None:
        if kept.fetching is None and time.monotonic() - kept.tried_at >= PAUSE_SECONDS:
            kept.tried_at = time.monotonic()
            kept.fetching = asyncio.create_task(self._fetch(place, kept))

    async def _fetch(self, place: Place, kept: _Kept) -> None:
        try:
            kept.keys = _key_set(await self._outbound.get(place[1]))
            kept.fetched_at, kept.failed = time.monotonic(), False
        except (CallRefused, CallFailed, Unreadable) as error:
            kept.failed = True
            log.warning("key_set_not_fetched", source_id=str(place[0]), reason=str(error))
        finally:
            kept.fetching = None


def _key_set(body: bytes) -> Mapping[str, Any]:
    found = strict_json(body)
    if not isinstance(found, dict) or not isinstance(found.get("keys"), list):
        raise CallFailed("its answer is no key set")
    return found
