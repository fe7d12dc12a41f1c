"""Receivers, end to end: real requests through the app into the database and back out of the API."""

import base64
import json
from pathlib import Path
from typing import Any

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
