"""Whether initiatives can be judged, and how far the chain of evidence reaches: inputs from what is there."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, FromClause, Select, and_, case, func, literal, or_, select, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.metrics.evaluability import bad_habits
from app.models.activities import Activity
from app.models.assessments import AssessmentMoment, AssessmentScore
from app.models.base import Noun
from app.models.behaviours import Behaviour, Observation, Observer
from app.models.effects import EffectEstimate, EffectStatus
from app.models.initiatives import Alignment, AlignmentStatus, Initiative, InitiativeStatus
from app.models.kpis import Kpi, Measurement
from app.models.learning import Enrolment
from app.models.money import CostItem
from app.models.objectives import Objective
from app.models.outcomes import Outcome, OutcomeStatus, TargetKind
from app.models.plans import EvaluationPlan
from app.models.statements import ImpactStatement
from app.models.surveys import Survey, SurveyResponse
from app.models.unit import unit_of
from app.services.inputs._cuts import SETUP
from app.services.inputs._listed import Of, Rows, everywhere, learned, listed, under
from app.services.inputs._provider import Given, Place, Provider, Scope
from app.services.versions import rows_at

_FEWEST = 5
"""People whose answers, scores or observations make evidence of a level; fewer could not be shown anyway."""

_REACH, _REACTION, _LEARNING, _APPLICATION, _IMPACT, _RETURN = range(6)
_ENDED = (InitiativeStatus.CLOSED, InitiativeStatus.EVALUATED, InitiativeStatus.SUSTAINED)


@dataclass(slots=True)
class Design:
    """What an initiative has of the ten things that judging it needs, and the levels planned."""

    items: dict[str, bool] = field(default_factory=dict)
    planned: list[int] = field(default_factory=list)


async def _designs(session: AsyncSession, scope: Scope) -> Mapping[Place, Design]:
    initiatives = rows_at(session, Initiative, scope.as_of)
    planned = await session.execute(
        select(initiatives.c.id, initiatives.c.planned_levels).where(initiatives.c.id.in_(scope.ids))
    )
    found = {row.id: Design(planned=list(row.planned_levels)) for row in planned}
    for name, row in (("behaviour", Behaviour), ("isolation_plan", EvaluationPlan), ("cost_estimate", CostItem)):
        table = rows_at(session, row, scope.as_of)
        there = select(table.c.initiative_id).where(table.c.initiative_id.in_(scope.ids)).distinct()
        for initiative_id in await session.scalars(there):
            if initiative_id in found:
                found[initiative_id].items[name] = True
    for each in (await session.execute(_goals(session, scope))).mappings():
        if each["initiative_id"] in found:
            items = found[each["initiative_id"]].items
            items |= {name: items.get(name, False) or bool(each[name]) for name in _OF_GOALS}
    return {(initiative_id, ()): design for initiative_id, design in found.items()}


_OF_GOALS = ("problem", "gap_size", "owner", "outcome", "baseline", "target_and_date", "data_source")


def _goals(session: AsyncSession, scope: Scope) -> Select[Any]:
    """Return for each alignment in use which things its outcome and objective have, each 0 or 1."""
    alignments, outcomes = rows_at(session, Alignment, scope.as_of), rows_at(session, Outcome, scope.as_of)
    objectives, kpis = rows_at(session, Objective, scope.as_of), rows_at(session, Kpi, scope.as_of)
    values = rows_at(session, Measurement, scope.as_of)
    measured = select(values.c.kpi_id).distinct().subquery()
    needs_none = outcomes.c.target_kind.in_((TargetKind.REACH, TargetKind.MAINTAIN))
    aimed = or_(outcomes.c.target.is_not(None), outcomes.c.target_low.is_not(None), outcomes.c.target_high.is_not(None))
    baseline = outcomes.c.baseline.is_not(None)
    conditions = {
        "problem": objectives.c.problem_statement.is_not(None),
        "gap_size": or_(objectives.c.gap_size.is_not(None), and_(baseline, aimed)),
        "owner": objectives.c.goal_owner_id.is_not(None),
        "outcome": outcomes.c.id.is_not(None),
        "baseline": or_(baseline, needs_none),
        "target_and_date": and_(aimed, outcomes.c.due_on.is_not(None)),
        "data_source": or_(kpis.c.data_source.is_not(None), measured.c.kpi_id.is_not(None)),
    }
    joined = (
        alignments.join(outcomes, outcomes.c.id == alignments.c.outcome_id)
        .join(objectives, objectives.c.id == outcomes.c.objective_id)
        .join(kpis, kpis.c.id == outcomes.c.kpi_id)
        .outerjoin(measured, measured.c.kpi_id == outcomes.c.kpi_id)
    )
    return (
        select(
            alignments.c.initiative_id,
            *(case((condition, 1), else_=0).label(name) for name, condition in conditions.items()),
        )
        .select_from(joined)
        .where(
            alignments.c.initiative_id.in_(scope.ids),
            alignments.c.status.in_((AlignmentStatus.PROPOSED, AlignmentStatus.AGREED)),
            outcomes.c.status != OutcomeStatus.NOT_EVALUABLE,
        )
    )


def _evaluability(found: Design, _scope: Scope) -> Given:
    habits = bad_habits(
        has_problem=found.items.get("problem", False),
        has_behaviour=found.items.get("behaviour", False),
        has_outcome=found.items.get("outcome", False),
        planned_levels=found.planned,
    )
    return Given(dict(found.items), caveats=habits)


def evidence(session: AsyncSession, scope: Scope) -> Select[Any]:
    """Return (initiative_id, level) for every level of evaluation that an initiative has evidence of."""
    tenant_id = unit_of(session).tenant.id
    activities, enrolments = rows_at(session, Activity, scope.as_of), rows_at(session, Enrolment, scope.as_of)
    surveys, responses = rows_at(session, Survey, scope.as_of), rows_at(session, SurveyResponse, scope.as_of)
    scores = rows_at(session, AssessmentScore, scope.as_of)
    behaviours, observations = rows_at(session, Behaviour, scope.as_of), rows_at(session, Observation, scope.as_of)
    who = func.coalesce(responses.c.person_id, responses.c.id)
    learned = enrolments.join(activities, activities.c.id == enrolments.c.activity_id)
    seen = observations.join(behaviours, behaviours.c.id == observations.c.behaviour_id)
    by_people = [
        (_REACH, activities.c.initiative_id, learned, enrolments.c.person_id, enrolments.c.completed_at <= scope.now),
        (_LEARNING, activities.c.initiative_id, learned, enrolments.c.person_id, enrolments.c.passed.is_not(None)),
        (
            _REACTION,
            surveys.c.initiative_id,
            responses.join(surveys, surveys.c.id == responses.c.survey_id),
            who,
            responses.c.answered_on <= scope.today,
        ),
        (_LEARNING, scores.c.initiative_id, scores, scores.c.person_id, scores.c.moment != AssessmentMoment.PRE),
        (
            _APPLICATION,
            behaviours.c.initiative_id,
            seen,
            observations.c.person_id,
            observations.c.observer != Observer.SELF_REPORT,
        ),
    ]
    parts = [
        select(initiative_id.label("initiative_id"), literal(level).label("level"))
        .select_from(tables)
        .where(initiative_id.is_not(None), condition)
        .group_by(initiative_id)
        .having(func.count(func.distinct(person)) >= _FEWEST)
        for level, initiative_id, tables, person, condition in by_people
    ]
    for level, row in ((_IMPACT, EffectEstimate), (_RETURN, ImpactStatement)):
        table: Any = getattr(row, "__table__")  # noqa: B009  set by SQLModel on table classes
        known = table.c.recorded_at <= (scope.as_of or scope.now)
        stood = table.c.status.in_((EffectStatus.ACCEPTED, EffectStatus.EXPIRED)) if level == _IMPACT else known
        accepted = and_(stood, table.c.decided_at <= (scope.as_of or scope.now)) if level == _IMPACT else known
        mine = and_(table.c.tenant_id == tenant_id, table.c.initiative_id.is_not(None), known, accepted)
        parts.append(select(table.c.initiative_id, literal(level)).where(mine))
    return select(union_all(*parts).subquery()).distinct()


_NEEDED: Mapping[str, tuple[type[Noun], tuple[str, ...]]] = {
    "objective": (Objective, ("problem", "gap_size", "owner")),
    "outcome": (Outcome, ("outcome", "gap_size", "baseline", "target_and_date")),
    "kpi": (Kpi, ("data_source",)),
}
"""The nouns along an alignment, each with the things that it may have."""


def _along(noun: str) -> Of:
    """Return the rows of a noun along the alignments in use, which say what there is and what is missing."""

    def of(session: AsyncSession, scope: Scope) -> Rows:
        alignments, outcomes = rows_at(session, Alignment, scope.as_of), rows_at(session, Outcome, scope.as_of)
        row, names = _NEEDED[noun]
        table = outcomes if row is Outcome else rows_at(session, row, scope.as_of)
        tables = alignments.join(outcomes, outcomes.c.id == alignments.c.outcome_id)
        if row is not Outcome:
            tables = tables.join(table, table.c.id == outcomes.c[f"{noun}_id"])
        alive = alignments.c.status.in_((AlignmentStatus.PROPOSED, AlignmentStatus.AGREED))
        in_use = and_(alive, outcomes.c.status != OutcomeStatus.NOT_EVALUABLE)
        return Rows(noun, table, tables, alignments.c.initiative_id, None, dict.fromkeys(names, in_use))

    return of


def _ended(table: FromClause, scope: Scope) -> ColumnElement[bool]:
    return or_(table.c.status.in_(_ENDED), table.c.ends_on < scope.today)


_EVIDENCE = (
    learned("levels"),
    under("survey", Survey, "levels"),
    under("behaviour", Behaviour, "levels"),
    under("evaluation_plan", EvaluationPlan, "levels"),
)


@dataclass(slots=True)
class Chain:
    """The levels planned and those with evidence."""

    planned: list[int] = field(default_factory=list)
    evidenced: set[int] = field(default_factory=set)


async def _chains(session: AsyncSession, scope: Scope) -> Mapping[Place, Chain]:
    initiatives = rows_at(session, Initiative, scope.as_of)
    planned = await session.execute(
        select(initiatives.c.id, initiatives.c.planned_levels).where(initiatives.c.id.in_(scope.ids))
    )
    found = {row.id: Chain(list(row.planned_levels)) for row in planned}
    rows = evidence(session, scope).subquery()
    for initiative_id, level in await session.execute(select(rows).where(rows.c.initiative_id.in_(scope.ids))):
        if initiative_id in found:
            found[initiative_id].evidenced.add(level)
    return {(initiative_id, ()): chain for initiative_id, chain in found.items()}


def _completeness(found: Chain, _scope: Scope) -> Given:
    levels = sorted({*found.planned, *found.evidenced})
    return Given(
        {
            "levels": [
                {"level": level, "planned": level in found.planned, "accepted": level in found.evidenced}
                for level in levels
            ]
        }
    )


@dataclass(frozen=True, slots=True)
class Mix:
    """How many initiatives ended, and how many of these have evidence of the level asked for."""

    initiatives: int = 0
    evaluated: int = 0


async def _mix(session: AsyncSession, scope: Scope) -> Mapping[Place, Mix]:
    table = rows_at(session, Initiative, scope.as_of)
    over = or_(table.c.status.in_(_ENDED), table.c.ends_on < scope.today)
    bounds = [
        *([] if scope.since is None else [table.c.ends_on >= scope.since]),
        *([] if scope.until is None else [table.c.ends_on < scope.until]),
    ]
    ended: set[UUID] = set(await session.scalars(select(table.c.id).where(over, *bounds)))
    rows = evidence(session, scope).subquery()
    level = int(scope.parameters.get("level", _APPLICATION))
    there = set(await session.scalars(select(rows.c.initiative_id).where(rows.c.level == level)))
    return {(scope.tenant_id, ()): Mix(len(ended), len(ended & there))}


def _level_mix(found: Mix, scope: Scope) -> Given:
    level = int(scope.parameters.get("level", _APPLICATION))
    policy = {int(each["level"]): Decimal(each["rate"]) for each in scope.settings.evaluation_policy or []}
    inputs = {"initiatives": found.initiatives, "evaluated": found.evaluated, "policy_rate": policy.get(level)}
    return Given(inputs)


PROVIDERS = (
    Provider(
        metrics={"evaluability_score": _evaluability},
        kinds=frozenset({"initiative"}),
        load=_designs,
        nothing=Design,
        behind={
            "evaluability_score": listed(
                *(_along(noun) for noun in _NEEDED),
                under("behaviour", Behaviour, "behaviour"),
                under("evaluation_plan", EvaluationPlan, "isolation_plan"),
                under("cost_item", CostItem, "cost_estimate"),
            )
        },
        refused=SETUP,
    ),
    Provider(
        metrics={"chain_completeness": _completeness},
        kinds=frozenset({"initiative"}),
        load=_chains,
        nothing=Chain,
        behind={"chain_completeness": listed(*_EVIDENCE)},
        refused=SETUP,
    ),
    Provider(
        metrics={"level_mix": _level_mix},
        kinds=frozenset({"tenant"}),
        load=_mix,
        nothing=Mix,
        behind={"level_mix": listed(everywhere("initiative", Initiative, "initiatives", "evaluated", only=_ended))},
        refused=SETUP,
        parameters=("level",),
    ),
)
