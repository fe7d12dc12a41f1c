"""Enrolments: folded anew from the facts of every (person, activity) that was touched."""

import functools
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import attrgetter, itemgetter
from typing import Any
from uuid import UUID

from sqlalchemy import Table, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from app import wire
from app.domain.attempts import Attempt, fold
from app.domain.learning import Kind, StoredFact, Target, voids_key
from app.models.activities import ActivityReference
from app.models.base import new_id
from app.models.learning import Enrolment, EnrolmentRead, LearningEventRow
from app.models.people import Identity
from app.models.unit import unit_of
from app.services import lookups
from app.services.among import among
from app.services.bulk import add_rows, born, change_rows
from app.services.lookups import Answer, each_finds, joined
from app.services.nouns import NounType

Pair = tuple[UUID, UUID]
"""(person id, activity id)."""

ENROLMENTS = NounType(
    row=Enrolment,
    write=EnrolmentRead,
    read=EnrolmentRead,
    plural="enrolments",
    filters=("person_id", "activity_id", "state", "passed"),
    sorts=("recorded_at", "created_at", "last_event_at"),
)

PORTION = 1_000
"""Pairs that are folded at once."""

_COPIED = (
    "ordinal",
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
_copied = attrgetter(*_COPIED)

_ROW = tuple(column.name for column in Enrolment.__table__.columns)  # type: ignore[attr-defined]  # set by SQLModel
_FACT = (
    "source_id",
    "dedup_key",
    "kind",
    "occurred_at",
    "time_inferred",
    "event_key",
    "passed",
    "score_scaled",
    "score_raw",
    "score_min",
    "score_max",
    "progress",
    "duration_seconds",
    "expires_at",
    "due_at",
)
_told = itemgetter(*_FACT)
_KINDS = {kind.value: kind for kind in Kind}
_PAIR = ("person_id", "activity_id")
_EVENTS: Table = LearningEventRow.__table__  # type: ignore[attr-defined]  # set by SQLModel on table classes
_UNDER_PAIRS = (
    f"SELECT r.person_id, r.activity_id, {', '.join(f'learning_event.{name}' for name in _FACT)} "  # noqa: S608  names are columns
    "FROM json_to_recordset(%(rows)s::json) AS r(person_id uuid, activity_id uuid) "
    + each_finds("identity", ("id",), person_id="r.person_id")
    + each_finds("activity_reference", ("id",), activity_id="r.activity_id")
    + each_finds("learning_event", _FACT, identity_id="identity.id", reference_id="activity_reference.id")
)
_UNDER_PAIR = (
    f"SELECT i.person_id, a.activity_id, {', '.join(f'e.{name}' for name in _FACT)} "  # noqa: S608  names are columns
    "FROM identity AS i CROSS JOIN activity_reference AS a CROSS JOIN learning_event AS e "
    "WHERE i.tenant_id = ?3 AND i.person_id = ?1 AND a.tenant_id = ?3 AND a.activity_id = ?2 "
    "AND e.tenant_id = ?3 AND e.identity_id = i.id AND e.reference_id = a.id"
)
"""SQLite looks up the tables of a CROSS JOIN in this order (https://www.sqlite.org/optoverview.html#manual_control)."""
_PAIRS_OF = "SELECT DISTINCT identity.person_id, activity_reference.activity_id FROM "
_KEY = ("source_id", "dedup_key")
_OF_KEYS = (
    f"{_PAIRS_OF}{wire.recordset(_EVENTS, _KEY)} "
    + each_finds("learning_event", ("identity_id", "reference_id"), source_id="r.source_id", dedup_key="r.dedup_key")
    + each_finds("identity", ("person_id",), id="learning_event.identity_id")
    + each_finds("activity_reference", ("activity_id",), id="learning_event.reference_id"),
    f"{_PAIRS_OF}{wire.arrays(_EVENTS, _KEY)} "
    + joined("learning_event", source_id="r.source_id", dedup_key="r.dedup_key")
    + joined("identity", id="learning_event.identity_id")
    + joined("activity_reference", id="learning_event.reference_id"),
)
_ANY_VOIDED = (
    "SELECT EXISTS (SELECT 1 FROM learning_event AS e WHERE e.tenant_id = %(tenant)s::uuid AND e.voids_key IS NOT NULL)"
)
_ANY_VOIDED_EMBEDDED = "SELECT EXISTS (SELECT 1 FROM learning_event WHERE tenant_id = ? AND voids_key IS NOT NULL)"


@dataclass(frozen=True, slots=True)
class Asked:
    """What is stored of pairs: their facts and their enrolments."""

    pairs: Sequence[Pair]
    facts: Answer = field(default_factory=Answer)
    present: Answer = field(default_factory=Answer)


@dataclass(frozen=True, slots=True)
class Differences:
    """Enrolments to write, so that they say what their facts say: new ones, changed ones, and those of no fact left."""

    added: list[dict[str, Any]] = field(default_factory=list)
    changed: list[dict[str, Any]] = field(default_factory=list)
    gone: list[dict[str, Any]] = field(default_factory=list)


async def refold(session: AsyncSession, pairs: Collection[Pair]) -> None:
    """Bring the enrolments of `pairs` in line with their facts; only what differs becomes a new version."""
    ordered = sorted(pairs)
    for start in range(0, len(ordered), PORTION):
        async with wire.pipelined(session):
            asked = await ask(session, ordered[start : start + PORTION])
            any_voided = await ask_voided(session)
        found = Differences()
        await _compare(session, asked, {}, any_voided, found)
        async with wire.pipelined(session):
            await write(session, found)


async def differences(
    session: AsyncSession, told: Mapping[Pair, Sequence[StoredFact]], fresh: Collection[Pair], any_voided: Answer
) -> Differences:
    """Return what facts that are about to be stored change. None of them is a voiding, or takes one back.

    What is stored of their pairs is read first, but for the `fresh` ones, of which nothing is.
    """
    ordered, found = list(told), Differences()
    for start in range(0, len(ordered), PORTION):
        pairs = ordered[start : start + PORTION]
        async with wire.pipelined(session):
            asked = await ask(session, [pair for pair in pairs if pair not in fresh])
        await _compare(session, replace(asked, pairs=pairs), told, any_voided, found)
    return found


async def write(session: AsyncSession, found: Differences) -> None:
    """Write what differs, as new enrolments and new versions; in a pipeline if there is one."""
    await add_rows(session, Enrolment, found.added)
    await change_rows(session, Enrolment, found.changed)
    await change_rows(session, Enrolment, found.gone, "archived")


async def ask(session: AsyncSession, pairs: Sequence[Pair]) -> Asked:
    """Ask what is stored of up to `PORTION` pairs, in a pipeline."""
    if not pairs:
        return Asked(pairs)
    if not await wire.direct(session):
        tenant = unit_of(session).tenant.id.hex
        asked = [(person_id.hex, activity_id.hex, tenant) for person_id, activity_id in pairs]
        facts = await lookups.ask_each(session, _UNDER_PAIR, asked, _readers())
    else:
        rows = [dict(zip(_PAIR, pair, strict=True)) for pair in pairs]
        facts = await lookups.ask_directly(session, _UNDER_PAIRS, rows)
    return Asked(pairs, facts, await lookups.ask(session, Enrolment, _ROW, _PAIR, pairs))


async def ask_voided(session: AsyncSession) -> Answer:
    """Ask, in a pipeline, whether the tenant has any voiding at all."""
    if not await wire.direct(session):
        return await lookups.ask_each(session, _ANY_VOIDED_EMBEDDED, [(unit_of(session).tenant.id.hex,)], (bool,))
    return await lookups.ask_directly(session, _ANY_VOIDED, [])


async def _compare(
    session: AsyncSession,
    asked: Asked,
    told: Mapping[Pair, Sequence[StoredFact]],
    any_voided: Answer,
    found: Differences,
) -> None:
    """Fold the facts that are stored and those told besides, and add to `found` where the enrolments say otherwise."""
    facts = await _by_pair(asked.facts)
    for pair in asked.pairs:
        facts[pair] += told.get(pair, ())
    voided = await _voided(session, facts) if (await any_voided.rows())[0][0] else set()
    present: dict[Pair, dict[int, Mapping[str, Any]]] = defaultdict(dict)
    for values in await asked.present.rows():
        row = dict(zip(_ROW, values, strict=True))
        present[row["person_id"], row["activity_id"]][row["ordinal"]] = row
    common, now = born(session), unit_of(session).tick()
    for pair in asked.pairs:
        rows = present.get(pair, {})
        for attempt in fold(facts[pair], voided=voided):
            former, values = rows.pop(attempt.ordinal, None), _values(attempt)
            if former is None:
                person_id, activity_id = pair
                named = {"id": new_id(), "person_id": person_id, "activity_id": activity_id}
                found.added.append({**common, **named, **values})
            elif any(former[name] != value for name, value in values.items()):
                found.changed.append({**former, **values})
        found.gone.extend({**left, "archived_at": now} for left in rows.values() if left["archived_at"] is None)


def fact_of(values: Mapping[str, Any]) -> StoredFact:
    """Return what the fold needs of the row of a learning event."""
    return _fact(*_told(values))


@functools.cache
def _readers() -> tuple[wire.Convert | None, ...]:
    named: tuple[tuple[type[Any], tuple[str, ...]], ...] = (
        (Identity, ("person_id",)),
        (ActivityReference, ("activity_id",)),
        (LearningEventRow, _FACT),
    )
    return tuple(read for row_type, names in named for read in wire.readers(row_type.__table__, names))


async def _by_pair(asked: Answer) -> dict[Pair, list[StoredFact]]:
    found: dict[Pair, list[StoredFact]] = defaultdict(list)
    for person_id, activity_id, *values in await asked.rows():
        found[person_id, activity_id].append(_fact(*values))
    return found


def _fact(source_id: UUID, key: bytes, kind: str, *rest: Any) -> StoredFact:
    return StoredFact(source_id, key, _KINDS[kind], *rest)


async def pairs_of_references(session: AsyncSession, reference_ids: Collection[UUID]) -> set[Pair]:
    """Return the (person, activity) pairs that have facts through these references."""
    return await _pairs(session, col(LearningEventRow.reference_id).in_(reference_ids))


async def pairs_of_identities(session: AsyncSession, identity_ids: Collection[UUID]) -> set[Pair]:
    """Return the (person, activity) pairs that have facts through these identities."""
    return await _pairs(session, col(LearningEventRow.identity_id).in_(identity_ids))


async def pairs_of_keys(session: AsyncSession, keys: Collection[tuple[UUID, bytes]]) -> set[Pair]:
    """Return the (person, activity) pairs of the facts with these (source id, dedup key)."""
    if keys and await wire.direct(session):
        rows = [{"source_id": source_id, "dedup_key": key} for source_id, key in keys]
        asked = await lookups.ask_by_keys(session, _OF_KEYS, rows)
        return {(person_id, activity_id) for person_id, activity_id in await asked.rows()}
    wanted = sorted(keys)
    found: set[Pair] = set()
    for start in range(0, len(wanted), PORTION):
        part = wanted[start : start + PORTION]
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


async def _voided(session: AsyncSession, facts: dict[Pair, list[StoredFact]]) -> set[Target]:
    """Return which of the facts are taken back by a voiding of their own source."""
    targets = {
        (fact.source, voids_key(fact.event_key)): (fact.source, fact.event_key)
        for listed in facts.values()
        for fact in listed
        if fact.event_key is not None
    }
    columns = ("source_id", "voids_key")
    asked = await lookups.ask(session, LearningEventRow, columns, columns, targets)
    return {targets[source_id, key] for source_id, key in await asked.rows()}


def _values(attempt: Attempt) -> dict[str, Any]:
    values = dict(zip(_COPIED, _copied(attempt), strict=True))
    values["events"], values["duplicates"] = len(attempt.facts), len(attempt.duplicates)
    values["state"], values["archived_at"] = attempt.state.value, None
    return values
