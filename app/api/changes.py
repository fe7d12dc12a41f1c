"""`/v1/changes`: everything that changed, in the order of the tenant's clock."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field

from app.api import cursors
from app.api.deps import KEY_REQUIRED, SessionOf, VaultOf
from app.api.routing import UnitRoute
from app.models.tenancy import ChangeRead
from app.services import changes
from app.services.changes import BEGINNING, Place
from app.vault import Vault

router = APIRouter(prefix="/changes", tags=["changes"], route_class=UnitRoute, dependencies=[KEY_REQUIRED])


class ChangePage(BaseModel):
    """Some entries of the feed. `next_cursor` is never null: ask with it again later for what comes then."""

    items: list[ChangeRead] = Field(description="Oldest first.")
    next_cursor: str = Field(description="The place behind the last entry.")


def cursor_of(vault: Vault, tenant_slug: str, place: Place) -> str:
    """Return the cursor behind an entry of a tenant's feed: of the list, of the graph and of the stream alike."""
    return cursors.encode(vault, f"{tenant_slug} changes", place)


def place_of(vault: Vault, tenant_slug: str, cursor: str) -> Place:
    """Return the place that a cursor names. Raises InvalidCursor."""
    position, ordinal = cursors.decode(vault, f"{tenant_slug} changes", cursor, [int, int])
    return position, ordinal


@router.get("", operation_id="listChanges", summary="Read the change feed")
async def list_changes(
    request: Request,
    session: SessionOf,
    vault: VaultOf,
    cursor: Annotated[str | None, Query(max_length=500, description="Where to go on; absent: the beginning.")] = None,
    limit: Annotated[int, Query(ge=1, le=200, description="Entries at the most.")] = 50,
    resource_id: Annotated[
        list[str],
        Query(
            max_length=50,
            description="Only entries about the row with this public id; repeat it for any of several.",
            examples=[["obj_01h455vb4pex5vsknk084sn02q"]],
        ),
    ] = [],  # noqa: B006  FastAPI copies it
) -> ChangePage:
    """Return what changed behind `cursor`. No entry is ever skipped: positions follow the order of commits.

    A cursor is a place in the whole feed: it fits the stream and the graph too, and any `resource_id`.
    """
    slug = request.state.principal.tenant.slug
    place = place_of(vault, slug, cursor) if cursor else BEGINNING
    about = changes.resources(resource_id)
    seen = await changes.newest(session) if about else place
    found = await changes.after(session, place, limit, about=about)
    last = (found[-1].position, found[-1].ordinal) if found else place
    if len(found) < limit:
        last = max(last, seen)
    return ChangePage(items=[changes.shown(row) for row in found], next_cursor=cursor_of(vault, slug, last))
