"""The pages for people, without a browser."""

from __future__ import annotations

import asyncio
import re
import threading
from hashlib import sha256

import httpx
import pytest
from fastapi import FastAPI

from app.api import pages
from app.config import Settings
from app.main import create_app
from tests.engines import SECRET_KEY

PAGES = ("/docs", "/graphql-console")
REFERENCE = re.compile(r'(?:src|href)="([^"]+)"')


def ask(path: str, method: str = "GET", **headers: str) -> httpx.Response:
    app = FastAPI(docs_url=None, redoc_url=None)
    app.include_router(pages.router)

    async def answer() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service") as client:
            return await client.request(method, path, headers=headers)

    return asyncio.run(answer())


@pytest.mark.parametrize("page", PAGES)
def test_a_page_holds_no_script_or_style_of_its_own_and_no_absolute_address(page):
    html = ask(page).text

    assert re.findall(r"<script(?![^>]*\bsrc=)|<style|\bstyle=|\bon[a-z]+=", html) == []
    assert [address for address in REFERENCE.findall(html) if re.match(r"[a-z]+:|/", address)] == []


@pytest.mark.parametrize("page", PAGES)
def test_every_asset_that_a_page_names_is_served_with_its_type_and_may_be_kept_for_ever(page):
    addresses = [address for address in REFERENCE.findall(ask(page).text) if address.startswith("static/")]

    answers = [ask(f"/{address}") for address in addresses]

    assert len(answers) > 3
    assert {answer.status_code for answer in answers} == {200}
    assert {answer.headers["cache-control"] for answer in answers} == {"public, max-age=31536000, immutable"}
    types = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
    for address, answer in zip(addresses, answers, strict=True):
        assert answer.headers["content-type"] == types[re.search(r"\.\w+(?=\?)", address)[0]]


@pytest.mark.parametrize("path", [*PAGES, "/static/docs.js", "/static/swagger-ui/swagger-ui-bundle.js"])
def test_every_answer_carries_a_policy_that_allows_neither_inline_scripts_nor_eval_nor_other_origins(path):
    headers = ask(path).headers

    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["connect-src"] == policy["style-src"] == "'self'"
    assert "unsafe" not in headers["content-security-policy"]
    assert "http" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", [*PAGES, "/static/docs.js", "/static/docs.js?v=0123"])
def test_what_may_have_changed_is_asked_for_again_and_answered_304_if_it_has_not(path):
    first = ask(path)

    again = ask(path, **{"If-None-Match": f'"other", W/{first.headers["etag"]}'})
    changed = ask(path, **{"If-None-Match": '"other"'})

    assert first.headers["cache-control"] == "no-cache"
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert changed.status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/static/",
        "/static/docs.html",
        "/static/../pages.py",
        "/static/%2e%2e/pages.py",
        "/static//etc/passwd",
        "/static/x",
    ],
)
def test_nothing_but_the_listed_files_can_be_asked_for(path):
    assert ask(path).status_code == 404


def test_the_pages_answer_head_requests():
    answer = ask("/docs", "HEAD")

    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")


def test_every_vendored_file_is_listed_with_its_digest_and_unchanged():
    listed = dict(
        re.findall(r"^\| `([^`]+)` \| ([0-9a-f]{16}) \|$", (pages.STATIC / "VENDORED.md").read_text(), re.MULTILINE)
    )

    vendored = [path for folder in ("graphiql", "swagger-ui") for path in (pages.STATIC / folder).iterdir()]
    found = {path.relative_to(pages.STATIC).as_posix(): sha256(path.read_bytes()).hexdigest()[:16] for path in vendored}

    assert len(found) == 8
    assert listed == found


def test_the_vendored_files_stay_below_four_megabytes():
    assert sum(len(asset.body) for asset in pages.assets().values()) < 4_000_000


def test_the_others_are_answered_while_the_contract_is_put_together(tmp_path) -> None:
    app = create_app(Settings(database_url=f"sqlite:///{tmp_path}/none.db", secret_keys=(SECRET_KEY,)))
    begun, answered, times = threading.Event(), threading.Event(), []

    def put_together() -> dict[str, bool]:
        times.append(1)
        begun.set()
        return {"others_were_answered": answered.wait(10)}

    async def ask_for_both() -> tuple[httpx.Response, httpx.Response]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service") as client:
            contract = asyncio.create_task(client.get("/openapi.json"))
            await asyncio.to_thread(begun.wait, 10)
            assert (await client.get("/healthz")).status_code == 200
            answered.set()
            return await contract, await client.get("/openapi.json")

    app.openapi = put_together
    first, second = asyncio.run(ask_for_both())

    assert first.json() == second.json() == {"others_were_answered": True}
    assert first.headers["etag"] == second.headers["etag"]
    assert first.headers["content-type"] == "application/json"
    assert times == [1]
