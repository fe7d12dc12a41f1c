"""What an answer says of errors: what the caller can mend, and of everything else only the request's id."""

import json
from typing import Any

import httpx
import pytest
import structlog
from fastapi import FastAPI
from pydantic import BaseModel
from sqlalchemy.exc import ProgrammingError

from app.domain.errors import Unavailable
from app.services import branches
from tests.api.graphql.conftest import Ask, ask
from tests.builders import make

SECRET = "s3cret-canary"
QUERY = "query($id: ID!) { objective(id: $id) { id } tenant { slug } }"


class Strict(BaseModel):
    number: int


async def runtime(*_args: Any, **_kwargs: Any) -> Any:
    raise RuntimeError(SECRET)


async def sql(*_args: Any, **_kwargs: Any) -> Any:
    raise ProgrammingError("SELECT missing_column", {"title": SECRET}, Exception(SECRET))


async def pydantic(*_args: Any, **_kwargs: Any) -> Any:
    Strict.model_validate({"number": SECRET})


async def mistaken(_session: Any, _listing: Any, noun_ids: list[Any], **_kwargs: Any) -> Any:
    return [SECRET for _ in noun_ids]


async def test_what_breaks_inside_is_masked_and_logged_without_what_was_sent(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = (await make(client, "objectives", 1))["id"]
    for broken in (runtime, sql, pydantic, mistaken):
        with structlog.testing.capture_logs() as logs, monkeypatch.context() as patched:
            patched.setattr(branches, "by_id", broken)
            answer = await client.post("/graphql", json={"query": QUERY, "variables": {"id": made}})

        error = next(each for each in answer.json()["errors"] if each["path"][0] == "objective")
        assert answer.status_code == 200
        assert answer.json()["data"]["objective"] is None
        assert error["extensions"] == {"code": "internal_error", "request_id": answer.headers["x-request-id"]}
        failures = [entry for entry in logs if entry["event"] == "graphql_field_failed"]
        assert {entry["path"].partition(".")[0] for entry in failures} >= {"objective"}
        assert all(entry["frames"] for entry in failures)
        for said in (answer.text, json.dumps(logs, default=str)):
            assert SECRET not in said
            assert "missing_column" not in said
        assert made not in json.dumps(logs, default=str)


async def test_the_rest_of_the_answer_stays_when_one_field_breaks(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    await make(client, "objectives", 1)
    monkeypatch.setattr(branches, "counts", runtime)

    found = await ask(client, "{ objectives { totalCount } kpis { nodes { id } } }")

    assert found["data"] == {"objectives": None, "kpis": {"nodes": []}}
    assert [error["path"] for error in found["errors"]] == [["objectives", "totalCount"]]


async def test_the_database_being_away_is_a_503_for_the_whole_request(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_args: Any, **_kwargs: Any) -> Any:
        raise Unavailable("The database does not answer; try again in a few seconds.")

    monkeypatch.setattr(branches, "pages", away)

    answer = await client.post("/graphql", json={"query": "{ objectives { nodes { id } } }"})

    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert answer.headers["retry-after"]


async def test_an_id_that_is_none_says_what_one_looks_like(client: httpx.AsyncClient) -> None:
    for noun_id in ("x", "obj_1", "kpi_01h455vb4pex5vsknk084sn02q", "obj_" + "x" * 5000, ""):
        found = await ask(client, "query($id: ID!) { objective(id: $id) { id } }", id=noun_id)

        assert found["data"] == {"objective": None}
        assert found["errors"][0]["extensions"]["code"] == "not_found"
        assert len(found["errors"][0]["message"]) <= 300


async def test_null_for_an_argument_that_takes_none_is_the_callers_mistake(client: httpx.AsyncClient) -> None:
    query = "query($n: Int) { objectives(first: $n) { nodes { id } } }"

    found = await ask(client, query, n=None)

    assert found["data"] == {"objectives": None}
    assert found["errors"][0]["extensions"]["code"] == "invalid_query"


async def test_errors_say_where(client: httpx.AsyncClient) -> None:
    found = await ask(client, "{\n  objectives { nodes { nothing } }\n}")

    assert found["errors"][0]["locations"] == [{"line": 2, "column": 24}]


async def test_a_query_that_was_refused_can_be_asked_again_in_another_way(
    graph: Ask, client: httpx.AsyncClient
) -> None:
    refused = await ask(client, "{ objectives(first: 0) { nodes { id } } }")

    found = await graph("{ objectives(first: 1) { nodes { id } } }")

    assert refused["errors"][0]["extensions"]["limit"] == "first"
    assert found == {"objectives": {"nodes": []}}


async def test_unknown_metrics_are_named(app: FastAPI, graph: Ask, client: httpx.AsyncClient) -> None:
    initiative = (await make(client, "initiatives", 1))["id"]
    query = "query($id: ID!, $m: [String!]) { initiative(id: $id) { figures(metrics: $m) { metric } } }"

    known = await graph(query, id=initiative, m=["participation_rate"])
    unknown = await ask(client, query, id=initiative, m=["happiness"])

    assert app.state.database is not None
    assert known["initiative"]["figures"] == [{"metric": "participation_rate"}]
    assert unknown["errors"][0]["extensions"]["code"] == "unknown_metric"
