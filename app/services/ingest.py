"""Deliveries from LMSs: kept raw, their events deduplicated, their enrolments refolded, in one transaction."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from app.domain.learning import Kind, LearningEvent, content_hash, dedup_key, key_of
from app.models.base import LARGEST, new_id
from app.models.learning import LearningEventRow
from app.models.sources import ERASED_REASON, REDACTED_HEADER, Delivery, DeliveryStatus
from app.models.unit import unit_of
from app.services import enrolments, identities, references, sources, suppression
from app.services.among import among

EventKey = tuple[UUID, bytes]
"""(source id, dedup key)."""

REDACTED = {REDACTED_HEADER: "true"}
_CHUNK = 500
_NAME_LENGTH = 255
_ACTIVITY_LENGTH = 500
_KEY_LENGTH = 2_000
_SECONDS_MOST = 2**31
_SIX_PLACES = Decimal("0.000001")


@dataclass(frozen=True, slots=True)
class Inbound:
    """One request, parsed: what to keep of it, and the events that it holds.

    `authentic` is False for what proves nothing about its source being alive: a test event, an unproved handshake.
    """

    source_id: UUID
    received_at: datetime
    headers: Mapping[str, str]
    body: bytes
    status: DeliveryStatus
    reason: str | None = None
    events: tuple[LearningEvent, ...] = ()
    authentic: bool = True
    redacted: bool = False
    """Whether its body and headers are not to be kept: it tells of a person who was erased."""

    def digest(self) -> bytes:
        """Return what makes the request the same as an earlier one: its body, its query and the keys of its events."""
        content = hashlib.sha256(self.body).digest()
        marks = [f"{name}={value}".encode() for name, value in sorted(self.headers.items()) if name.startswith(":")]
        keys = map(dedup_key, self.events)
        return hashlib.sha256(content + self.status.encode() + b"".join([*keys, *marks])).digest()


_Fact = tuple[UUID, Inbound, LearningEvent, bytes, bytes]
"""(delivery id, its request, the event, dedup key, content hash)."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of one request."""

    delivery_id: UUID
    status: DeliveryStatus
    reason: str | None
    recorded: int
    duplicates: int
    conflicts: int


def unfit(event: LearningEvent) -> str | None:
    """Return why an event cannot be stored (something in it is too long or too large), or None."""
    numbers = (event.score_scaled, event.score_raw, event.score_min, event.score_max, event.progress)
    told = event.activity
    activity_ids = () if told is None else (told.external_id, *told.aliases)
    findings = (
        (
            any(len(name.value) > _NAME_LENGTH or len(name.issuer or "") > _NAME_LENGTH for name in event.identities),
            f"a name of the learner has more than {_NAME_LENGTH} characters",
        ),
        (
            not all(1 <= len(each) <= _ACTIVITY_LENGTH for each in activity_ids),
            f"an activity's id needs 1 to {_ACTIVITY_LENGTH} characters",
        ),
        (
            any(len(key or "") > _KEY_LENGTH for key in (event.event_key, event.voids)),
            f"an event's id has more than {_KEY_LENGTH} characters",
        ),
        (any(number is not None and abs(number) > LARGEST for number in numbers), "a score is too large"),
        (not 0 <= (event.duration_seconds or 0) < _SECONDS_MOST, "a duration is out of range"),
        (event.kind is not Kind.VOIDED and not event.identities, "an event names no learner"),
    )
    return next((reason for found, reason in findings if found), None)


async def record(session: AsyncSession, items: Sequence[Inbound]) -> list[Receipt]:
    """Keep `items` and apply their events. The tenant's clock is held: nobody else writes for this tenant meanwhile.

    A request sent before adds nothing but a count; an event known before is a duplicate, or a conflict when its content
    differs (the first wins).
    """
    digests = [item.digest() for item in items]
    known = await _known_deliveries(session, items, digests)
    fresh: dict[EventKey, Inbound] = {}
    for item, digest in zip(items, digests, strict=True):
        fresh.setdefault((item.source_id, digest), item)
    unknown = {place: item for place, item in fresh.items() if place not in known}
    new = dict(zip(unknown, await _without_erased(session, list(unknown.values())), strict=True))
    receipts = await _apply(session, new)
    await _count_repeats(session, items, digests, known)
    heard = [item for item in items if item.authentic]
    if heard:
        await sources.hear(session, {item.source_id for item in heard}, max(item.received_at for item in heard))
    answers = []
    seen: set[EventKey] = set()
    for item, digest in zip(items, digests, strict=True):
        place = (item.source_id, digest)
        receipt = known.get(place) or receipts[place]
        if place in known or place in seen:
            receipt = _again(receipt, len(item.events))
        seen.add(place)
        answers.append(receipt)
    return answers


