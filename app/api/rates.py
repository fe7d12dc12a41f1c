"""Fair shares: how many requests a caller may make in a window of time, told with every answer.

https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/ gives the headers. Receivers of deliveries have
no part in it: an LMS is never answered 429.
"""

import math
import time
from dataclasses import dataclass
from uuid import UUID

from fastapi import Request
from limits import RateLimitItemPerSecond
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from app.api.principals import Principal
from app.domain.errors import ThroughlineError


class TooManyRequests(ThroughlineError):
    """More was asked for at once, or in a time, than is anybody's share."""

    code = "too_many_requests"


@dataclass(frozen=True, slots=True)
class Share:
    """What is left of a caller's share: requests, and seconds until it is whole again."""

    fits: bool
    remaining: int
    reset_seconds: int


class Rates:
    """The shares of the callers that this process has seen; `most` 0: there is no limit."""

    def __init__(self, most: int, seconds: int) -> None:
        self.policy = f'"key";q={most};w={seconds}'
        self._item = RateLimitItemPerSecond(max(most, 1), seconds) if most else None
        self._limiter = FixedWindowRateLimiter(MemoryStorage())

    def take(self, caller_id: UUID) -> Share | None:
        """Count one request of a caller; None where there is no limit."""
        if self._item is None:
            return None
        fits = self._limiter.hit(self._item, caller_id.hex)
        stats = self._limiter.get_window_stats(self._item, caller_id.hex)
        return Share(fits, stats.remaining, max(1, math.ceil(stats.reset_time - time.time())))


def admit(request: Request, principal: Principal) -> None:
    """Count a request against its caller's share, and have the answer tell what is left. Raises TooManyRequests."""
    rates: Rates = request.app.state.rates
    share = rates.take(principal.caller_id)
    if share is None:
        return
    told = {"RateLimit-Policy": rates.policy, "RateLimit": f'"key";r={share.remaining};t={share.reset_seconds}'}
    if not share.fits:
        told["Retry-After"] = str(share.reset_seconds)
    request.state.told = getattr(request.state, "told", {}) | told
    if not share.fits:
        raise TooManyRequests(f"This caller has used up their share: wait {share.reset_seconds} seconds.")
