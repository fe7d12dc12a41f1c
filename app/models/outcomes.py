"""Outcomes: a KPI with a baseline, a target and a date."""

from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any, ClassVar, Self
from uuid import UUID

from pydantic import ConfigDict, model_validator
from sqlalchemy import Index, String, UniqueConstraint, Uuid
from sqlmodel import Field

from app.models.base import ANSWER, Exact, Json, Noun, Piece, ReadShape, Shape, tenant_key
from app.models.history import historised
from app.models.values import (
    Day,
    ExactNumber,
    ExternalId,
    KpiId,
    ObjectiveId,
    OrgUnitId,
    OutcomeId,
    PersonId,
    Prose,
    Title,
    Weight,
    Whole,
)


class TargetKind(StrEnum):
    """How `target` is to be read (metrics.md, section 4)."""

    ABSOLUTE = "absolute"
    RELATIVE = "relative"
    POINTS = "points"
    REACH = "reach"
    MAINTAIN = "maintain"


class OutcomeStatus(StrEnum):
    """Where an outcome stands (product.md)."""

    DRAFT = "draft"
    BASELINED = "baselined"
    ACTIVE = "active"
    MET = "met"
    NOT_MET = "not_met"
    NOT_EVALUABLE = "not_evaluable"


class PeriodTarget(Piece):
    """Where the KPI is to stand from a day on, until the next one begins."""

    model_config = ConfigDict(extra="forbid")

    from_on: Day = Field(description="First day.", schema_extra={"examples": ["2026-04-01"]})
    target: ExactNumber = Field(description="Value planned, in the KPI's unit.", schema_extra={"examples": ["4.2"]})


class BaselineRead(Piece):
    """A baseline in force from a day on; an earlier one is kept."""

    value: ExactNumber = Field(description="In the KPI's unit.", schema_extra={"examples": ["4.6"]})
    from_on: date | None = Field(description="First day; null: from the beginning.")
    reason: str | None = Field(description="Why it replaced the one before; null: it is the first.")


class RebaselineWrite(Shape):
    """A baseline that replaces the present one, and why."""

    value: ExactNumber = Field(description="In the KPI's unit.", schema_extra={"examples": ["4.9"]})
    from_on: Day = Field(description="First day on which it holds.", schema_extra={"examples": ["2026-06-01"]})
    reason: Prose = Field(
        min_length=1, description="Why.", schema_extra={"examples": ["The scrap log was extended to rework."]}
    )


class OutcomeWrite(Shape):
    """What is to become of a KPI, by when."""

    title: Title = Field(description="One line.", schema_extra={"examples": ["Scrap rate down by a quarter"]})
    objective_id: ObjectiveId = Field(description="The objective that it measures.")
    kpi_id: KpiId = Field(description="The KPI.")
    org_unit_id: OrgUnitId | None = Field(
        default=None, description="The org unit whose KPI it is; null: the tenant, from all its subjects."
    )
    owner_id: PersonId | None = Field(default=None, description="Who answers for it.")
    baseline: ExactNumber | None = Field(
        default=None,
        sa_type=Exact,
        description="Value at the start, in the KPI's unit.",
        schema_extra={"examples": ["4.6"]},
    )
    target_kind: TargetKind = Field(
        default=TargetKind.ABSOLUTE,
        sa_type=String,
        description="absolute: come to `target`; relative: improve by `target` percent of the baseline; points: "
        "improve by `target` units; reach: like absolute, counted from zero without a baseline; maintain: stay between "
        "target_low and target_high. Which way is an improvement, the KPI's direction says.",
    )
    target: ExactNumber | None = Field(
        default=None, sa_type=Exact, description="Read as target_kind says.", schema_extra={"examples": ["3.45"]}
    )
    target_low: ExactNumber | None = Field(
        default=None, sa_type=Exact, description="Lower end of a maintain band, in it; null: open."
    )
    target_high: ExactNumber | None = Field(
        default=None, sa_type=Exact, description="Upper end of a maintain band, in it; null: open."
    )
    starts_on: Day | None = Field(
        default=None, description="Day of the baseline.", schema_extra={"examples": ["2026-01-01"]}
    )
    due_on: Day | None = Field(
        default=None,
        description="Day by which the target is to be reached.",
        schema_extra={"examples": ["2026-12-31"]},
    )
    lag_days: Whole = Field(
        default=0, ge=0, le=3650, description="Days before an effect can show; fewer than from starts_on to due_on."
    )
    weight: Weight | None = Field(
        default=None, sa_type=Exact, description="Weight in the progress of the objective; null: 1."
    )
    period_targets: list[PeriodTarget] | None = Field(
        default=None,
        max_length=400,
        sa_type=Json,
        description="Where it is to stand on the way, each from a day on; null: on the straight line after the lag.",
        schema_extra={"examples": [[{"from_on": "2026-04-01", "target": "4.2"}]]},
    )
    external_id: ExternalId | None = Field(default=None, description="Your own id; unique in the tenant.")

    @model_validator(mode="after")
    def _period_targets_ascend(self) -> Self:
        days = [each.from_on for each in self.period_targets or []]
        if days != sorted(set(days)):
            raise ValueError("period_targets come in order of from_on, one for each day")
        return self


@historised
class Outcome(Noun, OutcomeWrite, table=True):
    """An outcome of one tenant."""

    __tablename__ = "outcome"
    __table_args__ = (
        tenant_key("objective_id", "objective"),
        tenant_key("kpi_id", "kpi"),
        tenant_key("org_unit_id", "org_unit"),
        tenant_key("owner_id", "person"),
        UniqueConstraint("tenant_id", "external_id"),
        Index("ix_outcome_objective", "tenant_id", "objective_id"),
    )
    prefix: ClassVar[str] = "out"

    status: str = Field(default=OutcomeStatus.DRAFT, max_length=20)
    objective_id: UUID = Field(sa_type=Uuid)
    kpi_id: UUID = Field(sa_type=Uuid)
    org_unit_id: UUID | None = None
    owner_id: UUID | None = None
    baseline: Decimal | None = Field(default=None, sa_type=Exact)
    target: Decimal | None = Field(default=None, sa_type=Exact)
    weight: Decimal | None = Field(default=None, sa_type=Exact)
    period_targets: list[dict[str, Any]] | None = Field(default=None, sa_type=Json)  # type: ignore[assignment]  # as JSON
    baselines: list[dict[str, Any]] | None = Field(default=None, sa_type=Json)


class OutcomeRead(ReadShape, OutcomeWrite):
    """An outcome as it stands."""

    model_config = ANSWER

    id: OutcomeId = Field(description="Public id.")
    status: OutcomeStatus = Field(
        description="Changed by the actions only; may grow.", schema_extra={"examples": ["draft"]}
    )
    baselines: list[BaselineRead] | None = Field(
        default=None, description="Every baseline that it has had, oldest first; null: it was never replaced."
    )
