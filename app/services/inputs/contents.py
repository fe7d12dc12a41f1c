"""Whether what is taught is still right and real: inputs from content versions, review intervals and design."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import and_, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.metrics.answers import caveat
from app.models.activities import Activity, ActivityStatus
from app.models.contents import ContentVersion, ReviewInterval
from app.models.learning import Enrolment
from app.services.inputs._provider import Given, Place, Provider, Scope
from app.services.inputs._pursuits import members
from app.services.inputs._under import activities, people
from app.services.inputs.surveys import KINDS
from app.services.versions import rows_at

_HOUR = Decimal(3600)


@dataclass(slots=True)
class Contents:
    """The newest content version of each live activity of one place; `unknown` have none, or no interval."""

    items: list[dict[str, Any]] = field(default_factory=list)
    unknown: int = 0


async def _contents(session: AsyncSession, scope: Scope) -> Mapping[Place, Contents]:
    table, under = rows_at(session, Activity, scope.as_of), activities(session, scope)
    versions, intervals = rows_at(session, ContentVersion, scope.as_of), rows_at(session, ReviewInterval, scope.as_of)
    enrolments = rows_at(session, Enrolment, scope.as_of)
    newest_first = (versions.c.published_on.desc(), versions.c.recorded_at.desc(), versions.c.id.desc())
    rank = func.row_number().over(partition_by=versions.c.activity_id, order_by=newest_first).label("rank")
    ranked = select(versions, rank).where(versions.c.published_on <= scope.today).subquery()
    newest = select(ranked).where(ranked.c.rank == 1).subquery()
    used = (
        select(enrolments.c.activity_id, func.count().label("uses"))
        .where(enrolments.c.first_event_at <= scope.now)
        .group_by(enrolments.c.activity_id)
        .subquery()
    )
    joined = (
        under.join(table, table.c.id == under.c.activity_id)
        .outerjoin(newest, newest.c.activity_id == table.c.id)
        .outerjoin(intervals, intervals.c.risk_class == table.c.risk_class)
        .outerjoin(used, used.c.activity_id == table.c.id)
    )
    columns = (newest.c.published_on, newest.c.reviewed_on, newest.c.expires_on, intervals.c.days, used.c.uses)
    statement = select(under.c.subject, *columns).select_from(joined).where(table.c.status == ActivityStatus.LIVE)
    found: dict[Place, Contents] = {}
    for subject, published, reviewed, expires, days, uses in await session.execute(statement.order_by(table.c.id)):
        here = found.setdefault((subject, ()), Contents())
        if published is None or days is None:
            here.unknown += 1
            continue
        seen = published if reviewed is None or reviewed > scope.today else reviewed
        here.items.append(
            {
                "reviewed_in_interval": scope.today - seen <= timedelta(days=days),
                "age_days": (scope.today - seen).days,
                "expired": expires is not None and expires <= scope.today,
                "uses": int(uses or 0),
            }
        )
    return found


def _freshness(found: Contents, _scope: Scope) -> Given:
    sentence = f"{found.unknown} live activities have no content version, or a risk class without a review interval."
    note = caveat("interval_unknown", sentence, when=found.unknown)
    return Given({"items": found.items}, caveats=(note,) if note else ())


@dataclass(frozen=True, slots=True)
class Worked:
    """Learning seconds of one place, those of scenarios and real tasks, and attempts whose activity says neither."""

    hours: Decimal = Decimal(0)
    real: Decimal = Decimal(0)
    unsaid: int = 0


async def _worked(session: AsyncSession, scope: Scope) -> Mapping[Place, Worked]:
    """Add up hours as they were told, or by design where a completion tells none."""
    table, under = rows_at(session, Activity, scope.as_of), activities(session, scope)
    enrolments = rows_at(session, Enrolment, scope.as_of)
    real = or_(table.c.scenario_based.is_(True), table.c.real_task.is_(True))
    designed = case(
        (and_(enrolments.c.duration_seconds.is_(None), enrolments.c.completed_at.is_not(None)), table.c.hours)
    )
    unsaid = and_(table.c.scenario_based.is_(None), table.c.real_task.is_(None))
    statement = (
        select(
            under.c.subject,
            func.coalesce(func.sum(enrolments.c.duration_seconds), 0),
            func.sum(designed).label("designed"),
            func.coalesce(func.sum(case((real, enrolments.c.duration_seconds))), 0),
            func.sum(case((real, designed))).label("designed_real"),
            func.coalesce(func.sum(case((unsaid, 1), else_=0)), 0),
        )
        .select_from(
            enrolments.join(table, table.c.id == enrolments.c.activity_id).join(
                under, under.c.activity_id == table.c.id
            )
        )
        .where(enrolments.c.first_event_at <= scope.now)
        .group_by(under.c.subject)
    )
    return {
        (row[0], ()): Worked(
            Decimal(int(row[1])) / _HOUR + (row.designed or 0),
            Decimal(int(row[3])) / _HOUR + (row.designed_real or 0),
            int(row[5]),
        )
        for row in await session.execute(statement)
    }


def _real_hours(found: Worked, _scope: Scope) -> Given:
    sentence = (
        f"{found.unsaid} attempts are at activities that do not say whether they are real work; they count as not."
    )
    note = caveat("design_unknown", sentence, when=found.unsaid)
    return Given({"hours_real": found.real, "hours": found.hours}, caveats=(note,) if note else ())


@dataclass(slots=True)
class Roles:
    """The job roles of whom learning is offered to, and those for which an activity is made."""

    targeted: set[str] = field(default_factory=set)
    served: set[str] = field(default_factory=set)


async def _roles(session: AsyncSession, scope: Scope) -> Mapping[Place, Roles]:
    offered, person = members(session, scope), people(session, scope)
    table, under = rows_at(session, Activity, scope.as_of), activities(session, scope)
    found: dict[Place, Roles] = {}
    targeted = (
        select(offered.c.subject, person.c.role)
        .select_from(offered.join(person, person.c.id == offered.c.person_id))
        .where(person.c.role.is_not(None))
        .distinct()
    )
    for subject, role in await session.execute(targeted):
        found.setdefault((subject, ()), Roles()).targeted.add(role)
    made = select(under.c.subject, table.c.roles).select_from(under.join(table, table.c.id == under.c.activity_id))
    for subject, roles in await session.execute(made.where(table.c.status == ActivityStatus.LIVE)):
        found.setdefault((subject, ()), Roles()).served.update(roles)
    return found


def _paths(found: Roles, _scope: Scope) -> Given:
    return Given({"roles_with_path": len(found.targeted & found.served), "roles_targeted": len(found.targeted)})


PROVIDERS = (
    Provider(
        metrics={"content_freshness": _freshness},
        kinds=frozenset({*KINDS, "activity"}),
        load=_contents,
        nothing=Contents,
    ),
    Provider(metrics={"real_work_share{hours}": _real_hours}, kinds=KINDS, load=_worked, nothing=Worked, events=True),
    Provider(metrics={"real_work_share{roles}": _paths}, kinds=KINDS, load=_roles, nothing=Roles),
)
