"""The schema of the read graph: what can be asked for at its root, and its description in SDL."""

from collections.abc import Awaitable
from datetime import datetime
from functools import cache
from typing import Annotated, Any

import strawberry
from graphql import GraphQLSchema, lexicographic_sort_schema, print_schema
from strawberry import UNSET, Info
from strawberry.annotation import StrawberryAnnotation
from strawberry.schema.config import StrawberryConfig

from app import heap
from app.api.graphql import (
    activities,
    assessments,
    contents,
    effects,
    evidence,
    forecasts,
    hooks,
    initiatives,
    objectives,
    operations,
    people,
    publications,
    reviews,
    sources,
    tenancy,
)
from app.api.graphql.connections import everything
from app.api.graphql.context import Graph
from app.api.graphql.figures import CATALOGUE
from app.api.graphql.nodes import KINDS, NAMES, Kind, Node, load, missing, object_type
from app.api.graphql.planning import PLANNING
from app.api.graphql.scalars import SCALARS
from app.domain import ids
from app.domain.errors import NotFound

FAMILIES = (
    activities,
    assessments,
    contents,
    effects,
    evidence,
    forecasts,
    hooks,
    initiatives,
    objectives,
    operations,
    people,
    publications,
    reviews,
    sources,
    tenancy,
)
"""The modules that declare the nodes."""

_BY_ITSELF = {"tenant_settings", "change"}

_Id = Annotated[strawberry.ID, strawberry.argument(description="Public id.")]
_AsOf = Annotated[
    datetime | None,
    strawberry.argument(
        description="As it stood at this instant, and all that it leads to; null: now. What has no history, such as a "
        "source, is shown as it is now, from the instant on at which it came."
    ),
]


async def _node(info: Info[Graph, None], id: _Id, as_of: _AsOf = UNSET) -> Any:  # noqa: A002  the name of the argument
    prefix = ids.kind_of(id)
    kind = next((each for each in _nodes() if each.node.prefix == prefix), None)
    if kind is None:
        raise NotFound(f"There is nothing with the id {id[:60]!r}: it begins with no prefix of this service.")
    return await _one(info, kind, id, as_of)


async def _tenant(info: Info[Graph, None], as_of: _AsOf = UNSET) -> Any:
    return await load(info.context.view(as_of or None), "tenant_settings", info.context.principal.tenant.id)


def _nodes() -> list[Kind]:
    return [kind for kind in KINDS.values() if issubclass(kind.node, Node)]


async def _one(info: Info[Graph, None], kind: Kind, text: str, as_of: datetime | None) -> Any:
    spoken = kind.noun.spoken
    try:
        noun_id = ids.decode(kind.node.prefix, text)
    except ValueError as error:
        raise NotFound(f"There is no {spoken} {text[:60]!r}: {error}.") from error
    found = await load(info.context.view(as_of or None), kind.noun.name, noun_id)
    if found is None:
        raise missing(kind, ids.encode(kind.node.prefix, noun_id))
    return found


def _single(kind: Kind) -> Any:
    def resolve(info: Info[Graph, None], id: _Id, as_of: _AsOf = UNSET) -> Awaitable[Any]:  # noqa: A002  the name of the argument
        return _one(info, kind, id, as_of)

    spoken = kind.noun.spoken
    article = "An" if spoken[0] in "aeio" else "A"
    return strawberry.field(
        resolver=resolve,
        description=f"{article} {spoken} by its public id; null, with the error `not_found`, when there is none.",
        graphql_type=StrawberryAnnotation(f"{kind.node.__name__} | None", namespace=NAMES),
    )


def _query() -> Any:
    body: dict[str, Any] = {
        "__doc__": "What can be asked for.",
        "__annotations__": {},
        "node": strawberry.field(resolver=_node, description="Anything by its public id.", graphql_type=Node | None),
        "tenant": strawberry.field(
            resolver=_tenant,
            description="The organisation behind the key.",
            graphql_type=tenancy.TenantNode | None,
        ),
        "changes": tenancy.CHANGE_FEED,
        **CATALOGUE,
        **PLANNING,
    }
    for kind in _nodes():
        if kind.noun.name not in _BY_ITSELF:
            spoken = kind.noun.plural.replace("_", " ").replace("kpis", "KPIs")
            body[kind.noun.name] = _single(kind)
            body[kind.noun.plural] = everything(kind.noun, f"{spoken[:1].upper()}{spoken[1:]} of the tenant.")
    description = "Everything that a key with the scope `read` can see. Writing goes through REST."
    return object_type(type("Query", (), body), name="Query", description=description)


@cache
def schema() -> GraphQLSchema:
    """Return the executable schema."""
    with heap.declaring():
        made = strawberry.Schema(
            query=_query(),
            types=[kind.node for kind in _nodes()],
            config=StrawberryConfig(scalar_map=dict(SCALARS)),
        )
    return made._schema  # noqa: SLF001  Strawberry has no other way to its graphql-core schema


def sdl() -> str:
    """Return the schema in the schema definition language, sorted, with every description."""
    return print_schema(lexicographic_sort_schema(schema())) + "\n"
