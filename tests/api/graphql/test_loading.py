"""One query for each level of fields, however long the lists are; and never many connections at once."""

import contextlib
from collections.abc import Iterator

import httpx
from sqlalchemy import event

from app.api.graphql.schema import schema
from app.db import Database
from tests.api.graphql.conftest import Ask
from tests.api.graphql.test_nodes import LINKS, links_of
from tests.api.test_tenant_in_every_query import faults_in
from tests.builders import make

LATER = "2100-01-01T00:00:00Z"
TREE = """{ objectives(first: 30) { nodes { id goalOwner { name }
    outcomes(first: 8) { totalCount nodes { id kpi { name owner { name } } owner { name }
        measurements(first: 3) { nodes { value } }
        initiatives(first: 8) { nodes { id title owner { name } activities(first: 5) { nodes { id } }
            figures { metric value } } pageInfo { endCursor } } } } } } }"""


@contextlib.contextmanager
def statements(database: Database) -> Iterator[list[str]]:
    """The statements that reach the database, without those that open units."""
    seen: list[str] = []
    engine = database._engine.sync_engine

    def note(_connection, _cursor, statement, *_rest) -> None:
        if "set_config" not in statement and not statement.startswith(("BEGIN", "SELECT 1", "PRAGMA")):
            seen.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    yield seen
    event.remove(engine, "before_cursor_execute", note)


async def branch(client: httpx.AsyncClient, n: int) -> None:
    """An objective with two outcomes, each with an initiative of its own and one that they share."""
    owner = (await make(client, "people", n))["id"]
    objective = (await make(client, "objectives", n, goal_owner_id=owner))["id"]
    shared = (await make(client, "initiatives", 10 * n, owner_id=owner))["id"]
    for number in (10 * n + 1, 10 * n + 2):
        kpi = (await make(client, "kpis", number, owner_id=owner))["id"]
        fields = {"objective_id": objective, "kpi_id": kpi, "owner_id": owner}
        outcome = (await make(client, "outcomes", number, **fields))["id"]
        await make(client, "measurements", number, kpi_id=kpi)
        own = (await make(client, "initiatives", number, owner_id=owner))["id"]
        await make(client, "activities", number, initiative_id=own)
        for initiative in (own, shared):
            await make(client, "alignments", number, initiative_id=initiative, outcome_id=outcome)


async def test_the_number_of_queries_does_not_grow_with_the_lists(
    graph: Ask, client: httpx.AsyncClient, database: Database
) -> None:
    await branch(client, 1)
    with statements(database) as few:
        small = await graph(TREE)
    for n in range(2, 5):
        await branch(client, n)

    with statements(database) as many:
        large = await graph(TREE)

    assert (len(small["objectives"]["nodes"]), len(large["objectives"]["nodes"])) == (1, 4)
    assert [len(node["outcomes"]["nodes"]) for node in large["objectives"]["nodes"]] == [2] * 4
    outcomes = [outcome for node in large["objectives"]["nodes"] for outcome in node["outcomes"]["nodes"]]
    assert {len(outcome["initiatives"]["nodes"]) for outcome in outcomes} == {2}
    assert {len(outcome["measurements"]["nodes"]) for outcome in outcomes} == {1}
    assert len(many) == len(few)


async def test_each_level_is_one_query(graph: Ask, client: httpx.AsyncClient, database: Database) -> None:
    for n in range(1, 4):
        await branch(client, n)
    query = """{ objectives { nodes { outcomes { nodes { kpi { name } initiatives { nodes { title } } } } } } }"""

    with statements(database) as seen:
        await graph(query)

    tables = [table for text in seen for table in ("FROM objective", "FROM kpi") if table in text]
    assert tables == ["FROM objective", "FROM kpi"]
    assert len(seen) == 4


async def test_a_list_is_counted_only_when_asked_and_read_only_when_asked(
    graph: Ask, client: httpx.AsyncClient, database: Database
) -> None:
    await make(client, "objectives", 1)

    with statements(database) as read:
        await graph("{ objectives { nodes { id } edges { cursor } pageInfo { endCursor } } }")
    with statements(database) as counted:
        await graph("{ objectives { totalCount } }")

    assert [("count(" in text, "LIMIT" in text) for text in read] == [(False, True)]
    assert [("count(" in text, "LIMIT" in text) for text in counted] == [(True, False)]


async def test_a_raw_body_is_read_only_when_asked_for(graph: Ask, scene: dict, database: Database) -> None:
    with statements(database) as without:
        await graph("{ deliveries { nodes { status bodySha256 headers } } }")
    with statements(database) as with_body:
        await graph("{ deliveries { nodes { body } } }")

    assert scene["Delivery"]
    assert not any("delivery.body," in text or "delivery.body " in text for text in without)
    assert any("delivery.body " in text or "delivery.body," in text or "delivery.body\n" in text for text in with_body)


async def test_a_request_holds_few_connections_at_once(
    graph: Ask, client: httpx.AsyncClient, database: Database
) -> None:
    await branch(client, 1)
    most = 0

    def note(*_args) -> None:
        nonlocal most
        most = max(most, database.open_connections())

    engine = database._engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    await graph(TREE)
    event.remove(engine, "before_cursor_execute", note)

    assert 1 <= most <= 3
    assert database.open_connections() == 0


async def test_every_statement_names_the_tenant_for_every_table(graph: Ask, scene: dict, database: Database) -> None:
    with statements(database) as seen:
        for name, ends in LINKS.items():
            kind = name.removeprefix("Parent")
            lists = links_of(schema().type_map[kind])
            parts = [f"{end} {{ {'nodes { id } totalCount' if lists[end] else 'id'} }}" for end in ends]
            query = (
                "query($id: ID!, $at: DateTime) { now: node(id: $id) { ...a } then: node(id: $id, asOf: $at) { ...a } }"
            )
            await graph(f"{query} fragment a on {kind} {{ {' '.join(parts)} }}", id=scene[name], at=LATER)
        await graph(TREE)

    assert len(seen) > 100
    assert [fault for text in seen for fault in faults_in(text)] == []
