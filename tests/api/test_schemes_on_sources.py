"""Every authentication scheme on a source of every adapter: what is rightly proven is read, all else is refused.

SQLite takes every pair of a body and a scheme; PostgreSQL one scheme for each body, all of them in turn.
"""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import time_machine
from fastapi import FastAPI
from joserfc import jws
from joserfc.jwk import RSAKey

from app.api import setups
from app.api.keysets import KeySets
from app.api.senders import Senders
from app.config import Settings
from app.lms import Delivery, _signatures, adapters
from app.lms._signing import signed
from app.outbound import Outbound
from tests.api.senders import SCHEMES, Sender, connect
from tests.engines import Organisation
from tests.lms.conftest import Recording, recordings

OPTIONS = SCHEMES | {"embedded_md5": {"accept_md5": True, "object": "proof"}}
"""Not `header`: by an object of that name LearnUpon's first version is told from its second."""

OVER_RAW_BYTES = frozenset({"hmac_sha256", "standard_webhooks", "concatenation_hash"})
INSIDE_THE_BODY = frozenset({"body_field", "embedded_md5"})
OVERLAP_SECONDS = 600
KEY, OTHER_KEY = (RSAKey.generate_key(2048, {"kid": "k"}, private=True) for _ in range(2))


@dataclass(frozen=True)
class Letter:
    """A recorded request without what proved it; `plain` is its body without encoding."""

    recording: Recording
    plain: bytes

    @property
    def headers(self) -> Mapping[str, str]:
        found = self.recording.delivery.headers.items()
        return {name: value for name, value in found if name.startswith(("content-", "ce-", "x-webhook-type"))}

    @property
    def bare(self) -> Delivery:
        return Delivery(self.headers, self.plain, datetime.now(UTC), query=self.recording.delivery.query)

    @property
    def count(self) -> int:
        """How many events are read of it."""
        return len(self.recording.expectation["expected"]["events"])


def letters() -> Iterator[Letter]:
    """Yield the first recording of each adapter that is an object, which has a place for whatever proves it."""
    seen = set()
    for each in recordings():
        if each.expectation["expected"]["verdict"] != "accepted" or each.source in seen:
            continue
        body = each.delivery.body
        plain = gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body
        if plain.startswith(b"{"):
            seen.add(each.source)
            yield Letter(each, plain)


PAIRS = [(letter, scheme) for letter in letters() for scheme in OPTIONS]
DIAGONAL = [pair for number, pair in enumerate(PAIRS) if number % (len(OPTIONS) - 1) == 0]


def packed(delivery: Delivery) -> Delivery:
    """Return the delivery with its body as its headers say that it is."""
    return replace(delivery, body=gzip.compress(delivery.body)) if "content-encoding" in delivery.headers else delivery


@dataclass(frozen=True)
class Source:
    """A connected source and the letter that is posted to it again and again."""

    sender: Sender
    letter: Letter
    client: httpx.AsyncClient

    @property
    def name(self) -> str:
        return f"{self.letter.recording.source} by {self.scheme}"

    @property
    def scheme(self) -> str:
        return str(self.sender.authentication["scheme"])

    async def answered(self, secret: str, *, added: bytes = b"") -> httpx.Response:
        """Return the answer to the letter, proven with the secret; `added` are bytes that came after the proof."""
        delivery = await self._proven(secret)
        address, headers = self.sender.address(secret), {"authorization": "", **delivery.headers}
        return await self.client.post(address, content=delivery.body + added, params=delivery.query, headers=headers)

    async def rotated(self) -> str:
        """Let a second secret be valid for a while, and return it."""
        path = f"/v1/sources/{self.sender.id}/rotate-secret"
        return shown((await self.client.post(path, json={"overlap_seconds": OVERLAP_SECONDS})).json())

    async def _proven(self, secret: str) -> Delivery:
        bare = self.letter.bare
        if self.scheme == "jws":
            key = OTHER_KEY if secret.startswith("wrong") else KEY
            token = jws.serialize_compact({"alg": "RS256", "kid": "k"}, bare.body, key)
            return packed(replace(bare, body=token.encode()))
        if self.scheme == "oauth2":
            return packed(replace(bare, headers={**bare.headers, "authorization": await self._bearer(secret)}))
        setup = self.sender.setup(secret)
        return packed(signed(bare, setup)) if self.scheme in INSIDE_THE_BODY else signed(packed(bare), setup)

    async def _bearer(self, secret: str) -> str:
        form = {"client_id": self.sender.created["client_id"], "client_secret": secret}
        form["grant_type"] = "client_credentials"
        async with httpx.AsyncClient(transport=self.client._transport, base_url="http://test") as client:
            answer = await client.post("/v1/oauth/token", data=form)
        return f"Bearer {answer.json().get('access_token', 'none')}"


def shown(created: Mapping[str, Any]) -> str:
    """Return the secret that an answer shows, or holds in its address."""
    return str(created["secret"] or created["webhook_url"].rpartition("/")[2])


