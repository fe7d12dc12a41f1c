"""The REST door of a noun: the same routes, conventions and documents for every one of them (api.md, REST 1 to 10)."""

import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Body, Path, Query, Request, Response
from pydantic_core import to_json
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import SQLModel

from app.api import cursors, expansions
from app.api.batches import RULES, BatchResult, batch_of, batch_shape
from app.api.deps import IDEMPOTENT, KEY_REQUIRED, AsOf, IfNoneMatch, Newly, SessionOf, VaultOf, Versions
from app.api.routing import UnitRoute
from app.api.shapes import camel, page_shape, patch_shape, query_shape
from app.domain import ids
from app.domain.errors import NotFound
from app.models.history import VERSIONS
from app.services import batches, nouns
from app.services.batches import ItemResult
from app.services.nouns import Action, NounType
from app.services.pages import Query as PageQuery
from app.services.pages import page, sort_columns
from app.vault import Vault

_TEXT = {"schema": {"type": "string"}}
ETAG = {"ETag": {"description": "The version, for If-Match and If-None-Match.", **_TEXT}}
LOCATION = {"Location": {"description": "Address of the row.", **_TEXT}}
NEXT = {"Link": {"description": "Address of the next page, rel=next; none on the last.", **_TEXT}}
NOT_MODIFIED: dict[int | str, Any] = {
    200: {"headers": ETAG},
    304: {"description": "The version at hand is still current.", "headers": ETAG},
}
"""What a conditional GET answers, for the reference."""
MISSING: dict[int | str, Any] = {404: {"description": "What it asks about is not there."}}
"""Says in the reference that an address without an id can find nothing; the table of errors describes it."""


Batch = Callable[[AsyncSession, NounType[Any], Sequence[Any]], Awaitable[list[ItemResult]]]
"""Writes many rows of a noun by their external ids; results in the order sent."""


