"""Objectives over REST: the conventions that every noun follows are tested here on the canonical one."""

import httpx


async def test_an_objective_is_created_read_and_listed(client: httpx.AsyncClient) -> None:
    created = await client.post("/v1/objectives", json={"title": "Cut scrap", "priority": 1})

    assert created.status_code == 201
    assert created.json()["status"] == "draft"
    read = await client.get(created.headers["location"])
    assert read.json() == created.json()
    assert read.headers["etag"] == '"1"'
    listed = await client.get("/v1/objectives")
    assert [item["id"] for item in listed.json()["items"]] == [created.json()["id"]]
