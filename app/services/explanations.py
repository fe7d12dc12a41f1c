"""The facts behind figures: learning events down to their deliveries, and measurements."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from app.models.activities import Activity, ActivityReference
from app.models.kpis import Measurement
from app.models.learning import LearningEventRow
from app.models.people import Identity
from app.models.sources import Delivery
from app.services.versions import rows_at


async def events_of_initiative(
    session: AsyncSession, initiative_id: UUID, *, as_of: datetime | None, after: UUID | None, limit: int
) -> Sequence[Row[Any]]:
    """Return a page of the events at an initiative's activities with the hashes of their deliveries, oldest first."""
    event = LearningEventRow
    references = rows_at(session, ActivityReference, as_of)
    identities = rows_at(session, Identity, as_of)
    activities = rows_at(session, Activity, as_of)
    statement = (
        select(
            col(event.id),
            col(event.kind),
            col(event.occurred_at),
            identities.c.person_id,
            references.c.activity_id,
            col(event.delivery_id),
            col(Delivery.body_sha256),
        )
        .join(references, references.c.id == col(event.reference_id))
        .join(activities, activities.c.id == references.c.activity_id)
        .join(identities, identities.c.id == col(event.identity_id))
        .join(Delivery, (col(Delivery.tenant_id) == col(event.tenant_id)) & (col(Delivery.id) == event.delivery_id))
        .where(activities.c.initiative_id == initiative_id)
        .order_by(col(event.id))
        .limit(limit)
    )
    if as_of is not None:
        statement = statement.where(col(event.recorded_at) <= as_of)
    if after is not None:
        statement = statement.where(col(event.id) > after)
    return (await session.execute(statement)).all()


async def measurements(
    session: AsyncSession, measurement_ids: Sequence[UUID], *, as_of: datetime | None
) -> Sequence[Row[Any]]:
    """Return the versions of measurements that were current at `as_of`, by subject."""
    table = rows_at(session, Measurement, as_of)
    statement = select(table).where(table.c.id.in_(measurement_ids)).order_by(table.c.subject_id)
    return (await session.execute(statement)).all()
