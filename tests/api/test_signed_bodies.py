"""Bodies signed by the sender (JWS): key sets are fetched seldom and stay in use when their endpoint is down."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from joserfc import jws
from joserfc.jwk import RSAKey

from app.api import keysets, setups
from app.api.keysets import KeySets
from app.api.senders import Senders
from app.outbound import Outbound
from tests.api.senders import COMPLETION, Sender, connect, deliveries
from tests.engines import Organisation

PIECE = 16 * 1024
OLD = RSAKey.generate_key(2048, {"kid": "old"}, private=True)
NEW = RSAKey.generate_key(2048, {"kid": "new"}, private=True)


class Endpoint:
    """The sender's key set, and how often it was fetched."""

    def __init__(self, *keys: RSAKey) -> None:
        self.keys = list(keys)
        self.fetched = 0
        self.down = False
        self.body: bytes | None = None
        self.taken = 0
        self.opened = asyncio.Event()
        self.opened.set()

    async def answer(self, _request: httpx.Request) -> httpx.Response:
        self.fetched += 1
        await self.opened.wait()
        await asyncio.sleep(0)
        body = self.body or json.dumps({"keys": [key.as_dict(private=False) for key in self.keys]}).encode()

        async def stream() -> AsyncIterator[bytes]:
            for start in range(0, len(body), PIECE):
                self.taken += PIECE
                yield body[start : start + PIECE]

        return httpx.Response(503 if self.down else 200, content=stream())

    async def resolve(self, _host: str, _port: int) -> list[str]:
        return ["93.184.215.14"]


