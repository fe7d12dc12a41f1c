"""Activities of an initiative, and the references by which the LMSs know them."""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import StringConstraints
from sqlalchemy import Index, String, UniqueConstraint, Uuid
from sqlmodel import Field

from app.models.assessments import AssessmentMoment
from app.models.base import ANSWER, Exact, Json, Noun, ReadShape, Shape, tenant_key
from app.models.history import historised
from app.models.values import (
    ActivityId,
    ActivityReferenceId,
    Day,
    ExactNumber,
    ExternalId,
    Flag,
    InitiativeId,
    Prose,
    SourceId,
    Title,
    Word,
)

NameInSource = Annotated[str, StringConstraints(min_length=1, max_length=500)]
"""What an LMS calls an activity; xAPI uses whole addresses."""


class ActivityKind(StrEnum):
    """What people do in it."""

    COURSE = "course"
    SESSION = "session"
    EXAM = "exam"
    SURVEY = "survey"
    TASK = "task"


class ActivityStatus(StrEnum):
    """Where an activity stands (product.md)."""

    DRAFT = "draft"
    LIVE = "live"
    RETIRED = "retired"


class ActivityWrite(Shape):
    """A course, session, exam, survey or task."""

    title: Title = Field(description="One line.", schema_extra={"examples": ["Press set-up, basics"]})
    kind: ActivityKind = Field(default=ActivityKind.COURSE, sa_type=String, description="Course, session and so on.")
    description: Prose | None = Field(default=None, description="What people learn to do.")
    initiative_id: InitiativeId | None = Field(
        default=None, description="The initiative that it belongs to; null: not mapped yet."
    )
    required: Flag = Field(
        default=True, description="Whether completing the initiative needs it; optional ones do not count."
    )
    hours: ExactNumber | None = Field(
        default=None, gt=0, sa_type=Exact, description="Hours that it takes by design; null: not said."
    )
    scenario_based: Flag | None = Field(
        default=None, description="Whether people decide in situations from the job; null: not said."
    )
    real_task: Flag | None = Field(default=None, description="Whether people do a task of the job; null: not said.")
    roles: list[Word] = Field(
        default=[], sa_type=Json, max_length=50, description="The job roles that it is made for; none: any role."
    )
    risk_class: Word | None = Field(
        default=None, description="How harmful wrong content would be; the review interval of this class holds."
    )
    assesses: AssessmentMoment | None = Field(
        default=None, sa_type=String, description="Of an exam: whether its score is the pre, post or delayed one."
    )
    external_id: ExternalId | None = Field(default=None, description="Your own id; unique in the tenant.")


@historised
class Activity(Noun, ActivityWrite, table=True):
    """An activity of one tenant."""

    __tablename__ = "activity"
    __table_args__ = (
        tenant_key("initiative_id", "initiative"),
        UniqueConstraint("tenant_id", "external_id"),
        Index("ix_activity_initiative", "tenant_id", "initiative_id"),
    )
    prefix: ClassVar[str] = "act"

    status: str = Field(default=ActivityStatus.LIVE, max_length=20)
    initiative_id: UUID | None = None
    hours: Decimal | None = Field(default=None, sa_type=Exact)


class ActivityRead(ReadShape, ActivityWrite):
    """An activity as it stands."""

    model_config = ANSWER

    id: ActivityId = Field(description="Public id.")
    status: ActivityStatus = Field(
        description="Changed by the actions only; draft: made by itself for an unknown course; may grow.",
        schema_extra={"examples": ["live"]},
    )


class ActivityReferenceWrite(Shape):
    """The name of an activity in one source, from a date on."""

    activity_id: ActivityId = Field(description="The activity.")
    source_id: SourceId = Field(description="The connected LMS.")
    external_id_in_source: NameInSource = Field(
        description="The id that the LMS sends.", schema_extra={"examples": ["884"]}
    )
    content_version: Word | None = Field(default=None, description="Version of the content under this id.")
    valid_from: Day | None = Field(default=None, description="First day of this content version; null: always.")


@historised
class ActivityReference(Noun, ActivityReferenceWrite, table=True):
    """A reference of one source to an activity. Events point here, so that linking it elsewhere refolds them."""

    __tablename__ = "activity_reference"
    __table_args__ = (
        tenant_key("activity_id", "activity"),
        tenant_key("source_id", "source"),
        UniqueConstraint("tenant_id", "source_id", "external_id_in_source"),
        Index("ix_activity_reference_activity", "tenant_id", "activity_id"),
    )
    prefix: ClassVar[str] = "ref"

    activity_id: UUID = Field(sa_type=Uuid)
    source_id: UUID = Field(sa_type=Uuid)


class ActivityReferenceRead(ReadShape, ActivityReferenceWrite):
    """A reference as it stands."""

    model_config = ANSWER

    id: ActivityReferenceId = Field(description="Public id.")
    content_version: str | None = Field(
        default=None, description="Version of the content, as the source tells it.", schema_extra={"examples": ["3"]}
    )
