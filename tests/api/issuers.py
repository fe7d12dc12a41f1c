"""An identity provider outside, as far as this service can see of it: its metadata, its key set, and its tokens."""

import asyncio
import base64
import hmac
import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

import httpx
from joserfc import jws
from joserfc.jwk import ECKey, RSAKey

from app.outbound import Outbound
from tests.engines import Organisation

URL = "https://login.example.org/realms/acme"
METADATA_URL = f"{URL}/.well-known/openid-configuration"
KEYS_URL = "https://keys.example.org/realms/acme/certs"

NOW = int(datetime.now(UTC).timestamp())

FIRST = RSAKey.generate_key(2048, {"kid": "first"}, private=True)
SECOND = ECKey.generate_key("P-256", {"kid": "second"}, private=True)
STRANGE = RSAKey.generate_key(2048, {"kid": "first"}, private=True)
"""A key of somebody else under the name of the first one."""

GRANTS = [
    {"claim_value": "throughline.read", "scopes": ["read"]},
    {"claim_value": "throughline.write", "scopes": ["read", "write"]},
    {"claim_value": "administrators", "scopes": ["admin"]},
]


class Issuer:
    """What stands behind the address of the identity provider, and which addresses were called."""

    def __init__(self) -> None:
        self.keys: list[Any] = [FIRST]
        self.metadata: dict[str, Any] = {"issuer": URL, "jwks_uri": KEYS_URL}
        self.called: list[str] = []
        self.down = False
        self.outbound = Outbound(resolve=self._resolve, transport=httpx.MockTransport(self._answer))

    async def trust(self, org: Organisation, **fields: Any) -> dict[str, Any]:
        """Let a tenant trust it."""
        body = {"name": "Sign-on", "issuer": URL, "grants": GRANTS} | fields
        answer = await org.client.post("/v1/identity-providers", json=body)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        url = f"https://{request.headers['host']}{request.url.path}"
        self.called.append(url)
        await asyncio.sleep(0)
        keys = {"keys": [key.as_dict(private=False) for key in self.keys]}
        found = {METADATA_URL: self.metadata, KEYS_URL: keys}.get(url)

        async def stream() -> AsyncIterator[bytes]:
            yield json.dumps(found).encode()

        return httpx.Response(503 if self.down else 404 if found is None else 200, content=stream())

    async def _resolve(self, host: str, _port: int) -> list[str]:
        return ["10.0.0.7" if host.startswith("inside.") else "93.184.215.14"]


def claims(org: Organisation, **changed: Any) -> dict[str, Any]:
    """The claims of a good token for a tenant, with some changed; None takes one away."""
    now = int(datetime.now(UTC).timestamp())
    found = {
        "iss": URL,
        "sub": "5d0c-rosa-okafor",
        "aud": f"throughline:{org.scope.slug}",
        "iat": now,
        "exp": now + 300,
        "scope": "openid throughline.write",
    } | changed
    return {name: value for name, value in found.items() if value is not None}


def signed(payload: Any, key: Any = FIRST, **header: Any) -> str:
    """A compact JWS over `payload` as JSON, or over its very bytes."""
    told = {"alg": "ES256" if isinstance(key, ECKey) else "RS256", "kid": key.kid, "typ": "at+jwt"} | header
    protected = {name: value for name, value in told.items() if value is not None}
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return jws.serialize_compact(protected, body, key, algorithms=[protected["alg"]])


def bearer(token: str, **headers: str) -> dict[str, str]:
    """The headers of a request with a token."""
    return {"Authorization": f"Bearer {token}", **headers}


def part(value: Any) -> str:
    """Return a part of a token."""
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def with_header(token: str, **header: Any) -> str:
    """Return a token under another header, its signature as it was."""
    return f"{part(header)}.{token.partition('.')[2]}"


def mac_with_the_public_key(payload: dict[str, Any]) -> str:
    """The classic: the public key, which everybody has, as the secret of a MAC."""
    head = f"{part({'alg': 'HS256', 'kid': 'first', 'typ': 'at+jwt'})}.{part(payload)}"
    return f"{head}.{part(hmac.digest(FIRST.as_pem(private=False), head.encode(), 'sha256'))}"


