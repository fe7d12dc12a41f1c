"""Connecting an LMS: every scheme through the real path, rotation, pause, silence, and what is never shown or kept."""

import asyncio
import base64
import gzip
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from fastapi import FastAPI
from sqlalchemy import text

from app.api import setups
from app.db import Database
from app.domain import ids
from app.lms import _signatures
from app.models.unit import TenantScope
from app.services import sources
from app.services.ingest import Inbound, Receipt
from tests.api.senders import COMPLETION, SCHEMES, connect, deliveries, events
from tests.engines import Organisation

OFFLINE = sorted(SCHEMES.keys() - {"jws", "oauth2"})

every_scheme = pytest.mark.parametrize("scheme", OFFLINE)


class Everywhere:
    """Stands in for what calls out: no address is refused, and none is called."""

    async def screen(self, _url: str) -> None:
        return None


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch, app: FastAPI) -> None:
    """Let every change of a source be seen at once, and no look-up of names leave the machine."""
    monkeypatch.setattr(setups, "REMEMBERED_SECONDS", 0.0)
    monkeypatch.setitem(app.state._state, "outbound", Everywhere())


async def test_every_scheme_of_the_catalogue_is_tried_here() -> None:
    assert SCHEMES.keys() == _signatures.SCHEMES.keys()


@every_scheme
async def test_a_delivery_with_the_secret_is_applied(acme: Organisation, scheme: str) -> None:
    sender = await connect(acme, scheme)

    answer = await sender.post(acme.client)

    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert (answer.json()["status"], answer.json()["recorded"]) == ("applied", 1)
    assert len(answer.content) < 300


@every_scheme
@pytest.mark.parametrize("wrong", ["ana:wrong", "whsec_d3Jvbmc="])
async def test_a_delivery_with_another_secret_is_refused_and_not_kept(
    acme: Organisation, scheme: str, wrong: str
) -> None:
    sender = await connect(acme, scheme)

    answer = await sender.post(acme.client, secret=wrong)

    assert (answer.status_code, answer.json()["code"]) == (401, "bad_signature")
    assert await deliveries(acme) == []
    assert (await acme.client.get(f"/v1/sources/{sender.id}")).json()["status"] == "pending"


@every_scheme
async def test_a_delivery_that_proves_nothing_is_refused(acme: Organisation, scheme: str) -> None:
    sender = await connect(acme, scheme)

    bare = await acme.client.post(sender.created["webhook_path"], content=COMPLETION, headers={"authorization": ""})

    assert (bare.status_code, bare.json()["code"]) == (401, "bad_signature")
    assert await deliveries(acme) == []


async def test_a_sender_that_waits_to_be_asked_for_user_and_password_is_asked(acme: Organisation) -> None:
    senders = [await connect(acme, "basic"), await connect(acme, "static_header", "other")]

    refused = [await sender.post(acme.client, secret="w:rong") for sender in senders]

    assert [one.headers["www-authenticate"].partition(" ")[0] for one in refused] == ["Basic", "Bearer"]


