"""Deliveries from LMSs: kept raw, their events deduplicated, their enrolments refolded, in one transaction."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from app import wire
from app.models.base import new_id
from app.models.learning import LearningEventRow
from app.models.sources import REDACTED_HEADER, Delivery, DeliveryStatus
from app.models.unit import unit_of
from app.services import (
    corrections,
    enrolments,
    identities,
    lookups,
    references,
    rereading,
    sources,
    suppression,
    telling,
)
from app.services.bulk import add_facts
from app.services.inbound import EventKey, Inbound, Keyed, Receipt, unfit
from app.services.lookups import Answer
from app.services.telling import Fact

__all__ = ["REDACTED", "Asked", "Inbound", "Receipt", "ask", "reapply", "record", "refold_references", "unfit"]

REDACTED = {REDACTED_HEADER: "true"}
_RECEIPT = ("source_id", "digest", "id", "status", "reason", "recorded", "duplicates", "conflicts")


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked about requests before they are kept."""

    keyed: Sequence[Keyed]
    deliveries: Answer
    hashes: Answer
    identities: Answer
    references: Answer
    waiting: Answer
    suppresses: Answer
    undone: Answer


async def ask(session: AsyncSession, items: Sequence[Inbound]) -> Asked:
    """Ask, in a pipeline, all that `record` needs to know of `items`."""
    return await _ask(session, [Keyed.of(item) for item in items], _heard(items))


async def record(
    session: AsyncSession,
    items: Sequence[Inbound],
    asked: Asked | None = None,
    *,
    stored: dict[EventKey, bytes] | None = None,
) -> list[Receipt]:
    """Keep `items` and apply their events. The tenant's clock is held: nobody else writes for this tenant meanwhile.

    A request sent before adds nothing but a count; an event known before is a duplicate, or a conflict when its content
    differs (the first wins). Returns one receipt for each item, in order. `asked`: what `ask` did when the clock was
    taken; the unit does nothing else then, and what is written goes with its commit, unless something is taken back.
    Three waits for PostgreSQL, however many the items. `stored`: the content of the known events, where the caller
    has looked.
    """
    at_end, heard = asked is not None, _heard(items)
    if asked is None:
        async with wire.pipelined(session):
            asked = await _ask(session, [Keyed.of(item) for item in items], heard, sifted=stored is not None)
    keyed = asked.keyed
    known = await _known_deliveries(asked.deliveries)
    fresh: dict[EventKey, Keyed] = {}
    for each in keyed:
        fresh.setdefault(each.place, each)
    unknown = [each for place, each in fresh.items() if place not in known]
    new = [(each, new_id()) for each in await _without_erased(session, unknown, asked)]
    known_events, gone = await corrections.current(
        session, asked.undone, await _stored_hashes(asked.hashes) if stored is None else stored
    )
    counts, rows = _sift(new, known_events)
    if await asked.waiting.rows():
        await sources.activate(session, heard)
    told = await telling.told(session, rows, asked, gone)
    times = Counter(each.place for each in keyed)
    await _count_repeats(session, {place: times[place] for place in known})

    async def besides() -> None:
        await add_facts(session, Delivery, _delivery_rows(session, new, counts, times))
        await sources.hear(session, heard, max(heard.values(), default=None))

    await telling.apply(session, told, asked.undone, besides, at_end=at_end)
    receipts = {
        each.place: Receipt(delivery_id, each.item.status, each.item.reason, *counts[delivery_id])
        for each, delivery_id in new
    }
    return _answers(keyed, known, receipts)


def _answers(
    keyed: Sequence[Keyed], known: Mapping[EventKey, Receipt], receipts: Mapping[EventKey, Receipt]
) -> list[Receipt]:
    """Return each request's receipt; whoever is not the first with its content learns that all was there."""
    answers = []
    seen = set(known)
    for each in keyed:
        receipt = known.get(each.place) or receipts[each.place]
        answers.append(_again(receipt, len(each.item.events)) if each.place in seen else receipt)
        seen.add(each.place)
    return answers


def _heard(items: Sequence[Inbound]) -> dict[UUID, datetime]:
    return {item.source_id: item.received_at for item in items if item.authentic}


async def reapply(session: AsyncSession, items: Sequence[tuple[Delivery, Inbound]]) -> None:
    """Bring kept deliveries, each named once, in line with how they are read now (`rereading`); nothing twice.

    The verdict on the delivery becomes that of the new reading; one that cannot be read keeps what it brought before.
    """
    whole = [Keyed.of(item) for _, item in items]
    async with wire.pipelined(session):
        asked = await _ask(session, whole, {}, sifted=True)
    keyed = await _without_erased(session, whole, asked)
    found = await rereading.plan(
        session,
        [
            rereading.Read(row.id, each, frozenset(full.keys) - frozenset(each.keys))
            for each, full, (row, _) in zip(keyed, whole, items, strict=True)
        ],
    )
    known = await _known_deliveries(asked.deliveries)
    for each, (row, _) in zip(keyed, items, strict=True):
        item, tally = each.item, found.tallies[row.id]
        row.status, row.reason, row.conflicts = item.status, item.reason, tally.conflicts
        if item.redacted:
            row.body, row.headers = b"", REDACTED
        row.recorded += tally.gained
        row.duplicates = max(0, len(item.events) - row.recorded)
        if each.place not in known:
            row.digest = each.digest
            known[each.place] = Receipt(row.id, item.status, item.reason, 0, 0, 0)
    await session.flush()
    told = await telling.told(session, list(found.told.values()), asked, found.known, found.undone)

    async def besides() -> None:
        await add_facts(session, LearningEventRow, rereading.rows_taken_back(session, found))

    await telling.apply(session, told, asked.undone, besides)


