"""Learning events that a table tells: what a source's deliveries brought already is known again, the rest is recorded.

The lines that bring something new, and those that contradict what is there, are kept byte for byte as a delivery of
the source, so that every event can be followed to what was sent. Importing the same again adds nothing.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app import wire
from app.domain.learning import LearningEvent
from app.models.activities import ActivityReference
from app.models.learning import LearningEventRow
from app.models.people import Identity
from app.models.sources import IMPORT_HEADER, DeliveryStatus
from app.models.unit import unit_of
from app.services import corrections, ingest, lookups
from app.services.batches import Result
from app.services.identities import Name, name_of
from app.services.imports import CellFault, Outcome, Plan, Sheet
from app.services.ingest import Inbound
from app.services.lookups import Answer

_ABOUT = {
    "a name of the learner": ("account", "username", "email", "email_sha1", "openid", "issuer"),
    "an activity's id": ("activity",),
    "an event's id": ("event_id", "voids"),
}
"""The columns of what an event cannot be kept for (`ingest.unfit`)."""

Told = tuple[Outcome, LearningEvent]
Saying = tuple[UUID, UUID, str, datetime]
"""(identity id, reference id, kind, instant): what a fact says, whatever its key."""


async def put(session: AsyncSession, plan: Plan, outcomes: list[Outcome]) -> None:
    """Record the events of the lines; a known one is unchanged, with a fault where it says something else."""
    assert plan.source_id is not None  # noqa: S101  the plan of events has one
    told = [(outcome, event) for outcome in outcomes if (event := _event(outcome)) is not None]
    stored, gone, undone = await _stored(session, plan.source_id, {event.dedup_key for _, event in told})
    said = await _said(session, plan.source_id, [event for _, event in told if event.event_key is None], undone)
    kept: list[Outcome] = []
    fresh: list[LearningEvent] = []
    for outcome, event in told:
        key, content = event.dedup_key, event.content_hash
        earlier = stored.get(key)
        outcome.result = Result.UNCHANGED
        if earlier is None and id(event) not in said:
            stored[key] = content
            outcome.result = Result.CREATED
            fresh.append(event)
            kept.append(outcome)
        elif earlier is not None and earlier != content:
            outcome.faults.append(CellFault(None, _CONFLICT, "conflict"))
            kept.append(outcome)
    if kept:
        looked = gone.isdisjoint(event.dedup_key for event in fresh)
        await ingest.record(session, [_inbound(session, plan, kept, fresh)], stored={} if looked else None)


def _event(outcome: Outcome) -> LearningEvent | None:
    event = None if outcome.faults else outcome.line.event
    if event is not None and (why := ingest.unfit(event)) is None:
        return event
    if not outcome.faults:
        reason = outcome.line.unreadable or (why if event is not None else "tells no event") or ""
        outcome.faults.append(_fault(outcome.line.cells, reason))
    return None


def _fault(cells: Mapping[str, str], reason: str) -> CellFault:
    """Return a fault at the column that the reason begins with, or else at the longest of those that it is about."""
    column, _, detail = reason.partition(": ")
    if detail and column in cells:
        return CellFault(column, detail)
    about = next((columns for start, columns in _ABOUT.items() if reason.startswith(start)), ())
    lengths = {name: len(cells[name]) for name in about if name in cells}
    return CellFault(max(lengths, key=lengths.__getitem__, default=None), reason)


def _inbound(session: AsyncSession, plan: Plan, kept: Sequence[Outcome], fresh: Sequence[LearningEvent]) -> Inbound:
    assert plan.source_id is not None  # noqa: S101  the same
    return Inbound(
        source_id=plan.source_id,
        received_at=unit_of(session).tick(),
        headers={"content-type": plan.media_type, IMPORT_HEADER: "events"},
        body=plan.opening + b"".join(outcome.line.raw for outcome in kept),
        status=DeliveryStatus.APPLIED if fresh else DeliveryStatus.IGNORED,
        reason=None if fresh else "it contradicts what is there",
        events=tuple(fresh),
        authentic=False,
    )


async def _stored(
    session: AsyncSession, source_id: UUID, keys: Collection[bytes]
) -> tuple[dict[bytes, bytes], frozenset[bytes], Answer]:
    """Return the content of the events with these keys, which of them were taken back, and `Asked.undone`."""
    by_key = ("source_id", "dedup_key")
    async with wire.pipelined(session):
        await lookups.by_keys_only(session)
        wanted = [(source_id, key) for key in keys]
        asked = await lookups.ask(session, LearningEventRow, (*by_key, "content_sha256"), by_key, wanted)
        undone = await corrections.ask(session)
    stored = {(source_id, key): content for _, key, content in await asked.rows()}
    stands, gone = await corrections.current(session, undone, stored)
    return {key: content for (_, key), content in stands.items()}, frozenset(key for _, key in gone), undone


async def _said(session: AsyncSession, source_id: UUID, events: Sequence[LearningEvent], undone: Answer) -> set[int]:
    """Return which of these events, that carry no id, the source has told under an id of its own.

    They are those that say the same: learner, activity, kind and instant.
    """
    timed = [event for event in events if event.occurred_at and event.activity and event.identities]
    if not timed:
        return set()
    identities = await _identities(session, source_id, timed)
    references = await _references(session, source_id, timed)
    sayings: dict[int, Saying] = {}
    for event in timed:
        learner = identities.get(name_of(event.identities[0], source_id))
        place = references.get(event.activity.external_id) if event.activity else None
        if learner is not None and place is not None and event.occurred_at is not None:
            sayings[id(event)] = (learner, place, event.kind.value, event.occurred_at)
    known = await _known(session, source_id, sayings.values(), undone)
    return {event for event, saying in sayings.items() if saying in known}


async def _identities(session: AsyncSession, source_id: UUID, events: Sequence[LearningEvent]) -> Mapping[Name, UUID]:
    names = {name_of(event.identities[0], source_id) for event in events}
    key = ("issuer", "kind", "value")
    asked = await lookups.ask(session, Identity, (*key, "id"), key, names)
    return {(issuer, kind, value): row_id for issuer, kind, value, row_id in await asked.rows()}


async def _references(session: AsyncSession, source_id: UUID, events: Sequence[LearningEvent]) -> Mapping[str, UUID]:
    places = {(source_id, event.activity.external_id) for event in events if event.activity}
    key = ("source_id", "external_id_in_source")
    asked = await lookups.ask(session, ActivityReference, ("external_id_in_source", "id"), key, places)
    return dict(await asked.rows())


async def _known(session: AsyncSession, source_id: UUID, sayings: Iterable[Saying], undone: Answer) -> set[Saying]:
    key = ("identity_id", "reference_id")
    pairs = {(learner, place) for learner, place, _, _ in sayings}
    columns = ("source_id", "event_key", *key, "kind", "occurred_at", "dedup_key", "corrects_key")
    asked = await lookups.ask(session, LearningEventRow, columns, key, pairs)
    rows = [row for row in await asked.rows() if row[0] == source_id and row[1] is not None]
    roots = {(source_id, key): (source_id, corrects or key) for *_, key, corrects in rows}
    corrected = await corrections.any_corrected(undone)
    outdated = await corrections.outdated(session, roots) if corrected else frozenset()
    return {
        (learner, place, kind, at)
        for _, _, learner, place, kind, at, key, _ in rows
        if (source_id, key) not in outdated
    }


_CONFLICT = "the same event is there with other content: the first stays; void it and send another if this one is right"

EVENTS = Sheet(
    name="events",
    required=("kind",),
    optional=(
        "account", "issuer", "username", "email", "email_sha1", "openid", "person_name", "activity", "activity_title",
        "content_version", "occurred_at", "event_id", "item", "passed", "score_scaled", "score_raw", "score_min",
        "score_max", "progress", "duration", "due_at", "expires_at", "voids", "attempt",
    ),
    key=(),
    put=put,
    told=True,
)  # fmt: skip
