"""What every request to a resource goes through: proof of its sender, its version, alternate syntax, methods."""

import json
from typing import Any

import httpx
import pytest

from tests.api.xapi.conftest import AGENT, Store, connect, statement
from tests.engines import Organisation

RESOURCES = ("statements", "activities/state", "activities/profile", "agents/profile", "activities", "agents")
UNKNOWN = "5d0c8f1e-7a34-4b7e-8f2a-1c9d3e5b7f10"
"""A statement id that nothing bears; written out, for the names of tests must be the same in every worker."""


@pytest.mark.parametrize("resource", RESOURCES)
@pytest.mark.parametrize("method", ["GET", "PUT", "POST", "DELETE"])
async def test_who_proves_nothing_gets_nothing(store: Store, resource: str, method: str) -> None:
    headers = {"X-Experience-API-Version": "1.0.3"}

    for credentials in (("someone", "else"), (store.auth[0], "wrong"), None):
        request = store.org.client.build_request(method, f"{store.base}/{resource}", headers=headers)
        del request.headers["authorization"]
        answer = await store.org.client.send(request, auth=httpx.BasicAuth(*credentials) if credentials else None)
        assert (answer.status_code, answer.json()["code"]) == (401, "bad_signature")
        assert answer.headers["www-authenticate"].startswith("Basic")
        assert answer.headers["x-experience-api-version"] == "1.0.3"


async def test_a_key_of_the_api_is_no_credential_of_a_source(store: Store) -> None:
    headers = {"X-Experience-API-Version": "1.0.3"}

    answer = await store.org.client.get(f"{store.base}/statements", headers=headers)

    assert answer.status_code == 401


async def test_the_secret_of_another_tenant_is_refused(store: Store, rival: Organisation) -> None:
    theirs = await connect(rival)
    store.auth = theirs.auth

    assert (await store.call("GET", "statements")).status_code == 401


async def test_a_token_of_our_own_is_accepted(acme: Organisation) -> None:
    fields = {"name": "li", "slug": "li", "adapter": "xapi", "authentication": {"scheme": "oauth2"}}
    made = (await acme.client.post("/v1/sources", json=fields)).json()
    credentials = (made["client_id"], made["secret"])
    grant = {"grant_type": "client_credentials", "scope": "xapi:write"}
    token = (await acme.client.post("/v1/oauth/token", data=grant, auth=credentials)).json()["access_token"]
    address = f"{made['xapi_url']}statements"
    headers = {"X-Experience-API-Version": "1.0.0", "Authorization": f"Bearer {token}"}

    stored = await acme.client.post(address, json=statement(), headers=headers)
    refused = await acme.client.post(address, json=statement(), headers=headers | {"Authorization": "Bearer x"})

    assert (stored.status_code, refused.status_code) == (200, 401)


async def test_a_static_header_and_a_token_in_the_address_are_accepted(acme: Organisation) -> None:
    headers = {"X-Experience-API-Version": "1.0.3"}
    for slug, authentication, sent in (
        ("static", {"scheme": "static_header", "header": "X-Key"}, lambda secret: {"headers": {"X-Key": secret}}),
        ("query", {"scheme": "query_token"}, lambda secret: {"params": {"access_token": secret}}),
    ):
        fields = {"name": slug, "slug": slug, "adapter": "xapi", "authentication": authentication}
        made = (await acme.client.post("/v1/sources", json=fields)).json()
        told: dict[str, Any] = sent(made["secret"])
        told["headers"] = headers | told.get("headers", {})
        address = f"/v1/xapi/{acme.scope.slug}/{slug}/statements"

        assert (await acme.client.post(address, json=statement(), **told)).status_code == 200
        assert (await acme.client.get(address, headers=headers)).status_code == 401
        delivery = (await acme.client.get(f"/v1/deliveries?source_id={made['id']}")).json()["items"][0]
        assert made["secret"] not in json.dumps(delivery["headers"])


async def test_only_a_source_with_the_adapter_xapi_has_a_store(store: Store) -> None:
    await store.org.client.post("/v1/sources", json={"name": "D", "slug": "docebo", "adapter": "docebo"})

    for base in (store.base.replace("lrs", "docebo"), store.base.replace("lrs", "none"), "/v1/xapi/none/lrs"):
        store.base = base
        answer = await store.call("GET", "about")
        assert (answer.status_code, answer.headers["x-experience-api-version"]) == (404, "1.0.3")


@pytest.mark.parametrize(
    ("version", "answered", "status"),
    [
        ("1.0", "1.0.3", 200),
        ("1.0.0", "1.0.3", 200),
        ("2.0.0", "2.0.0", 200),
        ("0.95", "1.0.3", 400),
        ("3", "1.0.3", 400),
    ],
)
async def test_the_version_is_negotiated(store: Store, version: str, answered: str, status: int) -> None:
    store.version = version

    answer = await store.call("GET", "statements")

    assert (answer.status_code, answer.headers["x-experience-api-version"]) == (status, answered)


