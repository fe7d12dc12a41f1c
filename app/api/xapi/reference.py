"""What the reference says of each operation; the specification has the last word.

https://github.com/adlnet/xAPI-Spec/blob/master/xAPI-Communication.md#20-resources
"""

from collections.abc import Mapping
from typing import Any

_AGENT = '{"mbox": "mailto:ola.berg@example.org"}'
_ACTIVITY = "https://content.example.org/courses/fire-safety"
_UUID = "d1eec41f-1e93-4ed6-acbf-5c4bd0c24269"
_TIME = "2026-03-04T15:30:00Z"

_DESCRIBED: Mapping[str, tuple[str, dict[str, Any], Any]] = {
    "statementId": ("Id of a statement.", {"type": "string", "format": "uuid"}, _UUID),
    "voidedStatementId": ("Id of a voided statement.", {"type": "string", "format": "uuid"}, _UUID),
    "agent": ("An agent or identified group, as JSON.", {"type": "string"}, _AGENT),
    "verb": ("Id of a verb.", {"type": "string"}, "http://adlnet.gov/expapi/verbs/completed"),
    "activity": ("Id of an activity.", {"type": "string"}, _ACTIVITY),
    "activityId": ("Id of an activity.", {"type": "string"}, _ACTIVITY),
    "registration": ("Registration that it belongs to.", {"type": "string", "format": "uuid"}, _UUID),
    "related_activities": ("Look in context and substatements too.", {"type": "boolean"}, False),
    "related_agents": ("Look in authority, context and substatements too.", {"type": "boolean"}, False),
    "since": ("Only what was stored after this instant.", {"type": "string", "format": "date-time"}, _TIME),
    "until": ("Only what was stored up to this instant.", {"type": "string", "format": "date-time"}, _TIME),
    "limit": ("Most statements in the answer; 0: as many as the service gives (500).", {"type": "integer"}, 50),
    "format": ("How they are shown.", {"type": "string", "enum": ["exact", "ids", "canonical"]}, "exact"),
    "attachments": ("Answer multipart/mixed with the attachments.", {"type": "boolean"}, False),
    "ascending": ("The oldest first.", {"type": "boolean"}, False),
    "cursor": ("As `more` has it.", {"type": "string"}, "AAZ"),
    "stateId": ("Id of the document; without it, those of all are listed.", {"type": "string"}, "bookmark"),
    "profileId": ("Id of the document; without it, those of all are listed.", {"type": "string"}, "preferences"),
}
_FILTERS = (
    *("statementId", "voidedStatementId", "agent", "verb", "activity", "registration", "related_activities"),
    *("related_agents", "since", "until", "limit", "format", "attachments", "ascending", "cursor"),
)
_VERSION = {
    "name": "X-Experience-API-Version",
    "in": "header",
    "required": True,
    "description": "The version that the request is written in: 1.0.x or 2.0.x.",
    "schema": {"type": "string", "examples": ["1.0.3"]},
}
_CONDITIONS = tuple(
    {"name": name, "in": "header", "required": False, "description": text, "schema": {"type": "string"}}
    for name, text in (
        ("If-Match", "ETag of the document that is to be changed."),
        ("If-None-Match", "`*`: only if there is none yet."),
    )
)
_ANY: Mapping[str, Any] = {"application/json": {"schema": {}}, "application/octet-stream": {"schema": {}}}
_STATEMENTS: Mapping[str, Any] = {"application/json": {"schema": {}}, "multipart/mixed": {"schema": {}}}


def _parameter(name: str, *, required: bool) -> dict[str, Any]:
    text, schema, example = _DESCRIBED[name]
    return {
        "name": name,
        "in": "query",
        "required": required,
        "description": text,
        "schema": schema | {"examples": [example]},
    }


def _operation(
    name: str,
    summary: str,
    description: str,
    *,
    answer: tuple[int, str],
    needed: tuple[str, ...] = (),
    optional: tuple[str, ...] = (),
    headers: tuple[dict[str, Any], ...] = (_VERSION,),
    content: Mapping[str, Any] | None = None,
    errors: Mapping[int, str] | None = None,
) -> dict[str, Any]:
    """Return the arguments of a route: `answer` and `errors` are statuses with what they mean."""
    listed = [_parameter(each, required=True) for each in needed] + [
        _parameter(each, required=False) for each in optional
    ]
    extra: dict[str, Any] = {"parameters": [*listed, *headers]}
    if content is not None:
        extra["requestBody"] = {
            "required": True,
            "description": "As the specification has it.",
            "content": dict(content),
        }
    status, meaning = answer
    schema = {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}
    refusals = {400: "`invalid_xapi`: The request is not xAPI.", **(errors or {})}
    if _VERSION in headers:
        refusals[401] = "`bad_signature`: The request does not prove that it comes from the source."
    return {
        "operation_id": name,
        "summary": summary,
        "description": description,
        "status_code": status,
        "response_description": meaning,
        "responses": {
            code: {"description": text, "content": {"application/problem+json": schema}}
            for code, text in sorted(refusals.items())
        },
        "openapi_extra": extra,
    }


