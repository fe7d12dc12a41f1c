"""The pages for people in a real Chromium: they render, work, and ask nobody but this service."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator

import pytest
import strawberry
import uvicorn
from fastapi import FastAPI, Request, Response

from app.api import pages
from tests import chromium

pytestmark = pytest.mark.browser

KEY = "tl_acme_key_secret"
EDITOR = "document.querySelector('.graphiql-query-editor .CodeMirror')?.CodeMirror"


@strawberry.type(description="What can be asked.")
class Query:
    @strawberry.field(description="Answers with the same words.")
    def echo(self, words: str) -> str:
        return words


def service(keys: list[str]) -> FastAPI:
    """Answer the pages, a contract for them to show and a graph that writes down the key of each request."""
    app = FastAPI(title="Contract", docs_url=None, redoc_url=None)
    app.include_router(pages.router)
    schema = strawberry.Schema(Query)

    @app.get("/v1/objectives", summary="List objectives", tags=["objectives"])
    async def objectives() -> dict[str, list[str]]:
        return {"items": ["cut scrap"]}

    @app.post("/graphql", include_in_schema=False)
    async def graphql(request: Request) -> Response:
        keys.append(request.headers.get("authorization", ""))
        asked = await request.json()
        answer = await schema.execute(asked["query"], asked.get("variables"))
        errors = {"errors": [error.formatted for error in answer.errors]} if answer.errors else {}
        return Response(json.dumps({"data": answer.data, **errors}), media_type="application/json")

    return app


@pytest.fixture
def keys() -> list[str]:
    return []


@pytest.fixture
def origin(keys) -> Iterator[str]:
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(service(keys), log_config=None, lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join(10)
    listener.close()


@pytest.fixture
def tab(tmp_path) -> Iterator[chromium.Tab]:
    with chromium.tab(tmp_path / "profile") as page:
        yield page


def outside(tab: chromium.Tab, origin: str) -> list[str]:
    return [url for url in tab.requests if not url.startswith((f"{origin}/", "data:"))]


def test_the_rest_reference_shows_the_contract_tries_a_request_and_asks_no_other_origin(tab, origin):
    tab.open(f"{origin}/docs")
    tab.wait_for_text("List objectives")
    tab.click(".opblock-summary-control")
    tab.click(".try-out__btn")
    tab.click(".execute")
    tab.wait_for_text("cut scrap")

    assert f"{origin}/v1/objectives" in tab.requests
    assert outside(tab, origin) == []
    assert tab.complaints == []


def test_the_graphql_console_reads_the_schema_with_the_key_runs_a_query_and_asks_no_other_origin(tab, origin, keys):
    tab.open(f"{origin}/graphql-console")
    tab.wait_for(EDITOR)
    assert keys == []

    enter(tab, KEY)
    tab.click("[aria-label='Show Documentation Explorer']")
    tab.click(".graphiql-doc-explorer-root-type a, .graphiql-doc-explorer-type-name")
    tab.wait_for_text("Answers with the same words.")
    tab.evaluate(f"""{EDITOR}.setValue('{{ echo(words: "still here") }}')""")
    tab.click(".graphiql-execute-button")
    tab.wait_for_text('"still here"', ".result-window")

    assert set(keys) == {f"Bearer {KEY}"}
    assert outside(tab, origin) == []
    assert tab.complaints == []


def test_the_console_keeps_the_key_over_a_reload_in_its_tab_and_nowhere_else(tab, origin):
    tab.open(f"{origin}/graphql-console")
    tab.wait_for(EDITOR)
    enter(tab, KEY)

    tab.open(f"{origin}/graphql-console?again")

    assert tab.evaluate("document.getElementById('api-key').value") == KEY
    assert tab.evaluate("document.getElementById('api-key').type") == "password"
    assert tab.evaluate("JSON.stringify(localStorage) + document.cookie") == "{}"


def enter(tab: chromium.Tab, key: str) -> None:
    """Type a key into its field and leave it."""
    tab.evaluate("document.getElementById('api-key').focus()")
    tab.call("Input.insertText", text=key)
    tab.evaluate("document.getElementById('api-key').blur()")
