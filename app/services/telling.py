"""What new events bring: rows to insert, the people and activities that they name, the enrolments that they change."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app import wire
from app.domain.learning import LearningEvent, StoredFact, Target, key_of
from app.models.base import new_id
from app.models.learning import LearningEventRow
from app.models.unit import unit_of
from app.services import corrections, enrolments, identities, people, references
from app.services.bulk import add_facts
from app.services.inbound import EventKey, Inbound
from app.services.lookups import Answer

_SIX_PLACES = Decimal("0.000001")

Fact = tuple[UUID, Inbound, LearningEvent, bytes, bytes]
"""(delivery id, its request, the event, dedup key, content hash)."""


class Known(Protocol):
    """What is asked of the names in events before they are told."""

    @property
    def identities(self) -> Answer:
        """Which identities are known."""

    @property
    def references(self) -> Answer:
        """Which references to activities are known."""

    @property
    def undone(self) -> Answer:
        """Whether anything was ever taken back or corrected."""


@dataclass(frozen=True, slots=True)
class Told:
    """What new events bring: rows to insert, and the facts of each enrolment that they may change."""

    events: list[dict[str, Any]]
    roll: identities.Roll
    catalogue: references.Catalogue
    facts: Mapping[enrolments.Pair, Sequence[StoredFact]]
    fresh: Collection[enrolments.Pair]
    """Of these nothing is stored: the person or the activity is new."""

    undone: Collection[EventKey] = ()
    """What some take back or correct: only once all is stored it is known what that changes."""

    voided: Collection[Target] = ()
    """The events that some take back, by the sender's ids."""

    corrected: bool = False


async def told(
    session: AsyncSession,
    rows: Sequence[Fact],
    asked: Known,
    known: Collection[EventKey] = (),
    undone: Collection[EventKey] = (),
) -> Told:
    """Return what new events bring, with whom and what they name; those with a `known` key correct what is there.

    `undone` are events, known ones too, whose enrolments are folded once all is stored.
    """
    named = [(item.source_id, event) for _, item, event, _, _ in rows]
    learners, roll = await identities.resolve(session, named, asked.identities)
    activities, catalogue = await references.resolve(session, named, asked.references)
    events, facts = [], defaultdict(list)
    common = {"tenant_id": unit_of(session).tenant.id, "recorded_at": unit_of(session).tick()}
    for (delivery_id, item, event, key, content), learner, reference in zip(rows, learners, activities, strict=True):
        values = {
            **common,
            **_event_values(item, event),
            "delivery_id": delivery_id,
            "identity_id": learner.id if learner else None,
            "reference_id": reference.id if reference else None,
            "dedup_key": key,
            "content_sha256": content,
        }
        events.append(values)
        if event.voids is None and learner is not None and reference is not None:
            facts[learner.person_id, reference.activity_id].append(enrolments.fact_of(values))
    targets = {(item.source_id, event.voids) for _, item, event, _, _ in rows if event.voids is not None}
    voided = {(source_id, key_of(event_key)) for source_id, event_key in targets}
    new_people = {row["id"] for row in roll.new_people}
    drafts = {row.id for row in catalogue.new_activities}
    fresh = {pair for pair in facts if pair[0] in new_people or pair[1] in drafts}
    if voided or known or undone:
        corrected = corrections.mark(events, known) or bool(undone) or await corrections.any_corrected(asked.undone)
        return Told(events, roll, catalogue, facts, fresh, {*voided, *known, *undone}, targets, corrected)
    return Told(events, roll, catalogue, facts, fresh)


async def apply(
    session: AsyncSession,
    told: Told,
    undone: Answer,
    besides: Callable[[], Awaitable[None]] | None = None,
    *,
    at_end: bool = False,
) -> None:
    """Store what new events bring, and `besides`; fold while PostgreSQL stores; make one of people who met.

    `at_end`: the last rows may go with the commit.
    """
    async with wire.held(session):
        asked = [] if told.undone else await enrolments.inquire(session, told.facts, told.fresh)
    await wire.post(session)
    async with wire.streamed(session):
        if besides is not None:
            await besides()
        await identities.add(session, told.roll)
        await references.add(session, told.catalogue)
        await add_facts(session, LearningEventRow, told.events)
    await wire.post(session)
    found = await enrolments.differences(session, asked, told.facts, undone)
    async with wire.streamed(session):
        await enrolments.write(session, found)
    if at_end and not (told.undone or told.roll.met):
        return
    await wire.send(session)
    if told.undone:
        undone_keys = {*told.undone, *await corrections.further_items(session, told.voided)}
        touched = await enrolments.pairs_of_keys(session, undone_keys, corrected=told.corrected)
        await enrolments.refold(session, {*told.facts, *touched})
    if told.roll.met:
        await people.unite(session, sorted(told.roll.met))


def _event_values(item: Inbound, event: LearningEvent) -> dict[str, Any]:
    return {
        "id": new_id(),
        "source_id": item.source_id,
        "voids_key": None if event.voids is None else key_of(event.voids),
        "event_key": event.event_key,
        "kind": event.kind.value,
        "occurred_at": event.occurred_at or item.received_at,
        "occurred_at_text": event.occurred_at_text,
        "time_inferred": event.occurred_at is None,
        "affirmed": event.affirmed,
        "passed": event.passed,
        "score_scaled": _six_places(event.score_scaled),
        "score_raw": _six_places(event.score_raw),
        "score_min": _six_places(event.score_min),
        "score_max": _six_places(event.score_max),
        "progress": _six_places(event.progress),
        "duration_seconds": event.duration_seconds,
        "expires_at": event.expires_at,
        "due_at": event.due_at,
        "extras": event.extras,
        "attempt_key": event.attempt_key,
    }


def _six_places(value: Decimal | None) -> Decimal | None:
    return None if value is None else value.quantize(_SIX_PLACES, ROUND_HALF_EVEN)
