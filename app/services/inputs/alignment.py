"""Whether learning serves what the business wants: inputs from objectives, outcomes, alignments and agreements."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import ROUND_DOWN, Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, FromClause, Select, and_, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain import ids
from app.domain.money import Money
from app.models.activities import Activity
from app.models.initiatives import Agreement, AgreementStatus, Alignment, AlignmentStatus, Initiative, InitiativeStatus
from app.models.learning import Enrolment
from app.models.money import CostItem
from app.models.objectives import Objective, ObjectiveStatus
from app.models.outcomes import Outcome, OutcomeStatus, TargetKind
from app.services.inputs._cuts import SETUP
from app.services.inputs._listed import everywhere, listed
from app.services.inputs._provider import Given, Place, Provider, Scope
from app.services.money import charged
from app.services.versions import rows_at

_FINE = Decimal("1e-24")
_HOUR = Decimal(3600)
_LOWEST_PRIORITY = 6


@dataclass(slots=True)
class Ties:
    """The ties of initiatives to active objectives, and what each initiative takes."""

    links: list[tuple[UUID, str, Decimal]] = field(default_factory=list)
    hours: dict[UUID, Decimal] = field(default_factory=dict)
    spend: dict[UUID, list[Money]] = field(default_factory=dict)


def live_ties(session: AsyncSession, scope: Scope) -> Select[Any]:
    """Return the alignments in use today, with how firm each is: columns initiative_id, objective_id, weight, tier."""
    alignments, agreements = rows_at(session, Alignment, scope.as_of), rows_at(session, Agreement, scope.as_of)
    outcomes, objectives = rows_at(session, Outcome, scope.as_of), rows_at(session, Objective, scope.as_of)
    today = scope.today
    signed = (
        select(agreements.c.alignment_id)
        .where(
            agreements.c.status == AgreementStatus.SIGNED,
            agreements.c.signed_on <= today,
            or_(agreements.c.expires_on.is_(None), agreements.c.expires_on > today),
        )
        .distinct()
        .subquery()
    )
    needs_none = outcomes.c.target_kind.in_((TargetKind.REACH, TargetKind.MAINTAIN))
    aimed = or_(outcomes.c.target.is_not(None), outcomes.c.target_low.is_not(None), outcomes.c.target_high.is_not(None))
    measurable = and_(or_(outcomes.c.baseline.is_not(None), needs_none), aimed, outcomes.c.due_on.is_not(None))
    tier = case(
        (objectives.c.status != ObjectiveStatus.ACTIVE, "none"),
        (and_(measurable, signed.c.alignment_id.is_not(None)), "agreed"),
        (measurable, "measurable"),
        else_="linked",
    )
    joined = (
        alignments.join(outcomes, outcomes.c.id == alignments.c.outcome_id)
        .join(objectives, objectives.c.id == outcomes.c.objective_id)
        .outerjoin(signed, signed.c.alignment_id == alignments.c.id)
    )
    return (
        select(alignments.c.initiative_id, outcomes.c.objective_id, alignments.c.weight, tier.label("tier"))
        .select_from(joined)
        .where(
            alignments.c.status.in_((AlignmentStatus.PROPOSED, AlignmentStatus.AGREED)),
            or_(alignments.c.valid_from.is_(None), alignments.c.valid_from <= today),
            or_(alignments.c.valid_to.is_(None), alignments.c.valid_to > today),
            outcomes.c.status != OutcomeStatus.NOT_EVALUABLE,
        )
    )


async def _ties(session: AsyncSession, scope: Scope) -> Mapping[Place, Ties]:
    initiatives = rows_at(session, Initiative, scope.as_of)
    alive = select(initiatives.c.id).where(initiatives.c.status != InitiativeStatus.RETIRED)
    found = Ties()
    known = sorted(await session.scalars(alive))
    by_initiative: dict[UUID, list[tuple[str, Decimal]]] = defaultdict(list)
    for row in await session.execute(live_ties(session, scope)):
        by_initiative[row.initiative_id].append((row.tier, row.weight))
    for initiative_id in known:
        ties = by_initiative.get(initiative_id) or [("none", Decimal(1))]
        whole = sum((weight for _, weight in ties), Decimal(0))
        for tier, weight in ties:
            share = (weight / whole if whole else Decimal(1) / len(ties)).quantize(_FINE, ROUND_DOWN)
            found.links.append((initiative_id, tier, share))
    found.hours = await _hours(session, scope)
    costs = rows_at(session, CostItem, scope.as_of)
    for row in await session.execute(select(costs)):
        found.spend.setdefault(row.initiative_id, []).append(Money(charged(row), row.currency))
    return {(scope.tenant_id, ()): found}


async def _hours(session: AsyncSession, scope: Scope) -> dict[UUID, Decimal]:
    """Return the learning hours of each initiative: as told, or by design where a completion tells none."""
    enrolments, activities = rows_at(session, Enrolment, scope.as_of), rows_at(session, Activity, scope.as_of)
    designed = case((enrolments.c.completed_at.is_not(None), activities.c.hours))
    statement = (
        select(
            activities.c.initiative_id,
            func.coalesce(func.sum(enrolments.c.duration_seconds), 0),
            func.sum(case((enrolments.c.duration_seconds.is_(None), designed))).label("designed"),
        )
        .select_from(enrolments.join(activities, activities.c.id == enrolments.c.activity_id))
        .where(activities.c.initiative_id.is_not(None), enrolments.c.first_event_at <= scope.now)
        .group_by(activities.c.initiative_id)
    )
    return {
        row[0]: Decimal(int(row[1])) / _HOUR + (row.designed or Decimal(0)) for row in await session.execute(statement)
    }


def _coverage(found: Ties, _scope: Scope) -> Given:
    currencies = {each.currency for amounts in found.spend.values() for each in amounts}
    only = next(iter(currencies)) if len(currencies) == 1 else None
    links = [
        {
            "initiative": ids.encode(Initiative.prefix, initiative_id),
            "tier": tier,
            "weight": weight,
            "hours": found.hours.get(initiative_id, Decimal(0)),
            "spend": None if only is None else _spent(found.spend.get(initiative_id), only),
        }
        for initiative_id, tier, weight in found.links
    ]
    return Given({"links": links})


def _spent(amounts: list[Money] | None, currency: str) -> Money | None:
    """Return what an initiative cost; None where no cost of it is known: that is not nothing."""
    return None if amounts is None else Money(sum((each.amount for each in amounts), Decimal(0)), currency)


@dataclass(slots=True)
class Goals:
    """The active objectives with what serves them."""

    rows: list[dict[str, Any]] = field(default_factory=list)


async def _goals(session: AsyncSession, scope: Scope) -> Mapping[Place, Goals]:
    objectives = rows_at(session, Objective, scope.as_of)
    ties = live_ties(session, scope).subquery()
    served = (
        select(ties.c.objective_id, func.count(func.distinct(ties.c.initiative_id)).label("initiatives"))
        .group_by(ties.c.objective_id)
        .subquery()
    )
    statement = (
        select(objectives.c.priority, objectives.c.no_learning_needed_because, served.c.initiatives)
        .select_from(objectives.outerjoin(served, served.c.objective_id == objectives.c.id))
        .where(objectives.c.status == ObjectiveStatus.ACTIVE)
        .order_by(objectives.c.id)
    )
    rows = [
        {
            "weight": Decimal(_LOWEST_PRIORITY - row.priority),
            "aligned_initiatives": int(row.initiatives or 0),
            "no_learning_needed": row.no_learning_needed_because is not None,
        }
        for row in await session.execute(statement)
    ]
    return {(scope.tenant_id, ()): Goals(rows)}


def _support(found: Goals, _scope: Scope) -> Given:
    return Given({"objectives": found.rows}, basis="priority_weighted")


def _in_use(table: FromClause, scope: Scope) -> ColumnElement[bool]:
    since, until = table.c.valid_from, table.c.valid_to
    alive = table.c.status.in_((AlignmentStatus.PROPOSED, AlignmentStatus.AGREED))
    begun = or_(since.is_(None), since <= scope.today)
    return and_(alive, begun, or_(until.is_(None), until > scope.today))


def _signed(table: FromClause, scope: Scope) -> ColumnElement[bool]:
    lasts = or_(table.c.expires_on.is_(None), table.c.expires_on > scope.today)
    return and_(table.c.status == AgreementStatus.SIGNED, table.c.signed_on <= scope.today, lasts)


def _active(table: FromClause, _scope: Scope) -> ColumnElement[bool]:
    return table.c.status == ObjectiveStatus.ACTIVE


def _alive(table: FromClause, _scope: Scope) -> ColumnElement[bool]:
    return table.c.status != InitiativeStatus.RETIRED


PROVIDERS = (
    Provider(
        metrics={"alignment_coverage": _coverage},
        kinds=frozenset({"tenant"}),
        load=_ties,
        nothing=Ties,
        behind={
            "alignment_coverage": listed(
                everywhere("initiative", Initiative, "links", only=_alive),
                everywhere("alignment", Alignment, "links", only=_in_use),
                everywhere("agreement", Agreement, "links", only=_signed),
                everywhere("cost_item", CostItem, "links"),
            )
        },
        refused=SETUP,
    ),
    Provider(
        metrics={"objective_support": _support},
        kinds=frozenset({"tenant"}),
        load=_goals,
        nothing=Goals,
        behind={
            "objective_support": listed(
                everywhere("objective", Objective, "objectives", only=_active),
                everywhere("alignment", Alignment, "objectives", only=_in_use),
            )
        },
        refused=SETUP,
    ),
)
