"""The pages for people: the REST reference at `/docs` and the GraphQL console at `/graphql-console`.

Everything they need is in `static/`; see `static/VENDORED.md`. A content security policy keeps them to their own
origin, to scripts that stand in files, and to no `eval`. Addresses inside the pages are relative, so that they hold
behind a proxy that serves the service under a prefix.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from string import Template
from threading import Lock
from types import MappingProxyType
from typing import Final

from fastapi import APIRouter, FastAPI, HTTPException, Request, Response
from pydantic_core import to_json
from starlette.concurrency import run_in_threadpool

from app.api.problems import Problem

router = APIRouter(include_in_schema=False)

STATIC: Final = Path(__file__).parent / "static"

# https://www.w3.org/TR/CSP3/
CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

_CONTENT_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".json": "application/json",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_REVALIDATE: Final = "no-cache"
_FOREVER: Final = "public, max-age=31536000, immutable"
_BUILDING: Final = Lock()
_REFERENCE: Final = re.compile(r'"((?:\.\./)*)static/([^"]+)"')


@dataclass(frozen=True, slots=True)
class Asset:
    """One file as it is served; `digest` is the first half of its SHA-256 in hexadecimal."""

    body: bytes
    content_type: str
    digest: str


@router.api_route("/docs", methods=["GET", "HEAD"])
async def docs(request: Request) -> Response:
    """Swagger UI over `openapi.json`."""
    return _answer(request, pages()["docs.html"], _REVALIDATE)


@router.api_route("/openapi.json", methods=["GET", "HEAD"])
async def contract(request: Request) -> Response:
    """Answer the contract: seconds of work when it is first asked for, in which the others are answered."""
    return _answer(request, await run_in_threadpool(_contract, request.app), _REVALIDATE)


@router.api_route("/graphql-console", methods=["GET", "HEAD"])
async def graphql_console(request: Request) -> Response:
    """GraphiQL over `graphql`; the API key stays in the browser's tab."""
    return _answer(request, pages()["graphql-console.html"], _REVALIDATE)


@router.api_route("/static/{path:path}", methods=["GET", "HEAD"])
async def static(request: Request, path: str, v: str = "") -> Response:
    """One vendored file; an address that names the file's digest in `v` may be kept for ever."""
    asset = assets().get(path)
    if asset is None:
        raise HTTPException(404, "There is no such file.")
    return _answer(request, asset, _FOREVER if v == asset.digest else _REVALIDATE)


def problem(request: Request, row: Problem) -> Response:
    """Answer the page of an error code."""
    told = {"status": str(row.status), "code": row.code, "title": html.escape(row.title)}
    remedy = re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(row.remedy))
    text = Template(pages()["problem.html"].body.decode()).substitute(told, remedy=remedy)
    return _answer(request, _asset(Path("problem.html"), text.encode()), _REVALIDATE)


def _contract(app: FastAPI) -> Asset:
    with _BUILDING:
        if not hasattr(app.state, "contract"):
            app.state.contract = _asset(Path("openapi.json"), to_json(app.openapi()))
        kept: Asset = app.state.contract
        return kept


@cache
def assets() -> Mapping[str, Asset]:
    """Give every file below `static/` but the pages themselves, by its path there; nothing else can be asked for."""
    files = (path for path in sorted(STATIC.rglob("*")) if path.is_file() and path.suffix != ".html")
    return MappingProxyType({path.relative_to(STATIC).as_posix(): _asset(path, path.read_bytes()) for path in files})


@cache
def pages() -> Mapping[str, Asset]:
    """Give the pages by file name, the address of every asset in them extended by its digest."""

    def versioned(reference: re.Match[str]) -> str:
        return f'"{reference[1]}static/{reference[2]}?v={assets()[reference[2]].digest}"'

    def page(path: Path) -> Asset:
        return _asset(path, _REFERENCE.sub(versioned, path.read_text("utf-8")).encode())

    return MappingProxyType({path.name: page(path) for path in STATIC.glob("*.html")})


def _asset(path: Path, body: bytes) -> Asset:
    content_type = _CONTENT_TYPES.get(path.suffix, "text/plain; charset=utf-8")
    return Asset(body, content_type, sha256(body).hexdigest()[:32])


def _answer(request: Request, asset: Asset, cache_control: str) -> Response:
    etag = f'"{asset.digest}"'
    headers = {
        "Cache-Control": cache_control,
        "Content-Security-Policy": CONTENT_SECURITY_POLICY,
        "Cross-Origin-Opener-Policy": "same-origin",
        "ETag": etag,
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
    known = {tag.strip().removeprefix("W/") for tag in request.headers.get("If-None-Match", "").split(",")}
    if etag in known or "*" in known:
        return Response(status_code=304, headers=headers)
    return Response(asset.body, media_type=asset.content_type, headers=headers)
