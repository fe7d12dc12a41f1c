"""Cycles: learning that is offered or assigned again, each time with what was done since then.

A completion counts for an offer from the day of the offer on; for the first one of a person and pursuit, those before
it count too. So an old completion never completes a new cycle, and a new cycle forgives no lateness (metrics.md, G8).
"""

from typing import Any

from sqlalchemy import ColumnElement, FromClause, Subquery, and_, case, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models.learning import Enrolment
from app.services.inputs._provider import Scope
from app.services.inputs._pursuits import engaged, offers
from app.services.inputs._under import activities, local_day
from app.services.versions import rows_at

_KEYS = ("subject", "pursuit", "initiative_id", "person_id")


def invited(session: AsyncSession, scope: Scope) -> Subquery:
    """Return `engaged` once for each day of an offer, `done_at` since then; learners without an offer stand once."""
    base, offered = engaged(session, scope), offers(session, scope, cut="offered_on")
    again = _since_later_offers(session, scope, offered, "offered_on")
    same_offer = and_(_same(again, offered), again.c.offered_on == offered.c.offered_on)
    return (
        select(
            *(base.c[name] for name in (*_KEYS, "member", "started_at", "last_offered_on")),
            offered.c.offered_on,
            func.coalesce(offered.c.wave, base.c.wave).label("wave"),
            case((offered.c.first == 0, again.c.done_at), else_=base.c.done_at).label("done_at"),
        )
        .select_from(base.outerjoin(offered, _same(offered, base)).outerjoin(again, same_offer))
        .subquery()
    )


def duties(session: AsyncSession, scope: Scope) -> Subquery:
    """Return (*_KEYS, wave, due_day, done_at): what people had to complete by when, and when they had.

    One row for each due day of an audience, since the first offer with it; where audiences say none, for each attempt
    that the platform dates, in the tenant's days; and one without a `due_day` where nobody says any.
    """
    base, offered = engaged(session, scope), offers(session, scope, cut="due_on")
    dated = select(offered).where(offered.c.due_on.is_not(None)).subquery()
    again, assigned = _since_later_offers(session, scope, dated, "due_on"), _assigned(session, scope)
    tables = base.outerjoin(dated, _same(dated, base))
    tables = tables.outerjoin(again, and_(_same(again, dated), again.c.due_on == dated.c.due_on))
    tables = tables.outerjoin(assigned, and_(_same(assigned, base), base.c.due_on.is_(None)))
    told = case((assigned.c.due_at.is_not(None), local_day(assigned.c.due_at, scope)))
    done_at = case(
        (dated.c.first == 0, again.c.done_at), (assigned.c.ordinal > 1, assigned.c.done_at), else_=base.c.done_at
    )
    return (
        select(
            *(base.c[name] for name in _KEYS),
            func.coalesce(dated.c.wave, base.c.wave).label("wave"),
            func.coalesce(dated.c.due_on, told).label("due_day"),
            done_at.label("done_at"),
        )
        .select_from(tables)
        .subquery()
    )


def _same(one: FromClause, other: FromClause) -> ColumnElement[bool]:
    """Return the condition that two relations speak of the same person and pursuit."""
    return and_(*(one.c[name] == other.c[name] for name in ("subject", "pursuit", "person_id")))


def _attempts(session: AsyncSession, scope: Scope) -> Subquery:
    """Return (*_KEYS, activity_id, ordinal, required, needed, due_at, completed_at) of every attempt so far."""
    enrolments, under = rows_at(session, Enrolment, scope.as_of), activities(session, scope)
    completed: ColumnElement[Any] = case((enrolments.c.completed_at <= scope.now, enrolments.c.completed_at))
    return (
        select(
            *(under.c[name] for name in _KEYS[:3]),
            *(enrolments.c[name] for name in ("person_id", "activity_id", "ordinal", "due_at")),
            under.c.required,
            under.c.needed,
            completed.label("completed_at"),
        )
        .select_from(enrolments.join(under, under.c.activity_id == enrolments.c.activity_id))
        .where(enrolments.c.first_event_at <= scope.now)
        .subquery()
    )


def _since_later_offers(session: AsyncSession, scope: Scope, offered: Subquery, cut: str) -> Subquery:
    """Return the offers but the first that are done, with `done_at`: each required activity completed since then."""
    later = select(offered).where(offered.c.first == 0).subquery()
    tried = _attempts(session, scope)
    since = and_(
        _same(tried, later),
        tried.c.required == 1,
        tried.c.completed_at.is_not(None),
        local_day(tried.c.completed_at, scope) >= later.c.offered_on,
    )
    keys = [later.c[name] for name in ("subject", "pursuit", "person_id", cut)]
    steps = (
        select(
            *keys,
            func.max(tried.c.needed).label("needed"),
            func.min(tried.c.completed_at).label("completed_at"),
        )
        .select_from(later.join(tried, since))
        .group_by(*keys, tried.c.activity_id)
        .subquery()
    )
    done_keys = [steps.c[each.name] for each in keys]
    return (
        select(*done_keys, func.max(steps.c.completed_at).label("done_at"))
        .group_by(*done_keys)
        .having(func.count() >= func.max(steps.c.needed))
        .subquery()
    )


def _assigned(session: AsyncSession, scope: Scope) -> Subquery:
    """Return the attempts that a platform dates: when the n-th of a pursuit is due, and when all of it was done.

    Of attempts after the first, `done_at` is that of completions in them or later ones.
    """
    tried, later = _attempts(session, scope), _attempts(session, scope)
    same = and_(
        _same(later, tried),
        later.c.activity_id == tried.c.activity_id,
        tried.c.ordinal > 1,
        later.c.ordinal >= tried.c.ordinal,
    )
    keys = [tried.c[name] for name in ("subject", "pursuit", "person_id", "ordinal")]
    steps = (
        select(
            *keys,
            func.max(tried.c.due_at).label("due_at"),
            func.min(later.c.completed_at).label("completed_at"),
        )
        .select_from(tried.outerjoin(later, same))
        .where(tried.c.due_at.is_not(None))
        .group_by(*keys, tried.c.activity_id)
        .subquery()
    )
    names = [steps.c[each.name] for each in keys]
    done = func.count(steps.c.completed_at) == func.count()
    return (
        select(
            *names,
            func.max(steps.c.due_at).label("due_at"),
            case((done, func.max(steps.c.completed_at))).label("done_at"),
        )
        .group_by(*names)
        .subquery()
    )
