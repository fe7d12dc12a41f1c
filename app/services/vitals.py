"""Vital signs for operators: quarantine depth, silence of sources, age of due jobs."""

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from app.models.sources import Delivery, DeliveryStatus, Source
from app.models.unit import Units
from app.services import jobs, tenants


@dataclass(slots=True)
class Vitals:
    """What was observed, by tenant slug, or by tenant and source slug."""

    quarantined: dict[str, int] = field(default_factory=dict)
    silence_seconds: dict[tuple[str, str], float] = field(default_factory=dict)
    oldest_job_seconds: float = 0.0


async def observe(database: Units, now: datetime) -> Vitals:
    """Return the vital signs of every tenant at `now`."""
    vitals = Vitals()
    async with database.reading(None) as session:
        scopes = await tenants.everyone(session)
        vitals.oldest_job_seconds = await jobs.oldest_due_seconds(session, now)
    for scope in scopes:
        async with database.reading(scope) as session:
            await _observe_tenant(session, scope.slug, now, vitals)
    return vitals


async def _observe_tenant(session: AsyncSession, slug: str, now: datetime, vitals: Vitals) -> None:
    quarantined = select(func.count()).select_from(Delivery).where(col(Delivery.status) == DeliveryStatus.QUARANTINED)
    vitals.quarantined[slug] = await session.scalar(quarantined) or 0
    sources = await session.scalars(select(Source).where(col(Source.archived_at).is_(None)))
    for source in sources:
        since = source.last_delivery_at or source.created_at
        vitals.silence_seconds[slug, source.slug] = (now - since).total_seconds()
