"""Whether what is taught is still right: content versions, review intervals by risk class, required certifications."""

from datetime import date
from typing import ClassVar, Self
from uuid import UUID

from pydantic import model_validator
from sqlalchemy import Index, UniqueConstraint, Uuid
from sqlmodel import Field

from app.models.base import ANSWER, Noun, ReadShape, Shape, tenant_key
from app.models.history import historised
from app.models.values import (
    ActivityId,
    ContentVersionId,
    Day,
    ExternalId,
    Flag,
    OrgUnitId,
    PersonId,
    RequirementId,
    ReviewIntervalId,
    Whole,
    Word,
)


class ContentVersionWrite(Shape):
    """One version of an activity's content: since when it is taught, and when it was last found right."""

    activity_id: ActivityId = Field(description="The activity.")
    label: Word = Field(
        description="Its version, as references to the activity tell it.", schema_extra={"examples": ["3.1"]}
    )
    published_on: Day = Field(
        description="First day on which it was taught.", schema_extra={"examples": ["2025-09-01"]}
    )
    reviewed_on: Day | None = Field(
        default=None, description="Day on which it was last found right; null: not since it was published."
    )
    reviewer_id: PersonId | None = Field(default=None, description="Who found it right.")
    expires_on: Day | None = Field(
        default=None, description="First day on which it is wrong; null: no such day is set."
    )
    external_id: ExternalId | None = Field(default=None, description="Your own id; unique in the tenant.")

    @model_validator(mode="after")
    def _is_reviewed_once_it_is_there(self) -> Self:
        if self.reviewed_on and self.reviewed_on < self.published_on:
            raise ValueError("reviewed_on must not come before published_on")
        if self.expires_on and self.expires_on <= self.published_on:
            raise ValueError("expires_on must come after published_on")
        return self


@historised
class ContentVersion(Noun, ContentVersionWrite, table=True):
    """A content version of one activity."""

    __tablename__ = "content_version"
    __table_args__ = (
        tenant_key("activity_id", "activity"),
        tenant_key("reviewer_id", "person"),
        UniqueConstraint("tenant_id", "activity_id", "label"),
        UniqueConstraint("tenant_id", "external_id"),
    )
    prefix: ClassVar[str] = "cnv"

    activity_id: UUID = Field(sa_type=Uuid)
    reviewer_id: UUID | None = None
    published_on: date


class ContentVersionRead(ReadShape, ContentVersionWrite):
    """A content version as it stands."""

    model_config = ANSWER

    id: ContentVersionId = Field(description="Public id.")


class ReviewIntervalWrite(Shape):
    """How often content of a risk class is to be reviewed."""

    risk_class: Word = Field(
        description="As activities name it, such as high; once in the tenant.", schema_extra={"examples": ["high"]}
    )
    days: Whole = Field(
        ge=1, le=36500, description="Longest time between two reviews, in days.", schema_extra={"examples": [180]}
    )


@historised
class ReviewInterval(Noun, ReviewIntervalWrite, table=True):
    """The review interval of one risk class."""

    __tablename__ = "review_interval"
    __table_args__ = (UniqueConstraint("tenant_id", "risk_class"),)
    prefix: ClassVar[str] = "rvi"


class ReviewIntervalRead(ReadShape, ReviewIntervalWrite):
    """A review interval as it stands."""

    model_config = ANSWER

    id: ReviewIntervalId = Field(description="Public id.")


class RequirementWrite(Shape):
    """Who must hold a valid completion of an activity: everyone, or a role, or an org unit and those below it."""

    activity_id: ActivityId = Field(description="The activity that certifies.")
    role: Word | None = Field(
        default=None, description="The job role; null: any.", schema_extra={"examples": ["press operator"]}
    )
    org_unit_id: OrgUnitId | None = Field(
        default=None, description="The org unit, with those below it; null: everywhere."
    )
    grace_days: Whole = Field(default=0, ge=0, le=3650, description="Days after expiry that are still let pass.")
    current_content: Flag = Field(
        default=False, description="Whether it must have been completed in the newest content version."
    )
    starts_on: Day = Field(description="First day on which it holds.", schema_extra={"examples": ["2026-01-01"]})
    ends_on: Day | None = Field(default=None, description="Day after the last; null: open.")
    external_id: ExternalId | None = Field(default=None, description="Your own id; unique in the tenant.")

    @model_validator(mode="after")
    def _holds_for_a_while(self) -> Self:
        if self.ends_on and self.ends_on <= self.starts_on:
            raise ValueError("ends_on is the day after the last: it must come after starts_on")
        return self


@historised
class Requirement(Noun, RequirementWrite, table=True):
    """A required certification."""

    __tablename__ = "requirement"
    __table_args__ = (
        tenant_key("activity_id", "activity"),
        tenant_key("org_unit_id", "org_unit"),
        UniqueConstraint("tenant_id", "external_id"),
        Index("ix_requirement_activity", "tenant_id", "activity_id"),
    )
    prefix: ClassVar[str] = "req"

    activity_id: UUID = Field(sa_type=Uuid)
    org_unit_id: UUID | None = None
    starts_on: date


class RequirementRead(ReadShape, RequirementWrite):
    """A required certification as it stands."""

    model_config = ANSWER

    id: RequirementId = Field(description="Public id.")
