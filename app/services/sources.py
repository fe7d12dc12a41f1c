"""Sources: how they connect, their secrets (encrypted at rest, two valid during a rotation), and their silence."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Table, inspect, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from app import wire
from app.models.hooks import WebhookEndpoint
from app.models.sources import Delivery, DeliveryRead, Source, SourceRead, SourceStatus, SourceWrite
from app.models.unit import unit_of
from app.services import lookups
from app.services.lookups import Answer
from app.services.nouns import Action, NounType, keep, merge
from app.vault import Vault

_WAITING = (SourceStatus.PENDING, SourceStatus.SILENT)
_HEARD = (
    "UPDATE source SET last_delivery_at = %(at)s::timestamptz "
    "WHERE source.tenant_id = %(tenant)s::uuid AND source.id = ANY(%(ids)s::uuid[])"
)
_HEARD_ONE = "UPDATE source SET last_delivery_at = ? WHERE tenant_id = ? AND id = ?"


async def _drop_unfit_secrets(_session: AsyncSession, row: Source) -> None:
    """Forget the secrets of a source that changes to another scheme: they were made, and shown, for the former one."""
    former = inspect(row).attrs.authentication.history.deleted
    if former and _secret_form(former[0]) != _secret_form(row.authentication):
        row.secrets = []


def _secret_form(authentication: Mapping[str, Any]) -> tuple[Any, Any]:
    return authentication.get("scheme"), authentication.get("user_field")


def _merged(current: Mapping[str, Any], change: Mapping[str, Any]) -> Any:
    """Apply a merge patch; another scheme begins without options, as those that are there are the former scheme's."""
    told = change.get("authentication")
    scheme = told.get("scheme") if isinstance(told, Mapping) else None
    if scheme is not None and scheme != current["authentication"].get("scheme"):
        current = {**current, "authentication": {}}
    return merge(current, change)


SOURCES = NounType(
    row=Source,
    write=SourceWrite,
    read=SourceRead,
    plural="sources",
    volatile=True,
    search=("name", "slug"),
    filters=("status", "adapter", "slug"),
    sorts=("created_at", "recorded_at", "name", "slug"),
    fixed=frozenset({"slug", "adapter"}),
    check=_drop_unfit_secrets,
    merged=_merged,
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
    ranges=("conflicts",),
    shown=_shown,
)


async def by_slug(session: AsyncSession, slug: str) -> Source | None:
    """Return the source of that slug that is in use, or None."""
    return await session.scalar(select(Source).where(col(Source.slug) == slug, col(Source.archived_at).is_(None)))


def secrets_of(vault: Vault, row: Source | WebhookEndpoint, now: datetime) -> tuple[str, ...]:
    """Return the secrets that are valid at `now`, the newest first."""
    return tuple(
        vault.decrypt(entry["encrypted"]).decode()
        for entry in row.secrets
        if entry["until"] is None or datetime.fromisoformat(entry["until"]) > now
    )


def next_end_of_secret(row: Source, now: datetime) -> datetime | None:
    """Return when the first of the secrets that are valid at `now` ends; None: none of them does."""
    ends = [datetime.fromisoformat(entry["until"]) for entry in row.secrets if entry["until"] is not None]
    return min((end for end in ends if end > now), default=None)


async def set_secret(
    session: AsyncSession,
    vault: Vault,
    row: Source | WebhookEndpoint,
    secret: str | None,
    *,
    overlap: timedelta = timedelta(0),
) -> None:
    """Make `secret` the newest one; the one before it stays valid for `overlap`, two at the most."""
    until = unit_of(session).tick() + overlap
    former = [
        {"encrypted": entry["encrypted"], "until": entry["until"] or until.isoformat()} for entry in row.secrets[:1]
    ]
    newest = [] if secret is None else [{"encrypted": vault.encrypt(secret.encode()), "until": None}]
    row.secrets = newest + (former if overlap else [])
    await keep(session, row, "secret_changed")


async def ask_waiting(session: AsyncSession, source_ids: Collection[UUID]) -> Answer:
    """Ask which of these sources wait to be heard of: pending or silent."""
    wanted = [(source_id, status.value) for source_id in source_ids for status in _WAITING]
    return await lookups.ask(session, Source, ("id",), ("id", "status"), wanted)


async def activate(session: AsyncSession, source_ids: Collection[UUID]) -> None:
    """Make those of these sources active that were pending or silent."""
    waiting = select(Source).where(col(Source.id).in_(source_ids), col(Source.status).in_(_WAITING))
    for row in await session.scalars(waiting):
        row.status = SourceStatus.ACTIVE
        await keep(session, row, "active")


async def hear(session: AsyncSession, source_ids: Collection[UUID], at: datetime | None) -> None:
    """Note that authentic deliveries of these sources came at `at`."""
    if not source_ids:
        return
    if not await wire.direct(session):
        table: Table = Source.__table__  # type: ignore[attr-defined]  # set by SQLModel on table classes
        names, tenant_id = ("last_delivery_at", "tenant_id", "id"), unit_of(session).tenant.id
        rows = [dict(zip(names, (at, tenant_id, each), strict=True)) for each in source_ids]
        heard = wire.bound(table, names, rows)
        await wire.work(session, lambda connection: connection.executemany(_HEARD_ONE, heard).fetchall())
        return
    parameters = {"at": at, "ids": list(source_ids), "tenant": unit_of(session).tenant.id}
    await wire.execute(session, _HEARD, parameters)


async def mark_silent(session: AsyncSession, _arguments: Mapping[str, object]) -> None:
    """Make every active source silent that has sent nothing for longer than its `silence_after_seconds`."""
    now = unit_of(session).tick()
    watched = select(Source).where(
        col(Source.status) == SourceStatus.ACTIVE,
        col(Source.silence_after_seconds).is_not(None),
        col(Source.archived_at).is_(None),
    )
    for row in await session.scalars(watched):
        since = row.last_delivery_at or row.recorded_at
        if now - since > timedelta(seconds=row.silence_after_seconds or 0):
            row.status = SourceStatus.SILENT
            await keep(session, row, "silent")
