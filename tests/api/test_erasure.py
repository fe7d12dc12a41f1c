"""Erasing a person, and making one of two: nothing that names them is left, nothing that was counted is lost."""

from typing import Any

import httpx
from fastapi import FastAPI
from sqlalchemy import select
from sqlmodel import SQLModel

from app.models.tenancy import IdempotencyRecord
from tests.api.test_webhooks import connect
from tests.builders import complete, make
from tests.engines import Organisation, organisation

NAME, NUMBER, ADDRESS, USER = "Rosalind Canary", "canary-10442", "r.canary@example.org", 987_654_321
CANARIES = ("canary", str(USER))


async def everything(app: FastAPI, org: Organisation) -> str:
    """All that the database holds of a tenant, as one text: rows, versions, bodies, answers in clear."""
    found = []
    async with app.state.database.reading(org.scope) as session:
        for table in SQLModel.metadata.sorted_tables:
            if "tenant_id" in table.c:
                rows = await session.execute(select(table).where(table.c.tenant_id == org.scope.id))
                found += [repr(row) for row in rows]
        bodies = select(IdempotencyRecord.__table__.c.body).where(
            IdempotencyRecord.__table__.c.tenant_id == org.scope.id
        )
        for body in await session.scalars(bodies):
            found.append(app.state.vault.decrypt(body.decode()).decode())
    return "\n".join(found).lower()


async def someone(org: Organisation) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """A person with a name, a number, an address, an account, learning, and answers; their source and course."""
    source = (await connect(org, "docebo", "docebo")).json()
    unit = await make(org.client, "org-units", 1)
    fields = {"name": NAME, "external_id": NUMBER, "org_unit_id": unit["id"], "role": "operator"}
    made = await org.client.post("/v1/people", json=fields, headers={"Idempotency-Key": "person"})
    person = made.json()
    path = f"/v1/people/{person['id']}"
    await org.client.patch(path, json={"name": NAME + " Smith"})
    for identity in (
        {"kind": "email", "value": ADDRESS},
        {"kind": "account", "value": str(USER), "issuer": source["id"]},
    ):
        assert (await org.client.post(f"{path}/identities", json=identity)).status_code == 201
    await complete(org.client, source, 884, USER)
    await complete(org.client, source, 884, 5)
    await org.client.post(
        source["webhook_path"], content=f'{{"broken": "{ADDRESS.upper()}"'.encode(), auth=_auth(source)
    )
    activity = (await org.client.get("/v1/activities")).json()["items"][0]
    return person, source, activity


def _auth(source: dict[str, Any]) -> tuple[str, str]:
    user, _, password = source["secret"].partition(":")
    return user, password


async def counted(org: Organisation) -> list[tuple[str, str]]:
    items = (await org.client.get("/v1/enrolments", params={"limit": 200})).json()["items"]
    return sorted((each["person_id"], each["state"]) for each in items)


async def test_nothing_that_names_an_erased_person_is_left_and_counts_stay(app: FastAPI, acme: Organisation) -> None:
    person, _, _ = await someone(acme)
    before, held = await counted(acme), await everything(app, acme)
    assert all(canary in held for canary in CANARIES)
    kept = (await acme.client.get("/v1/deliveries", params={"sort": "received_at"})).json()["items"]

    erased = await acme.client.post(f"/v1/people/{person['id']}/erase")

    assert erased.status_code == 200, erased.text
    assert (erased.json()["status"], erased.json()["name"], erased.json()["external_id"]) == ("erased", None, None)
    assert (erased.json()["org_unit_id"], erased.json()["role"]) == (person["org_unit_id"], "operator")
    left = await everything(app, acme)
    assert [canary for canary in CANARIES if canary in left] == []
    assert await counted(acme) == before
    told = (await acme.client.get("/v1/deliveries", params={"sort": "received_at"})).json()["items"]
    assert [each["body_sha256"] for each in told] == [each["body_sha256"] for each in kept]
    assert [each["headers"].get(":redacted") for each in told] == ["true", None, "true"]
    refused = await acme.client.post(f"/v1/deliveries/{told[0]['id']}/replay")
    assert (refused.status_code, refused.json()["code"]) == (409, "wrong_state")
    then = await acme.client.get(f"/v1/people/{person['id']}", params={"as_of": person["recorded_at"]})
    assert (then.json()["name"], then.json()["status"]) == (None, "active")


