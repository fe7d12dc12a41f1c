"""Whether those who must hold a valid completion hold one: inputs from audiences, requirements and completions.

Required is what an initiative requires of its audience, and what a requirement asks of a role or an org unit. A person
is valid in a pursuit when the latest completion of each activity that is required of them there is unexpired.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import (
    Subquery,
    and_,
    case,
    exists,
    func,
    literal,
    or_,
    select,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.learning import Kind
from app.models.activities import ActivityReference
from app.models.contents import ContentVersion, Requirement
from app.models.days import SecondsBetween
from app.models.learning import Enrolment, LearningEventRow
from app.models.people import Identity
from app.models.unit import unit_of
from app.services.corrections import standing
from app.services.inputs._cuts import refuse
from app.services.inputs._heads import headcount, most, who
from app.services.inputs._listed import Rows, audiences, listed
from app.services.inputs._provider import BUCKETS, PEOPLE, Given, Place, Provider, Scope
from app.services.inputs._pursuits import members
from app.services.inputs._under import activities, employed_on, local_day, people, subtree
from app.services.inputs.learners import Counts, nothing, read_counts
from app.services.versions import rows_at

_DAY = 86_400
_REQUIRED = ("all", "departed", "required", "valid", "let_pass", "grace_days")
_KEYS = ("subject", "pursuit", "initiative_id", "person_id")


async def _valid(session: AsyncSession, scope: Scope) -> Mapping[Place, Counts]:
    """Count who is under a requirement by whether all of it is valid, or was in the days of grace."""
    person = people(session, scope)
    base = _judged(session, scope, per_version=await _per_version(session, scope))
    here = employed_on(person, scope.today)
    measures = (
        who(base.c.person_id.is_not(None)),
        who(~here),
        who(here),
        who(here, each=base.c.valid == 1),
        who(here, each=or_(base.c.valid == 1, base.c.in_grace == 1)),
        most(base.c.grace_days),
    )
    also = (person.c.resolved,)
    statement = headcount(session, scope, base, "offered_on", measures, person=person, also=also)
    return await read_counts(session, scope, statement, _REQUIRED)


async def _per_version(session: AsyncSession, scope: Scope) -> bool:
    """Say whether content versions matter: they were asked for, or a requirement names the newest."""
    if scope.parameters.get("per_content_version"):
        return True
    table = rows_at(session, Requirement, scope.as_of)
    return bool(await session.scalar(select(exists().where(table.c.current_content.is_(True)))))


def _needs(session: AsyncSession, scope: Scope) -> Subquery:
    """Return (*_KEYS, activity_id, offered_on, grace_days, newest) of everything that is required of anybody today."""
    under, offered = activities(session, scope), members(session, scope)
    asked = int(scope.parameters.get("grace_days", 0)), bool(scope.parameters.get("per_content_version", False))
    in_pursuit = and_(under.c.subject == offered.c.subject, under.c.pursuit == offered.c.pursuit, under.c.required == 1)
    of_audiences = select(
        *(offered.c[name] for name in _KEYS),
        under.c.activity_id,
        offered.c.offered_on,
        literal(asked[0]).label("grace_days"),
        literal(int(asked[1])).label("newest"),
    ).select_from(offered.join(under, in_pursuit))
    table, person = rows_at(session, Requirement, scope.as_of), people(session, scope)
    tree = subtree(session, scope)
    below = exists().where(tree.c.root == table.c.org_unit_id, tree.c.unit == person.c.org_unit_id)
    meant = and_(or_(table.c.role.is_(None), table.c.role == person.c.role), or_(table.c.org_unit_id.is_(None), below))
    of_requirements = (
        select(
            under.c.subject,
            under.c.pursuit,
            under.c.initiative_id,
            person.c.id,
            under.c.activity_id,
            table.c.starts_on,
            case((table.c.grace_days > asked[0], table.c.grace_days), else_=asked[0]),
            case((table.c.current_content.is_(True), 1), else_=int(asked[1])),
        )
        .select_from(table.join(under, under.c.activity_id == table.c.activity_id).join(person, meant))
        .where(table.c.starts_on <= scope.today, or_(table.c.ends_on.is_(None), table.c.ends_on > scope.today))
    )
    return union_all(of_audiences, of_requirements).subquery()


def _judged(session: AsyncSession, scope: Scope, *, per_version: bool) -> Subquery:
    """Return (*_KEYS, offered_on, grace_days, valid, in_grace), the last two 0 or 1: the worst of what is required."""
    needs, held = _needs(session, scope), _latest(session, scope, per_version=per_version)
    same = and_(held.c.person_id == needs.c.person_id, held.c.activity_id == needs.c.activity_id)
    told = and_(held.c.completed_at.is_not(None), or_(needs.c.newest == 0, held.c.current == 1))
    over = SecondsBetween(held.c.ends_at, scope.now)
    unexpired = or_(held.c.ends_at.is_(None), held.c.ends_at > scope.now)
    let_pass = or_(unexpired, over < needs.c.grace_days * _DAY)
    keys = [needs.c[name] for name in _KEYS]
    return (
        select(
            *keys,
            func.min(needs.c.offered_on).label("offered_on"),
            func.max(needs.c.grace_days).label("grace_days"),
            func.min(case((and_(told, unexpired), 1), else_=0)).label("valid"),
            func.min(case((and_(told, let_pass), 1), else_=0)).label("in_grace"),
        )
        .select_from(needs.outerjoin(held, same))
        .group_by(*keys)
        .subquery()
    )


def _latest(session: AsyncSession, scope: Scope, *, per_version: bool) -> Subquery:
    """Return the latest completion of each person at each activity, when it ends, and whether it is current: 0 or 1."""
    table = rows_at(session, Enrolment, scope.as_of)
    sooner = or_(table.c.expires_at.is_(None), table.c.expired_at <= table.c.expires_at)
    ends_at = case((sooner, table.c.expired_at), else_=table.c.expires_at)
    newest_first = (table.c.completed_at.desc(), table.c.ordinal.desc())
    rank = func.row_number().over(partition_by=(table.c.person_id, table.c.activity_id), order_by=newest_first)
    names = ("person_id", "activity_id", "completed_at")
    ranked = (
        select(*(table.c[name] for name in names), ends_at.label("ends_at"), rank.label("rank"))
        .where(table.c.completed_at <= scope.now)
        .subquery()
    )
    held = select(ranked).where(ranked.c.rank == 1).subquery()
    if not per_version:
        return select(held, literal(1).label("current")).subquery()
    newest, told = _newest(session, scope), _told(session, scope)
    of_this = and_(
        told.c.person_id == held.c.person_id,
        told.c.activity_id == held.c.activity_id,
        told.c.occurred_at == held.c.completed_at,
    )
    day = local_day(held.c.completed_at, scope)
    by_day = and_(told.c.content_version.is_(None), day >= newest.c.published_on)
    current = or_(newest.c.label.is_(None), told.c.content_version == newest.c.label, by_day)
    joined = held.outerjoin(newest, newest.c.activity_id == held.c.activity_id).outerjoin(told, of_this)
    return select(held, case((current, 1), else_=0).label("current")).select_from(joined).subquery()


def _newest(session: AsyncSession, scope: Scope) -> Subquery:
    """Return the newest content version of each activity that was published by today."""
    table = rows_at(session, ContentVersion, scope.as_of)
    newest_first = (table.c.published_on.desc(), table.c.recorded_at.desc(), table.c.id.desc())
    rank = func.row_number().over(partition_by=table.c.activity_id, order_by=newest_first)
    columns = (table.c.activity_id, table.c.label, table.c.published_on, rank.label("rank"))
    ranked = select(*columns).where(table.c.published_on <= scope.today).subquery()
    return select(ranked).where(ranked.c.rank == 1).subquery()


def _told(session: AsyncSession, scope: Scope) -> Subquery:
    """Return in which content version completions were told: (person_id, activity_id, occurred_at, content_version)."""
    event: Any = LearningEventRow.__table__  # type: ignore[attr-defined]  # set by SQLModel on table classes
    identities, references = rows_at(session, Identity, scope.as_of), rows_at(session, ActivityReference, scope.as_of)
    keys = (identities.c.person_id, references.c.activity_id, event.c.occurred_at)
    at = scope.as_of or scope.now
    return (
        select(*keys, func.max(references.c.content_version).label("content_version"))
        .select_from(
            event.join(identities, identities.c.id == event.c.identity_id).join(
                references, references.c.id == event.c.reference_id
            )
        )
        .where(
            event.c.tenant_id == unit_of(session).tenant.id,
            event.c.kind.in_((Kind.COMPLETED, Kind.PASSED, Kind.CERTIFIED)),
            event.c.recorded_at <= at,
            standing(event.c, at, corrected=scope.corrected),
        )
        .group_by(*keys)
        .subquery()
    )


def _validity(found: Counts, _scope: Scope) -> Given:
    """Return who is valid; the days of grace are those asked for, or those of a requirement where they are more."""
    inputs = {name: found[name] for name in ("required", "valid")}
    inputs["valid_in_grace"] = found["let_pass"] - found["valid"]
    return Given(inputs, found["required"], caveats=found.beside, parameters={"grace_days": found["grace_days"]})


def _requirements(session: AsyncSession, scope: Scope) -> Rows:
    table, below = rows_at(session, Requirement, scope.as_of), activities(session, scope)
    in_force = and_(table.c.starts_on <= scope.today, or_(table.c.ends_on.is_(None), table.c.ends_on > scope.today))
    tables = table.join(below, below.c.activity_id == table.c.activity_id)
    return Rows("requirement", table, tables, below.c.subject, None, {"required": in_force})


_REFUSED = refuse(
    source="a completion is valid wherever it was told",
    content_version="whether it must be of the newest version is a parameter: per_content_version",
)

PROVIDERS = (
    Provider(
        metrics={"validity_rate": _validity},
        kinds=frozenset({"tenant", "objective", "outcome", "initiative", "activity"}),
        load=_valid,
        nothing=nothing,
        by=frozenset({*PEOPLE, "activity", *BUCKETS}),
        parameters=("grace_days", "per_content_version"),
        people=True,
        refused=_REFUSED,
        events=True,
        behind={"validity_rate": listed(audiences("required"), _requirements)},
    ),
)