class Door:
    """Builds the router of one noun. `prefix` is the path, `tag` the section of the reference."""

    def __init__(self, noun: NounType[Any], path: str, tag: str) -> None:
        self.noun = noun
        self.path = path
        self.single = camel(noun.name)
        self.many = camel(noun.plural)
        self.spoken = noun.spoken
        self.one = f"{'an' if noun.spoken[0] in 'aeiou' else 'a'} {noun.spoken}"
        self.router = APIRouter(prefix=path, tags=[tag], route_class=UnitRoute, dependencies=[KEY_REQUIRED])
        example = f"{noun.row.prefix}_01h455vb4pex5vsknk084sn02q"
        self.id_param = Annotated[str, Path(description=f"Public id of the {self.spoken}.", examples=[example])]

    def id_of(self, text: str) -> Any:
        """Return the uuid of a path segment; NotFound for anything else."""
        try:
            return ids.decode(self.noun.row.prefix, text)
        except ValueError as error:
            raise NotFound(f"There is no {self.spoken} {text[:60]!r}: {error}.") from error

    def location(self, row: Any) -> str:
        """Return the address of a row."""
        return f"/v1{self.path}/{self.noun.public(row.id)}"

    def answer(self, response: Response, row: Any) -> SQLModel:
        """Return a row in its Read shape and set its ETag."""
        response.headers["ETag"] = f'"{row.version}"'
        return self.noun.present(row)

    def add(self, method: str, suffix: str, endpoint: Callable[..., Any], **options: Any) -> None:
        """Register one route."""
        self.router.add_api_route(suffix, endpoint, methods=[method], **options)

    def full(self, batch: Batch | None = batches.put_one_by_one) -> APIRouter:
        """Return the router with every shared route; `batch` writes many at once (None: another route does)."""
        self.listing()
        self.creating()
        if "external_id" in self.noun.write.model_fields:
            self.putting()
            if batch is not None:
                self.batching(batch)
        self.reading()
        self.patching()
        self.archiving()
        self.restoring()
        for action in self.noun.actions:
            self.acting(action)
        return self.router

    def listing(self) -> None:
        """GET the list."""
        noun = self.noun

        async def endpoint(query: Any, request: Request, response: Response, session: SessionOf, vault: VaultOf) -> Any:
            return await listed(noun, query, request, response, session, vault)

        endpoint.__annotations__["query"] = Annotated[query_shape(noun), Query()]
        self.add(
            "GET",
            "",
            endpoint,
            operation_id=f"list{self.many}",
            summary=f"List {noun.plural.replace('_', ' ').replace('kpi', 'KPI')}",
            description="One page, in the order of `sort`; `next_cursor`, with the same filters, gives the next one.",
            response_model=page_shape(noun.read, expansions.shape_of(noun)),
            responses={200: {"headers": NEXT}},
        )

    def creating(self) -> None:
        """POST a new row."""
        noun = self.noun

        async def endpoint(fields: Any, response: Response, session: SessionOf) -> Any:
            row = await nouns.create(session, noun, fields)
            response.headers["Location"] = self.location(row)
            return self.answer(response, row)

        endpoint.__annotations__["fields"] = Annotated[noun.write, Body()]
        self.add(
            "POST",
            "",
            endpoint,
            status_code=201,
            dependencies=[IDEMPOTENT],
            operation_id=f"create{self.single}",
            summary=f"Create {self.one}",
            description="The answer is the new row. With an Idempotency-Key it is safe to send again.",
            response_model=noun.read,
            responses={201: {"headers": ETAG | LOCATION}},
        )

    def batching(self, batch: Batch) -> None:
        """POST up to 1,000 rows at once, known again by your own ids."""
        noun = self.noun
        spoken = noun.plural.replace("_", " ")

        async def endpoint(fields: Any, session: SessionOf) -> BatchResult:
            return batch_of(noun.row.prefix, await batch(session, noun, fields.items))

        endpoint.__annotations__["fields"] = Annotated[batch_shape(noun), Body()]
        self.add(
            "POST",
            "/batch",
            endpoint,
            dependencies=[IDEMPOTENT],
            operation_id=f"batch{self.many}",
            summary=f"Create or replace up to 1,000 {spoken} by your own ids",
            description=RULES,
        )

    def putting(self) -> None:
        """PUT by your own id: create or replace."""
        noun = self.noun

        async def endpoint(
            external_id: str,
            fields: Any,
            response: Response,
            session: SessionOf,
            versions: Versions,
            only_new: Newly = None,
        ) -> Any:
            row, new = await nouns.put(
                session, noun, external_id, fields, versions=versions, only_new=only_new is not None
            )
            if new:
                response.status_code = 201
                response.headers["Location"] = self.location(row)
            return self.answer(response, row)

        endpoint.__annotations__["fields"] = Annotated[noun.write, Body()]
        endpoint.__annotations__["external_id"] = Annotated[
            str, Path(description="Your own id; the body's external_id is ignored.", min_length=1, max_length=255)
        ]
        self.add(
            "PUT",
            "/by-external-id/{external_id:path}",
            endpoint,
            operation_id=f"put{self.single}",
            summary=f"Create or replace {self.one} by your own id",
            description="Creates it when none has that id, else replaces every field; equal ones change nothing.",
            response_model=noun.read,
            responses={
                200: {"headers": ETAG},
                201: {"model": noun.read, "description": "Created.", "headers": ETAG | LOCATION},
            },
        )

    def reading(self) -> None:
        """GET one row: now, and as of an instant where versions are kept."""
        noun = self.noun

        async def now(
            id: str,  # noqa: A002  the name of the path parameter
            response: Response,
            session: SessionOf,
            if_none_match: IfNoneMatch = None,
            expand: str | None = None,
        ) -> Any:
            row = await nouns.get(session, noun, self.id_of(id))
            tree = expansions.parsed(noun, expand)
            if tree or noun.linked is not None or "version" not in noun.table.c:
                shown = await nouns.present_many(session, noun, [row])
                return (await expansions.expanded(session, noun, shown, tree))[0]
            unchanged = None if noun.volatile else not_modified(row.version, if_none_match)
            return unchanged or self.answer(response, row)

        async def then(
            id: str,  # noqa: A002  the name of the path parameter
            response: Response,
            session: SessionOf,
            as_of: AsOf = None,
            if_none_match: IfNoneMatch = None,
            expand: str | None = None,
        ) -> Any:
            if as_of is None:
                return await now(id, response, session, if_none_match, expand)
            shown = noun.present(await nouns.get_as_of(session, noun, self.id_of(id), as_of))
            return (await expansions.expanded(session, noun, [shown], expansions.parsed(noun, expand), as_of))[0]

        endpoint = then if noun.name in VERSIONS else now
        endpoint.__annotations__["id"] = self.id_param
        if expansions.relations(noun.name):
            parameter = Query(max_length=500, description=expansions.description(noun))
            endpoint.__annotations__["expand"] = Annotated[str | None, parameter]
        else:
            endpoint = without_parameter(endpoint, "expand")
        self.add(
            "GET",
            "/{id}",
            endpoint,
            operation_id=f"get{self.single}",
            summary=f"Get {self.one}",
            description="An archived one too.",
            response_model=expansions.shape_of(noun),
            responses=NOT_MODIFIED,
        )

    def patching(self, patch: Callable[..., Any] = nouns.patch) -> None:
        """PATCH with a merge patch; `patch` does it where the noun has a way of its own."""
        noun = self.noun

        async def endpoint(id: str, fields: Any, response: Response, session: SessionOf, versions: Versions) -> Any:  # noqa: A002  the name of the path parameter
            sent = fields.model_dump(exclude_unset=True)
            row = await patch(session, noun, self.id_of(id), sent, versions=versions)
            return self.answer(response, row)

        endpoint.__annotations__["id"] = self.id_param
        endpoint.__annotations__["fields"] = Annotated[patch_shape(noun.write), Body()]
        self.add(
            "PATCH",
            "/{id}",
            endpoint,
            operation_id=f"update{self.single}",
            summary=f"Change some fields of {self.one}",
            description="JSON Merge Patch (RFC 7396): absent fields stay, null clears. If-Match saves others' changes.",
            response_model=noun.read,
            responses={200: {"headers": ETAG}},
        )

    def archiving(self, archive: Callable[..., Any] = nouns.archive) -> None:
        """DELETE: archive; `archive` does it where the noun has a way of its own."""
        noun = self.noun

        async def endpoint(id: str, session: SessionOf, versions: Versions) -> Response:  # noqa: A002  the name of the path parameter
            await archive(session, noun, self.id_of(id), versions=versions)
            return Response(status_code=204)

        endpoint.__annotations__["id"] = self.id_param
        self.add(
            "DELETE",
            "/{id}",
            endpoint,
            status_code=204,
            operation_id=f"archive{self.single}",
            summary=f"Archive {self.one}",
            description="It leaves the lists and stays readable by id and as of any instant.",
            response_model=None,
        )

    def restoring(self) -> None:
        """POST: take an archived row back into use."""
        noun = self.noun

        async def endpoint(id: str, response: Response, session: SessionOf, versions: Versions) -> Any:  # noqa: A002  the name of the path parameter
            row = await nouns.restore(session, noun, self.id_of(id), versions=versions)
            return self.answer(response, row)

        endpoint.__annotations__["id"] = self.id_param
        self.add(
            "POST",
            "/{id}/restore",
            endpoint,
            dependencies=[IDEMPOTENT],
            operation_id=f"restore{self.single}",
            summary=f"Take {self.one} out of the archive",
            description="It is back in the lists. Restoring one that is in use changes nothing.",
            response_model=noun.read,
        )

    def acting(self, action: Action) -> None:
        """POST an action on one row."""
        noun = self.noun
        words = action.verb.split("-")

        async def endpoint(
            id: str,  # noqa: A002  the name of the path parameter
            response: Response,
            session: SessionOf,
            versions: Versions,
        ) -> Any:
            row = await nouns.act(session, noun, self.id_of(id), action, versions=versions)
            return self.answer(response, row)

        endpoint.__annotations__["id"] = self.id_param
        self.add(
            "POST",
            f"/{{id}}/{action.verb}",
            endpoint,
            dependencies=[IDEMPOTENT],
            operation_id=f"{words[0]}{''.join(map(str.capitalize, words[1:]))}{self.single}",
            summary=f"{' '.join(words).capitalize()} {self.one}",
            description=f"{action.description} From {', '.join(action.sources)} to {action.target}.",
            response_model=noun.read,
        )


