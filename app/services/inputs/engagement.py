"""Who is active and who is about to be lost: inputs from events and attempts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from itertools import product
from typing import Any

from sqlalchemy import Subquery, and_, case, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.learning import Kind
from app.domain.metrics.answers import caveat
from app.domain.metrics.engagement import COMPONENTS
from app.models.activities import ActivityReference
from app.models.learning import LearningEventRow
from app.models.people import Identity
from app.models.unit import unit_of
from app.services.corrections import standing, voided
from app.services.inputs._cuts import SUBJECTS, refuse
from app.services.inputs._heads import headcount, who, worst
from app.services.inputs._provider import BUCKETS, LEARNING, PEOPLE, Given, Place, Provider, Scope
from app.services.inputs._pursuits import counted, place_of, pursuits, steps
from app.services.inputs._under import activities, bucketed, employed_on, local_day, people
from app.services.inputs.learners import Counts, nothing, read_counts
from app.services.inputs.surveys import KINDS
from app.services.versions import rows_at

_QUALIFYING = (
    Kind.STARTED,
    Kind.PROGRESSED,
    Kind.COMPLETED,
    Kind.PASSED,
    Kind.FAILED,
    Kind.RATED,
    Kind.ANSWERED,
    Kind.EXPERIENCED,
)
"""What people do themselves; being enrolled, withdrawn or certified is done to them."""

_DEFAULT_WINDOW = 30
_DEFAULT_SILENCE = 7


@dataclass(frozen=True, slots=True)
class Active:
    """Distinct resolved people who work here with a qualifying event in the window, and those who are not counted."""

    counts: Counts = field(default_factory=nothing)


def _seen(session: AsyncSession, scope: Scope, days: int | None) -> Subquery:
    """Return the qualifying events of the last `days` days under the subjects; None: all."""
    event: Any = LearningEventRow.__table__  # type: ignore[attr-defined]  # set by SQLModel on table classes
    identities, references = rows_at(session, Identity, scope.as_of), rows_at(session, ActivityReference, scope.as_of)
    under, at = activities(session, scope), scope.as_of or scope.now
    joined = (
        event.join(identities, identities.c.id == event.c.identity_id)
        .join(references, references.c.id == event.c.reference_id)
        .join(under, under.c.activity_id == references.c.activity_id)
    )
    names = ("subject", "pursuit", "initiative_id")
    return (
        select(
            *(under.c[name] for name in names),
            identities.c.person_id,
            under.c.activity_id,
            references.c.source_id,
            references.c.content_version,
            event.c.kind,
            event.c.occurred_at,
        )
        .select_from(joined)
        .where(
            event.c.tenant_id == unit_of(session).tenant.id,
            event.c.kind.in_(_QUALIFYING),
            standing(event.c, at, corrected=scope.corrected),
            ~voided(event.c, at, corrected=scope.corrected),
            *([] if days is None else [event.c.occurred_at > scope.now - timedelta(days=days)]),
            event.c.occurred_at <= scope.now,
            event.c.recorded_at <= at,
        )
        .subquery()
    )


async def _active(session: AsyncSession, scope: Scope) -> Mapping[Place, Active]:
    days = int(scope.parameters.get("window_days", _DEFAULT_WINDOW))
    base, person = _seen(session, scope, days), people(session, scope)
    here = employed_on(person, scope.today)

    def distinct(condition: Any) -> Any:
        return func.count(func.distinct(case((condition, base.c.person_id))))

    measures = (distinct(base.c.person_id.is_not(None)), distinct(here), distinct(~here))
    statement = counted(session, scope, base, "occurred_at", measures, person=person, also=(person.c.resolved,))
    found = await read_counts(session, scope, statement, ("all", "people", "departed"))
    return {place: Active(counts) for place, counts in found.items()}


def _count(found: Active, scope: Scope) -> Given:
    days = int(scope.parameters.get("window_days", _DEFAULT_WINDOW))
    zone = scope.zone.key
    active, basis = found.counts["people"], f"rolling_{days}_days_{zone}"
    return Given({"active": active}, active, basis, found.counts.beside, parameters={"zone": zone})


_STATES = tuple(product((True, False), (True, False), (False, True)))
"""What a learner may be found in, as (passed, began, silent), the best first but for the one at risk."""

_AT_RISK = (False, True, True)
_WORSE = (*(state for state in _STATES if state != _AT_RISK), _AT_RISK)


async def _enrolled(session: AsyncSession, scope: Scope) -> Mapping[Place, Counts]:
    """Count the people who work here by the worst of the pursuits that they did not withdraw from, and the others."""
    days = int(scope.parameters.get("inactive_days", _DEFAULT_SILENCE))
    base, person = pursuits(session, scope), people(session, scope)
    here = employed_on(person, scope.today)
    done = base.c.done_at.is_not(None)
    left_it = and_(base.c.withdrawn_at.is_not(None), ~done)
    found = (done, base.c.started_at.is_not(None), base.c.last_at <= scope.now - timedelta(days=days))
    meant = and_(here, ~left_it)
    states = [and_(*(flag if so else ~flag for flag, so in zip(found, state, strict=True))) for state in _WORSE]
    code = case((~meant, -1), *((state, n) for n, state in enumerate(states)), else_=-1)
    measures = (
        who(meant),
        who(~here),
        who(here, each=left_it),
        *(worst(code, n) for n in range(len(states))),
    )
    statement = headcount(session, scope, base, "first_at", measures, person=person, also=(person.c.resolved,))
    return await read_counts(session, scope, statement, ("people", "departed", "withdrawn", *map(str, _WORSE)))


def _risk(found: Counts, scope: Scope) -> Given:
    days = int(scope.parameters.get("inactive_days", _DEFAULT_SILENCE))
    learners = [
        {
            "passed": passed,
            "activities_beyond_home": int(began),
            "days_since_visit": days if silent else 0,
            "count": found[str((passed, began, silent))],
        }
        for passed, began, silent in _WORSE
        if found[str((passed, began, silent))]
    ]
    note = caveat("withdrawn", f"{found['withdrawn']} who withdrew are not counted.", when=found["withdrawn"])
    return Given({"learners": learners}, found["people"], caveats=(*found.beside, *((note,) if note else ())))


@dataclass(frozen=True, slots=True)
class Habits:
    """How many pursuits of people there are in one place, and what was done in them, added up."""

    people: int = 0
    pursuits: int = 0
    completed: int = 0
    sums: Mapping[str, int] = field(default_factory=dict)

    def amount(self, name: str) -> Decimal | None:
        """Return the mean of a component over pursuits; None where nothing can be known of it.

        There is no coming back before anything is completed, and platforms that tell of no contribution at all are
        taken to tell of none.
        """
        unknown = {"voluntary_returns": not self.completed, "contribution": not self.sums.get("contribution")}
        if not self.pursuits or unknown.get(name, False):
            return None
        return Decimal(self.sums.get(name, 0)) / self.pursuits


async def _habits(session: AsyncSession, scope: Scope) -> Mapping[Place, Habits]:
    """Add up over pursuits: active weeks, activities, days of coming back after completing, and contributions."""
    learned, done = pursuits(session, scope), _done(session, scope)
    names = [name for name, _, _ in COMPONENTS]
    keys = ("subject", "pursuit", "initiative_id", "person_id")
    same = and_(
        *(done.c[name] == learned.c[name] for name in ("subject", "pursuit", "person_id")),
    )
    base = (
        select(
            *(learned.c[name] for name in (*keys, "first_at", "done_at")),
            *(func.coalesce(done.c[name], 0).label(name) for name in names),
        )
        .select_from(learned.outerjoin(done, same))
        .subquery()
    )
    measures = (
        func.count(func.distinct(base.c.person_id)),
        func.count(),
        func.count(base.c.done_at),
        *(func.sum(base.c[name]) for name in names),
    )
    person = people(session, scope)
    known = [person.c.resolved.is_(True)]
    found: dict[Place, Habits] = {}
    statement = counted(session, scope, base, "first_at", measures, person=person, conditions=known)
    for row in await session.execute(statement):
        humans, rows, completed, *sums = (int(each or 0) for each in row[1 + len(scope.by) :])
        found[place_of(row, scope)] = Habits(humans, rows, completed, dict(zip(names, sums, strict=True)))
    return found


def _done(session: AsyncSession, scope: Scope) -> Subquery:
    """Return what each person did in each pursuit, by component."""
    events, stepped = _seen(session, scope, None), steps(session, scope)
    same = and_(
        stepped.c.subject == events.c.subject,
        stepped.c.person_id == events.c.person_id,
        stepped.c.activity_id == events.c.activity_id,
    )
    day = local_day(events.c.occurred_at, scope)
    later = day > local_day(stepped.c.completed_at, scope)
    keys = [events.c[name] for name in ("subject", "pursuit", "person_id")]
    return (
        select(
            *keys,
            func.count(func.distinct(bucketed(events.c.occurred_at, "week", scope))).label("active_weeks"),
            func.count(func.distinct(events.c.activity_id)).label("activities_touched"),
            func.count(func.distinct(case((later, day)))).label("voluntary_returns"),
            func.sum(case((events.c.kind.in_((Kind.RATED, Kind.ANSWERED)), 1), else_=0)).label("contribution"),
        )
        .select_from(events.outerjoin(stepped, same))
        .group_by(*keys)
        .subquery()
    )


def _index(found: Habits, scope: Scope) -> Given:
    declared = scope.settings.engagement
    parts = COMPONENTS
    if declared is not None:
        parts = tuple((each["component"], Decimal(each["cap"]), Decimal(each["weight"])) for each in declared)
    components = [
        {"name": name, "amount": found.amount(name), "cap": cap, "weight": weight} for name, cap, weight in parts
    ]
    return Given({"components": components}, found.people, "mean_of_person_and_pursuit")


_ALL_OF_IT = "the index is of all that a person did, wherever and in whichever version it was told"
_REFUSED = refuse(source=_ALL_OF_IT, content_version=_ALL_OF_IT)

PROVIDERS = (
    Provider(
        metrics={"engagement_index": _index},
        kinds=frozenset({*KINDS, "activity"}),
        load=_habits,
        nothing=Habits,
        by=frozenset({*PEOPLE, "activity", *BUCKETS}),
        people=True,
        refused=_REFUSED,
        events=True,
    ),
    Provider(
        metrics={"active_learners": _count},
        kinds=frozenset({*KINDS, "activity"}),
        load=_active,
        nothing=Active,
        by=frozenset({*PEOPLE, *LEARNING, *BUCKETS}),
        parameters=("window_days",),
        people=True,
        refused=SUBJECTS,
        events=True,
    ),
    Provider(
        metrics={"at_risk": _risk},
        kinds=frozenset({*KINDS, "activity"}),
        load=_enrolled,
        nothing=nothing,
        by=frozenset({*PEOPLE, *LEARNING, *BUCKETS}),
        parameters=("inactive_days",),
        people=True,
        refused=SUBJECTS,
        events=True,
    ),
)
