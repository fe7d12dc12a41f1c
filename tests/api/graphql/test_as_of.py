"""The graph as it stood at an instant: the node, and all that it leads to."""

from typing import Any

import httpx

from tests.api.graphql.conftest import Ask, ask
from tests.builders import make

OBJECTIVE = """query($id: ID!, $at: DateTime) { objective(id: $id, asOf: $at) { title version
    goalOwner { name }
    outcomes(sort: [{field: TITLE}]) { totalCount nodes { title initiatives { nodes { title } } } } } }"""


async def clock(client: httpx.AsyncClient) -> str:
    """The instant of the newest change on the tenant's clock."""
    newest = (await client.get("/v1/changes?limit=200")).json()["items"][-1]
    return str(newest["recorded_at"])


async def change(client: httpx.AsyncClient, noun: str, noun_id: str, **fields: Any) -> None:
    answer = await client.patch(f"/v1/{noun}/{noun_id}", json=fields)
    assert answer.status_code == 200, answer.text


async def test_a_node_and_all_its_links_are_as_they_stood(graph: Ask, client: httpx.AsyncClient) -> None:
    owner = (await make(client, "people", 1, name="Before"))["id"]
    objective = (await make(client, "objectives", 1, goal_owner_id=owner))["id"]
    outcome = (await make(client, "outcomes", 1, objective_id=objective))["id"]
    initiative = (await make(client, "initiatives", 1))["id"]
    link = (await make(client, "alignments", 1, initiative_id=initiative, outcome_id=outcome))["id"]
    then = await clock(client)
    await change(client, "people", owner, name="After")
    await change(client, "objectives", objective, title="After")
    await change(client, "outcomes", outcome, title="After")
    await change(client, "initiatives", initiative, title="After")
    await make(client, "outcomes", 2, objective_id=objective, title="Later")
    await client.delete(f"/v1/alignments/{link}")

    before = (await graph(OBJECTIVE, id=objective, at=then))["objective"]
    now = (await graph(OBJECTIVE, id=objective))["objective"]

    listed = {"title": "Outcome 001", "initiatives": {"nodes": [{"title": "Initiative 001"}]}}
    assert before == {
        "title": "Objective 001",
        "version": 1,
        "goalOwner": {"name": "Before"},
        "outcomes": {"totalCount": 1, "nodes": [listed]},
    }
    assert (now["title"], now["version"], now["goalOwner"]["name"]) == ("After", 2, "After")
    assert [node["title"] for node in now["outcomes"]["nodes"]] == ["After", "Later"]
    assert now["outcomes"]["nodes"][0]["initiatives"]["nodes"] == []


async def test_pages_of_the_past_follow_one_another(graph: Ask, client: httpx.AsyncClient) -> None:
    parent = (await make(client, "objectives", 1))["id"]
    children = [(await make(client, "objectives", n, parent_id=parent))["id"] for n in range(2, 6)]
    then = await clock(client)
    for child in children:
        await change(client, "objectives", child, title="After", parent_id=None)
    query = """query($id: ID!, $at: DateTime, $after: String) { objective(id: $id, asOf: $at) {
        children(first: 3, after: $after, sort: [{field: TITLE}], filter: {q: "objective"}) {
            totalCount nodes { title } pageInfo { endCursor hasNextPage } } } }"""

    first = (await graph(query, id=parent, at=then))["objective"]["children"]
    second = (await graph(query, id=parent, at=then, after=first["pageInfo"]["endCursor"]))["objective"]["children"]

    titles = [node["title"] for page in (first, second) for node in page["nodes"]]
    assert titles == [f"Objective {n:03}" for n in range(2, 6)]
    assert (first["totalCount"], first["pageInfo"]["hasNextPage"], second["pageInfo"]["hasNextPage"]) == (
        4,
        True,
        False,
    )


async def test_before_it_was_there_a_node_is_not_found(client: httpx.AsyncClient) -> None:
    await make(client, "people", 1)
    then = await clock(client)
    objective = (await make(client, "objectives", 1))["id"]
    source = (await make(client, "sources", 1))["id"]

    for field in (f'objective(id: "{objective}"', f'node(id: "{objective}"', f'source(id: "{source}"'):
        found = await ask(client, f'{{ {field}, asOf: "{then}") {{ id }} }}')

        assert list(found["data"].values()) == [None]
        assert found["errors"][0]["extensions"]["code"] == "not_found"


async def test_the_present_and_the_past_can_be_asked_for_together(graph: Ask, client: httpx.AsyncClient) -> None:
    objective = (await make(client, "objectives", 1))["id"]
    then = await clock(client)
    await change(client, "objectives", objective, title="After")
    query = "query($id: ID!, $at: DateTime) { now: node(id: $id) { ...t } then: node(id: $id, asOf: $at) { ...t } }"

    found = await graph(f"{query} fragment t on Objective {{ title }}", id=objective, at=then)

    assert found == {"now": {"title": "After"}, "then": {"title": "Objective 001"}}


async def test_settings_of_the_tenant_are_as_they_stood(graph: Ask, client: httpx.AsyncClient) -> None:
    then = await clock(client)
    changed = await client.patch("/v1/tenant", json={"zone": "Europe/Vienna"})
    assert changed.status_code == 200, changed.text

    found = await graph("query($at: DateTime) { now: tenant { zone } then: tenant(asOf: $at) { zone } }", at=then)

    assert found == {"now": {"zone": "Europe/Vienna"}, "then": {"zone": "UTC"}}


async def test_an_instant_needs_a_zone(client: httpx.AsyncClient) -> None:
    for text in ("2026-03-01T00:00:00", "0001-01-01T00:00:00+14:00", "yesterday", "99999-01-01T00:00:00Z"):
        found = await ask(client, f'{{ tenant(asOf: "{text}") {{ id }} }}')

        assert "data" not in found
        assert found["errors"][0]["extensions"]["code"] == "invalid_query"
