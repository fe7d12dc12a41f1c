"""Org units: the organisation tree."""

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.models.people import OrgUnit, OrgUnitRead, OrgUnitWrite
from app.services import batches
from app.services.nouns import NounType
from app.services.trees import refuse_circle

ORG_UNITS = NounType(
    row=OrgUnit,
    write=OrgUnitWrite,
    read=OrgUnitRead,
    plural="org_units",
    search=("name", "external_id"),
    filters=("kind", "parent_id", "external_id"),
    sorts=("created_at", "recorded_at", "name"),
    check=refuse_circle,
)


async def ids_by_external_id(session: AsyncSession, external_ids: Iterable[str]) -> dict[str, UUID]:
    """Return the ids of the org units with these external ids; one that nothing has is left out."""
    return await batches.ids_by_external_id(session, ORG_UNITS, external_ids)
