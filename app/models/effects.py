"""Effect estimates: what was asked, what came out, and the evidence grade that was computed."""

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Self
from uuid import UUID

from pydantic import Field as Part
from pydantic import model_validator
from sqlalchemy import Index, Uuid
from sqlmodel import Field

from app.models.base import Answer, Instant, Json, Piece, Row, Shape, tenant_key
from app.models.effect_options import EffectOptions, FamilyMethod
from app.models.effect_results import EffectResultRead
from app.models.values import EffectEstimateId, EvaluationPlanId, InitiativeId, OutcomeId, PanelId, Prose

ESTIMATORS_MOST = 10


class EffectStatus(StrEnum):
    """Where an estimate stands (product.md)."""

    COMPUTED = "computed"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    EXPIRED = "expired"


class ClaimBasis(StrEnum):
    """What an accepted effect claims: all that was estimated, or its share of what several initiatives did together."""

    ALONE = "alone"
    SPLIT = "split"


class AcceptanceWrite(Shape):
    """The decision that an effect stands."""

    basis: ClaimBasis = Field(
        default=ClaimBasis.ALONE,
        description="alone: the whole effect; split: its share (Shapley) of what overlapping initiatives did together.",
    )
    note: Prose | None = Field(default=None, description="Who decided, and why.")


class RejectionWrite(Shape):
    """The decision that an effect does not stand."""

    note: Prose = Field(
        description="Who decided, and why.", schema_extra={"examples": ["A price change hit the same weeks."]}
    )


class EffectClaim(Piece):
    """What an accepted effect claims of its KPI."""

    basis: ClaimBasis = Part(description="alone or split; may grow.", examples=["alone"])
    value: float = Part(description="Summed over exposed units, per period, in the KPI's unit.", examples=[-12.0])
    standard_error: float | None = Part(description="Its standard error.", examples=[4.1])
    units: int = Part(description="Exposed units.", examples=[30])
    share: float | None = Part(description="Of the joint effect, where it was split.", examples=[0.6])


class EffectDecision(Piece):
    """What was decided about an estimate."""

    note: str | None = Part(description="Who decided, and why.", examples=["Plant council, 3 March."])
    claim: EffectClaim | None = Part(description="What it claims; null where it was rejected.")
    replaced_by: str | None = Part(
        default=None, description="The estimate accepted in its place.", examples=["eff_01h455vb4pex5vsknk084sn02q"]
    )


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


class FamilyMember(Piece):
    """Another outcome that the same initiative was asked about."""

    outcome_id: str = Part(description="The outcome.", examples=["out_01h455vb4pex5vsknk084sn02q"])
    effect_estimate_id: str = Part(description="Its newest estimate.", examples=["eff_01h455vb4pex5vsknk084sn02q"])
    estimator: str = Part(description="The accepted estimator, else the first.", examples=["did_2x2"])
    p_value: float = Part(description="Its p-value, not adjusted.", examples=[0.03])
    adjusted_p_value: float = Part(description="The same, adjusted for the family.", examples=[0.06])
    primary: bool = Part(
        description="Whether it is the outcome that a locked plan judges by: not adjusted.", examples=[False]
    )


class Family(Piece):
    """The p-value of an initiative's outcome among all outcomes that it was asked about until then."""

    method: FamilyMethod = Part(description="holm: chance of any false finding; benjamini_hochberg: their share.")
    outcomes: int = Part(description="Outcomes with a p-value, this one included.", examples=[2])
    asked: int = Part(
        description="Outcomes ever asked for of the initiative; one without a p-value counts as finding nothing.",
        examples=[3],
    )
    estimates: int = Part(description="Estimates ever computed of the initiative, this one included.", examples=[5])
    adjusted_p_value: float | None = Part(description="Null where there is no p-value to adjust.", examples=[0.06])
    members: list[FamilyMember] = Part(description="All outcomes with a p-value, this one first.")


class EffectEstimateRead(Answer):
    """A computed answer; its numbers never change, only what people decide about it."""

    id: EffectEstimateId = Field(description="Public id.")
    initiative_id: InitiativeId | None = Field(description="The initiative; null for a panel on its own.")
    outcome_id: OutcomeId | None = Field(description="The outcome; null for a panel on its own.")
    panel_id: PanelId | None = Field(description="The posted panel; null where it rests on stored facts.")
    status: EffectStatus = Field(
        description="computed, then accepted or rejected by people; expired once another one was accepted in its "
        "place; may grow.",
        schema_extra={"examples": ["computed"]},
    )
    decision: EffectDecision | None = Field(description="What was decided; null while computed.")
    decided_at: datetime | None = Field(description="When; null while computed.")
    request: dict[str, Any] = Field(description="Estimators and options asked for.")
    panel: dict[str, Any] = Field(description="What it rests on: units, periods, exposed units, hash of the data.")
    plan: dict[str, Any] = Field(
        description="How it relates to a locked evaluation plan: status (locked, deviated, none), plan, deviations, "
        "and whether the outcome is the primary one."
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
    """One request for an effect with its results, which never change, and what was decided about it.

    `exposed_side`, what the exposed units did, is what a statement multiplies; it is not shown, for they may be few.
    `decisions` are all that were made, each with its `status` and `decided_at`; `decision` is the last.
    """

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
    status: str = Field(default=EffectStatus.COMPUTED, max_length=20)
    decision: dict[str, Any] | None = Field(default=None, sa_type=Json)
    decided_at: datetime | None = Field(default=None, sa_type=Instant)
    decisions: list[dict[str, Any]] | None = Field(default=None, sa_type=Json)
    request: dict[str, Any] = Field(sa_type=Json)
    results: list[dict[str, Any]] = Field(sa_type=Json)
    panel: dict[str, Any] = Field(sa_type=Json)
    plan: dict[str, Any] = Field(sa_type=Json)
    accepted: str | None = Field(default=None, max_length=40)
    family: dict[str, Any] | None = Field(default=None, sa_type=Json)
    grade: int | None = None
    exposed_side: dict[str, Any] | None = Field(default=None, sa_type=Json)
    recorded_at: datetime = Field(sa_type=Instant)
