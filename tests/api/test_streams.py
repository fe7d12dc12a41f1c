"""The live stream: every change once and in order, from any place, for as long as the key is good."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from fastapi import FastAPI

from app.api import authentication, streams
from app.api.streams import Streams
from tests.api.live import Later, Listener, listening
from tests.builders import make
from tests.engines import Organisation, organisation

pytestmark = pytest.mark.usefixtures("open_streams")


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(streams, "PROOF_SECONDS", 0.05)


@pytest.fixture
def open_streams(app: FastAPI) -> Iterator[Streams]:
    """The streams of the service; its limits are put back."""
    found: Streams = app.state.streams
    kept = found._most, found._most_of_tenant
    yield found
    found._most, found._most_of_tenant = kept
    assert found.count() == 0


async def types(listener: Listener, count: int) -> list[str]:
    found = []
    for _ in range(count):
        event = await listener.event()
        assert event is not None
        found.append(event["type"])
    return found


async def test_a_change_is_sent_as_the_feed_has_it(app: FastAPI, acme: Organisation) -> None:
    await make(acme.client, "objectives", 1)

    async with listening(app, acme.token) as live:
        made = await make(acme.client, "objectives", 2)
        event = await live.event()

    assert live.status == 200
    assert live.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert live.headers["cache-control"] == "no-store"
    assert event is not None
    assert (event["type"], event["resource_id"], event["version"]) == ("objective.created", made["id"], 1)
    feed = (await acme.client.get("/v1/changes", params={"limit": 200})).json()
    assert feed["items"][-1] == event
    assert feed["next_cursor"] == live.last_id


async def test_who_comes_back_with_the_last_id_misses_and_repeats_nothing(app: FastAPI, acme: Organisation) -> None:
    async with listening(app, acme.token) as live:
        await make(acme.client, "objectives", 1)
        assert await types(live, 1) == ["objective.created"]
    await make(acme.client, "kpis", 1)
    await make(acme.client, "people", 1)

    async with listening(app, acme.token, last_event_id=str(live.last_id)) as again:
        assert await types(again, 2) == ["kpi.created", "person.created"]
        await make(acme.client, "initiatives", 1)
        assert await types(again, 1) == ["initiative.created"]


async def test_who_comes_back_before_the_first_event_misses_nothing(app: FastAPI, acme: Organisation) -> None:
    async with listening(app, acme.token) as live:
        pass
    await make(acme.client, "kpis", 1)

    async with listening(app, acme.token, last_event_id=str(live.last_id)) as again:
        assert await types(again, 1) == ["kpi.created"]


async def test_a_long_feed_is_sent_from_its_beginning_in_order(
    app: FastAPI, acme: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "_CHUNK", 3)
    for n in range(8):
        await make(acme.client, "objectives", n)
    feed = (await acme.client.get("/v1/changes", params={"limit": 200})).json()["items"]
    start = (await acme.client.get("/v1/changes", params={"limit": 1})).json()

    async with listening(app, acme.token, query=f"cursor={start['next_cursor']}") as live:
        found = [await live.event() for _ in feed[1:]]

    assert found == feed[1:]


async def test_a_change_of_another_process_is_found(
    app: FastAPI, acme: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app.state.database, "after_change", [])

    async with listening(app, acme.token) as live:
        await make(acme.client, "objectives", 1)
        assert await types(live, 1) == ["objective.created"]


async def test_a_stream_carries_the_changes_of_its_own_tenant_only(
    app: FastAPI, acme: Organisation, rival: Organisation
) -> None:
    async with listening(app, acme.token) as mine, listening(app, rival.token) as theirs:
        await make(rival.client, "kpis", 1)
        await make(acme.client, "objectives", 1)
        assert await types(mine, 1) == ["objective.created"]
        assert await types(theirs, 1) == ["kpi.created"]

    async with listening(app, acme.token, last_event_id=str(theirs.last_id)) as refused:
        assert refused.status == 400


async def test_a_heartbeat_comes_where_nothing_happens(
    app: FastAPI, acme: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "HEARTBEAT_SECONDS", 0.02)

    async with listening(app, acme.token) as live:
        assert await live.block() == ": still here"
        assert await live.block() == ": still here"


async def test_a_stream_ends_with_its_key(app: FastAPI, acme: Organisation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authentication, "REMEMBERED_SECONDS", 0.0)
    made = (await acme.client.post("/v1/keys", json={"name": "short-lived", "scopes": ["read"]})).json()

    async with listening(app, made["token"]) as live:
        await acme.client.post(f"/v1/keys/{made['id']}/revoke")
        assert await live.event() is None


async def test_a_stream_ends_when_its_key_expires(
    app: FastAPI, acme: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    soon = (datetime.now(UTC) + timedelta(minutes=30)).isoformat()
    made = await acme.client.post("/v1/keys", json={"name": "half an hour", "scopes": ["read"], "expires_at": soon})

    async with listening(app, made.json()["token"]) as live:
        monkeypatch.setattr(authentication, "datetime", Later)
        assert await live.event() is None


async def test_a_stream_needs_a_key_that_may_read(app: FastAPI, acme: Organisation) -> None:
    async with organisation(app, ["ingest"]) as sender:
        for token, status in ((None, 401), (acme.token[:-1], 401), (sender.token, 403)):
            async with listening(app, token) as refused:
                assert refused.status == status


async def test_a_cursor_that_is_none_is_refused(client: httpx.AsyncClient) -> None:
    for sent in ({"headers": {"Last-Event-ID": "forged"}}, {"params": {"cursor": "forged"}}):
        answer = await client.get("/v1/stream", **sent)
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_cursor")


async def test_open_streams_are_bounded_for_one_tenant_and_for_all(
    app: FastAPI, acme: Organisation, rival: Organisation, open_streams: Streams
) -> None:
    open_streams._most_of_tenant, open_streams._most = 1, 2

    async with listening(app, acme.token):
        refused = await acme.client.get("/v1/stream")
        async with listening(app, rival.token), organisation(app, ["read"]) as third:
            full = await third.client.get("/v1/stream")

    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_requests")
    assert (full.status_code, full.json()["code"]) == (503, "unavailable")
    assert int(refused.headers["retry-after"]) > 0
    assert int(full.headers["retry-after"]) > 0


async def test_streams_end_when_the_service_stops(app: FastAPI, acme: Organisation, open_streams: Streams) -> None:
    async with listening(app, acme.token) as live:
        open_streams.stop()
        try:
            assert await live.event() is None
            assert (await acme.client.get("/v1/stream")).status_code == 503
        finally:
            open_streams.stopping = False


async def test_head_tells_the_headers_and_opens_nothing(client: httpx.AsyncClient) -> None:
    answer = await client.head("/v1/stream")

    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"].startswith("text/event-stream")


async def test_text_of_any_script_stays_one_line(app: FastAPI, acme: Organisation) -> None:
    async with listening(app, acme.token) as live:
        await make(acme.client, "objectives", 1, title="Zwei\u2028Zeilen \U0001f469")
        block = await live.block()

    assert block is not None
    assert json.loads(block.partition("data: ")[2].partition("\n")[0])["type"] == "objective.created"
