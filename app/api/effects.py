"""`/v1/effect-estimates`: whether a training moved a KPI, and how sure one can be."""

from typing import Any

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse

from app.api.deps import IDEMPOTENT, KEY_REQUIRED, SessionOf
from app.api.doors import Door
from app.api.operations import ACCEPTED, accepted
from app.api.stages import StagedRoute, StagesOf
from app.models.effects import AcceptanceWrite, EffectEstimateRead, EffectEstimateWrite, RejectionWrite
from app.services import decisions, effects, estimation
from app.services.effects import EFFECTS

door = Door(EFFECTS, "/effect-estimates", "effect-estimates")
door.listing()
door.reading()
router = door.router
computing = APIRouter(prefix=door.path, tags=["effect-estimates"], route_class=StagedRoute, dependencies=[KEY_REQUIRED])
routers = (router, computing)


@computing.post(
    "",
    status_code=201,
    dependencies=[IDEMPOTENT],
    operation_id="createEffectEstimate",
    summary="Estimate an effect",
    response_model=EffectEstimateRead,
    responses=ACCEPTED,
)
async def create_effect_estimate(fields: EffectEstimateWrite, response: Response, stages: StagesOf) -> Any:
    """Build the panel from stored facts, run the estimators and keep the answer with its evidence grade.

    More than 10,000 units are estimated by an operation (202), whose `result` names the estimate.
    """
    async with stages.reading() as session:
        asked = await effects.resolved(session, fields)
        small = await effects.count_units(session, asked) <= effects.INTERACTIVE_UNITS
        prepared = await effects.prepare(session, asked) if small else None
    if prepared is None:
        begun = accepted(response, await effects.start(await stages.writing(), asked))
        return JSONResponse(begun.model_dump(mode="json"), 202, dict(response.headers))
    ran = await estimation.run(prepared.task)
    row = await effects.keep(await stages.writing(), prepared, ran)
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
