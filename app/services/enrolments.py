"""Enrolments: folded anew from the facts of every (person, activity) that was touched."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from app.domain.attempts import Attempt, fold
from app.domain.learning import Kind, StoredFact, Target, key_of
from app.models.activities import ActivityReference
from app.models.learning import Enrolment, EnrolmentRead, LearningEventRow
from app.models.people import Identity
from app.models.unit import unit_of
from app.services.among import among
from app.services.bulk import add_many, born, change_many
from app.services.nouns import NounType

Pair = tuple[UUID, UUID]
"""(person id, activity id)."""

ENROLMENTS = NounType(
    row=Enrolment,
    write=EnrolmentRead,
    read=EnrolmentRead,
    plural="enrolments",
    filters=("person_id", "activity_id", "state"),
    sorts=("recorded_at", "created_at", "last_event_at"),
)

_CHUNK = 400
_COPIED = (
    "enrolled_at",
    "started_at",
    "completed_at",
    "passed_at",
    "failed_at",
    "withdrawn_at",
    "expired_at",
    "expires_at",
    "due_at",
    "passed",
    "score_first",
    "score_best",
    "score_latest",
    "progress",
    "duration_seconds",
    "first_event_at",
    "last_event_at",
    "time_inferred",
)


async def refold(session: AsyncSession, pairs: Collection[Pair]) -> None:
    """Bring the enrolments of `pairs` in line with their facts; only what differs becomes a new version."""
    ordered = sorted(pairs)
    for start in range(0, len(ordered), _CHUNK):
        await _refold(session, ordered[start : start + _CHUNK])


async def pairs_of_references(session: AsyncSession, reference_ids: Collection[UUID]) -> set[Pair]:
    """Return the (person, activity) pairs that have facts through these references."""
    return await _pairs(session, col(LearningEventRow.reference_id).in_(reference_ids))


async def pairs_of_identities(session: AsyncSession, identity_ids: Collection[UUID]) -> set[Pair]:
    """Return the (person, activity) pairs that have facts through these identities."""
    return await _pairs(session, col(LearningEventRow.identity_id).in_(identity_ids))


async def pairs_of_keys(session: AsyncSession, keys: Collection[tuple[UUID, bytes]]) -> set[Pair]:
    """Return the (person, activity) pairs of the facts with these (source id, dedup key)."""
    wanted = sorted(keys)
    found: set[Pair] = set()
    for start in range(0, len(wanted), _CHUNK):
        part = wanted[start : start + _CHUNK]
        found |= await _pairs(session, among((LearningEventRow.source_id, LearningEventRow.dedup_key), part))
    return found


async def _pairs(session: AsyncSession, condition: Any) -> set[Pair]:
    statement = (
        select(col(Identity.person_id), col(ActivityReference.activity_id))
        .select_from(LearningEventRow)
        .join(Identity, _same(LearningEventRow.identity_id, Identity))
        .join(ActivityReference, _same(LearningEventRow.reference_id, ActivityReference))
        .where(condition)
        .distinct()
    )
    return {(person_id, activity_id) for person_id, activity_id in await session.execute(statement)}


def _same(foreign: Any, target: Any) -> Any:
    return (col(target.tenant_id) == col(LearningEventRow.tenant_id)) & (col(target.id) == col(foreign))


async def _refold(session: AsyncSession, pairs: Sequence[Pair]) -> None:
    facts = await _facts(session, pairs)
    voided = await _voided(session, facts)
    present = await _present(session, pairs)
    added, changed, gone = [], [], []
    for pair in pairs:
        attempts = fold(facts[pair], voided=voided)
        rows = present[pair]
        for attempt in attempts:
            row = rows.pop(attempt.ordinal, None)
            if row is None:
                added.append(_row(session, pair, attempt))
            elif _update(row, attempt):
                changed.append(row)
        gone += [row for row in rows.values() if row.archived_at is None]
    for row in gone:
        row.archived_at = unit_of(session).tick()
    await add_many(session, added)
    await change_many(session, changed)
    await change_many(session, gone, "archived")


async def _facts(session: AsyncSession, pairs: Sequence[Pair]) -> dict[Pair, list[StoredFact]]:
    """Return the facts of each pair: first the names of its person and its activity, then what was told under them."""
    people = await _owners(session, Identity.id, Identity.person_id, {person_id for person_id, _ in pairs})
    activities = await _owners(
        session, ActivityReference.id, ActivityReference.activity_id, {activity_id for _, activity_id in pairs}
    )
    event = LearningEventRow
    statement = select(
        col(event.identity_id),
        col(event.reference_id),
        col(event.source_id),
        col(event.dedup_key),
        col(event.kind),
        col(event.occurred_at),
        col(event.time_inferred),
        col(event.event_key),
        col(event.passed),
        col(event.score_scaled),
        col(event.score_raw),
        col(event.score_min),
        col(event.score_max),
        col(event.progress),
        col(event.duration_seconds),
        col(event.expires_at),
        col(event.due_at),
    ).where(col(event.identity_id).in_(people), col(event.reference_id).in_(activities))
    wanted = set(pairs)
    found: dict[Pair, list[StoredFact]] = defaultdict(list)
    for identity_id, reference_id, source_id, key, kind, *rest in await session.execute(statement):
        pair = (people[identity_id], activities[reference_id])
        if pair in wanted:
            found[pair].append(StoredFact(source_id, key, Kind(kind), *rest))
    return found


async def _owners(session: AsyncSession, name: Any, owner: Any, wanted: Collection[UUID]) -> dict[UUID | None, UUID]:
    """Return per name (identity or reference) what it is linked to, for those linked to one of `wanted`."""
    rows = (await session.execute(select(col(name), col(owner)).where(col(owner).in_(wanted)))).all()
    return {row[0]: row[1] for row in rows}


async def _voided(session: AsyncSession, facts: dict[Pair, list[StoredFact]]) -> set[Target]:
    """Return which of the facts are taken back by a voiding of their own source."""
    targets = {
        (fact.source, key_of(fact.event_key)): (fact.source, fact.event_key)
        for listed in facts.values()
        for fact in listed
        if fact.event_key is not None
    }
    found: set[Target] = set()
    wanted = list(targets)
    columns = (LearningEventRow.source_id, LearningEventRow.voids_key)
    for start in range(0, len(wanted), _CHUNK):
        statement = select(col(LearningEventRow.source_id), col(LearningEventRow.voids_key)).where(
            col(LearningEventRow.voids_key).is_not(None), among(columns, wanted[start : start + _CHUNK])
        )
        found |= {targets[source_id, key] for source_id, key in await session.execute(statement) if key is not None}
    return found


async def _present(session: AsyncSession, pairs: Iterable[Pair]) -> dict[Pair, dict[int, Enrolment]]:
    statement = select(Enrolment).where(among((Enrolment.person_id, Enrolment.activity_id), list(pairs)))
    found: dict[Pair, dict[int, Enrolment]] = defaultdict(dict)
    for row in await session.scalars(statement):
        session.expunge(row)
        found[row.person_id, row.activity_id][row.ordinal] = row
    return found


def _values(attempt: Attempt) -> dict[str, Any]:
    values = {name: getattr(attempt, name) for name in _COPIED}
    counts = {"events": len(attempt.facts), "duplicates": len(attempt.duplicates)}
    return values | counts | {"state": attempt.state.value, "archived_at": None}


def _row(session: AsyncSession, pair: Pair, attempt: Attempt) -> Enrolment:
    return Enrolment(
        **born(session), person_id=pair[0], activity_id=pair[1], ordinal=attempt.ordinal, **_values(attempt)
    )


def _update(row: Enrolment, attempt: Attempt) -> bool:
    """Set what differs; return whether anything did."""
    differing = {name: value for name, value in _values(attempt).items() if getattr(row, name) != value}
    for name, value in differing.items():
        setattr(row, name, value)
    return bool(differing)
