"""Whatever an authentic sender sends, its receiver answers alike on both engines, never with a fault of its own."""

import asyncio
import gzip
import hmac
import json
import unicodedata
from typing import Any

import pytest

from app.api.setups import Directory
from tests.api.senders import Sender, connect, deliveries, events
from tests.engines import Organisation

DEEP = 100_000


def told(**fields: Any) -> bytes:
    return json.dumps({"id": "e-1", "who": "ana", "course": "fire", **fields}).encode()


UNREADABLE = {
    "nothing": b"",
    "no JSON": b"{",
    "a bare value": b'"text"',
    "trailing text": told() + b"x",
    "a comment": b'{"id": 1 /* one */}',
    "single quotes": b"{'id': 1}",
    "NaN": b'{"id": NaN}',
    "infinity": b'{"id": -Infinity}',
    "a number beyond floats": b'{"id": 1e999}',
    "five thousand digits": b'{"id": ' + b"9" * 5000 + b"}",
    "a key twice": b'{"id": 1, "id": 2}',
    "NUL": b'{"id": "\\u0000"}',
    "a lone surrogate": b'{"id": "\\ud800"}',
    "bytes that are no UTF-8": b'{"id": "\xff"}',
    "an overlong encoding": b'{"id": "\xc0\xaf"}',
    "a byte order mark": b"\xef\xbb\xbf" + told(),
    "UTF-16": told().decode().encode("utf-16"),
    "deep arrays": b"[" * DEEP + b"]" * DEEP,
    "deep objects": b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "a key of 3 kB": told(id="x" * 3_000),
    "a learner of 3 kB": told(who="x" * 3_000),
    "an activity of 3 kB": told(course="x" * 3_000),
}

SPELLINGS = ("a.b/c", "%00", "🦜", "\u202eabc", " spaced ", "é", unicodedata.normalize("NFD", "é"), "É", "1e400")
"""Ids that somebody will mend who should not."""


@pytest.fixture
async def sender(acme: Organisation) -> Sender:
    return await connect(acme, "hmac_sha256")


async def test_a_body_that_cannot_be_read_is_quarantined_with_its_reason(acme: Organisation, sender: Sender) -> None:
    answers = {name: await sender.post(acme.client, body) for name, body in UNREADABLE.items()}

    odd = {name: answer.text for name, answer in answers.items() if answer.status_code != 200}
    assert odd == {}
    assert {name for name, answer in answers.items() if answer.json()["status"] != "quarantined"} == set()
    assert all(answer.json()["reason"] for answer in answers.values())
    assert answers["nothing"].json()["reason"] == "the body is empty"
    assert (await sender.post(acme.client, told(id="after"))).json()["recorded"] == 1


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"\x1f\x8b garbage", {"content-encoding": "gzip"}, 400),
        (gzip.compress(b" " * 50_000_000), {"content-encoding": "gzip"}, 413),
        (told(), {"content-encoding": "br"}, 415),
        (told(), {"content-encoding": "gzip, gzip"}, 415),
        (b"<event/>", {"content-type": "application/xml"}, 415),
        (b"--x\r\n", {"content-type": "multipart/form-data; boundary=x"}, 415),
        (told(), {"content-type": "application/json; charset=utf-16"}, 415),
        (b" " * (3 * 1024 * 1024), {}, 413),
    ],
)
async def test_a_message_that_cannot_be_decoded_is_refused_and_not_kept(
    acme: Organisation, sender: Sender, body: bytes, headers: dict[str, str], status: int
) -> None:
    answer = await sender.post(acme.client, body, **headers)

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert await deliveries(acme) == []


async def test_ids_are_told_apart_and_come_back_as_they_were_sent(acme: Organisation, sender: Sender) -> None:
    answers = [await sender.post(acme.client, told(id=each, who=each, course=each)) for each in SPELLINGS]

    assert [answer.json()["recorded"] for answer in answers] == [1] * len(SPELLINGS)
    assert {event["event_key"] for event in await events(acme)} == set(SPELLINGS)
    references = (await acme.client.get("/v1/activity-references?limit=100")).json()["items"]
    assert {row["external_id_in_source"] for row in references} == set(SPELLINGS)


async def test_an_integer_beyond_floats_keeps_its_digits_as_an_id(acme: Organisation, sender: Sender) -> None:
    numbers = (2**63, 2**70, 2**70 + 1, 10**400)
    for number in numbers:
        assert (await sender.post(acme.client, told(id=number))).json()["recorded"] == 1

    assert {event["event_key"] for event in await events(acme)} == {str(number) for number in numbers}


async def test_a_source_is_looked_up_once_for_all_who_ask_at_the_same_time(
    acme: Organisation, sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory: Directory = acme.client._transport.app.state.directory  # type: ignore[attr-defined]  # the app of the test
    asked = []
    look_up = directory._look_up

    async def counted(*place: str) -> Any:
        asked.append(place)
        return await look_up(*place)

    monkeypatch.setattr(directory, "_look_up", counted)
    directory._remembered.clear()

    answers = await asyncio.gather(*(sender.post(acme.client, told(id=f"m-{n}")) for n in range(12)))

    assert {answer.status_code for answer in answers} == {200}
    assert len(asked) == 1


async def test_a_secret_in_the_address_is_compared_in_constant_time_and_by_nothing_else(
    acme: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    sender = await connect(acme, "none")

    monkeypatch.setattr(hmac, "compare_digest", lambda *_: False)
    right = await sender.post(acme.client)
    monkeypatch.setattr(hmac, "compare_digest", lambda *_: True)
    wrong = await sender.post(acme.client, secret="another-secret")

    assert (right.status_code, wrong.status_code) == (401, 200)
