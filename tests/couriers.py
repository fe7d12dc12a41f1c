"""A world outside that only remembers, and a courier with a clock of its own. No packet leaves."""

import json
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import delete
from sqlmodel import col
from standardwebhooks import Webhook

from app.courier import Courier
from app.models.tenancy import Job
from app.outbound import Outbound
from app.services import hooks
from tests.engines import Organisation

PUBLIC = "93.184.215.14"


async def streamed(body: bytes) -> AsyncIterator[bytes]:
    """An answer as a network brings it: not read yet."""
    yield body


def verified(request: httpx.Request, secret: str) -> dict[str, Any]:
    """The payload of a request that is signed with a secret."""
    at = datetime.fromtimestamp(int(request.headers["webhook-timestamp"]), UTC)
    signature = Webhook(secret).sign(request.headers["webhook-id"], at, request.content.decode())
    assert signature in request.headers["webhook-signature"].split()
    found: dict[str, Any] = json.loads(request.content)
    return found


@dataclass
class Network:
    """The world outside: one resolver, one receiver that remembers what it was sent and answers as told."""

    addresses: list[str] = field(default_factory=lambda: [PUBLIC])
    answer: Callable[[httpx.Request], httpx.Response] = lambda _: httpx.Response(204)
    requests: list[httpx.Request] = field(default_factory=list)

    async def resolve(self, _host: str, _port: int) -> Sequence[str]:
        return self.addresses

    def connect(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answer(request)
        return httpx.Response(answer.status_code, headers=answer.headers, content=streamed(answer.content))

    def outbound(self) -> Outbound:
        return Outbound(resolve=self.resolve, transport=httpx.MockTransport(self.connect))

    def taken(self, endpoint: dict[str, Any]) -> list[dict[str, Any]]:
        """The payloads that came for an endpoint, in order."""
        path = httpx.URL(endpoint["url"]).path
        return [json.loads(request.content) for request in self.requests if request.url.path == path]


@dataclass
class Post:
    """A courier with a clock of its own, ahead of the service's."""

    courier: Courier
    now: datetime

    async def deliver(self, rounds: int = 6) -> None:
        """Send all that is due."""
        for _ in range(rounds):
            if not await self.courier.work_off():
                return

    async def wait(self, **time: float) -> None:
        """Let time pass, and send what is due then."""
        self.now += timedelta(**time)
        await self.deliver()


@pytest.fixture
def network(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> Network:
    found = Network()
    monkeypatch.setitem(app.state._state, "outbound", found.outbound())
    return found


@pytest.fixture
async def post(app: FastAPI, network: Network) -> AsyncIterator[Post]:
    courier = Courier(app.state.database, app.state.vault, network.outbound())
    found = Post(courier, datetime.now(UTC) + timedelta(minutes=10))
    courier._clock = lambda: found.now
    await forget_jobs(app)
    yield found
    await forget_jobs(app)


async def forget_jobs(app: FastAPI) -> None:
    """Leave nothing of other tests to send."""
    async with app.state.database.founding() as session:
        await session.execute(delete(Job).where(col(Job.kind) == hooks.JOB))


async def connect(org: Organisation, **fields: Any) -> dict[str, Any]:
    """Make an endpoint with an address of its own."""
    body = {"name": "Warehouse", "url": f"https://hooks.example.org/{org.scope.slug}"} | fields
    answer = await org.client.post("/v1/webhook-endpoints", json=body)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def read(org: Organisation, endpoint: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = (await org.client.get(f"/v1/webhook-endpoints/{endpoint['id']}")).json()
    return found


async def listed(org: Organisation, what: str, **query: Any) -> list[dict[str, Any]]:
    answer = await org.client.get(f"/v1/webhook-{what}", params={"limit": 200} | query)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items
