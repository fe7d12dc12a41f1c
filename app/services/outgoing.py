"""What goes out to webhook endpoints, when, and how it went (https://github.com/standard-webhooks/standard-webhooks).

An endpoint has its own place in the change feed. Behind it, changes become messages; each message has attempts on the
schedule of Standard Webhooks. No more than a thousand messages wait for an endpoint: until then its place stays, so
that nothing is lost however long it is away, and little is stored.
"""

import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid5

from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col
from standardwebhooks import Webhook

from app.models.base import new_id
from app.models.hooks import (
    EVERY_TYPE,
    EndpointStatus,
    MessageStatus,
    WebhookAttempt,
    WebhookEndpoint,
    WebhookMessage,
    WebhookPayload,
)
from app.models.tenancy import Change
from app.models.unit import unit_of
from app.outbound import Answer, Outbound
from app.services import changes, nouns
from app.services.hooks import ENDPOINTS, MESSAGES, disable, waiting
from app.services.sources import secrets_of
from app.vault import Vault

SCHEDULE = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
"""Pauses after failed attempts (Standard Webhooks, "Deliverability and reliability"); none comes after the last."""

ATTEMPTS_MOST = len(SCHEDULE) + 1
RETRY_AFTER_MOST = timedelta(hours=24)
LEASE = timedelta(seconds=60)
"""A message in the hands of a worker that vanished is due again after so long: longer than any attempt takes."""

IDLE = timedelta(seconds=30)
WAITING_MOST = 1_000
AT_ONCE = 10
_FEED_CHUNK = 500
_GONE = 410
_JITTER = 0.1
_random = secrets.SystemRandom()


@dataclass(frozen=True, slots=True)
class Parcel:
    """One message ready to be sent: the row's id and number of the attempt, the header webhook-id, the body."""

    message_id: UUID | None
    number: int
    type: str
    public_id: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Batch:
    """What is to be sent to one endpoint now."""

    url: str
    secrets: tuple[str, ...]
    parcels: Sequence[Parcel]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one attempt."""

    parcel: Parcel
    attempted_at: datetime
    answer: Answer


async def take(session: AsyncSession, vault: Vault, endpoint_id: UUID, now: datetime) -> Batch | None:
    """Return what is to be sent to an endpoint now, held for a while; None when it is active no longer."""
    row = await session.get(WebhookEndpoint, (unit_of(session).tenant.id, endpoint_id))
    if row is None or row.archived_at is not None or row.status != EndpointStatus.ACTIVE:
        return None
    if await _give_up(session, row, now):
        return None
    await _read_feed(session, row, now)
    due = (
        select(WebhookMessage, Change)
        .join(
            Change, (col(Change.tenant_id) == WebhookMessage.tenant_id) & (col(Change.id) == WebhookMessage.change_id)
        )
        .where(*waiting(row.id), col(WebhookMessage.next_attempt_at) <= now)
        .order_by(col(WebhookMessage.next_attempt_at), col(Change.position), col(Change.ordinal))
        .limit(AT_ONCE)
    )
    parcels = []
    for message, change in await session.execute(due):
        message.attempts += 1
        message.next_attempt_at = now + LEASE
        entry = changes.shown(change)
        body = WebhookPayload(type=entry.type, timestamp=entry.recorded_at, data=entry).model_dump_json().encode()
        parcels.append(Parcel(message.id, message.attempts, message.type, MESSAGES.public(message.id), body))
    await session.flush()
    return Batch(row.url, secrets_of(vault, row, now), parcels)


async def post(outbound: Outbound, url: str, secrets: Sequence[str], parcel: Parcel, at: datetime) -> Answer:
    """Send one parcel, signed with every secret that is valid: two during a rotation."""
    text = parcel.body.decode()
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Throughline-Webhooks",
        "Webhook-Id": parcel.public_id,
        "Webhook-Timestamp": str(int(at.timestamp())),
        "Webhook-Signature": " ".join(Webhook(secret).sign(parcel.public_id, at, text) for secret in secrets),
    }
    return await outbound.post(url, parcel.body, headers, at=at)


async def note(
    session: AsyncSession, endpoint_id: UUID, outcomes: Sequence[Outcome], now: datetime
) -> timedelta | None:
    """Write down what became of attempts; return when to look again, None when the endpoint is active no longer."""
    row = await session.get_one(WebhookEndpoint, (unit_of(session).tenant.id, endpoint_id))
    messages = await _by_id(session, [outcome.parcel.message_id for outcome in outcomes])
    for outcome in outcomes:
        _log(session, row, outcome)
        message = messages.get(outcome.parcel.message_id)
        if message is not None:
            _settle(message, outcome, now)
    _judge(row, outcomes)
    await session.flush()
    gone = any(outcome.answer.status == _GONE for outcome in outcomes)
    if gone and row.status == EndpointStatus.ACTIVE:
        await disable(session, row, "it answered 410 Gone: mend the address, then enable it")
    if row.status != EndpointStatus.ACTIVE or row.archived_at is not None or await _give_up(session, row, now):
        return None
    return await _pause(session, row, now)


async def note_test(session: AsyncSession, endpoint_id: UUID, outcome: Outcome) -> WebhookAttempt:
    """Write a test down among the attempts; it says nothing about the endpoint's failing."""
    row = await nouns.get(session, ENDPOINTS, endpoint_id)
    attempt = _log(session, row, outcome)
    await session.flush()
    return attempt


