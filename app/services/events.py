"""Learning events for reading, with the person and the activity that they are linked to today."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from app.models.activities import ActivityReference
from app.models.learning import LearningEventRead, LearningEventRow
from app.models.people import Identity
from app.services.nouns import NounType


async def linked(session: AsyncSession, rows: Sequence[LearningEventRow]) -> list[Mapping[str, Any]]:
    """Return rows, in order, with `person_id`, `activity_id` and `dated_ahead`; two queries whatever their number."""
    people = await _column(session, Identity.id, Identity.person_id, {row.identity_id for row in rows})
    activities = await _column(
        session, ActivityReference.id, ActivityReference.activity_id, {row.reference_id for row in rows}
    )
    return [
        row.model_dump()
        | {
            "person_id": people.get(row.identity_id),
            "activity_id": activities.get(row.reference_id),
            "dated_ahead": row.occurred_at > row.recorded_at,
        }
        for row in rows
    ]


async def _column(session: AsyncSession, key: Any, value: Any, wanted: set[UUID | None]) -> dict[UUID | None, UUID]:
    statement = select(col(key), col(value)).where(col(key).in_(wanted - {None}))
    rows = (await session.execute(statement)).all()
    return {row[0]: row[1] for row in rows}


EVENTS = NounType(
    row=LearningEventRow,
    write=LearningEventRead,
    read=LearningEventRead,
    plural="learning_events",
    filters=("source_id", "delivery_id", "kind"),
    sorts=("recorded_at", "occurred_at"),
    linked=linked,
)
