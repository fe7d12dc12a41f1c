"""`expand`: relations in full, two levels deep, as many queries for fifty rows as for one."""

from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from app.db import Database
from tests.api.graphql.test_loading import branch, statements
from tests.builders import CONVENTIONS, make
from tests.engines import Organisation

every_noun = pytest.mark.parametrize("noun", sorted(CONVENTIONS))


async def first(client: httpx.AsyncClient, noun: str, expand: str) -> dict[str, Any]:
    answer = await client.get(f"/v1/{noun}", params={"expand": expand})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()["items"][-1]
    return found


async def test_a_list_shows_what_its_rows_refer_to_and_what_refers_to_them(client: httpx.AsyncClient) -> None:
    await branch(client, 1)

    plain = (await client.get("/v1/objectives")).json()["items"][0]
    found = await first(client, "objectives", "goal_owner,outcomes.kpi,outcomes.owner")

    owner = (await client.get(f"/v1/people/{found['goal_owner_id']}")).json()
    outcomes = (await client.get("/v1/outcomes")).json()["items"]
    kpis = {each["id"]: each for each in (await client.get("/v1/kpis")).json()["items"]}
    assert {name: value for name, value in found.items() if name in plain} == plain
    assert found.keys() - plain.keys() == {"goal_owner", "outcomes"}
    assert found["goal_owner"] == owner
    assert found["outcomes"] == [each | {"kpi": kpis[each["kpi_id"]], "owner": owner} for each in outcomes]
    assert (await client.get(f"/v1/objectives/{found['id']}?expand=goal_owner,outcomes.kpi,outcomes.owner")).json() == (
        found
    )


async def test_the_number_of_queries_does_not_grow_with_the_list(client: httpx.AsyncClient, database: Database) -> None:
    params = {"expand": "goal_owner,outcomes.kpi,children", "limit": 200}
    await branch(client, 1)
    await client.get("/v1/objectives", params=params)
    with statements(database) as few:
        await client.get("/v1/objectives", params=params)
    for n in range(2, 5):
        await branch(client, n)
    with statements(database) as many:
        answer = await client.get("/v1/objectives", params=params)

    assert len(answer.json()["items"]) == 4
    assert len(many) == len(few) <= 6


async def test_a_reference_to_nothing_is_null_and_a_list_without_rows_is_empty(client: httpx.AsyncClient) -> None:
    await make(client, "objectives", 1)

    found = await first(client, "objectives", "parent,goal_owner,outcomes")

    assert (found["parent"], found["goal_owner"], found["outcomes"]) == (None, None, [])


async def test_as_of_shows_relations_as_they_stood(client: httpx.AsyncClient) -> None:
    owner = await make(client, "people", 1)
    objective = await make(client, "objectives", 1, goal_owner_id=owner["id"])
    await client.patch(f"/v1/people/{owner['id']}", json={"name": "Another"})
    params = {"expand": "goal_owner", "as_of": objective["recorded_at"]}

    then = (await client.get(f"/v1/objectives/{objective['id']}", params=params)).json()

    assert then["goal_owner"] == owner


@every_noun
async def test_every_reference_of_a_noun_can_be_shown_and_nothing_else(
    app: FastAPI, client: httpx.AsyncClient, noun: str
) -> None:
    row = await make(client, noun)
    reference = app.openapi()
    shared = reference["components"].get("parameters", {})
    listed = reference["paths"][f"/v1/{noun}"]["get"]["parameters"]
    parameters = [shared[each["$ref"].rpartition("/")[2]] if "$ref" in each else each for each in listed]
    parameter = next((each for each in parameters if each["name"] == "expand"), None)
    if parameter is None:  # a noun without relations
        assert not CONVENTIONS[noun].references
        assert (await client.get(f"/v1/{noun}", params={"expand": "x"})).status_code == 422
        return
    offered = parameter["description"].rpartition(": ")[2].rstrip(".").split(", ")

    found = await first(client, noun, ",".join(offered))
    refused = await client.get(f"/v1/{noun}", params={"expand": "tenant"})
    deep = await client.get(f"/v1/{noun}/{row['id']}", params={"expand": ".".join([offered[0]] * 3)})

    for name in CONVENTIONS[noun].references:
        one = next(each for each in offered if each.startswith(name.removesuffix("_id")))
        assert (found[one] or {}).get("id") == row.get(name)
    for answer in (refused, deep):
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["parameter"] == "expand"


async def test_a_page_goes_on_with_what_it_shows(client: httpx.AsyncClient) -> None:
    owner = await make(client, "people", 1)
    for n in range(3):
        await make(client, "objectives", n, goal_owner_id=owner["id"])

    page = await client.get("/v1/objectives", params={"limit": 2, "expand": "goal_owner"})
    rest = await client.get(page.links["next"]["url"])

    assert [each["goal_owner"]["id"] for each in page.json()["items"] + rest.json()["items"]] == [owner["id"]] * 3


async def test_another_tenants_rows_are_never_shown(acme: Organisation, rival: Organisation) -> None:
    for org in (acme, rival):
        owner = await make(org.client, "people", 1)
        await make(org.client, "objectives", 1, goal_owner_id=owner["id"])

    found = await first(acme.client, "people", "org_unit,enrolments,identities")
    children = await first(acme.client, "objectives", "goal_owner.org_unit,outcomes")

    assert (found["org_unit"], found["enrolments"], found["identities"]) == (None, [], [])
    assert (children["goal_owner"]["id"], children["goal_owner"]["org_unit"]) == (found["id"], None)
