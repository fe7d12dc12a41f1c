"""The integrator's desk: trying requests, test events, replays of what was kept."""

import base64
import json
from typing import Any

import pytest
from fastapi import FastAPI

from app.api import setups
from app.lms import adapters
from tests.api.senders import COMPLETION, MAPPING, SCHEMES, connect, deliveries, events
from tests.engines import Organisation, organisation

SIGNED_BY_US = sorted(SCHEMES.keys() - {"jws"})


class Everywhere:
    """Stands in for what calls out: no address is refused."""

    async def screen(self, _url: str) -> None:
        return None


@pytest.fixture(autouse=True)
async def _fresh(monkeypatch: pytest.MonkeyPatch, app: FastAPI) -> None:
    monkeypatch.setattr(setups, "REMEMBERED_SECONDS", 0.0)
    monkeypatch.setitem(app.state._state, "outbound", Everywhere())


async def tried(org: Organisation, source_id: str, **sample: Any) -> dict[str, Any]:
    answer = await org.client.post(f"/v1/sources/{source_id}/try", json=sample)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_tried_request_shows_its_events_and_stores_nothing(acme: Organisation) -> None:
    mapping = MAPPING | {"score": {"path": "score", "scale": 100}, "time": {"path": "at"}}
    mapping |= {"activity": {"path": "course", "title": "title"}, "learner": [{"kind": "email", "path": "who"}]}
    mapping |= {"attempt": "taking"}
    sender = await connect(acme, "basic", mapping=mapping)
    body = {"id": "e-1", "who": "Ana@Example.org", "course": "fire", "title": "Fire", "score": 87.5}
    body |= {"at": "2026-03-11T10:00:00+01:00", "taking": 24}
    auth = "Basic " + base64.b64encode(sender.created["secret"].encode()).decode()

    verdict = await tried(acme, sender.id, headers={"AUTHORIZATION": auth}, body=body)

    assert verdict == {
        "verdict": "accepted",
        "reason": None,
        "events": [
            {
                "kind": "completed",
                "person": {"identities": [{"kind": "email", "value": "ana@example.org", "issuer": None}]},
                "activity": {"external_id": "fire", "title": "Fire"},
                "occurred_at": "2026-03-11T09:00:00Z",
                "score_scaled": "0.875",
                "passed": None,
                "duration_seconds": None,
                "event_key": "e-1",
                "attempt": "24",
            }
        ],
    }
    assert (await deliveries(acme), await events(acme)) == ([], [])
    assert (await acme.client.get(f"/v1/sources/{sender.id}")).json()["status"] == "pending"
    assert (await acme.client.get("/v1/people")).json()["items"] == []


@pytest.mark.parametrize(
    ("sample", "verdict", "reason"),
    [
        ({"body": "{}"}, "rejected", "authorization is missing"),
        ({"body": '{"who": "ana"', "verify": False}, "quarantined", "not JSON"),
        ({"body": {"course": "fire"}, "verify": False}, "quarantined", "learner"),
        ({"body": [], "verify": False}, "ignored", "no items"),
        ({"body": COMPLETION.decode(), "verify": False}, "accepted", ""),
        ({"body_base64": base64.b64encode(COMPLETION).decode(), "verify": False}, "accepted", ""),
        ({"body": "<a/>", "verify": False}, "rejected", "XML"),
        ({"headers": {"Content-Encoding": "gzip"}, "body": "x", "verify": False}, "rejected", "gzip"),
        ({"verify": False}, "quarantined", ""),
    ],
)
async def test_each_verdict_has_its_reason(
    acme: Organisation, sample: dict[str, Any], verdict: str, reason: str
) -> None:
    sender = await connect(acme, "basic")

    found = await tried(acme, sender.id, **sample)

    assert found["verdict"] == verdict, found
    assert reason.lower() in (found["reason"] or "").lower()
    assert (found["reason"] is None) == (verdict == "accepted")
    assert await deliveries(acme) == []


