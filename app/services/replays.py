"""Replays: which kept deliveries are to be read again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from app.models.sources import (
    IMPORT_HEADER,
    REDACTED_HEADER,
    TEST_HEADER,
    UNVERIFIED_HEADER,
    Delivery,
    DeliveryStatus,
)

BODY_BYTES_MOST = 8 * 1024 * 1024
"""Bodies read again in one transaction; further deliveries wait for the next one."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Which deliveries of a source, in the order of their ids: those behind `after`, at most `limit`."""

    source_id: UUID
    statuses: Sequence[DeliveryStatus]
    received_at_gte: datetime | None
    received_at_lt: datetime | None
    after: UUID | None
    limit: int


def counts(row: Delivery) -> bool:
    """Return whether a delivery came from its source, proved, is whole, and has the format that its adapter reads.

    Test events and unproved handshakes never count; what told of an erased person is not there to be read again; an
    imported table is imported again instead.
    """
    return not {TEST_HEADER, UNVERIFIED_HEADER, REDACTED_HEADER, IMPORT_HEADER} & row.headers.keys()


async def chosen(session: AsyncSession, choice: Choice) -> tuple[list[Delivery], bool]:
    """Return the next deliveries of a choice, in order, and whether there are more."""
    conditions = [col(Delivery.source_id) == choice.source_id, col(Delivery.status).in_(choice.statuses)]
    if choice.received_at_gte is not None:
        conditions.append(col(Delivery.received_at) >= choice.received_at_gte)
    if choice.received_at_lt is not None:
        conditions.append(col(Delivery.received_at) < choice.received_at_lt)
    if choice.after is not None:
        conditions.append(col(Delivery.id) > choice.after)
    statement = select(Delivery).where(*conditions).order_by(col(Delivery.id)).limit(choice.limit + 1)
    found: list[Delivery] = []
    size = 0
    for row in await session.scalars(statement):
        size += len(row.body)
        if len(found) == choice.limit or (found and size > BODY_BYTES_MOST):
            return found, True
        found.append(row)
    return found, False
