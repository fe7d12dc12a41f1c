"""Everything that REST can read, the graph can read: a noun, a field or a list that is missing fails here."""

import re
from typing import Any

import pytest
from graphql import GraphQLObjectType, get_named_type
from strawberry.utils.str_converters import to_camel_case

from app.api.graphql.nodes import KINDS
from app.api.graphql.schema import schema
from app.config import Settings
from app.main import create_app
from tests.engines import SECRET_KEY

NOT_IN_THE_GRAPH = {
    "adapters": "The formats that this version reads: the same for every tenant, no data.",
    "keys": "Credentials are no business data, and stay behind the scope admin.",
    "problems": "Documentation of error codes, open to everyone.",
    "stream": "Live updates are the SSE stream; the graph has the feed itself as `changes`.",
    "webhooks": "Where platforms send to: all that is read there is which versions of xAPI are taken.",
    "xapi": "A protocol of its own, with its own statements: what comes by it are deliveries and learning events.",
    "figures": "Figures stand at the nodes that they are about.",
}
OTHERWISE = {
    ("panel", "rows"): "The rows that were sent may be 32 MB: `rows` counts them, and REST serves them as they came.",
    ("impact_statement", "recomputation"): "Works a statement out again; nothing that is stored.",
    ("survey", "comments"): "Texts of people in portions that protect them, drawn anew for each request.",
}
"""What hangs below a noun in REST and is no list of its node, with the reason."""
SPELLED_OTHERWISE = {
    ("restatement", "from_id"): "replaced",
    ("restatement", "to_id"): "replacement",
    ("delivery", "source_slug"): "source",
    ("measurement", "subject_id"): "subjectId",
    ("effect_estimate", "panel_id"): "postedPanel",
    ("impact_statement", "plan_id"): "plan",
}


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    address = f"sqlite:///{tmp_path_factory.mktemp('reference')}/none.db"
    return create_app(Settings(database_url=address, secret_keys=(SECRET_KEY,))).openapi()


@pytest.fixture(scope="module")
def readable(reference: dict[str, Any]) -> set[str]:
    """Every path under /v1 that answers GET."""
    return {
        path.removeprefix("/v1/") for path, methods in reference["paths"].items() if "get" in methods and "/v1/" in path
    }


def camel(words: str) -> str:
    return str(to_camel_case(words.replace("-", "_")))


def node_of(plural: str) -> GraphQLObjectType:
    """The type of the nodes in a list at the root."""
    query = schema().query_type
    assert query is not None
    connection = get_named_type(query.fields[camel(plural)].type)
    assert isinstance(connection, GraphQLObjectType)
    found = get_named_type(connection.fields["nodes"].type) if "nodes" in connection.fields else connection
    assert isinstance(found, GraphQLObjectType)
    return found


def test_every_list_of_rest_is_a_list_at_the_root(readable: set[str]) -> None:
    query = schema().query_type
    assert query is not None
    nouns = {path.partition("/")[0] for path in readable} - NOT_IN_THE_GRAPH.keys()

    assert len(nouns) > 20
    assert {noun for noun in nouns if camel(noun) not in query.fields} == set()


def test_every_reason_for_an_exception_still_has_its_subject(readable: set[str]) -> None:
    assert {noun for noun in NOT_IN_THE_GRAPH if noun not in {path.partition("/")[0] for path in readable}} == set()
    assert {noun for noun, _ in OTHERWISE if noun not in KINDS} == set()


def test_whatever_hangs_below_a_noun_in_rest_hangs_below_its_node(readable: set[str]) -> None:
    missing = []
    for path in sorted(readable):
        found = re.fullmatch(r"([a-z-]+)/\{[a-z_]+\}/([a-z-]+)", path)
        if not found or found[1] in NOT_IN_THE_GRAPH:
            continue
        noun = next(kind.noun.name for kind in KINDS.values() if kind.noun.plural == found[1].replace("-", "_"))
        if (noun, found[2]) not in OTHERWISE and camel(found[2]) not in node_of(found[1]).fields:
            missing.append(path)

    assert missing == []


def test_every_field_that_rest_answers_is_a_field_or_a_link_of_the_node() -> None:
    missing = []
    for kind in KINDS.values():
        fields = schema().type_map[kind.node.__strawberry_definition__.name].fields
        for name in kind.noun.read.model_fields:
            link = name.removesuffix("_id")
            spelled = {camel(name), camel(link), SPELLED_OTHERWISE.get((kind.noun.name, name), "")}
            if not spelled & fields.keys():
                missing.append((kind.noun.name, name))

    assert missing == []


def test_what_rest_works_out_in_a_post_without_keeping_it_is_a_field_at_the_root(reference: dict[str, Any]) -> None:
    query = schema().query_type
    assert query is not None
    asked, answered = query.fields["power"].args["comparison"].type, get_named_type(query.fields["power"].type)
    shapes = reference["components"]["schemas"]

    assert {camel(name) for name in shapes["PowerWrite"]["properties"]} == get_named_type(asked).fields.keys()
    assert {camel(name) for name in shapes["PowerRead"]["properties"]} == answered.fields.keys()


def test_every_list_takes_the_filters_and_sorts_of_rest_and_counts_only_if_asked() -> None:
    query = schema().query_type
    assert query is not None
    for name, field in query.fields.items():
        connection = get_named_type(field.type)
        if not connection.name.endswith("Connection"):
            continue
        assert isinstance(connection, GraphQLObjectType)
        assert {"nodes", "edges", "pageInfo", "totalCount"} == connection.fields.keys(), name
        if name != "changes":
            assert {"first", "after", "filter", "sort"} <= field.args.keys(), name


def test_every_figure_can_be_asked_as_of_an_instant_and_explained() -> None:
    figures = [
        (each.name, each.fields["figures"])
        for each in schema().type_map.values()
        if isinstance(each, GraphQLObjectType) and "figures" in each.fields
    ]
    figure, explanation = schema().type_map["Figure"], schema().type_map["Explanation"]
    assert isinstance(figure, GraphQLObjectType)
    assert isinstance(explanation, GraphQLObjectType)

    assert len(figures) >= 2
    assert [name for name, field in figures if not {"asOf", "metrics"} <= field.args.keys()] == []
    assert {"explanation", "definition", "interval", "caveats", "nPeople", "asOf"} <= figure.fields.keys()
    assert {"formula", "inputs", "measurements", "events", "source", "edgeRules"} <= explanation.fields.keys()