async def test_what_was_voided_stays_voided_when_its_person_is_erased(acme: Organisation) -> None:
    source = (await connect(acme, "xapi", "xapi")).json()
    account = {"homePage": "https://lms.example.org", "name": "canary-7"}

    async def state(number: int, verb: str, target: dict[str, str]) -> None:
        statement = {
            "id": f"ca7a0000-0000-4000-8000-{number:012}",
            "actor": {"account": account},
            "verb": {"id": f"http://adlnet.gov/expapi/verbs/{verb}"},
            "object": target,
            "timestamp": f"2026-03-0{number}T08:00:00Z",
        }
        answer = await acme.client.post(
            f"{source['webhook_path'].replace('webhooks', 'xapi')}/statements",
            json=statement,
            headers={"X-Experience-API-Version": "1.0.3"},
            auth=_auth(source),
        )
        assert answer.status_code == 200, answer.text

    first = {"objectType": "StatementRef", "id": "ca7a0000-0000-4000-8000-000000000001"}
    await state(1, "completed", {"id": "https://lms.example.org/lifting"})
    event = (await acme.client.get("/v1/learning-events")).json()["items"][0]
    await acme.client.post(
        f"/v1/people/{event['person_id']}/identities",
        json={"kind": "account", "value": "ca7a0000", "issuer": source["id"]},
    )
    await state(2, "voided", first)
    await acme.client.post(f"/v1/people/{event['person_id']}/erase")
    other = await make(acme.client, "activities", 1)
    reference = (await acme.client.get("/v1/activity-references")).json()["items"][0]

    moved = await acme.client.patch(f"/v1/activity-references/{reference['id']}", json={"activity_id": other["id"]})

    assert moved.status_code == 200, moved.text
    events = (await acme.client.get("/v1/learning-events")).json()["items"]
    assert {each["event_key"][:7] for each in events if each["kind"] == "completed"} == {"erased:"}
    assert (await acme.client.get("/v1/enrolments")).json()["items"] == []


async def test_neither_a_replay_nor_a_late_event_brings_an_erased_person_back(app: FastAPI, acme: Organisation) -> None:
    person, source, _ = await someone(acme)
    await acme.client.post(f"/v1/people/{person['id']}/erase")
    people, before = await _people(acme.client), await counted(acme)

    repeated = await _deliver(acme.client, source, 884)
    late = await _deliver(acme.client, source, 999)
    again = await acme.client.post(
        "/v1/people", json={"name": NAME, "external_id": NUMBER}, headers={"Idempotency-Key": "person"}
    )
    batch = await acme.client.post("/v1/people/batch", json={"items": [{"external_id": NUMBER, "name": NAME}]})
    put = await acme.client.put(f"/v1/people/by-external-id/{NUMBER}", json={"name": NAME})
    other = await make(acme.client, "people", 7)
    linked = await acme.client.post(
        f"/v1/people/{other['id']}/identities", json={"kind": "email", "value": ADDRESS.upper()}
    )

    assert repeated["recorded"] == late["recorded"] == 0
    assert (late["status"], late["reason"]) == ("ignored", "redacted: it told of a person who was erased")
    for answer in (again, put, linked):
        assert (answer.status_code, answer.json()["code"]) == (409, "erased"), answer.text
    assert batch.json()["items"][0]["errors"][0]["code"] == "erased"
    assert await _people(acme.client) == people + 1
    assert await counted(acme) == before
    left = await everything(app, acme)
    assert [canary for canary in CANARIES if canary in left] == []


async def test_an_erased_person_stays_as_they_are(acme: Organisation) -> None:
    person = await make(acme.client, "people", 1)
    path = f"/v1/people/{person['id']}"
    first = await acme.client.post(f"{path}/erase")

    again = await acme.client.post(f"{path}/erase")
    patched = await acme.client.patch(path, json={"name": "Back"})
    linked = await acme.client.post(f"{path}/identities", json={"kind": "email", "value": "back@example.org"})
    rejoined = await acme.client.post(f"{path}/rejoin")

    assert again.json() == first.json()
    for answer in (patched, linked):
        assert (answer.status_code, answer.json()["code"]) == (409, "erased")
    assert rejoined.status_code == 409
    types = [each["type"] for each in (await acme.client.get("/v1/changes")).json()["items"]]
    assert types.count("person.erased") == 1


async def test_only_an_administrator_erases_and_only_people_of_their_own(
    app: FastAPI, acme: Organisation, rival: Organisation
) -> None:
    theirs = await make(rival.client, "people", 1)
    async with organisation(app, ["read", "write"]) as writer:
        mine = await make(writer.client, "people", 1)
        assert (await writer.client.post(f"/v1/people/{mine['id']}/erase")).status_code == 403

    assert (await acme.client.post(f"/v1/people/{theirs['id']}/erase")).status_code == 404
    assert (await rival.client.get(f"/v1/people/{theirs['id']}")).json() == theirs


async def test_a_name_erased_in_one_tenant_is_free_in_another(acme: Organisation, rival: Organisation) -> None:
    person = await make(acme.client, "people", 1, external_id=NUMBER)
    await acme.client.post(f"/v1/people/{person['id']}/erase")

    assert (await make(rival.client, "people", 1, external_id=NUMBER))["external_id"] == NUMBER