@pytest.mark.parametrize(
    ("sample", "pointer"),
    [
        ({"body": "a", "body_base64": "YQ=="}, "/body_base64"),
        ({"body_base64": "not base64"}, "/body_base64"),
        ({"colour": "red"}, "/colour"),
        ({"headers": {"a": 7}}, "/headers/a"),
    ],
)
async def test_a_sample_that_is_none_is_refused(acme: Organisation, sample: dict[str, Any], pointer: str) -> None:
    sender = await connect(acme, "basic")

    answer = await acme.client.post(f"/v1/sources/{sender.id}/try", json=sample)

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)
    typo = await acme.client.post(f"/v1/sources/{sender.id}/try?verfy=false", json={})
    assert (typo.status_code, typo.json()["errors"][0]["parameter"]) == (422, "verfy")


async def test_the_desk_needs_the_scope_to_write_and_shows_no_other_tenants_source(
    acme: Organisation, rival: Organisation, app: FastAPI
) -> None:
    sender = await connect(rival, "basic")
    unknown = "src_01h455vb4pex5vsknk084sn02q"

    for verb in ("try", "test-event"):
        theirs = await acme.client.post(f"/v1/sources/{sender.id}/{verb}", json={})
        nobodys = await acme.client.post(f"/v1/sources/{unknown}/{verb}", json={})
        assert theirs.status_code == nobodys.status_code == 404
        assert theirs.json()["detail"].replace(sender.id, unknown) == nobodys.json()["detail"]
    async with organisation(app, ["read"]) as reader:
        assert (await reader.client.post(f"/v1/sources/{sender.id}/try", json={})).status_code == 403


@pytest.mark.parametrize("scheme", SIGNED_BY_US)
async def test_a_test_event_goes_the_whole_way_signed_and_never_counts(acme: Organisation, scheme: str) -> None:
    sender = await connect(acme, scheme)

    answer = await acme.client.post(f"/v1/sources/{sender.id}/test-event", json={"body": json.loads(COMPLETION)})

    told = answer.json()
    assert (answer.status_code, told["verdict"], told["verified"]) == (200, "accepted", True), told
    assert [event["kind"] for event in told["events"]] == ["completed"]
    (kept,) = await deliveries(acme)
    assert (kept["id"], kept["status"], kept["recorded"]) == (told["delivery"], "ignored", 0)
    assert kept["reason"].startswith("a test event")
    assert kept["headers"][":test-event"] == "true"
    assert await events(acme) == []
    source = (await acme.client.get(f"/v1/sources/{sender.id}")).json()
    assert (source["status"], source["last_delivery_at"]) == ("pending", None)
    one = await acme.client.post(f"/v1/deliveries/{kept['id']}/replay")
    many = await acme.client.post("/v1/deliveries/replay", json={"source_id": sender.id, "status": ["ignored"]})
    assert (one.status_code, many.json()["items"], await events(acme)) == (409, [], [])


@pytest.mark.parametrize("adapter", sorted(adapters()))
async def test_every_adapters_example_is_accepted_as_a_test_event(acme: Organisation, adapter: str) -> None:
    told = adapters()[adapter]
    fields = {"name": adapter, "adapter": adapter, "mapping": told.example.get("mapping", {})}
    for scheme in (None, *told.examples):
        authentication = {"authentication": {"scheme": scheme, "accept_md5": True}} if scheme else {}
        named = fields | {"slug": f"{adapter}-{scheme or 'usual'}".replace("_", "-")}
        source = (await acme.client.post("/v1/sources", json=named | authentication)).json()

        answer = await acme.client.post(f"/v1/sources/{source['id']}/test-event")

        assert (answer.status_code, answer.json()["verdict"]) == (200, "accepted"), answer.text


async def test_a_source_with_a_field_map_of_its_own_is_asked_for_a_body(acme: Organisation) -> None:
    sender = await connect(acme, "basic")

    answer = await acme.client.post(f"/v1/sources/{sender.id}/test-event")

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/body")


async def test_a_test_event_that_cannot_carry_the_signature_is_refused(acme: Organisation) -> None:
    sender = await connect(acme, "embedded_md5")

    for body in ("no json", [], {"header": 7}):
        answer = await acme.client.post(f"/v1/sources/{sender.id}/test-event", json={"body": body})
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/body")


