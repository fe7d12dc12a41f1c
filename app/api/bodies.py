"""Request bodies at the edge: one strict JSON parser, one list of accepted types."""

from typing import Any

from fastapi import Request

from app.domain.errors import ThroughlineError
from app.lms import Unreadable
from app.lms._body import strict_json

_JSON_TYPES = {"application/json", "application/merge-patch+json"}


class UnsupportedMediaType(ThroughlineError):
    """The body has a type that is not read here."""

    code = "unsupported_media_type"


class InvalidJson(ThroughlineError):
    """The body is not strict JSON."""

    code = "invalid_json"


async def read_json(request: Request) -> Any:
    """Return the body as strict JSON, left where FastAPI looks for it. Raises InvalidJson, UnsupportedMediaType."""
    body = await request.body()
    if not body:
        return None
    media_type, _, parameters = request.headers.get("content-type", "").partition(";")
    charset = parameters.strip().lower().removeprefix("charset=").strip('"')
    if media_type.strip().lower() not in _JSON_TYPES or charset not in {"", "utf-8", "utf8"}:
        raise UnsupportedMediaType("Send the body as application/json in UTF-8.")
    try:
        request._json = strict_json(body)  # noqa: SLF001  where Starlette keeps the parsed body
    except Unreadable as error:
        raise InvalidJson(str(error)[:1].upper() + str(error)[1:] + ".") from error
    return request._json  # noqa: SLF001  the same
