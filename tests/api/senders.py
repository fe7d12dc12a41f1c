"""A source of each authentication scheme, and requests that prove to come from it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx

from app.lms import Delivery, SourceSetup
from app.lms._signing import signed
from tests.engines import Organisation

JWKS_URL = "https://canvas.example.org/jwks"

SCHEMES: Mapping[str, dict[str, Any]] = {
    "none": {},
    "basic": {},
    "static_header": {"header": "X-Api-Key", "prefix": "Key "},
    "body_field": {"field": "token"},
    "hmac_sha256": {"header": "X-Signature", "encoding": "base64", "prefix": "sha256="},
    "standard_webhooks": {},
    "concatenation_hash": {"header": "X-Hub-Signature"},
    "embedded_md5": {"accept_md5": True},
    "jws": {"jwks_url": JWKS_URL},
    "oauth2": {},
    "query_token": {},
}
"""Options of every scheme; a test compares the names with the catalogue."""

MAPPING = {
    "kind": "completed",
    "learner": [{"kind": "account", "path": "who"}],
    "activity": "course",
    "event_id": "id",
}
"""Field map of the sources that `connect` makes."""

COMPLETION = b'{"id": "e-1", "who": "ana", "course": "fire", "header": {}}'
"""A body that they read as one event."""


@dataclass(frozen=True)
class Sender:
    """A connected source as its LMS knows it: what creating it answered, and its options."""

    created: Mapping[str, Any]
    authentication: Mapping[str, Any]

    @property
    def id(self) -> str:
        return str(self.created["id"])

    def setup(self, secret: str | None = None) -> SourceSetup:
        known = secret or self.created["secret"]
        return SourceSetup(self.authentication, secrets=(known,) if known else ())

    def address(self, secret: str | None = None) -> str:
        """The path that the LMS posts to."""
        in_path = secret or str(self.created["webhook_url"]).rpartition("/")[2]
        path = str(self.created["webhook_path"])
        return f"{path}/{in_path}" if self.authentication["scheme"] == "none" else path

    async def post(
        self, client: httpx.AsyncClient, body: bytes = COMPLETION, *, secret: str | None = None, **headers: str
    ) -> httpx.Response:
        """Post a body signed with the source's secret, or with another one."""
        unsigned = Delivery(headers={}, body=body, received_at=datetime.now(UTC))
        delivery = signed(unsigned, self.setup(secret))
        own = {"authorization": "", **delivery.headers, **headers}
        return await client.post(self.address(secret), content=delivery.body, params=delivery.query, headers=own)


async def connect(org: Organisation, scheme: str, slug: str = "lms", **more: Any) -> Sender:
    """Connect a mapped source with the scheme."""
    authentication = {"scheme": scheme, **SCHEMES[scheme]}
    fields = {"name": slug, "slug": slug, "adapter": "mapped", "authentication": authentication, "mapping": MAPPING}
    answer = await org.client.post("/v1/sources", json=fields | more)
    assert answer.status_code == 201, answer.text
    return Sender(answer.json(), authentication | (more.get("authentication") or {}))


async def deliveries(org: Organisation) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await org.client.get("/v1/deliveries?sort=received_at")).json()["items"]
    return found


async def events(org: Organisation) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await org.client.get("/v1/learning-events")).json()["items"]
    return found
