"""Identity providers as a noun: admins say whose tokens are taken, and what cannot be meant is refused with a hint."""

import httpx
import pytest
from fastapi import FastAPI

from tests.api.issuers import GRANTS, URL, Issuer
from tests.builders import make
from tests.engines import Organisation, organisation


@pytest.fixture
def issuer(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> Issuer:
    found = Issuer()
    monkeypatch.setitem(app.state._state, "outbound", found.outbound)
    return found


async def test_what_is_left_out_is_filled_in(acme: Organisation, issuer: Issuer) -> None:
    made = await issuer.trust(acme)

    assert made["audience"] == f"throughline:{acme.scope.slug}"
    assert (made["status"], made["algorithms"], made["scope_claim"]) == ("enabled", ["RS256", "ES256"], ["scope"])
    assert (made["jwks_url"], made["required_claims"], made["max_lifetime_seconds"]) == (None, [], 86_400)
    assert issuer.called == []

    other = await acme.client.patch(f"/v1/identity-providers/{made['id']}", json={"audience": "api://reports"})
    back = await acme.client.patch(f"/v1/identity-providers/{made['id']}", json={"audience": None})

    assert (other.json()["audience"], back.json()["audience"]) == ("api://reports", made["audience"])


async def test_only_admins_say_whom_to_trust_and_whoever_reads_sees_it(app: FastAPI) -> None:
    body = {"name": "Mine", "issuer": URL, "jwks_url": "https://93.184.215.14/keys", "grants": GRANTS}
    async with organisation(app, ["read", "write"]) as writer, organisation(app, ["admin"]) as admin:
        refused = await writer.client.post("/v1/identity-providers", json=body)
        made = (await admin.client.post("/v1/identity-providers", json=body)).json()
        others = [
            await writer.client.patch(f"/v1/identity-providers/{made['id']}", json={"name": "Ours"}),
            await writer.client.post(f"/v1/identity-providers/{made['id']}/disable"),
            await writer.client.delete(f"/v1/identity-providers/{made['id']}"),
        ]
        listed = await writer.client.get("/v1/identity-providers")

    assert {answer.status_code for answer in (refused, *others)} == {403}
    assert (listed.status_code, listed.json()["items"]) == (200, [])


MISTAKES: list[tuple[dict[str, object], str]] = [
    ({"jwks_url": "https://169.254.169.254/keys"}, "/jwks_url"),
    ({"jwks_url": "http://login.example.org/keys"}, "/jwks_url"),
    ({"issuer": "https://inside.example.org"}, "/issuer"),
    ({"issuer": "accounts.example.org"}, "/issuer"),
    ({"audience": "throughline:somebody-else"}, "/audience"),
    ({"algorithms": ["HS256"]}, "/algorithms/0"),
    ({"algorithms": ["none"]}, "/algorithms/0"),
    ({"algorithms": []}, "/algorithms"),
    ({"grants": []}, "/grants"),
    ({"grants": [{"claim_value": "x", "scopes": ["everything"]}]}, "/grants/0/scopes/0"),
    ({"grants": [{"claim_value": "x", "scopes": [scope]} for scope in ("read", "admin")]}, "/grants"),
    ({"scope_claim": []}, "/scope_claim"),
    ({"required_claims": [{"name": "azp", "values": []}]}, "/required_claims/0/values"),
    ({"max_lifetime_seconds": 10}, "/max_lifetime_seconds"),
]


async def test_what_could_not_be_meant_is_refused_where_it_stands(client: httpx.AsyncClient, issuer: Issuer) -> None:
    body = {"name": "Sign-on", "issuer": URL, "grants": GRANTS}

    answers = [await client.post("/v1/identity-providers", json=body | fields) for fields, _ in MISTAKES]

    found = [(answer.status_code, answer.json()["errors"][0]["pointer"]) for answer in answers]
    assert found == [(422, pointer) for _, pointer in MISTAKES]
    assert issuer.called == []


@pytest.mark.usefixtures("issuer")
async def test_an_issuer_is_not_changed_and_has_each_audience_once(client: httpx.AsyncClient) -> None:
    made = await make(client, "identity-providers", 1)
    address = f"/v1/identity-providers/{made['id']}"

    moved = await client.patch(address, json={"issuer": "https://login.example.net"})
    again = await client.post(
        "/v1/identity-providers", json={name: made[name] for name in ("name", "issuer", "jwks_url", "grants")}
    )
    beside = await make(client, "identity-providers", 1, audience="api://reports")
    audited = await client.get(address, params={"as_of": made["recorded_at"]})

    assert (moved.status_code, moved.json()["errors"][0]["code"]) == (422, "fixed")
    assert (again.status_code, again.json()["code"]) == (409, "already_exists")
    assert beside["audience"] == "api://reports"
    assert audited.json()["grants"] == made["grants"]
