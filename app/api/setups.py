"""From a source's row to what `app.lms` needs; and the sources at hand, remembered for a few seconds."""

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
from app.services import sources, tenants
from app.vault import Vault

REMEMBERED_SECONDS = 4.0
_REMEMBERED_MOST = 10_000


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
    )


class Directory:
    """Finds sources by their slugs; a change is seen within four seconds."""

    def __init__(self, database: Units, vault: Vault) -> None:
        self._database = database
        self._vault = vault
        self._remembered: dict[tuple[str, str], tuple[float, Connected]] = {}

    async def find(self, tenant_slug: str, source_slug: str) -> Connected:
        """Return a source ready to receive. Raises NotFound."""
        place = (tenant_slug, source_slug)
        known = self._remembered.get(place)
        if known is not None and known[0] > time.monotonic():
            return known[1]
        found = await self._look_up(tenant_slug, source_slug)
        if len(self._remembered) >= _REMEMBERED_MOST:
            self._remembered.clear()
        self._remembered[place] = (time.monotonic() + REMEMBERED_SECONDS, found)
        return found

    async def _look_up(self, tenant_slug: str, source_slug: str) -> Connected:
        async with self._database.reading(None) as session:
            tenant = await tenants.by_slug(session, tenant_slug)
        if tenant is not None and tenant.status == "active":
            scope = tenants.scope(tenant)
            async with self._database.reading(scope) as session:
                row = await sources.by_slug(session, source_slug)
            if row is not None:
                setup = setup_of(self._vault, row)
                return Connected(scope, row.id, row.slug, row.status, adapter_of(row.adapter), setup)
        raise NotFound("There is no such source: compare the address with the source's webhook_url.")
