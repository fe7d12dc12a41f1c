"""Cost items of initiatives and unit values of KPIs: the two ends of every ratio of money."""

from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar, Self
from uuid import UUID

from pydantic import model_validator
from sqlalchemy import Index, Uuid
from sqlmodel import Field

from app.models.base import ANSWER, Exact, Noun, ReadShape, Shape, tenant_key
from app.models.history import historised
from app.models.values import (
    CostItemId,
    Day,
    InitiativeId,
    KpiId,
    Money,
    PersonId,
    Prose,
    Title,
    UnitValueId,
)


class CostCategory(StrEnum):
    """What the money went into; direct ones first (metrics.md, section 6)."""

    STAFF = "staff"
    DEVELOPMENT = "development"
    DELIVERY = "delivery"
    OUTSOURCED = "outsourced"
    TUITION = "tuition"
    LEARNER_TIME = "learner_time"
    TRAVEL = "travel"
    OVERHEAD = "overhead"
    EVALUATION = "evaluation"


class CostItemWrite(Shape):
    """One cost of an initiative."""

    initiative_id: InitiativeId = Field(description="The initiative.")
    title: Title = Field(description="One line.", schema_extra={"examples": ["Trainer days"]})
    category: CostCategory = Field(
        description="learner_time, travel, overhead and evaluation count only as fully loaded.",
        schema_extra={"examples": ["delivery"]},
    )
    cost: Money = Field(
        description="What it cost; below zero for money that came back.",
        schema_extra={"examples": [{"amount": "4800.00", "currency": "EUR"}]},
    )
    incurred_on: Day = Field(description="Day of the cost.", schema_extra={"examples": ["2026-02-01"]})


@historised
class CostItem(Noun, table=True):
    """A cost item of one initiative; its `cost` in two columns."""

    __tablename__ = "cost_item"
    __table_args__ = (
        tenant_key("initiative_id", "initiative"),
        Index("ix_cost_item_initiative", "tenant_id", "initiative_id"),
    )
    prefix: ClassVar[str] = "cst"

    initiative_id: UUID = Field(sa_type=Uuid)
    title: str = Field(max_length=200)
    category: str = Field(max_length=20)
    amount: Decimal = Field(sa_type=Exact)
    currency: str = Field(max_length=3)
    incurred_on: date


class CostItemRead(ReadShape, CostItemWrite):
    """A cost item as it stands."""

    model_config = ANSWER

    id: CostItemId = Field(description="Public id.")


class UnitValueWrite(Shape):
    """What one unit of a KPI is worth."""

    kpi_id: KpiId = Field(description="The KPI.")
    value: Money = Field(
        description="Money per unit of the KPI and period, above zero: the KPI's direction says which way is a gain.",
        schema_extra={"examples": [{"amount": "310.00", "currency": "EUR"}]},
    )
    basis: Prose = Field(
        description="Where the value comes from; revenue must be turned into margin first.",
        schema_extra={"examples": ["Material cost of one scrapped part, controlling 2025"]},
    )
    approver_id: PersonId | None = Field(default=None, description="Who stands for it.")
    valid_from: Day = Field(description="First day on which it holds.", schema_extra={"examples": ["2026-01-01"]})
    valid_to: Day | None = Field(default=None, description="Day after the last; null: open.")

    @model_validator(mode="after")
    def _is_worth_something_for_a_while(self) -> Self:
        if self.value.amount <= 0:
            raise ValueError("value is above zero: the KPI's direction says which way is a gain")
        if self.valid_to and self.valid_to <= self.valid_from:
            raise ValueError("valid_to is the day after the last: it must come after valid_from")
        return self


@historised
class UnitValue(Noun, table=True):
    """A unit value of one KPI; its `value` in two columns."""

    __tablename__ = "unit_value"
    __table_args__ = (
        tenant_key("kpi_id", "kpi"),
        tenant_key("approver_id", "person"),
        Index("ix_unit_value_kpi", "tenant_id", "kpi_id"),
    )
    prefix: ClassVar[str] = "uvl"

    kpi_id: UUID = Field(sa_type=Uuid)
    amount: Decimal = Field(sa_type=Exact)
    currency: str = Field(max_length=3)
    basis: str
    approver_id: UUID | None = Field(default=None, sa_type=Uuid)
    valid_from: date
    valid_to: date | None = None


class UnitValueRead(ReadShape, UnitValueWrite):
    """A unit value as it stands."""

    model_config = ANSWER

    id: UnitValueId = Field(description="Public id.")