def without_parameter(endpoint: Callable[..., Any], name: str) -> Callable[..., Any]:
    """Return an endpoint whose optional parameter `name` clients cannot give."""
    signature = inspect.signature(endpoint)
    left = [each for each in signature.parameters.values() if each.name != name]
    endpoint.__signature__ = signature.replace(parameters=left)  # type: ignore[attr-defined]  # where inspect looks first
    return endpoint


def not_modified(version: int, if_none_match: str | None) -> Response | None:
    """Return the answer 304 when the client has this version at hand already, else None."""
    tags = [tag.strip().removeprefix("W/") for tag in (if_none_match or "").split(",")]
    if f'"{version}"' in tags or tags == ["*"]:
        return Response(status_code=304, headers={"ETag": f'"{version}"'})
    return None


def tell_next(request: Request, response: Response, following: str | None) -> None:
    """Set the Link header to the next page; none on the last."""
    if following:
        url = request.url.include_query_params(cursor=following)
        response.headers["Link"] = f'<{url.path}?{url.query}>; rel="next"'


async def listed(
    noun: NounType[Any],
    query: Any,
    request: Request,
    response: Response,
    session: AsyncSession,
    vault: Vault,
    *,
    within: Mapping[str, Any] | None = None,
) -> Response:
    """Answer one page of a noun's list, with its Link header. `within` narrows the list by what the path says."""
    asked = query.model_dump(exclude={"limit", "cursor", "sort", "include_total", "include_archived", "q", "expand"})
    filters = {name: value for name, value in asked.items() if value not in (None, [])} | dict(within or {})
    sort = tuple(part for part in query.sort.split(",") if part)
    kinds = [column.type.python_type for column in sort_columns(noun, sort)]
    text = getattr(query, "q", None)
    archived = getattr(query, "include_archived", True)
    tenant = request.state.principal.tenant.slug
    binding = cursors.of_list(tenant, noun.plural, sort, filters, text, archived=archived)
    place = cursors.decode(vault, binding, query.cursor, kinds) if query.cursor else None
    found = await page(session, noun, PageQuery(filters, text, sort, place, query.limit, archived, query.include_total))
    following = cursors.encode(vault, binding, found.last) if found.last else None
    tell_next(request, response, following)
    tree = expansions.parsed(noun, getattr(query, "expand", None))
    items = await expansions.expanded(session, noun, await nouns.present_many(session, noun, found.items), tree)
    body = to_json({"items": items, "next_cursor": following, "total": found.total})  # in its shape already
    return Response(body, headers=dict(response.headers), media_type="application/json")