async def connected(org: Organisation, number: int, letter: Letter, scheme: str) -> Source:
    told = letter.recording.expectation["setup"]
    authentication = {"scheme": scheme, **OPTIONS[scheme]}
    fields = {"name": "LMS", "slug": f"lms-{number}", "adapter": letter.recording.source}
    fields |= {"authentication": authentication, "mapping": told.get("mapping", {}), "zone": told.get("zone", "UTC")}
    answer = await org.client.post("/v1/sources", json=fields)
    assert answer.status_code == 201, answer.text
    return Source(Sender(answer.json(), authentication), letter, org.client)


@pytest.fixture(autouse=True)
def _keys_of_the_sender(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the sender's key set be found, and every change of a source be seen at once."""

    async def answer(_request: httpx.Request) -> httpx.Response:
        async def stream() -> AsyncIterator[bytes]:
            yield json.dumps({"keys": [KEY.as_dict(private=False)]}).encode()

        return httpx.Response(200, content=stream())

    async def resolve(_host: str, _port: int) -> list[str]:
        return ["93.184.215.14"]

    calls = Outbound(resolve=resolve, transport=httpx.MockTransport(answer))
    monkeypatch.setattr(setups, "REMEMBERED_SECONDS", 0.0)
    monkeypatch.setitem(app.state._state, "outbound", calls)
    monkeypatch.setattr(app.state.reception, "_senders", Senders(app.state.vault, KeySets(calls)))


async def test_the_pairs_are_every_adapter_by_every_scheme_and_the_diagonal_has_them_all() -> None:
    assert len(PAIRS) == len(adapters()) * len(_signatures.SCHEMES)
    for pairs in (PAIRS, DIAGONAL):
        assert {letter.recording.source for letter, _ in pairs} == adapters().keys()
        assert {scheme for _, scheme in pairs} == _signatures.SCHEMES.keys()


async def test_a_source_takes_what_is_proven_and_refuses_what_is_not(acme: Organisation, settings: Settings) -> None:
    pairs = PAIRS if settings.database_url.startswith("sqlite") else DIAGONAL
    sources = [await connected(acme, number, *pair) for number, pair in enumerate(pairs)]

    right = await asyncio.gather(*(source.answered(shown(source.sender.created)) for source in sources))
    wrong = await asyncio.gather(*(source.answered("wrong:secret") for source in sources))

    told = [(one.status_code, one.json().get("status"), one.json().get("recorded")) for one in right]
    expected = [(200, "applied", source.letter.count) for source in sources]
    names = [source.name for source in sources]
    assert dict(zip(names, told, strict=True)) == dict(zip(names, expected, strict=True))
    assert [name for name, one in zip(names, wrong, strict=True) if one.status_code != 401] == []


async def test_two_secrets_are_valid_during_a_rotation_and_the_old_one_not_after_it(acme: Organisation) -> None:
    pairs = [(letter, scheme) for letter, scheme in DIAGONAL if scheme != "jws"]
    sources = [await connected(acme, number, *pair) for number, pair in enumerate(pairs)]
    secrets = [(shown(source.sender.created), await source.rotated()) for source in sources]

    async def statuses() -> dict[str, list[int]]:
        return {
            source.name: [(await source.answered(secret)).status_code for secret in both]
            for source, both in zip(sources, secrets, strict=True)
        }

    during = await statuses()
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=OVERLAP_SECONDS + 1), tick=True):
        after = await statuses()

    assert during == {source.name: [200, 200] for source in sources}
    assert after == {source.name: [401, 200] for source in sources}


async def test_a_signature_covers_the_bytes_as_sent_not_what_they_mean(acme: Organisation) -> None:
    pairs = [(letter, scheme) for letter in [letter for letter, _ in DIAGONAL][:3] for scheme in OVER_RAW_BYTES]
    sources = [await connected(acme, number, *pair) for number, pair in enumerate(pairs)]

    spaced = {each.name: await each.answered(shown(each.sender.created), added=b" ") for each in sources}

    assert {answer.status_code for answer in spaced.values()} == {401}


async def test_a_secret_that_is_the_key_itself_does_not_look_like_base64(acme: Organisation) -> None:
    raw = {"scheme": "standard_webhooks", "key": "raw"}
    sender = await connect(acme, "standard_webhooks", authentication=raw)

    assert not sender.created["secret"].startswith("whsec_")
    assert (await sender.post(acme.client)).status_code == 200


async def test_a_secret_is_changed_without_a_word(acme: Organisation) -> None:
    sender = await connect(acme, "hmac_sha256")

    changed = await acme.client.post(f"/v1/sources/{sender.id}/rotate-secret")

    assert changed.status_code == 200, changed.text
    statuses = [(await sender.post(acme.client, secret=each)).status_code for each in (None, changed.json()["secret"])]
    assert statuses == [200, 200]
