"""`/v1/panels`: data that an analyst brings, as JSON rows or CSV."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from app.api.bodies import UnsupportedMediaType, read_json
from app.api.deps import IDEMPOTENT, KEY_REQUIRED, SessionOf
from app.api.doors import Door
from app.api.routing import UnitRoute
from app.domain.errors import Fault, Invalid
from app.models.faults import faults_of
from app.models.panels import PanelDescription, PanelRead, PanelRows, PanelWrite
from app.services import nouns, posted_panels
from app.services.posted_panels import PANELS, Draft

ROWS_MOST = 5000


class PanelRoute(UnitRoute):
    """A route that takes a panel as JSON, or as CSV described by its parameters. It is read before the unit opens."""

    async def read_body(self, request: Request) -> None:
        """Leave the panel, read and checked, in the request's state."""
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type == "text/csv":
            body = await request.body()
            request.state.draft = await asyncio.to_thread(_from_csv, _described(request), body)
            return
        sent = await read_json(request)
        if request.query_params:
            fault = Fault("unknown_parameter", "describes a CSV", parameter=next(iter(request.query_params)))
            raise Invalid("Describe a panel in JSON inside the body.", errors=(fault,))
        request.state.draft = await asyncio.to_thread(_from_json, sent)


def _described(request: Request) -> PanelDescription:
    sent: dict[str, Any] = dict(request.query_params)
    if "covariates" in sent:
        sent["covariates"] = request.query_params.getlist("covariates")
    try:
        return PanelDescription.model_validate(sent)
    except ValidationError as error:
        raise Invalid(
            "Mend the parameters named in errors.", errors=faults_of(error.errors(), inside="query")
        ) from error


def _from_csv(description: PanelDescription, body: bytes) -> Draft:
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnsupportedMediaType("Send CSV in UTF-8.") from error
    return posted_panels.from_csv(description, text)


def _from_json(sent: Any) -> Draft:
    try:
        fields = PanelWrite.model_validate(sent)
    except ValidationError as error:
        raise Invalid("Mend the fields named in errors.", errors=faults_of(error.errors())) from error
    return posted_panels.from_rows(fields, fields.rows)


def _parameters() -> type[BaseModel]:
    """Return the description of a CSV as query parameters; which of them are needed is checked with the body."""
    fields: dict[str, Any] = {}
    for name, info in PanelDescription.model_fields.items():
        several = name == "covariates"
        annotation = list[str] if several else str | None
        fields[name] = (annotation, Field(default=[] if several else None, description=f"CSV: {info.description}"))
    shape: type[BaseModel] = create_model("PanelParameters", __config__=ConfigDict(extra="forbid"), **fields)
    return shape


_BODY = {
    "required": True,
    "content": {
        "application/json": {"schema": {"$ref": "#/components/schemas/PanelWrite"}},
        "text/csv": {
            "schema": {"type": "string", "description": "First line: names. Described by the parameters."},
            "example": "county,year,lemp,first_treat\n8001,2003,8.46,2007\n8001,2004,8.33,2007\n",
        },
    },
}

door = Door(PANELS, "/panels", "panels")
door.listing()
door.reading()
posting = APIRouter(prefix=door.path, tags=["panels"], route_class=PanelRoute, dependencies=[KEY_REQUIRED])
routers = (door.router, posting)


@posting.post(
    "",
    status_code=201,
    dependencies=[IDEMPOTENT],
    operation_id="createPanel",
    summary="Bring a panel",
    response_model=PanelRead,
    openapi_extra={"requestBody": _BODY},
)
async def create_panel(
    _parameters: Annotated[_parameters(), Query()],  # type: ignore[valid-type]  # made at run time
    request: Request,
    response: Response,
    session: SessionOf,
) -> Any:
    """Check the rows, keep the columns described under their hash, and tell what they hold."""
    row = await posted_panels.keep(session, request.state.draft)
    response.headers["Location"] = door.location(row)
    return PANELS.present(row)


@door.router.get("/{id}/rows", operation_id="readPanelRows", summary="Read a panel's rows", response_model=PanelRows)
async def read_panel_rows(
    id: door.id_param,  # type: ignore[name-defined]  # noqa: A002  made at run time; the path parameter's name
    session: SessionOf,
    offset: Annotated[int, Query(ge=0, le=2**31, description="Place of the first row, from 0.")] = 0,
    limit: Annotated[int, Query(ge=1, le=ROWS_MOST, description="Rows at most.")] = 1000,
) -> PanelRows:
    """Return the rows in the order sent, with the columns that were described."""
    row = await nouns.get(session, PANELS, door.id_of(id))
    return await posted_panels.rows_of(session, row, offset=offset, limit=limit)
