"""What people do with it on the job, and what managers did for it: inputs from observations, deeds and answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Date,
    Select,
    Subquery,
    and_,
    case,
    func,
    literal,
    literal_column,
    null,
    or_,
    select,
    true,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.metrics.answers import caveat
from app.models.behaviours import Behaviour, Deed, Observation, Observer, SupportDeed
from app.models.surveys import Respondent
from app.services.inputs._cuts import refuse
from app.services.inputs._heads import headcount, who
from app.services.inputs._listed import Of, Rows, audiences, listed
from app.services.inputs._provider import BUCKETS, PEOPLE, Given, Place, Provider, Scope
from app.services.inputs._pursuits import counted, members, place_of
from app.services.inputs._under import employed_on, initiatives, people
from app.services.inputs.surveys import KINDS, answers, latest
from app.services.versions import rows_at

FOLLOW_UP_DAYS = 60
"""Days after the offer from which people are due for follow-up (metrics.md section 5: level 3 at 60 to 90 days)."""

_KEYS = ("subject", "pursuit", "initiative_id", "person_id")


@dataclass(frozen=True, slots=True)
class Applied:
    """Counts of people in one place."""

    due: int = 0
    due_applied: int = 0
    observed: int = 0
    observed_applied: int = 0
    only_by_themselves: int = 0


def _seen(session: AsyncSession, scope: Scope) -> Subquery:
    """Return who was observed by others, who at criterion, and who says so of themselves, by person and pursuit."""
    behaviours, observations = rows_at(session, Behaviour, scope.as_of), rows_at(session, Observation, scope.as_of)
    under = initiatives(session, scope)
    offered = members(session, scope)
    answers = latest(session, scope, Respondent.LEARNER)
    own = observations.c.observer == Observer.SELF_REPORT
    shown = observations.c.at_criterion.is_(True)
    zero, no_day = literal(0), literal(None, Date)
    rows = union_all(
        select(
            *(under.c[name] for name in _KEYS[:3]),
            observations.c.person_id,
            no_day.label("offered_on"),
            null().label("wave"),
            case((own, 0), else_=1).label("observed"),
            case((and_(shown, ~own), 1), else_=0).label("applied"),
            case((and_(shown, own), 1), else_=0).label("said"),
        )
        .select_from(
            observations.join(behaviours, behaviours.c.id == observations.c.behaviour_id).join(
                under, under.c.initiative_id == behaviours.c.initiative_id
            )
        )
        .where(observations.c.observed_on <= scope.today),
        select(
            *(answers.c[name] for name in _KEYS),
            no_day,
            null(),
            zero,
            zero,
            case((answers.c.applied.is_(True), 1), else_=0),
        ).where(answers.c.person_id.is_not(None)),
        select(*(offered.c[name] for name in _KEYS), offered.c.offered_on, offered.c.wave, zero, zero, zero),
    ).subquery()
    flags = ("offered_on", "wave", "observed", "applied", "said")
    return (
        select(*(rows.c[name] for name in _KEYS), *(func.max(rows.c[name]).label(name) for name in flags))
        .group_by(*(rows.c[name] for name in _KEYS))
        .subquery()
    )


async def _applied(session: AsyncSession, scope: Scope) -> Mapping[Place, Applied]:
    base, person = _seen(session, scope), people(session, scope)
    due = and_(base.c.offered_on <= scope.today - timedelta(days=FOLLOW_UP_DAYS), employed_on(person, scope.today))
    seen, shown = base.c.observed == 1, base.c.applied == 1
    measures = (
        who(due),
        who(and_(due, shown)),
        who(seen),
        who(and_(seen, shown)),
        who(or_(base.c.said == 1, shown), each=~shown),
    )
    statement = headcount(session, scope, base, "offered_on", measures, person=person)
    return {
        place_of(row, scope): Applied(*(int(each) for each in row[1 + len(scope.by) :]))
        for row in await session.execute(statement)
    }


def _said(found: Applied) -> tuple[Any, ...]:
    sentence = f"{found.only_by_themselves} people say so of themselves and nobody saw it; they are not counted."
    note = caveat("self_reported", sentence, when=found.only_by_themselves)
    return (note,) if note else ()


def _of_all(found: Applied, _scope: Scope) -> Given:
    return Given({"applied": found.due_applied, "due": found.due}, found.due, caveats=_said(found))


def _of_respondents(found: Applied, _scope: Scope) -> Given:
    inputs = {"applied": found.observed_applied, "respondents": found.observed}
    return Given(inputs, found.observed, "observed", caveats=_said(found))


def _observed(*names: str, followed: bool) -> Of:
    """Return what others saw people do: all of it for the first name, what was at criterion for the last.

    `followed`: of those due for follow-up only.
    """

    def of(session: AsyncSession, scope: Scope) -> Rows:
        behaviours, seen = rows_at(session, Behaviour, scope.as_of), rows_at(session, Observation, scope.as_of)
        links, offered = initiatives(session, scope), members(session, scope)
        tables = seen.join(behaviours, behaviours.c.id == seen.c.behaviour_id).join(
            links, links.c.initiative_id == behaviours.c.initiative_id
        )
        due = select(offered.c.person_id).where(offered.c.offered_on <= scope.today - timedelta(days=FOLLOW_UP_DAYS))
        mine = seen.c.person_id.in_(due) if followed else true()
        others = and_(seen.c.observer != Observer.SELF_REPORT, seen.c.observed_on <= scope.today, mine)
        counting = {names[0]: others} | {names[-1]: and_(others, seen.c.at_criterion.is_(True))}
        group = seen.c.behaviour_id
        return Rows("observation", seen, tables, links.c.subject, None, counting, who=seen.c.person_id, group=group)

    return of


@dataclass(slots=True)
class Supported:
    """Learners of one place, alike in what their managers did."""

    learners: list[dict[str, Any]] = field(default_factory=list)
    people: int = 0


_DEEDS = tuple(each.value for each in Deed)


def _helped(session: AsyncSession, scope: Scope) -> Subquery:
    """Return per learner and pursuit what the manager did: by record first, by survey where there is no record."""
    offered = members(session, scope)
    recorded = _newest_deeds(session, scope)
    nothing = [null() for _ in _DEEDS]
    parts = [
        select(
            *(recorded.c[name] for name in _KEYS),
            recorded.c.noted_on.label("noted_on"),
            null().label("wave"),
            *(case((recorded.c.deed == name, recorded.c.done)).label(f"{name}_noted") for name in _DEEDS),
            *(literal(None, type_=recorded.c.done.type).label(f"{name}_told") for name in _DEEDS),
        ),
        select(*(offered.c[name] for name in _KEYS), offered.c.offered_on, offered.c.wave, *nothing, *nothing),
    ]
    for respondent in (Respondent.MANAGER, Respondent.LEARNER):
        told = latest(session, scope, respondent)
        some = or_(*(told.c[name].is_not(None) for name in _DEEDS))
        answers = [case((told.c[name].is_(True), 1), (told.c[name].is_(False), 0)) for name in _DEEDS]
        parts.append(
            select(*(told.c[name] for name in _KEYS), told.c.answered_on, null(), *nothing, *answers).where(
                some, told.c.person_id.is_not(None)
            )
        )
    rows = union_all(*parts).subquery()
    names = [f"{name}_{how}" for how in ("noted", "told") for name in _DEEDS]
    best = select(
        *(rows.c[name] for name in _KEYS),
        func.min(rows.c.noted_on).label("noted_on"),
        func.max(rows.c.wave).label("wave"),
        *(func.max(rows.c[name]).label(name) for name in names),
    ).group_by(*(rows.c[name] for name in _KEYS))
    learner = best.subquery()
    surveyed = or_(
        *(and_(learner.c[f"{name}_noted"].is_(None), learner.c[f"{name}_told"].is_not(None)) for name in _DEEDS)
    )
    return select(
        *(learner.c[name] for name in (*_KEYS, "noted_on", "wave")),
        *(func.coalesce(learner.c[f"{name}_noted"], learner.c[f"{name}_told"]).label(name) for name in _DEEDS),
        case((surveyed, "survey"), else_="record").label("known_by"),
    ).subquery()


def _newest_deeds(session: AsyncSession, scope: Scope) -> Subquery:
    """Return for each learner, pursuit and deed whether it was done, as it was noted last."""
    deeds, under = rows_at(session, SupportDeed, scope.as_of), initiatives(session, scope)
    newest_first = (deeds.c.noted_on.desc(), deeds.c.recorded_at.desc(), deeds.c.id.desc())
    partition = (under.c.subject, deeds.c.initiative_id, deeds.c.person_id, deeds.c.deed)
    rank = func.row_number().over(partition_by=partition, order_by=newest_first).label("rank")
    ranked = (
        select(
            *(under.c[name] for name in _KEYS[:3]),
            deeds.c.person_id,
            deeds.c.noted_on,
            deeds.c.deed,
            case((deeds.c.done.is_(True), 1), else_=0).label("done"),
            deeds.c.id,
            rank,
        )
        .select_from(deeds.join(under, under.c.initiative_id == deeds.c.initiative_id))
        .where(deeds.c.noted_on <= scope.today)
        .subquery()
    )
    return select(ranked).where(ranked.c.rank == 1).subquery()


async def _supported(session: AsyncSession, scope: Scope) -> Mapping[Place, Supported]:
    found: dict[Place, Supported] = {}
    for row in await session.execute(_learners(session, scope)):
        *deeds, surveyed, count = row[1 + len(scope.by) :]
        known = {name: None if done is None else bool(done) for name, done in zip(_DEEDS, deeds, strict=True)}
        here = found.setdefault(place_of(row, scope), Supported())
        here.learners.append(known | {"source": "survey" if surveyed else "record", "count": count})
        here.people += count if None not in deeds else 0
    return found


def _learners(session: AsyncSession, scope: Scope) -> Select[Any]:
    """Count learners by place and what was done for them: of several pursuits the least, in which none is unknown."""
    base = _helped(session, scope)
    deeds = [
        case((func.min(base.c[name]) == 0, 0), (func.count(base.c[name]) == func.count(), 1)).label(name)
        for name in _DEEDS
    ]
    surveyed = func.max(case((base.c.known_by == "survey", 1), else_=0)).label("surveyed")
    measures = (*deeds, surveyed)
    inner = counted(session, scope, base, "noted_on", measures, also=(base.c.person_id,)).subquery()
    keys = [*list(inner.c)[: 1 + len(scope.by)], *(inner.c[name] for name in (*_DEEDS, "surveyed"))]
    return select(*keys, func.count()).group_by(*(literal_column(str(place)) for place in range(1, len(keys) + 1)))


def _support(found: Supported, _scope: Scope) -> Given:
    return Given({"learners": found.learners}, found.people)


def _deeds(session: AsyncSession, scope: Scope) -> Rows:
    table = _newest_deeds(session, scope)
    return Rows("support_deed", table, table, table.c.subject, None, {"learners": true()}, who=table.c.person_id)


def _told_deeds(base: Subquery) -> dict[str, ColumnElement[bool]]:
    return {"learners": and_(base.c.person_id.is_not(None), or_(*(base.c[name].is_not(None) for name in _DEEDS)))}


_REFUSED = refuse(learning="what people do on the job comes of all that they learned, not of a single activity")

PROVIDERS = (
    Provider(
        metrics={"application_rate{all}": _of_all, "application_rate{respondents}": _of_respondents},
        kinds=KINDS,
        load=_applied,
        nothing=Applied,
        by=frozenset({*PEOPLE, *BUCKETS}),
        people=True,
        behind={
            "application_rate{all}": listed(_observed("applied", followed=True), audiences("due")),
            "application_rate{respondents}": listed(_observed("respondents", "applied", followed=False)),
        },
        refused=_REFUSED,
    ),
    Provider(
        metrics={"manager_support_index": _support},
        kinds=KINDS,
        load=_supported,
        nothing=Supported,
        by=frozenset({*PEOPLE, *BUCKETS}),
        people=True,
        behind={
            "manager_support_index": listed(
                _deeds, answers(_told_deeds, Respondent.MANAGER), answers(_told_deeds, Respondent.LEARNER)
            )
        },
        refused=_REFUSED,
    ),
)