async def test_a_quarantined_delivery_that_can_be_read_now_is_applied_once(acme: Organisation) -> None:
    sender = await connect(acme, "body_field", mapping=MAPPING | {"learner": [{"kind": "account", "path": "learner"}]})
    kept = (await sender.post(acme.client)).json()
    assert (kept["status"], kept["recorded"]) == ("quarantined", 0)
    await acme.client.patch(f"/v1/sources/{sender.id}", json={"mapping": MAPPING})

    first = (await acme.client.post(f"/v1/deliveries/{kept['delivery']}/replay")).json()
    again = (await acme.client.post(f"/v1/deliveries/{kept['delivery']}/replay")).json()
    resent = (await sender.post(acme.client)).json()

    assert (first["status"], first["reason"], first["recorded"], first["duplicates"]) == ("applied", None, 1, 0)
    assert again == first
    assert (resent["delivery"], resent["recorded"], resent["duplicates"]) == (kept["delivery"], 0, 1)
    (event,) = await events(acme)
    assert event["delivery_id"] == kept["delivery"]
    assert len((await acme.client.get("/v1/enrolments")).json()["items"]) == 1


async def test_a_replay_leaves_alone_what_a_later_delivery_brought(acme: Organisation) -> None:
    sender = await connect(acme, "basic", mapping=MAPPING | {"learner": [{"kind": "account", "path": "learner"}]})
    kept = (await sender.post(acme.client)).json()
    await acme.client.patch(f"/v1/sources/{sender.id}", json={"mapping": MAPPING})
    later = (await sender.post(acme.client)).json()

    replayed = (await acme.client.post(f"/v1/deliveries/{kept['delivery']}/replay")).json()

    assert later["delivery"] != kept["delivery"]
    assert (replayed["status"], replayed["recorded"], replayed["duplicates"]) == ("applied", 0, 1)
    assert [event["delivery_id"] for event in await events(acme)] == [later["delivery"]]


async def test_a_replay_reads_the_query_that_the_delivery_had(acme: Organisation) -> None:
    sender = await connect(
        acme, "basic", mapping=MAPPING | {"kind": {"path": "_query.event", "values": {"x": "completed"}}}
    )
    auth = tuple(sender.created["secret"].split(":"))
    kept = (await acme.client.post(f"{sender.address()}?event=done+%26+gone", content=COMPLETION, auth=auth)).json()
    assert kept["status"] == "ignored"
    kinds = {"path": "_query.event", "values": {"x": None, "done & gone": "completed"}}
    await acme.client.patch(f"/v1/sources/{sender.id}", json={"mapping": {"kind": kinds}})

    replayed = (await acme.client.post(f"/v1/deliveries/{kept['delivery']}/replay")).json()

    assert (replayed["status"], replayed["recorded"]) == ("applied", 1)


async def test_many_deliveries_are_replayed_in_portions(acme: Organisation) -> None:
    sender = await connect(acme, "basic")
    await acme.client.post(f"/v1/sources/{sender.id}/pause")
    for number in range(5):
        await sender.post(acme.client, COMPLETION.replace(b"e-1", f"e-{number}".encode()))
    kept = await deliveries(acme)
    await acme.client.post(f"/v1/sources/{sender.id}/resume")
    bounds = {"received_at_gte": kept[1]["received_at"], "received_at_lt": kept[4]["received_at"]}
    question: dict[str, Any] = {"source_id": sender.id, "limit": 2, **bounds}

    portions: list[list[str]] = []
    while True:
        answer = await acme.client.post("/v1/deliveries/replay", json=question)
        assert answer.status_code == 200, answer.text
        portions.append([item["id"] for item in answer.json()["items"]])
        assert {item["status"] for item in answer.json()["items"]} == {"applied"}
        if answer.json()["next_after"] is None:
            break
        question["after"] = answer.json()["next_after"]

    ids = [item["id"] for item in kept]
    assert portions == [ids[1:3], ids[3:4]]
    assert {event["delivery_id"] for event in await events(acme)} == set(ids[1:4])


async def test_another_tenants_deliveries_are_never_replayed(acme: Organisation, rival: Organisation) -> None:
    sender = await connect(rival, "basic")
    kept = (await sender.post(rival.client)).json()["delivery"]

    one = await acme.client.post(f"/v1/deliveries/{kept}/replay")
    many = await acme.client.post("/v1/deliveries/replay", json={"source_id": sender.id})

    assert one.status_code == 404
    assert (many.status_code, many.json()["errors"][0]["pointer"]) == (422, "/source_id")
