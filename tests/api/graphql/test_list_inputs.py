"""Every filter and every sort of every list, on both engines."""

from typing import Any

from graphql import GraphQLEnumType, GraphQLInputObjectType, GraphQLList, GraphQLObjectType, get_named_type

from app.api.graphql.schema import schema
from app.db import Database
from tests.api.graphql.conftest import Ask
from tests.api.graphql.scene import Scene, arrange
from tests.builders import make
from tests.engines import Organisation

SAMPLES = {
    "String": '"a"',
    "Int": "1",
    "Boolean": "true",
    "DateTime": '"2026-03-01T00:00:00Z"',
    "Date": '"2026-03-01"',
}
MOST = 20


def lists() -> dict[str, dict[str, GraphQLInputObjectType]]:
    """The lists at the root with their input types: filter and sort."""
    query = schema().query_type
    assert isinstance(query, GraphQLObjectType)
    return {
        name: {key: get_named_type(field.args[key].type) for key in ("filter", "sort")}
        for name, field in query.fields.items()
        if "filter" in field.args
    }


def literal(field: Any) -> str | None:
    """A value for one field of a filter; None for ids, which are tried elsewhere."""
    target = get_named_type(field.type)
    sample = next(iter(target.values)) if isinstance(target, GraphQLEnumType) else SAMPLES.get(target.name)
    if sample is None or not isinstance(field.type, GraphQLList):
        return sample
    return f"[{sample}]"


async def asked(graph: Ask, fields: list[str]) -> dict[str, Any]:
    """The answers to any number of root fields, some at a time."""
    found: dict[str, Any] = {}
    for start in range(0, len(fields), MOST):
        found |= await graph(f"{{ {' '.join(fields[start : start + MOST])} }}")
    return found


async def test_every_filter_is_one_that_both_engines_take(graph: Ask, scene: Scene) -> None:
    fields = []
    for name, inputs in lists().items():
        for key, field in inputs["filter"].fields.items():
            value = literal(field)
            if value is not None:
                fields.append(f"{name}_{key}: {name}(filter: {{{key}: {value}}}) {{ totalCount nodes {{ id }} }}")
    fields = [
        field.replace("nodes { id }", "nodes { wave }") if "udienceMember" in field else field for field in fields
    ]

    found = await asked(graph, fields)

    assert scene
    assert len(found) == len(fields) > 100
    assert all(len(each["nodes"]) == each["totalCount"] for each in found.values())


async def test_every_sort_gives_every_row_once_page_by_page(graph: Ask, acme: Organisation, database: Database) -> None:
    await arrange(acme, database)
    for noun in ("objectives", "outcomes", "initiatives", "people", "activities"):
        await make(acme.client, noun, 90)
    page = "nodes { id } pageInfo { hasNextPage endCursor }"
    for name, inputs in lists().items():
        sorts = get_named_type(inputs["sort"].fields["field"].type)
        assert isinstance(sorts, GraphQLEnumType)
        keys = [f"{{field: {key}, direction: {way}}}" for key in sorts.values for way in ("ASC", "DESC")]
        total = (await graph(f"{{ {name} {{ totalCount }} }}"))[name]["totalCount"]
        seen: dict[str, list[str]] = {f"a{n}": [] for n in range(len(keys))}
        after = {f"a{n}": "null" for n in range(len(keys))}

        while after:
            fields = [
                f"a{n}: {name}(first: 2, sort: [{key}], after: {after[f'a{n}']}) {{ {page} }}"
                for n, key in enumerate(keys)
                if f"a{n}" in after
            ]
            for alias, found in (await asked(graph, fields)).items():
                seen[alias] += [node["id"] for node in found["nodes"]]
                del after[alias]
                if found["pageInfo"]["hasNextPage"]:
                    after[alias] = f'"{found["pageInfo"]["endCursor"]}"'

        for alias, ids in seen.items():
            assert (len(ids), len(set(ids))) == (total, total), (name, alias)
