"""`/v1/evaluation-plans`."""

from typing import Any

from fastapi import Response

from app.api.deps import IDEMPOTENT, SessionOf, Versions
from app.api.doors import Door
from app.models.plans import EvaluationPlanRead
from app.services import plans
from app.services.plans import PLANS

door = Door(PLANS, "/evaluation-plans", "evaluation-plans")
router = door.full()


@router.post(
    "/{id}/lock",
    dependencies=[IDEMPOTENT],
    operation_id="lockEvaluationPlan",
    summary="Lock an evaluation plan",
    response_model=EvaluationPlanRead,
)
async def lock_plan(id: door.id_param, response: Response, session: SessionOf, versions: Versions) -> Any:  # type: ignore[name-defined]  # noqa: A002  made at run time; the path parameter's name
    """Freeze it under a hash. Estimates made later say whether they kept to it."""
    return door.answer(response, await plans.lock(session, door.id_of(id), versions=versions))