async def reapply(session: AsyncSession, items: Sequence[tuple[Delivery, Inbound]]) -> None:
    """Bring kept deliveries in line with how they are read now: what is new in them is applied, nothing twice.

    The verdict on the delivery becomes that of the new reading; facts that it brought before stay.
    """
    digests = [item.digest() for _, item in items]
    cleared = await _without_erased(session, [item for _, item in items])
    items = [(row, item) for (row, _), item in zip(items, cleared, strict=True)]
    counts, rows = await _sift(session, [(row.id, item) for row, item in items])
    known = await _known_deliveries(session, [item for _, item in items], digests)
    for (row, item), digest in zip(items, digests, strict=True):
        fresh, _, conflicts = counts[row.id]
        row.status, row.reason, row.conflicts = item.status, item.reason, conflicts
        if item.redacted:
            row.body, row.headers = b"", REDACTED
        row.recorded += fresh
        row.duplicates = max(0, len(item.events) - row.recorded)
        if (row.source_id, digest) not in known:
            row.digest = digest
            known[row.source_id, digest] = Receipt(row.id, item.status, item.reason, 0, 0, 0)
    await session.flush()
    await _insert_events(session, rows)


async def refold_references(
    session: AsyncSession, reference_ids: Collection[UUID], former_activity_ids: Collection[UUID] = ()
) -> None:
    """Refold every enrolment with facts through these references, at their activities of now and of before."""
    pairs = await enrolments.pairs_of_references(session, reference_ids)
    former = {(person_id, activity_id) for person_id, _ in pairs for activity_id in former_activity_ids}
    await enrolments.refold(session, pairs | former)


async def _without_erased(session: AsyncSession, items: Sequence[Inbound]) -> list[Inbound]:
    """Return requests, in order, without what they tell of erased people; of such a one only the hash is kept."""
    named = [
        [{identities.name_of(each, item.source_id) for each in event.identities} for event in item.events]
        for item in items
    ]
    gone = await suppression.among(session, {name for events in named for names in events for name in names})
    if not gone:
        return list(items)
    cleared = []
    for item, events in zip(items, named, strict=True):
        kept = tuple(event for event, names in zip(item.events, events, strict=True) if gone.isdisjoint(names))
        if len(kept) == len(item.events):
            cleared.append(item)
        else:
            status = item.status if kept else DeliveryStatus.IGNORED
            cleared.append(replace(item, events=kept, status=status, reason=ERASED_REASON, redacted=True))
    return cleared


async def _known_deliveries(
    session: AsyncSession, items: Sequence[Inbound], digests: Sequence[bytes]
) -> dict[EventKey, Receipt]:
    places = {(item.source_id, digest) for item, digest in zip(items, digests, strict=True)}
    statement = select(
        col(Delivery.source_id),
        col(Delivery.digest),
        col(Delivery.id),
        col(Delivery.status),
        col(Delivery.reason),
        col(Delivery.recorded),
        col(Delivery.duplicates),
        col(Delivery.conflicts),
    ).where(among((Delivery.source_id, Delivery.digest), places))
    return {
        (source_id, digest): Receipt(delivery_id, DeliveryStatus(status), reason, recorded, duplicates, conflicts)
        for source_id, digest, delivery_id, status, reason, recorded, duplicates, conflicts in await session.execute(
            statement
        )
    }


def _again(receipt: Receipt, events: int) -> Receipt:
    return Receipt(receipt.delivery_id, receipt.status, receipt.reason, 0, events, 0)


async def _apply(session: AsyncSession, new: Mapping[EventKey, Inbound]) -> dict[EventKey, Receipt]:
    """Store new deliveries with their events and refold what they touch."""
    placed = [(place, new_id(), item) for place, item in new.items()]
    counts, rows = await _sift(session, [(delivery_id, item) for _, delivery_id, item in placed])
    await _insert_deliveries(session, placed, counts)
    await _insert_events(session, rows)
    return {
        place: Receipt(delivery_id, item.status, item.reason, *counts[delivery_id])
        for place, delivery_id, item in placed
    }


