"""Estimates by people: how much changed, how much of it was the learning, and how sure they are."""

from datetime import date
from decimal import Decimal
from typing import Annotated, ClassVar, Self
from uuid import UUID

from pydantic import Field as Bound
from pydantic import model_validator
from sqlalchemy import Index, UniqueConstraint, Uuid
from sqlmodel import Field

from app.models.base import ANSWER, Exact, Noun, ReadShape, Shape, tenant_key
from app.models.history import historised
from app.models.values import (
    Day,
    ExactNumber,
    ExternalId,
    InitiativeId,
    OutcomeId,
    PersonalEstimateId,
    PersonId,
    SurveyId,
    Word,
)

Rate = Annotated[ExactNumber, Bound(ge=0, le=1)]


class PersonalEstimateWrite(Shape):
    """What one person thinks an initiative did to an outcome. Self-report: never mixed with a measured effect."""

    initiative_id: InitiativeId = Field(description="The initiative.")
    outcome_id: OutcomeId = Field(description="The outcome.")
    survey_id: SurveyId | None = Field(
        default=None, description="The survey that asked; its `invited` are those asked."
    )
    person_id: PersonId | None = Field(default=None, description="Whose estimate it is; null: anonymous.")
    role: Word = Field(
        description="In which role, such as learner, manager or expert.", schema_extra={"examples": ["manager"]}
    )
    change: ExactNumber = Field(
        sa_type=Exact,
        description="The change that the person sees, in the KPI's unit, signed.",
        schema_extra={"examples": ["-1.2"]},
    )
    share_rate: Rate = Field(
        sa_type=Exact, description="Share of it owed to the learning, 0 to 1.", schema_extra={"examples": ["0.4"]}
    )
    confidence_rate: Rate = Field(
        sa_type=Exact, description="How sure the person is of that, 0 to 1.", schema_extra={"examples": ["0.7"]}
    )
    all_shares_rate: ExactNumber | None = Field(
        default=None,
        ge=0,
        le=10,
        sa_type=Exact,
        description="Sum of the shares that the person gave to all factors, this one included; above 1 contradicts "
        "itself. null: only this one was asked.",
    )
    given_on: Day = Field(description="Day of the answer.", schema_extra={"examples": ["2026-08-20"]})
    external_id: ExternalId | None = Field(default=None, description="Your own id; unique in the tenant.")

    @model_validator(mode="after")
    def _is_part_of_all_shares(self) -> Self:
        if self.all_shares_rate is not None and self.all_shares_rate < self.share_rate:
            raise ValueError("all_shares_rate includes this share: it must not be smaller than share_rate")
        return self


@historised
class PersonalEstimate(Noun, PersonalEstimateWrite, table=True):
    """An estimate by one person."""

    __tablename__ = "personal_estimate"
    __table_args__ = (
        tenant_key("initiative_id", "initiative"),
        tenant_key("outcome_id", "outcome"),
        tenant_key("survey_id", "survey"),
        tenant_key("person_id", "person"),
        UniqueConstraint("tenant_id", "external_id"),
        Index("ix_personal_estimate_initiative", "tenant_id", "initiative_id"),
        Index("ix_personal_estimate_outcome", "tenant_id", "outcome_id"),
        Index("ix_personal_estimate_person", "tenant_id", "person_id"),
    )
    prefix: ClassVar[str] = "est"

    initiative_id: UUID = Field(sa_type=Uuid)
    outcome_id: UUID = Field(sa_type=Uuid)
    survey_id: UUID | None = None
    person_id: UUID | None = None
    change: Decimal = Field(sa_type=Exact)
    share_rate: Decimal = Field(sa_type=Exact)
    confidence_rate: Decimal = Field(sa_type=Exact)
    all_shares_rate: Decimal | None = Field(default=None, sa_type=Exact)
    given_on: date


class PersonalEstimateRead(ReadShape, PersonalEstimateWrite):
    """An estimate as it stands."""

    model_config = ANSWER

    id: PersonalEstimateId = Field(description="Public id.")
