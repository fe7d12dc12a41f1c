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
    ExactNumber,
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
        description="What it cost; below zero for money that came back, which can only make the sum of costs smaller.",
        schema_extra={"examples": [{"amount": "4800.00", "currency": "EUR"}]},
    )
    incurred_on: Day = Field(description="Day of the cost.", schema_extra={"examples": ["2026-02-01"]})
    used: ExactNumber | None = Field(
        default=None, ge=0, description="Of development that serves longer: years or participants borne by this turn."
    )
    lifetime: ExactNumber | None = Field(
        default=None, gt=0, description="Of development that serves longer: all its years or participants."
    )

    @model_validator(mode="after")
    def _is_used_for_no_longer_than_it_lives(self) -> Self:
        if (self.used is None) != (self.lifetime is None):
            raise ValueError("used and lifetime go together: send both, or none")
        if self.used is not None and self.category is not CostCategory.DEVELOPMENT:
            raise ValueError("only development is spread over a lifetime: leave used and lifetime out")
        if self.used is not None and self.lifetime is not None and self.used > self.lifetime:
            raise ValueError("used must not be more than lifetime")
        return self


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
    used: Decimal | None = Field(default=None, sa_type=Exact)
    lifetime: Decimal | None = Field(default=None, sa_type=Exact)


class CostItemRead(ReadShape, CostItemWrite):
    """A cost item as it stands."""

    model_config = ANSWER

    id: CostItemId = Field(description="Public id.")


class ValueKind(StrEnum):
    """What kind of money a unit is: revenue is worth its margin only (Phillips)."""

    MARGIN = "margin"
    SAVING = "saving"
    REVENUE = "revenue"


class UnitValueWrite(Shape):
    """What one unit of a KPI is worth."""

    kpi_id: KpiId = Field(description="The KPI.")
    value: Money = Field(
        description="Money per unit of the KPI and period, above zero: the KPI's direction says which way is a gain.",
        schema_extra={"examples": [{"amount": "310.00", "currency": "EUR"}]},
    )
    kind: ValueKind = Field(
        default=ValueKind.MARGIN, description="margin, saving, or revenue, of which only margin_rate counts."
    )
    margin_rate: ExactNumber | None = Field(
        default=None, gt=0, le=1, description="Of revenue: the share of it that is margin, 0 to 1."
    )
    basis: Prose = Field(
        description="Where the value comes from.",
        schema_extra={"examples": ["Material cost of one scrapped part, controlling 2025"]},
    )
    approver_id: PersonId | None = Field(default=None, description="Who stands for it.")
    valid_from: Day = Field(description="First day on which it holds.", schema_extra={"examples": ["2026-01-01"]})
    valid_to: Day | None = Field(default=None, description="Day after the last; null: open.")

    @model_validator(mode="after")
    def _is_worth_something_for_a_while(self) -> Self:
        if self.value.amount <= 0:
            raise ValueError("value is above zero: the KPI's direction says which way is a gain")
        if (self.kind is ValueKind.REVENUE) != (self.margin_rate is not None):
            raise ValueError("revenue needs its margin_rate, and nothing else has one")
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
    kind: str = Field(default=ValueKind.MARGIN, max_length=20)
    margin_rate: Decimal | None = Field(default=None, sa_type=Exact)
    basis: str
    approver_id: UUID | None = Field(default=None, sa_type=Uuid)
    valid_from: date
    valid_to: date | None = None


class UnitValueRead(ReadShape, UnitValueWrite):
    """A unit value as it stands."""

    model_config = ANSWER

    id: UnitValueId = Field(description="Public id.")
