"""`/v1/outcomes`."""

from typing import Any

from fastapi import Response

from app.api.deps import IDEMPOTENT, SessionOf, Versions
from app.api.doors import Door
from app.models.outcomes import OutcomeRead, RebaselineWrite
from app.services import outcomes
from app.services.outcomes import OUTCOMES

door = Door(OUTCOMES, "/outcomes", "outcomes")
router = door.full()


@router.post(
    "/{id}/rebaseline",
    dependencies=[IDEMPOTENT],
    operation_id="rebaselineOutcome",
    summary="Replace the baseline of an outcome",
    response_model=OutcomeRead,
)
async def rebaseline_outcome(
    id: door.id_param,  # type: ignore[name-defined]  # noqa: A002  made at run time; the path parameter's name
    fields: RebaselineWrite,
    response: Response,
    session: SessionOf,
    versions: Versions,
) -> Any:
    """Count from another value from now on, with the day and the reason; the earlier baselines stay on its list."""
    row = await outcomes.rebaseline(session, door.id_of(id), fields, versions=versions)
    return door.answer(response, row)
