"""GraphQL over HTTP: what the specification (graphql.github.io/graphql-over-http/draft) and its public audit ask."""

import json
from typing import Any

import httpx
from fastapi import FastAPI

NEW = "application/graphql-response+json"
OLD = "application/json"
QUERY = {"query": "{ __typename }"}
INVALID: list[Any] = [{"obj": "ect"}, 0, False, ["array"]]


async def post(client: httpx.AsyncClient, body: Any, accept: str | None = None, **headers: str) -> httpx.Response:
    sent = {"Content-Type": OLD, "Accept": accept or "*/*"} | headers
    return await client.post("/graphql", content=body if isinstance(body, str) else json.dumps(body), headers=sent)


ACCEPTED = [
    (NEW, NEW),
    (OLD, OLD),
    ("*/*", OLD),
    ("application/*", OLD),
    ("text/html", OLD),
    (f"{NEW}, {OLD};q=0.9", NEW),
    (f"{NEW};q=0.5, {OLD}", OLD),
    (f"{NEW};q=0, {OLD}", OLD),
    (f"{OLD}, {NEW}", NEW),
    (f"{NEW};q=high", OLD),
]


async def test_the_answer_has_the_type_that_the_client_likes_best(client: httpx.AsyncClient) -> None:
    for accept, expected in ACCEPTED:
        answer = await post(client, QUERY, accept)

        assert answer.status_code == 200
        assert answer.headers["content-type"] == f"{expected}; charset=utf-8"
        assert answer.json() == {"data": {"__typename": "Query"}}
        assert answer.headers["cache-control"] == "no-store"


REFUSED = (
    {"query": "{"},
    {"query": "{ nothing }"},
    {"query": "query($id: ID!) { __typename }", "variables": {"id": None}},
    {"query": "query A { __typename } query B { __typename }"},
    {"query": "query A { __typename }", "operationName": "B"},
    {"query": "mutation { __typename }"},
    {"query": "subscription { __typename }"},
    {"query": "{ " + "__typename " * 21 + "}"},
)


async def test_a_request_error_has_no_data_and_is_400_in_the_new_type(client: httpx.AsyncClient) -> None:
    for body in REFUSED:
        new = await post(client, body, NEW)
        old = await post(client, body, OLD)

        assert (new.status_code, old.status_code) == (400, 200)
        for answer in (new, old):
            assert answer.json().keys() == {"errors"}
            assert answer.json()["errors"][0]["extensions"]["code"] in {"invalid_query", "query_too_large"}
            assert answer.json()["errors"][0]["extensions"]["request_id"] == answer.headers["x-request-id"]


async def test_parameters_of_another_type_are_400(client: httpx.AsyncClient) -> None:
    for name in ["query", "operationName", "variables", "extensions"]:
        for value in [*INVALID[0 if name in {"query", "operationName"} else 1 :], "" if name == "query" else 1]:
            answer = await post(client, QUERY | {name: value}, OLD)

            assert answer.status_code == 400, value
            assert answer.json()["errors"][0]["extensions"]["code"] == "invalid_query"


async def test_parameters_may_be_null(client: httpx.AsyncClient) -> None:
    for name in ["operationName", "variables", "extensions"]:
        answer = await post(client, QUERY | {name: None}, NEW)

        assert (answer.status_code, answer.json()) == (200, {"data": {"__typename": "Query"}})


async def test_extensions_are_taken_and_persisted_queries_are_declined(client: httpx.AsyncClient) -> None:
    some = await post(client, QUERY | {"extensions": {"some": "value"}}, NEW)
    persisted = await post(client, QUERY | {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "0" * 64}}})

    assert some.status_code == 200
    assert (persisted.status_code, persisted.json()["errors"][0]["message"]) == (400, "PersistedQueryNotSupported")


BODIES = [
    ('{ "not a JSON', OLD, 400),
    ("", OLD, 400),
    ("null", OLD, 400),
    ('[{"query": "{ __typename }"}]', OLD, 400),
    ('{"qeury": "{ __typename }"}', OLD, 400),
    ('{"query": "{ __typename }", "variables": {"a": NaN}}', OLD, 400),
    ('{"query": "{ __typename }", "query": "{ tenant { id } }"}', OLD, 400),
    (json.dumps(QUERY), "text/plain", 415),
    (json.dumps(QUERY), "application/graphql", 415),
    (json.dumps(QUERY), "application/merge-patch+json", 415),
    (json.dumps(QUERY), "application/json; charset=utf-16", 415),
    ("query=%7B__typename%7D", "application/x-www-form-urlencoded", 415),
    ("--x\r\n\r\n--x--", "multipart/form-data; boundary=x", 415),
]


