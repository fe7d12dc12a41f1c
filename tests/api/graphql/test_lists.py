"""Lists of the graph: pages by cursor, filters, sorts, totals; the same as REST's."""

import httpx
import pytest
from fastapi import FastAPI

from tests.api.graphql.conftest import Ask, ask
from tests.builders import make
from tests.engines import Organisation

PAGE = """query($first: Int! = 2, $after: String, $filter: ObjectiveFilter, $sort: [ObjectiveSort!]) {
    objectives(first: $first, after: $after, filter: $filter, sort: $sort) {
        nodes { title } edges { cursor node { title } }
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor } totalCount } }"""
BY_TITLE = [{"field": "TITLE"}]


def titles(found: dict) -> list[str]:
    return [node["title"].removeprefix("Objective ") for node in found["objectives"]["nodes"]]


@pytest.fixture
async def five(client: httpx.AsyncClient) -> None:
    for n in range(5):
        await make(client, "objectives", n, category="even" if n % 2 == 0 else None)


@pytest.mark.usefixtures("five")
async def test_pages_follow_one_another_to_the_end(graph: Ask) -> None:
    first = await graph(PAGE, sort=BY_TITLE)
    second = await graph(PAGE, sort=BY_TITLE, after=first["objectives"]["pageInfo"]["endCursor"])
    third = await graph(PAGE, sort=BY_TITLE, after=second["objectives"]["pageInfo"]["endCursor"])

    assert [titles(page) for page in (first, second, third)] == [["000", "001"], ["002", "003"], ["004"]]
    infos = [page["objectives"]["pageInfo"] for page in (first, second, third)]
    assert [info["hasNextPage"] for info in infos] == [True, True, False]
    assert [info["hasPreviousPage"] for info in infos] == [False, True, True]
    assert {page["objectives"]["totalCount"] for page in (first, second, third)} == {5}
    edges = first["objectives"]["edges"]
    assert [edges[0]["cursor"], edges[-1]["cursor"]] == [infos[0]["startCursor"], infos[0]["endCursor"]]


@pytest.mark.usefixtures("five")
async def test_every_edge_has_a_cursor_that_goes_on_behind_it(graph: Ask) -> None:
    edges = (await graph(PAGE, sort=BY_TITLE, first=5))["objectives"]["edges"]

    behind = await graph(PAGE, sort=BY_TITLE, after=edges[1]["cursor"])

    assert titles(behind) == ["002", "003"]


@pytest.mark.usefixtures("five")
async def test_filters_and_sorts_combine(graph: Ask) -> None:
    descending = [{"field": "PRIORITY", "direction": "DESC"}, {"field": "TITLE"}]

    found = await graph(PAGE, first=10, filter={"category": ["even"], "q": "OBJECTIVE 00"}, sort=descending)

    assert titles(found) == ["004", "002", "000"]
    assert found["objectives"]["totalCount"] == 3


@pytest.mark.usefixtures("five")
async def test_null_in_a_filter_finds_those_without_a_value(graph: Ask) -> None:
    found = await graph(PAGE, first=10, filter={"goalOwnerId": [None], "category": [None]}, sort=BY_TITLE)

    assert titles(found) == ["001", "003"]


@pytest.mark.usefixtures("five")
async def test_archived_rows_are_listed_only_when_asked_for(graph: Ask, client: httpx.AsyncClient) -> None:
    gone = (await client.get("/v1/objectives?sort=title")).json()["items"][0]["id"]
    await client.delete(f"/v1/objectives/{gone}")

    shown = await graph(PAGE, first=10, sort=BY_TITLE)
    everything = await graph(PAGE, first=10, sort=BY_TITLE, filter={"includeArchived": True})

    assert titles(shown) == ["001", "002", "003", "004"]
    assert titles(everything) == ["000", "001", "002", "003", "004"]


@pytest.mark.usefixtures("five")
async def test_a_cursor_of_rest_goes_on_in_the_graph_and_back(graph: Ask, client: httpx.AsyncClient) -> None:
    rest = (await client.get("/v1/objectives?sort=title&limit=2&category=even")).json()
    query = {"sort": BY_TITLE, "filter": {"category": ["even"]}, "first": 1}

    ours = await graph(PAGE, **(query | {"after": rest["next_cursor"]}))
    cursor = (await graph(PAGE, **query))["objectives"]["pageInfo"]["endCursor"]
    theirs = (await client.get("/v1/objectives", params={"sort": "title", "category": "even", "cursor": cursor})).json()

    assert titles(ours) == ["004"]
    assert [item["title"] for item in theirs["items"]] == ["Objective 002", "Objective 004"]


@pytest.mark.usefixtures("five")
async def test_a_cursor_of_another_list_filter_or_sort_is_refused(graph: Ask, client: httpx.AsyncClient) -> None:
    cursor = (await graph(PAGE, sort=BY_TITLE))["objectives"]["pageInfo"]["endCursor"]

    others = [
        await ask(client, PAGE, after=cursor),
        await ask(client, PAGE, sort=BY_TITLE, filter={"category": ["even"]}, after=cursor),
        await ask(client, PAGE, sort=BY_TITLE, after=cursor[:-4] + "AAAA"),
        await ask(client, PAGE, sort=BY_TITLE, after="nonsense"),
    ]

    for found in others:
        assert found["data"] == {"objectives": None}
        assert {error["extensions"]["code"] for error in found["errors"]} == {"invalid_cursor"}


