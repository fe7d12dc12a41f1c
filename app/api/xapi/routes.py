"""The addresses of the resources and how the reference describes them."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response

from app.api.xapi import entities, statements
from app.api.xapi.documents import ACTIVITY_PROFILE, AGENT_PROFILE, STATE, DocumentResource
from app.api.xapi.exchange import Resource, answer
from app.api.xapi.reference import OPERATIONS

router = APIRouter(prefix="/xapi/{tenant}/{source}", tags=["xapi"])

_METHODS = ("GET", "PUT", "POST", "DELETE", "PATCH", "OPTIONS", "TRACE")

Endpoint = Callable[[str, str, Request], Awaitable[Response]]


def _documents(path: str, resource: DocumentResource) -> Resource:
    return Resource(
        path,
        {"GET": resource.get, "PUT": resource.put, "POST": resource.post, "DELETE": resource.delete},
    )


RESOURCES = (
    Resource("/statements", {"GET": statements.get, "PUT": statements.put, "POST": statements.post}, consistent=True),
    _documents("/activities/state", STATE),
    _documents("/activities/profile", ACTIVITY_PROFILE),
    _documents("/agents/profile", AGENT_PROFILE),
    Resource("/activities", {"GET": entities.get_activity}),
    Resource("/agents", {"GET": entities.get_agent}),
    Resource("/about", {"GET": entities.get_about}, versioned=False),
)


def _endpoint(resource: Resource) -> Endpoint:
    async def endpoint(
        tenant: Annotated[str, Path(description="Slug of the tenant.", examples=["acme"])],
        source: Annotated[str, Path(description="Slug of a source with the adapter `xapi`.", examples=["lrs"])],
        request: Request,
    ) -> Response:
        return await answer(request, resource, tenant, source)

    return endpoint


def _register(resource: Resource) -> None:
    endpoint = _endpoint(resource)
    for method in resource.handlers:
        described: dict[str, Any] = OPERATIONS[method, resource.path]
        router.add_api_route(resource.path, endpoint, methods=[method], response_class=Response, **described)
    # a POST may stand for any method (alternate request syntax), and every refusal names the version
    others = [method for method in _METHODS if method not in resource.handlers]
    router.add_api_route(resource.path, endpoint, methods=others, include_in_schema=False)


for _resource in RESOURCES:
    _register(_resource)
