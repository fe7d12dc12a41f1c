"""`/graphql`: GraphQL over HTTP (https://graphql.github.io/graphql-over-http/draft/), queries only, for key holders."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request, Response
from graphql import ExecutionResult, GraphQLError, OperationType
from pydantic_core import to_json

from app.api.authentication import Principal
from app.api.bodies import InvalidJson, UnsupportedMediaType, read_json
from app.api.graphql import documents, errors
from app.api.graphql.context import Graph
from app.api.graphql.documents import refused
from app.lms import Unreadable
from app.lms._body import strict_json

router = APIRouter(include_in_schema=False)

JSON = "application/json"
GRAPHQL_JSON = "application/graphql-response+json"


@dataclass(frozen=True, slots=True)
class _Asked:
    """The parameters of a request (the specification's section "Request Parameters")."""

    query: str
    operation_name: str | None
    variables: Mapping[str, Any]


class _Malformed(Exception):
    """The request has no well-formed parameters."""


@router.api_route("/graphql", methods=["GET", "POST"])
async def graphql(request: Request) -> Response:
    """Run one query of a key holder."""
    state = request.app.state
    principal: Principal = await state.keyring.principal(request.headers.get("authorization"))
    principal.require("read")
    media_type = _media_type(request.headers.get("accept", ""))
    try:
        asked = _checked(await _parameters(request))
    except _Malformed as error:
        return _answer(request, media_type, {"errors": [refused(str(error))]}, status=400)
    graph = Graph(principal, state.database, state.vault, state.settings.base_url)
    return await _run(request, media_type, asked, graph)


async def _run(request: Request, media_type: str, asked: _Asked, graph: Graph) -> Response:
    refusal = 400 if media_type == GRAPHQL_JSON else 200
    prepared = documents.prepare(asked.query)
    if prepared.errors:
        writes = any(each.operation is not OperationType.QUERY for each in prepared.operations.values())
        status = 405 if writes and request.method == "GET" else refusal
        return _answer(request, media_type, {"errors": prepared.errors}, status=status)
    try:
        operation = prepared.operation(asked.operation_name)
        result = await documents.run(prepared, operation, graph, asked.variables)
    except GraphQLError as error:
        return _answer(request, media_type, {"errors": [error]}, status=refusal)
    return _result(request, media_type, result, refusal)


def _result(request: Request, media_type: str, result: ExecutionResult, refusal: int) -> Response:
    found = result.errors or []
    away = errors.unavailable(found)
    if away is not None:
        raise away
    if result.data is None:
        return _answer(request, media_type, {"errors": found}, status=refusal)
    return _answer(request, media_type, {"data": result.data} | ({"errors": found} if found else {}), status=200)


def _answer(request: Request, media_type: str, content: dict[str, Any], *, status: int) -> Response:
    if "errors" in content:
        content["errors"] = errors.shown(content["errors"], request.state.request_id)
    headers = {"Vary": "Accept, Authorization"} | ({"Allow": "POST"} if status == 405 else {})  # noqa: PLR2004  RFC 9110: a 405 names what is allowed
    return Response(to_json(content), status, headers, media_type=f"{media_type}; charset=utf-8")


def _media_type(accept: str) -> str:
    """Return the type to answer with: what the client likes best of the two; JSON when it does not say."""
    liked = dict(_qualities(accept))
    return GRAPHQL_JSON if liked.get(GRAPHQL_JSON, 0) > 0 and liked[GRAPHQL_JSON] >= liked.get(JSON, 0) else JSON


def _qualities(accept: str) -> Iterable[tuple[str, float]]:
    for part in accept.lower().split(","):
        name, *parameters = (each.strip() for each in part.split(";"))
        quality = next((each[2:] for each in parameters if each.startswith("q=")), "1")
        yield name, float(quality) if quality.replace(".", "", 1).isdecimal() else 0


async def _parameters(request: Request) -> Mapping[str, Any]:
    if request.method == "GET":
        found: dict[str, Any] = dict(request.query_params)
        for name in ("variables", "extensions"):
            if found.get(name):
                found[name] = _json(name, found[name])
        return found
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != JSON:
        raise UnsupportedMediaType("Send the query as application/json in UTF-8.")
    body = await read_json(request)
    if not isinstance(body, dict):
        raise _Malformed("Send one JSON object with `query`; lists of requests are not taken.")
    return body


def _json(name: str, text: str) -> Any:
    try:
        return strict_json(text.encode())
    except Unreadable as error:
        raise InvalidJson(f"The parameter {name} is not strict JSON: {error}.") from error


def _checked(given: Mapping[str, Any]) -> _Asked:
    query, name = given.get("query"), given.get("operationName")
    variables, extensions = given.get("variables"), given.get("extensions")
    if isinstance(extensions, dict) and "persistedQuery" in extensions:
        raise _Malformed("PersistedQueryNotSupported")
    if not isinstance(query, str) or not query:
        raise _Malformed("Send the document as a string in `query`.")
    if name is not None and not isinstance(name, str):
        raise _Malformed("`operationName` is a string or null.")
    for key, value in (("variables", variables), ("extensions", extensions)):
        if value is not None and not isinstance(value, dict):
            raise _Malformed(f"`{key}` is an object or null.")
    return _Asked(query, name or None, variables or {})
