"""`/v1/effect-estimates`: whether a training moved a KPI, and how sure one can be."""

from typing import Any

from fastapi import Response

from app.api.deps import IDEMPOTENT, SessionOf
from app.api.doors import Door
from app.models.effects import AcceptanceWrite, EffectEstimateRead, EffectEstimateWrite, RejectionWrite
from app.services import decisions, effects
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


@router.post(
    "/{id}/accept",
    dependencies=[IDEMPOTENT],
    operation_id="acceptEffectEstimate",
    summary="Accept an effect",
    response_model=EffectEstimateRead,
)
async def accept_effect_estimate(
    id: door.id_param,  # type: ignore[name-defined]  # noqa: A002  made at run time; the path parameter's name
    fields: AcceptanceWrite,
    session: SessionOf,
) -> Any:
    """Let its accepted result stand and enter it into the ledger of its KPI; one accepted before expires.

    Refused (409) where the facts have changed since, and where overlapping initiatives would claim more than they
    did together.
    """
    return EFFECTS.present(await decisions.accept(session, door.id_of(id), fields))


@router.post(
    "/{id}/reject",
    dependencies=[IDEMPOTENT],
    operation_id="rejectEffectEstimate",
    summary="Reject an effect",
    response_model=EffectEstimateRead,
)
async def reject_effect_estimate(
    id: door.id_param,  # type: ignore[name-defined]  # noqa: A002  made at run time; the path parameter's name
    fields: RejectionWrite,
    session: SessionOf,
) -> Any:
    """Say that it does not stand, and why; what it claimed leaves the ledger."""
    return EFFECTS.present(await decisions.reject(session, door.id_of(id), fields))
