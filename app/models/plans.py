"""Evaluation plans: what will be computed, settled before the outcome is known."""

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import Index, String, Uuid
from sqlmodel import Field

from app.models.base import ANSWER, Instant, Json, Noun, ReadShape, Shape, tenant_key
from app.models.effect_options import EffectOptions
from app.models.history import historised
from app.models.initiatives import Assignment
from app.models.values import EvaluationPlanId, InitiativeId, OutcomeId, Prose, Whole


class EvaluationPlanStatus(StrEnum):
    """Where a plan stands (product.md)."""

    DRAFT = "draft"
    LOCKED = "locked"
    EXECUTED = "executed"


class EvaluationPlanWrite(Shape):
    """How an effect will be estimated, and what follows from it."""

    initiative_id: InitiativeId = Field(description="The initiative; exposure is its audience's offer.")
    outcome_id: OutcomeId = Field(description="The outcome whose KPI it should move.")
    estimators: list[str] = Field(
        sa_type=Json,
        min_length=1,
        max_length=10,
        description="Which will be run; the first is the primary one.",
        schema_extra={"examples": [["first_difference"]]},
    )
    options: EffectOptions = Field(
        default_factory=EffectOptions,
        sa_type=Json,
        description="Choices of the run: scale, periods, standard error.",
        schema_extra={"examples": [{}]},
    )
    primary_outcome: bool = Field(
        default=True,
        description="Whether this is the one outcome that the initiative is judged by. Its p-value then needs no "
        "adjustment for the others; of several, the plan locked first counts.",
    )
    assignment: Assignment | None = Field(
        default=None,
        sa_type=String,
        description="How people or units will come to be offered it; null: as the initiative says.",
        schema_extra={"examples": ["random"]},
    )
    comparison: Prose | None = Field(
        default=None,
        description="Who they will be compared with.",
        schema_extra={"examples": ["Operators of the plants whose wave comes later."]},
    )
    lag_days: Whole | None = Field(
        default=None,
        ge=0,
        le=3650,
        description="Days that the effect will need at least; null: as the alignment says.",
        schema_extra={"examples": [30]},
    )
    decision_rule: Prose | None = Field(
        default=None,
        description="What will be decided on which result.",
        schema_extra={"examples": ["Extend the grant if the effect is below zero with at least grade 2."]},
    )


@historised
class EvaluationPlan(Noun, table=True):
    """An evaluation plan; once locked, it never changes."""

    __tablename__ = "evaluation_plan"
    __table_args__ = (
        tenant_key("initiative_id", "initiative"),
        tenant_key("outcome_id", "outcome"),
        Index("ix_evaluation_plan_initiative", "tenant_id", "initiative_id"),
    )
    prefix: ClassVar[str] = "pln"

    initiative_id: UUID = Field(sa_type=Uuid)
    outcome_id: UUID = Field(sa_type=Uuid)
    estimators: list[str] = Field(sa_type=Json)
    options: dict[str, Any] = Field(sa_type=Json)
    primary_outcome: bool = True
    assignment: str | None = Field(default=None, max_length=20)
    comparison: str | None = None
    lag_days: int | None = None
    decision_rule: str | None = None
    status: str = Field(default=EvaluationPlanStatus.DRAFT, max_length=20)
    sha256: str | None = Field(default=None, max_length=64)
    locked_at: datetime | None = Field(default=None, sa_type=Instant)


class EvaluationPlanRead(ReadShape, EvaluationPlanWrite):
    """An evaluation plan as it stands."""

    model_config = ANSWER

    id: EvaluationPlanId = Field(description="Public id.")
    status: EvaluationPlanStatus = Field(
        description="draft, locked or executed; may grow.", schema_extra={"examples": ["draft"]}
    )
    sha256: str | None = Field(description="Hash of what was locked, hex; null while a draft.")
    locked_at: datetime | None = Field(description="When it was locked, on the tenant's clock.")
