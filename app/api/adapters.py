"""`/v1/adapters`: the formats that are read, each with how to connect it."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from app.api import cursors
from app.api.deps import KEY_REQUIRED, VaultOf
from app.api.doors import NEXT, tell_next
from app.api.routing import KeyRoute
from app.api.shapes import LIMIT_MOST
from app.domain.errors import NotFound
from app.lms import Adapter, adapters
from app.lms._signatures import describe

router = APIRouter(prefix="/adapters", tags=["sources"], route_class=KeyRoute, dependencies=[KEY_REQUIRED])


class AdapterRead(BaseModel):
    """One format that is read."""

    slug: str = Field(description="Name to give as `adapter` of a source.", examples=["docebo"])
    title: str = Field(description="The platform or standard.")
    how_to_connect: str = Field(description="What to do in the LMS, step by step.")
    notes: str = Field(
        description="What surprises in what it sends and what is made of it, line by line; may be empty."
    )
    schemes: list[str] = Field(description="Authentication schemes that it can use, the usual one first.")
    authentication: dict[str, Any] = Field(description="The usual authentication.")
    example: dict[str, Any] = Field(description="A payload with its headers.")
    examples: dict[str, dict[str, Any]] = Field(
        description="The payloads of the schemes under which the platform sends another one."
    )
    reference: dict[str, Any] = Field(description="Documents the field map; empty for adapters without one.")


class AdapterPage(BaseModel):
    """One page of the formats, and every authentication scheme with its options."""

    items: list[AdapterRead] = Field(description="In alphabetical order of their slugs.")
    next_cursor: str | None = Field(description="As `cursor` it gives the next page; null on the last.")
    total: int | None = Field(default=None, description="Formats in all pages; only with include_total=true.")
    schemes: list[dict[str, Any]] = Field(description="The closed list of authentication schemes.")


class AdaptersQuery(BaseModel):
    """Which page of the formats to list."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(default=50, ge=1, le=LIMIT_MOST, description="Formats on a page.")
    cursor: str | None = Field(default=None, max_length=2000, description="`next_cursor` of the page before.")
    include_total: bool = Field(default=False, description="Whether to count all pages.")


def _shown(adapter: Adapter) -> AdapterRead:
    return AdapterRead.model_validate(adapter, from_attributes=True)


@router.get(
    "", operation_id="listAdapters", summary="List the formats that are read", responses={200: {"headers": NEXT}}
)
async def list_adapters(
    query: Annotated[AdaptersQuery, Query()], request: Request, response: Response, vault: VaultOf
) -> AdapterPage:
    """Return one page of them, and how they can authenticate."""
    tenant = request.state.principal.tenant.slug
    binding = cursors.of_list(tenant, "adapters", ("slug",), {}, None, archived=True)
    after = cursors.decode(vault, binding, query.cursor, [str])[0] if query.cursor else ""
    slugs = sorted(adapters())
    left = [slug for slug in slugs if slug > after]
    page = left[: query.limit]
    following = cursors.encode(vault, binding, page[-1:]) if len(left) > len(page) else None
    tell_next(request, response, following)
    return AdapterPage(
        items=[_shown(adapters()[slug]) for slug in page],
        next_cursor=following,
        total=len(slugs) if query.include_total else None,
        schemes=describe(),
    )


@router.get("/{slug}", operation_id="getAdapter", summary="Explain one format")
async def get_adapter(
    slug: Annotated[str, Path(description="Name of the adapter.", examples=["mapped"])],
) -> AdapterRead:
    """Return how to connect a platform and an example of what it sends."""
    found = adapters().get(slug)
    if found is None:
        raise NotFound("There is no such adapter; GET /v1/adapters lists all of them.")
    return _shown(found)
