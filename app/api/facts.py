"""`/v1/deliveries`, `/v1/learning-events`, `/v1/enrolments`: what came in, and what was folded from it. Read only."""

import base64
from typing import Any

from app.api.deps import SessionOf
from app.api.doors import Door
from app.models.sources import DeliveryDetail
from app.services import nouns, pages
from app.services.enrolments import ENROLMENTS
from app.services.events import EVENTS
from app.services.pages import Query
from app.services.sources import DELIVERIES

_EVENTS_MOST = 100
"""Learning events that are shown with their delivery."""

deliveries = Door(DELIVERIES, "/deliveries", "deliveries")
deliveries.listing()

learning_events = Door(EVENTS, "/learning-events", "learning-events")
learning_events.listing()
learning_events.reading()

enrolments = Door(ENROLMENTS, "/enrolments", "enrolments")
enrolments.listing()
enrolments.reading()


@deliveries.router.get(
    "/{id}",
    operation_id="getDelivery",
    summary="Get a delivery with its raw body and its learning events",
    response_model=DeliveryDetail,
)
async def get_delivery(id: deliveries.id_param, session: SessionOf) -> Any:  # type: ignore[name-defined]  # noqa: A002  made at run time; the path parameter's name
    """Return what the LMS sent, byte by byte, and what was read from it; secrets are removed from the headers."""
    row = await nouns.get(session, DELIVERIES, deliveries.id_of(id))
    brought = Query({"delivery_id": [row.id]}, sort=("recorded_at",), limit=_EVENTS_MOST, include_total=True)
    found = await pages.page(session, EVENTS, brought)
    more = {
        "body": base64.b64encode(row.body).decode(),
        "learning_events": await nouns.present_many(session, EVENTS, found.items),
        "learning_events_total": found.total,
        "learning_events_path": f"/v1/learning-events?delivery_id={DELIVERIES.public(row.id)}",
    }
    return DeliveryDetail.model_validate(DELIVERIES.present(row).model_dump() | more)


routers = (deliveries.router, learning_events.router, enrolments.router)
