"""Outbound webhooks: connected, signed, retried on schedule, disabled, enabled, replayed."""

import json
from datetime import timedelta

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import select

from app.courier import POLL_SECONDS
from app.models.hooks import WebhookEndpoint
from app.services import outgoing
from tests.builders import make
from tests.couriers import PUBLIC, Network, Post, connect, listed, read, verified
from tests.engines import Organisation


async def test_a_change_is_sent_once_signed_and_noted(acme: Organisation, post: Post, network: Network) -> None:
    endpoint = await connect(acme)
    made = await make(acme.client, "objectives", 1)

    await post.deliver()
    await post.wait(minutes=1)

    (request,) = network.requests
    payload = verified(request, endpoint["secret"])
    feed = (await acme.client.get("/v1/changes", params={"limit": 200})).json()["items"]
    assert payload == {"type": "objective.created", "timestamp": feed[-1]["recorded_at"], "data": feed[-1]}
    assert payload["data"]["resource_id"] == made["id"]
    (message,) = await listed(acme, "messages")
    assert (message["id"], message["status"]) == (request.headers["webhook-id"], "delivered")
    assert (message["change_id"], message["attempts"], message["next_attempt_at"]) == (feed[-1]["id"], 1, None)
    (attempt,) = await listed(acme, "attempts", endpoint_id=endpoint["id"], succeeded=True)
    assert (attempt["message_id"], attempt["number"], attempt["status_code"]) == (message["id"], 1, 204)
    assert (await acme.client.get(f"/v1/webhook-attempts/{attempt['id']}")).json() == attempt
    assert (await read(acme, endpoint))["last_success_at"] == attempt["attempted_at"]


async def test_the_secret_is_shown_once_and_kept_encrypted(app: FastAPI, acme: Organisation, network: Network) -> None:
    endpoint = await connect(acme)

    shown = (await read(acme, endpoint)) | {"list": await listed(acme, "endpoints")}
    async with app.state.database.reading(acme.scope) as session:
        row = await session.scalar(select(WebhookEndpoint))

    assert endpoint["secret"].startswith("whsec_")
    assert endpoint["secret"].removeprefix("whsec_") not in json.dumps(shown) + repr(row)
    assert network.requests == []


async def test_only_the_types_that_were_asked_for_are_sent(acme: Organisation, post: Post, network: Network) -> None:
    endpoint = await connect(acme, event_types=["objective.*", "kpi.archived"])
    await make(acme.client, "objectives", 1)
    kpi = await make(acme.client, "kpis", 1)
    await acme.client.delete(f"/v1/kpis/{kpi['id']}")
    await make(acme.client, "people", 1)

    await post.deliver()

    assert sorted(each["type"] for each in network.taken(endpoint)) == ["kpi.archived", "objective.created"]
    refused = await acme.client.post(
        "/v1/webhook-endpoints", json={"name": "x", "url": endpoint["url"], "event_types": ["Objective created"]}
    )
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/event_types")


async def test_an_endpoint_that_is_down_for_six_hours_is_tried_on_schedule_and_then_disabled(
    acme: Organisation, post: Post, network: Network
) -> None:
    endpoint = await connect(acme, event_types=["objective.*"])
    network.answer = lambda _: httpx.Response(500, content=b"<b>out of\n order</b>")
    await make(acme.client, "objectives", 1)
    await post.deliver()
    for number, pause in enumerate(outgoing.SCHEDULE[:4], 1):
        await post.wait(seconds=pause.total_seconds() * 0.99)
        assert len(network.requests) == number
        await post.wait(seconds=pause.total_seconds() * 0.12)
        assert len(network.requests) == number + 1
    await post.wait(hours=6)

    attempts = (await listed(acme, "attempts"))[::-1]
    assert [each["number"] for each in attempts] == [1, 2, 3, 4, 5]
    assert {each["reason"] for each in attempts} == {"it answered 500: <b>out of order</b>"}
    stopped = await read(acme, endpoint)
    assert (stopped["status"], stopped["failing_since"]) == ("disabled", attempts[0]["attempted_at"])
    assert "6 hours" in stopped["status_reason"]
    feed = (await acme.client.get("/v1/changes", params={"limit": 200})).json()["items"]
    assert feed[-1]["type"] == "webhook_endpoint.disabled"
    sent = len(network.requests)
    await make(acme.client, "objectives", 2)
    await post.wait(days=2)
    assert len(network.requests) == sent

    network.answer = lambda _: httpx.Response(200)
    enabled = await acme.client.post(f"/v1/webhook-endpoints/{endpoint['id']}/enable")
    await post.wait(minutes=1)

    assert (enabled.json()["status"], enabled.json()["status_reason"]) == ("active", None)
    assert {each["status"] for each in await listed(acme, "messages")} == {"delivered"}
    assert len(await listed(acme, "messages")) == 2


