"""From a source's row to what `app.lms` needs; and the sources at hand, remembered for a few seconds."""

import asyncio
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from app.domain.errors import Fault, Invalid, NotFound
from app.lms import Adapter, SourceSetup, _signatures, adapters
from app.models.sources import Source
from app.models.unit import TenantScope, Units
from app.services import nouns, sources, tenants
from app.vault import Vault

REMEMBERED_SECONDS = 4.0
_REMEMBERED_MOST = 10_000
_RENEWED_EVERY_SECONDS = 1.0
_SLUG = re.compile(r"[a-z0-9-]{1,40}")


@dataclass(frozen=True, slots=True)
class Connected:
    """A source ready to receive: whose it is, its adapter, its setup."""

    tenant: TenantScope
    source_id: UUID
    slug: str
    status: str
    adapter: Adapter
    setup: SourceSetup


def adapter_of(slug: str) -> Adapter:
    """Return an adapter. Raises Invalid for one that does not exist."""
    found = adapters().get(slug)
    if found is None:
        fault = Fault("unknown_adapter", f"takes {', '.join(adapters())}", pointer="/adapter")
        raise Invalid("Choose one of the adapters that GET /v1/adapters lists.", errors=(fault,))
    return found


def usual_authentication(adapter_slug: str) -> dict[str, Any]:
    """Return the authentication that the platform of an adapter usually uses."""
    return dict(adapter_of(adapter_slug).authentication)


def check(row: Source) -> None:
    """Raise Invalid when the source could not be used as it is configured."""
    adapter = adapter_of(row.adapter)
    faults = [_inside("/authentication", fault) for fault in _signatures.check(row.authentication)]
    if adapter.check_mapping is not None:
        faults += [_inside("/mapping", fault) for fault in adapter.check_mapping(row.mapping)]
    elif row.mapping:
        faults.append(Fault("not_used", f"the adapter {adapter.slug} takes no mapping", pointer="/mapping"))
    if faults:
        raise Invalid("Mend how the source connects; GET /v1/adapters documents every option.", errors=tuple(faults))


def _inside(pointer: str, fault: Fault) -> Fault:
    return replace(fault, pointer=pointer + (fault.pointer or ""))


def setup_of(vault: Vault, row: Source, options: Mapping[str, Any] | None = None) -> SourceSetup:
    """Return the setup of a source with its secrets in clear."""
    return SourceSetup(
        authentication=row.authentication,
        secrets=sources.secrets_of(vault, row, datetime.now(UTC)),
        mapping=row.mapping,
        zone=row.zone,
        options=options or {},
        checked=not _signatures.check(row.authentication),
    )


def connected(vault: Vault, tenant: TenantScope, row: Source) -> Connected:
    """Return a source's row ready to receive."""
    return Connected(tenant, row.id, row.slug, row.status, adapter_of(row.adapter), setup_of(vault, row))


class Directory:
    """Finds sources by their slugs; a change is seen within four seconds."""

    def __init__(self, database: Units, vault: Vault) -> None:
        self._database = database
        self._vault = vault
        self._remembered: dict[tuple[str, str], tuple[float, Connected]] = {}
        self._renewed: dict[tuple[str, str], float] = {}
        self._looking: dict[tuple[str, str], asyncio.Task[Connected]] = {}

    async def find(self, tenant_slug: str, source_slug: str) -> Connected:
        """Return a source ready to receive. Raises NotFound."""
        place = (tenant_slug, source_slug)
        known = self._remembered.get(place)
        if known is not None and known[0] > time.monotonic():
            return known[1]
        if not (_SLUG.fullmatch(tenant_slug) and _SLUG.fullmatch(source_slug)):
            raise _unknown()
        looking = self._looking.get(place)
        if looking is None:
            looking = self._looking[place] = asyncio.create_task(self._remember(place))
            looking.add_done_callback(lambda _done: self._looking.pop(place, None))
        return await asyncio.shield(looking)

    async def renewed(self, known: Connected) -> Connected | None:
        """Return a source looked up anew if it has changed since it was remembered; at most once a second.

        Ask it before refusing a delivery: its secret may have been rotated a moment ago.
        """
        place = (known.tenant.slug, known.slug)
        now = time.monotonic()
        if self._renewed.get(place, -_RENEWED_EVERY_SECONDS) + _RENEWED_EVERY_SECONDS > now:
            return None
        if len(self._renewed) >= _REMEMBERED_MOST:
            self._renewed.clear()
        self._renewed[place] = now
        self._remembered.pop(place, None)
        found = await self.find(*place)
        return None if found == known else found

    async def get(self, tenant: TenantScope, source_id: UUID) -> Connected:
        """Return a source of a tenant as it is now. Raises NotFound."""
        async with self._database.reading(tenant) as session:
            return connected(self._vault, tenant, await nouns.get(session, sources.SOURCES, source_id))

    async def _remember(self, place: tuple[str, str]) -> Connected:
        """Look a source up, once for all who ask for it meanwhile."""
        found, seconds = await self._look_up(*place)
        if len(self._remembered) >= _REMEMBERED_MOST:
            self._remembered.clear()
        self._remembered[place] = (time.monotonic() + seconds, found)
        return found

    async def _look_up(self, tenant_slug: str, source_slug: str) -> tuple[Connected, float]:
        """Return a source and for how many seconds it may be remembered: not beyond the end of a secret."""
        async with self._database.reading(None, ahead=True) as session:
            tenant = await tenants.by_slug(session, tenant_slug)
        if tenant is not None and tenant.status == "active":
            scope = tenants.scope(tenant)
            async with self._database.reading(scope, ahead=True) as session:
                row = await sources.by_slug(session, source_slug)
            if row is not None:
                now = datetime.now(UTC)
                end = sources.next_end_of_secret(row, now)
                left = REMEMBERED_SECONDS if end is None else (end - now).total_seconds()
                return connected(self._vault, scope, row), min(REMEMBERED_SECONDS, left)
        raise _unknown()


def _unknown() -> NotFound:
    return NotFound("There is no such source: compare the address with the source's webhook_url.")
