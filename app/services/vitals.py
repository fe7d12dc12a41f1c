"""Vital signs for operators: quarantine depth, silence of sources, age of due jobs.

Row-level security shows a transaction one tenant and no more, so that no statement can ask about all of them. What
was seen of a tenant is therefore remembered, and each look asks anew about a fixed number: those seen longest ago.
"""

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from app.models.sources import Delivery, DeliveryStatus, Source
from app.models.unit import Units
from app.services import jobs, tenants

BUDGET = 25
"""How many tenants one look asks about: two statements each."""


@dataclass(slots=True)
class Vitals:
    """What was observed, by tenant slug, or by tenant and source slug, and how long ago the oldest of it."""

    quarantined: dict[str, int] = field(default_factory=dict)
    silence_seconds: dict[tuple[str, str], float] = field(default_factory=dict)
    oldest_job_seconds: float = 0.0
    oldest_look_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class _Seen:
    """One tenant: when it was looked at, its deliveries in quarantine, and since when each source is silent."""

    at: datetime
    quarantined: int
    silent_since: dict[str, datetime]


class Watch:
    """Looks at the vital signs of all tenants, a few statements at a time."""

    def __init__(self, budget: int = BUDGET) -> None:
        self._budget = budget
        self._seen: dict[str, _Seen] = {}

    async def observe(self, database: Units, now: datetime) -> Vitals:
        """Return the vital signs of every active tenant looked at by `now`; 2 + 2 x budget statements at the most."""
        vitals = Vitals()
        async with database.reading(None) as session:
            scopes = {scope.slug: scope for scope in await tenants.everyone(session)}
            vitals.oldest_job_seconds = await jobs.oldest_due_seconds(session, now)
        known = {slug: seen for slug, seen in self._seen.items() if slug in scopes}
        due = sorted(scopes, key=lambda slug: (slug in known, known[slug].at if slug in known else now))
        for slug in due[: self._budget]:
            async with database.reading(scopes[slug]) as session:
                known[slug] = await _look(session, now)
        self._seen = known
        for slug, seen in known.items():
            vitals.quarantined[slug] = seen.quarantined
            for source, since in seen.silent_since.items():
                vitals.silence_seconds[slug, source] = (now - since).total_seconds()
            vitals.oldest_look_seconds = max(vitals.oldest_look_seconds, (now - seen.at).total_seconds())
        return vitals


async def _look(session: AsyncSession, now: datetime) -> _Seen:
    """Look at the tenant of a unit; two statements."""
    quarantined = select(func.count()).select_from(Delivery).where(col(Delivery.status) == DeliveryStatus.QUARANTINED)
    count = await session.scalar(quarantined) or 0
    sources = await session.scalars(select(Source).where(col(Source.archived_at).is_(None)))
    return _Seen(now, count, {source.slug: source.last_delivery_at or source.created_at for source in sources})
