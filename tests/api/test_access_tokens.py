"""Access tokens of identity providers: whom they speak for, what they may do, and every token that must not pass."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
import time_machine
from fastapi import FastAPI
from joserfc.jwk import RSAKey
from structlog.testing import capture_logs

from app import logs
from app.api import authentication, keysets, streams
from app.api.authentication import Keyring
from app.api.issuers import Issuers
from app.api.keysets import KeySets
from app.api.rates import Rates
from tests.api.issuers import (
    FIRST,
    FORGED,
    KEYS_URL,
    METADATA_URL,
    SECOND,
    STRANGE,
    URL,
    Issuer,
    bearer,
    claims,
    signed,
)
from tests.api.live import Later, listening
from tests.engines import Organisation


@pytest.fixture
def issuer(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> Issuer:
    """An identity provider outside, and a service that has not called it yet and remembers no token."""
    found = Issuer()
    issuers = Issuers(app.state.database, KeySets(found.outbound))
    monkeypatch.setattr(authentication, "REMEMBERED_SECONDS", 0.0)
    monkeypatch.setitem(app.state._state, "outbound", found.outbound)
    monkeypatch.setitem(app.state._state, "issuers", issuers)
    monkeypatch.setitem(app.state._state, "keyring", Keyring(app.state.database, issuers))
    return found


@pytest.fixture
async def guest(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client without a key."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


async def read(guest: httpx.AsyncClient, token: str, **headers: str) -> httpx.Response:
    return await guest.get("/v1/objectives", headers=bearer(token, **headers))


async def test_a_token_acts_for_its_tenant_with_what_its_claims_are_granted(
    app: FastAPI, acme: Organisation, guest: httpx.AsyncClient, issuer: Issuer
) -> None:
    provider = await issuer.trust(acme)
    writer = signed(claims(acme))
    reader = signed(claims(acme, aud=["x", f"throughline:{acme.scope.slug}"], scope="throughline.read"))
    nobody = signed(claims(acme, scope="openid administrators-of-lunch"))

    made = await guest.post("/v1/objectives", json={"title": "Cut scrap"}, headers=bearer(writer))
    listed = await read(guest, reader)
    graph = await guest.post("/graphql", json={"query": "{ tenant { slug } }"}, headers=bearer(reader))
    refused = [
        await guest.post("/v1/objectives", json={"title": "No"}, headers=bearer(reader)),
        await guest.get("/v1/keys", headers=bearer(writer)),
        await read(guest, nobody),
    ]
    await app.state.keyring.note_uses()

    assert made.status_code == 201, made.text
    assert [each["id"] for each in listed.json()["items"]] == [made.json()["id"]]
    assert graph.json() == {"data": {"tenant": {"slug": acme.scope.slug}}}
    for answer in refused:
        assert (answer.status_code, answer.json()["code"]) == (403, "missing_scope")
        assert 'error="insufficient_scope"' in answer.headers["www-authenticate"]
    assert "has none" in refused[2].json()["detail"]
    assert issuer.called == [METADATA_URL, KEYS_URL]
    after = (await acme.client.get(f"/v1/identity-providers/{provider['id']}")).json()
    assert (after["last_used_at"] is not None, after["version"]) == (True, 1)


async def test_a_live_stream_ends_when_its_token_expires_or_its_provider_goes(
    app: FastAPI, acme: Organisation, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = await issuer.trust(acme)
    monkeypatch.setattr(streams, "PROOF_SECONDS", 0.05)

    async with listening(app, signed(claims(acme))) as live:
        await acme.client.delete(f"/v1/identity-providers/{provider['id']}")
        while await live.event():
            pass
    await acme.client.post(f"/v1/identity-providers/{provider['id']}/restore")
    monkeypatch.setattr(authentication, "REMEMBERED_SECONDS", 600.0)
    async with listening(app, signed(claims(acme))) as live:
        monkeypatch.setattr(authentication, "datetime", Later)
        assert await live.event() is None


async def test_roles_in_a_nested_claim_and_required_claims_decide(
    acme: Organisation, guest: httpx.AsyncClient, issuer: Issuer
) -> None:
    required = [{"name": "azp", "values": ["portal", "cli"]}]
    await issuer.trust(acme, scope_claim=["realm_access", "roles"], required_claims=required)
    roles = {"realm_access": {"roles": ["administrators"]}, "scope": None}

    good = await guest.get("/v1/keys", headers=bearer(signed(claims(acme, azp="cli", **roles))))
    cut = signed(claims(acme, azp="cli", realm_access={"roles": "not administrators"}))
    missing = await read(guest, signed(claims(acme, **roles)))
    wrong = await read(guest, signed(claims(acme, azp="portal cli", **roles)))

    assert good.status_code == 200, good.text
    assert (await read(guest, cut)).status_code == 403
    for answer in (missing, wrong):
        assert (answer.status_code, answer.json()["code"]) == (401, "invalid_token")
        assert "azp" in answer.json()["detail"]


async def test_the_token_or_the_request_says_which_tenant_is_meant_and_no_other_tenant_can(
    acme: Organisation, rival: Organisation, guest: httpx.AsyncClient, issuer: Issuer
) -> None:
    await issuer.trust(acme, audience="api://reports")
    await issuer.trust(rival, audience="api://reports")
    shared = signed(claims(acme, aud="api://reports"))
    mine, theirs = ({"Throughline-Tenant": org.scope.slug} for org in (acme, rival))

    unnamed = await read(guest, shared)
    made = await guest.post("/v1/objectives", json={"title": "Ours"}, headers=bearer(shared, **mine))
    elsewhere = await read(guest, shared, **theirs)
    nowhere = await read(guest, shared, **{"Throughline-Tenant": "no-such-tenant"})
    await issuer.trust(acme)
    own = await read(guest, signed(claims(acme)))
    crossed = await read(guest, signed(claims(acme)), **theirs)
    both = await read(guest, signed(claims(acme, aud=[f"throughline:{org.scope.slug}" for org in (acme, rival)])))

    assert (unnamed.status_code, "Throughline-Tenant" in unnamed.json()["detail"]) == (401, True)
    assert made.status_code == 201
    assert (elsewhere.status_code, elsewhere.json()["items"]) == (200, [])
    assert (nowhere.status_code, nowhere.json()["code"]) == (401, "unknown_issuer")
    assert (own.status_code, len(own.json()["items"])) == (200, 1)
    assert (crossed.status_code, both.status_code) == (401, 401)


async def test_an_issuer_that_is_unknown_disabled_or_archived_is_refused_with_the_way_out(
    acme: Organisation, guest: httpx.AsyncClient, issuer: Issuer
) -> None:
    token = signed(claims(acme))
    answers = [await read(guest, token)]
    provider = await issuer.trust(acme)
    address = f"/v1/identity-providers/{provider['id']}"
    good = [await read(guest, token)]
    await acme.client.post(f"{address}/disable")
    answers.append(await read(guest, token))
    await acme.client.post(f"{address}/enable")
    good.append(await read(guest, token))
    await acme.client.delete(address)
    answers.append(await read(guest, token))
    answers.append(await read(guest, signed(claims(acme, iss=f"{URL}/"))))

    assert [answer.status_code for answer in good] == [200, 200]
    for answer in answers:
        assert (answer.status_code, answer.json()["code"]) == (401, "unknown_issuer")
        assert answer.headers["www-authenticate"] == 'Bearer realm="throughline", error="invalid_token"'
    page = (await guest.get(answers[0].json()["type"])).json()
    assert "/v1/identity-providers" in json.dumps(page)


async def test_no_forged_foreign_or_confused_token_passes_and_none_makes_the_service_call_out(
    acme: Organisation, guest: httpx.AsyncClient, issuer: Issuer
) -> None:
    issuer.keys = [FIRST, SECOND, RSAKey.generate_key(2048, {"kid": "third"})]
    await issuer.trust(acme)
    good = claims(acme)
    assert (await read(guest, signed(good))).status_code == 200

    answers = {name: await read(guest, forge(good)) for name, forge in FORGED.items()}

    assert {name: each.status_code for name, each in answers.items() if each.status_code != 401} == {}
    assert {name: each.json()["code"] for name, each in answers.items() if each.json()["code"] != "invalid_token"} == {}
    assert {each.headers["www-authenticate"] for each in answers.values()} == {
        'Bearer realm="throughline", error="invalid_token"'
    }
    assert issuer.called == [METADATA_URL, KEYS_URL]


async def test_a_minute_of_difference_between_the_clocks_is_forgiven(
    acme: Organisation, guest: httpx.AsyncClient, issuer: Issuer
) -> None:
    await issuer.trust(acme)
    now = int(datetime.now(UTC).timestamp())
    late = signed(claims(acme, iat=now - 300, exp=now - 40))
    early = signed(claims(acme, iat=now + 40, nbf=now + 40))
    unnamed = signed(claims(acme), kid=None)

    assert [(await read(guest, token)).status_code for token in (late, early, unnamed)] == [200, 200, 200]


async def test_keys_are_rotated_without_a_pause_and_strangers_cause_one_fetch(
    acme: Organisation, guest: httpx.AsyncClient, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    await issuer.trust(acme, jwks_url=KEYS_URL)
    crowd = [read(guest, signed(claims(acme), FIRST, kid=f"unknown-{number}")) for number in range(20)]
    assert {answer.status_code for answer in await asyncio.gather(*crowd)} == {401}
    assert issuer.called == [KEYS_URL]

    issuer.keys = [SECOND]
    early = await read(guest, signed(claims(acme), SECOND))
    monkeypatch.setattr(keysets, "PAUSE_SECONDS", 0.0)
    rotated = await read(guest, signed(claims(acme), SECOND))
    withdrawn = await read(guest, signed(claims(acme), FIRST))

    assert [answer.status_code for answer in (early, rotated, withdrawn)] == [401, 200, 401]


async def test_while_the_keys_cannot_be_fetched_known_ones_work_for_a_day_and_the_rest_is_asked_to_wait(
    acme: Organisation, guest: httpx.AsyncClient, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = await issuer.trust(acme)
    issuer.down = True
    first = await read(guest, signed(claims(acme)))
    monkeypatch.setattr(keysets, "PAUSE_SECONDS", 0.0)
    issuer.down = False
    assert (await read(guest, signed(claims(acme)))).status_code == 200

    issuer.down = True
    monkeypatch.setattr(keysets, "STALE_SECONDS", 0.0)
    monkeypatch.setattr(keysets, "IDLE_SECONDS", 0.0)
    known = await read(guest, signed(claims(acme)))
    unknown = await read(guest, signed(claims(acme), SECOND))
    monkeypatch.setattr(keysets, "EXPIRED_SECONDS", 0.0)
    expired = await read(guest, signed(claims(acme)))
    issuer.down, issuer.metadata = False, {"issuer": "https://login.example.net", "jwks_uri": KEYS_URL}
    lying = await read(guest, signed(claims(acme)))
    issuer.metadata = {"issuer": URL, "jwks_uri": "https://inside.example.org/keys"}
    calls = len(issuer.called)
    inside = await read(guest, signed(claims(acme)))

    assert known.status_code == 200
    for answer in (first, unknown, expired, lying, inside):
        assert (answer.status_code, answer.json()["code"], int(answer.headers["retry-after"]) > 0) == (
            503,
            "unavailable",
            True,
        )
    assert set(issuer.called[calls:]) == {METADATA_URL}
    assert provider["jwks_url"] is None


async def test_an_idempotency_key_belongs_to_one_subject(
    acme: Organisation, guest: httpx.AsyncClient, issuer: Issuer
) -> None:
    await issuer.trust(acme)
    body, key = {"title": "Cut scrap"}, {"Idempotency-Key": "once"}

    answers = [
        await guest.post("/v1/objectives", json=body, headers=bearer(signed(claims(acme, **changed)), **key))
        for changed in ({}, {"jti": "another token of the same"}, {"sub": "somebody-else"})
    ]
    by_key = await acme.client.post("/v1/objectives", json=body, headers=key)

    ids = [answer.json()["id"] for answer in (*answers, by_key)]
    assert (ids[0] == ids[1], len(set(ids))) == (True, 3)
    assert [answer.headers.get("idempotency-replayed") for answer in answers] == [None, "true", None]


async def test_a_token_that_ends_while_it_is_remembered_is_refused(
    acme: Organisation, guest: httpx.AsyncClient, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    await issuer.trust(acme)
    monkeypatch.setattr(authentication, "REMEMBERED_SECONDS", 60.0)
    token = signed(claims(acme))
    first = await read(guest, token)

    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=7), tick=False):
        second = await read(guest, token)

    assert (first.status_code, second.status_code) == (200, 401)
    assert "expired" in second.json()["detail"]
    assert issuer.called == [METADATA_URL, KEYS_URL]


async def test_each_subject_has_a_share_of_its_own(
    app: FastAPI, acme: Organisation, guest: httpx.AsyncClient, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    await issuer.trust(acme)
    monkeypatch.setitem(app.state._state, "rates", Rates(1, 60))

    answers = [await read(guest, signed(claims(acme, sub=subject))) for subject in ("ana", "ana", "ben")]

    assert [answer.status_code for answer in answers] == [200, 429, 200]


async def test_log_lines_name_the_identity_provider_and_never_a_person_or_a_token(
    acme: Organisation, guest: httpx.AsyncClient, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = await issuer.trust(acme)
    monkeypatch.setattr(keysets, "PAUSE_SECONDS", 0.0)
    told = claims(acme, email="rosa@example.org", preferred_username="rosa.okafor")
    tokens = [signed(told), signed(told), signed(told, STRANGE), signed(told | {"exp": 1}), signed(told, kid="gone")]

    with capture_logs(processors=[logs.merge_about]) as lines:
        for number, token in enumerate(tokens):
            issuer.down = number == 0
            await read(guest, token)
        await acme.client.get("/v1/objectives")

    requests = [line for line in lines if line["event"] == "request"]
    assert [line["status"] for line in requests] == [503, 200, 401, 401, 401, 200]
    assert [line.get("caller", "")[:4] for line in requests] == ["", "idp_", "", "", "", "key_"]
    assert (requests[1]["caller"], requests[1]["tenant"]) == (provider["id"], acme.scope.slug)
    assert {"key_set_not_fetched", "unavailable"} <= {line["event"] for line in lines}
    text = json.dumps(lines, default=str)
    assert not [word for word in ("okafor", "rosa", "eyJ") if word in text]
    assert not [piece for token in tokens for piece in token.split(".") if piece in text]


async def test_a_token_can_be_tried_before_clients_depend_on_it(
    acme: Organisation, guest: httpx.AsyncClient, issuer: Issuer
) -> None:
    provider = await issuer.trust(acme)
    address = f"/v1/identity-providers/{provider['id']}"
    await acme.client.post(f"{address}/disable")
    good = claims(acme)

    async def verdict(token: str) -> tuple[str, str | None, list[str]]:
        answer = await acme.client.post(f"{address}/try", json={"token": token})
        assert answer.status_code == 200, answer.text
        found = answer.json()
        assert (found["reason"] is None, found["tenant_header_needed"]) == (found["code"] is None, False)
        return found["verdict"], found["code"], found["scopes"]

    assert await verdict(signed(good)) == ("accepted", None, ["read", "write"])
    assert await verdict(signed(good | {"scope": "openid"})) == ("accepted", None, [])
    for token in ("x", signed(good | {"iss": "https://login.example.net"}), signed(good | {"aud": "x"})):
        assert await verdict(token) == ("refused", "invalid_token", [])
    assert (await read(guest, signed(good))).status_code == 401

    await acme.client.patch(address, json={"audience": "api://reports", "jwks_url": "https://keys.example.org/none"})
    foreign = {"token": signed(good | {"aud": "api://reports"})}
    away = (await acme.client.post(f"{address}/try", json=foreign)).json()
    by_token = await guest.post(f"{address}/try", json=foreign, headers=bearer(signed(good)))

    assert (away["verdict"], away["code"], away["tenant_header_needed"]) == ("unknown", "unavailable", True)
    assert by_token.status_code == 401
