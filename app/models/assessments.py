"""What people can do: scores that no LMS sends, standards of proficiency, and when people reached them."""

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
    ActivityId,
    AssessmentScoreId,
    Day,
    ExactNumber,
    ExternalId,
    InitiativeId,
    PersonId,
    ProficiencyStandardId,
    Prose,
    StandardAttainmentId,
    Title,
    Whole,
    Word,
)


class AssessmentMoment(StrEnum):
    """When it is taken: before the learning, right after it, or weeks later."""

    PRE = "pre"
    POST = "post"
    DELAYED = "delayed"


class AssessmentScoreWrite(Shape):
    """What one person scored, where no LMS sends it."""

    initiative_id: InitiativeId = Field(description="The initiative.")
    activity_id: ActivityId | None = Field(default=None, description="The activity that it assesses, if one.")
    person_id: PersonId = Field(description="Who took it.")
    moment: AssessmentMoment = Field(
        sa_type=String,
        description="pre, post or delayed; the same instrument each time.",
        schema_extra={"examples": ["pre"]},
    )
    instrument: Word | None = Field(
        default=None, description="Which test; only scores of one instrument are compared with each other."
    )
    score: ExactNumber = Field(sa_type=Exact, description="Points.", schema_extra={"examples": ["62"]})
    minimum: ExactNumber = Field(
        default=Decimal(0), sa_type=Exact, description="Fewest points possible.", schema_extra={"examples": ["0"]}
    )
    maximum: ExactNumber = Field(
        default=Decimal(100), sa_type=Exact, description="Most points possible.", schema_extra={"examples": ["100"]}
    )
    taken_on: Day = Field(description="Day on which it was taken.", schema_extra={"examples": ["2026-02-27"]})
    external_id: ExternalId | None = Field(default=None, description="Your own id; unique in the tenant.")

    @model_validator(mode="after")
    def _lies_on_its_scale(self) -> Self:
        if self.maximum <= self.minimum:
            raise ValueError("maximum must be above minimum")
        if not self.minimum <= self.score <= self.maximum:
            raise ValueError("score must lie between minimum and maximum")
        return self


@historised
class AssessmentScore(Noun, AssessmentScoreWrite, table=True):
    """A score of one person."""

    __tablename__ = "assessment_score"
    __table_args__ = (
        tenant_key("initiative_id", "initiative"),
        tenant_key("activity_id", "activity"),
        tenant_key("person_id", "person"),
        UniqueConstraint("tenant_id", "external_id"),
        Index("ix_assessment_score_initiative", "tenant_id", "initiative_id"),
        Index("ix_assessment_score_person", "tenant_id", "person_id"),
        Index("ix_assessment_score_activity", "tenant_id", "activity_id"),
    )
    prefix: ClassVar[str] = "asc"

    initiative_id: UUID = Field(sa_type=Uuid)
    activity_id: UUID | None = None
    person_id: UUID = Field(sa_type=Uuid)
    score: Decimal = Field(sa_type=Exact)
    minimum: Decimal = Field(default=Decimal(0), sa_type=Exact)
    maximum: Decimal = Field(default=Decimal(100), sa_type=Exact)
    taken_on: date


class AssessmentScoreRead(ReadShape, AssessmentScoreWrite):
    """A score as it stands."""

    model_config = ANSWER

    id: AssessmentScoreId = Field(description="Public id.")


class ProficiencyStandardWrite(Shape):
    """What it takes to count as proficient, and for how long it must be held."""

    title: Title = Field(description="One line.", schema_extra={"examples": ["Sets up a press alone"]})
    criterion: Prose | None = Field(default=None, description="What must be done, how well.")
    initiative_id: InitiativeId | None = Field(default=None, description="The initiative that leads to it.")
    role: Word | None = Field(default=None, description="The job role that needs it.")
    hold_days: Whole = Field(
        default=30,
        ge=0,
        le=3650,
        description="Days for which it must be held to count as sustained.",
        schema_extra={"examples": [30]},
    )
    external_id: ExternalId | None = Field(default=None, description="Your own id; unique in the tenant.")


@historised
class ProficiencyStandard(Noun, ProficiencyStandardWrite, table=True):
    """A standard of proficiency."""

    __tablename__ = "proficiency_standard"
    __table_args__ = (
        tenant_key("initiative_id", "initiative"),
        UniqueConstraint("tenant_id", "external_id"),
        Index("ix_proficiency_standard_initiative", "tenant_id", "initiative_id"),
    )
    prefix: ClassVar[str] = "prs"

    initiative_id: UUID | None = None


class ProficiencyStandardRead(ReadShape, ProficiencyStandardWrite):
    """A standard as it stands."""

    model_config = ANSWER

    id: ProficiencyStandardId = Field(description="Public id.")


class StandardAttainmentWrite(Shape):
    """One person on the way to a standard: since when, and on which day it was first reached for good."""

    standard_id: ProficiencyStandardId = Field(description="The standard.")
    person_id: PersonId = Field(description="The person.")
    starts_on: Day | None = Field(
        default=None, description="Day from which the time is counted; null: the day the person joined."
    )
    attained_on: Day | None = Field(
        default=None,
        description="First day of the time for which it was held; null: not reached yet.",
        schema_extra={"examples": ["2026-06-01"]},
    )
    external_id: ExternalId | None = Field(default=None, description="Your own id; unique in the tenant.")

    @model_validator(mode="after")
    def _is_attained_after_it_starts(self) -> Self:
        if self.starts_on and self.attained_on and self.attained_on < self.starts_on:
            raise ValueError("attained_on must not come before starts_on")
        return self


@historised
class StandardAttainment(Noun, StandardAttainmentWrite, table=True):
    """One person's way to one standard."""

    __tablename__ = "standard_attainment"
    __table_args__ = (
        tenant_key("standard_id", "proficiency_standard"),
        tenant_key("person_id", "person"),
        UniqueConstraint("tenant_id", "external_id"),
        Index("ix_standard_attainment_standard", "tenant_id", "standard_id"),
        Index("ix_standard_attainment_person", "tenant_id", "person_id"),
    )
    prefix: ClassVar[str] = "sat"

    standard_id: UUID = Field(sa_type=Uuid)
    person_id: UUID = Field(sa_type=Uuid)


class StandardAttainmentRead(ReadShape, StandardAttainmentWrite):
    """One person's way to a standard, as it stands."""

    model_config = ANSWER

    id: StandardAttainmentId = Field(description="Public id.")
