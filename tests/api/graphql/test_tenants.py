"""Another tenant's rows: not there, not counted, not linked, and answered like ids that nobody has."""

import contextlib
from collections.abc import Iterator
from typing import Any

import httpx
from graphql import GraphQLInputObjectType, GraphQLObjectType, get_named_type
from pydantic import ValidationError
from strawberry.utils.str_converters import to_camel_case

from app.api.graphql.nodes import KINDS, Kind
from app.api.graphql.schema import schema
from app.api.shapes import query_shape
from app.db import Database
from tests.api.graphql.conftest import Ask, ask
from tests.api.graphql.scene import arrange
from tests.builders import make
from tests.engines import Organisation

NOBODYS = "01h455vb4pex5vsknk084sn02q"


def without_ids(found: dict[str, Any], tail: str) -> str:
    """An answer as text, with the id that was asked for and what differs with every request cut out."""
    for error in found.get("errors", []):
        error["extensions"].pop("request_id")
    return repr(found).replace(tail, "?")


def root_lists() -> list[tuple[str, GraphQLInputObjectType]]:
    query = schema().query_type
    assert isinstance(query, GraphQLObjectType)
    listed = [(name, field) for name, field in query.fields.items() if "filter" in field.args]
    return [(name, get_named_type(field.args["filter"].type)) for name, field in listed]


async def test_another_tenants_id_is_answered_like_one_that_nobody_has(
    acme: Organisation, rival: Organisation, database: Database
) -> None:
    theirs = await arrange(rival, database)
    for name, noun_id in theirs.items():
        kind = name.removeprefix("Parent")
        single = {"Tenant": "node", "Change": "node"}.get(kind, kind[:1].lower() + kind[1:])
        query = f"query($id: ID!) {{ node(id: $id) {{ id __typename }} own: {single}(id: $id) {{ id __typename }} }}"
        tail = noun_id.rpartition("_")[2]

        other = await ask(acme.client, query, id=noun_id)
        random = await ask(acme.client, query, id=noun_id.replace(tail, NOBODYS))

        assert other["data"] == {"node": None, "own": None}
        assert {error["extensions"]["code"] for error in other["errors"]} == {"not_found"}
        assert without_ids(other, tail) == without_ids(random, NOBODYS)


async def test_no_list_shows_or_counts_another_tenants_rows(
    acme: Organisation, rival: Organisation, database: Database
) -> None:
    await arrange(rival, database)
    for name, _ in root_lists():
        own = await ask(acme.client, f"{{ {name}(filter: {{}}) {{ totalCount nodes {{ id }} }} }}")

        assert own == {"data": {name: {"totalCount": 0, "nodes": []}}}, name


def id_filters(kind: Kind, noun_ids: list[str]) -> Iterator[tuple[str, str]]:
    """The filters of a noun's list that take ids, each with an id of the kind that it takes."""
    shape = query_shape(kind.noun)
    for name, info in shape.model_fields.items():
        if "UUID" in str(info.annotation):
            for noun_id in noun_ids:
                with contextlib.suppress(ValidationError):
                    shape.model_validate({name: [noun_id]})
                    yield name, noun_id


async def test_no_filter_finds_anything_by_another_tenants_id(
    acme: Organisation, rival: Organisation, database: Database
) -> None:
    theirs = list((await arrange(rival, database)).values())
    await arrange(acme, database)
    tried = 0
    for kind in KINDS.values():
        name = to_camel_case(kind.noun.plural)
        filters = list(id_filters(kind, theirs)) if name in dict(root_lists()) else []
        parts = [
            f'a{n}: {name}(filter: {{{to_camel_case(key)}: ["{noun_id}"]}}) {{ totalCount nodes {{ id }} }}'
            for n, (key, noun_id) in enumerate(filters)
        ]
        for start in range(0, len(parts), 20):
            found = await ask(acme.client, f"{{ {' '.join(parts[start : start + 20])} }}")

            assert list(found["data"].values()) == [{"totalCount": 0, "nodes": []}] * len(parts[start : start + 20])
            tried += len(found["data"])

    assert tried > 40


async def test_another_tenants_cursor_is_refused(graph: Ask, acme: Organisation, rival: Organisation) -> None:
    for n in range(2):
        await make(acme.client, "objectives", n)
        await make(rival.client, "objectives", n)
    query = "query($after: String) { %s(first: 1, after: $after) { pageInfo { endCursor } } }"
    for name in ("objectives", "changes"):
        own = (await graph(query % name))[name]["pageInfo"]["endCursor"]

        found = await ask(rival.client, query % name, after=own)

        assert found["data"] == {name: None}
        assert found["errors"][0]["extensions"]["code"] == "invalid_cursor"


async def test_the_feed_and_the_tenant_are_the_callers_own(graph: Ask, acme: Organisation, rival: Organisation) -> None:
    await make(rival.client, "objectives", 1)

    found = await graph("{ tenant { slug } changes { totalCount nodes { type } } }")

    assert found["tenant"]["slug"] == acme.scope.slug
    assert found["changes"] == {"totalCount": 1, "nodes": [{"type": "tenant_settings.created"}]}


async def test_links_stay_in_the_tenant_whatever_ids_a_request_names(
    acme: Organisation, rival: Organisation, client: httpx.AsyncClient
) -> None:
    theirs = (await make(rival.client, "people", 1))["id"]
    refused = await client.post("/v1/objectives", json={"title": "Mine", "goal_owner_id": theirs})

    found = await ask(acme.client, "{ objectives { nodes { goalOwner { id } } } people { totalCount } }")

    assert refused.status_code == 422
    assert found == {"data": {"objectives": {"nodes": []}, "people": {"totalCount": 0}}}
