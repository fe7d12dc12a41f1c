"""`/v1/outcomes/{id}/panel` and `/attribution`: what an estimate would rest on, and who moved a KPI."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query

from app.api.deps import KEY_REQUIRED, AsOf, SessionOf
from app.api.routing import UnitRoute
from app.domain import ids
from app.domain.errors import NotFound
from app.models.attributions import AttributionRead
from app.models.effect_options import COVARIATES_MOST, Contaminated, EffectOptions, ExposureChoice
from app.models.initiatives import Initiative
from app.models.outcomes import Outcome
from app.models.panels import FactPanelRead
from app.models.values import Word
from app.services import attribution, effects

router = APIRouter(tags=["effect-estimates"], route_class=UnitRoute, dependencies=[KEY_REQUIRED])


_OUTCOME = Annotated[str, Path(description="Public id of the outcome.", examples=["out_01h455vb4pex5vsknk084sn02q"])]
_INITIATIVE = Annotated[
    str, Query(description="Public id of the initiative.", examples=["ini_01h455vb4pex5vsknk084sn02q"])
]


@router.get("/outcomes/{id}/panel", operation_id="getOutcomePanel", summary="See what an estimate would rest on")
async def outcome_panel(
    id: _OUTCOME,  # noqa: A002  the name of the path parameter
    initiative_id: _INITIATIVE,
    session: SessionOf,
    exposure: Annotated[ExposureChoice, Query(description="What counts as exposure.")] = ExposureChoice.OFFERED,
    contaminated: Annotated[
        Contaminated, Query(description="What becomes of comparison units that another initiative reached.")
    ] = Contaminated.LEAVE_OUT,
    covariates: Annotated[
        list[Word], Query(max_length=COVARIATES_MOST, description="Covariates to be told, as in an estimate's options.")
    ] = [],  # noqa: B006  FastAPI copies it
    as_of: AsOf = None,
) -> FactPanelRead:
    """Build the panel from stored facts: who is exposed since when, how alike both sides were, who is missing."""
    options = EffectOptions(exposure=exposure, contaminated=contaminated, covariates=covariates)
    return await effects.described(
        session, _id(Initiative.prefix, initiative_id), _id(Outcome.prefix, id), options, as_of=as_of
    )


@router.get(
    "/outcomes/{id}/attribution", operation_id="getOutcomeAttribution", summary="Split an effect among initiatives"
)
async def outcome_attribution(
    id: _OUTCOME,  # noqa: A002  the name of the path parameter
    session: SessionOf,
    as_of: AsOf = None,
) -> AttributionRead:
    """Find out which initiatives share units, estimate them jointly, split the effect, and show what was claimed."""
    found = await attribution.of_outcome(session, _id(Outcome.prefix, id), as_of=as_of)
    if found is None:
        raise NotFound(f"There is no outcome {id} in this tenant.")
    return found


def _id(prefix: str, text: str) -> UUID:
    try:
        return ids.decode(prefix, text)
    except ValueError as error:
        raise NotFound(f"There is nothing {text[:60]!r}: {error}.") from error
