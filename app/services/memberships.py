"""Org memberships: where people worked, from a day on. Kept whenever a person's org unit changes."""

from collections.abc import Mapping, Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from app.models.people import OrgMembership, Person
from app.services.bulk import add_many, born, change_many
from app.services.days import today

_CHUNK = 500


async def follow(session: AsyncSession, newcomers: Sequence[Person], moved: Sequence[Person]) -> None:
    """Note where `newcomers` work from the day they joined, and where `moved` work from today on.

    Who moves twice on a day, or before a membership that has not begun, gets that one changed. A newcomer in no org
    unit gets none. A handful of statements whatever the number of people; the feed shows the person's own entry.
    """
    day = await today(session)
    rows = [
        _membership(session, person, person.joined_on or day) for person in newcomers if person.org_unit_id is not None
    ]
    latest = await _from_day_on(session, [person.id for person in moved], day)
    changed = []
    for person in moved:
        row = latest.get(person.id)
        if row is None:
            rows.append(_membership(session, person, day))
        elif row.org_unit_id != person.org_unit_id:
            row.org_unit_id = person.org_unit_id
            changed.append(row)
    await add_many(session, rows, noted=False)
    await change_many(session, changed, noted=False)


def _membership(session: AsyncSession, person: Person, valid_from: date) -> OrgMembership:
    return OrgMembership(**born(session), person_id=person.id, org_unit_id=person.org_unit_id, valid_from=valid_from)


async def _from_day_on(session: AsyncSession, person_ids: Sequence[UUID], day: date) -> Mapping[UUID, OrgMembership]:
    """Return the newest membership of each person that begins on `day` or later."""
    found: dict[UUID, OrgMembership] = {}
    for start in range(0, len(person_ids), _CHUNK):
        statement = select(OrgMembership).where(
            col(OrgMembership.person_id).in_(person_ids[start : start + _CHUNK]), col(OrgMembership.valid_from) >= day
        )
        for row in await session.scalars(statement.order_by(col(OrgMembership.valid_from))):
            session.expunge(row)
            found[row.person_id] = row
    return found
