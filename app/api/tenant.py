"""`/v1/tenant`: the organisation behind the key, and its settings."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, Response

from app.api.deps import KEY_REQUIRED, AsOf, IfNoneMatch, PrincipalOf, SessionOf, Versions
from app.api.doors import MISSING, NOT_MODIFIED, not_modified
from app.api.routing import AdminRoute, UnitRoute
from app.api.shapes import patch_shape
from app.models.tenancy import TenantRead, TenantSettingsWrite
from app.services import nouns, tenants

router = APIRouter(prefix="/tenant", tags=["tenant"], route_class=UnitRoute, dependencies=[KEY_REQUIRED])


@router.get(
    "",
    operation_id="getTenant",
    summary="Get the tenant of the key in use",
    response_model=TenantRead,
    responses=NOT_MODIFIED | MISSING,
)
async def get_tenant(
    response: Response,
    session: SessionOf,
    principal: PrincipalOf,
    as_of: AsOf = None,
    if_none_match: IfNoneMatch = None,
) -> Any:
    """Return the organisation with its settings, now or as of an instant."""
    if as_of is not None:
        return await tenants.read_as_of(session, principal.tenant.id, as_of)
    found = await tenants.read(session, principal.tenant.id)
    return not_modified(found.version, if_none_match) or _answer(response, found)


async def change_settings(
    fields: Any,
    response: Response,
    session: SessionOf,
    principal: PrincipalOf,
    versions: Versions,
) -> Any:
    """Change some settings. Needs a key with the scope admin."""
    sent = fields.model_dump(exclude_unset=True)
    await nouns.patch(session, tenants.SETTINGS, principal.tenant.id, sent, versions=versions)
    return _answer(response, await tenants.read(session, principal.tenant.id))


change_settings.__annotations__["fields"] = Annotated[patch_shape(TenantSettingsWrite), Body()]
router.add_api_route(
    "",
    change_settings,
    methods=["PATCH"],
    operation_id="updateTenant",
    summary="Change settings of the tenant",
    response_model=TenantRead,
    route_class_override=AdminRoute,
)


def _answer(response: Response, found: TenantRead) -> TenantRead:
    response.headers["ETag"] = f'"{found.version}"'
    return found
