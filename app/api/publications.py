"""Published figures and restatements; publishing a figure, and computing an exported explanation again."""

from typing import Any

from fastapi import APIRouter, Response

from app.api.deps import IDEMPOTENT, KEY_REQUIRED, SessionOf
from app.api.doors import LOCATION, MISSING, Door
from app.api.routing import UnitRoute
from app.models.publications import ExportedExplanation, PublishedFigureRead, PublishWrite, Replay
from app.services import publications
from app.services.publications import PUBLISHED_FIGURES, RESTATEMENTS

published = Door(PUBLISHED_FIGURES, "/published-figures", "figures")
published.listing()
published.reading()

restatements = Door(RESTATEMENTS, "/restatements", "figures")
restatements.listing()
restatements.reading()

router = APIRouter(prefix="/figures", tags=["figures"], route_class=UnitRoute, dependencies=[KEY_REQUIRED])


@router.post(
    "/publish",
    status_code=201,
    dependencies=[IDEMPOTENT],
    operation_id="publishFigure",
    summary="Publish a figure",
    response_model=PublishedFigureRead,
    responses={201: {"headers": LOCATION}, **MISSING},
)
async def publish_figure(fields: PublishWrite, response: Response, session: SessionOf) -> Any:
    """Keep a figure as it is said. A late, corrected or voided fact that changes it makes a restatement in the feed."""
    row = await publications.publish(session, fields)
    response.headers["Location"] = published.location(row)
    return PUBLISHED_FIGURES.present(row)


@router.post(
    "/replay",
    dependencies=[IDEMPOTENT],
    operation_id="replayFigure",
    summary="Compute an exported explanation again",
    response_model=Replay,
)
async def replay_figure(exported: ExportedExplanation, session: SessionOf) -> Any:
    """Compute the figure from the exported inputs, compare every number, and compare the facts with those kept here."""
    return await publications.replay(session, exported)


routers = (router, published.router, restatements.router)
