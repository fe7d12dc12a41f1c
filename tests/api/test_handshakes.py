"""What platforms send before their first event: each gets the exact answer that it waits for, and no more."""

import gzip
import json

import httpx
import pytest

from app.api import setups
from tests.api.senders import Sender, connect, deliveries, events
from tests.engines import Organisation

CODE = {"subscriberName": "throughline", "code": "1759b14e-d387-11ed-88a2-42349c105193"}


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(setups, "REMEMBERED_SECONDS", 0.0)


async def test_cloud_events_get_leave_to_send(acme: Organisation) -> None:
    sender = await connect(acme, "none")
    asked = {"WebHook-Request-Origin": "eventemitter.example.com", "WebHook-Request-Rate": "120"}

    answer = await acme.client.options(sender.address(), headers=asked)

    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["webhook-allowed-origin"] == "eventemitter.example.com"
    assert answer.headers["webhook-allowed-rate"] == "*"
    assert answer.headers["allow"] == "POST, OPTIONS"


@pytest.mark.parametrize("origin", ["<script>alert(1)</script>", "a b", "a\tb", "é.example", "-", "", "x" * 300])
async def test_an_origin_that_is_no_host_name_is_not_repeated(acme: Organisation, origin: str) -> None:
    sender = await connect(acme, "basic")

    answer = await acme.client.options(sender.address(), headers={"WebHook-Request-Origin": origin.encode()})

    assert answer.status_code == 200
    assert "webhook-allowed-origin" not in answer.headers
    assert answer.content == b""


async def test_leave_is_given_at_the_right_address_only(acme: Organisation) -> None:
    sender = await connect(acme, "none")
    asked = {"WebHook-Request-Origin": "eventemitter.example.com"}
    path = sender.created["webhook_path"]

    statuses = [
        (await acme.client.options(each, headers=asked)).status_code for each in (path, f"{path}/x", f"{path}-2")
    ]

    assert statuses == [401, 401, 404]


async def ispring(org: Organisation) -> dict[str, str]:
    fields = {"name": "iSpring", "slug": "ispring", "adapter": "ispring"}
    created: dict[str, str] = (await org.client.post("/v1/sources", json=fields)).json()
    return created


async def unsigned(org: Organisation, source: dict[str, str], body: object) -> httpx.Response:
    return await org.client.post(source["webhook_path"], json=body)


async def test_an_unsigned_confirmation_code_is_kept_for_the_administrator(acme: Organisation) -> None:
    source = await ispring(acme)

    answer = await unsigned(acme, source, CODE)

    assert (answer.status_code, answer.json()["status"]) == (200, "ignored")
    (kept,) = await deliveries(acme)
    assert kept["headers"][":unverified"] == "true"
    assert (await acme.client.post(f"/v1/deliveries/{kept['id']}/replay")).status_code == 409
    assert (await acme.client.get(f"/v1/sources/{source['id']}")).json()["status"] == "pending"


async def test_nothing_else_comes_in_unsigned(acme: Organisation) -> None:
    source = await ispring(acme)
    completion = {"type": "COURSE_COMPLETED_SUCCESSFULLY", "payloads": [{"courseId": "c", "learnerId": "l"}]}
    bodies = [completion, completion | CODE, {"code": "<script>"}, {"code": "x" * 65}, {}, [], CODE | {"a": "b" * 1000}]

    for body in bodies:
        assert (await unsigned(acme, source, body)).status_code == 401, body

    assert await deliveries(acme) == []


async def test_unsigned_codes_are_few_and_for_ispring_only(acme: Organisation) -> None:
    source = await ispring(acme)
    codes = [CODE | {"code": f"00000000-0000-{number:04}"} for number in range(7)]

    statuses = [(await unsigned(acme, source, code)).status_code for code in codes]

    assert statuses == [200] * 5 + [401] * 2
    other = await connect(acme, "concatenation_hash", "other")
    assert (await acme.client.post(other.address(), json=CODE)).status_code == 401


async def test_a_code_is_taken_again_from_an_active_source_whose_subscription_ran_out(acme: Organisation) -> None:
    source = await ispring(acme)
    sender = Sender(source, {"scheme": "concatenation_hash", "header": "X-Hub-Signature"})
    completion = {"type": "COURSE_COMPLETED_SUCCESSFULLY", "payloads": [{"courseId": "c", "learnerId": "l"}]}
    assert (await sender.post(acme.client, json.dumps(completion).encode())).status_code == 200
    before = (await acme.client.get(f"/v1/sources/{source['id']}")).json()

    answer = await unsigned(acme, source, CODE)

    assert (answer.status_code, answer.json()["status"]) == (200, "ignored")
    assert (await unsigned(acme, source, completion)).status_code == 401
    after = (await acme.client.get(f"/v1/sources/{source['id']}")).json()
    assert (after["status"], after["last_delivery_at"]) == ("active", before["last_delivery_at"])


@pytest.mark.parametrize("body", [b'{"subscriptionId": "s", "records": []}', b"{}", b'{"token": "t"}', b""])
async def test_cornerstones_verification_and_heartbeats_are_answered_200(acme: Organisation, body: bytes) -> None:
    fields = {"name": "CSX", "slug": "csx", "adapter": "cornerstone", "secret": "9d1f0a7be2c34d55a8b6c7d8e9f00112"}
    source = (await acme.client.post("/v1/sources", json=fields)).json()
    headers = {"x-api-key": fields["secret"], "content-encoding": "gzip", "content-type": "application/json"}

    first = await acme.client.post(source["webhook_path"], content=gzip.compress(body, mtime=0), headers=headers)

    assert first.status_code == 200
    assert first.json()["recorded"] == 0
    assert (await acme.client.get(f"/v1/sources/{source['id']}")).json()["status"] == "active"
    assert await events(acme) == []


@pytest.mark.parametrize("body", [b"", b"{}", json.dumps({"data": {"type": "test"}}).encode()])
async def test_northpass_probe_is_answered_200_whatever_it_holds(acme: Organisation, body: bytes) -> None:
    northpass = {"scheme": "hmac_sha256", "header": "X-Northpass-Hmac-SHA256", "encoding": "base64", "prefix": None}
    sender = await connect(acme, "hmac_sha256", authentication=northpass)

    answer = await sender.post(acme.client, body)

    assert (answer.status_code, answer.json()["recorded"]) == (200, 0)
