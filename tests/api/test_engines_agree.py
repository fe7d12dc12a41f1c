"""SQLite and PostgreSQL answer the same requests with the same JSON, to the last digit."""

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest

from app.config import Settings
from app.main import create_app
from tests.builders import BODIES, CONVENTIONS, make
from tests.engines import organisation

_ID = re.compile(r"\b[a-z]{3}_[0-7][0-9a-hjkmnp-tv-z]{25}\b")
_INSTANT = re.compile(r"\"(\d{4}-\d{2}-\d{2}T[0-9:.]+Z)\"")
_PASSING = re.compile(r'"(?:request_id|slug|next_cursor)":"[^"]*"')
_NAUGHTY = [
    "NULL",
    "1e400",
    "' OR 1=1 --",
    "<script>alert(1)</script>",
    "Ω≈ç√∫˜µ≤≥÷",
    "田中さんにあげて下さい",
    "👩‍👩‍👧 🏳️‍🌈",
    "\u202eleft\u202c \u200fright",
    "a\u0301 á",
    "\u200b",
    "%s%x%n",
    "{{7*7}}",
    "../../etc",
    "=cmd|'/c calc'!A0",
    "tab\tand\nnewline",
]


def _told_apart_by_order(text: str, pattern: re.Pattern[str], name: str) -> str:
    """Replace ids and instants by their order of appearance, so that equal stories read the same."""
    known: dict[str, str] = {}
    return pattern.sub(lambda found: known.setdefault(found[0], f'"{name}{len(known)}"'), text)


def _comparable(answers: list[httpx.Response]) -> list[str]:
    lines = [
        f"{answer.request.method} {answer.status_code} {answer.headers.get('etag')} {answer.text}" for answer in answers
    ]
    text = _PASSING.sub('"-":"-"', "\n\n".join(lines))
    text = _told_apart_by_order(text, _INSTANT, "at ")
    return _told_apart_by_order(text, _ID, "id ").split("\n\n")


@pytest.fixture
async def clients(sqlite_settings: Settings, postgresql_settings: Settings) -> AsyncIterator[list[httpx.AsyncClient]]:
    """A client of a new tenant on each engine."""
    async with AsyncExitStack() as stack:
        found = []
        for settings in (sqlite_settings, postgresql_settings):
            service = create_app(settings)
            await stack.enter_async_context(service.router.lifespan_context(service))
            found.append((await stack.enter_async_context(organisation(service, ["admin"]))).client)
        yield found


async def _story(client: httpx.AsyncClient) -> list[httpx.Response]:
    """Use every noun in every way; return all answers."""
    answers = []
    for n, noun in enumerate(sorted(CONVENTIONS)):
        for k in range(3):
            row = await make(client, noun, 3 * n + k, **(CONVENTIONS[noun].filled if k == 1 else {}))
            answers.append(await client.get(f"/v1/{noun}/{row['id']}"))
        path = f"/v1/{noun}/{row['id']}"
        answers.append(await client.patch(path, json=CONVENTIONS[noun].change))
        answers.append(await client.patch(path, json={"nonsense": 1}))
        answers.append(await client.patch(path, json=CONVENTIONS[noun].change, headers={"If-Match": '"1"'}))
        answers.append(await client.get(f"/v1/{noun}", params={"sort": CONVENTIONS[noun].sort, "include_total": True}))
        answers.append(await client.get(f"/v1/{noun}", params={"q": "0"}))
        answers.append(
            await client.post(f"/v1/{noun}", json=await BODIES[noun](client, 3 * n + 60, {}) | {"external_id": None})
        )
        answers.append(await client.delete(path))
        answers.append(await client.get(f"/v1/{noun}", params={"include_archived": True, "limit": 2}))
    answers.append(await client.get("/v1/changes", params={"limit": 200}))
    answers.append(await client.get("/v1/tenant"))
    return answers


async def test_every_noun_reads_the_same_on_both_engines(clients: list[httpx.AsyncClient]) -> None:
    sqlite, postgresql = [_comparable(await _story(client)) for client in clients]

    assert len(sqlite) > 100
    assert sqlite == postgresql


async def _numbers(client: httpx.AsyncClient, values: list[Any]) -> list[httpx.Response]:
    kpi = await make(client, "kpis")
    answers = []
    for n, value in enumerate(values):
        body = await BODIES["measurements"](client, n, {"kpi_id": kpi["id"]})
        answer = await client.post("/v1/measurements", json=body | {"value": value})
        answers.append(answer)
        if answer.is_success:
            answers.append(await client.get(answer.headers["location"]))
    return answers


async def test_numbers_are_kept_and_refused_alike(clients: list[httpx.AsyncClient]) -> None:
    values = [
        "0.1",
        "0.2",
        "0.3",
        "-0.000001",
        "9200000000000",
        "-9200000000000",
        "1e30",
        "0.0000001",
        9.2e12,
        2**70,
        "1E3",
        True,
    ]

    sqlite, postgresql = [_comparable(await _numbers(client, values)) for client in clients]

    assert sqlite == postgresql
    assert [line.split()[1] for line in sqlite if line.startswith("POST")] == ["201"] * 6 + ["422"] * 2 + [
        "201",
        "422",
        "201",
        "422",
    ]


async def _texts(client: httpx.AsyncClient) -> list[str]:
    found = []
    for n, text in enumerate(_NAUGHTY):
        row = await make(client, "initiatives", n, description=text)
        found.append((await client.get(f"/v1/initiatives/{row['id']}")).json()["description"])
    return found


async def test_every_text_comes_back_as_it_was_sent(clients: list[httpx.AsyncClient]) -> None:
    for client in clients:
        assert await _texts(client) == _NAUGHTY
        for bad in (
            b'{"title":"\\u0000"}',
            b'{"title":"\\ud800"}',
            b'{"title":"\xff"}',
            b'{"title":NaN}',
            b"\xef\xbb\xbf{}",
        ):
            refused = await client.post("/v1/initiatives", content=bad, headers={"Content-Type": "application/json"})
            assert (refused.status_code, refused.json()["code"]) == (400, "invalid_json"), bad
