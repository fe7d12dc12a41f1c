"""Which activity an event is about: references by source; unknown ones make a draft activity."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from sqlalchemy import select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from app.domain.learning import ActivityName, LearningEvent
from app.models.activities import Activity, ActivityKind, ActivityReference, ActivityStatus
from app.services.bulk import add_many, born

_CHUNK = 500
_TITLE_LENGTH = 200
Place = tuple[UUID, str]
"""(source id, external id in the source)."""


async def resolve(
    session: AsyncSession, events: Sequence[tuple[UUID, LearningEvent]]
) -> list[ActivityReference | None]:
    """Return the reference of each (source id, event), in order; None for one that names no activity."""
    named: dict[Place, ActivityName] = {}
    for source_id, event in events:
        if event.activity is not None:
            named.setdefault((source_id, event.activity.external_id), event.activity)
    known = await _find(session, named)
    activities, references = [], []
    for (source_id, external_id), told in named.items():
        if (source_id, external_id) not in known:
            activity = Activity(
                **born(session),
                title=(told.title or external_id)[:_TITLE_LENGTH],
                kind=ActivityKind.COURSE,
                required=True,
                status=ActivityStatus.DRAFT,
            )
            reference = ActivityReference(
                **born(session),
                activity_id=activity.id,
                source_id=source_id,
                external_id_in_source=external_id,
                content_version=told.content_version,
            )
            activities.append(activity)
            references.append(reference)
            known[source_id, external_id] = reference
    await add_many(session, activities)
    await add_many(session, references)
    return [known[source_id, event.activity.external_id] if event.activity else None for source_id, event in events]


async def _find(session: AsyncSession, places: Iterable[Place]) -> dict[Place, ActivityReference]:
    wanted = sorted(places)
    found: dict[Place, ActivityReference] = {}
    columns = tuple_(col(ActivityReference.source_id), col(ActivityReference.external_id_in_source))
    for start in range(0, len(wanted), _CHUNK):
        rows = await session.scalars(select(ActivityReference).where(columns.in_(wanted[start : start + _CHUNK])))
        found.update({(row.source_id, row.external_id_in_source): row for row in rows})
    return found
