"""Making rows over REST: the registry of bodies, and what the tests of the shared conventions need to know."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import httpx

Body = dict[str, Any]

BODIES: dict[str, Callable[[httpx.AsyncClient, int, Body], Awaitable[Body]]] = {}
"""What makes the body of one valid row of each noun, with what it depends on."""


async def make(client: httpx.AsyncClient, noun: str, n: int = 0, **overrides: Any) -> Body:
    """Create one row and return it as read; `n` keeps rows of one test apart."""
    body = await BODIES[noun](client, n, overrides) | overrides
    answer = await client.post(f"/v1/{noun}", json=body)
    assert answer.is_success, answer.text
    return answer.json()


async def id_of(client: httpx.AsyncClient, noun: str, n: int, overrides: Body, field: str, **needed: Any) -> str:
    """Return the id that an override names, else that of a new row."""
    return overrides[field] if field in overrides else (await make(client, noun, n, **needed))["id"]


def day(n: int) -> str:
    """Return a day of its own for each `n`, from the first day on which the builders' surveys are open."""
    return (date(2026, 4, 20) + timedelta(days=n)).isoformat()


@dataclass(frozen=True)
class Convention:
    """What the tests of the shared conventions need to know of a noun.

    `change` is a merge patch with another value; `cleared` a field that is set by `filled` and can be cleared;
    `filter` a list filter with the value that rows have after `filled`; `sort` a column that tells rows apart;
    `references` are the fields that name rows of other nouns.
    """

    change: Body
    filled: Body
    cleared: str
    filter: str
    sort: str
    references: tuple[str, ...] = ()
    external_id: bool = True
