"""Who may do what: every route of the contract, with every kind of wrong key."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from app.models.tenancy import ApiKeyWrite
from app.services import keys
from app.vault import new_key_token, parse_key_token
from tests import references
from tests.engines import Organisation, organisation

OPEN = {"getHealth", "getReadiness", "getVersion", "listProblems", "getProblem"}
RECEIVERS = ("/v1/webhooks/", "/v1/xapi/", "/v1/oauth/")
"""Below these whoever sends proves who it is as its source was told to."""
COMPUTED = {"evaluateMetric", "planPower"}
"""Posted, but only computed: nothing is written."""
ADMIN = {"listKeys", "createKey", "revokeKey"}


def operations(app: FastAPI) -> list[tuple[str, str, dict[str, Any]]]:
    """Every (method, path with invented parameters, operation) of the contract that needs a key."""
    found = []
    for method, path, operation in references.operations(app.openapi()):
        if operation["operationId"] in OPEN or path.startswith(RECEIVERS):
            continue
        filled = path
        for parameter in operation["parameters"]:
            if parameter["in"] == "path":
                example = parameter.get("example") or (parameter["schema"].get("examples") or ["x"])[0]
                filled = filled.replace("{" + parameter["name"] + "}", str(example))
        found.append((method, filled, operation))
    return found


async def statuses(app: FastAPI, client: httpx.AsyncClient, headers: dict[str, str]) -> set[tuple[int, str]]:
    answers = set()
    for method, path, _ in operations(app):
        answer = await client.request(method, path, headers=headers, json={} if method != "GET" else None)
        answers.add((answer.status_code, answer.json()["code"]))
    return answers


@pytest.fixture
async def stranger(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        yield client


async def test_the_contract_has_routes_to_try(app: FastAPI) -> None:
    assert len(operations(app)) > 25


async def test_no_route_answers_without_a_key(app: FastAPI, stranger: httpx.AsyncClient) -> None:
    assert await statuses(app, stranger, {}) == {(401, "unauthenticated")}


async def test_a_mistyped_key_is_refused_everywhere(
    app: FastAPI, stranger: httpx.AsyncClient, acme: Organisation
) -> None:
    wrong = acme.token[:-1] + ("a" if acme.token[-1] != "a" else "b")

    assert await statuses(app, stranger, {"Authorization": f"Bearer {wrong}"}) == {(401, "unauthenticated")}


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ("2YotnFZFEjr1zCsicMWpAA", "neither an API key (`tl_...`) nor an access token in the form of a JWT"),
        ("foreign_16C7e42F292c6912E7710c838347Ae178B4a", "neither an API key"),
        ("tl_acme_1", "The key is mistyped"),
        ("eyJhbGciOiJSUzI1NiJ9", "The token cannot be read"),
    ],
)
async def test_what_is_no_credential_is_told_what_is(stranger: httpx.AsyncClient, sent: str, told: str) -> None:
    answer = await stranger.get("/v1/objectives", headers={"Authorization": f"Bearer {sent}"})

    assert answer.status_code == 401
    assert told in answer.json()["detail"]
    assert sent not in answer.text


async def test_a_key_with_another_secret_is_refused(
    app: FastAPI, stranger: httpx.AsyncClient, acme: Organisation
) -> None:
    known = parse_key_token(acme.token)
    assert known is not None
    forged, _ = new_key_token(known.tenant_slug, known.key_id)

    assert await statuses(app, stranger, {"Authorization": f"Bearer {forged}"}) == {(401, "unauthenticated")}


async def test_a_revoked_key_is_refused(stranger: httpx.AsyncClient, acme: Organisation) -> None:
    made = (await acme.client.post("/v1/keys", json={"name": "short-lived", "scopes": ["read"]})).json()
    await acme.client.post(f"/v1/keys/{made['id']}/revoke")

    answer = await stranger.get("/v1/objectives", headers={"Authorization": f"Bearer {made['token']}"})

    assert answer.status_code == 401


async def test_an_expired_key_is_refused(app: FastAPI, stranger: httpx.AsyncClient, acme: Organisation) -> None:
    async with app.state.database.transaction(acme.scope) as session:
        made = await keys.create(session, ApiKeyWrite(name="old", scopes=["read"]))
        made.row.expires_at = datetime.now(UTC) - timedelta(seconds=1)

    answer = await stranger.get("/v1/objectives", headers={"Authorization": f"Bearer {made.token}"})

    assert answer.status_code == 401


async def test_a_key_that_would_never_work_is_not_made(acme: Organisation) -> None:
    past = {"name": "old", "expires_at": "2020-01-01T00:00:00Z"}

    refused = await acme.client.post("/v1/keys", json=past)

    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/expires_at")


async def test_a_reading_key_cannot_write_and_a_writing_key_cannot_manage_keys(app: FastAPI) -> None:
    async with organisation(app, ["read"]) as reader, organisation(app, ["read", "write"]) as writer:
        for method, path, operation in operations(app):
            name = operation["operationId"]
            if name in COMPUTED or (method == "GET" and name not in ADMIN):
                continue
            answer = await reader.client.request(method, path, json={} if method != "GET" else None)
            assert (answer.status_code, answer.json()["code"]) == (403, "missing_scope"), path
        listed = await writer.client.get("/v1/keys")
    assert listed.status_code == 403


async def test_two_keys_work_at_once(acme: Organisation, stranger: httpx.AsyncClient) -> None:
    second = (await acme.client.post("/v1/keys", json={"name": "second", "scopes": ["read"]})).json()["token"]

    for token in (acme.token, second):
        answer = await stranger.get("/v1/objectives", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 200


async def test_the_secret_of_a_key_is_shown_once_and_stored_as_a_hash(acme: Organisation) -> None:
    made = (await acme.client.post("/v1/keys", json={"name": "second", "scopes": ["read"]})).json()

    listed = (await acme.client.get("/v1/keys")).text

    assert made["token"].split("_")[3] not in listed


async def test_an_unknown_scope_is_refused_with_those_there_are(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/keys", json={"name": "x", "scopes": ["everything"]})

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/scopes"
    assert "ingest" in answer.json()["detail"]


async def test_a_delivery_signed_with_the_secret_of_another_tenant_is_refused(
    acme: Organisation, rival: Organisation, stranger: httpx.AsyncClient
) -> None:
    made = []
    for org in (acme, rival):
        fields = {"name": "D", "slug": "docebo", "adapter": "docebo"}
        made.append((await org.client.post("/v1/sources", json=fields)).json())
    user, _, password = made[1]["secret"].partition(":")

    answer = await stranger.post(made[0]["webhook_path"], json={}, auth=(user, password))

    assert answer.status_code == 401
