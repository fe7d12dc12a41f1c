"""Facts that do not count any more: those voided by their sender, and those that a replay reads otherwise or no more.

Nothing is changed or deleted. A voiding names the event that it takes back. A correction names the fact that it stands
for, by the key that the fact was first told under; of all readings of one fact the last recorded stands.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists, func, or_, select, true
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from app import wire
from app.domain.learning import NOTHING, FactKey, StoredFact, Target, correction_key, key_of, voids_key
from app.models.learning import LearningEventRow
from app.models.unit import unit_of
from app.services import lookups
from app.services.among import among
from app.services.lookups import Answer

_ANY = (
    "SELECT EXISTS (SELECT 1 FROM learning_event AS v WHERE v.tenant_id = %(tenant)s::uuid AND v.voids_key IS NOT NULL)"
    ", EXISTS (SELECT 1 FROM learning_event AS c WHERE c.tenant_id = %(tenant)s::uuid AND c.corrects_key IS NOT NULL)"
)
_ANY_EMBEDDED = (
    "SELECT EXISTS (SELECT 1 FROM learning_event WHERE tenant_id = ?1 AND voids_key IS NOT NULL),"
    " EXISTS (SELECT 1 FROM learning_event WHERE tenant_id = ?1 AND corrects_key IS NOT NULL)"
)
_EVENTS: Any = LearningEventRow.__table__  # type: ignore[attr-defined]  # set by SQLModel on table classes
_READING = ("source_id", "corrects_key", "dedup_key", "recorded_at", "content_sha256")
_OF_FACT = ("source_id", "corrects_key")
_KEY = ("source_id", "dedup_key")
_STRIDE = 8


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What a fold leaves out: facts by the key of the event that was voided, and readings that another stands for."""

    voided: Collection[Target] = frozenset()
    corrected: Collection[FactKey] = frozenset()


@dataclass(frozen=True, slots=True)
class Reading:
    """One stored reading of a fact: its own key, that of the fact that it corrects, and when it was recorded."""

    key: FactKey
    corrects: bytes | None
    recorded_at: datetime

    @property
    def root(self) -> FactKey:
        """The key under which the fact was first told."""
        return self.key[0], self.corrects or self.key[1]


class Mark(NamedTuple):
    """How replays made and corrected a reading: the event that it corrects, and when it was corrected itself."""

    corrects_id: UUID | None
    corrected_at: datetime | None


async def ask(session: AsyncSession) -> Answer:
    """Ask, in a pipeline, whether the tenant has any voiding, and whether it has any correction."""
    if not await wire.direct(session):
        return await lookups.ask_each(session, _ANY_EMBEDDED, [(unit_of(session).tenant.id.hex,)], (bool, bool))
    return await lookups.ask_directly(session, _ANY, [])


async def further_items(session: AsyncSession, targets: Collection[Target]) -> set[FactKey]:
    """Return the keys of the facts behind the first that the id of one event covers: a voiding takes all of them back.

    They are looked for in wider and wider strides; an id whose stride has none has no more.
    """
    found: set[FactKey] = set()
    start, stride = 1, _STRIDE
    while targets:
        places = {(each[0], key_of(each[1], item)): each for each in targets for item in range(start, start + stride)}
        asked = await lookups.ask(session, LearningEventRow, _KEY, _KEY, places)
        there = {(source_id, key) for source_id, key in await asked.rows()}
        found |= there
        targets = {places[key] for key in there}
        start, stride = start + stride, stride * _STRIDE
    return found


async def any_corrected(undone: Answer) -> bool:
    """Return whether the tenant has any correction; `undone` is the answer to `ask`."""
    return bool((await undone.rows())[0][1])


async def left_out(session: AsyncSession, facts: Iterable[StoredFact], undone: Answer) -> LeftOut:
    """Return what of the facts does not count; `undone` is the answer to `ask`."""
    voided, corrected = (await undone.rows())[0]
    if not (voided or corrected):
        return LeftOut()
    listed = list(facts)
    voidings = await _voidings(session, listed) if voided else {}
    gone: Collection[FactKey] = frozenset()
    if corrected:
        roots = {fact.key: fact.root for fact in listed}
        roots |= {key: root for told in voidings.values() for key, root in told.items()}
        gone = await outdated(session, roots)
    return LeftOut({target for target, told in voidings.items() if not told.keys() <= set(gone)}, gone)


async def _voidings(session: AsyncSession, facts: Iterable[StoredFact]) -> Mapping[Target, dict[FactKey, FactKey]]:
    """Return what of the facts a voiding of their own source names: by which ones, with their roots."""
    targets = {
        (fact.source, voids_key(fact.event_key)): (fact.source, fact.event_key)
        for fact in facts
        if fact.event_key is not None
    }
    columns = ("source_id", "voids_key", "dedup_key", "corrects_key")
    asked = await lookups.ask(session, LearningEventRow, columns, columns[:2], targets)
    found: dict[Target, dict[FactKey, FactKey]] = {}
    for source_id, voids, key, corrects in await asked.rows():
        found.setdefault(targets[source_id, voids], {})[source_id, key] = source_id, corrects or key
    return found


async def outdated(session: AsyncSession, roots: Mapping[FactKey, FactKey]) -> frozenset[FactKey]:
    """Return which of the readings, given with the keys of what they read, a later one stands for."""
    last = await _last(session, set(roots.values()))
    return frozenset(key for key, root in roots.items() if root in last and last[root][0] != key[1])


