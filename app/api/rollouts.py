"""`/v1/rollout-designs`: who is offered the initiative when, decided by chance."""

from typing import Any

from fastapi import APIRouter, Response

from app.api.deps import IDEMPOTENT, KEY_REQUIRED
from app.api.doors import Door
from app.api.stages import StagedRoute, StagesOf
from app.models.rollouts import RolloutDesignRead, RolloutDesignWrite
from app.services import rollouts
from app.services.rollouts import ROLLOUTS

door = Door(ROLLOUTS, "/rollout-designs", "rollout-designs")
door.listing()
door.reading()
computing = APIRouter(prefix=door.path, tags=["rollout-designs"], route_class=StagedRoute, dependencies=[KEY_REQUIRED])
routers = (door.router, computing)


@computing.post(
    "",
    status_code=201,
    dependencies=[IDEMPOTENT],
    operation_id="createRolloutDesign",
    summary="Deal a rollout",
    response_model=RolloutDesignRead,
)
async def create_rollout_design(fields: RolloutDesignWrite, response: Response, stages: StagesOf) -> Any:
    """Deal units to waves by a recorded seed, show their balance, and tell what effect such a rollout could show."""
    async with stages.reading() as session:
        units = await rollouts.units_of(session, fields)
    drawn = await rollouts.deal(fields, units)
    row = await rollouts.keep(await stages.writing(), fields, drawn)
    response.headers["Location"] = door.location(row)
    return ROLLOUTS.present(row)
