"""What lies under the subjects of a scope: initiatives, activities, people, and the segments that they fall into."""

from datetime import date, datetime, time
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    FromClause,
    String,
    Subquery,
    Uuid,
    and_,
    case,
    cast,
    func,
    literal,
    or_,
    select,
    true,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from app.models.activities import Activity, ActivityReference
from app.models.days import BucketOf, BucketOfDay
from app.models.initiatives import Alignment, AlignmentStatus, Initiative
from app.models.learning import LearningEventRow
from app.models.outcomes import Outcome
from app.models.people import Identity, OrgUnit, Person, PersonStatus
from app.models.unit import unit_of
from app.services.corrections import standing
from app.services.inputs._provider import Scope
from app.services.versions import rows_at

_ALIVE = (AlignmentStatus.PROPOSED, AlignmentStatus.AGREED)


def pursued(scope: Scope) -> str:
    """Return what one pursuit of a person is: an initiative with all that it requires, or a single activity."""
    return "activity" if scope.kind == "activity" or "activity" in scope.by else "initiative"


def aligned(session: AsyncSession, scope: Scope) -> Subquery:
    """Return the distinct (subject, initiative) of outcomes or objectives, through alignments in use."""
    alignments = rows_at(session, Alignment, scope.as_of, only=("initiative_id", "outcome_id", "status"))
    outcomes = rows_at(session, Outcome, scope.as_of, only=("id", "objective_id"))
    subject = outcomes.c.id if scope.kind == "outcome" else outcomes.c.objective_id
    return (
        select(subject.label("subject"), alignments.c.initiative_id)
        .select_from(alignments.join(outcomes, outcomes.c.id == alignments.c.outcome_id))
        .where(subject.in_(scope.ids), alignments.c.status.in_(_ALIVE))
        .distinct()
        .subquery()
    )


def activities(session: AsyncSession, scope: Scope) -> Subquery:
    """Return (subject, activity_id, initiative_id, pursuit, required, needed) of every activity under the subjects.

    `needed` is how many activities their pursuit requires. The tenant has every activity; one that belongs to no
    initiative is a pursuit of its own.
    """
    table = rows_at(session, Activity, scope.as_of, only=("id", "initiative_id", "required"))
    alone = pursued(scope) == "activity"
    if scope.kind in {"outcome", "objective"}:
        links = aligned(session, scope)
        tables: FromClause = table.join(links, links.c.initiative_id == table.c.initiative_id)
        subject: ColumnElement[Any] = links.c.subject
        mine: ColumnElement[bool] = true()
    else:
        tables = table
        own = {"initiative": table.c.initiative_id, "activity": table.c.id}
        subject = own.get(scope.kind, whole(scope))
        mine = subject.in_(scope.ids) if scope.kind in own else true()
    of_nothing = table.c.initiative_id.is_(None)
    pursuit: ColumnElement[Any] = table.c.id
    if not alone:
        pursuit = table.c.initiative_id if scope.kind != "tenant" else func.coalesce(table.c.initiative_id, table.c.id)
    required = case((or_(table.c.required, of_nothing), 1), else_=0)
    columns = (
        subject.label("subject"),
        table.c.id.label("activity_id"),
        table.c.initiative_id,
        pursuit.label("pursuit"),
        (literal(1) if alone else required).label("required"),
        (literal(1) if alone else func.sum(required).over(partition_by=(subject, pursuit))).label("needed"),
    )
    return select(*columns).select_from(tables).where(mine).subquery()


def initiatives(session: AsyncSession, scope: Scope) -> Subquery:
    """Return (subject, initiative_id, pursuit) of every initiative under the subjects."""
    if pursued(scope) == "activity":
        under = activities(session, scope)
        return select(under.c.subject, under.c.initiative_id, under.c.pursuit).subquery()
    if scope.kind in {"outcome", "objective"}:
        links = aligned(session, scope)
        return select(links.c.subject, links.c.initiative_id, links.c.initiative_id.label("pursuit")).subquery()
    table = rows_at(session, Initiative, scope.as_of, only=("id",))
    if scope.kind == "initiative":
        statement = select(table.c.id.label("subject"), table.c.id.label("initiative_id"), table.c.id.label("pursuit"))
        return statement.where(table.c.id.in_(scope.ids)).subquery()
    return select(
        whole(scope).label("subject"), table.c.id.label("initiative_id"), table.c.id.label("pursuit")
    ).subquery()


