"""Audiences: who should learn. Members come and go by the thousand; the feed shows it as one change of the audience."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from app.domain import ids
from app.domain.errors import NotFound
from app.models.people import (
    Audience,
    AudienceMember,
    AudienceMemberRead,
    AudienceMemberWrite,
    AudienceRead,
    AudienceWrite,
)
from app.models.unit import unit_of
from app.services import batches, changes
from app.services.batches import CHUNK, ItemResult
from app.services.bulk import change_many
from app.services.nouns import NounType, get

AUDIENCES = NounType(
    row=Audience,
    write=AudienceWrite,
    read=AudienceRead,
    plural="audiences",
    search=("name", "external_id"),
    filters=("initiative_id", "external_id"),
    sorts=("created_at", "recorded_at", "name"),
    fixed=frozenset({"initiative_id"}),
)

MEMBERS = NounType(
    row=AudienceMember,
    write=AudienceMemberWrite,
    read=AudienceMemberRead,
    plural="audience_members",
    filters=("person_id", "wave"),
    sorts=("created_at", "recorded_at", "offered_on", "due_on"),
    ranges=("offered_on", "due_on"),
)


async def put_members(
    session: AsyncSession, audience_id: UUID, writes: Sequence[AudienceMemberWrite]
) -> list[ItemResult]:
    """Add people to an audience, or change their dates; results in order, each with the person's id.

    The same members again change nothing. Who was taken out comes back. An unknown person, or one given twice, is
    refused; the others are written. Raises NotFound for the audience.
    """
    audience = await get(session, AUDIENCES, audience_id)
    items = [
        batches.Item(fields.person_id, fields.model_dump() | {"audience_id": audience_id, "archived_at": None})
        for fields in writes
    ]

    async def find(session: AsyncSession, person_ids: Sequence[UUID]) -> Mapping[UUID, AudienceMember]:
        return await _members(session, audience_id, person_ids)

    results, written = await batches.put_items(session, MEMBERS, items, find, noted=False)
    if written:
        await changes.note(session, [audience], "members_changed")
    return [
        ItemResult(result.result, None if result.id is None else fields.person_id, result.faults)
        for result, fields in zip(results, writes, strict=True)
    ]


async def remove_member(session: AsyncSession, audience_id: UUID, person_id: UUID) -> None:
    """Take a person out of an audience; earlier as-of answers still count them. Raises NotFound."""
    audience = await get(session, AUDIENCES, audience_id)
    row = (await _members(session, audience_id, [person_id])).get(person_id)
    if row is None:
        raise NotFound(f"{ids.encode('per', person_id)} is not in this audience.")
    if row.archived_at is None:
        row.archived_at = unit_of(session).tick()
        await change_many(session, [row], noted=False)
        await changes.note(session, [audience], "members_changed")


async def _members(session: AsyncSession, audience_id: UUID, person_ids: Sequence[UUID]) -> dict[UUID, AudienceMember]:
    found = {}
    for start in range(0, len(person_ids), CHUNK):
        statement = select(AudienceMember).where(
            col(AudienceMember.audience_id) == audience_id,
            col(AudienceMember.person_id).in_(person_ids[start : start + CHUNK]),
        )
        for row in await session.scalars(statement):
            session.expunge(row)
            found[row.person_id] = row
    return found
