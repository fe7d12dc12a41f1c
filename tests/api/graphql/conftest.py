"""How the tests ask the graph."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from app.db import Database
from tests.api.graphql.scene import Scene, arrange
from tests.engines import Organisation

Ask = Callable[..., Awaitable[dict[str, Any]]]


async def ask(client: httpx.AsyncClient, query: str, **variables: Any) -> dict[str, Any]:
    """Return the whole answer to a query: data, and errors if there are any."""
    answer = await client.post("/graphql", json={"query": query, "variables": variables})
    found: dict[str, Any] = answer.json()
    return found


@pytest.fixture
def graph(client: httpx.AsyncClient) -> Ask:
    """Ask the graph of the test's tenant; errors fail the test."""

    async def asked(query: str, **variables: Any) -> dict[str, Any]:
        found = await ask(client, query, **variables)
        assert "errors" not in found, found["errors"]
        data: dict[str, Any] = found["data"]
        return data

    return asked


@pytest.fixture
async def scene(acme: Organisation, database: Database) -> Scene:
    """One row of everything in the test's tenant."""
    return await arrange(acme, database)
