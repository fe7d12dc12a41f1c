"""People, their identities and where they work."""

from hashlib import sha1
from typing import Any

import httpx
import pytest
from sqlalchemy import select
from sqlmodel import col

from app.db import Database
from app.domain import ids
from app.models.people import OrgMembership
from tests.builders import complete, make
from tests.engines import Organisation


async def _add(client: httpx.AsyncClient, person: dict[str, Any], **identity: Any) -> httpx.Response:
    return await client.post(f"/v1/people/{person['id']}/identities", json=identity)


async def test_an_identity_is_linked_normalised_and_listed(client: httpx.AsyncClient) -> None:
    person = await make(client, "people")
    source = await make(client, "sources")

    mail = await _add(client, person, kind="email", value="mailto:R.Okafor@Example.org")
    account = await _add(client, person, kind="account", value="50211", issuer=source["id"])

    assert (mail.status_code, mail.json()["value"]) == (201, "r.okafor@example.org")
    assert account.json()["issuer"] == source["id"]
    listed = (await client.get(f"/v1/people/{person['id']}/identities")).json()["items"]
    assert [row for row in listed if row["kind"] != "email_sha1"] == [mail.json(), account.json()]
    digest = sha1(b"mailto:r.okafor@example.org", usedforsecurity=False).hexdigest()
    assert [row["value"] for row in listed if row["kind"] == "email_sha1"] == [digest]
    nobody = await client.get(f"/v1/people/{(await make(client, 'people', 2))['id']}/identities")
    assert nobody.json() == {"items": [], "next_cursor": None, "total": None}


async def test_an_identity_is_that_of_one_person(client: httpx.AsyncClient) -> None:
    first, second = await make(client, "people", 1), await make(client, "people", 2)
    await _add(client, first, kind="email", value="a@example.org")

    again = await _add(client, first, kind="email", value="A@example.org")
    refused = await _add(client, second, kind="email", value="a@EXAMPLE.org")

    assert again.status_code == 200
    assert (refused.status_code, refused.json()["code"]) == (409, "already_exists")
    assert first["id"] in refused.json()["detail"]
    assert refused.json()["errors"][0]["pointer"] == "/value"


@pytest.mark.parametrize(
    "identity",
    [
        {"kind": "email", "value": "nonsense"},
        {"kind": "email", "value": "a@example.org", "issuer": "https://lms.example.org"},
        {"kind": "account", "value": "7"},
        {"kind": "username", "value": "rosa", "issuer": ""},
        {"kind": "account", "value": "7", "issuer": "src_01h455vb4pex5vsknk084sn02q"},
        {"kind": "account", "value": "7", "issuer": "src_nonsense"},
        {"kind": "email_sha1", "value": "abc"},
        {"kind": "badge", "value": "7"},
        {"kind": "openid", "value": ""},
    ],
)
async def test_a_name_that_cannot_be_one_is_refused(client: httpx.AsyncClient, identity: dict[str, Any]) -> None:
    person = await make(client, "people")

    assert (await _add(client, person, **identity)).status_code == 422


async def test_an_identity_of_another_tenants_source_is_refused_like_a_random_one(
    acme: Organisation, rival: Organisation
) -> None:
    person = await make(acme.client, "people")
    theirs = (await make(rival.client, "sources"))["id"]

    answers = [
        await _add(acme.client, person, kind="account", value="7", issuer=issuer)
        for issuer in (theirs, "src_01h455vb4pex5vsknk084sn02q")
    ]

    assert [answer.status_code for answer in answers] == [422, 422]
    assert answers[0].json()["errors"] == answers[1].json()["errors"]


async def test_learning_under_an_unknown_name_comes_along_when_the_name_is_linked(client: httpx.AsyncClient) -> None:
    source = await make(client, "sources")
    await complete(client, source, course=884, user=50211)
    (unresolved,) = (await client.get("/v1/people", params={"resolved": False})).json()["items"]
    person = await make(client, "people", external_id="10442")

    linked = await _add(client, person, kind="account", value="50211", issuer=source["id"])

    assert linked.status_code == 201, linked.text
    (enrolment,) = (await client.get("/v1/enrolments")).json()["items"]
    assert (enrolment["person_id"], enrolment["state"]) == (person["id"], "completed")
    names = (await client.get(f"/v1/people/{person['id']}/identities")).json()["items"]
    assert {name["kind"] for name in names} == {"account", "username"}
    gone = (await client.get(f"/v1/people/{unresolved['id']}")).json()
    assert gone["archived_at"] is not None
    assert (await client.get("/v1/people", params={"resolved": False})).json()["items"] == []
    before = await client.get(f"/v1/people/{unresolved['id']}", params={"as_of": person["recorded_at"]})
    assert before.json()["archived_at"] is None
    await complete(client, source, course=885, user=50211)
    states = {row["person_id"] for row in (await client.get("/v1/enrolments")).json()["items"]}
    assert states == {person["id"]}


