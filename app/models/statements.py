"""Impact statements: an accepted effect times its unit value against the cost, with its uncertainty and its caveats."""

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Self
from uuid import UUID

from pydantic import ConfigDict, Field, model_validator
from sqlalchemy import Index, Uuid
from sqlmodel import Field as Column

from app.models.base import Answer, Instant, Json, Piece, Row, Shape, tenant_key
from app.models.effects import EffectClaim
from app.models.values import (
    EffectEstimateId,
    EvaluationPlanId,
    ExactNumber,
    ImpactStatementId,
    InitiativeId,
    Money,
    OutcomeId,
    Prose,
    UnitValueId,
)

DRAWS_LEAST, DRAWS_MOST = 10_000, 200_000


class MoneyRange(Piece):
    """An uncertain amount: triangular over `mode`, without one lognormal with 90 % between `low` and `high`."""

    model_config = ConfigDict(extra="forbid")

    low: ExactNumber = Field(gt=0, description="Lower end.", examples=["250"])
    high: ExactNumber = Field(gt=0, description="Upper end.", examples=["380"])
    mode: ExactNumber | None = Field(default=None, description="Most likely amount.", examples=["310"])

    @model_validator(mode="after")
    def _ascends(self) -> Self:
        if not self.low <= (self.low if self.mode is None else self.mode) <= self.high:
            raise ValueError("low, mode and high must ascend")
        return self


class StatementStatus(StrEnum):
    """Where a statement stands (product.md)."""

    DRAFT = "draft"
    ISSUED = "issued"
    RESTATED = "restated"


class RestatementWrite(Shape):
    """Why a statement is stated anew."""

    reason: Prose | None = Column(
        default=None,
        description="What happened; absent: what changed in the facts.",
        schema_extra={"examples": ["The shift log of week 31 was corrected."]},
    )


class StatementRestatement(Piece):
    """How a statement hangs together with the one before or after it."""

    restates: str | None = Field(
        default=None, description="The statement that this one replaces.", examples=["stm_01h455vb4pex5vsknk084sn02q"]
    )
    restated_by: str | None = Field(
        default=None, description="The statement that replaces this one.", examples=["stm_01h455vb4pex5vsknk084sn02q"]
    )
    reason: str = Field(description="Why.", examples=["Changed since it was stated: measurements."])
    failed: str | None = Field(
        default=None, description="Why it could not be stated anew, though its facts have changed; null: it could."
    )


class ImpactStatementWrite(Shape):
    """What an effect of an initiative was worth."""

    effect_estimate_id: EffectEstimateId = Column(
        description="The estimate, of an initiative and an outcome; its accepted result is valued."
    )
    unit_value_id: UnitValueId | None = Column(
        default=None,
        description="What one unit of the KPI is worth; absent: the one in force on the day of the estimate.",
    )
    unit_value_range: MoneyRange | None = Column(
        default=None, description="The same as a range, in the unit value's currency; absent: exact."
    )
    cost_range: MoneyRange | None = Column(default=None, description="The cost as a range; absent: the cost items.")
    assumed_periods: float = Column(
        default=0.0, ge=0, le=1000, description="Periods beyond the observed ones in which it is believed to last."
    )
    hurdle: float = Column(default=0.0, ge=-1, le=1000, description="Return that is asked for: 0.1 is 10 %.")
    draws: int = Column(default=DRAWS_LEAST, ge=DRAWS_LEAST, le=DRAWS_MOST, description="Draws of the simulation.")
    seed: int = Column(default=0, ge=0, lt=2**53, description="Its seed.")


