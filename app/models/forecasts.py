"""What people say about an outcome besides its target: forecasts, and overrides of its status."""

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
    Day,
    ExactNumber,
    ExternalId,
    ForecastId,
    OutcomeId,
    PersonId,
    Prose,
    StatusOverrideId,
)


class ForecastWrite(Shape):
    """What somebody expected of an outcome's KPI on a day, with an interval; and what came of it."""

    outcome_id: OutcomeId = Field(description="The outcome.")
    author_id: PersonId | None = Field(default=None, description="Whose forecast it is; null: the service's own.")
    made_on: Day = Field(description="Day on which it was made.", schema_extra={"examples": ["2026-04-02"]})
    for_on: Day = Field(description="Day that it speaks of.", schema_extra={"examples": ["2026-12-31"]})
    point: ExactNumber = Field(
        sa_type=Exact, description="Expected value, in the KPI's unit.", schema_extra={"examples": ["3.6"]}
    )
    low: ExactNumber = Field(
        sa_type=Exact, description="Lower end of the interval.", schema_extra={"examples": ["3.2"]}
    )
    high: ExactNumber = Field(
        sa_type=Exact, description="Upper end of the interval.", schema_extra={"examples": ["4.1"]}
    )
    level: ExactNumber = Field(
        default=Decimal("0.8"),
        gt=0,
        lt=1,
        sa_type=Exact,
        description="How often intervals like this are meant to hold.",
        schema_extra={"examples": ["0.8"]},
    )
    actual: ExactNumber | None = Field(
        default=None, sa_type=Exact, description="What came of it, in the KPI's unit; null: not known yet."
    )
    external_id: ExternalId | None = Field(default=None, description="Your own id; unique in the tenant.")

    @model_validator(mode="after")
    def _expects_something_to_come(self) -> Self:
        if not self.low <= self.point <= self.high:
            raise ValueError("point must lie between low and high")
        if self.for_on < self.made_on:
            raise ValueError("for_on must not come before made_on: that would be no forecast")
        return self


@historised
class Forecast(Noun, ForecastWrite, table=True):
    """A forecast of one outcome."""

    __tablename__ = "forecast"
    __table_args__ = (
        tenant_key("outcome_id", "outcome"),
        tenant_key("author_id", "person"),
        UniqueConstraint("tenant_id", "external_id"),
        Index("ix_forecast_outcome", "tenant_id", "outcome_id"),
    )
    prefix: ClassVar[str] = "fct"

    outcome_id: UUID = Field(sa_type=Uuid)
    author_id: UUID | None = None
    made_on: date
    for_on: date
    point: Decimal = Field(sa_type=Exact)
    low: Decimal = Field(sa_type=Exact)
    high: Decimal = Field(sa_type=Exact)
    level: Decimal = Field(default=Decimal("0.8"), sa_type=Exact)
    actual: Decimal | None = Field(default=None, sa_type=Exact)


class ForecastRead(ReadShape, ForecastWrite):
    """A forecast as it stands."""

    model_config = ANSWER

    id: ForecastId = Field(description="Public id.")


class AttainmentStatus(StrEnum):
    """What the status of an outcome can be said to be."""

    TOO_EARLY = "too_early"
    ON_TRACK = "on_track"
    AT_RISK = "at_risk"
    OFF_TRACK = "off_track"
    MET = "met"
    MISSED = "missed"
    UNKNOWN = "unknown"


class StatusOverrideWrite(Shape):
    """A status that a person gives an outcome, with author and reason. It stands beside the computed one."""

    outcome_id: OutcomeId = Field(description="The outcome.")
    status: AttainmentStatus = Field(
        sa_type=String, description="What the author says that it is.", schema_extra={"examples": ["at_risk"]}
    )
    reason: Prose = Field(
        min_length=1,
        description="Why the computed one misleads.",
        schema_extra={"examples": ["The supplier's new steel arrives in May."]},
    )
    author_id: PersonId = Field(description="Who says so.")
    from_on: Day = Field(description="First day on which it is shown.", schema_extra={"examples": ["2026-05-04"]})
    to_on: Day | None = Field(default=None, description="Day after the last; null: until it is archived.")

    @model_validator(mode="after")
    def _is_shown_for_a_while(self) -> Self:
        if self.to_on and self.to_on <= self.from_on:
            raise ValueError("to_on is the day after the last: it must come after from_on")
        return self


@historised
class StatusOverride(Noun, StatusOverrideWrite, table=True):
    """An override of the status of one outcome."""

    __tablename__ = "status_override"
    __table_args__ = (
        tenant_key("outcome_id", "outcome"),
        tenant_key("author_id", "person"),
        Index("ix_status_override_outcome", "tenant_id", "outcome_id"),
    )
    prefix: ClassVar[str] = "ovr"

    outcome_id: UUID = Field(sa_type=Uuid)
    author_id: UUID = Field(sa_type=Uuid)
    from_on: date


class StatusOverrideRead(ReadShape, StatusOverrideWrite):
    """An override as it stands."""

    model_config = ANSWER

    id: StatusOverrideId = Field(description="Public id.")