async def test_retry_after_is_honoured_as_seconds_and_as_a_date(
    acme: Organisation, post: Post, network: Network
) -> None:
    await connect(acme, event_types=["objective.*"])
    await make(acme.client, "objectives", 1)
    network.answer = lambda _: httpx.Response(429, headers={"Retry-After": "600"})
    await post.deliver()
    await post.wait(minutes=9)
    assert len(network.requests) == 1

    late = (post.now + timedelta(hours=2)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    network.answer = lambda _: httpx.Response(503, headers={"Retry-After": late})
    await post.wait(minutes=3)
    await post.wait(minutes=100)
    assert len(network.requests) == 2

    network.answer = lambda _: httpx.Response(200)
    await post.wait(minutes=30)
    assert len(network.requests) == 3


async def test_a_message_that_fails_in_every_attempt_is_failed_and_can_be_replayed(
    acme: Organisation, post: Post, network: Network
) -> None:
    endpoint = await connect(acme, event_types=["objective.*"], disable_after_seconds=30 * 86_400)
    network.answer = lambda _: httpx.Response(404)
    await make(acme.client, "objectives", 1)
    await post.deliver()
    for _ in range(14):
        await post.wait(hours=12)

    (message,) = await listed(acme, "messages", status="failed")
    assert (message["attempts"], message["next_attempt_at"]) == (10, None)
    assert len(network.requests) == 10
    assert (await read(acme, endpoint))["status"] == "active"

    network.answer = lambda _: httpx.Response(200)
    replayed = await acme.client.post(f"/v1/webhook-endpoints/{endpoint['id']}/replay", json={"failed": True})
    await post.wait(minutes=1)

    assert (replayed.status_code, replayed.json()) == (202, {"count": 1})
    assert {request.headers["webhook-id"] for request in network.requests} == {message["id"]}
    assert [each["status"] for each in await listed(acme, "messages")] == ["delivered"]


async def test_gone_disables_at_once(acme: Organisation, post: Post, network: Network) -> None:
    endpoint = await connect(acme)
    network.answer = lambda _: httpx.Response(410)
    await make(acme.client, "objectives", 1)

    await post.wait(minutes=1)

    stopped = await read(acme, endpoint)
    assert (stopped["status"], stopped["status_reason"][:17]) == ("disabled", "it answered 410 G")
    assert len(network.requests) == 1


async def test_replays_of_named_messages_and_since_an_instant_keep_their_ids(
    acme: Organisation, post: Post, network: Network
) -> None:
    early = await make(acme.client, "objectives", 1)
    endpoint = await connect(acme, event_types=["objective.*"])
    first = await make(acme.client, "objectives", 2)
    await make(acme.client, "objectives", 3)
    await post.deliver()
    before = {request.headers["webhook-id"]: request.content for request in network.requests}
    path = f"/v1/webhook-endpoints/{endpoint['id']}/replay"
    one = next(iter(before))

    named = await acme.client.post(path, json={"message_ids": [one]})
    await post.wait(minutes=1)
    assert (named.status_code, [request.headers["webhook-id"] for request in network.requests[2:]]) == (202, [one])
    since = await acme.client.post(path, json={"since": first["recorded_at"]})
    await post.wait(minutes=1)
    assert since.json()["count"] == 2
    assert {request.headers["webhook-id"]: request.content for request in network.requests[3:]} == before
    await acme.client.post(path, json={"since": early["recorded_at"]})
    await post.wait(minutes=1)
    assert network.taken(endpoint)[5]["data"]["resource_id"] == early["id"]

    for body, pointer in (
        ({}, ""),
        ({"failed": True, "since": early["recorded_at"]}, ""),
        ({"message_ids": ["msg_01h455vb4pex5vsknk084sn02q"]}, "/message_ids/0"),
    ):
        refused = await acme.client.post(path, json=body)
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, pointer), refused.text


async def test_both_secrets_sign_during_a_rotation(acme: Organisation, post: Post, network: Network) -> None:
    endpoint = await connect(acme)
    rotated = await acme.client.post(
        f"/v1/webhook-endpoints/{endpoint['id']}/rotate-secret", json={"overlap_seconds": 3600}
    )
    await make(acme.client, "objectives", 1)
    await post.deliver()
    (request, *_) = network.requests
    for secret in (endpoint["secret"], rotated.json()["secret"]):
        verified(request, secret)

    await make(acme.client, "objectives", 2)
    await post.wait(hours=2)

    assert len(network.requests[-1].headers["webhook-signature"].split()) == 1


async def test_a_test_is_sent_at_once_and_logged_but_judges_nothing(acme: Organisation, network: Network) -> None:
    endpoint = await connect(acme)
    network.answer = lambda _: httpx.Response(302, headers={"Location": "https://127.0.0.1/"})

    answer = await acme.client.post(f"/v1/webhook-endpoints/{endpoint['id']}/test")

    (request,) = network.requests
    assert verified(request, endpoint["secret"])["type"] == "webhook_endpoint.test"
    assert answer.status_code == 200
    assert (answer.json()["succeeded"], answer.json()["status_code"]) == (False, 302)
    assert await listed(acme, "attempts") == [answer.json()]
    assert (await read(acme, endpoint))["failing_since"] is None