@pytest.fixture
def endpoint(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> Endpoint:
    found = Endpoint(OLD)
    calls = Outbound(resolve=found.resolve, transport=httpx.MockTransport(found.answer))
    monkeypatch.setattr(setups, "REMEMBERED_SECONDS", 0.0)
    monkeypatch.setitem(app.state._state, "outbound", calls)
    monkeypatch.setattr(app.state.reception, "_senders", Senders(app.state.vault, KeySets(calls)))
    return found


def token(key: Any, body: bytes = COMPLETION, **header: Any) -> bytes:
    return jws.serialize_compact({"alg": "RS256", "kid": key.kid, **header}, body, key).encode()


async def post(org: Organisation, sender: Sender, body: bytes) -> httpx.Response:
    return await org.client.post(sender.address(), content=body, headers={"content-type": "application/jwt"})


async def test_a_signed_body_is_applied_and_its_keys_are_fetched_once(acme: Organisation, endpoint: Endpoint) -> None:
    sender = await connect(acme, "jws")
    assert endpoint.fetched == 0

    answers = [await post(acme, sender, token(OLD, COMPLETION.replace(b"e-1", b"e-%d" % n))) for n in range(3)]

    assert [(answer.status_code, answer.json()["recorded"]) for answer in answers] == [(200, 1)] * 3
    assert endpoint.fetched == 1


async def test_a_crowd_of_unknown_keys_causes_one_fetch(acme: Organisation, endpoint: Endpoint) -> None:
    sender = await connect(acme, "jws")
    rest = token(NEW).partition(b".")[2]
    heads = [json.dumps({"alg": "RS256", "kid": f"unknown-{number}"}).encode() for number in range(1_000)]
    strangers = [base64.urlsafe_b64encode(head).rstrip(b"=") + b"." + rest for head in heads]

    answers = await asyncio.gather(*(post(acme, sender, body) for body in strangers))

    assert {answer.status_code for answer in answers} == {401}
    assert endpoint.fetched == 1
    assert await deliveries(acme) == []


async def test_a_rotated_key_is_fetched_when_it_is_first_used(
    acme: Organisation, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    sender = await connect(acme, "jws")
    await post(acme, sender, token(OLD))
    endpoint.keys = [OLD, NEW]

    early = await post(acme, sender, token(NEW))
    monkeypatch.setattr(keysets, "PAUSE_SECONDS", 0.0)
    late = await post(acme, sender, token(NEW, COMPLETION.replace(b"e-1", b"e-2")))

    assert (early.status_code, late.status_code, endpoint.fetched) == (401, 200, 2)


async def test_known_keys_work_while_their_endpoint_is_down(
    acme: Organisation, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    sender = await connect(acme, "jws")
    await post(acme, sender, token(OLD))
    endpoint.down = True
    monkeypatch.setattr(keysets, "PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(keysets, "STALE_SECONDS", 0.0)

    known = await post(acme, sender, token(OLD, COMPLETION.replace(b"e-1", b"e-2")))
    unknown = await post(acme, sender, token(NEW))

    assert known.status_code == 200
    assert (unknown.status_code, unknown.headers["retry-after"]) == (503, "3")


async def test_a_fetch_that_failed_is_tried_again_after_a_minute_whoever_asks(
    acme: Organisation, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SimpleNamespace(now=1_000_000.0)
    clock.monotonic = lambda: clock.now
    monkeypatch.setattr(keysets, "time", clock)
    sender = await connect(acme, "jws")
    known = (token(OLD, COMPLETION.replace(b"e-1", b"e-%d" % number)) for number in range(9))
    await post(acme, sender, next(known))
    endpoint.down, endpoint.keys = True, [OLD, NEW]

    statuses = []
    for seconds in (60, 11, 48):  # the fetch of the first fails; the second and the third come less than a minute later
        clock.now += seconds
        answers = await asyncio.gather(
            *(post(acme, sender, token(NEW)) for _ in range(5)), post(acme, sender, next(known))
        )
        statuses.append([answer.status_code for answer in answers])
    asked_while_down = endpoint.fetched
    endpoint.down = False
    clock.now += 1
    mended = await post(acme, sender, token(NEW))

    assert statuses == [[503] * 5 + [200]] * 3
    assert (asked_while_down, mended.status_code, endpoint.fetched) == (2, 200, 3)


async def test_known_keys_work_while_their_endpoint_is_slow(
    acme: Organisation, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    sender = await connect(acme, "jws")
    await post(acme, sender, token(OLD))
    endpoint.opened.clear()
    monkeypatch.setattr(keysets, "PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(keysets, "STALE_SECONDS", 0.0)

    bodies = [token(OLD, COMPLETION.replace(b"e-1", b"e-%d" % number)) for number in range(2, 12)]
    answers = [await post(acme, sender, body) for body in bodies]

    assert {answer.status_code for answer in answers} == {200}
    assert endpoint.fetched == 2
    endpoint.opened.set()


async def test_of_a_huge_key_set_little_is_read(acme: Organisation, endpoint: Endpoint) -> None:
    sender = await connect(acme, "jws")
    endpoint.body = b" " * 10_000_000

    answer = await post(acme, sender, token(OLD))

    assert answer.status_code == 503
    assert endpoint.taken <= 64 * 1024 + PIECE


@pytest.mark.parametrize("body", [b"x" * 70_000, b"no json", b"[]", b'{"keys": 7}', b'{"keys": [7, {"kid": "old"}]}'])
async def test_an_endpoint_that_answers_nonsense_breaks_nothing(
    acme: Organisation, endpoint: Endpoint, body: bytes
) -> None:
    sender = await connect(acme, "jws")
    endpoint.body = body

    answer = await post(acme, sender, token(OLD))

    assert answer.status_code in {401, 503}
    assert await deliveries(acme) == []


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none"},
        {"alg": "HS256"},
        {"crit": ["exp"]},
        {"kid": None},
        {"kid": 7},
    ],
)
async def test_a_confused_header_is_refused_without_a_fetch(
    acme: Organisation, endpoint: Endpoint, header: dict[str, Any]
) -> None:
    sender = await connect(acme, "jws")
    rest = token(OLD).partition(b".")[2]
    forged = json.dumps({"alg": "RS256", "kid": "old", **header}).encode()
    head = base64.urlsafe_b64encode(forged).rstrip(b"=")

    answer = await post(acme, sender, head + b"." + rest)

    assert (answer.status_code, endpoint.fetched) == (401, 0)


async def test_keys_that_the_body_names_itself_are_never_fetched(acme: Organisation, endpoint: Endpoint) -> None:
    sender = await connect(acme, "jws")
    inside = {"jku": "https://127.0.0.1/jwks", "x5u": "https://127.0.0.1/x5u", "kid": "../../etc/passwd"}

    answer = await post(acme, sender, token(NEW, **inside))

    assert (answer.status_code, endpoint.fetched) == (401, 1)


async def test_an_address_inside_is_refused_when_it_is_typed_in(acme: Organisation) -> None:
    fields = {"name": "C", "slug": "canvas", "adapter": "canvas"}
    inside = {"scheme": "jws", "jwks_url": "https://169.254.169.254/jwks"}

    created = await acme.client.post("/v1/sources", json=fields | {"authentication": inside})
    await acme.client.post("/v1/sources", json=fields)
    sources = (await acme.client.get("/v1/sources")).json()["items"]
    patched = await acme.client.patch(f"/v1/sources/{sources[0]['id']}", json={"authentication": inside})

    for answer in (created, patched):
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/authentication/jwks_url")
        assert answer.json()["errors"][0]["code"] == "address_refused"
