"""Tenants: founded once, found by slug, with settings of their own."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from app.domain.errors import Conflict
from app.models.tenancy import Tenant, TenantRead, TenantSettings, TenantSettingsWrite
from app.models.unit import TenantScope, unit_of
from app.services.nouns import NounType, get_as_of, keep

_AS_JSON = ("evaluation_policy", "engagement")


def _columns(fields: Any) -> dict[str, Any]:
    values: dict[str, Any] = fields.model_dump()
    written = fields.model_dump(mode="json")
    return values | {name: written[name] for name in _AS_JSON}


SETTINGS = NounType(row=TenantSettings, write=TenantSettingsWrite, read=TenantRead, plural="settings", columns=_columns)


async def found(session: AsyncSession, slug: str, name: str) -> Tenant:
    """Add a tenant to the reference tables. Raises Conflict when the slug is taken."""
    tenant = Tenant(slug=slug, name=name, created_at=datetime.now(UTC))
    session.add(tenant)
    try:
        await session.flush()
    except IntegrityError as error:
        raise Conflict(f"There is a tenant {slug} already.", code="already_exists") from error
    return tenant


async def settle(session: AsyncSession) -> TenantSettings:
    """Give the tenant of the session its settings, in its first writing unit; again: return them."""
    unit = unit_of(session)
    row = await session.get(TenantSettings, (unit.tenant.id, unit.tenant.id))
    if row is None:
        now = unit.tick()
        row = TenantSettings(tenant_id=unit.tenant.id, id=unit.tenant.id, created_at=now, recorded_at=now)
        await keep(session, row, "created")
    return row


async def by_slug(session: AsyncSession, slug: str) -> Tenant | None:
    """Return the tenant of that slug, or None. Needs no tenant's unit."""
    return await session.scalar(select(Tenant).where(col(Tenant.slug) == slug))


async def everyone(session: AsyncSession) -> list[TenantScope]:
    """Return the scope of every active tenant."""
    rows = await session.scalars(select(Tenant).where(col(Tenant.status) == "active").order_by(col(Tenant.slug)))
    return [scope(row) for row in rows]


async def read(session: AsyncSession, tenant_id: UUID) -> TenantRead:
    """Return a tenant with its settings."""
    tenant = await session.get_one(Tenant, tenant_id)
    settings = await session.get_one(TenantSettings, (tenant_id, tenant_id))
    return TenantRead.model_validate(settings.model_dump() | {"slug": tenant.slug, "name": tenant.name})


async def read_as_of(session: AsyncSession, tenant_id: UUID, as_of: datetime) -> TenantRead:
    """Return a tenant with its settings as they stood at `as_of`. Raises NotFound when there were none yet."""
    tenant = await session.get_one(Tenant, tenant_id)
    settings = await get_as_of(session, SETTINGS, tenant_id, as_of)
    return TenantRead.model_validate({**settings, "slug": tenant.slug, "name": tenant.name})


def scope(tenant: Tenant) -> TenantScope:
    """Return what a unit of work needs to know of a tenant."""
    return TenantScope(tenant.id, tenant.slug)