async def test_other_bodies_are_refused(client: httpx.AsyncClient) -> None:
    for body, content_type, status in BODIES:
        answer = await post(client, body, OLD, **{"Content-Type": content_type})

        assert answer.status_code == status


async def test_a_get_request_may_carry_a_query(client: httpx.AsyncClient) -> None:
    query = "query A($name: String!) { __type(name: $name) { name } } query B { __typename }"
    asked = {"query": query, "variables": json.dumps({"name": "Objective"}), "operationName": "A"}

    answer = await client.get("/graphql", params=asked, headers={"Accept": NEW})

    assert (answer.status_code, answer.json()) == (200, {"data": {"__type": {"name": "Objective"}}})


PARAMETERS: list[tuple[dict[str, str], int]] = [
    ({"query": "mutation { __typename }"}, 405),
    ({"query": "subscription { __typename }"}, 405),
    ({}, 400),
    ({"query": ""}, 400),
    ({"query": "{ __typename }", "variables": "{"}, 400),
    ({"query": "{ __typename }", "variables": "[]"}, 400),
]


async def test_a_get_request_may_carry_nothing_else(client: httpx.AsyncClient) -> None:
    for params, status in PARAMETERS:
        answer = await client.get("/graphql", params=params, headers={"Accept": NEW})

        assert answer.status_code == status


async def test_head_has_the_headers_of_get(client: httpx.AsyncClient) -> None:
    for params in (QUERY, {"query": "{"}, {"query": "mutation { __typename }"}, {}):
        get = await client.get("/graphql", params=params, headers={"Accept": NEW})
        head = await client.head("/graphql", params=params, headers={"Accept": NEW})

        same = {"content-type", "content-length", "cache-control", "vary", "allow"}
        assert head.status_code == get.status_code
        assert {key: head.headers.get(key) for key in same} == {key: get.headers.get(key) for key in same}


async def test_other_methods_are_405_and_name_those_that_are_taken(client: httpx.AsyncClient) -> None:
    for method in ["PUT", "PATCH", "DELETE"]:
        answer = await client.request(method, "/graphql", json=QUERY)

        assert answer.status_code == 405
        assert {each.strip() for each in answer.headers["allow"].split(",")} == {"GET", "HEAD", "POST"}


QUERIES = ["{ __typename }", "{ __schema { types { name } } }", "{ objetcives }", "{"]


async def test_without_a_key_nothing_is_told(app: FastAPI) -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as stranger:
        answers = [await stranger.get("/graphql", params={"query": query}) for query in QUERIES]
        answers += [await stranger.post("/graphql", json={"query": query}) for query in QUERIES]
        answers.append(await stranger.post("/graphql", json=QUERY, headers={"Authorization": "Bearer tl_x"}))

    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(401, "unauthenticated")}
    assert {answer.headers["content-type"] for answer in answers} == {"application/problem+json"}


async def test_what_was_sent_is_not_echoed_at_length(client: httpx.AsyncClient) -> None:
    query = "query($n: Int!, $t: DateTime) { objectives(first: $n, filter: {createdAtLt: $t}) { nodes { id } } }"

    answer = await post(client, {"query": query, "variables": {"n": "x" * 50_000, "t": "y" * 50_000}}, NEW)

    assert answer.status_code == 400
    assert len(answer.content) < 4096


async def test_there_is_no_websocket_and_no_stream(app: FastAPI, client: httpx.AsyncClient) -> None:
    said: list[Any] = []
    scope = {"type": "websocket", "path": "/graphql", "headers": [], "subprotocols": ["graphql-transport-ws"]}

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        said.append(message)

    await app(scope, receive, send)
    stream = await post(client, QUERY, "text/event-stream")

    assert said == [{"type": "websocket.close", "code": 1008}]
    assert stream.headers["content-type"].startswith(OLD)
