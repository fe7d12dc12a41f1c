"""Identity providers: their rules, and which of them answers for a token."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from app.domain.errors import Fault, Invalid
from app.models.identity_providers import (
    OWN_AUDIENCE,
    IdentityProvider,
    IdentityProviderRead,
    IdentityProviderStatus,
    IdentityProviderWrite,
)
from app.models.unit import unit_of
from app.services.nouns import Action, NounType

_AS_JSON = ("algorithms", "grants", "required_claims")


def _columns(fields: Any) -> dict[str, Any]:
    values: dict[str, Any] = fields.model_dump()
    written = fields.model_dump(mode="json")
    return values | {name: written[name] for name in _AS_JSON}


async def _names_its_own_tenant(session: AsyncSession, row: IdentityProvider) -> None:
    """Give a row without audience that of its tenant; refuse that of another."""
    own = OWN_AUDIENCE + unit_of(session).tenant.slug
    row.audience = row.audience or own
    if row.audience.startswith(OWN_AUDIENCE) and row.audience != own:
        fault = Fault("invalid_value", f"would name another tenant: yours is {own}", pointer="/audience")
        raise Invalid(f"Leave out audience, or send {own} or one of your identity provider's.", errors=(fault,))


IDENTITY_PROVIDERS = NounType(
    row=IdentityProvider,
    write=IdentityProviderWrite,
    read=IdentityProviderRead,
    plural="identity_providers",
    volatile=True,
    search=("name", "issuer"),
    filters=("status", "issuer"),
    sorts=("created_at", "recorded_at", "name"),
    fixed=frozenset({"issuer"}),
    columns=_columns,
    check=_names_its_own_tenant,
    actions=(
        Action("disable", ("enabled",), "disabled", "Take none of its tokens any more, within five seconds."),
        Action("enable", ("disabled",), "enabled", "Take its tokens again."),
    ),
)


async def trusted(session: AsyncSession, issuer: str) -> Sequence[IdentityProvider]:
    """Return those of an issuer whose tokens are taken, the oldest first."""
    statement = select(IdentityProvider).where(
        col(IdentityProvider.issuer) == issuer,
        col(IdentityProvider.status) == IdentityProviderStatus.ENABLED,
        col(IdentityProvider.archived_at).is_(None),
    )
    return list(await session.scalars(statement.order_by(col(IdentityProvider.id))))


async def mark_used(session: AsyncSession, provider_ids: Sequence[UUID], at: datetime) -> None:
    """Note that tokens of identity providers were used."""
    used = update(IdentityProvider).where(col(IdentityProvider.id).in_(provider_ids)).values(last_used_at=at)
    await session.execute(used)
