"""Sources: how they connect, and their secrets (encrypted at rest, two valid during a rotation)."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from app.models.sources import Delivery, DeliveryRead, Source, SourceRead, SourceWrite
from app.models.unit import unit_of
from app.services.nouns import Action, NounType, keep
from app.vault import Vault

SOURCES = NounType(
    row=Source,
    write=SourceWrite,
    read=SourceRead,
    plural="sources",
    search=("name", "slug"),
    filters=("status", "adapter", "slug"),
    sorts=("created_at", "recorded_at", "name", "slug"),
    fixed=frozenset({"slug", "adapter"}),
    actions=(
        Action("pause", ("pending", "active", "silent"), "paused", "Keep what it sends in quarantine."),
        Action("resume", ("paused",), "active", "Apply what it sends again."),
    ),
)


def receiver_path(tenant_slug: str, source_slug: str) -> str:
    """Return where a source posts to; it follows from the immutable slugs."""
    return f"/v1/webhooks/{tenant_slug}/{source_slug}"


def _shown(row: Delivery) -> Mapping[str, Any]:
    return row.model_dump() | {"body_sha256": row.body_sha256.hex()}


DELIVERIES = NounType(
    row=Delivery,
    write=DeliveryRead,
    read=DeliveryRead,
    plural="deliveries",
    filters=("source_id", "status"),
    sorts=("received_at", "recorded_at"),
    shown=_shown,
)


async def by_slug(session: AsyncSession, slug: str) -> Source | None:
    """Return the source of that slug that is in use, or None."""
    return await session.scalar(select(Source).where(col(Source.slug) == slug, col(Source.archived_at).is_(None)))


def secrets_of(vault: Vault, row: Source, now: datetime) -> tuple[str, ...]:
    """Return the secrets that are valid at `now`, the newest first."""
    return tuple(
        vault.decrypt(entry["encrypted"]).decode()
        for entry in row.secrets
        if entry["until"] is None or datetime.fromisoformat(entry["until"]) > now
    )


async def set_secret(
    session: AsyncSession, vault: Vault, row: Source, secret: str | None, *, overlap: timedelta = timedelta(0)
) -> None:
    """Make `secret` the newest one; those before it stay valid for `overlap`, two at the most."""
    until = unit_of(session).tick() + overlap
    former = [
        {"encrypted": entry["encrypted"], "until": entry["until"] or until.isoformat()} for entry in row.secrets[:1]
    ]
    newest = [] if secret is None else [{"encrypted": vault.encrypt(secret.encode()), "until": None}]
    row.secrets = newest + (former if overlap else [])
    await keep(session, row, "secret_changed")