def _of_documents(
    path: str, noun: str, title: str, id_name: str, owners: tuple[str, ...], *, state: bool
) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the four operations of a document resource."""
    registration = ("registration",) if state else ()
    named = (*owners, id_name)
    kept = "State is replaced without a condition in 1.0.3; " if state else ""
    concurrent = {
        409: "`conflict`: Replacing it needs its ETag.",
        412: "`precondition_failed`: It has changed meanwhile.",
    }
    return {
        ("GET", path): _operation(
            f"get{noun}",
            f"Get a document, or the ids of all: {title}",
            f"With `{id_name}` the document as it was sent; without it an array of ids, changed after `since`.",
            answer=(200, "The document, or an array of ids."),
            needed=owners,
            optional=(*registration, id_name, "since"),
        ),
        ("PUT", path): _operation(
            f"put{noun}",
            f"Replace a document: {title}",
            f"{kept}otherwise a document that is there is only replaced with its ETag in If-Match.".capitalize(),
            answer=(204, "Stored."),
            needed=named,
            optional=registration,
            headers=(_VERSION, *_CONDITIONS),
            content=_ANY,
            errors=concurrent,
        ),
        ("POST", path): _operation(
            f"post{noun}",
            f"Store or merge a document: {title}",
            "A JSON object is merged into the JSON object that is there, property by property.",
            answer=(204, "Stored."),
            needed=named,
            optional=registration,
            headers=(_VERSION, *_CONDITIONS),
            content=_ANY,
            errors=concurrent,
        ),
        ("DELETE", path): _operation(
            f"delete{noun}",
            f"Delete a document: {title}",
            f"Without `{id_name}` all documents of the context."
            if state
            else "Deleting what is not there is no error.",
            answer=(204, "Gone."),
            needed=owners if state else named,
            optional=(*registration, id_name) if state else (),
            headers=(_VERSION, *_CONDITIONS),
            errors=concurrent,
        ),
    }


OPERATIONS: Mapping[tuple[str, str], dict[str, Any]] = {
    ("GET", "/statements"): _operation(
        "getXapiStatements",
        "Get statements",
        "One statement by its id, or all that meet every filter, the newest first, page by page through `more`.",
        answer=(200, "A statement, or `{statements, more}`; multipart/mixed with `attachments=true`."),
        optional=_FILTERS,
        errors={404: "`not_found`: There is no such statement."},
    ),
    ("PUT", "/statements"): _operation(
        "putXapiStatement",
        "Store a statement",
        "The statement is stored under the id in the address; the same one again changes nothing.",
        answer=(204, "Stored, or stored before."),
        needed=("statementId",),
        content=_STATEMENTS,
        errors={409: "`conflict`: Another statement has this id."},
    ),
    ("POST", "/statements"): _operation(
        "postXapiStatements",
        "Store statements",
        "One statement or an array, all of them or none. Answered after the commit. They become learning events.",
        answer=(200, "The ids of the statements, in order."),
        content=_STATEMENTS,
        errors={409: "`conflict`: Another statement has one of these ids."},
    ),
    **_of_documents("/activities/state", "XapiState", "state", "stateId", ("activityId", "agent"), state=True),
    **_of_documents(
        "/activities/profile", "XapiActivityProfile", "activity profile", "profileId", ("activityId",), state=False
    ),
    **_of_documents("/agents/profile", "XapiAgentProfile", "agent profile", "profileId", ("agent",), state=False),
    ("GET", "/activities"): _operation(
        "getXapiActivity",
        "Get an activity",
        "The activity with everything that statements told of it.",
        answer=(200, "An Activity."),
        needed=("activityId",),
    ),
    ("GET", "/agents"): _operation(
        "getXapiAgent",
        "Get a person",
        "The agent that is asked for as a Person.",
        answer=(200, "A Person."),
        needed=("agent",),
    ),
    ("GET", "/about"): _operation(
        "getXapiAbout",
        "Get the versions spoken",
        "Needs neither a version nor credentials.",
        answer=(200, "`{version, extensions}`."),
        headers=(),
    ),
}