@pytest.mark.parametrize(
    "url",
    ["http://hooks.example.org/", "https://127.0.0.1/", "https://169.254.169.254/", "https://hooks.example.org:22/"],
)
@pytest.mark.usefixtures("network")
async def test_an_address_that_could_lead_inside_is_refused_when_saved(acme: Organisation, url: str) -> None:
    endpoint = await connect(acme)

    for answer in (
        await acme.client.post("/v1/webhook-endpoints", json={"name": "x", "url": url}),
        await acme.client.patch(f"/v1/webhook-endpoints/{endpoint['id']}", json={"url": url}),
    ):
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["code"] == "address_refused"
        assert answer.json()["errors"][0]["pointer"] == "/url"
    assert len(await listed(acme, "endpoints")) == 1


async def test_a_name_that_moves_inside_later_is_not_called(acme: Organisation, post: Post, network: Network) -> None:
    await connect(acme)
    await make(acme.client, "objectives", 1)

    network.addresses = [PUBLIC, "10.0.0.1"]
    await post.deliver()

    assert network.requests == []
    (attempt,) = await listed(acme, "attempts")
    assert attempt["reason"] == "not called: its host is not on the public internet"


async def test_another_tenants_changes_and_endpoints_stay_theirs(
    acme: Organisation, rival: Organisation, post: Post, network: Network
) -> None:
    mine, theirs = await connect(acme), await connect(rival)
    await make(rival.client, "kpis", 1)

    await post.deliver()

    assert network.taken(mine) == []
    assert [each["type"] for each in network.taken(theirs)] == ["kpi.created"]
    (message,) = await listed(rival, "messages")
    assert await listed(acme, "messages") == await listed(acme, "attempts", endpoint_id=theirs["id"]) == []
    for path, status in ((f"webhook-endpoints/{theirs['id']}", 404), (f"webhook-messages/{message['id']}", 404)):
        assert (await acme.client.get(f"/v1/{path}")).status_code == status
    for action in ("test", "enable", "disable"):
        assert (await acme.client.post(f"/v1/webhook-endpoints/{theirs['id']}/{action}")).status_code == 404
    refused = await acme.client.post(
        f"/v1/webhook-endpoints/{mine['id']}/replay", json={"message_ids": [message["id"]]}
    )
    assert refused.status_code == 422


async def test_no_more_waits_than_the_bound_and_nothing_is_lost(
    acme: Organisation, post: Post, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outgoing, "WAITING_MOST", 3)
    endpoint = await connect(acme, event_types=["objective.*"])
    network.answer = lambda _: httpx.Response(500)
    made = [(await make(acme.client, "objectives", n))["id"] for n in range(8)]
    await post.deliver()
    assert len(await listed(acme, "messages")) == 3

    network.answer = lambda _: httpx.Response(200)
    for _ in range(6):
        await post.wait(minutes=6)

    taken = network.taken(endpoint)[3:]
    assert sorted(each["data"]["resource_id"] for each in taken) == sorted(made)


async def test_what_a_vanished_worker_had_in_hand_is_sent_by_another(
    app: FastAPI, acme: Organisation, post: Post, network: Network
) -> None:
    endpoint = await connect(acme, event_types=["objective.*"])
    made = await make(acme.client, "objectives", 1)
    async with app.state.database.transaction(acme.scope) as session:
        row = await session.scalar(select(WebhookEndpoint))
        batch = await outgoing.take(session, app.state.vault, row.id, post.now)

    assert batch is not None
    assert len(batch.parcels) == 1
    await post.wait(seconds=50)
    assert network.requests == []
    await post.wait(seconds=50)
    assert [each["data"]["resource_id"] for each in network.taken(endpoint)] == [made["id"]]


async def test_a_change_hastens_the_job_that_would_look_later(acme: Organisation, post: Post, network: Network) -> None:
    endpoint = await connect(acme)
    await post.deliver()
    await make(acme.client, "objectives", 1)
    assert await post.courier.work_off() == 0

    post.courier.ring(acme.scope)
    await post.courier._hasten()
    await post.deliver()

    assert [each["type"] for each in network.taken(endpoint)] == ["objective.created"]


async def test_changes_of_a_tenant_without_endpoints_wake_nobody_until_it_may_have_one(
    acme: Organisation, post: Post, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    courier, clock = post.courier, 0.0
    monkeypatch.setattr("app.courier.monotonic", lambda: clock)
    courier.ring(acme.scope)
    assert courier._woken.is_set()
    await courier._hasten()
    courier._woken.clear()
    endpoint = await connect(acme)
    await post.deliver()
    await make(acme.client, "objectives", 1)

    courier.ring(acme.scope)
    assert not courier._woken.is_set()
    await courier._hasten()
    assert await courier.work_off() == 0
    clock += POLL_SECONDS
    await courier._hasten()
    await post.deliver()

    assert [each["type"] for each in network.taken(endpoint)] == ["objective.created"]
    courier.ring(acme.scope)
    assert courier._woken.is_set()


async def test_an_archived_endpoint_is_sent_nothing(acme: Organisation, post: Post, network: Network) -> None:
    endpoint = await connect(acme)
    await acme.client.delete(f"/v1/webhook-endpoints/{endpoint['id']}")
    await make(acme.client, "objectives", 1)

    await post.wait(minutes=1)

    assert network.requests == []