async def _last(session: AsyncSession, roots: Collection[FactKey]) -> Mapping[FactKey, tuple[bytes, bytes]]:
    """Return the last correction of each fact that has one: its dedup key and its content."""
    asked = await lookups.ask(session, LearningEventRow, _READING, _OF_FACT, roots)
    rows = sorted(await asked.rows(), key=lambda row: row[3])
    return {(source_id, root): (key, content) for source_id, root, key, _, content in rows}


async def current(
    session: AsyncSession, undone: Answer, stored: dict[FactKey, bytes]
) -> tuple[dict[FactKey, bytes], frozenset[FactKey]]:
    """Return the content of known events as it stands, without those that are told no more, and these.

    `undone` is the answer to `ask`. Whoever tells an event that was taken back tells it again.
    """
    if not stored or not await any_corrected(undone):
        return stored, frozenset()
    last = await _last(session, stored)
    now = stored | {root: content for root, (_, content) in last.items()}
    gone = frozenset(root for root, content in now.items() if content == NOTHING)
    return {root: content for root, content in now.items() if root not in gone}, gone


def mark(events: Iterable[dict[str, Any]], known: Collection[FactKey]) -> bool:
    """Make of new rows of learning events whose key is `known` corrections of what is there; say whether any is."""
    if not known:
        return False
    for values in events:
        source_id, key = values["source_id"], values["dedup_key"]
        values["corrects_key"] = None
        if (source_id, key) in known:
            values["corrects_key"] = key
            values["dedup_key"] = correction_key(key, values["recorded_at"])
    return True


def reading_of(row: LearningEventRow) -> Reading:
    """Return what `marks` needs of a learning event."""
    return Reading((row.source_id, row.dedup_key), row.corrects_key, row.recorded_at)


async def marks(session: AsyncSession, readings: Sequence[Reading], at: datetime | None = None) -> list[Mark]:
    """Return how replays made and corrected learning events, in order, as it stood at `at`; two queries at most."""
    roots = {reading.root for reading in readings}
    if not roots:
        return []
    event: Any = LearningEventRow
    later = select(event.source_id, event.corrects_key, event.recorded_at)
    if at is not None:
        later = later.where(event.recorded_at <= at)
    instants: dict[FactKey, list[datetime]] = defaultdict(list)
    later = later.where(among((event.source_id, event.corrects_key), roots))
    for source_id, key, recorded_at in await session.execute(later):
        instants[source_id, key].append(recorded_at)
    first = select(event.source_id, event.dedup_key, event.id)
    corrected = {reading.root for reading in readings if reading.corrects is not None}
    first = first.where(among((event.source_id, event.dedup_key), corrected))
    found = await session.execute(first) if corrected else ()
    ids = {(source_id, key): event_id for source_id, key, event_id in found}
    return [
        Mark(
            None if reading.corrects is None else ids.get(reading.root),
            min((each for each in instants[reading.root] if each > reading.recorded_at), default=None),
        )
        for reading in readings
    ]


def read_of(identity_ids: Collection[UUID]) -> ColumnElement[bool]:
    """Return the condition that a learning event, or another reading of the same fact, names one of the identities."""
    one, other = _EVENTS.alias(), _EVENTS.alias()
    of_identity = one.c.identity_id.in_(identity_ids)
    later = other.c.corrects_key == _root(one.c)
    first = other.c.dedup_key == one.c.corrects_key
    siblings = [
        select(other.c.id).select_from(one.join(other, and_(_same(other, one.c), reading))).where(of_identity)
        for reading in (later, first)
    ]
    return or_(
        col(LearningEventRow.identity_id).in_(identity_ids), *(col(LearningEventRow.id).in_(each) for each in siblings)
    )


async def any_at_all(session: AsyncSession) -> bool:
    """Return whether the tenant has any correction."""
    some = exists().where(_EVENTS.c.tenant_id == unit_of(session).tenant.id, _EVENTS.c.corrects_key.is_not(None))
    return bool(await session.scalar(select(some)))


def standing(event: Any, at: datetime | None, *, corrected: bool) -> ColumnElement[bool]:
    """Return the condition that a row of learning events, whose columns are `event`, was not corrected by `at`.

    None: that it is not to this day. `corrected`: whether the tenant has any correction; else every row stands.
    """
    if not corrected:
        return true()
    later = _EVENTS.alias()
    return ~exists().where(_same(later, event), later.c.corrects_key == _root(event), _after(later, event, at))


def voided(event: Any, at: datetime, *, corrected: bool) -> ColumnElement[bool]:
    """Return the condition that a row of learning events was voided by `at`; the arguments are those of `standing`."""
    voiding = _EVENTS.alias()
    key = _root(event) if corrected else event.dedup_key
    names_it = and_(_same(voiding, event), voiding.c.voids_key == key, voiding.c.recorded_at <= at)
    return exists().where(names_it, standing(voiding.c, at, corrected=corrected))


def _root(event: Any) -> ColumnElement[Any]:
    return func.coalesce(event.corrects_key, event.dedup_key)


def _same(other: Any, event: Any) -> ColumnElement[bool]:
    return and_(other.c.tenant_id == event.tenant_id, other.c.source_id == event.source_id)


def _after(later: Any, event: Any, at: datetime | None) -> ColumnElement[bool]:
    newer: ColumnElement[bool] = later.c.recorded_at > event.recorded_at
    return newer if at is None else and_(newer, later.c.recorded_at <= at)
