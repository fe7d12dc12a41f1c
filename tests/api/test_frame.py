"""What every request goes through before its route: limits, strict JSON, ids of requests, errors of one form."""

import asyncio
import html
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from app.api.middleware import Limits, RequestFrame
from app.api.problems import PROBLEMS
from app.domain.errors import ThroughlineError
from tests.builders import make
from tests.engines import Organisation

LIMIT = 2 * 1024 * 1024


@pytest.mark.parametrize(
    "body",
    [
        b'{"title": NaN}',
        b'{"title": "a", "priority": 1e999}',
        b'{"title": "\\u0000"}',
        b'{"title": "\\ud800"}',
        b'{"title": "a", "title": "b"}',
        b'\xef\xbb\xbf{"title": "a"}',
        '{"title": "a"}'.encode("utf-16"),
        b'{"title": "\xff"}',
        b'{"title": "a"} x',
        b"[" * 100_000,
        b'{"a":' * 5_000,
        b'{"title": "a", "priority": ' + b"9" * 5_000 + b"}",
        b"{",
    ],
)
async def test_what_is_not_strict_json_is_400(client: httpx.AsyncClient, body: bytes) -> None:
    answer = await client.post("/v1/objectives", content=body, headers={"Content-Type": "application/json"})

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_json")


@pytest.mark.parametrize("priority", [2**63, 2**70, -1, 1.5, "x", None, True, [], {}])
async def test_a_number_that_does_not_fit_is_422_at_its_place(client: httpx.AsyncClient, priority: Any) -> None:
    answer = await client.post("/v1/objectives", json={"title": "a", "priority": priority})

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/priority"


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "", "application/xml"])
async def test_another_content_type_is_415(client: httpx.AsyncClient, content_type: str) -> None:
    answer = await client.post("/v1/objectives", content=b'{"title": "a"}', headers={"Content-Type": content_type})

    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


async def test_an_error_is_told_in_the_words_of_the_service(client: httpx.AsyncClient) -> None:
    body = await client.post("/v1/objectives", json=[])
    status = await client.get("/v1/objectives", params={"status": "foo"})

    assert "JSON object" in body.json()["errors"][0]["detail"]
    assert status.json()["errors"][0]["parameter"] == "status"


async def test_an_error_never_repeats_what_was_sent(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/objectives", json={"title": 7, "priority": "my-secret-value"})

    assert answer.status_code == 422
    assert "my-secret-value" not in answer.text


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("GET", "/v1/objectives/", 404),
        ("PUT", "/v1/objectives", 405),
        ("TRACE", "/v1/objectives", 405),
        ("DELETE", "/healthz", 405),
    ],
)
async def test_every_error_is_a_problem_document(
    client: httpx.AsyncClient, method: str, path: str, status: int
) -> None:
    answer = await client.request(method, path)

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    assert problem["type"] == f"/v1/problems/{problem['code']}"
    assert problem["request_id"] == answer.headers["x-request-id"]
    if status == 405:
        assert answer.headers["allow"]


async def test_every_error_code_has_its_page_for_programs_and_for_people(client: httpx.AsyncClient) -> None:
    for code, row in PROBLEMS.items():
        page = await client.get(f"/v1/problems/{code}")
        assert page.json() == {"code": code, "status": row.status, "title": row.title, "remedy": row.remedy}
        shown = await client.get(f"/v1/problems/{code}", headers={"Accept": "text/html"})
        assert f"<h2>{html.escape(row.title)}</h2>" in shown.text
        assert "`" not in shown.text


async def test_a_request_id_is_echoed_when_it_is_decent_and_replaced_when_not(client: httpx.AsyncClient) -> None:
    decent = await client.get("/healthz", headers={"X-Request-Id": "abc-123"})
    other = await client.get("/healthz", headers={"X-Request-Id": "a\tb{}"})

    assert decent.headers["x-request-id"] == "abc-123"
    assert other.headers["x-request-id"] not in {"a\tb{}", ""}


async def test_headers_that_claim_another_host_method_or_address_change_nothing(client: httpx.AsyncClient) -> None:
    path = f"/v1/objectives/{(await make(client, 'objectives', 1))['id']}"
    await make(client, "objectives", 2)
    claims = {
        "Host": "elsewhere.example",
        "X-Forwarded-Host": "elsewhere.example",
        "X-Forwarded-Proto": "gopher",
        "X-Forwarded-For": "127.0.0.1",
        "Forwarded": "host=elsewhere.example",
        "X-Original-URL": "/v1/keys",
        "X-Rewrite-URL": "/v1/keys",
        "X-HTTP-Method-Override": "DELETE",
        "X-HTTP-Method": "DELETE",
        "X-Method-Override": "DELETE",
    }

    read = await client.get(path, headers=claims)
    posted = await client.post(path, json={}, headers=claims)
    listed = await client.get("/v1/objectives?limit=1", headers=claims)
    source = {"name": "LMS", "slug": "lms", "adapter": "docebo"}
    made = await client.post("/v1/sources", json=source, headers=claims)

    assert (read.status_code, posted.status_code) == (200, 405)
    assert listed.headers["link"].startswith("</v1/objectives?limit=1&cursor=")
    assert made.status_code == 201, made.text
    for answer in (read, posted, listed, made):
        assert "elsewhere" not in answer.text + str(answer.headers)
        assert "gopher" not in answer.text + str(answer.headers)
    assert (await client.get(path)).json()["archived_at"] is None


