"""How many people an initiative was meant for, reached, and saw finish: one query for any number of initiatives."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, Subquery, and_, case, func, literal, select, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from app.models.activities import Activity
from app.models.learning import Enrolment
from app.models.people import Audience, AudienceMember, Person
from app.services.versions import rows_at


@dataclass(frozen=True, slots=True)
class Reach:
    """Counts of distinct persons. "Completed" is: has completed every required activity of the initiative."""

    audience: int = 0
    started_in_audience: int = 0
    started_outside_audience: int = 0
    completed_in_audience: int = 0
    enrolled: int = 0
    completed: int = 0
    withdrawn_before_start: int = 0
    unresolved: int = 0


async def of_initiatives(
    session: AsyncSession, initiative_ids: Sequence[UUID], *, as_of: datetime | None, now: datetime
) -> list[Reach]:
    """Return the counts of each initiative, in order. `now` bounds what has occurred; `as_of` what was recorded."""
    statement = _counts(session, initiative_ids, as_of, as_of or now)
    found = {row[0]: Reach(*(int(count) for count in row[1:])) for row in await session.execute(statement)}
    return [found.get(initiative_id, Reach()) for initiative_id in initiative_ids]


def _counts(
    session: AsyncSession, initiative_ids: Sequence[UUID], as_of: datetime | None, now: datetime
) -> Select[Any]:
    activities = rows_at(session, Activity, as_of)
    mapped = (
        select(activities.c.id, activities.c.initiative_id, activities.c.required)
        .where(activities.c.initiative_id.in_(initiative_ids))
        .subquery()
    )
    learners = _learners(session, mapped, as_of, now)
    members = _members(session, initiative_ids, as_of)
    person = _flags(learners, members)
    unresolved = rows_at(session, Person, as_of)
    return (
        select(
            person.c.initiative_id,
            func.sum(person.c.member),
            func.sum(person.c.member * person.c.started),
            func.sum((1 - person.c.member) * person.c.started),
            func.sum(person.c.member * person.c.completed),
            func.sum(person.c.enrolled),
            func.sum(person.c.completed),
            func.sum(person.c.withdrawn_before_start),
            func.sum(case((unresolved.c.resolved.is_(False), person.c.enrolled), else_=0)),
        )
        .select_from(person.outerjoin(unresolved, unresolved.c.id == person.c.person_id))
        .group_by(person.c.initiative_id)
    )


def _learners(session: AsyncSession, mapped: Subquery, as_of: datetime | None, now: datetime) -> Subquery:
    """Return per (initiative, person): enrolled, started, completed and withdrawn before the start, each 0 or 1."""
    enrolments = rows_at(session, Enrolment, as_of)
    required = (
        select(mapped.c.initiative_id, func.count().label("required"))
        .where(mapped.c.required.is_(True))
        .group_by(mapped.c.initiative_id)
        .subquery()
    )
    done = and_(enrolments.c.completed_at <= now, mapped.c.required.is_(True))
    began = enrolments.c.started_at <= now
    gone = and_(enrolments.c.withdrawn_at <= now, enrolments.c.started_at.is_(None))
    per_person = (
        select(
            mapped.c.initiative_id,
            enrolments.c.person_id,
            func.max(case((began, 1), else_=0)).label("started"),
            func.count(func.distinct(case((done, mapped.c.id)))).label("completions"),
            func.min(case((gone, 1), else_=0)).label("withdrawn_before_start"),
        )
        .select_from(enrolments.join(mapped, mapped.c.id == enrolments.c.activity_id))
        .where(enrolments.c.first_event_at <= now)
        .group_by(mapped.c.initiative_id, enrolments.c.person_id)
        .subquery()
    )
    finished = case((per_person.c.completions >= required.c.required, 1), else_=0)
    return (
        select(
            per_person.c.initiative_id,
            per_person.c.person_id,
            literal(0).label("member"),
            literal(1).label("enrolled"),
            per_person.c.started,
            finished.label("completed"),
            per_person.c.withdrawn_before_start,
        )
        .select_from(per_person.outerjoin(required, required.c.initiative_id == per_person.c.initiative_id))
        .subquery()
    )


def _members(session: AsyncSession, initiative_ids: Sequence[UUID], as_of: datetime | None) -> Subquery:
    """Return the distinct (initiative, person) of all audiences, in the columns of `_learners`."""
    audiences = rows_at(session, Audience, as_of)
    members = rows_at(session, AudienceMember, as_of)
    zero = literal(0)
    return (
        select(
            audiences.c.initiative_id,
            members.c.person_id,
            literal(1).label("member"),
            zero.label("enrolled"),
            zero.label("started"),
            zero.label("completed"),
            zero.label("withdrawn_before_start"),
        )
        .select_from(members.join(audiences, audiences.c.id == members.c.audience_id))
        .where(audiences.c.initiative_id.in_(initiative_ids))
        .distinct()
        .subquery()
    )


def _flags(learners: Subquery, members: Subquery) -> Subquery:
    """Return one row per (initiative, person) with every flag."""
    both = union_all(select(learners), select(members)).subquery()
    names = ("member", "enrolled", "started", "completed", "withdrawn_before_start")
    return (
        select(both.c.initiative_id, both.c.person_id, *(func.max(both.c[name]).label(name) for name in names))
        .group_by(both.c.initiative_id, both.c.person_id)
        .subquery()
    )