def whole(scope: Scope) -> ColumnElement[Any]:
    """Return the tenant's own id as a column."""
    return cast(literal(scope.tenant_id, Uuid), Uuid)


def people(session: AsyncSession, scope: Scope) -> Subquery:
    """Return the persons in use as they stood, with what they can be cut and counted by."""
    names = ("id", "resolved", "role", "org_unit_id", "status", "joined_on", "left_on")
    return rows_at(session, Person, scope.as_of, only=names)


def employed_on(person: FromClause, day: Any) -> ColumnElement[bool]:
    """Return the condition that a person worked here on a day: neither gone, nor still to come."""
    gone = person.c.left_on.is_not(None) & (person.c.left_on <= day)
    marked = (person.c.status != PersonStatus.ACTIVE) & person.c.left_on.is_(None)
    early = person.c.joined_on.is_not(None) & (person.c.joined_on > day)
    return and_(~gone, ~marked, ~early)


def subtree(session: AsyncSession, scope: Scope) -> CTE:
    """Return (root, unit): every org unit under each, itself included."""
    units = rows_at(session, OrgUnit, scope.as_of, archived=True)
    tree = select(units.c.id.label("root"), units.c.id.label("unit")).cte(recursive=True)
    below = select(tree.c.root, units.c.id).select_from(tree.join(units, units.c.parent_id == tree.c.unit))
    return tree.union_all(below)


def told(session: AsyncSession, scope: Scope) -> Subquery:
    """Return the distinct (person_id, activity_id, source_id, content_version) that facts were told under."""
    event = LearningEventRow
    references = rows_at(session, ActivityReference, scope.as_of)
    identities = rows_at(session, Identity, scope.as_of)
    conditions = [
        col(event.tenant_id) == unit_of(session).tenant.id,
        col(event.occurred_at) <= scope.now,
        standing(event, scope.as_of, corrected=scope.corrected),
    ]
    if scope.as_of is not None:
        conditions.append(col(event.recorded_at) <= scope.as_of)
    return (
        select(identities.c.person_id, references.c.activity_id, references.c.source_id, references.c.content_version)
        .select_from(event)
        .join(references, references.c.id == col(event.reference_id))
        .join(identities, identities.c.id == col(event.identity_id))
        .where(*conditions)
        .distinct()
        .subquery()
    )


_TOLD_AS = {"source": "source_id", "content_version": "content_version"}


def told_along(
    session: AsyncSession, scope: Scope, tables: FromClause, attempts: Subquery
) -> tuple[FromClause, list[ColumnElement[Any]]]:
    """Return `tables` joined with where the facts of their `attempts` were told, where a scope is cut by that.

    Beside them the columns to cut by; an attempt that several sources told lies in the segment of each.
    """
    names = [_TOLD_AS[each] for each in scope.by if each in _TOLD_AS]
    if not names:
        return tables, []
    facts = told(session, scope)
    distinct = select(*(facts.c[name] for name in ("person_id", "activity_id", *names))).distinct().subquery()
    same = and_(distinct.c.person_id == attempts.c.person_id, distinct.c.activity_id == attempts.c.activity_id)
    return tables.join(distinct, same), [distinct.c[name] for name in names]


def bucketed(placed: ColumnElement[Any], bucket: str, scope: Scope) -> ColumnElement[Any]:
    """Return the first day of the bucket that holds an instant or a day."""
    word = literal(bucket, String)
    if placed.type.python_type is date:
        return BucketOfDay(word, placed)
    return BucketOf(word, placed, literal(scope.zone.key, String))


def local_day(instant: ColumnElement[Any], scope: Scope) -> ColumnElement[Any]:
    """Return the day of an instant in the tenant's zone."""
    return bucketed(instant, "day", scope)


def within(placed: ColumnElement[Any], scope: Scope) -> list[ColumnElement[bool]]:
    """Return the conditions that a day or instant lies inside the time of a scope."""
    instants = placed.type.python_type is not date

    def bound(day: date) -> Any:
        return datetime.combine(day, time.min, scope.zone) if instants else day

    found = [] if scope.since is None else [placed >= bound(scope.since)]
    return found if scope.until is None else [*found, placed < bound(scope.until)]