def wants(event_types: Collection[str], type_: str) -> bool:
    """Return whether an endpoint with these patterns is sent changes of a type."""
    return not {EVERY_TYPE, type_, f"{type_.partition('.')[0]}.{EVERY_TYPE}"}.isdisjoint(event_types)


async def _read_feed(session: AsyncSession, row: WebhookEndpoint, now: datetime) -> None:
    """Make messages of what lies behind the endpoint's place, and move it on, while not too much waits."""
    counted = select(func.count()).select_from(WebhookMessage).where(*waiting(row.id))
    room = WAITING_MOST - (await session.scalar(counted) or 0)
    if room <= 0:
        return
    found = await changes.after(session, (row.position, row.ordinal), min(room, _FEED_CHUNK))
    values = [
        {
            "tenant_id": row.tenant_id,
            "id": uuid5(row.id, change.id.hex),
            "endpoint_id": row.id,
            "change_id": change.id,
            "position": change.position,
            "type": f"{change.noun}.{change.verb}",
            "status": MessageStatus.WAITING,
            "attempts": 0,
            "next_attempt_at": now,
            "created_at": now,
        }
        for change in found
        if wants(row.event_types, f"{change.noun}.{change.verb}")
    ]
    if values:
        await session.execute(insert(WebhookMessage), values)
    if found:
        row.position, row.ordinal = found[-1].position, found[-1].ordinal
        await session.flush()


async def _by_id(session: AsyncSession, message_ids: Sequence[UUID | None]) -> dict[UUID | None, WebhookMessage]:
    statement = select(WebhookMessage).where(col(WebhookMessage.id).in_([each for each in message_ids if each]))
    return {message.id: message for message in await session.scalars(statement)}


def _log(session: AsyncSession, row: WebhookEndpoint, outcome: Outcome) -> WebhookAttempt:
    attempt = WebhookAttempt(
        tenant_id=row.tenant_id,
        id=new_id(),
        endpoint_id=row.id,
        message_id=outcome.parcel.message_id,
        type=outcome.parcel.type,
        number=outcome.parcel.number,
        attempted_at=outcome.attempted_at,
        succeeded=outcome.answer.succeeded,
        status_code=outcome.answer.status,
        reason=outcome.answer.reason,
        milliseconds=outcome.answer.milliseconds,
    )
    session.add(attempt)
    return attempt


def _settle(message: WebhookMessage, outcome: Outcome, now: datetime) -> None:
    """Decide how a message goes on after an attempt."""
    if outcome.answer.succeeded:
        message.status, message.next_attempt_at = MessageStatus.DELIVERED, None
    elif outcome.parcel.number >= ATTEMPTS_MOST:
        message.status, message.next_attempt_at = MessageStatus.FAILED, None
    else:
        message.next_attempt_at = now + pause_after(outcome.parcel.number, outcome.answer.retry_after)


def pause_after(attempt: int, retry_after: timedelta | None) -> timedelta:
    """Return the pause after a failed attempt (1: the first), with jitter; Retry-After can only make it longer."""
    asked = min(retry_after or timedelta(0), RETRY_AFTER_MOST)
    return max(SCHEDULE[attempt - 1], asked) * (1 + _random.uniform(0, _JITTER))


def _judge(row: WebhookEndpoint, outcomes: Sequence[Outcome]) -> None:
    """Note whether an endpoint works: one success clears all failures."""
    successes = [outcome.attempted_at for outcome in outcomes if outcome.answer.succeeded]
    if successes:
        row.last_success_at, row.failing_since = max(successes), None
    elif outcomes and row.failing_since is None:
        row.failing_since = min(outcome.attempted_at for outcome in outcomes)


async def _give_up(session: AsyncSession, row: WebhookEndpoint, now: datetime) -> bool:
    """Disable an endpoint that has failed for too long; return whether it is so."""
    if row.failing_since is None or now - row.failing_since < timedelta(seconds=row.disable_after_seconds):
        return False
    hours = row.disable_after_seconds / 3600
    await disable(session, row, f"every attempt failed for {hours:g} hours: mend it, test it, then enable it")
    return True


async def _pause(session: AsyncSession, row: WebhookEndpoint, now: datetime) -> timedelta:
    """Return for how long there is nothing to do for an endpoint."""
    behind = await changes.after(session, (row.position, row.ordinal), 1)
    counted = select(func.count(), func.min(col(WebhookMessage.next_attempt_at))).where(*waiting(row.id))
    count, earliest = (await session.execute(counted)).one()
    if behind and count < WAITING_MOST:
        return timedelta(0)
    due = IDLE if earliest is None else max(earliest - now, timedelta(0))
    return min(due, IDLE)
