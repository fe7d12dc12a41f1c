"""`/v1/changes`: everything that changed, in the order of the tenant's clock."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field

from app.api import cursors
from app.api.deps import KEY_REQUIRED, SessionOf, VaultOf
from app.api.routing import UnitRoute
from app.domain import ids
from app.models.tenancy import Change, ChangeRead
from app.services import changes

router = APIRouter(prefix="/changes", tags=["changes"], route_class=UnitRoute, dependencies=[KEY_REQUIRED])

_PREFIXES = {noun.replace(" ", "_"): prefix for prefix, noun in ids.PREFIXES.items()} | {
    "tenant_settings": "ten",
    "audience_member": "aud",
    "org_membership": "org",
}


class ChangePage(BaseModel):
    """Some entries of the feed. `next_cursor` is never null: ask with it again later for what comes then."""

    items: list[ChangeRead] = Field(description="Oldest first.")
    next_cursor: str = Field(description="The place behind the last entry.")


def shown(row: Change) -> ChangeRead:
    """Return an entry in its Read shape."""
    return ChangeRead(
        id=row.id,
        type=f"{row.noun}.{row.verb}",
        resource_id=ids.encode(_PREFIXES[row.noun], row.noun_id),
        version=row.version,
        recorded_at=row.recorded_at,
    )


@router.get("", operation_id="listChanges", summary="Read the change feed")
async def list_changes(
    request: Request,
    session: SessionOf,
    vault: VaultOf,
    cursor: Annotated[str | None, Query(max_length=500, description="Where to go on; absent: the beginning.")] = None,
    limit: Annotated[int, Query(ge=1, le=200, description="Entries at the most.")] = 50,
) -> Any:
    """Return what changed behind `cursor`. No entry is ever skipped: positions follow the order of commits."""
    binding = f"{request.state.principal.tenant.slug} changes"
    place = cursors.decode(vault, binding, cursor, [int, int]) if cursor else [0, -1]
    found = await changes.after(session, (place[0], place[1]), limit)
    last = [found[-1].position, found[-1].ordinal] if found else place
    return ChangePage(items=[shown(row) for row in found], next_cursor=cursors.encode(vault, binding, last))
