"""Errors in answers: an allow-list of what may be told; everything else is masked and named by the request's id."""

import traceback
from collections.abc import Iterable
from typing import Any

import structlog
from graphql import GraphQLError

from app.api.problems import PROBLEMS
from app.domain.errors import Fault, ThroughlineError, Unavailable

log = structlog.get_logger(__name__)

_MESSAGE_LENGTH = 300
_FRAMES = 8


def shown(errors: Iterable[GraphQLError], request_id: str) -> list[dict[str, Any]]:
    """Return errors as an answer holds them: message, locations, path, and a code in `extensions`."""
    return [_shown(error, request_id) for error in errors]


def unavailable(errors: Iterable[GraphQLError]) -> Unavailable | None:
    """Return the error that says that the service cannot answer now, if there is one."""
    return next((found for error in errors if isinstance(found := _origin(error), Unavailable)), None)


def _shown(error: GraphQLError, request_id: str) -> dict[str, Any]:
    told = _told(error)
    if told is None:
        _log(error)
        row = PROBLEMS["internal_error"]
        message, extensions = f"{row.title}. {row.remedy}", {"code": row.code}
    else:
        message, extensions = told
    found: dict[str, Any] = {"message": message[:_MESSAGE_LENGTH]}
    if error.locations:
        found["locations"] = [{"line": each.line, "column": each.column} for each in error.locations[:3]]
    if error.path is not None:
        found["path"] = list(error.path)
    return found | {"extensions": extensions | {"request_id": request_id}}


def _told(error: GraphQLError) -> tuple[str, dict[str, Any]] | None:
    """Return message and extensions of an error that the caller can do something about; None: masked."""
    origin = _origin(error)
    if isinstance(origin, ThroughlineError):
        faults = [_fault(each) for each in origin.errors]
        return origin.detail, {"code": origin.code} | ({"errors": faults} if faults else {})
    if error.path is None or (isinstance(origin, GraphQLError) and origin.nodes):
        return error.message, {"code": "invalid_query"} | dict(error.extensions or {})
    return None


def _origin(error: BaseException) -> BaseException:
    """Return what was raised in the first place."""
    while isinstance(error, GraphQLError) and error.original_error is not None:
        error = error.original_error
    return error


def _fault(fault: Fault) -> dict[str, str]:
    return {name: value for name in Fault.__slots__ if (value := getattr(fault, name)) is not None}


def _log(error: GraphQLError) -> None:
    """Log where a bug is: never its message nor the values at hand, which may be what was sent."""
    origin = _origin(error)
    frames = traceback.extract_tb(origin.__traceback__)[-_FRAMES:]
    log.error(
        "graphql_field_failed",
        error_type=type(origin).__name__,
        path=".".join(str(each) for each in error.path or ()),
        frames=[f"{each.name} ({each.filename.rpartition('/')[2]}:{each.lineno})" for each in frames],
    )
