"""`/v1/rollout-designs`: who is offered the initiative when, decided by chance."""

from typing import Any

from fastapi import Response

from app.api.deps import IDEMPOTENT, SessionOf
from app.api.doors import Door
from app.models.rollouts import RolloutDesignRead, RolloutDesignWrite
from app.services import rollouts
from app.services.rollouts import ROLLOUTS

door = Door(ROLLOUTS, "/rollout-designs", "rollout-designs")
door.listing()
door.reading()
router = door.router


@router.post(
    "",
    status_code=201,
    dependencies=[IDEMPOTENT],
    operation_id="createRolloutDesign",
    summary="Deal a rollout",
    response_model=RolloutDesignRead,
)
async def create_rollout_design(fields: RolloutDesignWrite, response: Response, session: SessionOf) -> Any:
    """Deal units to waves by a recorded seed, show their balance, and tell what effect such a rollout could show."""
    row = await rollouts.deal(session, fields)
    response.headers["Location"] = door.location(row)
    return ROLLOUTS.present(row)
