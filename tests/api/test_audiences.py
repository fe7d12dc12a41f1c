"""Audiences and their members."""

from typing import Any

import httpx
from sqlalchemy import select

from app.db import Database
from app.domain import ids
from app.models.history import VERSIONS
from tests.builders import make
from tests.engines import Organisation


def _member(person: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"person_id": person["id"], "offered_on": "2026-03-02"} | fields


async def _add(client: httpx.AsyncClient, audience: dict[str, Any], *items: dict[str, Any]) -> dict[str, Any]:
    answer = await client.post(f"/v1/audiences/{audience['id']}/members", json={"items": list(items)})
    assert answer.status_code == 200, answer.text
    result: dict[str, Any] = answer.json()
    return result


async def test_members_are_added_with_a_result_for_each(acme: Organisation, rival: Organisation) -> None:
    client = acme.client
    audience = await make(client, "audiences")
    people = [await make(client, "people", n) for n in range(3)]
    stranger = await make(rival.client, "people")

    first = await _add(client, audience, *map(_member, people), _member(stranger), _member(people[0]))
    second = await _add(client, audience, _member(people[0]), _member(people[1], wave="wave 2", due_on="2026-04-01"))

    assert [item["result"] for item in first["items"]] == ["created"] * 3 + ["refused"] * 2
    assert [item["id"] for item in first["items"]] == [*(person["id"] for person in people), None, None]
    assert [fault["code"] for item in first["items"] for fault in item["errors"]] == [
        "unknown_reference",
        "given_twice",
    ]
    assert [item["result"] for item in second["items"]] == ["unchanged", "updated"]
    listed = (await client.get(f"/v1/audiences/{audience['id']}/members", params={"wave": "wave 2"})).json()
    assert [(row["person_id"], row["due_on"], row["version"]) for row in listed["items"]] == [
        (people[1]["id"], "2026-04-01", 2)
    ]
    assert listed["next_cursor"] is None


async def test_members_are_paged_and_belong_to_one_audience(client: httpx.AsyncClient) -> None:
    first, second = await make(client, "audiences", 1), await make(client, "audiences", 2)
    people = [await make(client, "people", n) for n in range(5)]
    await _add(client, first, *(_member(person) for person in people))
    await _add(client, second, _member(people[0]))
    path = f"/v1/audiences/{first['id']}/members"

    found: list[str] = []
    query: dict[str, Any] = {"limit": 2, "include_total": True}
    for _ in range(3):
        page = (await client.get(path, params=query)).json()
        assert page["total"] == 5
        found += [row["person_id"] for row in page["items"]]
        query["cursor"] = page["next_cursor"]

    assert sorted(found) == sorted(person["id"] for person in people)
    assert query["cursor"] is None
    cursor = (await client.get(path, params={"limit": 1})).json()["next_cursor"]
    elsewhere = await client.get(f"/v1/audiences/{second['id']}/members", params={"cursor": cursor})
    assert elsewhere.status_code == 400


async def test_who_is_taken_out_stays_in_the_history_and_can_come_back(acme: Organisation, database: Database) -> None:
    client = acme.client
    audience, person = await make(client, "audiences"), await make(client, "people")
    path = f"/v1/audiences/{audience['id']}/members"
    await _add(client, audience, _member(person))

    assert (await client.delete(f"{path}/{person['id']}")).status_code == 204
    assert (await client.delete(f"{path}/{person['id']}")).status_code == 204
    assert (await client.get(path)).json()["items"] == []
    back = await _add(client, audience, _member(person))

    assert back["items"][0]["result"] == "updated"
    assert [row["version"] for row in (await client.get(path)).json()["items"]] == [3]
    versions = VERSIONS["audience_member"]
    async with database.reading(acme.scope) as session:
        statement = select(versions.c.archived_at).where(
            versions.c.tenant_id == acme.scope.id, versions.c.person_id == ids.decode("per", person["id"])
        )
        archived = list(await session.scalars(statement.order_by(versions.c.version)))
    assert [at is not None for at in archived] == [False, True, False]
    missing = await client.delete(f"{path}/per_01h455vb4pex5vsknk084sn02q")
    assert missing.status_code == 404
    assert (await client.delete(f"{path}/nonsense")).status_code == 404


async def test_members_come_and_go_as_one_change_of_the_audience(client: httpx.AsyncClient) -> None:
    audience = await make(client, "audiences")
    people = [await make(client, "people", n) for n in range(3)]
    await _add(client, audience, *map(_member, people))
    await _add(client, audience, *map(_member, people))
    await client.delete(f"/v1/audiences/{audience['id']}/members/{people[0]['id']}")

    entries = (await client.get("/v1/changes", params={"limit": 200})).json()["items"]

    own = [entry["type"] for entry in entries if entry["resource_id"] == audience["id"]]
    assert own == ["audience.created", "audience.members_changed", "audience.members_changed"]
    assert not any(entry["type"].startswith("audience_member") for entry in entries)


async def test_a_due_date_before_the_offer_is_refused(client: httpx.AsyncClient) -> None:
    audience, person = await make(client, "audiences"), await make(client, "people")

    refused = await client.post(
        f"/v1/audiences/{audience['id']}/members", json={"items": [_member(person, due_on="2026-03-01")]}
    )

    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/items/0")
