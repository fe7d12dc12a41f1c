"""KPIs and their measurements."""

from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar, Self
from uuid import UUID

from pydantic import model_validator
from sqlalchemy import Index, String, UniqueConstraint, Uuid
from sqlmodel import Field

from app.models.base import ANSWER, Exact, Noun, ReadShape, Shape, tenant_key
from app.models.history import historised
from app.models.values import (
    AnyId,
    Day,
    ExactNumber,
    ExternalId,
    Flag,
    KpiId,
    MeasurementId,
    PersonId,
    Prose,
    Title,
    Word,
    Zone,
)


class Direction(StrEnum):
    """Which way is better."""

    HIGHER_IS_BETTER = "higher_is_better"
    LOWER_IS_BETTER = "lower_is_better"


class Aggregation(StrEnum):
    """How values of several subjects in one period become one."""

    SUM = "sum"
    MEAN = "mean"
    RATIO = "ratio"


class Cadence(StrEnum):
    """How often a value is due."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


class KpiStatus(StrEnum):
    """Whether the KPI is in use."""

    ACTIVE = "active"
    RETIRED = "retired"


class SubjectKind(StrEnum):
    """Whom a measurement is about."""

    TENANT = "tenant"
    ORG_UNIT = "org_unit"
    PERSON = "person"


class MeasurementStatus(StrEnum):
    """How far a value can be relied on (product.md)."""

    PROVISIONAL = "provisional"
    CONFIRMED = "confirmed"
    RESTATED = "restated"
    VOIDED = "voided"


class KpiWrite(Shape):
    """The definition of a repeating business measure."""

    name: Title = Field(description="Name as the business uses it.", schema_extra={"examples": ["Scrap rate"]})
    definition: Prose | None = Field(
        default=None,
        description="How it is measured, so that two people get the same number.",
        schema_extra={"examples": ["Scrapped items per 100 produced, from the shift log."]},
    )
    unit: Word = Field(description="Unit of one value.", schema_extra={"examples": ["items per 100"]})
    direction: Direction = Field(
        sa_type=String,
        description="Which way the business wants it to go.",
        schema_extra={"examples": ["lower_is_better"]},
    )
    aggregation: Aggregation = Field(
        default=Aggregation.MEAN,
        sa_type=String,
        description="How values of several subjects in one period become one; ratio sums numerators and denominators.",
    )
    cadence: Cadence = Field(
        default=Cadence.MONTH, sa_type=String, description="One value is due every day, week and so on."
    )
    zone: Zone = Field(default="UTC", description="IANA zone whose days cut the periods.")
    data_source: Title | None = Field(
        default=None,
        description="Where the values come from: system, report, table.",
        schema_extra={"examples": ["Shift log, weekly export"]},
    )
    owner_id: PersonId | None = Field(default=None, description="Who answers for the numbers.")
    external_id: ExternalId | None = Field(default=None, description="Your own id; unique in the tenant.")


@historised
class Kpi(Noun, KpiWrite, table=True):
    """A KPI of one tenant."""

    __tablename__ = "kpi"
    __table_args__ = (tenant_key("owner_id", "person"), UniqueConstraint("tenant_id", "external_id"))
    prefix: ClassVar[str] = "kpi"

    status: str = Field(default=KpiStatus.ACTIVE, max_length=20)
    owner_id: UUID | None = None


class KpiRead(ReadShape, KpiWrite):
    """A KPI as it stands."""

    model_config = ANSWER

    id: KpiId = Field(description="Public id.")
    status: KpiStatus = Field(
        description="Changed by the actions only; may grow.", schema_extra={"examples": ["active"]}
    )


class MeasurementWrite(Shape):
    """One KPI value for one period and one subject. Writing the same key again restates it.

    Periods of one KPI and subject are apart or the same: one that overlaps another is refused (`overlapping_period`).
    """

    kpi_id: KpiId = Field(description="The KPI.")
    subject_kind: SubjectKind = Field(
        default=SubjectKind.TENANT, sa_type=String, description="Whom the value is about."
    )
    subject_id: AnyId | None = Field(
        default=None,
        sa_type=Uuid,
        description="The org unit or person; null for the tenant as a whole.",
    )
    period_start: Day = Field(
        description="First day, local to the KPI's zone.", schema_extra={"examples": ["2026-01-01"]}
    )
    period_end: Day = Field(description="Day after the last day.", schema_extra={"examples": ["2026-02-01"]})
    value: ExactNumber | None = Field(
        default=None,
        sa_type=Exact,
        description="The value; null when given as numerator and denominator, which a ratio KPI needs.",
        schema_extra={"examples": ["4.6"]},
    )
    numerator: ExactNumber | None = Field(default=None, sa_type=Exact, description="Of a ratio KPI.")
    denominator: ExactNumber | None = Field(default=None, sa_type=Exact, description="Of a ratio KPI; above zero.")
    provisional: Flag = Field(default=False, description="Whether the value is still to be confirmed.")

    @model_validator(mode="after")
    def _is_one_value_over_one_period(self) -> Self:
        if self.period_end <= self.period_start:
            raise ValueError("period_end is the day after the last day: it must come after period_start")
        if (self.numerator is None) != (self.denominator is None):
            raise ValueError("give numerator and denominator together, or neither")
        if self.denominator is not None and self.denominator <= 0:
            raise ValueError("denominator must be above zero")
        if (self.value is None) == (self.numerator is None):
            raise ValueError("give either value, or numerator and denominator")
        if (self.subject_kind is SubjectKind.TENANT) != (self.subject_id is None):
            raise ValueError("subject_id names the org unit or person; leave it out for the tenant")
        return self


@historised
class Measurement(Noun, table=True):
    """A measurement; its key is (KPI, subject, period), subject never null (decisions.md, "Measurement key")."""

    __tablename__ = "measurement"
    __table_args__ = (
        tenant_key("kpi_id", "kpi"),
        UniqueConstraint(
            "tenant_id",
            "kpi_id",
            "subject_kind",
            "subject_id",
            "period_start",
            "period_end",
            name="uq_measurement_key",
        ),
        Index("ix_measurement_period", "tenant_id", "kpi_id", "period_start"),
    )
    prefix: ClassVar[str] = "mea"

    kpi_id: UUID = Field(sa_type=Uuid)
    subject_kind: str = Field(max_length=20)
    subject_id: UUID = Field(sa_type=Uuid)
    period_start: date
    period_end: date
    value: Decimal | None = Field(default=None, sa_type=Exact)
    numerator: Decimal | None = Field(default=None, sa_type=Exact)
    denominator: Decimal | None = Field(default=None, sa_type=Exact)
    status: str = Field(default=MeasurementStatus.CONFIRMED, max_length=20)


class MeasurementRead(ReadShape):
    """A measurement as it stands."""

    id: MeasurementId = Field(description="Public id.")
    kpi_id: KpiId = Field(description="The KPI.")
    subject_kind: SubjectKind = Field(description="Whom the value is about.", schema_extra={"examples": ["org_unit"]})
    subject_id: str = Field(
        description="Public id of the tenant, org unit or person.",
        schema_extra={"examples": ["org_01h455vb4pex5vsknk084sn02q"]},
    )
    period_start: date = Field(
        description="First day, local to the KPI's zone.", schema_extra={"examples": ["2026-01-01"]}
    )
    period_end: date = Field(description="Day after the last day.", schema_extra={"examples": ["2026-02-01"]})
    value: ExactNumber | None = Field(
        description="The value; null when given as numerator and denominator.", schema_extra={"examples": ["4.6"]}
    )
    numerator: ExactNumber | None = Field(description="Of a ratio KPI.", schema_extra={"examples": [None]})
    denominator: ExactNumber | None = Field(description="Of a ratio KPI.", schema_extra={"examples": [None]})
    status: MeasurementStatus = Field(
        description="provisional, confirmed, restated or voided; may grow.", schema_extra={"examples": ["confirmed"]}
    )
