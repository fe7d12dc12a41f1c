"""Client credentials that this service issues: tokens, their limits, and the answers of RFC 6749."""

import base64
from datetime import UTC, datetime, timedelta
from urllib.parse import quote_plus

import httpx
import pytest
import time_machine

from app.api import setups
from tests.api.senders import COMPLETION, Sender, connect, deliveries
from tests.engines import Organisation

GRANT = {"grant_type": "client_credentials"}


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(setups, "REMEMBERED_SECONDS", 0.0)


def credentials(sender: Sender) -> dict[str, str]:
    return {"client_id": sender.created["client_id"], "client_secret": sender.created["secret"]}


async def ask(org: Organisation, fields: dict[str, str], authorization: str = "") -> httpx.Response:
    headers = {"authorization": authorization} if authorization else {}
    async with httpx.AsyncClient(transport=org.client._transport, base_url="http://test", headers=headers) as client:
        return await client.post("/v1/oauth/token", data=fields)


async def deliver(org: Organisation, sender: Sender, token: str) -> int:
    headers = {"authorization": f"Bearer {token}"}
    return (await org.client.post(sender.address(), content=COMPLETION, headers=headers)).status_code


async def test_a_client_gets_a_token_and_delivers_with_it(acme: Organisation) -> None:
    sender = await connect(acme, "oauth2")
    assert sender.created["token_url"].endswith("/v1/oauth/token")

    answer = await ask(acme, GRANT | credentials(sender) | {"scope": "xapi:write"})

    assert answer.status_code == 200, answer.text
    assert (answer.headers["cache-control"], answer.headers["pragma"]) == ("no-store", "no-cache")
    told = answer.json()
    assert (told["token_type"], told["expires_in"], told["scope"]) == ("Bearer", 3600, "xapi:write")
    assert await deliver(acme, sender, told["access_token"]) == 200
    (kept,) = await deliveries(acme)
    assert kept["headers"]["authorization"] == "[removed]"


async def test_the_client_may_use_basic_form_encoded_or_plain(acme: Organisation) -> None:
    sender = await connect(acme, "oauth2", secret="a+b%2F/é")
    client_id, secret = credentials(sender).values()

    for spelled in (f"{quote_plus(client_id)}:{quote_plus(secret)}", f"{client_id}:{secret}"):
        answer = await ask(acme, GRANT, "Basic " + base64.b64encode(spelled.encode()).decode())
        assert answer.status_code == 200, answer.text
        assert await deliver(acme, sender, answer.json()["access_token"]) == 200


async def test_a_rotated_secret_gets_a_token_at_once(acme: Organisation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(setups, "REMEMBERED_SECONDS", 60.0)
    sender = await connect(acme, "oauth2")
    assert (await ask(acme, GRANT | credentials(sender))).status_code == 200
    rotated = (await acme.client.post(f"/v1/sources/{sender.id}/rotate-secret", json={})).json()

    answer = await ask(acme, GRANT | {"client_id": rotated["client_id"], "client_secret": rotated["secret"]})

    assert answer.status_code == 200, answer.text
    assert await deliver(acme, sender, answer.json()["access_token"]) == 200


async def test_a_token_ends_after_an_hour(acme: Organisation) -> None:
    sender = await connect(acme, "oauth2")
    token = (await ask(acme, GRANT | credentials(sender))).json()["access_token"]

    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=3590), tick=True):
        assert await deliver(acme, sender, token) == 200
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=3601), tick=True):
        assert await deliver(acme, sender, token) == 401


async def test_a_token_ends_with_the_secret_that_it_was_given_for(acme: Organisation) -> None:
    sender = await connect(acme, "oauth2")
    token = (await ask(acme, GRANT | credentials(sender))).json()["access_token"]

    await acme.client.post(f"/v1/sources/{sender.id}/rotate-secret", json={"overlap_seconds": 60})
    assert await deliver(acme, sender, token) == 200
    await acme.client.post(f"/v1/sources/{sender.id}/rotate-secret", json={"overlap_seconds": 0})

    assert await deliver(acme, sender, token) == 401
    assert (await ask(acme, GRANT | credentials(sender))).json()["error"] == "invalid_client"


async def test_a_token_opens_no_other_source(acme: Organisation, rival: Organisation) -> None:
    mine, other = await connect(acme, "oauth2", secret="same"), await connect(acme, "oauth2", "other", secret="same")
    theirs = await connect(rival, "oauth2", secret="same")
    token = (await ask(acme, GRANT | credentials(mine))).json()["access_token"]

    assert [await deliver(acme, each, token) for each in (mine, other, theirs)] == [200, 401, 401]


@pytest.mark.parametrize("change", ["", "x", "tlo_", "tlo_AAAA", "cut", "flip", "key"])
async def test_a_forged_token_is_refused(acme: Organisation, change: str) -> None:
    sender = await connect(acme, "oauth2")
    token = str((await ask(acme, GRANT | credentials(sender))).json()["access_token"])
    flipped = token[:10] + ("A" if token[10] != "A" else "B") + token[11:]
    forged = {"cut": token[:-2], "flip": flipped, "key": acme.token}.get(change, change)

    assert await deliver(acme, sender, forged) == 401
    assert await deliveries(acme) == []


@pytest.mark.parametrize(
    ("fields", "status", "error"),
    [
        ({}, 400, "invalid_request"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"client_secret": ""}, 401, "invalid_client"),
        ({"client_id": "nobody.nothing"}, 401, "invalid_client"),
        ({"client_id": "%00"}, 401, "invalid_client"),
        ({"client_id": ""}, 401, "invalid_client"),
        ({"grant_type": ""}, 400, "invalid_request"),
    ],
)
async def test_errors_are_those_of_the_rfc(acme: Organisation, fields: dict[str, str], status: int, error: str) -> None:
    sender = await connect(acme, "oauth2")

    answer = await ask(acme, GRANT | credentials(sender) | fields if fields else credentials(sender))

    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert answer.json().keys() == {"error", "error_description"}
    assert answer.headers["cache-control"] == "no-store"
    assert ("Basic" in answer.headers.get("www-authenticate", "")) == (status == 401)


async def test_the_secret_is_sent_once_and_as_a_form(acme: Organisation) -> None:
    sender = await connect(acme, "oauth2")
    client_id, secret = credentials(sender).values()
    basic = "Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode()

    twice = await ask(acme, GRANT | credentials(sender), basic)
    another = await ask(acme, GRANT | {"client_id": "other"}, basic)
    bearer = await ask(acme, GRANT, "Bearer x")
    as_json = await acme.client.post("/v1/oauth/token", json=GRANT | credentials(sender))
    doubled = await acme.client.post(
        "/v1/oauth/token",
        content="grant_type=client_credentials&grant_type=client_credentials",
        headers={"content-type": "application/x-www-form-urlencoded"},
    )

    answers = (twice, another, bearer, as_json, doubled)
    assert [answer.json()["error"] for answer in answers] == [
        "invalid_request",
        "invalid_request",
        "invalid_client",
        "invalid_request",
        "invalid_request",
    ]


async def test_a_source_with_another_scheme_is_no_client(acme: Organisation) -> None:
    sender = await connect(acme, "hmac_sha256")
    assert sender.created["client_id"] is None

    answer = await ask(acme, GRANT | {"client_id": f"{acme.scope.slug}.lms", "client_secret": sender.created["secret"]})

    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
