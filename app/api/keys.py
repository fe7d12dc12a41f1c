"""`/v1/keys`: API keys of the tenant. Needs the scope admin."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import Field

from app.api.deps import IDEMPOTENT, KEY_REQUIRED, SessionOf, VaultOf
from app.api.doors import NEXT, listed
from app.api.routing import AdminRoute
from app.api.shapes import page_shape, query_shape
from app.domain import ids
from app.domain.errors import NotFound
from app.models.tenancy import ApiKeyRead, ApiKeyWrite
from app.services import keys
from app.services.keys import KEYS

router = APIRouter(prefix="/keys", tags=["keys"], route_class=AdminRoute, dependencies=[KEY_REQUIRED])


class ApiKeyCreated(ApiKeyRead):
    """A new key with its token; shown once."""

    token: str = Field(
        description="Send it as `Authorization: Bearer <token>`; it cannot be shown again.",
        examples=["tl_acme_key_01h455vb4pex5vsknk084sn02q_secret"],
    )


@router.get(
    "",
    operation_id="listKeys",
    summary="List API keys",
    response_model=page_shape(ApiKeyRead),
    responses={200: {"headers": NEXT}},
)
async def list_keys(
    query: Annotated[query_shape(KEYS), Query()],  # type: ignore[valid-type]  # made at run time
    request: Request,
    response: Response,
    session: SessionOf,
    vault: VaultOf,
) -> Any:
    """Return one page of the keys without their secrets, revoked ones too."""
    return await listed(KEYS, query, request, response, session, vault)


@router.post("", status_code=201, dependencies=[IDEMPOTENT], operation_id="createKey", summary="Make an API key")
async def create_key(fields: ApiKeyWrite, session: SessionOf) -> ApiKeyCreated:
    """Make a key; any number can be valid at once, so that a rotation needs no pause."""
    made = await keys.create(session, fields)
    shown = ApiKeyRead.model_validate(made.row, from_attributes=True)
    return ApiKeyCreated.model_validate(shown.model_dump() | {"token": made.token})


@router.post("/{id}/revoke", dependencies=[IDEMPOTENT], operation_id="revokeKey", summary="Revoke an API key")
async def revoke_key(
    id: Annotated[str, Path(description="Public id of the key.", examples=["key_01h455vb4pex5vsknk084sn02q"])],  # noqa: A002  the name of the path parameter
    session: SessionOf,
) -> ApiKeyRead:
    """End a key; within five seconds no process accepts it."""
    try:
        key_id = ids.decode("key", id)
    except ValueError as error:
        raise NotFound(f"There is no key {id[:60]!r}: {error}.") from error
    return ApiKeyRead.model_validate(await keys.revoke(session, key_id), from_attributes=True)
