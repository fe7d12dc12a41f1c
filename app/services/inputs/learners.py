"""Participation, completion, due dates and dropping out: inputs counted from audiences and enrolments."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Select, Subquery, and_, or_
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.figure import Caveat
from app.domain.metrics.answers import caveat
from app.models.days import SecondsBetween
from app.services.inputs._cuts import OFFERED, SUBJECTS
from app.services.inputs._cycles import duties, invited
from app.services.inputs._heads import headcount, rows, who
from app.services.inputs._listed import audiences, listed
from app.services.inputs._provider import BUCKETS, LEARNING, PEOPLE, Given, Place, Provider, Scope
from app.services.inputs._pursuits import engaged, place_of, pursuits
from app.services.inputs._under import employed_on, local_day, people

_DAY = 86_400
_KINDS = frozenset({"tenant", "objective", "outcome", "initiative", "activity"})


@dataclass(slots=True)
class Counts:
    """Named counts of one place: of resolved persons, and beside them of people known only by a source's name."""

    of: dict[str, int]
    unresolved: int = 0

    def __getitem__(self, name: str) -> int:
        return self.of.get(name, 0)

    @property
    def beside(self) -> tuple[Caveat, ...]:
        """What is said of those who are not counted."""
        names = f"{self.unresolved} learners are known only by the name that a source has for them; they are not in it."
        gone = f"{self['departed']} people have left and are not counted."
        notes = (
            caveat("unresolved_people", names, when=self.unresolved),
            caveat("departed", gone, when=self["departed"]),
        )
        return tuple(note for note in notes if note)


def nothing() -> Counts:
    """Return the counts of a place where there is nobody."""
    return Counts({})


async def read_counts(
    session: AsyncSession, scope: Scope, statement: Any, names: tuple[str, ...]
) -> dict[Place, Counts]:
    """Run a statement of `counted` that is split further by whether persons are resolved (its first other column)."""
    return _counts(await session.execute(statement), scope, names)


def _counts(found_rows: Iterable[Any], scope: Scope, names: tuple[str, ...]) -> dict[Place, Counts]:
    found: dict[Place, Counts] = {}
    for row in found_rows:
        here = found.setdefault(place_of(row, scope), nothing())
        resolved, *values = row[1 + len(scope.by) :]
        if resolved:
            here.of = {name: int(value) for name, value in zip(names, values, strict=True)}
        else:
            here.unresolved = int(values[0])
    return found


_PURSUED = (
    *("people", "completed", "all_withdrawn", "started", "withdrawn", "inactive", "mature", "within"),
    "completions",
)


async def pursued(session: AsyncSession, scope: Scope) -> Mapping[Place, Counts]:
    """Count learners by how far they got in all that they pursue, by place; `completions` counts pursuits."""
    base, person = pursuits(session, scope), people(session, scope)
    done, began = base.c.done_at.is_not(None), base.c.started_at.is_not(None)
    silent_since = scope.now - timedelta(days=scope.parameters.get("inactive_days", 30))
    horizon = scope.parameters.get("horizon_days", 90)
    old_enough = base.c.first_at <= scope.now - timedelta(days=horizon)
    quick = SecondsBetween(base.c.first_at, base.c.done_at) <= horizon * _DAY
    gone = base.c.withdrawn_at.is_not(None)
    never = and_(base.c.all_withdrawn == 1, ~began)
    given_up = and_(began, ~done, or_(gone, base.c.last_at < silent_since))
    measures = (
        who(base.c.first_at.is_not(None)),
        who(~never, each=done),
        who(base.c.first_at.is_not(None), each=never),
        who(began),
        who(and_(given_up, gone)),
        who(given_up, each=~gone),
        who(old_enough),
        who(old_enough, each=and_(done, quick)),
        rows(done),
    )
    also = (person.c.resolved,)
    return await read_counts(
        session, scope, headcount(session, scope, base, "first_at", measures, person=person, also=also), _PURSUED
    )


def _enrolled(found: Counts, _scope: Scope) -> Given:
    inputs = {
        "enrolled": found["people"],
        "completed": found["completed"],
        "withdrawn_before_start": found["all_withdrawn"],
    }
    return Given(inputs, found["people"], caveats=found.beside)


def _cohort(found: Counts, _scope: Scope) -> Given:
    young = found["people"] - found["mature"]
    inputs = {"mature": found["mature"], "completed_within": found["within"], "too_young": young}
    return Given(inputs, found["mature"], caveats=found.beside)


def _dropped(found: Counts, _scope: Scope) -> Given:
    inputs = {"started": found["started"], "withdrawn": found["withdrawn"], "inactive": found["inactive"]}
    return Given(inputs, found["started"], caveats=found.beside)


_MEANT = ("strangers", "departed", "people", "started", "completed", "outside", "again")


