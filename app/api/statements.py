"""`/v1/impact-statements`: what an effect was worth, against what it cost."""

from typing import Any

from fastapi import Response

from app.api.deps import IDEMPOTENT, SessionOf
from app.api.doors import Door
from app.models.statements import ImpactStatementRead, ImpactStatementWrite, Recomputation, RestatementWrite
from app.services import nouns, restatements, statements
from app.services.statements import STATEMENTS

door = Door(STATEMENTS, "/impact-statements", "impact-statements")
door.listing()
door.reading()
router = door.router


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


@router.get(
    "/{id}/recomputation", operation_id="recomputeImpactStatement", summary="Compute a statement again and compare"
)
async def recompute_statement(id: door.id_param, session: SessionOf) -> Recomputation:  # type: ignore[name-defined]  # noqa: A002  made at run time; the path parameter's name
    """Estimate and value once more from the facts of that instant, and say whether every byte is the same."""
    return await statements.recompute(session, await nouns.get(session, STATEMENTS, door.id_of(id)))


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


@router.post(
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
    session: SessionOf,
) -> Any:
    """Estimate and value it from the facts as they are now; both statements stay, and each names the other.

    The service does the same by itself, within the hour, when a late or corrected fact changes what was stated.
    """
    row = await restatements.restate(session, door.id_of(id), fields.reason)
    response.headers["Location"] = door.location(row)
    return STATEMENTS.present(row)
