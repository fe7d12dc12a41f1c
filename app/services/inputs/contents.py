"""Whether what is taught is still right and real: inputs from content versions, review intervals and design."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Subquery, and_, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.metrics.answers import caveat
from app.models.activities import Activity, ActivityReference, ActivityStatus
from app.models.contents import ContentVersion, ReviewInterval
from app.models.learning import Enrolment
from app.services.inputs._cuts import STATE, SUBJECTS, refuse
from app.services.inputs._listed import audiences, learned, listed
from app.services.inputs._provider import BUCKETS, LEARNING, PEOPLE, Given, Link, Place, Provider, Scope
from app.services.inputs._pursuits import counted, members, place_of
from app.services.inputs._under import activities, people, told_along
from app.services.inputs.learners import Counts, nothing
from app.services.inputs.surveys import KINDS
from app.services.versions import rows_at

_HOUR = Decimal(3600)


@dataclass(slots=True)
class Contents:
    """The newest content version of each live activity of one place; `unknown` have none, or no interval."""

    items: list[dict[str, Any]] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
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
    labels = {"activity": table.c.id, "content_version": newest.c.label}
    if "source" in scope.by:
        references = rows_at(session, ActivityReference, scope.as_of)
        known_to = select(references.c.activity_id, references.c.source_id).distinct().subquery()
        joined = joined.outerjoin(known_to, known_to.c.activity_id == table.c.id)
        labels["source"] = known_to.c.source_id
    segments = [labels[each].label(f"segment_{n}") for n, each in enumerate(scope.by)]
    version = [newest.c[name] for name in ("id", "version", "published_on", "reviewed_on", "expires_on")]
    columns = (*version, intervals.c.days, used.c.uses)
    statement = select(under.c.subject, *segments, *columns).select_from(joined)
    statement = statement.where(table.c.status == ActivityStatus.LIVE).order_by(table.c.id)
    found: dict[Place, Contents] = {}
    for row in await session.execute(statement):
        version_id, version, published, reviewed, expires, days, uses = row[1 + len(scope.by) :]
        here = found.setdefault(place_of(row, scope), Contents())
        if published is None or days is None:
            here.unknown += 1
            continue
        here.links.append(Link("content_version", version_id, version))
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
    return Given({"items": found.items}, links={"items": found.links}, caveats=(note,) if note else ())


@dataclass(slots=True)
class Worked:
    """Learning hours of one place, those of scenarios and real tasks, and attempts whose activity says neither."""

    hours: Decimal = Decimal(0)
    real: Decimal = Decimal(0)
    unsaid: int = 0
    counts: Counts = field(default_factory=nothing)


def _spent_time(session: AsyncSession, scope: Scope) -> Subquery:
    """Return each attempt with its seconds as told, its hours by design where a completion tells none, and the kind."""
    table, under = rows_at(session, Activity, scope.as_of), activities(session, scope)
    enrolments = rows_at(session, Enrolment, scope.as_of)
    joined = enrolments.join(table, table.c.id == enrolments.c.activity_id).join(
        under, under.c.activity_id == table.c.id
    )
    tables, told_as = told_along(session, scope, joined, enrolments)
    real = or_(table.c.scenario_based.is_(True), table.c.real_task.is_(True))
    unsaid = and_(table.c.scenario_based.is_(None), table.c.real_task.is_(None))
    untimed = and_(enrolments.c.duration_seconds.is_(None), enrolments.c.completed_at.is_not(None))
    return (
        select(
            *(under.c[name] for name in ("subject", "pursuit", "initiative_id")),
            enrolments.c.person_id,
            enrolments.c.first_event_at.label("first_at"),
            enrolments.c.duration_seconds.label("seconds"),
            case((untimed, table.c.hours)).label("designed"),
            case((real, 1), else_=0).label("real"),
            case((unsaid, 1), else_=0).label("unsaid"),
            *told_as,
        )
        .select_from(tables)
        .where(enrolments.c.first_event_at <= scope.now)
        .subquery()
    )


async def _worked(session: AsyncSession, scope: Scope) -> Mapping[Place, Worked]:
    """Add up hours as they were told, or by design where a completion tells none; of resolved people."""
    base, person = _spent_time(session, scope), people(session, scope)
    measures = (
        func.count(),
        func.count(func.distinct(base.c.person_id)),
        func.sum(base.c.seconds),
        func.sum(base.c.designed),
        func.sum(base.c.unsaid),
    )
    also = (person.c.resolved, base.c.real)
    statement = counted(session, scope, base, "first_at", measures, person=person, also=also)
    found: dict[Place, Worked] = {}
    for row in await session.execute(statement):
        here = found.setdefault(place_of(row, scope), Worked())
        resolved, real, rows, known, seconds, designed, unsaid = row[1 + len(scope.by) :]
        if not resolved:
            here.counts.unresolved += int(rows)
            continue
        hours = Decimal(int(seconds or 0)) / _HOUR + (designed or 0)
        here.hours += hours
        here.real += hours if real else 0
        here.unsaid += int(unsaid)
        here.counts.of["people"] = here.counts["people"] + int(known)
    return found


def _real_hours(found: Worked, _scope: Scope) -> Given:
    sentence = (
        f"{found.unsaid} attempts are at activities that do not say whether they are real work; they count as not."
    )
    note = caveat("design_unknown", sentence, when=found.unsaid)
    notes = (*found.counts.beside, *((note,) if note else ()))
    return Given({"hours_real": found.real, "hours": found.hours}, found.counts["people"], caveats=notes)


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


def _is_real(table: FromClause, _scope: Scope) -> ColumnElement[bool]:
    return or_(table.c.scenario_based.is_(True), table.c.real_task.is_(True))


def _is_live(table: FromClause, _scope: Scope) -> ColumnElement[bool]:
    return table.c.status == ActivityStatus.LIVE


_PATHS = refuse(
    people="it tells for which of the roles there is a path, whoever has them",
    learning="a path is made of all activities together, wherever they are taken",
    time=STATE,
)
_REFUSED = refuse(
    people="it is about the contents, whoever learns them",
    time=STATE,
)

PROVIDERS = (
    Provider(
        metrics={"content_freshness": _freshness},
        kinds=frozenset({*KINDS, "activity"}),
        load=_contents,
        nothing=Contents,
        by=frozenset(LEARNING),
        refused=_REFUSED,
    ),
    Provider(
        metrics={"real_work_share{hours}": _real_hours},
        kinds=KINDS,
        load=_worked,
        nothing=Worked,
        by=frozenset({*PEOPLE, *LEARNING, *BUCKETS}),
        people=True,
        events=True,
        refused=SUBJECTS,
        behind={"real_work_share{hours}": listed(learned("hours"), learned("hours_real", only=_is_real))},
    ),
    Provider(
        metrics={"real_work_share{roles}": _paths},
        kinds=KINDS,
        load=_roles,
        nothing=Roles,
        refused=_PATHS,
        behind={
            "real_work_share{roles}": listed(audiences("roles_targeted"), learned("roles_with_path", only=_is_live))
        },
    ),
)
