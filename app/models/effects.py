"""Effect estimates: what was asked, what came out, and the evidence grade that was computed."""

from datetime import datetime
from typing import Any, ClassVar, Self
from uuid import UUID

from pydantic import BaseModel, model_validator
from pydantic import Field as Part
from sqlalchemy import Index, Uuid
from sqlmodel import Field, SQLModel

from app.models.base import Instant, Json, Row, Shape, tenant_key
from app.models.effect_options import EffectOptions, FamilyMethod
from app.models.effect_results import EffectResultRead
from app.models.values import EffectEstimateId, EvaluationPlanId, InitiativeId, OutcomeId, PanelId

ESTIMATORS_MOST = 10


class EffectEstimateWrite(Shape):
    """A question to the impact engine: about an initiative and an outcome, about a panel that you posted, or both."""

    initiative_id: InitiativeId | None = Field(
        default=None,
        description="The initiative; exposure is its audience's offer.",
        schema_extra={"examples": ["ini_01h455vb4pex5vsknk084sn02q"]},
    )
    outcome_id: OutcomeId | None = Field(
        default=None,
        description="The outcome whose KPI may have moved.",
        schema_extra={"examples": ["out_01h455vb4pex5vsknk084sn02q"]},
    )
    panel_id: PanelId | None = Field(default=None, description="A posted panel to compute from; absent: stored facts.")
    plan_id: EvaluationPlanId | None = Field(
        default=None,
        description="The locked plan that this follows; absent: the first one locked for initiative and outcome.",
    )
    estimators: list[str] = Field(
        default=[],
        max_length=ESTIMATORS_MOST,
        description="Which to run, such as first_difference or completers_vs_others (descriptive only). Empty: those "
        "of the plan, else those that the design allows, the primary one first.",
        schema_extra={"examples": [["first_difference"]]},
    )
    options: EffectOptions = Field(default_factory=EffectOptions, description="Choices of the run.")

    @model_validator(mode="after")
    def _is_about_something(self) -> Self:
        if (self.initiative_id is None) != (self.outcome_id is None):
            raise ValueError("initiative_id and outcome_id go together")
        if self.panel_id is None and self.initiative_id is None and self.plan_id is None:
            raise ValueError("tell what it is about: initiative_id and outcome_id, plan_id, or panel_id")
        if len(set(self.estimators)) < len(self.estimators):
            raise ValueError("estimators holds one of them twice")
        return self


class FamilyMember(BaseModel):
    """Another outcome that the same initiative was asked about."""

    outcome_id: str = Part(description="The outcome.", examples=["out_01h455vb4pex5vsknk084sn02q"])
    effect_estimate_id: str = Part(description="Its newest estimate.", examples=["eff_01h455vb4pex5vsknk084sn02q"])
    estimator: str = Part(description="The accepted estimator, else the first.", examples=["did_2x2"])
    p_value: float = Part(description="Its p-value, not adjusted.", examples=[0.03])
    adjusted_p_value: float = Part(description="The same, adjusted for the family.", examples=[0.06])


class Family(BaseModel):
    """The p-value of an initiative's outcome among all outcomes that it was asked about until then."""

    method: FamilyMethod = Part(description="holm: chance of any false finding; benjamini_hochberg: their share.")
    outcomes: int = Part(description="Outcomes with a p-value, this one included.", examples=[2])
    adjusted_p_value: float | None = Part(description="Null where there is no p-value to adjust.", examples=[0.06])
    members: list[FamilyMember] = Part(description="All outcomes with a p-value, this one first.")


class EffectEstimateRead(SQLModel):
    """A computed answer; it never changes."""

    id: EffectEstimateId = Field(description="Public id.")
    initiative_id: InitiativeId | None = Field(description="The initiative; null for a panel on its own.")
    outcome_id: OutcomeId | None = Field(description="The outcome; null for a panel on its own.")
    panel_id: PanelId | None = Field(description="The posted panel; null where it rests on stored facts.")
    status: str = Field(
        description="computed, accepted, rejected or expired; may grow.", schema_extra={"examples": ["computed"]}
    )
    request: dict[str, Any] = Field(description="Estimators and options asked for.")
    panel: dict[str, Any] = Field(description="What it rests on: units, periods, exposed units, hash of the data.")
    plan: dict[str, Any] = Field(
        description="How it relates to a locked evaluation plan: status (locked, deviated, none), plan, deviations."
    )
    accepted: str | None = Field(
        description="The most credible result: the highest grade, among equals the smallest effect. Null: none is an "
        "effect.",
        schema_extra={"examples": ["first_difference"]},
    )
    family: Family | None = Field(description="Among the other outcomes asked for; null without an initiative.")
    results: list[EffectResultRead] = Field(description="One per estimator, in the order asked for.")
    recorded_at: datetime = Field(description="When it was computed; the facts are those of that instant.")


class EffectEstimate(Row, table=True):
    """One request for an effect with its results, never changed after it is computed."""

    __tablename__ = "effect_estimate"
    __table_args__ = (
        tenant_key("initiative_id", "initiative"),
        tenant_key("outcome_id", "outcome"),
        tenant_key("panel_id", "panel"),
        Index("ix_effect_estimate_outcome", "tenant_id", "outcome_id"),
        Index("ix_effect_estimate_initiative", "tenant_id", "initiative_id"),
    )
    prefix: ClassVar[str] = "eff"

    initiative_id: UUID | None = Field(default=None, sa_type=Uuid)
    outcome_id: UUID | None = Field(default=None, sa_type=Uuid)
    panel_id: UUID | None = Field(default=None, sa_type=Uuid)
    status: str = Field(default="computed", max_length=20)
    request: dict[str, Any] = Field(sa_type=Json)
    results: list[dict[str, Any]] = Field(sa_type=Json)
    panel: dict[str, Any] = Field(sa_type=Json)
    plan: dict[str, Any] = Field(sa_type=Json)
    accepted: str | None = Field(default=None, max_length=40)
    family: dict[str, Any] | None = Field(default=None, sa_type=Json)
    grade: int | None = None
    recorded_at: datetime = Field(sa_type=Instant)
