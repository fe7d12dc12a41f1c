"""Evaluation plans: written as drafts, locked by hash, and compared with what was computed later."""

import hashlib
import json
from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from app.domain.errors import Conflict
from app.models.effect_options import EffectOptions, Transform
from app.models.kpis import Kpi, Measurement
from app.models.plans import EvaluationPlan, EvaluationPlanRead, EvaluationPlanStatus, EvaluationPlanWrite
from app.models.unit import unit_of
from app.services import nouns
from app.services.nouns import NounType

_LOCKED = (
    "initiative_id",
    "outcome_id",
    "estimators",
    "options",
    "primary_outcome",
    "assignment",
    "comparison",
    "lag_days",
    "decision_rule",
)


async def _is_a_draft(_session: AsyncSession, row: EvaluationPlan) -> None:
    """Refuse to change what was locked."""
    if row.status != EvaluationPlanStatus.DRAFT:
        raise Conflict("A locked plan never changes: write another one.", code="wrong_state")


def _columns(fields: EvaluationPlanWrite) -> dict[str, Any]:
    return fields.model_dump() | {"options": fields.options.model_dump(mode="json")}


PLANS = NounType(
    row=EvaluationPlan,
    write=EvaluationPlanWrite,
    read=EvaluationPlanRead,
    plural="evaluation_plans",
    filters=("status", "initiative_id", "outcome_id", "assignment", "primary_outcome"),
    check=_is_a_draft,
    columns=_columns,
)


async def lock(session: AsyncSession, plan_id: UUID, *, versions: Sequence[int] | None) -> EvaluationPlan:
    """Freeze a draft under its hash; locking it again changes nothing."""
    row = await nouns.get(session, PLANS, plan_id)
    nouns.expect(row, versions)
    if row.status == EvaluationPlanStatus.DRAFT:
        row.status = EvaluationPlanStatus.LOCKED
        row.locked_at = unit_of(session).tick()
        row.sha256 = fingerprint(row)
        await nouns.keep(session, row, "locked")
    return row


def fingerprint(row: EvaluationPlan) -> str:
    """Return the SHA-256, in hex, of everything that a plan promises."""
    promised = {name: getattr(row, name) for name in _LOCKED}
    return hashlib.sha256(json.dumps(promised, sort_keys=True, default=str).encode()).hexdigest()


async def in_force(session: AsyncSession, initiative_id: UUID, outcome_id: UUID) -> EvaluationPlan | None:
    """Return the first plan that was locked for an initiative and an outcome, or None."""
    statement = (
        select(EvaluationPlan)
        .where(
            col(EvaluationPlan.initiative_id) == initiative_id,
            col(EvaluationPlan.outcome_id) == outcome_id,
            col(EvaluationPlan.status) != EvaluationPlanStatus.DRAFT,
            col(EvaluationPlan.archived_at).is_(None),
        )
        .order_by(col(EvaluationPlan.locked_at))
        .limit(1)
    )
    return await session.scalar(statement)


async def locked_in_time(session: AsyncSession, plan: EvaluationPlan, kpi: Kpi, exposed_from: date) -> bool:
    """Return whether no value of a period that reaches beyond `exposed_from` was known when the plan was locked."""
    first_known = await session.scalar(
        select(func.min(col(Measurement.created_at))).where(
            col(Measurement.kpi_id) == kpi.id, col(Measurement.period_end) > exposed_from
        )
    )
    return plan.locked_at is not None and (first_known is None or plan.locked_at < first_known)


def deviations(
    plan: EvaluationPlan,
    estimators: Sequence[str],
    options: EffectOptions,
    *,
    transform: Transform,
    assignment: str | None = None,
) -> list[str]:
    """Return what was asked differently from what the plan says, in words; no estimators: those of the plan.

    `transform` holds where neither chose a scale. Every option counts, those with their default too; only who took part
    is left to the facts by a plan that does not say it. `assignment` is how units came to be exposed in the end; None:
    not known.
    """
    found = [f"{name} was not planned" for name in estimators if name not in plan.estimators]
    if plan.assignment is not None and assignment not in {None, plan.assignment}:
        found.append(f"assignment: planned {plan.assignment!r}, in the end {assignment!r}")
    promised = EffectOptions.model_validate(plan.options).settled(transform)
    return found + [
        f"option {name}: planned {promised[name]!r}, asked {value!r}"
        for name, value in options.settled(transform).items()
        if promised[name] != value and (name != "take_up" or promised[name] is not None)
    ]
