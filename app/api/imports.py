"""`POST /v1/imports`: a whole table, checked line by line and written as an operation."""

from enum import StrEnum
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from app.api import tables
from app.api.bodies import UnsupportedMediaType
from app.api.deps import IDEMPOTENT, KEY_REQUIRED, SessionOf
from app.api.operations import ACCEPTED, accepted
from app.api.routing import UnitRoute
from app.api.tables import Layout
from app.domain.errors import Fault, Invalid
from app.models.operations import OperationRead
from app.models.values import Slug
from app.services import imports, operations, sources
from app.services.operations import Order
from app.services.sheets import SHEETS

KIND = "import"
"""The kind of operation."""

PATH = "/imports"

_LAYOUTS = {
    "text/csv": Layout.CSV,
    "application/x-ndjson": Layout.NDJSON,
    "application/ndjson": Layout.NDJSON,
    "application/jsonl": Layout.NDJSON,
}


class ImportRoute(UnitRoute):
    """A route that takes a table: CSV or NDJSON."""

    async def read_body(self, request: Request) -> None:
        """Leave the layout and the bytes in the request's state."""
        media_type, _, parameters = request.headers.get("content-type", "").partition(";")
        charset = parameters.strip().lower().removeprefix("charset=").strip('"')
        layout = _LAYOUTS.get(media_type.strip().lower())
        if layout is None or charset not in {"", "utf-8", "utf8"} or "content-encoding" in request.headers:
            raise UnsupportedMediaType("Send the table as text/csv or application/x-ndjson, in UTF-8, not compressed.")
        request.state.layout = layout
        request.state.table = await request.body()


router = APIRouter(tags=["operations"], route_class=ImportRoute, dependencies=[KEY_REQUIRED])

ImportKind = StrEnum("ImportKind", {name.upper().replace("-", "_"): name for name in SHEETS})  # type: ignore[misc]  # made at run time from the registry

ImportKind.__doc__ = "What the lines of a table are."


class Rows(StrEnum):
    """What each line of a table of events is."""

    COLUMNS = "columns"
    PAYLOADS = "payloads"


class ImportQuery(BaseModel):
    """What is imported, and how."""

    model_config = ConfigDict(extra="forbid")

    kind: ImportKind = Field(description="What the lines are.")
    dry_run: bool = Field(
        default=False, description="Check every line and write nothing; lines that need earlier ones are at fault then."
    )
    source: Slug | None = Field(default=None, description="Only for events: slug of the source that tells them.")
    rows: Rows = Field(
        default=Rows.COLUMNS,
        description="Only for events: `columns` of our own, or `payloads`, each line one body as the source sends it "
        "(NDJSON), read by its adapter and known again byte by byte.",
    )


_TEXT = {"type": "string", "description": "First line: columns. An empty cell clears its field."}
_BODY = {
    "required": True,
    "content": {
        "text/csv": {"schema": _TEXT, "example": "external_id,name,org_unit\n10442,Rosa Okafor,press-shop\n"},
        "application/x-ndjson": {
            "schema": {"type": "string", "description": "One flat JSON object a line, named like the columns."},
            "example": '{"external_id": "10442", "name": "Rosa Okafor", "org_unit": "press-shop"}\n',
        },
    },
}


@router.post(
    PATH,
    status_code=202,
    dependencies=[IDEMPOTENT],
    operation_id="createImport",
    summary="Import a table",
    response_model=OperationRead,
    responses=ACCEPTED,
    openapi_extra={"requestBody": _BODY},
)
async def create_import(
    query: Annotated[ImportQuery, Query()], request: Request, response: Response, session: SessionOf
) -> Any:
    """Begin an import; the same table again changes nothing.

    Lines are written or refused one by one, a thousand in a transaction. `result` counts them;
    `GET /v1/operations/{id}/items` lists those that were refused, with line, column and what to do.
    """
    body: bytes = request.state.table
    layout: Layout = request.state.layout
    sheet = SHEETS[query.kind]
    if not body.strip():
        raise tables.refused("no_lines", "Send at least one line.")
    await _check_source(session, query, told=sheet.told, layout=layout)
    if layout is Layout.CSV:
        await imports.plan(session, sheet, tables.opened(body[: tables.STRETCH_BYTES], layout).header)
    arguments = {"layout": layout.value, **query.model_dump(mode="json")}
    order = Order(KIND, arguments, "bytes", len(body))
    return accepted(response, await operations.start(session, order, operations.stretches(body)))


async def _check_source(session: SessionOf, query: ImportQuery, *, told: bool, layout: Layout) -> None:
    detail = None
    if told and (query.source is None or await sources.by_slug(session, query.source) is None):
        detail = "names no source of this tenant" if query.source else "is needed: events are told by a source"
    elif not told and query.source is not None:
        detail = "is only for events"
    if detail is not None:
        fault = Fault("unknown_reference", detail, parameter="source")
        raise Invalid(f"source {detail}.", errors=(fault,))
    if query.rows is Rows.PAYLOADS and not (told and layout is Layout.NDJSON):
        fault = Fault("invalid_value", "payloads are events in NDJSON", parameter="rows")
        raise Invalid("Send payloads of kind events as NDJSON.", errors=(fault,))
