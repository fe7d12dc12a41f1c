"""`/v1/adapters`: the formats that are read, each with how to connect it."""

from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from app.api.deps import KEY_REQUIRED
from app.api.routing import KeyRoute
from app.domain.errors import NotFound
from app.lms import Adapter, adapters
from app.lms._signatures import describe

router = APIRouter(prefix="/adapters", tags=["sources"], route_class=KeyRoute, dependencies=[KEY_REQUIRED])


class AdapterRead(BaseModel):
    """One format that is read."""

    slug: str = Field(description="Name to give as `adapter` of a source.", examples=["docebo"])
    title: str = Field(description="The platform or standard.")
    how_to_connect: str = Field(description="What to do in the LMS, step by step.")
    schemes: list[str] = Field(description="Authentication schemes that it can use, the usual one first.")
    authentication: dict[str, Any] = Field(description="The usual authentication.")
    example: dict[str, Any] = Field(description="A payload with its headers.")
    reference: dict[str, Any] = Field(description="Documents the field map; empty for adapters without one.")


class AdapterList(BaseModel):
    """Every format, and every authentication scheme with its options."""

    items: list[AdapterRead] = Field(description="In alphabetical order.")
    schemes: list[dict[str, Any]] = Field(description="The closed list of authentication schemes.")


def _shown(adapter: Adapter) -> AdapterRead:
    return AdapterRead.model_validate(adapter, from_attributes=True)


@router.get("", operation_id="listAdapters", summary="List the formats that are read")
async def list_adapters() -> AdapterList:
    """Return all of them with their schemes."""
    return AdapterList(items=[_shown(adapter) for adapter in adapters().values()], schemes=describe())


@router.get("/{slug}", operation_id="getAdapter", summary="Explain one format")
async def get_adapter(
    slug: Annotated[str, Path(description="Name of the adapter.", examples=["mapped"])],
) -> AdapterRead:
    """Return how to connect a platform and an example of what it sends."""
    found = adapters().get(slug)
    if found is None:
        raise NotFound("There is no such adapter; GET /v1/adapters lists all of them.")
    return _shown(found)
