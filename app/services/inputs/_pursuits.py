"""Who was meant to learn what, and how far each got: one row per person and pursuit, as relations to count from.

A pursuit is an initiative with all its required activities, or a single activity where that is asked for. It is done
when every required activity is completed, on the day of the last first completion; what was done since it was offered
or assigned again is in `_cycles`.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
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
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncSession

from app.models.base import Instant
from app.models.learning import Enrolment
from app.models.people import Audience, AudienceMember
from app.services.inputs._provider import BUCKETS, Place, Scope
from app.services.inputs._under import activities, bucketed, initiatives, people, pursued, subtree, told, within
from app.services.versions import rows_at

_TOLD = {"source": "source_id", "content_version": "content_version"}
_ONE_PURSUIT = frozenset({"initiative", "activity"})


_KEYS = ("subject", "pursuit", "initiative_id")


def _keys(scope: Scope, relation: FromClause) -> tuple[list[ColumnElement[Any]], list[ColumnElement[Any]]]:
    """Return the columns `_KEYS` of a relation, and those of them to group by: of an initiative, all three are one."""
    if scope.kind == "initiative" and pursued(scope) == "initiative":
        return [relation.c.subject.label(name) for name in _KEYS], [relation.c.subject]
    columns: list[ColumnElement[Any]] = [relation.c[name] for name in _KEYS]
    return columns, columns


def pursuits(session: AsyncSession, scope: Scope) -> Subquery:
    """Return what people did in each pursuit: (subject, pursuit, initiative_id, person_id) with its milestones."""
    done_steps, told_as = steps(session, scope), _told_as(scope)
    shown, keys = _keys(scope, done_steps)
    rest = [done_steps.c[name] for name in ("person_id", *told_as)]
    needed = func.max(done_steps.c.needed)
    completed = case((done_steps.c.required == 1, done_steps.c.completed_at))
    done = and_(needed > 0, func.count(completed) >= needed)
    gone, last = func.max(done_steps.c.withdrawn_at), func.max(done_steps.c.last_at)
    all_withdrawn = func.sum(done_steps.c.attempts) == func.sum(done_steps.c.withdrawals)
    return (
        select(
            *shown,
            *rest,
            func.min(done_steps.c.first_at).label("first_at"),
            func.min(done_steps.c.started_at).label("started_at"),
            case((done, func.max(completed))).label("done_at"),
            case((gone >= last, gone)).label("withdrawn_at"),
            last.label("last_at"),
            case((all_withdrawn, 1), else_=0).label("all_withdrawn"),
        )
        .group_by(*keys, *rest)
        .subquery()
    )


def _told_as(scope: Scope) -> list[str]:
    """Return which columns say where a fact was told, for the dimensions of a scope that need it."""
    return [_TOLD[each] for each in ("source", "content_version") if each in scope.by]


_TIMES = ("first_event_at", "last_event_at", "started_at", "completed_at", "withdrawn_at")


def steps(session: AsyncSession, scope: Scope) -> Subquery:
    """Return what people did in each activity: one row per person and activity, with its milestones over attempts."""
    under, attempts = activities(session, scope), _attempts(session, scope)
    tables: FromClause = attempts.join(under, under.c.activity_id == attempts.c.activity_id)
    told_as = _told_as(scope)
    extra: list[ColumnElement[Any]] = []
    if told_as:
        facts = told(session, scope)
        names = [facts.c[name] for name in ("person_id", "activity_id", *told_as)]
        under_names = select(*names).distinct().subquery()
        same = and_(
            under_names.c.person_id == attempts.c.person_id, under_names.c.activity_id == attempts.c.activity_id
        )
        tables = tables.join(under_names, same)
        extra = [under_names.c[name] for name in told_as]
    columns = [under.c[name] for name in (*_KEYS, "required", "needed")]
    return select(*columns, *attempts.c, *extra).select_from(tables).subquery()


def _attempts(session: AsyncSession, scope: Scope) -> Subquery:
    """Return the attempts under the subjects by person and activity, which is the order of an index of theirs."""
    names = ("person_id", "activity_id", "duration_seconds", *_TIMES)
    enrolments = rows_at(session, Enrolment, scope.as_of, only=names)

    def seen(name: str) -> ColumnElement[Any]:
        return case((enrolments.c[name] <= scope.now, enrolments.c[name]))

    statement = (
        select(
            enrolments.c.activity_id,
            enrolments.c.person_id,
            func.min(enrolments.c.first_event_at).label("first_at"),
            func.min(seen("started_at")).label("started_at"),
            func.min(seen("completed_at")).label("completed_at"),
            func.max(seen("withdrawn_at")).label("withdrawn_at"),
            func.max(enrolments.c.last_event_at).label("last_at"),
            func.count().label("attempts"),
            func.count(seen("withdrawn_at")).label("withdrawals"),
            func.sum(enrolments.c.duration_seconds).label("seconds"),
        )
        .where(enrolments.c.first_event_at <= scope.now)
        .group_by(enrolments.c.activity_id, enrolments.c.person_id)
    )
    if scope.kind != "tenant":
        wanted = activities(session, scope)
        statement = statement.where(enrolments.c.activity_id.in_(select(wanted.c.activity_id)))
    return statement.subquery()


def _listed(session: AsyncSession, scope: Scope) -> tuple[FromClause, FromClause, FromClause]:
    """Return the members of audiences, the initiatives under the subjects, and both of them joined."""
    audiences = rows_at(session, Audience, scope.as_of, only=("id", "initiative_id"))
    names = ("audience_id", "person_id", "offered_on", "due_on", "wave")
    listed = rows_at(session, AudienceMember, scope.as_of, only=names)
    under = initiatives(session, scope)
    of_group = listed.join(audiences, audiences.c.id == listed.c.audience_id)
    return listed, under, of_group.join(under, under.c.initiative_id == audiences.c.initiative_id)


def members(session: AsyncSession, scope: Scope) -> Subquery:
    """Return whom learning was offered to by today: the keys of `pursuits`, with what of the offer was said first.

    That is `offered_on`, `due_on` and `wave`; and beside them `last_offered_on`.
    """
    listed, under, tables = _listed(session, scope)
    shown, keys = _keys(scope, under)
    firsts = (func.min(listed.c[name]).label(name) for name in ("offered_on", "due_on", "wave"))
    last = func.max(listed.c.offered_on).label("last_offered_on")
    return (
        select(*shown, listed.c.person_id, *firsts, last)
        .select_from(tables)
        .where(listed.c.offered_on <= scope.today)
        .group_by(*keys, listed.c.person_id)
        .subquery()
    )


def offers(session: AsyncSession, scope: Scope, *, cut: str) -> Subquery:
    """Return each offer by today: as `members`, and whether it was the `first` of the person and pursuit: 0 or 1.

    `cut` names the day that makes it another one, of the offer (`offered_on`) or by which it is due (`due_on`). Who
    is listed once more without a due day is offered nothing anew: it is the offer that there was.
    """
    listed, under, tables = _listed(session, scope)
    shown, keys = _keys(scope, under)
    day = func.min(listed.c.offered_on)
    first = day == func.min(day).over(partition_by=(*keys, listed.c.person_id))
    every = (
        select(
            *shown,
            listed.c.person_id,
            day.label("offered_on"),
            func.min(listed.c.due_on).label("due_on"),
            func.min(listed.c.wave).label("wave"),
            case((first, 1), else_=0).label("first"),
        )
        .select_from(tables)
        .where(listed.c.offered_on <= scope.today)
        .group_by(*keys, listed.c.person_id, listed.c[cut])
        .subquery()
    )
    return select(every).where(or_(every.c.first == 1, every.c.due_on.is_not(None))).subquery()


def engaged(session: AsyncSession, scope: Scope) -> Subquery:
    """Return members and learners alike, one row per person and pursuit, with what is known of either."""
    offered, learned = members(session, scope), pursuits(session, scope)
    mine = ("offered_on", "last_offered_on", "due_on", "wave")
    theirs = ("first_at", "started_at", "done_at", "withdrawn_at", "last_at")
    unknown = [null().label(name) for name in mine]
    instants = [literal(None, Instant).label(name) for name in theirs]
    both = union_all(
        select(*(offered.c[name] for name in (*_KEYS, "person_id", *mine)), literal(1).label("member"), *instants),
        select(
            *(learned.c[name] for name in (*_KEYS, "person_id")),
            *unknown,
            literal(0).label("member"),
            *(learned.c[name] for name in theirs),
        ),
    ).subquery()
    found = (*mine, "member", *theirs)
    shown, keys = _keys(scope, both)
    return (
        select(*shown, both.c.person_id, *(func.max(both.c[name]).label(name) for name in found))
        .group_by(*keys, both.c.person_id)
        .subquery()
    )


def counted(
    session: AsyncSession,
    scope: Scope,
    base: Subquery,
    placed: str,
    measures: Sequence[ColumnElement[Any]],
    *,
    person: Subquery | None = None,
    conditions: Sequence[ColumnElement[bool]] = (),
    also: Sequence[ColumnElement[Any]] = (),
    anonymous: bool = False,
) -> Select[Any]:
    """Return the statement that counts `base` by place, and further by the columns `also`.

    Its columns: the subject, one per dimension, those of `also`, the measures. It is grouped by position, because
    expressions with parameters are not the same to PostgreSQL where they stand twice. `placed` names the column that
    places a row in time. Give the `person` relation (of `_under.people`) that measures speak of. `anonymous`: rows
    without a person are counted too, in no org unit and no role.
    """
    humans = people(session, scope) if person is None else person
    tables: FromClause = base.join(humans, humans.c.id == base.c.person_id, isouter=anonymous)
    segments: list[ColumnElement[Any]] = []
    for dimension in scope.by:
        if dimension == "org_unit":
            tree = subtree(session, scope)
            tables = tables.join(tree, tree.c.unit == humans.c.org_unit_id)
            segments.append(tree.c.root)
        elif dimension in BUCKETS:
            segments.append(bucketed(base.c[placed], dimension, scope))
        elif dimension == "role":
            segments.append(humans.c.role)
        elif dimension == "activity":
            segments.append(base.c.pursuit)
        elif dimension == "wave" and "wave" not in base.c:
            waves = _waves(session, scope)
            on = and_(waves.c.initiative_id == base.c.initiative_id, waves.c.person_id == base.c.person_id)
            tables = tables.outerjoin(waves, on)
            segments.append(waves.c.wave)
        else:
            segments.append(base.c[_TOLD.get(dimension, dimension)])
    keys = [base.c.subject, *(each.label(f"segment_{n}") for n, each in enumerate(segments)), *also]
    timely = within(base.c[placed], scope)
    statement = select(*keys, *measures).select_from(tables).where(*timely, *conditions)
    return statement.group_by(*(literal_column(str(place)) for place in range(1, len(keys) + 1)))


def _waves(session: AsyncSession, scope: Scope) -> Subquery:
    audiences = rows_at(session, Audience, scope.as_of)
    listed = rows_at(session, AudienceMember, scope.as_of)
    keys = (audiences.c.initiative_id, listed.c.person_id)
    return (
        select(*keys, func.min(listed.c.wave).label("wave"))
        .select_from(listed.join(audiences, audiences.c.id == listed.c.audience_id))
        .group_by(*keys)
        .subquery()
    )


def distinct_people(scope: Scope, base: Subquery, condition: ColumnElement[bool] | None = None) -> ColumnElement[Any]:
    """Return the count of distinct persons; where nobody can be in two pursuits of a place, of rows."""
    if scope.kind in _ONE_PURSUIT:
        return func.count() if condition is None else total(condition)
    person = base.c.person_id if condition is None else case((condition, base.c.person_id))
    return func.count(func.distinct(person))


def total(condition: ColumnElement[bool]) -> ColumnElement[Any]:
    """Return how many rows meet a condition."""
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)


def place_of(row: Any, scope: Scope) -> Place:
    """Return the place of a row of `counted`."""
    return row[0], tuple(row[1 : 1 + len(scope.by)])
