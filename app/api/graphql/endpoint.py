"""`/graphql`: GraphQL over HTTP (https://graphql.github.io/graphql-over-http/draft/), queries only, for key holders."""

import asyncio
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic_core import to_json

from app.api.bodies import InvalidJson, UnsupportedMediaType, read_json
from app.api.graphql.requests import Answer, Asked, Caller, Malformed, Run
from app.api.principals import Principal
from app.api.rates import admit
from app.lms import Unreadable
from app.lms._body import strict_json

router = APIRouter(include_in_schema=False)

JSON = "application/json"
GRAPHQL_JSON = "application/graphql-response+json"


@router.api_route("/graphql", methods=["GET", "POST"])
async def graphql(request: Request) -> Response:
    """Run one query of a key holder."""
    state = request.app.state
    principal: Principal = await state.keyring.principal(request.headers)
    admit(request, principal)
    principal.require("read")
    media_type = _media_type(request.headers.get("accept", ""))
    try:
        asked = _checked(await _parameters(request))
    except Malformed as error:
        told = {"message": str(error), "extensions": {"code": "invalid_query"}}
        return _response(media_type, Answer({"errors": [told]}, refused=True), 400)
    caller = Caller(principal, state.database, state.vault, request.state.request_id)
    if not _engine.cache_info().currsize:
        await asyncio.to_thread(_engine)
    answer = await _engine()(asked, caller)
    if answer.writes and request.method == "GET":
        return _response(media_type, answer, 405)
    return _response(media_type, answer, 400 if answer.refused and media_type == GRAPHQL_JSON else 200)


@cache
def _engine() -> Run:
    """Return what runs queries. Making the schema takes a while: it is made at first use, beside the event loop."""
    from app.api.graphql.documents import answer, warm  # noqa: PLC0415  the nodes are declared at first use

    warm()
    return answer


def _response(media_type: str, answer: Answer, status: int) -> Response:
    headers = {"Vary": "Accept, Authorization"} | ({"Allow": "POST"} if status == 405 else {})  # noqa: PLR2004  RFC 9110: a 405 names what is allowed
    return Response(to_json(answer.content), status, headers, media_type=f"{media_type}; charset=utf-8")


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
        raise Malformed("Send one JSON object with `query`; lists of requests are not taken.")
    return body


def _json(name: str, text: str) -> Any:
    try:
        return strict_json(text.encode())
    except Unreadable as error:
        raise InvalidJson(f"The parameter {name} is not strict JSON: {error}.") from error


def _checked(given: Mapping[str, Any]) -> Asked:
    query, name = given.get("query"), given.get("operationName")
    variables, extensions = given.get("variables"), given.get("extensions")
    if isinstance(extensions, dict) and "persistedQuery" in extensions:
        raise Malformed("PersistedQueryNotSupported")
    if not isinstance(query, str) or not query:
        raise Malformed("Send the document as a string in `query`.")
    if name is not None and not isinstance(name, str):
        raise Malformed("`operationName` is a string or null.")
    for key, value in (("variables", variables), ("extensions", extensions)):
        if value is not None and not isinstance(value, dict):
            raise Malformed(f"`{key}` is an object or null.")
    return Asked(query, name or None, variables or {})