async def test_an_idempotency_key_is_the_same_with_and_without_quotes_and_ends_at_255(
    client: httpx.AsyncClient,
) -> None:
    answers = [
        await client.post("/v1/objectives", json={"title": "Cut scrap"}, headers={"Idempotency-Key": key})
        for key in ('"8e03978e"', "8e03978e", "k" * 255, "k" * 256, "")
    ]

    assert [answer.status_code for answer in answers] == [201, 201, 201, 422, 422]
    assert answers[1].json() == answers[0].json()
    assert answers[1].headers["idempotency-replayed"] == "true"
    assert [answer.json()["errors"][0]["header"] for answer in answers[3:]] == ["Idempotency-Key"] * 2


async def test_nothing_personal_may_be_cached(client: httpx.AsyncClient) -> None:
    assert (await client.get("/v1/people")).headers["cache-control"] == "no-store"


async def test_a_body_that_says_it_is_too_large_is_refused_unread(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/objectives", content=b"x" * (LIMIT + 1))

    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


async def test_a_body_without_length_is_counted_as_it_comes(client: httpx.AsyncClient) -> None:
    sent = 0

    async def chunks() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(100):
            sent += 1
            yield b"x" * 100_000

    answer = await client.post("/v1/objectives", content=chunks(), headers={"Content-Type": "application/json"})

    assert answer.status_code == 413


async def test_a_body_that_comes_too_slowly_is_answered_408() -> None:
    async def reads_it_all(_scope: Any, receive: Any, _send: Any) -> None:
        while (await receive()).get("more_body"):
            pass

    async def never() -> Any:
        await asyncio.sleep(60)

    sent: list[Any] = []

    async def keep(message: Any) -> None:
        sent.append(message)

    frame = RequestFrame(reads_it_all, Limits(1000, 0.05))
    scope = {"type": "http", "method": "POST", "path": "/x", "headers": [], "query_string": b""}
    await frame(scope, never, keep)

    assert sent[0]["status"] == 408


async def test_the_server_goes_on_knowing_that_head_was_asked_for() -> None:
    asked: list[str] = []

    async def answers(scope: Any, _receive: Any, send: Any) -> None:
        asked.append(scope["method"])
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"{}"})

    sent: list[Any] = []

    async def keep(message: Any) -> None:
        sent.append(message)

    frame = RequestFrame(answers, Limits(1000, 1))
    scope = {"type": "http", "method": "HEAD", "path": "/x", "headers": [], "query_string": b""}
    await frame(scope, keep, keep)

    assert (asked, scope["method"], sent[1]["body"]) == (["GET"], "HEAD", b"")


async def test_too_many_headers_are_431(client: httpx.AsyncClient) -> None:
    answer = await client.get("/healthz", headers={f"X-{number}": "1" for number in range(120)})

    assert (answer.status_code, answer.json()["code"]) == (431, "header_fields_too_large")


async def test_a_browser_of_another_origin_gets_no_permission(acme: Organisation) -> None:
    asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "GET"}

    answer = await acme.client.options("/v1/objectives", headers=asked)

    assert "access-control-allow-origin" not in answer.headers


async def test_health_is_told_and_readiness_tells_the_schema(client: httpx.AsyncClient) -> None:
    assert (await client.get("/healthz")).json() == {"status": "ok"}
    ready = await client.get("/readyz")
    assert (ready.status_code, ready.json()["status"]) == (200, "ok")


async def test_the_metrics_page_counts_requests_by_route_and_status(client: httpx.AsyncClient) -> None:
    await client.get("/v1/objectives?limit=1")

    page = (await client.get("/metrics")).text

    assert 'throughline_requests_total{method="GET",route="/v1/objectives",status="200"}' in page
    assert "throughline_ingest_group_size" in page
    assert "throughline_source_silence_seconds" in page


async def test_text_of_any_script_comes_back_as_it_was_sent(client: httpx.AsyncClient) -> None:
    title = "Ωμέγα 👩🏽‍🔧 \u202eRTL ﷽ é é"

    made = await client.post("/v1/objectives", content=json.dumps({"title": title}).encode(), headers=_JSON)

    assert (await client.get(made.headers["location"])).json()["title"] == title


_JSON = {"Content-Type": "application/json"}


def test_every_code_that_an_error_can_carry_is_in_the_table() -> None:
    classes = [ThroughlineError]
    for each in classes:
        classes += each.__subclasses__()

    assert {each.code for each in classes} <= PROBLEMS.keys()
