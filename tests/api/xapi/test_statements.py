"""Storing statements: all or nothing, never twice, never changed, and each a delivery with its learning events."""

import asyncio
import base64
import gzip
import json
from typing import Any
from uuid import uuid4

import pytest

from tests.api.xapi.conftest import ACTIVITY, AGENT, Store, connect, statement
from tests.engines import Organisation


async def test_a_statement_becomes_a_learning_event_that_can_be_followed_to_its_bytes(store: Store) -> None:
    sent = statement(result={"score": {"scaled": 0.9}}, timestamp="2026-03-04T15:30:00Z")

    answer = await store.call(
        "POST", "statements", content=json.dumps(sent), headers={"Content-Type": "application/json"}
    )

    assert (answer.status_code, answer.json()) == (200, [sent["id"]])
    events = (await store.org.client.get("/v1/learning-events")).json()["items"]
    assert [event["kind"] for event in events] == ["completed"]
    enrolments = (await store.org.client.get("/v1/enrolments")).json()["items"]
    assert [each["state"] for each in enrolments] == ["completed"]
    delivery = (await store.org.client.get(f"/v1/deliveries/{events[0]['delivery_id']}")).json()
    assert base64.b64decode(delivery["body"]) == json.dumps(sent).encode()
    assert delivery["headers"][":path"] == f"{store.base}/statements"
    assert delivery["headers"]["authorization"] == "[removed]"


async def test_a_statement_comes_back_exactly_as_it_was_sent(store: Store) -> None:
    sent = statement(
        actor=AGENT | {"name": "Ola Ωμέγα 👩🏽‍🔧", "objectType": "Agent"},
        result={"score": {"raw": 12.125, "scaled": 0.12123434}, "extensions": {"https://x.org/e": [None, {}, 2**60]}},
        timestamp="2026-03-04T17:30:00.123+02:00",
    )
    await store.kept(sent)

    answer = await store.call("GET", "statements", params={"statementId": sent["id"]})

    found = answer.json()
    assert {name: found[name] for name in sent} == sent
    assert found["stored"].endswith("Z")
    assert found["authority"]["account"]["name"] == f"{store.org.scope.slug}/lrs"
    assert found["version"] == "1.0.0"
    assert answer.headers["last-modified"]
    assert answer.headers["x-experience-api-version"] == "1.0.3"
    assert answer.headers["x-experience-api-consistent-through"] >= found["stored"]


async def test_the_same_statement_again_changes_nothing(store: Store) -> None:
    sent = statement(timestamp="2026-03-04T15:30:00Z")
    await store.kept(sent)

    again = await store.post(sent | {"verb": sent["verb"] | {"display": {"en": "completed"}}})
    put = await store.call("PUT", "statements", params={"statementId": sent["id"]}, json=sent)

    assert (again.status_code, put.status_code) == (200, 204)
    assert await store.found() == [sent["id"]]
    assert len((await store.org.client.get("/v1/learning-events")).json()["items"]) == 1


@pytest.mark.parametrize(
    "changed", [{"actor": {"mbox": "mailto:kim@example.org"}}, {"timestamp": "2026-03-04T15:30:01Z"}]
)
async def test_another_statement_under_a_known_id_is_a_conflict_and_nothing_is_kept(
    store: Store, changed: dict[str, Any]
) -> None:
    sent = statement(timestamp="2026-03-04T15:30:00Z")
    await store.kept(sent)

    answer = await store.post(statement(), sent | changed)

    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert sent["id"] in answer.json()["detail"]
    assert await store.found() == [sent["id"]]
    assert len((await store.org.client.get("/v1/deliveries")).json()["items"]) == 1


async def test_one_bad_statement_among_a_thousand_refuses_them_all_and_is_named(store: Store) -> None:
    batch = [statement() for _ in range(1_000)]
    batch[617]["actor"] = {"mbox": "ola"}

    answer = await store.post(*batch)

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_xapi")
    assert answer.json()["errors"][0]["pointer"] == "/617/actor/mbox"
    assert await store.found() == []
    assert (await store.org.client.get("/v1/deliveries")).json()["items"] == []


async def test_a_batch_with_one_id_twice_is_refused(store: Store) -> None:
    one = statement()

    answer = await store.post(one, one | {"id": one["id"].upper()})

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "/1/id")


