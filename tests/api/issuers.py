"""An identity provider outside, as far as this service can see of it: its metadata, its key set, and its tokens."""

import asyncio
import json
from collections.abc import AsyncIterator
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
