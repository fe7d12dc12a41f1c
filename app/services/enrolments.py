"""Enrolments: folded anew from the facts of every (person, activity) that was touched."""

import functools
import itertools
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
from app.domain.learning import Kind, StoredFact
from app.models.activities import ActivityReference
from app.models.base import new_id
from app.models.learning import Enrolment, EnrolmentRead, LearningEventRow
from app.models.people import Identity
from app.models.unit import unit_of
from app.services import corrections, lookups
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
    "attempt_key",
    "affirmed",
)
_told = itemgetter(*_FACT)
_STORED = (*_FACT, "corrects_key")
_KINDS = {kind.value: kind for kind in Kind}
_PAIR = ("person_id", "activity_id")
_EVENTS: Table = LearningEventRow.__table__  # type: ignore[attr-defined]  # set by SQLModel on table classes
_UNDER_PAIRS = (
    f"SELECT r.person_id, r.activity_id, {', '.join(f'learning_event.{name}' for name in _STORED)} "  # noqa: S608  names are columns
    "FROM json_to_recordset(%(rows)s::json) AS r(person_id uuid, activity_id uuid) "
    + each_finds("identity", ("id",), person_id="r.person_id")
    + each_finds("activity_reference", ("id",), activity_id="r.activity_id")
    + each_finds("learning_event", _STORED, identity_id="identity.id", reference_id="activity_reference.id")
)
_UNDER_PAIR = (
    f"SELECT i.person_id, a.activity_id, {', '.join(f'e.{name}' for name in _STORED)} "  # noqa: S608  names are columns
    "FROM identity AS i CROSS JOIN activity_reference AS a CROSS JOIN learning_event AS e "
    "WHERE i.tenant_id = ?3 AND i.person_id = ?1 AND a.tenant_id = ?3 AND a.activity_id = ?2 "
    "AND e.tenant_id = ?3 AND e.identity_id = i.id AND e.reference_id = a.id"
)
"""SQLite looks up the tables of a CROSS JOIN in this order (https://www.sqlite.org/optoverview.html#manual_control)."""
_PAIRS_OF = "SELECT DISTINCT identity.person_id, activity_reference.activity_id FROM "


def _of_keys(key: str) -> tuple[str, str]:
    names = ("source_id", key)
    return (
        f"{_PAIRS_OF}{wire.recordset(_EVENTS, names)} "
        + each_finds("learning_event", ("identity_id", "reference_id"), source_id="r.source_id", **{key: f"r.{key}"})
        + each_finds("identity", ("person_id",), id="learning_event.identity_id")
        + each_finds("activity_reference", ("activity_id",), id="learning_event.reference_id"),
        f"{_PAIRS_OF}{wire.arrays(_EVENTS, names)} "
        + joined("learning_event", source_id="r.source_id", **{key: f"r.{key}"})
        + joined("identity", id="learning_event.identity_id")
        + joined("activity_reference", id="learning_event.reference_id"),
    )


_OF_KEYS = {key: _of_keys(key) for key in ("dedup_key", "corrects_key")}


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
            undone = await corrections.ask(session)
        found = Differences()
        await _compare(session, asked, {}, undone, found)
        async with wire.pipelined(session):
            await write(session, found)


async def inquire(session: AsyncSession, told: Collection[Pair], fresh: Collection[Pair]) -> list[Asked]:
    """Ask, in a pipeline, what is stored of pairs of which something is told; of the `fresh` ones nothing is."""
    ordered = list(told)
    parts = [ordered[start : start + PORTION] for start in range(0, len(ordered), PORTION)]
    return [replace(await ask(session, [pair for pair in pairs if pair not in fresh]), pairs=pairs) for pairs in parts]


async def differences(
    session: AsyncSession, asked: Sequence[Asked], told: Mapping[Pair, Sequence[StoredFact]], undone: Answer
) -> Differences:
    """Return what facts that are about to be stored change. None of them is a voiding or corrects another."""
    found = Differences()
    for each in asked:
        await _compare(session, each, told, undone, found)
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


async def _compare(
    session: AsyncSession,
    asked: Asked,
    told: Mapping[Pair, Sequence[StoredFact]],
    undone: Answer,
    found: Differences,
) -> None:
    """Fold the facts that are stored and those told besides, and add to `found` where the enrolments say otherwise."""
    await asked.present.come(session)  # asked last
    facts = await _by_pair(asked.facts)
    for pair in asked.pairs:
        facts[pair] += told.get(pair, ())
    left_out = await corrections.left_out(session, itertools.chain.from_iterable(facts.values()), undone)
    present: dict[Pair, dict[int, Mapping[str, Any]]] = defaultdict(dict)
    for values in await asked.present.rows():
        row = dict(zip(_ROW, values, strict=True))
        present[row["person_id"], row["activity_id"]][row["ordinal"]] = row
    common, now = born(session), unit_of(session).tick()
    for pair in asked.pairs:
        rows = present.get(pair, {})
        for attempt in fold(facts[pair], voided=left_out.voided, corrected=left_out.corrected):
            former, values = rows.pop(attempt.ordinal, None), _values(attempt)
            if former is None:
                person_id, activity_id = pair
                named = {"id": new_id(), "person_id": person_id, "activity_id": activity_id}
                found.added.append({**common, **named, **values})
            elif any(former[name] != value for name, value in values.items()):
                found.changed.append({**former, **values})
        found.gone.extend({**left, "archived_at": now} for left in rows.values() if left["archived_at"] is None)


def fact_of(values: Mapping[str, Any]) -> StoredFact:
    """Return what the fold needs of the row of a learning event that corrects none."""
    return _fact(*_told(values))


@functools.cache
def _readers() -> tuple[wire.Convert | None, ...]:
    named: tuple[tuple[type[Any], tuple[str, ...]], ...] = (
        (Identity, ("person_id",)),
        (ActivityReference, ("activity_id",)),
        (LearningEventRow, _STORED),
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


async def pairs_of_keys(session: AsyncSession, keys: Collection[tuple[UUID, bytes]], *, corrected: bool) -> set[Pair]:
    """Return the (person, activity) pairs of the facts with these (source id, dedup key).

    `corrected`: whether the tenant has corrections; theirs, of such facts, are among the pairs then.
    """
    found: set[Pair] = set()
    for name in ("dedup_key", "corrects_key") if corrected else ("dedup_key",):
        found |= await _pairs_of(session, keys, name)
    return found


async def _pairs_of(session: AsyncSession, keys: Collection[tuple[UUID, bytes]], name: str) -> set[Pair]:
    if keys and await wire.direct(session):
        rows = [{"source_id": source_id, name: key} for source_id, key in keys]
        asked = await lookups.ask_by_keys(session, _OF_KEYS[name], rows)
        return {(person_id, activity_id) for person_id, activity_id in await asked.rows()}
    wanted = sorted(keys)
    found: set[Pair] = set()
    for start in range(0, len(wanted), PORTION):
        part = wanted[start : start + PORTION]
        found |= await _pairs(session, among((LearningEventRow.source_id, getattr(LearningEventRow, name)), part))
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


def _values(attempt: Attempt) -> dict[str, Any]:
    values = dict(zip(_COPIED, _copied(attempt), strict=True))
    values["events"], values["duplicates"] = len(attempt.facts), len(attempt.duplicates)
    values["state"], values["archived_at"] = attempt.state.value, None
    return values
