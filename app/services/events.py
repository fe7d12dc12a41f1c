"""Learning events for reading, with the person and the activity that they are linked to today."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased
from sqlmodel import col

from app.models.activities import ActivityReference
from app.models.learning import LearningEventRead, LearningEventRow, shown_extras
from app.models.people import Identity
from app.services import corrections
from app.services.nouns import Condition, NounType


async def linked(session: AsyncSession, rows: Sequence[LearningEventRow]) -> list[Mapping[str, Any]]:
    """Return rows, in order, as they are shown, with what they are linked to and how replays corrected them.

    A few queries whatever their number.
    """
    people = await _column(session, Identity.id, Identity.person_id, {row.identity_id for row in rows})
    activities = await _column(
        session, ActivityReference.id, ActivityReference.activity_id, {row.reference_id for row in rows}
    )
    marks = await corrections.marks(session, [corrections.reading_of(row) for row in rows])
    return [
        row.model_dump()
        | {
            "corrects_id": mark.corrects_id,
            "corrected_at": mark.corrected_at,
            "person_id": people.get(row.identity_id),
            "activity_id": activities.get(row.reference_id),
            "dated_ahead": row.occurred_at > row.recorded_at,
            "extras": shown_extras(row.extras),
        }
        for row, mark in zip(rows, marks, strict=True)
    ]


async def _column(session: AsyncSession, key: Any, value: Any, wanted: set[UUID | None]) -> dict[UUID | None, UUID]:
    statement = select(col(key), col(value)).where(col(key).in_(wanted - {None}))
    rows = (await session.execute(statement)).all()
    return {row[0]: row[1] for row in rows}


def _linked_to(own: Any, linked: Any, value: Any) -> Condition:
    """Return the filter on what the row that `own` names is linked to today."""

    def condition(tenant_id: UUID, values: Sequence[Any]) -> ColumnElement[bool]:
        wanted = [each for each in values if each is not None]
        rows = select(linked.id).where(linked.tenant_id == tenant_id, col(value).in_(wanted))
        some = col(own).in_(rows)
        return or_(some, col(own).is_(None)) if None in values else some

    return condition


def _correcting(tenant_id: UUID, values: Sequence[Any]) -> ColumnElement[bool]:
    """Return the filter on the event that a row corrects."""
    event, first = LearningEventRow, aliased(LearningEventRow)
    wanted = and_(col(first.tenant_id) == tenant_id, col(first.id).in_([each for each in values if each is not None]))
    keys = select(col(first.dedup_key)).where(wanted)
    sources = select(col(first.source_id)).where(wanted)
    some = and_(col(event.source_id).in_(sources), col(event.corrects_key).in_(keys))
    return or_(some, col(event.corrects_key).is_(None)) if None in values else some


EVENTS = NounType(
    row=LearningEventRow,
    write=LearningEventRead,
    read=LearningEventRead,
    plural="learning_events",
    filters=("source_id", "delivery_id", "kind", "person_id", "activity_id", "corrects_id", "passed"),
    derived={
        "person_id": _linked_to(LearningEventRow.identity_id, Identity, Identity.person_id),
        "activity_id": _linked_to(LearningEventRow.reference_id, ActivityReference, ActivityReference.activity_id),
        "corrects_id": _correcting,
    },
    sorts=("recorded_at", "occurred_at"),
    linked=linked,
)
