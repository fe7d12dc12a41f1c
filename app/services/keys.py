"""API keys: made once, checked on every request, revoked at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from app.domain.errors import Fault, Invalid, NotFound
from app.models.base import new_id
from app.models.tenancy import SCOPES, ApiKey, ApiKeyRead, ApiKeyWrite
from app.models.unit import unit_of
from app.services.nouns import NounType
from app.vault import new_key_token

KEYS = NounType(
    row=ApiKey,
    write=ApiKeyWrite,
    read=ApiKeyRead,
    plural="keys",
    search=("name",),
    sorts=("created_at", "name"),
)


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that was just made: its row, and the token that is shown this once."""

    row: ApiKey
    token: str


async def create(session: AsyncSession, fields: ApiKeyWrite) -> NewKey:
    """Make a key for the tenant of the session. Raises Invalid for an unknown scope and an end in the past."""
    unknown = [scope for scope in fields.scopes if scope not in SCOPES]
    if unknown or not fields.scopes:
        fault = Fault("unknown_scope", f"takes {', '.join(SCOPES)}, at least one", pointer="/scopes")
        raise Invalid(f"Choose scopes among {', '.join(SCOPES)}.", errors=(fault,))
    unit = unit_of(session)
    if fields.expires_at is not None and fields.expires_at <= unit.tick():
        fault = Fault("in_the_past", "lies in the past: the key would not work", pointer="/expires_at")
        raise Invalid("Let the key expire later than now, or leave expires_at out.", errors=(fault,))
    key_id = new_id()
    token, secret_sha256 = new_key_token(unit.tenant.slug, key_id)
    row = ApiKey(
        **fields.model_dump(),
        id=key_id,
        tenant_id=unit.tenant.id,
        secret_sha256=secret_sha256,
        created_at=unit.tick(),
    )
    session.add(row)
    await session.flush()
    return NewKey(row, token)


async def find(session: AsyncSession, key_id: UUID) -> ApiKey | None:
    """Return the key with that id, in whatever state, or None."""
    return await session.get(ApiKey, (unit_of(session).tenant.id, key_id))


async def all_of_tenant(session: AsyncSession) -> Sequence[ApiKey]:
    """Return every key, the newest first."""
    return list(await session.scalars(select(ApiKey).order_by(col(ApiKey.id).desc())))


async def revoke(session: AsyncSession, key_id: UUID) -> ApiKey:
    """End a key; ending it twice is not an error. Raises NotFound."""
    row = await find(session, key_id)
    if row is None:
        raise NotFound("There is no such key in this tenant.")
    if row.revoked_at is None:
        row.revoked_at = unit_of(session).tick()
        session.add(row)
        await session.flush()
    return row


async def mark_used(session: AsyncSession, key_ids: Sequence[UUID], at: datetime) -> None:
    """Note that keys were used."""
    await session.execute(update(ApiKey).where(col(ApiKey.id).in_(key_ids)).values(last_used_at=at))
