"""`/v1/power`: what a comparison could find, before anybody is trained."""

from typing import Annotated

from fastapi import APIRouter, Body

from app.api.deps import KEY_REQUIRED
from app.api.routing import KeyRoute
from app.models.power import PowerRead, PowerWrite
from app.services import planning

router = APIRouter(prefix="/power", tags=["power"], route_class=KeyRoute, dependencies=[KEY_REQUIRED])


@router.post("", operation_id="planPower", summary="Plan the power of a comparison")
def plan_power(fields: Annotated[PowerWrite, Body()]) -> PowerRead:
    """Return power, smallest detectable effect and units needed. Nothing is kept."""
    return planning.power(fields)
