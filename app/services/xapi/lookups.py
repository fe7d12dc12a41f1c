"""Finding statements: by id, or page by page by every filter of the resource.

https://github.com/adlnet/xAPI-Spec/blob/master/xAPI-Communication.md#213-get-statements
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased
from sqlmodel import col

from app.models.tenancy import TenantClock
from app.models.xapi import XapiMention, XapiStatement, XapiTarget

CERTAIN_AFTER = timedelta(seconds=10)
"""How long a transaction with statements may take from its instant to its commit: a group holds 8 MiB at most."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Place = tuple[datetime, UUID]
"""(stored at, row id): the order of statements."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for. Keys are those of agents, activities and verbs; `since` is exclusive, `until` is not.

    `limit` counts statements and `most_bytes` what they hold, with attachments if asked so; one is always found.
    """

    source_id: UUID
    limit: int
    most_bytes: int
    agent: bytes | None = None
    activity: bytes | None = None
    verb: bytes | None = None
    registration: UUID | None = None
    related_agents: bool = False
    related_activities: bool = False
    since: datetime | None = None
    until: datetime | None = None
    ascending: bool = False
    attachments: bool = False
    after: Place | None = None

    @property
    def filters(self) -> bool:
        """Whether it asks for more than a time: then statements that refer to such statements are wanted too."""
        return any(each is not None for each in (self.agent, self.activity, self.verb, self.registration))


@dataclass(frozen=True, slots=True)
class Shown:
    """A statement as it is kept."""

    stored_at: datetime
    document: str


async def consistent_through(session: AsyncSession, now: datetime) -> datetime:
    """Return the instant up to which every statement that was or will be stored can be read.

    Writers of a tenant are serial, so what its clock has ticked to is complete, however long it takes.
    """
    ticked_us = await session.scalar(select(col(TenantClock.ticked_us))) or 0
    return max(EPOCH + timedelta(microseconds=ticked_us), now - CERTAIN_AFTER)


async def one(session: AsyncSession, source_id: UUID, statement_id: UUID, *, voided: bool) -> Shown | None:
    """Return the statement with that id if it is voided, or if it is not, as asked; else None."""
    statement = select(col(XapiStatement.stored_at), col(XapiStatement.document)).where(
        col(XapiStatement.source_id) == source_id,
        col(XapiStatement.statement_id) == statement_id,
        col(XapiStatement.voided).is_(voided),
        col(XapiStatement.document_bytes) > 0,
    )
    row = (await session.execute(statement)).first()
    return None if row is None else Shown(row.stored_at, row.document)


async def page(session: AsyncSession, wanted: Wanted) -> tuple[list[Shown], Place | None]:
    """Return the next statements in the order asked for, and the place of the last one if there are more."""
    found = await _places(session, _direct(wanted))
    if wanted.filters:
        found |= await _places(session, _referring(wanted))
    ordered = sorted(found, reverse=not wanted.ascending)
    chosen: list[Place] = []
    held = 0
    for place in ordered[: wanted.limit]:
        held += found[place]
        if chosen and held > wanted.most_bytes:
            break
        chosen.append(place)
    shown = await _shown(session, [row_id for _, row_id in chosen])
    more = chosen[-1] if len(chosen) < len(ordered) else None
    return [shown[row_id] for _, row_id in chosen], more


async def _shown(session: AsyncSession, row_ids: Collection[UUID]) -> dict[UUID, Shown]:
    statement = select(col(XapiStatement.id), col(XapiStatement.stored_at), col(XapiStatement.document)).where(
        col(XapiStatement.id).in_(row_ids)
    )
    return {row.id: Shown(row.stored_at, row.document) for row in await session.execute(statement)}


async def _places(session: AsyncSession, statement: Select[Any]) -> dict[Place, int]:
    """Return the bytes of each statement found, by its place."""
    return {(row.stored_at, row.id): row.size for row in await session.execute(statement)}