Forge = Callable[[dict[str, Any]], str]
FORGED: dict[str, Forge] = {
    "no signature": lambda good: f"{part({'alg': 'none'})}.{part(good)}.",
    "none in other letters": lambda good: with_header(signed(good), alg="nOnE", kid="first"),
    "a MAC with the public key": mac_with_the_public_key,
    "another key under a known kid": lambda good: signed(good, STRANGE),
    "the algorithm of another kind of key": lambda good: with_header(signed(good), alg="ES256", kid="first"),
    "an algorithm that the tenant did not allow": lambda good: signed(good, alg="PS256"),
    "a key that the header brings": lambda good: signed(good, STRANGE, jwk=STRANGE.as_dict(private=False)),
    "a key at an address in the header": lambda good: signed(good, STRANGE, jku="https://evil.example.org/keys"),
    "a kid that is a path": lambda good: signed(good, STRANGE, kid="../../etc/passwd"),
    "a kid that is SQL": lambda good: signed(good, STRANGE, kid="first' OR '1'='1"),
    "a kid that is a number": lambda good: with_header(signed(good), alg="RS256", kid=7),
    "no kid though there are several keys": lambda good: with_header(signed(good), alg="RS256"),
    "critical extensions": lambda good: with_header(signed(good), alg="RS256", kid="first", crit=["exp"]),
    "a changed payload": lambda good: ".".join(
        (signed(good).split(".")[0], part(good | {"scope": "administrators"}), signed(good).split(".")[2])
    ),
    "the signature of another token": lambda good: ".".join(
        (*signed(good).split(".")[:2], signed(good | {"sub": "b"}).split(".")[2])
    ),
    "expired": lambda good: signed(good | {"iat": NOW - 4_000, "exp": NOW - 400}),
    "not yet good": lambda good: signed(good | {"nbf": NOW + 4_000, "exp": NOW + 5_000}),
    "issued in the future": lambda good: signed(good | {"iat": NOW + 4_000, "exp": NOW + 5_000}),
    "no end": lambda good: signed({name: value for name, value in good.items() if name != "exp"}),
    "an end that is a text": lambda good: signed(good | {"exp": "2099"}),
    "an end beyond all numbers": lambda good: signed(good | {"exp": 10**400}),
    "an end that is true": lambda good: signed(good | {"exp": True}),
    "a far end": lambda good: signed(good | {"exp": NOW + 10**6}),
    "no beginning": lambda good: signed({name: value for name, value in good.items() if name != "iat"}),
    "for others": lambda good: signed(good | {"aud": "https://other.example.org"}),
    "an audience that is no text": lambda good: signed(good | {"aud": [7]}),
    "no subject": lambda good: signed(good | {"sub": ""}),
    "an ID token": lambda good: signed(good | {"at_hash": "x", "nonce": "y"}, typ="JWT"),
    "a logout token": lambda good: signed(good, typ="logout+jwt"),
    "bound to a key": lambda good: signed(good | {"cnf": {"jkt": "x"}}),
    "a token in a token": lambda good: signed(signed(good).encode(), cty="JWT"),
    "a token as text in a token": lambda good: signed(json.dumps(signed(good)).encode()),
    "encrypted": lambda _good: ".".join((part({"alg": "RSA-OAEP", "enc": "A256GCM"}), "a", "b", "c", "d")),
    "huge": lambda good: signed(good | {"groups": ["x" * 100] * 150}),
    "a claim twice": lambda good: signed(json.dumps(good)[:-1].encode() + b', "sub": "b"}'),
    "a number that is none": lambda good: signed(json.dumps(good)[:-1].encode() + b', "x": NaN}'),
    "deeply nested": lambda good: signed(
        json.dumps(good)[:-1].encode() + b', "x": ' + b"[" * 3000 + b"]" * 3000 + b"}"
    ),
    "not base64": lambda good: "ey!." + signed(good).partition(".")[2],
    "two parts": lambda good: signed(good).rpartition(".")[0],
    "nothing": lambda _good: "ey",
}