async def test_a_source_says_what_is_answered_to_requests_without_version(acme: Organisation) -> None:
    store = await connect(acme, mapping={"version": "2.0.0"})
    wrong = {"name": "w", "slug": "w", "adapter": "xapi", "mapping": {"version": "1.0"}}

    answer = await acme.client.get(f"{store.base}/statements", auth=store.auth)

    assert (answer.status_code, answer.headers["x-experience-api-version"]) == (400, "2.0.0")
    assert (await acme.client.post("/v1/sources", json=wrong)).status_code == 422


async def test_about_needs_neither_version_nor_credentials(store: Store) -> None:
    async with httpx.AsyncClient(transport=store.org.client._transport, base_url="http://test") as stranger:
        answer = await stranger.get(f"{store.base}/about")

    assert answer.status_code == 200
    assert set(answer.json()) == {"version", "extensions"}
    assert {"1.0.3", "2.0.0"} <= set(answer.json()["version"])
    assert answer.headers["x-experience-api-version"] == "1.0.3"


async def test_a_form_may_stand_for_any_request_in_1_0_3(store: Store) -> None:
    sent = statement()
    user, password = store.auth
    credentials = httpx.BasicAuth(user, password)._build_auth_header(user, password)
    told = {"X-Experience-API-Version": "1.0.3", "Authorization": credentials}
    address = f"{store.base}/statements"
    put = {**told, "statementId": sent["id"], "content": json.dumps(sent)}

    async with httpx.AsyncClient(transport=store.org.client._transport, base_url="http://test") as browser:
        stored = await browser.post(f"{address}?method=PUT", data=put)
        found = await browser.post(f"{address}?method=GET", data={**told, "agent": json.dumps(AGENT)})

    assert stored.status_code == 204, stored.text
    assert [one["id"] for one in found.json()["statements"]] == [sent["id"]]
    assert len((await store.org.client.get("/v1/learning-events")).json()["items"]) == 1


@pytest.mark.parametrize(
    ("method", "query", "form"),
    [
        ("POST", "method=PUT", {"statementId": UNKNOWN}),
        ("POST", "method=PUT&statementId=x", {"content": "{}"}),
        ("POST", "method=PATCH", {"content": "{}"}),
        ("POST", "method=get", {}),
        ("PUT", "method=POST", {"content": "{}"}),
        ("POST", "method=PUT", {"statementId": UNKNOWN, "X-Experience-API-Version": "0.9", "content": "{}"}),
    ],
)
async def test_a_form_that_breaks_the_rules_is_refused(
    store: Store, method: str, query: str, form: dict[str, str]
) -> None:
    answer = await store.call(method, f"statements?{query}", data=form)

    assert answer.status_code == 400


async def test_2_0_has_no_alternate_syntax(store: Store) -> None:
    store.version = "2.0.0"

    answer = await store.call("POST", "statements?method=GET", data={"limit": "1"})

    assert answer.status_code == 400


async def test_2_0_keeps_context_agents_and_tells_times_in_utc(store: Store) -> None:
    store.version = "2.0.0"
    told = {"contextAgents": [{"objectType": "contextAgent", "agent": {"mbox": "mailto:kim@example.org"}}]}
    sent = statement(context=told, timestamp="2026-03-04T12:00:00-05:00")

    await store.kept(sent)

    shown = (await store.call("GET", "statements", params={"statementId": sent["id"]})).json()
    assert (shown["version"], shown["context"]) == ("2.0.0", told)
    assert shown["timestamp"] == "2026-03-04T17:00:00.000000Z"
    assert await store.found(agent={"mbox": "mailto:kim@example.org"}, related_agents="true") == [sent["id"]]


@pytest.mark.parametrize(
    ("method", "resource", "allowed"),
    [
        ("DELETE", "statements", "GET, HEAD, POST, PUT"),
        ("PUT", "about", "GET, HEAD"),
        ("PATCH", "agents", "GET, HEAD"),
    ],
)
async def test_other_methods_are_405_with_those_that_are_taken(
    store: Store, method: str, resource: str, allowed: str
) -> None:
    answer = await store.call(method, resource)

    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)
    assert answer.headers["x-experience-api-version"] == "1.0.3"


async def test_a_rotated_secret_works_at_once(store: Store) -> None:
    await store.call("GET", "statements")
    rotated = await store.org.client.post(f"/v1/sources/{store.source_id}/rotate-secret", json={})
    assert rotated.status_code in {200, 201}, rotated.text
    user, _, password = rotated.json()["secret"].partition(":")

    store.auth = (user, password)

    assert (await store.call("GET", "statements")).status_code == 200
