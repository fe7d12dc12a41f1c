"""Idempotent requests: the answer is stored with the effect, in one transaction."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from app.domain.errors import Invalid
from app.models.tenancy import IdempotencyRecord
from app.models.unit import unit_of
from app.vault import Vault

KEPT = timedelta(hours=24)
"""For how long, at least, a repeated request gets the same answer."""


@dataclass(frozen=True, slots=True)
class KeyedRequest:
    """A request under an Idempotency-Key: scope (caller, method, route), key, and a hash of what was sent."""

    caller_id: UUID
    method: str
    route: str
    key: str
    request_sha256: bytes

    @property
    def key_sha256(self) -> bytes:
        """The hash under which the record is found."""
        return hashlib.sha256(self.key.encode()).digest()


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as it was sent."""

    status: int
    headers: dict[str, str]
    body: bytes


async def find(session: AsyncSession, vault: Vault, request: KeyedRequest) -> Answer | None:
    """Return the stored answer; None for a first request. Raises Invalid when the key belongs to another request."""
    statement = select(IdempotencyRecord).where(
        col(IdempotencyRecord.caller_id) == request.caller_id,
        col(IdempotencyRecord.method) == request.method,
        col(IdempotencyRecord.route) == request.route,
        col(IdempotencyRecord.key_sha256) == request.key_sha256,
    )
    row = await session.scalar(statement)
    if row is None:
        return None
    if row.request_sha256 != request.request_sha256:
        raise Invalid("This Idempotency-Key was used with another body.", code="idempotency_key_reused")
    return Answer(row.status, row.headers, vault.decrypt(row.body.decode()))


async def keep(session: AsyncSession, vault: Vault, request: KeyedRequest, answer: Answer) -> None:
    """Store the answer of a request; its body is encrypted, for it may hold a secret that is shown once."""
    unit = unit_of(session)
    session.add(
        IdempotencyRecord(
            tenant_id=unit.tenant.id,
            caller_id=request.caller_id,
            method=request.method,
            route=request.route,
            key_sha256=request.key_sha256,
            request_sha256=request.request_sha256,
            status=answer.status,
            headers=answer.headers,
            body=vault.encrypt(answer.body).encode(),
            created_at=unit.tick(),
        )
    )
    await session.flush()


async def purge(session: AsyncSession, _arguments: Mapping[str, object]) -> None:
    """Forget the answers that were kept long enough: a job of every tenant."""
    since = unit_of(session).tick() - KEPT
    old = delete(IdempotencyRecord).where(col(IdempotencyRecord.created_at) < since)
    await session.execute(old, execution_options={"synchronize_session": False})
