"""Health, readiness, version, and the pages that explain error codes."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from pydantic import BaseModel, Field

from app import __version__
from app.api import pages
from app.api.errors import problem
from app.api.problems import PROBLEMS
from app.domain.errors import NotFound, ThroughlineError
from app.services import jobs

router = APIRouter(tags=["system"])


class Health(BaseModel):
    """That the process lives."""

    status: str = Field(description="ok.", examples=["ok"])


class ProblemPage(BaseModel):
    """What one error code means."""

    code: str = Field(description="The code.", examples=["not_found"])
    status: int = Field(description="The HTTP status it comes with.", examples=[404])
    title: str = Field(description="The kind of error in a few words.")
    remedy: str = Field(description="What to do about it.")


class ProblemList(BaseModel):
    """Every error code."""

    items: list[ProblemPage] = Field(description="In the order of their statuses.")


class Version(BaseModel):
    """What is running."""

    version: str = Field(description="Version of the service.")
    time: datetime = Field(description="The service's clock.")


class Readiness(BaseModel):
    """What is ready, and what is late."""

    status: str = Field(description="ok.", examples=["ok"])
    revision: str = Field(description="Revision of the database's schema.")
    oldest_job_seconds: float = Field(description="For how long the oldest due job has waited; 0 when none does.")
    dead_jobs: int = Field(description="Jobs that gave up: `throughline job list --dead` shows why.")


@router.get("/", include_in_schema=False)
async def root() -> Response:
    """Lead people to the reference."""
    return RedirectResponse("docs")


@router.get("/healthz", operation_id="getHealth", summary="Is the process alive?")
async def healthz() -> Health:
    """Answer while the process lives, whatever the database does."""
    return Health(status="ok")


@router.get("/readyz", operation_id="getReadiness", summary="Can requests be served?", response_model=Readiness)
async def readyz(request: Request) -> Any:
    """Answer 200 when the database answers and its schema is the one this version needs; else 503."""
    try:
        state = await request.app.state.schema_state()
    except ThroughlineError as error:
        return problem(request, "unavailable", error.detail)
    if state.complaint:
        return problem(request, "unavailable", state.complaint)
    async with request.app.state.database.reading(None) as session:
        late = await jobs.oldest_due_seconds(session, datetime.now(UTC))
        dead = await jobs.count_dead(session)
    return Readiness(status="ok", revision=state.head, oldest_job_seconds=late, dead_jobs=dead)


@router.get("/version", operation_id="getVersion", summary="What is running?")
async def version() -> Version:
    """Return version and clock."""
    return Version(version=__version__, time=datetime.now(UTC))


@router.get("/v1/problems", operation_id="listProblems", summary="List every error code")
async def list_problems() -> ProblemList:
    """Return the whole table."""
    rows = sorted(PROBLEMS.values(), key=lambda row: (row.status, row.code))
    return ProblemList(items=[ProblemPage.model_validate(row, from_attributes=True) for row in rows])


@router.get(
    "/v1/problems/{code}",
    operation_id="getProblem",
    summary="Explain an error code",
    response_model=ProblemPage,
)
async def get_problem(
    request: Request, code: Annotated[str, Path(description="The code of an error.", examples=["not_found"])]
) -> Response:
    """Return the page of one code: JSON, or HTML for a browser."""
    row = PROBLEMS.get(code)
    if row is None:
        raise NotFound("There is no such error code; GET /v1/problems lists all of them.")
    if "text/html" in request.headers.get("accept", ""):
        return pages.problem(request, row)
    return JSONResponse(ProblemPage.model_validate(row, from_attributes=True).model_dump())
