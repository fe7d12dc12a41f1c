"""Key sets (JWKS) of those who sign what they send: remembered, and fetched anew at most once a minute."""

import asyncio
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

import structlog

from app.lms import Unreadable
from app.lms._body import strict_json
from app.outbound import CallFailed, CallRefused, Outbound

log = structlog.get_logger(__name__)

PAUSE_SECONDS = 60.0
"""Least time between two fetches for one owner, failed ones too, whatever is claimed in their name."""

STALE_SECONDS = 3_600.0
"""After so long a set is fetched anew beside the request that uses it, so that a withdrawn key goes some time."""

IDLE_SECONDS = 2 * STALE_SECONDS
"""After so long without any use it is fetched anew before it is used."""

EXPIRED_SECONDS = 24 * 3_600.0
"""A set that could not be fetched anew for so long is no longer used: a key may have been withdrawn for good reason."""

_REMEMBERED_MOST = 10_000


class Place(NamedTuple):
    """Where the key set of a source or an identity provider is.

    `issuer` is None where `url` is that of the set; else it is that of the metadata in which this very issuer says
    where its set is (https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderMetadata).
    """

    owner_id: UUID
    url: str
    issuer: str | None = None


@dataclass(slots=True)
class _Kept:
    keys: Mapping[str, Any] | None = None
    fetched_at: float = -math.inf
    tried_at: float = -math.inf
    failed: bool = False
    fetching: asyncio.Task[None] | None = None


class KeySets:
    """The key sets of this process. One that cannot be fetched anew stays in use for a day."""

    def __init__(self, outbound: Outbound) -> None:
        self._outbound = outbound
        self._kept: dict[Place, _Kept] = {}

    def at_hand(self, place: Place) -> Mapping[str, Any] | None:
        """Return the key set as last fetched, without waiting; None before the first time, and when it is too old."""
        kept = self._kept.get(place)
        if kept is None or kept.keys is None:
            return None
        age = time.monotonic() - kept.fetched_at
        if age > STALE_SECONDS:
            self._begin(place, kept)
        return kept.keys if age <= (EXPIRED_SECONDS if kept.failed else IDLE_SECONDS) else None

    async def renew(self, place: Place) -> None:
        """Fetch the set, or wait for the fetch that is under way; nothing within the pause after the last one."""
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
            url = place.url if place.issuer is None else await self._told(place.url, place.issuer)
            kept.keys = _key_set(await self._outbound.get(url))
            kept.fetched_at, kept.failed = time.monotonic(), False
        except (CallRefused, CallFailed, Unreadable) as error:
            kept.failed = True
            log.warning("key_set_not_fetched", owner_id=str(place.owner_id), reason=str(error))
        finally:
            kept.fetching = None

    async def _told(self, url: str, issuer: str) -> str:
        """Return where the metadata of an issuer says that its key set is."""
        found = strict_json(await self._outbound.get(url))
        if not isinstance(found, dict) or found.get("issuer") != issuer:
            raise CallFailed("its metadata is that of another issuer")
        told = found.get("jwks_uri")
        if not isinstance(told, str):
            raise CallFailed("its metadata names no key set")
        return told


def _key_set(body: bytes) -> Mapping[str, Any]:
    found = strict_json(body)
    if not isinstance(found, dict) or not isinstance(found.get("keys"), list):
        raise CallFailed("its answer is no key set")
    return found
