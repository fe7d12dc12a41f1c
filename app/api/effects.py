"""`/v1/effect-estimates`: whether a training moved a KPI, and how sure one can be."""

from typing import Any

from fastapi import Response

from app.api.deps import IDEMPOTENT, SessionOf
from app.api.doors import Door
from app.models.effects import EffectEstimateRead, EffectEstimateWrite
from app.services import effects
from app.services.effects import EFFECTS

door = Door(EFFECTS, "/effect-estimates", "effect-estimates")
door.listing()
door.reading()
router = door.router


@router.post(
    "",
    status_code=201,
    dependencies=[IDEMPOTENT],
    operation_id="createEffectEstimate",
    summary="Estimate an effect",
    response_model=EffectEstimateRead,
)
async def create_effect_estimate(fields: EffectEstimateWrite, response: Response, session: SessionOf) -> Any:
    """Build the panel from stored facts, run the estimators and keep the answer with its evidence grade."""
    row = await effects.compute(session, fields)
    response.headers["Location"] = door.location(row)
    return EFFECTS.present(row)
