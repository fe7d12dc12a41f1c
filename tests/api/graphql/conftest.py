"""A graph with something in it, and how to ask it."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

Ask = Callable[..., Awaitable[dict[str, Any]]]


async def ask(client: httpx.AsyncClient, query: str, **variables: Any) -> dict[str, Any]:
    """Return data and errors of a query."""
    answer = await client.post("/graphql", json={"query": query, "variables": variables})
    found: dict[str, Any] = answer.json()
    return found


@pytest.fixture
def graph(client: httpx.AsyncClient) -> Ask:
    """Ask the graph of the test's tenant."""

    async def asked(query: str, **variables: Any) -> dict[str, Any]:
        return await ask(client, query, **variables)

    return asked
