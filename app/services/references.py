"""Which activity an event is about: references by source; unknown ones make a draft activity."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.learning import ActivityName, LearningEvent
from app.models.activities import Activity, ActivityKind, ActivityReference, ActivityStatus
from app.services.among import among
from app.services.bulk import add_many, born

_CHUNK = 500
_TITLE_LENGTH = 200
Place = tuple[UUID, str]
"""(source id, external id in the source)."""


async def resolve(
    session: AsyncSession, events: Sequence[tuple[UUID, LearningEvent]]
) -> list[ActivityReference | None]:
    """Return the reference of each (source id, event), in order; None for one that names no activity.

    An activity that goes by several ids in a source is the one that any of them is known to name.
    """
    named: dict[Place, ActivityName] = {}
    for source_id, event in events:
        if event.activity is not None:
            named.setdefault((source_id, event.activity.external_id), event.activity)
    known = await _find(
        session, {place for (source_id, _), told in named.items() for place in _places(source_id, told)}
    )
    activities: list[Activity] = []
    references: list[ActivityReference] = []
    for (source_id, _), told in named.items():
        places = _places(source_id, told)
        found = next((known[place] for place in places if place in known), None)
        if found is None:
            activities.append(_draft(session, told))
        activity_id = activities[-1].id if found is None else found.activity_id
        for place in places:
            if place not in known:
                known[place] = _reference(session, activity_id, place, told)
                references.append(known[place])
    await add_many(session, activities)
    await add_many(session, references)
    return [known[source_id, event.activity.external_id] if event.activity else None for source_id, event in events]


def _places(source_id: UUID, told: ActivityName) -> list[Place]:
    return [(source_id, name) for name in (told.external_id, *told.aliases)]


def _draft(session: AsyncSession, told: ActivityName) -> Activity:
    return Activity(
        **born(session),
        title=((told.title or "").strip() or told.external_id)[:_TITLE_LENGTH],
        kind=ActivityKind.COURSE,
        required=True,
        status=ActivityStatus.DRAFT,
    )


def _reference(session: AsyncSession, activity_id: UUID, place: Place, told: ActivityName) -> ActivityReference:
    return ActivityReference(
        **born(session),
        activity_id=activity_id,
        source_id=place[0],
        external_id_in_source=place[1],
        content_version=told.content_version,
    )


async def _find(session: AsyncSession, places: Iterable[Place]) -> dict[Place, ActivityReference]:
    wanted = sorted(places)
    found: dict[Place, ActivityReference] = {}
    columns = (ActivityReference.source_id, ActivityReference.external_id_in_source)
    for start in range(0, len(wanted), _CHUNK):
        rows = await session.scalars(select(ActivityReference).where(among(columns, wanted[start : start + _CHUNK])))
        found.update({(row.source_id, row.external_id_in_source): row for row in rows})
    return found
