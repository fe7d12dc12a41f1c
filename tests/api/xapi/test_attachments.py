"""Attachments: raw data beside statements, kept once, given back on request."""

import hashlib
import json
from typing import Any

import httpx
import pytest

from app.lms._xapi import multipart
from tests.api.xapi.conftest import Store, statement

DATA = b"\x89PNG\r\n\x1a\n--edge--\r\n\x00\xff"


def attachment(data: bytes = DATA, **more: Any) -> dict[str, Any]:
    return {
        "usageType": "https://example.org/certificate",
        "display": {"en": "Certificate"},
        "contentType": "image/png",
        "length": len(data),
        "sha2": hashlib.sha256(data).hexdigest(),
        **more,
    }


def body(document: Any, *parts: tuple[bytes, dict[str, str]]) -> bytes:
    lines = [b"--edge\r\nContent-Type: application/json\r\n\r\n" + json.dumps(document).encode()]
    for data, headers in parts:
        told = {
            "Content-Type": "image/png",
            "Content-Transfer-Encoding": "binary",
            "X-Experience-API-Hash": hashlib.sha256(data).hexdigest(),
            **headers,
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in told.items() if value)
        lines.append(b"--edge\r\n" + head.encode() + b"\r\n" + data)
    return b"\r\n".join(lines) + b"\r\n--edge--\r\n"


async def send(store: Store, content: bytes, method: str = "POST", **sent: Any) -> httpx.Response:
    headers = {"Content-Type": "multipart/mixed; boundary=edge"}
    return await store.call(method, "statements", content=content, headers=headers, **sent)


async def test_attachments_come_back_byte_by_byte_and_each_once(store: Store) -> None:
    sent = [statement(attachments=[attachment()]), statement(attachments=[attachment()])]

    stored = await send(store, body(sent, (DATA, {})))
    answer = await store.call("GET", "statements", params={"attachments": "true"})

    assert stored.status_code == 200, stored.text
    document, *parts = multipart.parts(answer.headers["content-type"], answer.content)
    assert len(json.loads(document.content)["statements"]) == 2
    assert [part.content for part in parts] == [DATA]
    assert parts[0].headers == {
        "content-type": "image/png",
        "content-transfer-encoding": "binary",
        "x-experience-api-hash": attachment()["sha2"],
    }


async def test_without_asking_only_json_comes(store: Store) -> None:
    sent = statement(attachments=[attachment()])
    await send(store, body(sent, (DATA, {})), "PUT", params={"statementId": sent["id"]})

    answer = await store.call("GET", "statements", params={"statementId": sent["id"], "attachments": "false"})

    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["attachments"] == [attachment()]


async def test_the_delivery_keeps_the_statements_and_a_replay_reads_them(store: Store) -> None:
    await send(store, body(statement(attachments=[attachment()]), (DATA, {})))
    delivery = (await store.org.client.get("/v1/deliveries")).json()["items"][0]

    replayed = await store.org.client.post(f"/v1/deliveries/{delivery['id']}/replay")

    assert (replayed.json()["status"], replayed.json()["recorded"]) == ("applied", 1)
    assert len((await store.org.client.get("/v1/learning-events")).json()["items"]) == 1


@pytest.mark.parametrize(
    "content",
    [
        body(statement(attachments=[attachment()])),
        body(statement(), (DATA, {})),
        body(statement(attachments=[attachment()]), (DATA, {"X-Experience-API-Hash": "0" * 64})),
        body(statement(attachments=[attachment()]), (DATA, {"Content-Transfer-Encoding": ""})),
        body(statement(attachments=[attachment()]), (b"other", {"X-Experience-API-Hash": attachment()["sha2"]})),
        body([statement(), {}]),
        b"--edge--",
        b"",
    ],
    ids=range(8),
)
async def test_a_body_whose_parts_do_not_fit_its_statements_is_refused(store: Store, content: bytes) -> None:
    answer = await send(store, content)

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_xapi")
    assert await store.found() == []


async def test_json_alone_needs_addresses_for_its_attachments(store: Store) -> None:
    linked = statement(attachments=[attachment(fileUrl="https://example.org/file.png")])

    assert (await store.post(statement(attachments=[attachment()]))).status_code == 400
    assert (await store.post(linked)).status_code == 200


async def test_a_signature_must_sign_what_it_is_attached_to(store: Store) -> None:
    usage = "http://adlnet.gov/expapi/attachments/signature"
    kind = "application/octet-stream"
    signature = b"e30.e30.e30"
    sent = statement(attachments=[attachment(signature, usageType=usage, contentType=kind)])

    answer = await send(store, body(sent, (signature, {"Content-Type": kind})))

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "/attachments/0")
