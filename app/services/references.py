"""Which activity an event is about: references by source; unknown ones make a draft activity."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.learning import ActivityName, LearningEvent
from app.models.activities import Activity, ActivityKind, ActivityReference, ActivityStatus
from app.models.base import new_id
from app.services import lookups
from app.services.bulk import add_many, add_rows, born
from app.services.lookups import Answer

_TITLE_LENGTH = 200
Place = tuple[UUID, str]
"""(source id, external id in the source)."""


class Known(NamedTuple):
    """A reference and the activity that it is linked to."""

    id: UUID
    activity_id: UUID


@dataclass(slots=True)
class Catalogue:
    """The references at hand, by place; it grows as events bring new ones, which `add` inserts."""

    common: Mapping[str, Any]
    known: dict[Place, Known]
    new_activities: list[Activity] = field(default_factory=list)
    new_references: list[dict[str, Any]] = field(default_factory=list)


async def ask(session: AsyncSession, events: Sequence[tuple[UUID, LearningEvent]]) -> Answer:
    """Look for the references that the (source id, event)s name."""
    named = _named(events)
    wanted = {place for (source_id, _), told in named.items() for place in _places(source_id, told)}
    key = ("source_id", "external_id_in_source")
    return await lookups.ask(session, ActivityReference, (*key, "id", "activity_id"), key, wanted)


async def resolve(
    session: AsyncSession, events: Sequence[tuple[UUID, LearningEvent]], asked: Answer
) -> tuple[list[Known | None], Catalogue]:
    """Return the reference of each (source id, event), in order; None for one that names no activity. And all at hand.

    An activity that goes by several ids in a source is the one that any of them is known to name. For what `asked` did
    not find, a draft is made.
    """
    known = {(source_id, name): Known(*rest) for source_id, name, *rest in await asked.rows()}
    catalogue = Catalogue(born(session), known)
    for (source_id, _), told in _named(events).items():
        _enter(catalogue, source_id, told)
    found = [known[source_id, event.activity.external_id] if event.activity else None for source_id, event in events]
    return found, catalogue


async def add(session: AsyncSession, catalogue: Catalogue) -> None:
    """Insert what is new in the catalogue; in a pipeline if there is one."""
    await add_many(session, catalogue.new_activities)
    await add_rows(session, ActivityReference, catalogue.new_references)


def _enter(catalogue: Catalogue, source_id: UUID, told: ActivityName) -> None:
    places, known = _places(source_id, told), catalogue.known
    found = next((known[place] for place in places if place in known), None)
    if found is None:
        catalogue.new_activities.append(_draft(catalogue.common, told))
    activity_id = catalogue.new_activities[-1].id if found is None else found.activity_id
    for place in places:
        if place not in known:
            known[place] = Known(new_id(), activity_id)
            catalogue.new_references.append(_reference(catalogue.common, known[place], place, told))


def _named(events: Sequence[tuple[UUID, LearningEvent]]) -> dict[Place, ActivityName]:
    named: dict[Place, ActivityName] = {}
    for source_id, event in events:
        if event.activity is not None:
            named.setdefault((source_id, event.activity.external_id), event.activity)
    return named


def _places(source_id: UUID, told: ActivityName) -> list[Place]:
    return [(source_id, name) for name in (told.external_id, *told.aliases)]


def _draft(common: Mapping[str, Any], told: ActivityName) -> Activity:
    return Activity(
        **common,
        title=((told.title or "").strip() or told.external_id)[:_TITLE_LENGTH],
        kind=ActivityKind.COURSE,
        required=True,
        status=ActivityStatus.DRAFT,
    )


def _reference(common: Mapping[str, Any], known: Known, place: Place, told: ActivityName) -> dict[str, Any]:
    return {
        **common,
        "id": known.id,
        "activity_id": known.activity_id,
        "source_id": place[0],
        "external_id_in_source": place[1],
        "content_version": told.content_version,
    }
