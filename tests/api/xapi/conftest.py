"""A learning record store of the test's tenant, as an LMS or authoring tool uses it."""

import json
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.engines import Organisation

AGENT = {"mbox": "mailto:ola@example.org"}
ACTIVITY = {"id": "https://example.org/course"}


def statement(**parts: Any) -> dict[str, Any]:
    verb = {"id": "http://adlnet.gov/expapi/verbs/completed"}
    return deepcopy({"id": str(uuid4()), "actor": AGENT, "verb": verb, "object": ACTIVITY, **parts})


@dataclass
class Store:
    """One source's store and the credentials of its sender."""

    org: Organisation
    base: str
    auth: tuple[str, str]
    version: str = "1.0.3"
    source_id: str = ""
    more: dict[str, str] = field(default_factory=dict)

    async def call(self, method: str, resource: str, **sent: Any) -> httpx.Response:
        headers = {"X-Experience-API-Version": self.version, **self.more, **sent.pop("headers", {})}
        if "json" in sent:
            sent["content"] = json.dumps(sent.pop("json"))
            headers.setdefault("Content-Type", "application/json")
        address = resource if resource.startswith("/v1") else f"{self.base}/{resource}"
        return await self.org.client.request(method, address, auth=self.auth, headers=headers, **sent)

    async def post(self, *statements: dict[str, Any], **sent: Any) -> httpx.Response:
        return await self.call("POST", "statements", json=list(statements), **sent)

    async def kept(self, *statements: dict[str, Any]) -> list[str]:
        """Store statements and return their ids."""
        answer = await self.post(*statements)
        assert answer.status_code == 200, answer.text
        return list(answer.json())

    async def found(self, **parameters: Any) -> list[str]:
        """Return the ids of the statements that meet the filters, in order."""
        told = {name: json.dumps(value) if isinstance(value, dict) else value for name, value in parameters.items()}
        answer = await self.call("GET", "statements", params=told)
        assert answer.status_code == 200, answer.text
        return [one["id"] for one in answer.json()["statements"]]


async def connect(org: Organisation, slug: str = "lrs", **more: Any) -> Store:
    fields = {"name": slug, "slug": slug, "adapter": "xapi", **more}
    made = await org.client.post("/v1/sources", json=fields)
    assert made.status_code == 201, made.text
    user, _, password = made.json()["secret"].partition(":")
    return Store(org, f"/v1/xapi/{org.scope.slug}/{slug}", (user, password), source_id=made.json()["id"])


@pytest.fixture
async def store(acme: Organisation) -> Store:
    """The store of a source of the test's tenant."""
    return await connect(acme)
