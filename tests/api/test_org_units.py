"""The organisation tree has no circle, and neither has that of objectives."""

import httpx
import pytest

from tests.builders import make


@pytest.mark.parametrize("noun", ["org-units", "objectives"])
async def test_nothing_lies_below_itself(client: httpx.AsyncClient, noun: str) -> None:
    top = await make(client, noun, 1)
    middle = await make(client, noun, 2, parent_id=top["id"])
    bottom = await make(client, noun, 3, parent_id=middle["id"])

    for row, parent in ((top, top), (top, middle), (top, bottom), (middle, bottom)):
        refused = await client.patch(f"/v1/{noun}/{row['id']}", json={"parent_id": parent["id"]})
        assert refused.status_code == 422
        assert [(fault["code"], fault["pointer"]) for fault in refused.json()["errors"]] == [("circular", "/parent_id")]
    assert (await client.patch(f"/v1/{noun}/{bottom['id']}", json={"parent_id": top["id"]})).status_code == 200
    below = await client.get(f"/v1/{noun}", params={"parent_id": top["id"]})
    assert {row["id"] for row in below.json()["items"]} == {middle["id"], bottom["id"]}
    roots = await client.get(f"/v1/{noun}", params={"parent_id": "null"})
    assert [row["id"] for row in roots.json()["items"]] == [top["id"]]


async def test_a_tree_has_twenty_levels_at_most(client: httpx.AsyncClient) -> None:
    row = await make(client, "org-units", 0)
    for n in range(1, 20):
        row = await make(client, "org-units", n, parent_id=row["id"])

    refused = await client.post("/v1/org-units", json={"name": "too deep", "parent_id": row["id"]})

    assert refused.status_code == 422
    assert "20 levels" in refused.json()["detail"]
