"""What people look for: every list is paged, and narrowed by whatever its rows name."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from app.api.graphql.nodes import KINDS
from app.api.graphql.schema import schema
from app.db import Database
from app.lms import adapters
from app.services.nouns import NounType
from tests import references
from tests.api.graphql.scene import arrange
from tests.builders import make
from tests.engines import Organisation

NOT_FILTERS = {
    ("audience_member", "audience_id"): "The path says which audience.",
    ("operation_item", "operation_id"): "The path says which operation.",
    ("learning_event", "identity_id"): "The list is filtered by the person that it is linked to.",
    ("learning_event", "reference_id"): "The list is filtered by the activity that it is linked to.",
    ("change", "resource_id"): "The feed takes it by a way of its own; see below.",
}
"""Foreign keys that narrow no list, with the reason."""
WHOLE = {
    "ProblemList": "The error codes of this version.",
    "FigureList": "The figures that were asked for, at most one for each metric, member and month.",
    "SurveyComments": "A portion drawn anew for each request, so that nobody can page to a single person.",
}
"""Answers with `items` that are no page, with the reason."""
NONE = "7zzzzzzzzzzzzzzzzzzzzzzzzz"
"""The end of an id that nobody has."""


def narrowing(noun: NounType[Any]) -> set[str]:
    """What a list of the noun must be narrowed by: the rows that its rows name, and their states."""
    keys = {each.column_keys[-1] for each in noun.table.foreign_key_constraints} - {"tenant_id"}
    shown = {name for name in noun.read.model_fields if name.endswith("_id") and name != "external_id_in_source"}
    states = {name for name in ("status", "state", "kind") if name in noun.read.model_fields}
    return {name for name in keys | shown | states if (noun.name, name) not in NOT_FILTERS}


@pytest.fixture(autouse=True, scope="module")
def every_kind() -> None:
    """Have all kinds of nodes declared."""
    schema()


def test_every_row_that_a_row_names_and_every_state_narrows_its_list() -> None:
    missing = [
        (kind.noun.name, name)
        for kind in KINDS.values()
        for name in sorted(narrowing(kind.noun) - set(kind.noun.filters))
    ]

    assert missing == []


def test_every_reason_against_a_filter_still_has_its_subject() -> None:
    nouns = {kind.noun.name: kind.noun for kind in KINDS.values()}

    for noun, name in NOT_FILTERS:
        assert name in {*nouns[noun].table.c.keys(), *nouns[noun].read.model_fields}
        assert name not in nouns[noun].filters


def lists(app: FastAPI) -> Iterator[tuple[str, dict[str, Any], str, dict[str, Any]]]:
    """Path, operation, and name and schema of the answer of every GET that answers `items`."""
    document = app.openapi()
    for method, path, operation in references.operations(document):
        content = operation["responses"].get("200", {}).get("content", {}).get("application/json", {})
        name = content.get("schema", {}).get("$ref", "").rpartition("/")[2]
        shape = document["components"]["schemas"].get(name, {})
        if method == "GET" and shape.get("properties", {}).get("items", {}).get("type") == "array":
            yield path, operation, name, shape


async def test_every_list_is_paged(app: FastAPI) -> None:
    found = list(lists(app))

    assert {name for name in WHOLE if name not in {each[2] for each in found}} == set()
    for path, operation, name, shape in found:
        if name not in WHOLE:
            assert "next_cursor" in shape["properties"], path
            assert {"limit", "cursor"} <= {each["name"] for each in operation["parameters"]}, path
            assert "Link" in operation["responses"]["200"].get("headers", {}) or name == "ChangePage", path


async def test_every_filter_by_an_id_finds_what_names_it_and_nothing_else(
    app: FastAPI, acme: Organisation, database: Database
) -> None:
    await arrange(acme, database)
    tried = 0
    for path, operation, _, _ in lists(app):
        names = [each["name"] for each in operation["parameters"] if each["name"].endswith("_id")]
        if "{" in path or not names:
            continue
        listed = (await acme.client.get(path)).json()["items"]
        for name in names:
            given = next((row[name] for row in listed if row.get(name)), None)
            if given is not None:
                found = (await acme.client.get(path, params={name: given})).json()["items"]
                assert found == [row for row in listed if row[name] == given], (path, name)
            if given is not None and name != "external_id" and "_" in given:
                nobody = f"{given.rpartition('_')[0]}_{NONE}"
                assert (await acme.client.get(path, params={name: nobody})).json()["items"] == [], (path, name)
                tried += 1

    assert tried > 40
    events = (await acme.client.get("/v1/learning-events")).json()["items"]
    for name in ("person_id", "activity_id"):
        some = next(event[name] for event in events if event[name])
        found = await acme.client.get("/v1/learning-events", params={name: ["null", some]})
        assert found.json()["items"] == [event for event in events if event[name] in {None, some}]


async def test_the_history_of_one_row_is_read_from_the_feed(
    client: httpx.AsyncClient,
) -> None:
    mine, other = await make(client, "objectives", 1), await make(client, "objectives", 2)
    for title in ("Second", "Third"):
        await client.patch(f"/v1/objectives/{mine['id']}", json={"title": title})
    await client.patch(f"/v1/objectives/{other['id']}", json={"title": "Other"})

    first = (await client.get("/v1/changes", params={"resource_id": mine["id"], "limit": 2})).json()
    rest = (await client.get("/v1/changes", params={"resource_id": mine["id"], "cursor": first["next_cursor"]})).json()
    end = (await client.get("/v1/changes", params={"cursor": rest["next_cursor"]})).json()
    graph = await client.post(
        "/graphql", json={"query": f'{{ changes(resourceId: "{mine["id"]}") {{ totalCount nodes {{ version }} }} }}'}
    )
    bad = await client.get("/v1/changes", params={"resource_id": "objective 7"})

    assert [(each["resource_id"], each["version"]) for each in first["items"]] == [(mine["id"], 1), (mine["id"], 2)]
    assert [each["version"] for each in rest["items"]] == [3]
    assert end["items"] == []
    assert graph.json()["data"]["changes"] == {"totalCount": 3, "nodes": [{"version": n} for n in (1, 2, 3)]}
    assert (bad.status_code, bad.json()["errors"][0]["parameter"]) == (422, "resource_id")


async def test_keys_adapters_and_identities_are_read_page_by_page(acme: Organisation) -> None:
    person = await make(acme.client, "people")
    for n in range(3):
        await acme.client.post("/v1/keys", json={"name": f"Key {n}"})
        name = {"kind": "openid", "value": f"https://b.org/a{n}"}
        await acme.client.post(f"/v1/people/{person['id']}/identities", json=name)

    for path, expected in (
        ("/v1/keys", None),
        ("/v1/adapters", sorted(adapters())),
        (f"/v1/people/{person['id']}/identities", [f"https://b.org/a{n}" for n in range(3)]),
    ):
        whole = (await acme.client.get(path, params={"include_total": True})).json()
        pages, url = [], httpx.URL(path, params={"limit": 2})
        while url:
            answer = await acme.client.get(url)
            assert answer.status_code == 200, answer.text
            pages += answer.json()["items"]
            following = answer.links.get("next", {}).get("url")
            assert (following is None) == (answer.json()["next_cursor"] is None)
            url = following and httpx.URL(following)
        assert pages == whole["items"]
        assert whole["total"] == len(pages) > 2
        if expected is not None:
            assert [row.get("slug", row.get("value")) for row in pages] == expected
        assert (await acme.client.get(path, params={"cursor": "x"})).json()["code"] == "invalid_cursor"
