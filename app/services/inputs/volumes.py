"""How much is learned, by how many, and out of what: participants, hours, reach of the organisation, use of courses."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, FromClause, and_, case, func, literal, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.figure import Period
from app.domain.metrics.answers import caveat
from app.models.activities import Activity, ActivityStatus
from app.models.days import DaysBetween
from app.models.people import PersonStatus
from app.services.inputs._cuts import SUBJECTS, refuse
from app.services.inputs._listed import learned, listed
from app.services.inputs._provider import BUCKETS, LEARNING, PEOPLE, Given, Place, Provider, Scope
from app.services.inputs._pursuits import counted, steps, total
from app.services.inputs._under import people, subtree, within
from app.services.inputs.learners import Counts, nothing, read_counts
from app.services.versions import rows_at

_SECONDS_AN_HOUR = 3600
_YEAR = timedelta(days=365)
_NAMES = ("unique", "total", "timed", "seconds")


async def used(session: AsyncSession, scope: Scope) -> Mapping[Place, Counts]:
    """Count who took part in what, and how long the platforms say it took; by place."""
    base, person = steps(session, scope), people(session, scope)
    began = base.c.started_at.is_not(None)
    measures = (
        func.count(func.distinct(case((began, base.c.person_id)))),
        total(began),
        func.count(base.c.seconds),
        func.coalesce(func.sum(base.c.seconds), 0),
    )
    statement = counted(session, scope, base, "started_at", measures, person=person, also=(person.c.resolved,))
    return await read_counts(session, scope, statement, _NAMES)


def _participants(found: Counts, _scope: Scope) -> Given:
    return Given({"unique": found["unique"], "total": found["total"]}, found["unique"], caveats=found.beside)


def _hours(found: Counts, _scope: Scope) -> Given:
    """Return the hours that platforms reported; what they told no time of is left out."""
    durations = [{"hours": hours_of(found), "source": "reported"}] if found["timed"] else []
    return Given({"durations": durations}, found["unique"], caveats=found.beside)


def hours_of(found: Counts) -> Decimal:
    """Return the reported hours of a place."""
    return Decimal(found["seconds"]) / _SECONDS_AN_HOUR


@dataclass(frozen=True, slots=True)
class Offer:
    """The live activities: how many, how many of them were begun, and the hours that they take by design.

    `hours` is None where none says how long it takes; `unsaid` counts those that do not.
    """

    offered: int = 0
    begun: int = 0
    hours: Decimal | None = None
    unsaid: int = 0


@dataclass(slots=True)
class Organisation:
    """The learning of one place of the organisation, its employees in person-time, and the period of both."""

    period: Period
    used: Counts = field(default_factory=nothing)
    person_days: int = 0
    offer: Offer = Offer()

    @property
    def employees(self) -> Decimal:
        """The average number of employees: days employed over the days of the period."""
        start, end = self.period.start or date.min, self.period.end or date.max
        return Decimal(self.person_days) / max(1, (end - start).days)

    def given(self, values: Mapping[str, Any], n_people: int | None) -> Given:
        """Return inputs over the period."""
        return Given(values, n_people, "person_time", self.used.beside, self.period)


def _over(scope: Scope) -> Scope:
    """Return the scope with a period: the one asked for, else the year up to today."""
    until = scope.until or scope.today + timedelta(days=1)
    return replace(scope, since=scope.since or until - _YEAR, until=until)


async def _organisation(session: AsyncSession, scope: Scope) -> Mapping[Place, Organisation]:
    over = _over(scope)
    period = Period(over.since, over.until, over.zone.key)
    found: dict[Place, Organisation] = {}
    for place, counts in (await used(session, over)).items():
        found.setdefault(place, Organisation(period)).used = counts
    for place, days in (await _person_days(session, over)).items():
        found.setdefault(place, Organisation(period)).person_days = days
    offer = await _catalogue(session, over)
    for here in found.values():
        here.offer = offer
    return found


async def _person_days(session: AsyncSession, scope: Scope) -> dict[Place, int]:
    """Return the days on which people were employed in the period, by place; who left on no known day has none."""
    person = people(session, scope)
    first = case((person.c.joined_on > scope.since, person.c.joined_on), else_=literal(scope.since))
    last = case((person.c.left_on < scope.until, person.c.left_on), else_=literal(scope.until))
    days = DaysBetween(first, last)
    dated = (person.c.status == PersonStatus.ACTIVE) | person.c.left_on.is_not(None)
    employed = and_(person.c.resolved.is_(True), dated)
    tables: FromClause = person
    keys: list[ColumnElement[Any]] = []
    for dimension in scope.by:
        if dimension == "org_unit":
            tree = subtree(session, scope)
            tables = tables.join(tree, tree.c.unit == person.c.org_unit_id)
            keys.append(tree.c.root)
        else:
            keys.append(person.c[dimension])
    sum_of = func.coalesce(func.sum(case((days > 0, days), else_=0)), 0)
    statement = select(*keys, sum_of).select_from(tables).where(employed)
    rows = await session.execute(statement.group_by(*keys) if keys else statement)
    return {(scope.tenant_id, tuple(row[:-1])): int(row[-1]) for row in rows}


async def _catalogue(session: AsyncSession, scope: Scope) -> Offer:
    """Return what is on offer, and how much of it was begun in the period."""
    table = rows_at(session, Activity, scope.as_of)
    learned = steps(session, replace(scope, by=()))
    begun = select(learned.c.activity_id).where(*within(learned.c.started_at, scope))
    used = func.sum(case((table.c.id.in_(begun), 1), else_=0))
    measures = (func.coalesce(used, 0), func.sum(table.c.hours).label("hours"), total(table.c.hours.is_(None)))
    statement = select(func.count(), *measures).where(table.c.status == ActivityStatus.LIVE)
    offered, begun, hours, unsaid = (await session.execute(statement)).one()
    return Offer(int(offered), int(begun), hours, int(unsaid))


def _org_reach(found: Organisation, _scope: Scope) -> Given:
    return found.given({"started": found.used["unique"], "employees": found.employees}, found.used["unique"])


def _hours_per_employee(found: Organisation, _scope: Scope) -> Given:
    return found.given({"hours": hours_of(found.used), "employees": found.employees}, found.used["unique"])


def _of_people(found: Organisation, _scope: Scope) -> Given:
    return found.given({"participants": found.used["unique"], "employees": found.employees}, found.used["unique"])


def _of_catalogue(found: Organisation, _scope: Scope) -> Given:
    values = {"courses_used": found.offer.begun, "courses_offered": found.offer.offered}
    return Given(values, basis="live_activities", period=found.period)


def _reuse(found: Organisation, _scope: Scope) -> Given:
    """Return the hours used beside those on offer: the hours that live activities take by design."""
    sentence = f"{found.offer.unsaid} live activities do not say how many hours they take; they are not in it."
    note = caveat("hours_unknown", sentence, when=found.offer.unsaid)
    values = {"hours_used": hours_of(found.used), "hours_available": found.offer.hours}
    given = found.given(values, found.used["unique"])
    return replace(given, caveats=(*given.caveats, note)) if note else given


def _is_live(table: FromClause, _scope: Scope) -> ColumnElement[bool]:
    return table.c.status == ActivityStatus.LIVE


def _has_hours(table: FromClause, scope: Scope) -> ColumnElement[bool]:
    return and_(_is_live(table, scope), table.c.hours.is_not(None))


_LENGTH = "without a time it is of the last year, of which buckets are no parts: ask for each month with from and to"
_AS_IT_STANDS = "which activities are on offer is known as it stands, not over each time: ask with as_of, from and to"
_OF_EMPLOYEES = refuse(
    wave="employees whom nothing is offered to have no wave",
    learning="its denominator are all employees, whatever they learn: ask for participants along it",
    time=_LENGTH,
)
_OF_CATALOGUE = refuse(
    people="the catalogue is on offer to everyone: ask for participants or learning_hours of the group",
    learning="it tells the share of the catalogue that is used: ask for participants or learning_hours along it",
    time=_AS_IT_STANDS,
)

PROVIDERS = (
    Provider(
        metrics={"participants": _participants, "learning_hours": _hours},
        kinds=frozenset({"tenant", "objective", "outcome", "initiative", "activity"}),
        load=used,
        nothing=nothing,
        by=frozenset({*PEOPLE, *LEARNING, *BUCKETS}),
        people=True,
        refused=SUBJECTS,
        events=True,
    ),
    Provider(
        metrics={
            "org_reach": _org_reach,
            "hours_per_employee": _hours_per_employee,
            "utilisation{people}": _of_people,
        },
        kinds=frozenset({"tenant"}),
        load=_organisation,
        by=frozenset({"org_unit", "role"}),
        people=True,
        refused=_OF_EMPLOYEES,
        events=True,
    ),
    Provider(
        metrics={"utilisation{catalogue}": _of_catalogue, "reuse_ratio": _reuse},
        kinds=frozenset({"tenant"}),
        load=_organisation,
        events=True,
        refused=_OF_CATALOGUE,
        behind={
            "utilisation{catalogue}": listed(learned("courses_offered", only=_is_live)),
            "reuse_ratio": listed(learned("hours_available", only=_has_hours)),
        },
    ),
)