async def test_a_batch_without_ids_that_is_sent_again_is_known(store: Store) -> None:
    batch = [statement(timestamp=f"2026-03-04T15:30:{second:02}Z") for second in range(3)]
    for one in batch:
        del one["id"]

    first, again, half = [await store.kept(*sent) for sent in (batch, batch, batch[:2])]

    assert first == again
    assert first[:2] == half
    assert len(await store.found()) == 3
    assert len((await store.org.client.get("/v1/learning-events")).json()["items"]) == 3


async def test_a_replay_of_statements_without_ids_finds_them_known(store: Store) -> None:
    untold = statement()
    del untold["id"]
    ids = await store.kept(untold) + await store.kept(untold)
    deliveries = (await store.org.client.get("/v1/deliveries")).json()["items"]

    for delivery in deliveries:
        replayed = await store.org.client.post(f"/v1/deliveries/{delivery['id']}/replay")
        assert replayed.json()["status"] == "applied"

    assert len(set(ids)) == 2, "told without a time, it is another statement each time"
    assert len((await store.org.client.get("/v1/learning-events")).json()["items"]) == 2


async def test_a_replay_corrects_the_event_of_a_statement_and_never_the_statement(store: Store) -> None:
    client, verb = store.org.client, "https://example.org/verbs/finished"
    (source,) = (await client.get("/v1/sources")).json()["items"]

    async def read_as(kind: str) -> None:
        answer = await client.patch(f"/v1/sources/{source['id']}", json={"mapping": {"verbs": {verb: kind}}})
        assert answer.status_code == 200, answer.text

    async def states() -> list[str]:
        await client.post("/v1/deliveries/replay", json={"source_id": source["id"], "status": ["applied", "ignored"]})
        return [each["state"] for each in (await client.get("/v1/enrolments")).json()["items"]]

    await read_as("started")
    sent = statement(verb={"id": verb}, timestamp="2026-03-04T15:30:00Z")
    await store.kept(sent)
    kept = await store.found()
    found = [await states()]
    for kind in ("completed", "ignore", "failed"):
        await read_as(kind)
        found.append(await states())

    assert found == [["in_progress"], ["completed"], [], ["failed"]]
    assert await store.found() == kept
    await store.kept(statement(verb={"id": "http://adlnet.gov/expapi/verbs/voided"}, object=_reference(sent["id"])))
    assert await states() == []


async def test_voiding_takes_a_statement_out_of_the_resource_and_of_the_figures(store: Store) -> None:
    sent = statement()
    await store.kept(sent)
    voiding = statement(verb={"id": "http://adlnet.gov/expapi/verbs/voided"}, object=_reference(sent["id"]))

    await store.kept(voiding)

    assert await store.found() == [voiding["id"]]
    assert (await store.call("GET", "statements", params={"statementId": sent["id"]})).status_code == 404
    shown = await store.call("GET", "statements", params={"voidedStatementId": sent["id"]})
    assert shown.json()["id"] == sent["id"]
    assert (await store.org.client.get("/v1/enrolments")).json()["items"] == []


async def test_a_voiding_may_come_first_and_can_itself_not_be_voided(store: Store) -> None:
    sent = statement()
    verb = {"id": "http://adlnet.gov/expapi/verbs/voided"}
    voiding = statement(verb=verb, object=_reference(sent["id"]))
    second = statement(verb=verb, object=_reference(voiding["id"]))

    for one in (voiding, sent, second):
        await store.kept(one)

    assert await store.found() == [second["id"], voiding["id"]]
    assert (await store.org.client.get("/v1/enrolments")).json()["items"] == []


async def test_two_sources_keep_statements_of_one_id_apart(acme: Organisation, rival: Organisation) -> None:
    stores = [await connect(acme), await connect(acme, "other"), await connect(rival)]
    sent = statement()

    for place, each in enumerate(stores):
        await each.kept(sent | {"actor": {"mbox": f"mailto:p{place}@example.org"}})

    for place, each in enumerate(stores):
        found = (await each.call("GET", "statements")).json()["statements"]
        assert [one["actor"]["mbox"] for one in found] == [f"mailto:p{place}@example.org"]