async def test_a_former_secret_ends_when_it_was_told_to_even_while_the_source_is_remembered(
    acme: Organisation, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(setups, "REMEMBERED_SECONDS", 4.0)
    sender = await connect(acme, "basic")
    await acme.client.post(f"/v1/sources/{sender.id}/rotate-secret", json={"overlap_seconds": 1})

    assert (await sender.post(acme.client)).status_code == 200

    until, _ = app.state.directory._remembered[acme.scope.slug, "lms"]
    assert 0 < until - setups.time.monotonic() <= 1


async def test_without_an_overlap_the_former_secret_ends_at_once(acme: Organisation) -> None:
    sender = await connect(acme, "hmac_sha256")

    await acme.client.post(f"/v1/sources/{sender.id}/rotate-secret", json={"overlap_seconds": 0, "secret": "newer"})

    assert (await sender.post(acme.client)).status_code == 401
    assert (await sender.post(acme.client, secret="newer")).status_code == 200


async def test_a_third_secret_ends_the_first(acme: Organisation) -> None:
    sender = await connect(acme, "hmac_sha256")

    for secret in ("second", "third"):
        await acme.client.post(f"/v1/sources/{sender.id}/rotate-secret", json={"secret": secret})

    statuses = [(await sender.post(acme.client, secret=each)).status_code for each in (None, "second", "third")]
    assert statuses == [401, 200, 200]


async def test_another_scheme_drops_the_secret_until_it_is_changed(acme: Organisation) -> None:
    sender = await connect(acme, "static_header")

    changed = await acme.client.patch(f"/v1/sources/{sender.id}", json={"authentication": {"scheme": "basic"}})

    assert changed.status_code == 200, changed.text
    assert changed.json()["authentication"] == {"scheme": "basic"}
    refused = await acme.client.post(sender.created["webhook_path"], content=COMPLETION, auth=("a", "b"))
    assert "no secret" in refused.json()["detail"]
    rotated = (await acme.client.post(f"/v1/sources/{sender.id}/rotate-secret", json={})).json()
    user, _, password = rotated["secret"].partition(":")
    taken = await acme.client.post(sender.created["webhook_path"], content=COMPLETION, auth=(user, password))
    assert taken.status_code == 200


async def test_a_change_within_the_scheme_keeps_the_secret(acme: Organisation) -> None:
    sender = await connect(acme, "static_header")

    await acme.client.patch(f"/v1/sources/{sender.id}", json={"authentication": {"header": "X-Other"}})

    answer = await sender.post(acme.client, **{"x-other": f"Key {sender.created['secret']}"})
    assert answer.status_code == 200


async def test_a_body_field_with_a_user_gets_a_secret_of_both(acme: Organisation) -> None:
    both = {"scheme": "body_field", "field": "password", "user_field": "userName"}
    sender = await connect(acme, "body_field", authentication=both)

    assert ":" in sender.created["secret"]
    assert (await sender.post(acme.client)).status_code == 200
    refused = await acme.client.post(f"/v1/sources/{sender.id}/rotate-secret", json={"secret": "no-colon"})
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/secret")


@pytest.mark.parametrize("scheme", ["jws", "none"])
async def test_a_scheme_without_a_secret_of_its_own_shows_none(acme: Organisation, scheme: str) -> None:
    sender = await connect(acme, scheme)

    assert sender.created["secret"] is None
    ends_in_secret = sender.created["webhook_url"].rpartition("/")[2] != sender.created["slug"]
    assert ends_in_secret == (scheme == "none")


@pytest.mark.parametrize(
    ("authentication", "pointer"),
    [
        ({"scheme": "telepathy"}, "/authentication/scheme"),
        ({"scheme": "static_header"}, "/authentication/header"),
        ({"scheme": "embedded_md5", "accept_md5": False}, "/authentication/accept_md5"),
        ({"scheme": "jws", "jwks_url": "http://canvas.example.org/jwks"}, "/authentication/jwks_url"),
        ({"scheme": "basic", "colour": "red"}, "/authentication/colour"),
        ({"scheme": "static_header", "header": "X-Token", "secret": "s3cret"}, "/authentication/secret"),
    ],
)
async def test_an_authentication_that_cannot_work_is_refused(
    acme: Organisation, authentication: dict[str, Any], pointer: str
) -> None:
    fields = {"name": "L", "slug": "lms", "adapter": "canvas", "authentication": authentication}

    answer = await acme.client.post("/v1/sources", json=fields)

    (fault,) = answer.json()["errors"]
    assert (answer.status_code, fault["pointer"]) == (422, pointer)
    assert ("beside `authentication`" in fault["detail"]) == (pointer == "/authentication/secret")


@every_scheme
async def test_no_secret_stands_in_clear_in_what_is_kept_or_told(
    acme: Organisation, database: Database, scheme: str, capfd: pytest.CaptureFixture[str]
) -> None:
    sender = await connect(acme, scheme)
    secret = sender.created["secret"] or sender.address().rpartition("/")[2]
    words = [secret, secret.rpartition(":")[2], base64.b64encode(secret.encode()).decode()]

    kept = (await sender.post(acme.client, **{"x-request-id": "kept"})).json()["delivery"]
    await sender.post(acme.client, secret="w:rong")

    told = [(await acme.client.get(path)).text for path in ("/v1/sources", "/v1/deliveries", "/metrics")]
    delivery = (await acme.client.get(f"/v1/deliveries/{kept}")).json()
    told += [json.dumps(delivery["headers"]), base64.b64decode(delivery["body"]).decode("latin-1")]
    captured = capfd.readouterr()
    told += [captured.out, captured.err]
    async with database.transaction(acme.scope) as session:
        told += [str(row) for row in await session.execute(text("SELECT secrets, authentication FROM source"))]
    assert "kept" in captured.out + captured.err
    assert [word for word in words for page in told if word in page] == []


async def test_a_secret_inside_a_compressed_body_is_taken_out_too(acme: Organisation) -> None:
    sender = await connect(acme, "body_field")
    body = COMPLETION.replace(b"}}", b'}, "token": "%s"}' % sender.created["secret"].encode())

    answer = await acme.client.post(
        sender.address(),
        content=gzip.compress(body, mtime=0),
        headers={"content-encoding": "gzip", "authorization": ""},
    )

    assert (answer.status_code, answer.json()["status"]) == (200, "applied"), answer.text
    kept = (await acme.client.get(f"/v1/deliveries/{answer.json()['delivery']}")).json()
    assert json.loads(base64.b64decode(kept["body"]))["token"] == "[removed]"
    replayed = (await acme.client.post(f"/v1/deliveries/{kept['id']}/replay")).json()
    assert (replayed["status"], replayed["recorded"], replayed["duplicates"]) == ("applied", 1, 0)


async def test_a_paused_source_keeps_what_comes_for_later(acme: Organisation) -> None:
    sender = await connect(acme, "basic")
    await acme.client.post(f"/v1/sources/{sender.id}/pause")

    paused = (await sender.post(acme.client)).json()
    await acme.client.post(f"/v1/sources/{sender.id}/resume")
    later = (await sender.post(acme.client, COMPLETION.replace(b"e-1", b"e-2"))).json()

    assert (paused["status"], paused["reason"], paused["recorded"]) == ("quarantined", "the source is paused", 0)
    assert (later["status"], later["recorded"]) == ("applied", 1)
    replayed = await acme.client.post(f"/v1/deliveries/{paused['delivery']}/replay")
    assert (replayed.json()["status"], replayed.json()["recorded"]) == ("applied", 1)


async def test_a_source_that_falls_silent_says_so_until_it_is_heard_again(
    acme: Organisation, database: Database
) -> None:
    sender = await connect(acme, "basic", silence_after_seconds=600)
    await sender.post(acme.client)

    async def status_after(seconds: int) -> str:
        with time_machine.travel(datetime.now(UTC) + timedelta(seconds=seconds), tick=True):
            async with database.transaction(acme.scope) as session:
                await sources.mark_silent(session, {})
        return str((await acme.client.get(f"/v1/sources/{sender.id}")).json()["status"])

    assert await status_after(590) == "active"
    assert await status_after(620) == "silent"
    await sender.post(acme.client)

    assert (await acme.client.get(f"/v1/sources/{sender.id}")).json()["status"] == "active"
    entries = (await acme.client.get("/v1/changes")).json()["items"]
    assert [entry["type"] for entry in entries if entry["resource_id"] == sender.id] == [
        "source.created",
        "source.secret_changed",
        "source.active",
        "source.silent",
        "source.active",
    ]


async def test_only_sources_that_were_heard_and_have_a_threshold_fall_silent(
    acme: Organisation, database: Database
) -> None:
    await connect(acme, "basic", "unheard", silence_after_seconds=60)
    heard = await connect(acme, "basic", "unwatched")
    await heard.post(acme.client)

    with time_machine.travel(datetime.now(UTC) + timedelta(days=30), tick=True):
        async with database.transaction(acme.scope) as session:
            await sources.mark_silent(session, {})

    found = (await acme.client.get("/v1/sources")).json()["items"]
    assert {item["slug"]: item["status"] for item in found} == {"unheard": "pending", "unwatched": "active"}


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "TRACE"])
async def test_a_receiver_takes_nothing_but_posts(acme: Organisation, method: str) -> None:
    sender = await connect(acme, "none")

    for path in (sender.created["webhook_path"], sender.address(), "/v1/webhooks/no/body"):
        answer = await acme.client.request(method, path)
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST, OPTIONS")
        assert method == "HEAD" or answer.json()["code"] == "method_not_allowed"


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        (b"x" * (2 * 1024 * 1024 + 1), {}, 413, "body_too_large"),
        (gzip.compress(b" " * 9_000_000, mtime=0), {"content-encoding": "gzip"}, 413, "body_too_large"),
        (b"not gzip", {"content-encoding": "gzip"}, 400, "broken_content_encoding"),
        (b"br", {"content-encoding": "br"}, 415, "unsupported_content_encoding"),
        (b"<event/>", {"content-type": "application/xml"}, 415, "unsupported_media_type"),
    ],
)
async def test_what_cannot_be_decoded_is_refused_as_such(
    acme: Organisation, body: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    sender = await connect(acme, "basic")

    answer = await sender.post(acme.client, body, **headers)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert await deliveries(acme) == []


async def test_an_unknown_address_is_404_and_a_full_queue_503(
    acme: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    sender = await connect(acme, "basic")
    monkeypatch.setattr("app.grouping.QUEUE_LIMIT", 0)

    full = await sender.post(acme.client)
    unknown = await acme.client.post(f"{sender.created['webhook_path']}-2", content=COMPLETION)

    assert (full.status_code, full.headers["retry-after"]) == (503, "3")
    assert unknown.status_code == 404


async def test_a_source_over_its_budget_is_503_and_keeps_no_other_waiting(
    app: FastAPI, acme: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    noisy, quiet = await connect(acme, "basic"), await connect(acme, "basic", slug="other")
    monkeypatch.setattr(app.state.budgets, "_most", 3)
    gate, submit = asyncio.Event(), app.state.ingest.submit

    async def held(tenant: TenantScope, inbound: Inbound) -> Receipt:
        if inbound.source_id == ids.decode("src", noisy.id):
            await gate.wait()
        receipt: Receipt = await submit(tenant, inbound)
        return receipt

    monkeypatch.setattr(app.state.ingest, "submit", held)
    flood = [asyncio.create_task(noisy.post(acme.client, COMPLETION + b" " * n)) for n in range(8)]
    answered = asyncio.as_completed(flood)
    refused = [await next(answered) for _ in range(5)]
    unproved = await noisy.post(acme.client, secret="ana:wrong")
    other = await quiet.post(acme.client)
    gate.set()
    taken = [await each for each in answered]

    assert {(each.status_code, each.headers["retry-after"], each.json()["code"]) for each in refused} == {
        (503, "3", "unavailable")
    }
    assert "3 deliveries of this source are waiting" in refused[0].json()["detail"]
    assert (unproved.status_code, other.status_code) == (401, 200)
    assert [each.status_code for each in taken] == [200] * 3
    assert (await noisy.post(acme.client)).status_code == 200


async def test_the_same_body_under_another_query_is_another_delivery(acme: Organisation) -> None:
    mapping = {"kind": {"path": "_query.event", "values": {"done": "completed", "begun": "started"}}}
    mapping |= {"learner": [{"kind": "account", "path": "who"}], "activity": "course"}
    sender = await connect(acme, "basic", mapping=mapping)
    auth = tuple(sender.created["secret"].split(":"))

    for event in ("done", "begun", "unheard-of"):
        answer = await acme.client.post(f"{sender.address()}?event={event}", content=COMPLETION, auth=auth)
        assert answer.status_code == 200

    queries = [each["headers"][":query"] for each in await deliveries(acme)]
    assert queries == ["event=done", "event=begun", "event=unheard-of"]
    assert {event["kind"] for event in await events(acme)} == {"completed", "started"}