async def _sift(
    session: AsyncSession, placed: Sequence[tuple[UUID, Inbound]]
) -> tuple[dict[UUID, list[int]], list[_Fact]]:
    """Return for each delivery how many of its events are new, known, and known otherwise; and the new ones."""
    keyed = [
        (delivery_id, item, event, dedup_key(event), content_hash(event))
        for delivery_id, item in placed
        for event in item.events
    ]
    stored = await _stored_hashes(session, {(item.source_id, key) for _, item, _, key, _ in keyed})
    counts: dict[UUID, list[int]] = {delivery_id: [0, 0, 0] for delivery_id, _ in placed}
    rows: list[_Fact] = []
    for delivery_id, item, event, key, content in keyed:
        earlier = stored.get((item.source_id, key))
        if earlier is None:
            stored[item.source_id, key] = content
            rows.append((delivery_id, item, event, key, content))
            counts[delivery_id][0] += 1
        else:
            counts[delivery_id][1] += 1
            counts[delivery_id][2] += earlier != content
    return counts, rows


async def _stored_hashes(session: AsyncSession, keys: Collection[EventKey]) -> dict[EventKey, bytes]:
    found: dict[EventKey, bytes] = {}
    wanted = sorted(keys)
    columns = (LearningEventRow.source_id, LearningEventRow.dedup_key)
    for start in range(0, len(wanted), _CHUNK):
        statement = select(
            col(LearningEventRow.source_id), col(LearningEventRow.dedup_key), col(LearningEventRow.content_sha256)
        ).where(among(columns, wanted[start : start + _CHUNK]))
        found.update({(source_id, key): content for source_id, key, content in await session.execute(statement)})
    return found


async def _insert_deliveries(
    session: AsyncSession, placed: Sequence[tuple[EventKey, UUID, Inbound]], counts: Mapping[UUID, list[int]]
) -> None:
    if not placed:
        return
    unit = unit_of(session)
    rows = [
        {
            "tenant_id": unit.tenant.id,
            "id": delivery_id,
            "source_id": item.source_id,
            "digest": digest,
            "status": item.status,
            "reason": item.reason,
            "headers": REDACTED if item.redacted else dict(item.headers),
            "body": b"" if item.redacted else item.body,
            "body_sha256": hashlib.sha256(item.body).digest(),
            "received_at": item.received_at,
            "recorded_at": unit.tick(),
            "recorded": counts[delivery_id][0],
            "duplicates": counts[delivery_id][1],
            "conflicts": counts[delivery_id][2],
        }
        for (_, digest), delivery_id, item in placed
    ]
    await session.execute(insert(Delivery), rows)


async def _insert_events(session: AsyncSession, rows: Sequence[_Fact]) -> None:
    if not rows:
        return
    named = [(item.source_id, event) for _, item, event, _, _ in rows]
    learners = await identities.resolve(session, named)
    activities = await references.resolve(session, named)
    values = []
    pairs: set[enrolments.Pair] = set()
    voided: set[EventKey] = set()
    for (delivery_id, item, event, key, content), learner, reference in zip(rows, learners, activities, strict=True):
        values.append(
            _event_values(session, item, event)
            | {
                "delivery_id": delivery_id,
                "identity_id": learner.id if learner else None,
                "reference_id": reference.id if reference else None,
                "dedup_key": key,
                "content_sha256": content,
            }
        )
        if event.voids is not None:
            voided.add((item.source_id, key_of(event.voids)))
        elif learner is not None and reference is not None:
            pairs.add((learner.person_id, reference.activity_id))
    await session.execute(insert(LearningEventRow), values)
    pairs |= await enrolments.pairs_of_keys(session, voided)
    await enrolments.refold(session, pairs)


def _event_values(session: AsyncSession, item: Inbound, event: LearningEvent) -> dict[str, Any]:
    unit = unit_of(session)
    return {
        "tenant_id": unit.tenant.id,
        "id": new_id(),
        "source_id": item.source_id,
        "voids_key": None if event.voids is None else key_of(event.voids),
        "event_key": event.event_key,
        "kind": event.kind.value,
        "occurred_at": event.occurred_at or item.received_at,
        "occurred_at_text": event.occurred_at_text,
        "time_inferred": event.occurred_at is None,
        "recorded_at": unit.tick(),
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
    }


def _six_places(value: Decimal | None) -> Decimal | None:
    return None if value is None else value.quantize(_SIX_PLACES, ROUND_HALF_EVEN)


async def _count_repeats(
    session: AsyncSession, items: Sequence[Inbound], digests: Sequence[bytes], known: Mapping[EventKey, Receipt]
) -> None:
    """Raise `repeats` of deliveries that came again."""
    times: dict[EventKey, int] = {}
    for item, digest in zip(items, digests, strict=True):
        times[item.source_id, digest] = times.get((item.source_id, digest), 0) + 1
    for place, count in times.items():
        extra = count if place in known else count - 1
        if extra:
            await session.execute(
                update(Delivery)
                .where(col(Delivery.source_id) == place[0], col(Delivery.digest) == place[1])
                .values(repeats=Delivery.repeats + extra)
            )