async def test_many_senders_of_one_statement_at_once_store_it_once(store: Store) -> None:
    sent = statement()

    answers = await asyncio.gather(*(store.post(sent) for _ in range(20)))

    assert {answer.status_code for answer in answers} == {200}
    assert await store.found() == [sent["id"]]
    assert len((await store.org.client.get("/v1/learning-events")).json()["items"]) == 1


async def test_a_conflict_never_fails_its_neighbours_in_a_commit(store: Store) -> None:
    sent = statement()
    await store.kept(sent)
    contrary = sent | {"actor": {"mbox": "mailto:kim@example.org"}}

    answers = await asyncio.gather(*(store.post(contrary if n == 7 else statement()) for n in range(15)))

    assert sorted(answer.status_code for answer in answers) == [200] * 14 + [409]
    assert len(await store.found()) == 15


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[NaN]",
        b'{"actor": {"mbox": "mailto:a@b.org"}, "actor": {}}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'["\\u0000"]',
        b'["\\ud800"]',
        b"\xff",
        b'"text"',
        b"null",
        b"[1e999]",
    ],
    ids=lambda body: repr(body[:20]),
)
async def test_hostile_bodies_are_refused(store: Store, body: bytes) -> None:
    answer = await store.call("POST", "statements", content=body, headers={"Content-Type": "application/json"})

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_xapi")
    assert answer.headers["x-experience-api-version"] == "1.0.3"
    assert "x-experience-api-consistent-through" in answer.headers


async def test_a_body_over_the_limit_is_413(store: Store) -> None:
    limit = store.org.client._transport.app.state.settings.max_xapi_bytes

    answer = await store.call("POST", "statements", content=b" " * (limit + 1))

    assert answer.status_code == 413


async def test_a_gzipped_batch_is_read_and_kept_as_what_it_says(store: Store) -> None:
    raw = json.dumps([statement()]).encode()
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}

    answer = await store.call("POST", "statements", content=gzip.compress(raw), headers=headers)

    assert answer.status_code == 200
    delivery = (await store.org.client.get("/v1/deliveries")).json()["items"][0]
    body = (await store.org.client.get(f"/v1/deliveries/{delivery['id']}")).json()["body"]
    assert base64.b64decode(body) == raw


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
async def test_statements_come_as_json_or_multipart_mixed(store: Store, kind: str) -> None:
    answer = await store.call("POST", "statements", content=b"[]", headers={"Content-Type": kind})

    assert answer.status_code == 400


async def test_a_put_names_its_statement_in_the_address(store: Store) -> None:
    named, other = str(uuid4()), str(uuid4())
    sent = statement()

    without = await store.call("PUT", "statements", json=sent)
    contrary = await store.call("PUT", "statements", params={"statementId": other}, json=sent)
    several = await store.call("PUT", "statements", params={"statementId": named}, json=[sent])
    del sent["id"]
    stored = await store.call("PUT", "statements", params={"statementId": named}, json=sent)

    assert [each.status_code for each in (without, contrary, several, stored)] == [400, 400, 400, 204]
    assert await store.found() == [named]


async def test_a_statement_about_no_activity_is_stored_and_its_delivery_ignored(store: Store) -> None:
    sent = statement(object=AGENT | {"objectType": "Agent"})

    await store.kept(sent)

    assert await store.found() == [sent["id"]]
    delivery = (await store.org.client.get("/v1/deliveries")).json()["items"][0]
    assert delivery["status"] == "ignored"


async def test_a_statement_too_long_for_an_event_is_stored_and_its_delivery_quarantined(store: Store) -> None:
    sent = statement(object=ACTIVITY | {"id": "https://example.org/" + "x" * 600})

    await store.kept(sent)

    assert await store.found() == [sent["id"]]
    delivery = (await store.org.client.get("/v1/deliveries")).json()["items"][0]
    assert delivery["status"] == "quarantined"


async def test_a_source_that_sends_statements_is_active(store: Store) -> None:
    await store.kept(statement())

    assert (await store.org.client.get(f"/v1/sources/{store.source_id}")).json()["status"] == "active"


async def test_an_empty_batch_stores_nothing(store: Store) -> None:
    answer = await store.post()

    assert (answer.status_code, answer.json()) == (200, [])


def _reference(statement_id: str) -> dict[str, str]:
    return {"objectType": "StatementRef", "id": statement_id}
