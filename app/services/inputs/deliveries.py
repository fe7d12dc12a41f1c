"""Whether initiatives reach learners by the day that was agreed: about the learning on offer, not about learners."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from sqlalchemy import Table, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.metrics.answers import caveat
from app.models.activities import Activity
from app.models.history import VERSIONS
from app.models.initiatives import Initiative, InitiativeStatus
from app.models.learning import Enrolment
from app.models.unit import unit_of
from app.services.inputs._cuts import refuse
from app.services.inputs._provider import BUCKETS, Given, Link, Place, Provider, Scope
from app.services.inputs._under import bucketed, initiatives, within
from app.services.inputs.surveys import KINDS
from app.services.versions import rows_at


@dataclass(slots=True)
class Due:
    """The initiatives of one place whose agreed first day is over, those that began by it, and moved days."""

    due: set[UUID] = field(default_factory=set)
    on_time: set[UUID] = field(default_factory=set)
    moved: set[UUID] = field(default_factory=set)


async def _load(session: AsyncSession, scope: Scope) -> Mapping[Place, Due]:
    table, under = rows_at(session, Initiative, scope.as_of), initiatives(session, scope)
    buckets = [bucketed(table.c.starts_on, each, scope) for each in scope.by]
    statement = (
        select(under.c.subject, *buckets, table.c.id, table.c.starts_on)
        .select_from(table.join(under, under.c.initiative_id == table.c.id))
        .where(
            table.c.starts_on < scope.today,
            table.c.status != InitiativeStatus.RETIRED,
            *within(table.c.starts_on, scope),
        )
    )
    rows = (await session.execute(statement)).all()
    began, moved = await _began(session, scope), await _moved(session, scope)
    found: dict[Place, Due] = {}
    for subject, *labels, initiative_id, agreed in rows:
        here = found.setdefault((subject, tuple(labels)), Due())
        here.due.add(initiative_id)
        if initiative_id in began and began[initiative_id] <= agreed:
            here.on_time.add(initiative_id)
        if initiative_id in moved:
            here.moved.add(initiative_id)
    return found


async def _began(session: AsyncSession, scope: Scope) -> dict[UUID, date]:
    """Return the day on which each initiative began: when it was started here, or somebody began an activity of it."""
    versions: Table = VERSIONS["initiative"]
    running = (
        select(versions.c.initiative_id, func.min(versions.c.recorded_at))
        .where(
            versions.c.tenant_id == unit_of(session).tenant.id,
            versions.c.status == InitiativeStatus.RUNNING,
            versions.c.recorded_at <= scope.now,
        )
        .group_by(versions.c.initiative_id)
    )
    enrolments, activities = rows_at(session, Enrolment, scope.as_of), rows_at(session, Activity, scope.as_of)
    learned = (
        select(activities.c.initiative_id, func.min(enrolments.c.started_at))
        .select_from(enrolments.join(activities, activities.c.id == enrolments.c.activity_id))
        .where(activities.c.initiative_id.is_not(None), enrolments.c.started_at <= scope.now)
        .group_by(activities.c.initiative_id)
    )
    found: dict[UUID, date] = {}
    for statement in (running, learned):
        for initiative_id, instant in await session.execute(statement):
            day = instant.astimezone(scope.zone).date()
            found[initiative_id] = min(day, found.get(initiative_id, day))
    return found


async def _moved(session: AsyncSession, scope: Scope) -> set[UUID]:
    """Return the initiatives whose agreed first day was another one before."""
    versions: Table = VERSIONS["initiative"]
    statement = (
        select(versions.c.initiative_id)
        .where(versions.c.tenant_id == unit_of(session).tenant.id, versions.c.recorded_at <= scope.now)
        .group_by(versions.c.initiative_id)
        .having(func.count(func.distinct(versions.c.starts_on)) > 1)
    )
    return set(await session.scalars(statement))


def _on_time(found: Due, _scope: Scope) -> Given:
    sentence = f"{len(found.moved)} agreed days were moved; the one that stands counts."
    note = caveat("agreed_day_moved", sentence, when=len(found.moved))
    listed = {"due": found.due, "delivered_on_time": found.on_time}
    return Given(
        {name: len(each) for name, each in listed.items()},
        basis="agreed_first_day",
        caveats=(note,) if note else (),
        links={name: [Link("initiative", one) for one in sorted(each)] for name, each in listed.items()},
    )


PROVIDERS = (
    Provider(
        metrics={"delivery_on_time_rate": _on_time},
        kinds=KINDS,
        load=_load,
        nothing=Due,
        by=frozenset(BUCKETS),
        refused=refuse(
            people="the agreed day is of an initiative as a whole, for everyone whom it is offered to",
            learning="the agreed day is of an initiative as a whole, with all its activities",
        ),
    ),
)
