"""What a replay corrects: how deliveries are read now, beside what they told before.

- An event that the delivery told before, read otherwise now, is corrected: its new reading stands for the old one.
- An event that it told before and tells no more is taken back, where the delivery can be read at all.
- An event that another delivery told first stays as that one told it: the first wins.
- An event that was taken back is told again by whichever delivery tells it.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app import wire
from app.domain.learning import NOTHING, FactKey, Kind, LearningEvent, correction_key
from app.models.base import new_id
from app.models.learning import LearningEventRow
from app.models.sources import DeliveryStatus
from app.models.unit import unit_of
from app.services import lookups
from app.services.inbound import Inbound, Keyed

_READABLE = frozenset({DeliveryStatus.APPLIED, DeliveryStatus.IGNORED})
_ROOT = ("source_id", "dedup_key", "corrects_key")
_READING = (*_ROOT, "recorded_at", "delivery_id", "content_sha256", "voids_key")


@dataclass(frozen=True, slots=True)
class Read:
    """A kept delivery as it is read now. `held_back`: keys of events that are not told, as their person was erased."""

    delivery_id: UUID
    keyed: Keyed
    held_back: frozenset[bytes] = frozenset()


@dataclass(frozen=True, slots=True)
class Standing:
    """How a fact was read last: in which delivery, with which content, and which event it takes back."""

    delivery_id: UUID
    content: bytes
    voids: bytes | None = None


@dataclass(slots=True)
class Tally:
    """How many facts a delivery gains, and how many of its events another one told otherwise."""

    gained: int = 0
    conflicts: int = 0


@dataclass(slots=True)
class Plan:
    """What to write: `told`, of which those with a `known` key are corrections, and facts taken back by a delivery.

    `undone` names the events whose (person, activity) are to be folded anew.
    """

    tallies: dict[UUID, Tally]
    told: dict[FactKey, tuple[UUID, Inbound, LearningEvent, bytes, bytes]] = field(default_factory=dict)
    taken_back: dict[FactKey, UUID] = field(default_factory=dict)
    known: set[FactKey] = field(default_factory=set)
    undone: set[FactKey] = field(default_factory=set)


async def plan(session: AsyncSession, readings: Sequence[Read]) -> Plan:
    """Return what the deliveries, in their order, add to what is stored, change in it, and take back."""
    stored = await _stored(session, readings)
    now, found = dict(stored), Plan({read.delivery_id: Tally() for read in readings})
    before: dict[UUID, list[FactKey]] = defaultdict(list)
    for fact, standing in stored.items():
        before[standing.delivery_id].append(fact)
    for read in readings:
        told = _tell(read, now, found)
        if read.keyed.item.status in _READABLE:
            left = (fact for fact in before[read.delivery_id] if fact not in told and fact[1] not in read.held_back)
            _take_back(read, left, now, found)
    found.known = {fact for fact in found.told if fact in stored}
    changed = found.known | found.taken_back.keys()
    voided = {(fact[0], voids) for fact in changed if (voids := stored[fact].voids) is not None}
    found.undone = changed | voided
    return found


def rows_taken_back(session: AsyncSession, found: Plan) -> list[dict[str, Any]]:
    """Return the rows of learning events that take facts back: they tell nothing."""
    unit = unit_of(session)
    return [
        {
            "tenant_id": unit.tenant.id,
            "id": new_id(),
            "source_id": source_id,
            "delivery_id": delivery_id,
            "dedup_key": correction_key(key, unit.tick()),
            "corrects_key": key,
            "content_sha256": NOTHING,
            "kind": Kind.VOIDED.value,
            "occurred_at": unit.tick(),
            "time_inferred": True,
            "affirmed": False,
            "recorded_at": unit.tick(),
            "extras": {},
        }
        for (source_id, key), delivery_id in found.taken_back.items()
    ]


def _tell(read: Read, now: dict[FactKey, Standing], found: Plan) -> set[FactKey]:
    """Note what is new, other or told again in a delivery; return the facts that it tells."""
    item, tally, told = read.keyed.item, found.tallies[read.delivery_id], set()
    for event, key in zip(item.events, read.keyed.keys, strict=True):
        fact, content = (item.source_id, key), event.content_hash
        earlier = now.get(fact)
        if earlier is not None and earlier.content != NOTHING:
            if earlier.delivery_id != read.delivery_id or fact in told:
                tally.conflicts += earlier.content != content
                told.add(fact)
                continue
            if earlier.content == content:
                told.add(fact)
                continue
        else:
            tally.gained += 1
        told.add(fact)
        now[fact] = Standing(read.delivery_id, content)
        found.taken_back.pop(fact, None)
        found.told[fact] = read.delivery_id, item, event, key, content
    return told


def _take_back(read: Read, left: Iterable[FactKey], now: dict[FactKey, Standing], found: Plan) -> None:
    """Note what is `left` of what a delivery told before, unless another one tells it or it is taken back already."""
    for fact in left:
        if now[fact].delivery_id == read.delivery_id and now[fact].content != NOTHING:
            now[fact] = Standing(read.delivery_id, NOTHING)
            found.taken_back[fact] = read.delivery_id
            found.tallies[read.delivery_id].gained -= 1


async def _stored(session: AsyncSession, readings: Sequence[Read]) -> dict[FactKey, Standing]:
    """Return how each event that the deliveries told or tell is read so far."""
    told = {(read.keyed.item.source_id, key) for read in readings for key in read.keyed.keys}
    async with wire.pipelined(session):
        await lookups.by_keys_only(session)
        before = await lookups.ask(
            session, LearningEventRow, _ROOT, ("delivery_id",), {(read.delivery_id,) for read in readings}
        )
    roots = told | {(source_id, corrects or key) for source_id, key, corrects in await before.rows()}
    async with wire.pipelined(session):
        first = await lookups.ask(session, LearningEventRow, _READING, ("source_id", "dedup_key"), roots)
        later = await lookups.ask(session, LearningEventRow, _READING, ("source_id", "corrects_key"), roots)
    rows = [*await first.rows(), *sorted(await later.rows(), key=_recorded_at)]
    return {
        (source_id, corrects or key): Standing(delivery_id, content, voids)
        for source_id, key, corrects, _, delivery_id, content, voids in rows
    }


def _recorded_at(row: Sequence[Any]) -> datetime:
    at: datetime = row[3]
    return at
