"""`/v1/deliveries`, `/v1/learning-events`, `/v1/enrolments`: what came in, and what was folded from it. Read only."""

import base64
from typing import Any

from app.api.deps import SessionOf
from app.api.doors import Door
from app.models.sources import DeliveryDetail
from app.services import nouns
from app.services.enrolments import ENROLMENTS
from app.services.events import EVENTS
from app.services.sources import DELIVERIES

deliveries = Door(DELIVERIES, "/deliveries", "deliveries")
deliveries.listing()

learning_events = Door(EVENTS, "/learning-events", "learning-events")
learning_events.listing()
learning_events.reading()

enrolments = Door(ENROLMENTS, "/enrolments", "enrolments")
enrolments.listing()
enrolments.reading()


@deliveries.router.get(
    "/{id}", operation_id="getDelivery", summary="Get a delivery with its raw body", response_model=DeliveryDetail
)
async def get_delivery(id: deliveries.id_param, session: SessionOf) -> Any:  # type: ignore[name-defined]  # noqa: A002  made at run time; the path parameter's name
    """Return what the LMS sent, byte by byte; secrets are removed from the headers.

    What became of each of its events: `GET /v1/learning-events?delivery_id=`.
    """
    row = await nouns.get(session, DELIVERIES, deliveries.id_of(id))
    shown = DELIVERIES.present(row).model_dump()
    return DeliveryDetail.model_validate(shown | {"body": base64.b64encode(row.body).decode()})


routers = (deliveries.router, learning_events.router, enrolments.router)