async def test_a_cursor_of_one_parents_list_is_refused_in_anothers(graph: Ask, client: httpx.AsyncClient) -> None:
    parents = [(await make(client, "objectives", n))["id"] for n in range(2)]
    for n in range(2, 6):
        await make(client, "objectives", n, parent_id=parents[n % 2])
    query = """query($id: ID!, $after: String) { objective(id: $id) {
        children(first: 1, after: $after, sort: [{field: TITLE}]) { nodes { title } pageInfo { endCursor } } } }"""
    cursor = (await graph(query, id=parents[0]))["objective"]["children"]["pageInfo"]["endCursor"]

    own = await graph(query, id=parents[0], after=cursor)
    other = await ask(client, query, id=parents[1], after=cursor)
    both = await ask(
        client,
        "query($after: String) { objectives(filter: {parentId: [null]}) { nodes { children(first: 1, "
        "after: $after, sort: [{field: TITLE}]) { nodes { title } } } } }",
        after=cursor,
    )

    assert [node["title"] for node in own["objective"]["children"]["nodes"]] == ["Objective 004"]
    assert other["data"]["objective"]["children"] is None
    assert [error["extensions"]["code"] for error in other["errors"]] == ["invalid_cursor"]
    lists = [node["children"] for node in both["data"]["objectives"]["nodes"]]
    assert lists == [None, {"nodes": [{"title": "Objective 004"}]}]


async def test_each_parents_list_is_cut_and_counted_on_its_own(graph: Ask, client: httpx.AsyncClient) -> None:
    parents = [(await make(client, "objectives", n))["id"] for n in range(3)]
    for n in range(10, 15):
        await make(client, "objectives", n, parent_id=parents[0 if n < 13 else 1])

    found = await graph("""{ objectives(filter: {parentId: [null]}, sort: [{field: TITLE}]) { nodes {
        children(first: 2, sort: [{field: TITLE}]) { totalCount nodes { title } pageInfo { hasNextPage } } } } }""")

    lists = [node["children"] for node in found["objectives"]["nodes"]]
    shown = [[node["title"][-3:] for node in each["nodes"]] for each in lists]
    assert shown == [["010", "011"], ["013", "014"], []]
    assert [(each["totalCount"], each["pageInfo"]["hasNextPage"]) for each in lists] == [
        (3, True),
        (2, False),
        (0, False),
    ]


@pytest.mark.parametrize(
    ("filters", "place"),
    [
        ('{parentId: ["org_01h455vb4pex5vsknk084sn02q"]}', "/parent_id/0"),
        ('{externalId: [""]}', "/external_id/0"),
        ('{q: "\\u0000"}', "/q"),
    ],
)
async def test_a_filter_that_rest_would_refuse_is_refused_with_its_place(
    client: httpx.AsyncClient, filters: str, place: str
) -> None:
    found = await ask(client, f"{{ objectives(filter: {filters}) {{ nodes {{ id }} }} }}")

    assert found["data"] == {"objectives": None}
    assert found["errors"][0]["extensions"]["code"] == "invalid_request"
    assert [fault["pointer"] for fault in found["errors"][0]["extensions"]["errors"]] == [place]


async def test_the_change_feed_is_read_with_the_cursors_of_rest(graph: Ask, client: httpx.AsyncClient) -> None:
    made = [(await make(client, "objectives", n))["id"] for n in range(3)]
    rest = (await client.get("/v1/changes?limit=2")).json()
    query = """query($after: String) { changes(first: 1, after: $after) { totalCount pageInfo { hasNextPage endCursor }
        nodes { id type resourceId version recordedAt resource { __typename id } } } }"""

    found = (await graph(query, after=rest["next_cursor"]))["changes"]
    rest = (await client.get("/v1/changes", params={"cursor": found["pageInfo"]["endCursor"]})).json()

    node = found["nodes"][0]
    assert (node["type"], node["resourceId"], node["version"]) == ("objective.created", made[1], 1)
    assert node["resource"] == {"__typename": "Objective", "id": made[1]}
    assert (found["totalCount"], found["pageInfo"]["hasNextPage"]) == (4, True)
    assert [item["resource_id"] for item in rest["items"]] == [made[2]]


async def test_a_list_of_nothing_has_no_cursors(graph: Ask) -> None:
    found = (await graph(PAGE))["objectives"]

    assert (found["nodes"], found["edges"], found["totalCount"]) == ([], [], 0)
    assert found["pageInfo"]["startCursor"] is found["pageInfo"]["endCursor"] is None


async def test_a_key_that_may_only_write_reads_nothing(app: FastAPI, acme: Organisation) -> None:
    made = await acme.client.post("/v1/keys", json={"name": "in", "scopes": ["ingest"]})
    headers = {"Authorization": f"Bearer {made.json()['token']}"}

    answer = await acme.client.post("/graphql", json={"query": "{ tenant { id } }"}, headers=headers)

    assert app.state.settings is not None
    assert (answer.status_code, answer.json()["code"]) == (403, "missing_scope")