async def test_an_unresolved_person_is_merged_with_all_that_was_learned(acme: Organisation) -> None:
    source = (await connect(acme, "docebo", "docebo")).json()
    await complete(acme.client, source, 884, 50211)
    unresolved = (await acme.client.get("/v1/people", params={"resolved": False, "include_total": True})).json()
    (other,) = unresolved["items"]
    known = await make(acme.client, "people", 1, external_id="10442")

    merged = await acme.client.post(f"/v1/people/{known['id']}/merge", json={"person_id": other["id"]})
    again = await acme.client.post(f"/v1/people/{known['id']}/merge", json={"person_id": other["id"]})

    assert unresolved["total"] == 1
    assert (merged.status_code, merged.json()) == (200, known)
    assert again.json() == known
    assert [person_id for person_id, _ in await counted(acme)] == [known["id"]]
    left = (await acme.client.get("/v1/people", params={"resolved": False, "include_total": True})).json()
    assert left["total"] == 0
    await complete(acme.client, source, 885, 50211)
    assert {person_id for person_id, _ in await counted(acme)} == {known["id"]}


async def test_people_who_cannot_be_one_are_not_merged(acme: Organisation, rival: Organisation) -> None:
    source = (await connect(acme, "docebo", "docebo")).json()
    await complete(acme.client, source, 884, 50211)
    (other,) = (await acme.client.get("/v1/people", params={"resolved": False})).json()["items"]
    known, second = [await make(acme.client, "people", n) for n in (1, 2)]
    theirs = await make(rival.client, "people", 1)
    path = f"/v1/people/{known['id']}/merge"

    resolved = await acme.client.post(path, json={"person_id": second["id"]})
    itself = await acme.client.post(path, json={"person_id": known["id"]})
    foreign = await acme.client.post(path, json={"person_id": theirs["id"]})
    audience = await make(acme.client, "audiences")
    members = {"items": [{"person_id": other["id"], "offered_on": "2026-01-01"}]}
    await acme.client.post(f"/v1/audiences/{audience['id']}/members", json=members)
    placed = await acme.client.post(path, json={"person_id": other["id"]})
    await acme.client.post(f"/v1/people/{known['id']}/erase")
    erased = await acme.client.post(path, json={"person_id": other["id"]})

    answers = [(each.status_code, each.json()["code"]) for each in (resolved, itself, foreign, placed, erased)]
    assert answers == [
        (409, "wrong_state"),
        (409, "conflict"),
        (404, "not_found"),
        (409, "conflict"),
        (409, "erased"),
    ]


async def _people(client: httpx.AsyncClient) -> int:
    found = await client.get("/v1/people", params={"include_total": True, "include_archived": True})
    total: int = found.json()["total"]
    return total


async def _deliver(client: httpx.AsyncClient, source: dict[str, Any], course: int) -> dict[str, Any]:
    event = {
        "event": "course.enrollment.completed",
        "message_id": f"late-{course}",
        "payload": {
            "fired_at": "2026-03-11 09:44:58",
            "user_id": USER,
            "username": "r.canary",
            "course_id": course,
            "completion_date": "2026-03-11 09:44:58",
            "status": "completed",
        },
    }
    answer = await client.post(source["webhook_path"], json=event, auth=_auth(source))
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_what_was_recorded_of_either_becomes_that_of_the_one_who_stays(acme: Organisation) -> None:
    client = acme.client
    source = (await connect(acme, "docebo", "docebo")).json()
    await complete(client, source, 884, 50211)
    other = (await client.get("/v1/people", params={"resolved": False})).json()["items"][0]["id"]
    known = (await make(client, "people", 1))["id"]
    survey = await make(client, "surveys")
    response = await make(client, "survey-responses", survey_id=survey["id"], person_id=other)
    score = await make(client, "assessment-scores", person_id=other)
    seen = await make(client, "observations", person_id=known, observer_id=other)
    period = {"period_start": "2026-01-01", "period_end": "2026-02-01"}
    kpi = (await make(client, "kpis"))["id"]
    value = {"kpi_id": kpi, "value": "5", "subject_kind": "person", **period}
    measured = (await client.post("/v1/measurements", json=value | {"subject_id": other})).json()
    mine = (await client.post("/v1/measurements", json=value | {"subject_id": known})).json()

    both = await client.post(f"/v1/people/{known}/merge", json={"person_id": other})
    third = (await make(client, "people", 3))["id"]
    merged = await client.post(f"/v1/people/{third}/merge", json={"person_id": other})

    assert (both.status_code, both.json()["code"]) == (409, "conflict")
    assert merged.status_code == 200, merged.text
    paths = [f"survey-responses/{response['id']}", f"assessment-scores/{score['id']}", f"observations/{seen['id']}"]
    now = [(await client.get(f"/v1/{path}")).json() for path in paths]
    then = (await client.get(f"/v1/{paths[0]}", params={"as_of": response["recorded_at"]})).json()
    assert [now[0]["person_id"], now[1]["person_id"], now[2]["observer_id"]] == [third] * 3
    assert (now[2]["person_id"], now[0]["version"], then["person_id"]) == (known, 2, other)
    assert (await client.get(f"/v1/measurements/{measured['id']}")).json()["subject_id"] == third
    assert (await client.get(f"/v1/measurements/{mine['id']}")).json()["subject_id"] == known
