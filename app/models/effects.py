"""Effect estimates: what was asked, what came out, and the evidence grade that was computed."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import Index, Uuid
from sqlmodel import Field, SQLModel

from app.models.base import Instant, Json, Row, Shape, tenant_key
from app.models.effect_results import EffectOptions, EffectResultRead
from app.models.values import EffectEstimateId, InitiativeId, OutcomeId


class EffectEstimateWrite(Shape):
    """A question to the impact engine."""

    initiative_id: InitiativeId = Field(description="The initiative; exposure is its audience's offer.")
    outcome_id: OutcomeId = Field(description="The outcome whose KPI may have moved.")
    estimators: list[str] = Field(
        min_length=1,
        max_length=10,
        description="Which to run, such as first_difference or completers_vs_others (descriptive only).",
        schema_extra={"examples": [["first_difference"]]},
    )
    options: EffectOptions = Field(default_factory=EffectOptions, description="Choices of the run.")


class EffectEstimateRead(SQLModel):
    """A computed answer; it never changes."""

    id: EffectEstimateId = Field(description="Public id.")
    initiative_id: InitiativeId = Field(description="The initiative.")
    outcome_id: OutcomeId = Field(description="The outcome.")
    status: str = Field(
        description="computed, accepted, rejected or expired; may grow.", schema_extra={"examples": ["computed"]}
    )
    request: dict[str, Any] = Field(description="Estimators and options asked for.")
    panel: dict[str, Any] = Field(description="What it rests on: units, periods, exposed units, hash of the data.")
    plan: dict[str, Any] = Field(
        description="How it relates to a locked evaluation plan: status (locked, deviated, none), plan, deviations."
    )
    results: list[EffectResultRead] = Field(description="One per estimator, in the order asked for.")
    recorded_at: datetime = Field(description="When it was computed; the facts are those of that instant.")


class EffectEstimate(Row, table=True):
    """One request for an effect with its results, never changed after it is computed."""

    __tablename__ = "effect_estimate"
    __table_args__ = (
        tenant_key("initiative_id", "initiative"),
        tenant_key("outcome_id", "outcome"),
        Index("ix_effect_estimate_outcome", "tenant_id", "outcome_id"),
    )
    prefix: ClassVar[str] = "eff"

    initiative_id: UUID = Field(sa_type=Uuid)
    outcome_id: UUID = Field(sa_type=Uuid)
    status: str = Field(default="computed", max_length=20)
    request: dict[str, Any] = Field(sa_type=Json)
    results: list[dict[str, Any]] = Field(sa_type=Json)
    panel: dict[str, Any] = Field(sa_type=Json)
    plan: dict[str, Any] = Field(sa_type=Json)
    grade: int | None = None
    recorded_at: datetime = Field(sa_type=Instant)