async def _meant(session: AsyncSession, scope: Scope) -> Mapping[Place, Counts]:
    """Count whom learning was offered to; one offer after another only where somebody was offered it again."""
    if scope.since is None and scope.until is None:
        once = (await session.execute(_of_offers(session, scope, engaged(session, scope), repeated=False))).all()
        if not any(row[-1] for row in once):
            return _counts(once, scope, _MEANT)
    return await read_counts(session, scope, _of_offers(session, scope, invited(session, scope), repeated=True), _MEANT)


def _of_offers(session: AsyncSession, scope: Scope, base: Subquery, *, repeated: bool) -> Select[Any]:
    """Return the statement that counts members and learners; its last column, those with a later offer of the same."""
    person = people(session, scope)
    member = base.c.member == 1
    employed = employed_on(person, _snapshot(scope, base))
    here = and_(member, employed)
    began, done = base.c.started_at.is_not(None), base.c.done_at.is_not(None)
    measures = (
        who(or_(member, began)),
        who(member, each=~employed),
        who(here),
        who(and_(here, began)),
        who(here, each=done),
        who(or_(member, began), each=~member),
        rows(base.c.last_offered_on > base.c.offered_on),
    )
    also = (person.c.resolved,)
    return headcount(session, scope, base, "offered_on", measures, person=person, also=also, repeated=repeated)


def _snapshot(scope: Scope, base: Any) -> Any:
    """Return the day on which a member must have worked here to count: of the offer, or the newest of the time."""
    if scope.audience == "at_start":
        return base.c.offered_on
    return min(scope.until or scope.today, scope.today)


def _basis(scope: Scope) -> str:
    return f"audience_{scope.audience}"


def _participation(found: Counts, scope: Scope) -> Given:
    inputs = {
        "audience": found["people"],
        "started_in_audience": found["started"],
        "started_outside_audience": found["outside"],
    }
    return Given(inputs, found["people"], _basis(scope), found.beside)


def _completion(found: Counts, scope: Scope) -> Given:
    inputs = {"audience": found["people"], "completed_in_audience": found["completed"]}
    return Given(inputs, found["people"], _basis(scope), found.beside)


_DUE = ("strangers", "departed", "due", "on_time", "overdue_open", "no_due_date")


async def _due(session: AsyncSession, scope: Scope) -> Mapping[Place, Counts]:
    """Count those with due days that are over; a day ends with it, and what an audience says comes before the LMS.

    Who is in the audience and never enrolled is due all the same. Who has several due days was on time if on each.
    """
    base, person = duties(session, scope), people(session, scope)
    over = base.c.due_day < scope.today
    here = employed_on(person, scope.today)
    on_time = and_(base.c.done_at.is_not(None), local_day(base.c.done_at, scope) <= base.c.due_day)
    measures = (
        who(over),
        who(and_(over, ~here)),
        who(and_(over, here)),
        who(and_(over, here), each=on_time),
        who(and_(over, here, base.c.done_at.is_(None))),
        who(here, each=base.c.due_day.is_(None)),
    )
    also = (person.c.resolved,)
    statement = headcount(session, scope, base, "due_day", measures, person=person, also=also, repeated=True)
    return await read_counts(session, scope, statement, _DUE)


def _on_time(found: Counts, _scope: Scope) -> Given:
    inputs = {"due": found["due"], "completed_on_time": found["on_time"], "no_due_date": found["no_due_date"]}
    return Given(inputs, found["due"], caveats=found.beside)


def _overdue(found: Counts, _scope: Scope) -> Given:
    return Given({"due": found["due"], "overdue_open": found["overdue_open"]}, found["due"], caveats=found.beside)


PROVIDERS = (
    Provider(
        metrics={"participation_rate": _participation, "completion_rate{audience}": _completion},
        kinds=_KINDS,
        load=_meant,
        nothing=nothing,
        by=frozenset({*PEOPLE, "activity", *BUCKETS}),
        people=True,
        refused=OFFERED,
        events=True,
        behind=dict.fromkeys(("participation_rate", "completion_rate{audience}"), listed(audiences("audience"))),
    ),
    Provider(
        metrics={
            "completion_rate{enrolled}": _enrolled,
            "completion_rate{cohort}": _cohort,
            "drop_out_rate": _dropped,
        },
        kinds=_KINDS,
        load=pursued,
        nothing=nothing,
        by=frozenset({*PEOPLE, *LEARNING, *BUCKETS}),
        parameters=("horizon_days", "inactive_days"),
        people=True,
        refused=SUBJECTS,
        events=True,
    ),
    Provider(
        metrics={"learner_on_time_rate": _on_time, "overdue_rate": _overdue},
        kinds=_KINDS,
        load=_due,
        nothing=nothing,
        by=frozenset({*PEOPLE, "activity", *BUCKETS}),
        people=True,
        refused=OFFERED,
        events=True,
        behind=dict.fromkeys(("learner_on_time_rate", "overdue_rate"), listed(audiences("due"))),
    ),
)