async def test_a_person_given_an_external_id_is_known(client: httpx.AsyncClient) -> None:
    await complete(client, await make(client, "sources"), course=884, user=1)
    (unresolved,) = (await client.get("/v1/people", params={"resolved": False})).json()["items"]

    known = await client.patch(f"/v1/people/{unresolved['id']}", json={"external_id": "10442"})

    assert known.json()["resolved"] is True


async def test_a_person_leaves_and_comes_back(client: httpx.AsyncClient) -> None:
    path = f"/v1/people/{(await make(client, 'people'))['id']}"

    assert (await client.post(f"{path}/leave")).json()["status"] == "left"
    assert (await client.post(f"{path}/rejoin")).json()["status"] == "active"
    assert (await client.post(f"{path}/rejoin")).json()["version"] == 3


async def _memberships(
    database: Database, acme: Organisation, person: dict[str, Any]
) -> list[tuple[str | None, str, int]]:
    person_id = ids.decode("per", person["id"])
    async with database.reading(acme.scope) as session:
        rows = await session.scalars(
            select(OrgMembership)
            .where(col(OrgMembership.person_id) == person_id)
            .order_by(col(OrgMembership.valid_from))
        )
        return [
            (row.org_unit_id and ids.encode("org", row.org_unit_id), str(row.valid_from), row.version) for row in rows
        ]


async def test_where_a_person_worked_is_kept(acme: Organisation, database: Database) -> None:
    client = acme.client
    graz, linz = [(await make(client, "org-units", n))["id"] for n in range(2)]
    person = await make(client, "people", org_unit_id=graz, joined_on="2020-05-01")
    path = f"/v1/people/{person['id']}"
    today = person["recorded_at"][:10]

    assert await _memberships(database, acme, person) == [(graz, "2020-05-01", 1)]
    await client.patch(path, json={"name": "Another"})
    await client.patch(path, json={"org_unit_id": linz})
    assert await _memberships(database, acme, person) == [(graz, "2020-05-01", 1), (linz, today, 1)]
    await client.patch(path, json={"org_unit_id": None})
    assert await _memberships(database, acme, person) == [(graz, "2020-05-01", 1), (None, today, 2)]
    entries = (await client.get("/v1/changes", params={"limit": 200})).json()["items"]
    assert {entry["type"] for entry in entries} >= {"person.updated"}
    assert not any(entry["type"].startswith("org_membership") for entry in entries)


async def test_a_person_without_org_unit_has_no_membership(acme: Organisation, database: Database) -> None:
    person = await make(acme.client, "people")

    assert await _memberships(database, acme, person) == []


async def test_a_batch_of_people_is_written_once(acme: Organisation, database: Database) -> None:
    client = acme.client
    unit = (await make(client, "org-units"))["id"]
    items: list[dict[str, Any]] = [{"external_id": str(n), "name": f"P {n}", "org_unit_id": unit} for n in range(5)]
    wrong: list[dict[str, Any]] = [
        {"name": "nobody"},
        {"external_id": "1"},
        {"external_id": "9", "org_unit_id": "org_01h455vb4pex5vsknk084sn02q"},
    ]

    first = (await client.post("/v1/people/batch", json={"items": items + wrong})).json()
    second = (await client.post("/v1/people/batch", json={"items": items})).json()
    third = (await client.post("/v1/people/batch", json={"items": [items[0] | {"org_unit_id": None}]})).json()

    assert (first["created"], first["refused"]) == (5, 3)
    assert [fault["code"] for item in first["items"] for fault in item["errors"]] == [
        "key_missing",
        "given_twice",
        "unknown_reference",
    ]
    assert (second["unchanged"], second["created"], second["updated"]) == (5, 0, 0)
    assert [item["id"] for item in second["items"]] == [item["id"] for item in first["items"][:5]]
    assert third["items"][0]["result"] == "updated"
    rows = (await client.get("/v1/people", params={"sort": "name"})).json()["items"]
    assert [(row["external_id"], row["version"]) for row in rows] == [("0", 2), ("1", 1), ("2", 1), ("3", 1), ("4", 1)]
    assert [each[0] for each in await _memberships(database, acme, rows[0])] == [None]
    assert [each[0] for each in await _memberships(database, acme, rows[1])] == [unit]
