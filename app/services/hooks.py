"""Outbound webhooks: the endpoints of a tenant, their secrets, and what is sent to them again."""

import secrets
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from app.domain.errors import Fault, Invalid
from app.models.hooks import (
    EndpointStatus,
    MessageStatus,
    WebhookAttempt,
    WebhookAttemptRead,
    WebhookEndpoint,
    WebhookEndpointRead,
    WebhookEndpointWrite,
    WebhookMessage,
    WebhookMessageRead,
)
from app.models.tenancy import Change
from app.models.unit import unit_of
from app.services import changes, jobs, nouns
from app.services.nouns import NounType
from app.vault import Vault

JOB = "send_webhooks"
"""The kind of the one job that each endpoint has for as long as it is active."""

KEPT = timedelta(days=30)
_ENTROPY = 32
_UNSYNCHRONISED = {"synchronize_session": False}

ENDPOINTS = NounType(
    row=WebhookEndpoint,
    write=WebhookEndpointWrite,
    read=WebhookEndpointRead,
    plural="webhook_endpoints",
    volatile=True,
    search=("name", "url"),
    filters=("status",),
    sorts=("created_at", "recorded_at", "name"),
)
MESSAGES = NounType(
    row=WebhookMessage,
    write=WebhookMessageRead,
    read=WebhookMessageRead,
    plural="webhook_messages",
    filters=("endpoint_id", "status", "type", "change_id"),
    sorts=("created_at",),
)
ATTEMPTS = NounType(
    row=WebhookAttempt,
    write=WebhookAttemptRead,
    read=WebhookAttemptRead,
    plural="webhook_attempts",
    filters=("endpoint_id", "message_id", "type", "succeeded", "status_code"),
    sorts=("attempted_at",),
    ranges=("attempted_at",),
)


async def create(session: AsyncSession, vault: Vault, fields: WebhookEndpointWrite) -> tuple[WebhookEndpoint, str]:
    """Add an endpoint that is sent what changes from now on; return it with its secret, shown this once."""
    secret = new_secret()
    kept = [{"encrypted": vault.encrypt(secret.encode()), "until": None}]
    written = replace(ENDPOINTS, columns=lambda shape: shape.model_dump() | {"secrets": kept})
    row = await nouns.create(session, written, fields)
    row.position, row.ordinal = await changes.newest(session)
    await session.flush()
    await _begin(session, row)
    return row, secret


def new_secret() -> str:
    """Return a symmetric secret as Standard Webhooks writes it."""
    return "whsec_" + b64encode(secrets.token_bytes(_ENTROPY)).decode()


async def enable(session: AsyncSession, row: WebhookEndpoint) -> None:
    """Let an endpoint go on where it stopped: what waits is due now, and what changed meanwhile follows."""
    if row.status == EndpointStatus.ACTIVE:
        return
    row.status, row.status_reason, row.failing_since = EndpointStatus.ACTIVE, None, None
    await nouns.keep(session, row, "active")
    await session.execute(
        update(WebhookMessage).where(*waiting(row.id)).values(next_attempt_at=unit_of(session).tick()),
        execution_options=_UNSYNCHRONISED,
    )
    await _begin(session, row)


async def disable(session: AsyncSession, row: WebhookEndpoint, reason: str) -> None:
    """Send nothing more to an endpoint until it is enabled; its place and what waits are kept."""
    if row.status == EndpointStatus.DISABLED:
        return
    row.status, row.status_reason = EndpointStatus.DISABLED, reason
    await nouns.keep(session, row, "disabled")


async def _begin(session: AsyncSession, row: WebhookEndpoint) -> None:
    await jobs.ensure(session, uuid5(row.id, JOB), JOB, {"endpoint_id": str(row.id)})


async def replay_messages(session: AsyncSession, row: WebhookEndpoint, message_ids: Sequence[UUID]) -> int:
    """Make messages of an endpoint due again, with all their attempts; return how many. Raises Invalid for others."""
    statement = select(col(WebhookMessage.id)).where(*of(row.id, col(WebhookMessage.id).in_(message_ids)))
    known = set(await session.scalars(statement))
    faults = tuple(
        Fault("unknown_reference", "names no message of this endpoint", pointer=f"/message_ids/{number}")
        for number, message_id in enumerate(message_ids)
        if message_id not in known
    )
    if faults:
        raise Invalid("Name messages of this endpoint: GET /v1/webhook-messages lists them.", errors=faults)
    return await _again(session, row, col(WebhookMessage.id).in_(known))


async def replay_failed(session: AsyncSession, row: WebhookEndpoint) -> int:
    """Make every message that failed in all its attempts due again; return how many."""
    return await _again(session, row, col(WebhookMessage.status) == MessageStatus.FAILED)


async def replay_since(session: AsyncSession, row: WebhookEndpoint, since: datetime) -> int:
    """Send every change from an instant on again; return how many entries of the feed lie behind it.

    Each has the same message id as before, so that a receiver that remembers ids takes only what it missed.
    """
    before = (
        select(col(Change.position), col(Change.ordinal))
        .where(col(Change.recorded_at) < since)
        .order_by(col(Change.position).desc(), col(Change.ordinal).desc())
        .limit(1)
    )
    found = (await session.execute(before)).first()
    place = changes.BEGINNING if found is None else (found[0], found[1])
    behind = of(row.id, col(WebhookMessage.position) > place[0])
    await session.execute(delete(WebhookMessage).where(*behind), execution_options=_UNSYNCHRONISED)
    row.position, row.ordinal = min(place, (row.position, row.ordinal))
    await session.flush()
    await _begin(session, row)
    counted = select(func.count()).select_from(Change).where(col(Change.position) > place[0])
    return await session.scalar(counted) or 0


async def _again(session: AsyncSession, row: WebhookEndpoint, condition: Any) -> int:
    now = unit_of(session).tick()
    chosen = of(row.id, condition)
    count = await session.scalar(select(func.count()).select_from(WebhookMessage).where(*chosen)) or 0
    await session.execute(
        update(WebhookMessage).where(*chosen).values(status=MessageStatus.WAITING, attempts=0, next_attempt_at=now),
        execution_options=_UNSYNCHRONISED,
    )
    await _begin(session, row)
    return count


async def purge(session: AsyncSession, _arguments: Mapping[str, object]) -> None:
    """Forget attempts, and messages that no longer wait, after thirty days: a job of every tenant."""
    since = unit_of(session).tick() - KEPT
    ended = (col(WebhookMessage.created_at) < since, col(WebhookMessage.status) != MessageStatus.WAITING)
    await session.execute(delete(WebhookMessage).where(*ended), execution_options=_UNSYNCHRONISED)
    old = col(WebhookAttempt.attempted_at) < since
    await session.execute(delete(WebhookAttempt).where(old), execution_options=_UNSYNCHRONISED)


def of(endpoint_id: UUID, *conditions: Any) -> tuple[Any, ...]:
    """Return the conditions for messages of one endpoint."""
    return col(WebhookMessage.endpoint_id) == endpoint_id, *conditions


def waiting(endpoint_id: UUID) -> tuple[Any, ...]:
    """Return the conditions for what waits for an endpoint."""
    return of(endpoint_id, col(WebhookMessage.status) == MessageStatus.WAITING)
