"""One event id from two tenants, two sources, with two contents, or told twice in one request."""

import json
from typing import Any
from uuid import uuid4

from app.api.problems import PROBLEMS
from app.lms import TransportFaultCode
from tests.api.senders import COMPLETION, connect, deliveries, events
from tests.api.xapi.conftest import connect as connect_store
from tests.api.xapi.conftest import statement
from tests.engines import Organisation


async def counted(org: Organisation, adapter: str) -> float:
    """Conflicts of an adapter that `/metrics` shows."""
    page = (await org.client.get("/metrics")).text
    start = f'throughline_conflicting_events_total{{adapter="{adapter}"}} '
    return sum(float(line.removeprefix(start)) for line in page.splitlines() if line.startswith(start))


async def test_the_same_id_from_two_tenants_and_two_sources_is_stored_for_each(
    acme: Organisation, rival: Organisation
) -> None:
    places = [(acme, "one"), (acme, "two"), (rival, "one")]
    senders = [(org, await connect(org, "hmac_sha256", slug)) for org, slug in places]

    answers = [(await sender.post(org.client)).json() for org, sender in senders for _ in range(2)]

    assert [(told["recorded"], told["duplicates"], told["conflicts"]) for told in answers] == [(1, 0, 0), (0, 1, 0)] * 3
    assert [event["event_key"] for event in await events(acme)] == ["e-1", "e-1"]
    assert [event["event_key"] for event in await events(rival)] == ["e-1"]
    for org, sender in senders:
        assert [row["repeats"] for row in await deliveries(org) if row["source_id"] == sender.id] == [1]


async def test_of_one_id_with_two_contents_the_first_wins_and_the_conflict_is_seen_and_counted(
    acme: Organisation, rival: Organisation
) -> None:
    sender = await connect(acme, "hmac_sha256")
    before = await counted(acme, "mapped"), await counted(acme, "xapi")
    other = COMPLETION.replace(b"fire", b"water")

    first = (await sender.post(acme.client)).json()
    second, again = [(await sender.post(acme.client, other)).json() for _ in range(2)]
    benign = (await sender.post(acme.client, COMPLETION.replace(b"{}", b'{"attempt": 2}'))).json()

    told = [(each["recorded"], each["duplicates"], each["conflicts"]) for each in (first, second, again, benign)]
    assert told == [(1, 0, 0), (0, 1, 1), (0, 1, 0), (0, 1, 0)]
    (kept,) = await events(acme)
    assert kept["delivery_id"] == first["delivery"]
    listed = await found(acme, conflicts_gte=1)
    assert [(row["id"], row["conflicts"], row["repeats"]) for row in listed] == [(second["delivery"], 1, 1)]
    assert {row["id"] for row in await found(acme, conflicts_lt=1)} == {first["delivery"], benign["delivery"]}
    assert await found(rival, conflicts_gte=1) == []
    asked = {"query": "{ deliveries(filter: {conflictsGte: 1}) { totalCount nodes { conflicts } } }"}
    graph = (await acme.client.post("/graphql", json=asked)).json()["data"]["deliveries"]
    assert (graph["totalCount"], graph["nodes"]) == (1, [{"conflicts": 1}])
    assert (await acme.client.get("/v1/deliveries?conflicts_gte=-1")).status_code == 422

    store = await connect_store(acme)
    one = statement()
    await store.kept(one)
    assert (await store.post(one | {"result": {"success": False}})).status_code == 409
    assert (await counted(acme, "mapped") - before[0], await counted(acme, "xapi") - before[1]) == (1, 1)


async def found(org: Organisation, **filters: Any) -> list[dict[str, Any]]:
    answer = await org.client.get("/v1/deliveries", params={**filters, "include_total": True})
    rows: list[dict[str, Any]] = answer.json()["items"]
    assert answer.json()["total"] == len(rows), json.dumps(answer.json())
    return rows


async def test_a_request_that_tells_one_id_in_two_ways_is_400_and_nothing_is_kept(acme: Organisation) -> None:
    message = await connect(acme, "standard_webhooks", adapter="standard-webhooks", mapping={})
    event = await connect(acme, "hmac_sha256", "events", adapter="cloudevents", mapping={})
    store = await connect_store(acme)
    facts = {"type": "course.completed", "data": {"user_id": "u", "course_id": "c"}}
    structured = {"content-type": "application/cloudevents+json", "ce-id": "1", "ce-specversion": "1.0"}
    one = statement()

    answers = [
        await message.post(acme.client, json.dumps({**facts, "id": "msg_other"}).encode()),
        await event.post(acme.client, json.dumps({**facts, "id": "1", "specversion": "1.0"}).encode(), **structured),
    ]
    put = await store.call("PUT", "statements", params={"statementId": str(uuid4())}, json=one)

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(400, "contradictory_headers")] * 2
    assert all(each in answers[0].json()["detail"] for each in ("msg_test", "msg_other"))
    assert (put.status_code, one["id"] in put.text) == (400, True)
    assert await deliveries(acme) == []
    same = await message.post(acme.client, json.dumps({**facts, "id": "msg_test"}).encode())
    assert same.json()["recorded"] == 1
    assert {code.value for code in TransportFaultCode} <= PROBLEMS.keys()