def _direct(wanted: Wanted) -> Select[Any]:
    """Return the query for statements that meet the filters themselves, read in order from the most telling index."""
    mentioned = [pair for pair in _mentions(wanted) if pair[0] is not None]
    stored_at, row_id = col(XapiStatement.stored_at), col(XapiStatement.id)
    statement = select(stored_at, row_id, _size(wanted)).where(*_meets(XapiStatement, wanted, mentioned[1:]))
    if mentioned:
        key, related = mentioned[0]
        stored_at, row_id = col(XapiMention.stored_at), col(XapiMention.row_id)
        statement = statement.join(XapiMention, row_id == col(XapiStatement.id)).where(
            col(XapiMention.source_id) == wanted.source_id, *_mentioned(XapiMention, key, related=related)
        )
    return _in_time(statement, wanted, stored_at, row_id)


def _referring(wanted: Wanted) -> Select[Any]:
    """Return the query for statements that refer, through any chain, to one that meets the filters, voided or not."""
    target = aliased(XapiStatement)
    stored_at, row_id = col(XapiStatement.stored_at), col(XapiStatement.id)
    mentioned = [pair for pair in _mentions(wanted) if pair[0] is not None]
    meets = select(col(XapiTarget.row_id)).join(
        target,
        and_(target.source_id == col(XapiTarget.source_id), target.statement_id == col(XapiTarget.target)),  # type: ignore[arg-type]  # columns of the alias
    )
    meets = meets.where(*_meets(target, wanted, mentioned))
    statement = select(stored_at, row_id, _size(wanted)).where(
        col(XapiStatement.source_id) == wanted.source_id,
        col(XapiStatement.refers_to).is_not(None),
        row_id.in_(meets),
    )
    return _in_time(statement, wanted, stored_at, row_id)


def _mentions(wanted: Wanted) -> list[tuple[bytes | None, bool]]:
    return [(wanted.agent, wanted.related_agents), (wanted.activity, wanted.related_activities)]


def _meets(entity: Any, wanted: Wanted, mentioned: Collection[tuple[bytes | None, bool]]) -> list[ColumnElement[bool]]:
    """Return the conditions that are neither of time nor of sequence."""
    conditions: list[ColumnElement[bool]] = [entity.source_id == wanted.source_id]
    if wanted.verb is not None:
        conditions.append(entity.verb_key == wanted.verb)
    if wanted.registration is not None:
        conditions.append(entity.registration == wanted.registration)
    for key, related in mentioned:
        mention = aliased(XapiMention)
        named = select(mention.row_id).where(mention.row_id == entity.id, *_mentioned(mention, key, related=related))  # type: ignore[call-overload]  # columns of the alias
        conditions.append(named.exists())
    return conditions


def _mentioned(entity: Any, key: bytes | None, *, related: bool) -> list[ColumnElement[bool]]:
    return [entity.key == key, *(() if related else (entity.direct.is_(True),))]


def _in_time(statement: Select[Any], wanted: Wanted, stored_at: Any, row_id: Any) -> Select[Any]:
    """Add the conditions of time and sequence; a voided statement is never found, nor one of an erased person."""
    statement = statement.where(col(XapiStatement.voided).is_(False), col(XapiStatement.document_bytes) > 0)
    if wanted.since is not None:
        statement = statement.where(stored_at > wanted.since)
    if wanted.until is not None:
        statement = statement.where(stored_at <= wanted.until)
    if wanted.after is not None:
        at, last = wanted.after
        further = stored_at > at if wanted.ascending else stored_at < at
        next_ones = row_id > last if wanted.ascending else row_id < last
        statement = statement.where(or_(further, and_(stored_at == at, next_ones)))
    order = (stored_at.asc(), row_id.asc()) if wanted.ascending else (stored_at.desc(), row_id.desc())
    return statement.order_by(*order).limit(wanted.limit + 1)


def _size(wanted: Wanted) -> Any:
    own = col(XapiStatement.document_bytes)
    return (own + col(XapiStatement.attachment_bytes) if wanted.attachments else own).label("size")