async def refold_references(
    session: AsyncSession, reference_ids: Collection[UUID], former_activity_ids: Collection[UUID] = ()
) -> None:
    """Refold every enrolment with facts through these references, at their activities of now and of before."""
    pairs = await enrolments.pairs_of_references(session, reference_ids)
    former = {(person_id, activity_id) for person_id, _ in pairs for activity_id in former_activity_ids}
    await enrolments.refold(session, pairs | former)


async def _without_erased(session: AsyncSession, keyed: Sequence[Keyed], asked: Asked) -> list[Keyed]:
    """Return requests, in order, without what they tell of erased people; of such a one only the hash is kept."""
    if not await suppression.learn(session, asked.suppresses):
        return list(keyed)
    named = [
        [{identities.name_of(each, one.item.source_id) for each in event.identities} for event in one.item.events]
        for one in keyed
    ]
    gone = await suppression.among(session, {name for events in named for names in events for name in names})
    return [
        one.without({at for at, names in enumerate(told) if names & gone})
        for one, told in zip(keyed, named, strict=True)
    ]


async def _ask(
    session: AsyncSession, keyed: Sequence[Keyed], heard: Collection[UUID], *, sifted: bool = False
) -> Asked:
    """Ask as `ask` does; `sifted`: but for the events themselves."""
    named = [(each.item.source_id, event) for each in keyed for event in each.item.events]
    places = {each.place for each in keyed}
    keys = () if sifted else {(each.item.source_id, key) for each in keyed for key in each.keys}
    by_key = ("source_id", "dedup_key")
    await lookups.by_keys_only(session)
    return Asked(
        keyed=keyed,
        deliveries=await lookups.ask(session, Delivery, _RECEIPT, ("source_id", "digest"), places),
        hashes=await lookups.ask(session, LearningEventRow, (*by_key, "content_sha256"), by_key, keys),
        identities=await identities.ask(session, named),
        references=await references.ask(session, named),
        waiting=await sources.ask_waiting(session, heard),
        suppresses=await suppression.ask(session),
        undone=await corrections.ask(session),
    )


async def _known_deliveries(asked: Answer) -> dict[EventKey, Receipt]:
    return {
        (source_id, digest): Receipt(delivery_id, DeliveryStatus(status), *rest)
        for source_id, digest, delivery_id, status, *rest in await asked.rows()
    }


async def _stored_hashes(asked: Answer) -> dict[EventKey, bytes]:
    return {(source_id, key): content for source_id, key, content in await asked.rows()}


def _again(receipt: Receipt, events: int) -> Receipt:
    return Receipt(receipt.delivery_id, receipt.status, receipt.reason, 0, events, 0)


def _sift(
    placed: Sequence[tuple[Keyed, UUID]], stored: dict[EventKey, bytes]
) -> tuple[dict[UUID, list[int]], list[Fact]]:
    """Return for each delivery how many of its events are new, known, and known otherwise; and the new ones.

    `stored` holds the content of the keys that are known, and then of the new ones.
    """
    counts: dict[UUID, list[int]] = {delivery_id: [0, 0, 0] for _, delivery_id in placed}
    rows: list[Fact] = []
    for each, delivery_id in placed:
        for event, key in zip(each.item.events, each.keys, strict=True):
            content, earlier = event.content_hash, stored.get((each.item.source_id, key))
            if earlier is None:
                stored[each.item.source_id, key] = content
                rows.append((delivery_id, each.item, event, key, content))
                counts[delivery_id][0] += 1
            else:
                counts[delivery_id][1] += 1
                counts[delivery_id][2] += earlier != content
    return counts, rows


def _delivery_rows(
    session: AsyncSession,
    new: Sequence[tuple[Keyed, UUID]],
    counts: Mapping[UUID, list[int]],
    times: Mapping[EventKey, int],
) -> list[dict[str, Any]]:
    unit = unit_of(session)
    common = {"tenant_id": unit.tenant.id, "recorded_at": unit.tick()}
    return [
        {
            **common,
            "id": delivery_id,
            "source_id": each.item.source_id,
            "digest": each.digest,
            "status": each.item.status.value,
            "reason": each.item.reason,
            "headers": REDACTED if each.item.redacted else dict(each.item.headers),
            "body": b"" if each.item.redacted else each.item.body,
            "body_sha256": each.body_sha256,
            "received_at": each.item.received_at,
            "recorded": counts[delivery_id][0],
            "duplicates": counts[delivery_id][1],
            "conflicts": counts[delivery_id][2],
            "repeats": times[each.place] - 1,
        }
        for each, delivery_id in new
    ]


async def _count_repeats(session: AsyncSession, times: Mapping[EventKey, int]) -> None:
    """Raise `repeats` of deliveries that came again."""
    for (source_id, digest), count in times.items():
        await session.execute(
            update(Delivery)
            .where(col(Delivery.source_id) == source_id, col(Delivery.digest) == digest)
            .values(repeats=Delivery.repeats + count)
        )
