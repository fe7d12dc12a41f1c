"""Receivers, end to end: real requests through the app into the database and back out of the API."""

import base64
import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from tests.engines import Organisation

DOCEBO = {
    "event": "course.enrollment.completed",
    "fired_by_batch_action": False,
    "webhook_id": 3,
    "original_domain": "northwind.docebosaas.com",
    "message_id": "wh-20260311-094502-0b3f7c52",
    "payload": {
        "fired_at": "2026-03-11 09:44:58",
        "user_id": 50211,
        "username": "r.okafor",
        "course_id": 884,
        "course_name": "Safe Lifting Refresher",
        "enrollment_date": "2026-02-02 08:14:55",
        "completion_date": "2026-03-11 09:44:58",
        "status": "completed",
    },
}


async def connect(org: Organisation, slug: str, adapter: str, **more: Any) -> httpx.Response:
    fields = {"name": slug, "slug": slug, "adapter": adapter, **more}
    answer = await org.client.post("/v1/sources", json=fields)
    assert answer.status_code == 201, answer.text
    return answer


def basic(secret: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(secret.encode()).decode()}


async def test_a_completion_becomes_an_enrolment_that_can_be_followed_to_its_bytes(acme: Organisation) -> None:
    source = (await connect(acme, "docebo", "docebo")).json()

    answer = await acme.client.post(source["webhook_path"], json=DOCEBO, headers=basic(source["secret"]))

    assert answer.status_code == 200
    assert answer.json()["status"] == "applied"
    assert answer.json()["recorded"] >= 1
    enrolments = (await acme.client.get("/v1/enrolments")).json()["items"]
    assert [item["state"] for item in enrolments] == ["completed"]
    events = (await acme.client.get(f"/v1/learning-events?delivery_id={answer.json()['delivery']}")).json()["items"]
    assert {event["person_id"] for event in events} == {enrolments[0]["person_id"]}
    delivery = (await acme.client.get(f"/v1/deliveries/{answer.json()['delivery']}")).json()
    assert json.loads(base64.b64decode(delivery["body"])) == DOCEBO
    assert "secret" not in json.dumps(delivery["headers"])


async def test_the_same_delivery_again_adds_nothing(acme: Organisation) -> None:
    source = (await connect(acme, "docebo", "docebo")).json()
    first = await acme.client.post(source["webhook_path"], json=DOCEBO, headers=basic(source["secret"]))

    again = await acme.client.post(source["webhook_path"], json=DOCEBO, headers=basic(source["secret"]))

    assert again.json()["delivery"] == first.json()["delivery"]
    assert again.json()["recorded"] == 0
    assert again.json()["duplicates"] == first.json()["recorded"]
    deliveries = (await acme.client.get("/v1/deliveries")).json()["items"]
    assert [item["repeats"] for item in deliveries] == [1]


async def test_a_bad_signature_is_refused_and_nothing_is_kept(acme: Organisation) -> None:
    source = (await connect(acme, "docebo", "docebo")).json()

    answer = await acme.client.post(source["webhook_path"], json=DOCEBO, headers=basic("someone:else"))

    assert answer.status_code == 401
    assert answer.json()["code"] == "bad_signature"
    assert (await acme.client.get("/v1/deliveries")).json()["items"] == []


async def test_what_cannot_be_read_is_kept_in_quarantine_with_its_reason(acme: Organisation) -> None:
    source = (await connect(acme, "docebo", "docebo")).json()

    answer = await acme.client.post(source["webhook_path"], content=b'{"event": NaN}', headers=basic(source["secret"]))

    assert answer.status_code == 200
    assert answer.json()["status"] == "quarantined"
    assert answer.json()["reason"]


async def test_the_xapi_sample_is_read(acme: Organisation) -> None:
    source = (await connect(acme, "lrs", "xapi")).json()
    body = json.loads((Path(__file__).parent / "statement.json").read_text())

    answer = await acme.client.post(source["webhook_path"], json=body, headers=basic(source["secret"]))

    assert answer.json()["recorded"] == 1


async def test_a_delivery_shows_what_was_read_from_it(acme: Organisation) -> None:
    source = (await connect(acme, "lrs", "xapi")).json()
    body = json.loads((Path(__file__).parent / "statement.json").read_text())
    many = [body | {"id": str(uuid4())} for _ in range(101)]

    answers = [
        await acme.client.post(source["webhook_path"], json=each, headers=basic(source["secret"]))
        for each in (body, many, [body, {"verb": {}}])
    ]
    one, hundred, none = [
        (await acme.client.get(f"/v1/deliveries/{each.json()['delivery']}")).json() for each in answers
    ]

    assert (one["learning_events_total"], hundred["learning_events_total"], none["learning_events_total"]) == (
        1,
        101,
        0,
    )
    assert one["learning_events"] == (await acme.client.get(one["learning_events_path"])).json()["items"]
    first = (await acme.client.get(hundred["learning_events_path"] + "&sort=recorded_at&limit=100")).json()
    assert (hundred["learning_events"], first["next_cursor"] is None) == (first["items"], False)
    assert none["learning_events"] == []


async def test_raw_scores_and_extras_are_shown_without_the_learners_own_words(acme: Organisation) -> None:
    source = (await connect(acme, "lrs", "xapi")).json()
    body = json.loads((Path(__file__).parent / "statement.json").read_text())
    registration = "f3a1c1b0-7c46-5d55-9f5e-2f8a6d2c4b11"
    body["context"] = {"registration": registration}
    body["result"] = {"score": {"raw": 7.5, "min": 0, "max": 10}, "response": "I hated it", "success": True}
    answer = await acme.client.post(source["webhook_path"], json=body, headers=basic(source["secret"]))

    (event,) = (await acme.client.get(f"/v1/deliveries/{answer.json()['delivery']}")).json()["learning_events"]
    query = "query($id: ID!) { node(id: $id) { ... on LearningEvent { scoreRaw scoreMin scoreMax extras } } }"
    graph = await acme.client.post("/graphql", json={"query": query, "variables": {"id": event["id"]}})

    scores = ("7.5", "0", "10")
    assert (event["score_raw"], event["score_min"], event["score_max"]) == scores
    assert (event["extras"]["registration"], "response" in event["extras"]) == (registration, False)
    assert graph.json()["data"]["node"] == {
        **dict(zip(("scoreRaw", "scoreMin", "scoreMax"), scores, strict=True)),
        "extras": event["extras"],
    }
