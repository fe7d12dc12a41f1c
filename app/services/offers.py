"""Offers: since when whom an initiative was offered to, as persons and as the org units that they worked in that day.

A person who moves later takes nothing along: the unit of the day of the offer is exposed, and every unit above it.
"""

from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models.activities import Activity
from app.models.base import Instant
from app.models.effect_options import ExposureChoice
from app.models.kpis import SubjectKind
from app.models.learning import Enrolment
from app.models.people import Audience, AudienceMember, OrgMembership, OrgUnit
from app.services.trees import DEEPEST
from app.services.versions import rows_at

Condition = Callable[[ColumnElement[Any]], ColumnElement[bool]]
"""From the column of person ids to what selects people."""


class TakeUp(StrEnum):
    """What counts as taking part in what was offered."""

    ENROLLED = "enrolled"
    STARTED = "started"
    COMPLETED = "completed"


class Workplaces:
    """Where people worked on a day; before the first day known, that is where they worked then."""

    def __init__(self, memberships: Iterable[tuple[UUID, date, UUID | None]]) -> None:
        """Take (person, first day, org unit), in order of days."""
        self._days: dict[UUID, list[date]] = {}
        self._units: dict[UUID, list[UUID | None]] = {}
        for person_id, valid_from, org_unit_id in memberships:
            self._days.setdefault(person_id, []).append(valid_from)
            self._units.setdefault(person_id, []).append(org_unit_id)

    def on(self, person_id: UUID, day: date) -> UUID | None:
        """Return the person's org unit on `day`; None for nowhere."""
        days = self._days.get(person_id)
        return None if days is None else self._units[person_id][max(bisect_right(days, day) - 1, 0)]


@dataclass(frozen=True, slots=True)
class Offers:
    """The day of the first offer of one initiative: to each person, and to anybody of each org unit."""

    persons: Mapping[UUID, date]
    org_units: Mapping[UUID, date]

    def of_kind(self, kind: SubjectKind) -> Mapping[UUID, date]:
        """Return the days by org unit or by person."""
        return self.org_units if kind is SubjectKind.ORG_UNIT else self.persons

    @property
    def first(self) -> date | None:
        """The day of the very first offer; None without any."""
        return min(self.persons.values(), default=None)


async def of_many(
    session: AsyncSession,
    initiative_ids: Collection[UUID],
    as_of: datetime | None,
    exposure: ExposureChoice = ExposureChoice.OFFERED,
) -> dict[UUID, Offers]:
    """Return the offers of each initiative, or first enrolments in its activities; queries do not grow with them."""
    first = _enrolled(session, initiative_ids, as_of)
    if exposure is ExposureChoice.OFFERED:
        first = _offered(session, initiative_ids, as_of)
    found: dict[UUID, dict[UUID, date]] = {each: {} for each in initiative_ids}
    for initiative_id, person_id, when in await session.execute(first):
        found[initiative_id][person_id] = when.date() if isinstance(when, datetime) else when
    who = first.with_only_columns(first.selected_columns[1])
    places = await workplaces(session, lambda person_id: person_id.in_(who), as_of)
    above = await _ancestry(session, as_of)
    return {each: Offers(persons, _by_unit(persons, places, above)) for each, persons in found.items()}


async def taken_up(
    session: AsyncSession, initiative_id: UUID, how: TakeUp, as_of: datetime | None
) -> dict[UUID, datetime]:
    """Return since when each person took part in any activity of an initiative."""
    statement = _enrolled(session, [initiative_id], as_of, how)
    return {person_id: when for _, person_id, when in await session.execute(statement) if when is not None}


def _offered(session: AsyncSession, initiative_ids: Collection[UUID], as_of: datetime | None) -> Select[Any]:
    """Select the day of the first offer per initiative and person."""
    audiences, members = rows_at(session, Audience, as_of), rows_at(session, AudienceMember, as_of)
    joined = members.join(audiences, audiences.c.id == members.c.audience_id)
    return (
        select(audiences.c.initiative_id, members.c.person_id, func.min(members.c.offered_on))
        .select_from(joined)
        .where(audiences.c.initiative_id.in_(initiative_ids))
        .group_by(audiences.c.initiative_id, members.c.person_id)
    )


def _enrolled(
    session: AsyncSession,
    initiative_ids: Collection[UUID],
    as_of: datetime | None,
    how: TakeUp = TakeUp.ENROLLED,
) -> Select[Any]:
    """Select the instant of the first enrolment, start or completion per initiative and person.

    An enrolment of which no instant was told is of its first event.
    """
    activities, enrolments = rows_at(session, Activity, as_of, archived=True), rows_at(session, Enrolment, as_of)
    instant = {
        TakeUp.ENROLLED: func.coalesce(enrolments.c.enrolled_at, enrolments.c.first_event_at),
        TakeUp.STARTED: enrolments.c.started_at,
        TakeUp.COMPLETED: enrolments.c.completed_at,
    }
    begun = func.min(instant[how], type_=Instant())
    return (
        select(activities.c.initiative_id, enrolments.c.person_id, begun)
        .select_from(enrolments.join(activities, activities.c.id == enrolments.c.activity_id))
        .where(activities.c.initiative_id.in_(initiative_ids))
        .group_by(activities.c.initiative_id, enrolments.c.person_id)
    )


async def workplaces(session: AsyncSession, chosen: Condition, as_of: datetime | None) -> Workplaces:
    """Return where the people whom `chosen` selects worked."""
    memberships = rows_at(session, OrgMembership, as_of)
    statement = (
        select(memberships.c.person_id, memberships.c.valid_from, memberships.c.org_unit_id)
        .where(chosen(memberships.c.person_id))
        .order_by(memberships.c.valid_from)
    )
    return Workplaces((row[0], row[1], row[2]) for row in await session.execute(statement))


async def _ancestry(session: AsyncSession, as_of: datetime | None) -> dict[UUID, Sequence[UUID]]:
    """Return each org unit with all units above it, itself first."""
    units = rows_at(session, OrgUnit, as_of, archived=True)
    parents = {row[0]: row[1] for row in await session.execute(select(units.c.id, units.c.parent_id))}
    found: dict[UUID, Sequence[UUID]] = {}
    for unit_id in parents:
        line = [unit_id]
        while (parent := parents.get(line[-1])) is not None and len(line) <= DEEPEST:
            line.append(parent)
        found[unit_id] = line
    return found


def _by_unit(
    persons: Mapping[UUID, date], places: Workplaces, above: Mapping[UUID, Sequence[UUID]]
) -> dict[UUID, date]:
    found: dict[UUID, date] = {}
    for person_id, day in persons.items():
        unit_id = places.on(person_id, day)
        for each in () if unit_id is None else above.get(unit_id, (unit_id,)):
            found[each] = min(day, found.get(each, day))
    return found
