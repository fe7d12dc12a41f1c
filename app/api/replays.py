"""`/v1/deliveries/.../replay`: today's adapter reads kept bodies again and corrects what they told; nothing twice."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Body, Request
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.ext.asyncio import AsyncSession

from app.api import readings, setups
from app.api.deps import IDEMPOTENT, KEY_REQUIRED, SessionOf, VaultOf
from app.api.facts import deliveries
from app.api.routing import UnitRoute
from app.domain.errors import Conflict, Fault, Invalid
from app.lms import TransportFault
from app.models.sources import Delivery, DeliveryRead, DeliveryStatus, Source
from app.models.values import AwareTime, DeliveryId, SourceId
from app.services import ingest, nouns, replays
from app.services.inbound import UNSTORABLE, Inbound
from app.services.sources import DELIVERIES, SOURCES
from app.vault import Vault

router = APIRouter(prefix="/deliveries", tags=["deliveries"], route_class=UnitRoute, dependencies=[KEY_REQUIRED])

_LIMIT = 100
_LIMIT_MOST = 500


class ReplayWrite(BaseModel):
    """Which deliveries to read again."""

    model_config = ConfigDict(extra="forbid")

    source_id: SourceId = Field(description="Whose deliveries.")
    status: list[DeliveryStatus] = Field(
        default=[DeliveryStatus.QUARANTINED], min_length=1, description="Only deliveries with one of these verdicts."
    )
    received_at_gte: AwareTime | None = Field(default=None, description="Only those received from this instant on.")
    received_at_lt: AwareTime | None = Field(default=None, description="Only those received before this instant.")
    after: DeliveryId | None = Field(default=None, description="`next_after` of the answer before.")
    limit: int = Field(default=_LIMIT, ge=1, le=_LIMIT_MOST, description="Most deliveries in one request.")


class ReplayRead(BaseModel):
    """What became of the deliveries that were read again."""

    items: list[DeliveryRead] = Field(description="The deliveries as they stand now, oldest first.")
    next_after: DeliveryId | None = Field(description="Send the same request with this as `after`; null: all are done.")


@router.post(
    "/replay",
    dependencies=[IDEMPOTENT],
    operation_id="replayDeliveries",
    summary="Replay many deliveries",
    response_model=ReplayRead,
)
async def replay_deliveries(
    fields: Annotated[ReplayWrite, Body()], request: Request, session: SessionOf, vault: VaultOf
) -> Any:
    """Read a source's deliveries again, as `POST /v1/deliveries/{id}/replay` does one, a portion in each request.

    Name the status `applied` too in order to correct what a wrong field map told, and replay all that it read: an event
    that two deliveries told comes back with the one that still tells it. Test events, unproved handshakes, imported
    tables and redacted bodies are left out.
    """
    source = (await nouns.get_many(session, SOURCES, [fields.source_id]))[0]
    if source is None:
        fault = Fault("unknown_reference", "names no source of this tenant", pointer="/source_id")
        raise Invalid("Choose a source of this tenant: GET /v1/sources lists them.", errors=(fault,))
    choice = replays.Choice(
        source_id=fields.source_id,
        statuses=fields.status,
        received_at_gte=fields.received_at_gte,
        received_at_lt=fields.received_at_lt,
        after=fields.after,
        limit=fields.limit,
    )
    rows, more = await replays.chosen(session, choice)
    counting = [row for row in rows if replays.counts(row)]
    await _replay(request, session, vault, source, counting)
    items = [DELIVERIES.present(row) for row in counting]
    return ReplayRead.model_validate({"items": items, "next_after": rows[-1].id if more else None})


@router.post(
    "/{id}/replay",
    dependencies=[IDEMPOTENT],
    operation_id="replayDelivery",
    summary="Replay a delivery",
    response_model=DeliveryRead,
)
async def replay_delivery(
    id: deliveries.id_param,  # type: ignore[name-defined]  # noqa: A002  made at run time; the path parameter's name
    request: Request,
    session: SessionOf,
    vault: VaultOf,
) -> Any:
    """Read one delivery again with today's adapter, mapping and zone, and correct what it told before.

    An event that it told under the same key with another content (activity, learner, time, score, kind) is replaced by
    its new reading; one that it tells no more, because it is ignored now or has another key, is taken back. A delivery
    that cannot be read (`quarantined`, also while its source is paused) takes nothing back. What another delivery told
    first stays, and counts as a conflict. Figures as of an earlier instant stay.
    `GET /v1/learning-events?delivery_id=` shows what became of each event. Replaying again without a change does
    nothing. A statement (xAPI) is never changed by it, only the event made of it; people, activities and merges of
    people that a wrong reading made stay.
    """
    row = await nouns.get(session, DELIVERIES, deliveries.id_of(id))
    if not replays.counts(row):
        detail = "A test event, an unproved handshake, an imported table or a redacted body is not replayed."
        raise Conflict(detail, code="wrong_state")
    await _replay(request, session, vault, await nouns.get(session, SOURCES, row.source_id), [row])
    return DELIVERIES.present(row)


async def _replay(
    request: Request, session: AsyncSession, vault: Vault, source: Source, rows: Sequence[Delivery]
) -> None:
    """Read and apply kept deliveries of one source. What they prove was checked when they came."""
    connected = setups.connected(vault, request.state.principal.tenant, source)
    items = []
    for row in rows:
        delivery = readings.kept_request(connected, row)
        try:
            reading = readings.read(connected, delivery)
        except TransportFault as error:
            reading = readings.Reading(DeliveryStatus.QUARANTINED, str(error))
        items.append((row, readings.inbound(connected, delivery, reading)))
    await _apply(session, items)


async def _apply(session: AsyncSession, items: Sequence[tuple[Delivery, Inbound]]) -> None:
    """Apply deliveries as they are read now; one of which the database refuses what it tells is kept without it."""
    try:
        async with session.begin_nested():
            await ingest.reapply(session, items)
    except UNSTORABLE:
        for row, _ in items:
            await session.refresh(row)
        if len(items) > 1:
            for half in (items[: len(items) // 2], items[len(items) // 2 :]):
                await _apply(session, half)
        else:
            await ingest.reapply(session, [(row, inbound.unread()) for row, inbound in items])
