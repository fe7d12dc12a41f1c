"""Every error as RFC 9457 problem+json, whatever raised it (https://www.rfc-editor.org/rfc/rfc9457)."""

import http
import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from sqlalchemy.exc import DBAPIError
from starlette.exceptions import HTTPException
from starlette.routing import compile_path

from app.api import rooms
from app.api.problems import PROBLEMS
from app.domain.errors import Fault, ThroughlineError
from app.models.faults import faults_of

log = structlog.get_logger(__name__)

RETRY_AFTER_SECONDS = 3

_BY_STATUS = {
    400: "invalid_json",
    401: "unauthenticated",
    403: "missing_scope",
    404: "not_found",
    405: "method_not_allowed",
    408: "request_timeout",
    413: "body_too_large",
    414: "uri_too_long",
    415: "unsupported_media_type",
    429: "too_many_requests",
    431: "header_fields_too_large",
    503: "unavailable",
}
_CHALLENGES = {
    "invalid_token": ', error="invalid_token"',
    "unknown_issuer": ', error="invalid_token"',
    "missing_scope": ', error="insufficient_scope"',
}
"""What https://www.rfc-editor.org/rfc/rfc6750#section-3.1 has beside the realm when a token was sent."""


class ProblemFault(BaseModel):
    """One thing wrong in the request."""

    code: str = Field(description="Stable code.", examples=["missing"])
    detail: str = Field(description="What is wrong.", examples=["Field required"])
    pointer: str | None = Field(default=None, description="JSON Pointer into the body.", examples=["/title"])
    parameter: str | None = Field(default=None, description="Query or path parameter.")
    header: str | None = Field(default=None, description="Request header.")


class ProblemDetails(BaseModel):
    """An error (RFC 9457)."""

    type: str = Field(description="A page that explains this kind of error.", examples=["/v1/problems/not_found"])
    title: str = Field(description="The kind of error in a few words.")
    status: int = Field(description="The HTTP status.", examples=[404])
    detail: str = Field(description="What went wrong here, and what to do next.")
    code: str = Field(description="Stable code; branch on it.", examples=["not_found"])
    request_id: str = Field(description="Names this request in the service's logs.")
    errors: list[ProblemFault] = Field(default_factory=list, description="What is wrong, place by place.")


BASIC_CHALLENGE = 'Basic realm="throughline", charset="UTF-8"'
"""https://www.rfc-editor.org/rfc/rfc7617#section-2"""


class BadSignature(ThroughlineError):
    """A delivery is not authentic. With `basic` its sender is asked for user and password: some wait for that."""

    code = "bad_signature"

    def __init__(self, detail: str, *, basic: bool) -> None:
        super().__init__(detail)
        self.basic = basic


def problem(
    request: Request,
    code: str,
    detail: str | None = None,
    *,
    errors: Iterable[Fault] = (),
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """Return the response for one error code."""
    row = PROBLEMS[code]
    faults = [
        {name: value for name in Fault.__slots__ if (value := getattr(fault, name)) is not None} for fault in errors
    ]
    content: dict[str, Any] = {
        "type": f"/v1/problems/{code}",
        "title": row.title,
        "status": row.status,
        "detail": detail or row.remedy,
        "code": code,
        "request_id": request.scope.get("state", {}).get("request_id", ""),
        "errors": faults,
    }
    all_headers = dict(headers or {})
    if row.status in {http.HTTPStatus.SERVICE_UNAVAILABLE, http.HTTPStatus.TOO_MANY_REQUESTS}:
        all_headers.setdefault("Retry-After", str(RETRY_AFTER_SECONDS))
    if code in _CHALLENGES or row.status == http.HTTPStatus.UNAUTHORIZED:
        all_headers.setdefault("WWW-Authenticate", 'Bearer realm="throughline"' + _CHALLENGES.get(code, ""))
    return JSONResponse(content, row.status, all_headers, media_type="application/problem+json")


def install(app: FastAPI) -> None:
    """Make every error of `app` a problem document."""
    app.add_exception_handler(ThroughlineError, _ours)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(DBAPIError, _database)


async def answer(request: Request, error: ThroughlineError | DBAPIError) -> JSONResponse:
    """Return the response for an error that was raised beside the framework."""
    return await (_database if isinstance(error, DBAPIError) else _ours)(request, error)


async def _ours(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ThroughlineError)  # noqa: S101  registered for this class only
    if error.code == "unavailable":
        log.warning("unavailable", reason=str(error.__cause__ or error)[:500])
    basic = isinstance(error, BadSignature) and error.basic
    headers = {"WWW-Authenticate": BASIC_CHALLENGE} if basic else None
    return problem(request, error.code, error.detail, errors=error.errors, headers=headers)


async def _validation(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101  registered for this class only
    faults = faults_of(error.errors())
    places = ", ".join(str(fault.pointer or fault.parameter or fault.header or "body") for fault in faults[:3])
    return problem(request, "invalid_request", f"Mend {places} and send it again.", errors=faults)


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101  registered for this class only
    code = _BY_STATUS.get(error.status_code, "internal_error")
    headers = dict(error.headers or {})
    if error.status_code == http.HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = _allowed(request) or headers.get("Allow", "GET")
    return problem(request, code, headers=headers)


def _allowed(request: Request) -> str:
    """Return every method that the address takes: a router only knows those of its first route."""
    methods: set[str] = set()
    for route in rooms.contexts(request.app.routes, request.url.path):
        if route.path is not None and _pattern(route.path).match(request.url.path):
            methods |= route.methods or set()
    return ", ".join(sorted(methods | ({"HEAD"} if "GET" in methods else set())))


@cache
def _pattern(path: str) -> re.Pattern[str]:
    return compile_path(path)[0]


async def _database(request: Request, error: Exception) -> JSONResponse:
    log.error("database_refused", error_type=type(error).__name__, exc_info=error)
    return problem(request, "internal_error")
