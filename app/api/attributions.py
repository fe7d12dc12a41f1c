"""`/v1/outcomes/{id}/attribution`: who moved a KPI, where several initiatives were meant to."""

from typing import Annotated

from fastapi import APIRouter, Path

from app.api.deps import KEY_REQUIRED, AsOf, SessionOf
from app.api.routing import UnitRoute
from app.domain import ids
from app.domain.errors import NotFound
from app.models.attributions import AttributionRead
from app.models.outcomes import Outcome
from app.services import attribution

router = APIRouter(tags=["effect-estimates"], route_class=UnitRoute, dependencies=[KEY_REQUIRED])


@router.get(
    "/outcomes/{id}/attribution", operation_id="getOutcomeAttribution", summary="Split an effect among initiatives"
)
async def outcome_attribution(
    id: Annotated[  # noqa: A002  the name of the path parameter
        str, Path(description="Public id of the outcome.", examples=["out_01h455vb4pex5vsknk084sn02q"])
    ],
    session: SessionOf,
    as_of: AsOf = None,
) -> AttributionRead:
    """Find out which initiatives share units, estimate them jointly, split the effect, and show what was claimed."""
    try:
        outcome_id = ids.decode(Outcome.prefix, id)
    except ValueError as error:
        raise NotFound(f"There is no outcome {id[:60]!r}: {error}.") from error
    found = await attribution.of_outcome(session, outcome_id, as_of=as_of)
    if found is None:
        raise NotFound(f"There is no outcome {id} in this tenant.")
    return found
