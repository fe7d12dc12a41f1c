"""`/v1/impact-statements`: what an effect was worth, against what it cost."""

from typing import Any

from fastapi import APIRouter, Response

from app.api.deps import IDEMPOTENT, KEY_REQUIRED, SessionOf
from app.api.doors import Door
from app.api.stages import StagedRoute, StagesOf
from app.domain.errors import Conflict
from app.models.statements import ImpactStatementRead, ImpactStatementWrite, Recomputation, RestatementWrite
from app.services import nouns, restatements, statements
from app.services.statements import STATEMENTS

door = Door(STATEMENTS, "/impact-statements", "impact-statements")
door.listing()
door.reading()
router = door.router
computing = APIRouter(
    prefix=door.path, tags=["impact-statements"], route_class=StagedRoute, dependencies=[KEY_REQUIRED]
)
routers = (router, computing)


@router.post(
    "",
    status_code=201,
    dependencies=[IDEMPOTENT],
    operation_id="createImpactStatement",
    summary="State what an effect was worth",
    response_model=ImpactStatementRead,
)
async def create_impact_statement(fields: ImpactStatementWrite, response: Response, session: SessionOf) -> Any:
    """Value the accepted effect against the initiative's cost; a headline only from evidence grade 3 up."""
    row = await statements.state(session, fields)
    response.headers["Location"] = door.location(row)
    return STATEMENTS.present(row)


@computing.get(
    "/{id}/recomputation", operation_id="recomputeImpactStatement", summary="Compute a statement again and compare"
)
async def recompute_statement(id: door.id_param, stages: StagesOf) -> Recomputation:  # type: ignore[name-defined]  # noqa: A002  made at run time; the path parameter's name
    """Estimate and value once more from the facts of that instant, and say whether every byte is the same."""
    async with stages.reading() as session:
        read = await statements.again(session, await nouns.get(session, STATEMENTS, door.id_of(id)))
    return await statements.recompute(read)


@router.post(
    "/{id}/issue",
    dependencies=[IDEMPOTENT],
    operation_id="issueImpactStatement",
    summary="Issue a statement",
    response_model=ImpactStatementRead,
)
async def issue_impact_statement(id: door.id_param, session: SessionOf) -> Any:  # type: ignore[name-defined]  # noqa: A002  made at run time; the path parameter's name
    """Let a draft go out: its effect must be accepted, and nothing that it rests on may have changed."""
    return STATEMENTS.present(await restatements.issue(session, door.id_of(id)))


@computing.post(
    "/{id}/restate",
    status_code=201,
    dependencies=[IDEMPOTENT],
    operation_id="restateImpactStatement",
    summary="State an issued statement anew",
    response_model=ImpactStatementRead,
)
async def restate_impact_statement(
    id: door.id_param,  # type: ignore[name-defined]  # noqa: A002  made at run time; the path parameter's name
    fields: RestatementWrite,
    response: Response,
    stages: StagesOf,
) -> Any:
    """Estimate and value it from the facts as they are now; both statements stay, and each names the other.

    The service does the same by itself, within the hour, when a late or corrected fact changes what was stated.
    """
    async with stages.reading() as session:
        due = await restatements.due(session, door.id_of(id))
    if due is None:
        raise Conflict("Nothing that it rests on has changed: there is nothing to state anew.")
    ran = await restatements.computed(due)
    row = await restatements.restate(await stages.writing(), due, ran, fields.reason)
    response.headers["Location"] = door.location(row)
    return STATEMENTS.present(row)
