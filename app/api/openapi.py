"""The OpenAPI document: FastAPI's, with every error and header that the routes share written into it once."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from app import __version__
from app.api import components, examples, links, rooms
from app.api.errors import ProblemDetails
from app.api.problems import PROBLEMS
from app.models.panels import PanelWrite

DESCRIPTION = """Throughline connects learning to business results: objectives, outcomes and initiatives; completion
events from any LMS; KPI measurements; and figures that stand up to a sceptical CFO.

Every error is a problem document (RFC 9457) whose `code` is explained at `/v1/problems/{code}`. Lists are paged by
cursor. Computed numbers are figures: value or null, status, interval, people counted, and where they come from."""

TAGS = {
    "objectives": "What the business wants.",
    "kpis": "Repeating business measures.",
    "measurements": "KPI values, by subject and period.",
    "outcomes": "A KPI with baseline, target and date.",
    "initiatives": "Planned learning efforts.",
    "alignments": "Why an initiative should move an outcome.",
    "agreements": "The goal owner's sign-off on an alignment.",
    "activities": "Courses, sessions, exams, surveys and tasks.",
    "people": "People, and the names that sources have for them.",
    "org-units": "The organisation tree.",
    "audiences": "Who should learn.",
    "cost-items": "What initiatives cost.",
    "unit-values": "What one unit of a KPI is worth.",
    "surveys": "What was asked of whom, and the concrete answers.",
    "behaviours": "Critical behaviours, observations of them, and what managers did to help.",
    "commitments": "What stakeholders promised to do.",
    "assessments": "Scores that no LMS sends, standards of proficiency, and people on their way to them.",
    "reviews": "Turns of the learning loop, what they decided, and who does what by when.",
    "sources": "Connected LMSs.",
    "deliveries": "What the LMSs sent, as they sent it.",
    "learning-events": "Normalised facts.",
    "enrolments": "Attempts of people at activities, folded from events.",
    "figures": "Computed values with all that makes them defensible.",
    "metrics": "The catalogue: every metric's definition, and computing it from given inputs.",
    "evaluation-plans": "What will be computed, settled before the outcome is known.",
    "panels": "Data that you bring, to be estimated from.",
    "power": "What a comparison could find.",
    "rollout-designs": "Waves dealt by chance.",
    "impact-statements": "What an effect was worth, against what it cost.",
    "effect-estimates": "Did this training move that KPI?",
    "webhooks": "Where the LMSs post to.",
    "operations": "Long work: how far it is, and what came of it.",
    "webhook-endpoints": "Where this service posts to: your addresses, and every message and attempt.",
    "xapi": "A learning record store for each source with the adapter `xapi`: versions 1.0.3 and 2.0.",
    "changes": "Everything that changed, in order.",
    "keys": "API keys.",
    "identity-providers": "Issuers whose access tokens are taken instead of API keys.",
    "tenant": "The organisation behind the key.",
    "system": "Health, version and error codes.",
}

_ACCESS_TOKEN = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "JWT",
    "description": "An access token (RFC 9068) of one of the tenant's identity providers (`/v1/identity-providers`), "
    "whose grants turn its claims into scopes. Unless its audience is `throughline:<tenant>`, send the header "
    "`Throughline-Tenant: <tenant>` beside it.",
}
_ALWAYS = {414, 431, 500, 503}
_WITH_KEY = {401, 403, 422, 429}
_BY_ADDRESS = {405}
"""Answered where no operation is, and so documented by none."""
_PROBLEM = {"$ref": "#/components/schemas/ProblemDetails"}


def install(app: FastAPI) -> None:
    """Make `app` describe itself completely."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]  # FastAPI's documented way to extend it


def _document(app: FastAPI) -> dict[str, Any]:
    from app.api import hooks  # noqa: PLC0415  as every room, when it is asked for

    schema = get_openapi(
        title="Throughline",
        version=__version__,
        openapi_version="3.1.0",
        description=DESCRIPTION,
        routes=list(rooms.built(app.routes)),
        webhooks=hooks.webhooks.routes,
        tags=[{"name": name, "description": text} for name, text in TAGS.items()],
        servers=[{"url": "/", "description": "This service."}],
        contact={"name": "The developers of Throughline"},
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
    )
    schemas = schema["components"]["schemas"]
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    for shape in (ProblemDetails, PanelWrite):
        described = shape.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas.update(described.pop("$defs"))
        schemas[shape.__name__] = described
    components.compose_expansions(schemas)
    components.complete_answers(schema)
    examples.complete(schemas)
    schema["components"]["responses"] = _problem_responses()
    schema["components"]["securitySchemes"]["accessToken"] = _ACCESS_TOKEN
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            _document_errors(path, method, operation)
            if operation.get("security") == [{"apiKey": []}]:
                operation["security"].append({"accessToken": []})
    for operations in schema["webhooks"].values():
        for operation in operations.values():
            operation["responses"].pop("422", None)
    links.link(schema)
    components.tidy(schema)
    return schema


def _document_errors(path: str, method: str, operation: dict[str, Any]) -> None:
    responses = operation["responses"]
    statuses = _ALWAYS | (_WITH_KEY if "security" in operation else set())
    statuses |= {int(status) for status in responses if status.startswith(("4", "5"))} - {422}
    if "{" in path:
        statuses.add(404)
    if "requestBody" in operation:
        statuses |= {400, 408, 413, 415}
    if any(parameter["name"] == "cursor" for parameter in operation.get("parameters", [])):
        statuses.add(400)
    if method in {"post", "put", "patch", "delete"} and "security" in operation:
        statuses.add(409)
    if any(parameter["name"] == "if-match" for parameter in operation.get("parameters", [])):
        statuses.add(412)
    if "security" not in operation and "422" in responses:
        statuses.add(422)
    responses.pop("422", None)
    for status in sorted(statuses):
        if "content" not in responses.get(str(status), {}):  # OAuth answers as its own specification says
            responses[str(status)] = {"$ref": f"#/components/responses/Problem{status}"}


def _problem_responses() -> dict[str, Any]:
    """Return one response per status of the table of errors."""
    found = {}
    for status in sorted({row.status for row in PROBLEMS.values()} - _BY_ADDRESS):
        rows = [row for row in PROBLEMS.values() if row.status == status]
        found[f"Problem{status}"] = {
            "description": "; ".join(f"`{row.code}`: {row.title}" for row in rows) + ".",
            "content": {"application/problem+json": {"schema": _PROBLEM}},
        }
    return found