class ImpactStatementRead(Answer):
    """A statement; its numbers never change, and the same facts give the same ones to the last digit."""

    id: ImpactStatementId = Column(description="Public id.")
    status: StatementStatus = Column(
        description="draft; issued once the effect was accepted; restated when another one took its place; may grow.",
        schema_extra={"examples": ["draft"]},
    )
    issued_at: datetime | None = Column(description="When it was issued; null while a draft.")
    restatement: StatementRestatement | None = Column(
        description="What it replaces, or what replaced it; null: neither."
    )
    effect_estimate_id: EffectEstimateId = Column(description="The estimate that it rests on.")
    initiative_id: InitiativeId = Column(description="The initiative.")
    outcome_id: OutcomeId = Column(description="The outcome.")
    plan_id: EvaluationPlanId | None = Column(description="The locked plan, if there is one.")
    claim: EffectClaim | None = Column(
        description="What the effect claims: all of it, or its share of what several initiatives did together; null "
        "while it is not accepted."
    )
    effect: dict[str, Any] = Column(description="The accepted result: value, interval, grade, reasons, words.")
    statement: str = Column(description="The effect and its worth in words that its grade allows.")
    usage: str = Column(
        description="headline from grade 3 up, indicative at 2, refused below; may grow.",
        schema_extra={"examples": ["indicative"]},
    )
    reason: str | None = Column(description="Why it is no headline.")
    unit_value: Money = Column(description="Money per unit of the KPI and period.")
    cost: Money = Column(description="All cost items of the initiative, fully loaded.")
    stakes: dict[str, Any] = Column(description="What was multiplied: units exposed, periods observed, level before.")
    observed: dict[str, Any] | None = Column(
        description="Benefit, net, bcr and roi inside the observed window with intervals, P(ROI>0) and P(ROI>hurdle); "
        "`units` names the unit of each ratio: roi is in percent. Figures of money are of a year: they say how much of "
        "it was observed."
    )
    with_assumption: dict[str, Any] | None = Column(description="The same with the assumed periods; never a headline.")
    break_even_share: float | None = Column(description="Share of the raw change that would pay for the cost.")
    break_even_effect: float | None = Column(description="Effect per unit and period that would pay for the cost.")
    caveats: list[str] = Column(description="What must be said beside it.")
    provenance: dict[str, Any] = Column(description="Plan hash, data hash, code version, seed and draws.")
    sha256: str = Column(description="Hash of all numbers, hex.")
    recorded_at: datetime = Column(description="When it was computed, on the tenant's clock.")


class Recomputation(Piece):
    """Whether the facts of that instant still give the same numbers."""

    equal: bool = Field(description="Whether every byte is the same.")
    sha256: str = Field(description="Hash of the numbers computed now.")
    stated_sha256: str = Field(description="Hash of the numbers stated.")
    changed: list[str] = Field(
        description="What has changed in the facts since, by kind: facts, costs, unit_value; empty: nothing.",
        examples=[["facts"]],
    )


class ImpactStatement(Row, table=True):
    """A statement of one tenant; `body` is the canonical content that was hashed."""

    __tablename__ = "impact_statement"
    __table_args__ = (
        tenant_key("effect_estimate_id", "effect_estimate"),
        tenant_key("initiative_id", "initiative"),
        tenant_key("outcome_id", "outcome"),
        tenant_key("unit_value_id", "unit_value"),
        Index("ix_impact_statement_initiative", "tenant_id", "initiative_id"),
    )
    prefix: ClassVar[str] = "stm"

    effect_estimate_id: UUID = Column(sa_type=Uuid)
    initiative_id: UUID = Column(sa_type=Uuid)
    outcome_id: UUID = Column(sa_type=Uuid)
    unit_value_id: UUID = Column(sa_type=Uuid)
    status: str = Column(default=StatementStatus.DRAFT, max_length=20)
    issued_at: datetime | None = Column(default=None, sa_type=Instant)
    restatement: dict[str, Any] | None = Column(default=None, sa_type=Json)
    request: dict[str, Any] = Column(sa_type=Json)
    body: dict[str, Any] = Column(sa_type=Json)
    sha256: str = Column(max_length=64)
    recorded_at: datetime = Column(sa_type=Instant)
