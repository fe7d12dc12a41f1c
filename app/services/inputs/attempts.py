"""Attempts in time: how long completing takes, and how many attempts are repeats."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import case, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models.days import SecondsBetween
from app.models.learning import Enrolment
from app.services.inputs._cuts import SUBJECTS
from app.services.inputs._heads import headcount, who
from app.services.inputs._provider import BUCKETS, LEARNING, PEOPLE, Given, Place, Provider, Scope
from app.services.inputs._pursuits import counted, place_of, pursuits, total
from app.services.inputs._under import activities, people, told_along
from app.services.inputs.learners import Counts, nothing, read_counts
from app.services.versions import rows_at

_DAY = 86_400
_KINDS = frozenset({"tenant", "objective", "outcome", "initiative", "activity"})


@dataclass(slots=True)
class Spells:
    """How long pursuits have lasted in one place, in whole days, and how each ended."""

    durations: list[dict[str, Any]] = field(default_factory=list)
    counts: Counts = field(default_factory=nothing)


async def _spells(session: AsyncSession, scope: Scope) -> Mapping[Place, Spells]:
    """Return durations from the enrolment to the completion, the withdrawal, or now where neither has come."""
    base, person = pursuits(session, scope), people(session, scope)
    done, gone = base.c.done_at.is_not(None), base.c.withdrawn_at.is_not(None)
    how = case((done, "completed"), (gone, "withdrawn"), else_="open")
    end = case((done, base.c.done_at), (gone, base.c.withdrawn_at), else_=scope.now)
    seconds = SecondsBetween(base.c.first_at, end)
    also = (person.c.resolved, how.label("how"), ((seconds - seconds % _DAY) / _DAY).label("days"))
    found: dict[Place, Spells] = {}
    heads = headcount(
        session, scope, base, "first_at", (who(base.c.first_at.is_not(None)),), person=person, also=also[:1]
    )
    for place, counts in (await read_counts(session, scope, heads, ("people",))).items():
        found[place] = Spells(counts=counts)
    statement = counted(session, scope, base, "first_at", (func.count(),), person=person, also=also)
    for row in await session.execute(statement):
        resolved, outcome, lasted, rows = row[1 + len(scope.by) :]
        if resolved:
            found[place_of(row, scope)].durations.append({"days": int(lasted), "outcome": outcome, "count": int(rows)})
    return found


def _time_to_complete(found: Spells, _scope: Scope) -> Given:
    ordered = sorted(found.durations, key=lambda each: (each["days"], each["outcome"]))
    return Given({"durations": ordered}, found.counts["people"], caveats=found.counts.beside)


_REPEATED = ("people", "attempts", "after_completion")


async def _attempts(session: AsyncSession, scope: Scope) -> Mapping[Place, Counts]:
    """Count attempts, and those of people who had completed the same activity in an earlier one."""
    under = activities(session, scope)
    enrolments = rows_at(session, Enrolment, scope.as_of)
    joined = enrolments.join(under, under.c.activity_id == enrolments.c.activity_id)
    tables, told_as = told_along(session, scope, joined, enrolments)
    completed = case((enrolments.c.completed_at <= scope.now, 1), else_=0)
    earlier = func.max(completed).over(
        partition_by=(under.c.subject, enrolments.c.person_id, enrolments.c.activity_id, *told_as),
        order_by=enrolments.c.ordinal,
        rows=(None, -1),
    )
    base = (
        select(
            under.c.subject,
            under.c.pursuit,
            under.c.initiative_id,
            enrolments.c.person_id,
            enrolments.c.first_event_at.label("first_at"),
            earlier.label("earlier"),
            *told_as,
        )
        .select_from(tables)
        .where(enrolments.c.first_event_at <= scope.now)
        .subquery()
    )
    person = people(session, scope)
    measures = (func.count(func.distinct(base.c.person_id)), func.count(), total(base.c.earlier == 1))
    also = (person.c.resolved,)
    statement = counted(session, scope, base, "first_at", measures, person=person, also=also)
    return await read_counts(session, scope, statement, _REPEATED)


def _recompletion(found: Counts, _scope: Scope) -> Given:
    inputs = {"attempts": found["attempts"], "after_completion": found["after_completion"]}
    return Given(inputs, found["people"], caveats=found.beside)


PROVIDERS = (
    Provider(
        metrics={"time_to_complete": _time_to_complete},
        kinds=_KINDS,
        load=_spells,
        nothing=Spells,
        by=frozenset({*PEOPLE, *LEARNING, *BUCKETS}),
        people=True,
        refused=SUBJECTS,
        events=True,
    ),
    Provider(
        metrics={"recompletion_share": _recompletion},
        kinds=_KINDS,
        load=_attempts,
        nothing=nothing,
        by=frozenset({*PEOPLE, *LEARNING, *BUCKETS}),
        people=True,
        refused=SUBJECTS,
        events=True,
    ),
)
