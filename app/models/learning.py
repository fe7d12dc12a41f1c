"""Learning events as stored, and the enrolments folded from them."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import Index, LargeBinary, UniqueConstraint, Uuid, text
from sqlmodel import Field

from app.domain.attempts import EnrolmentState
from app.domain.learning import Kind
from app.models.base import Answer, Exact, Instant, Json, Noun, ReadShape, Row, tenant_key
from app.models.history import historised
from app.models.values import ActivityId, DeliveryId, EnrolmentId, ExactNumber, LearningEventId, PersonId, SourceId


class LearningEventRow(Row, table=True):
    """One normalised fact. It names an identity and an activity reference, never a person or an activity itself.

    `dedup_key` makes it unique within its source; `voids_key` is the dedup key of the event that it takes back. A row
    with `corrects_key` is how a replay reads the event of that dedup key: of its readings the last recorded stands, and
    if that one has the content `NOTHING` the event is told no more. `attempt_key` stands for the sender's number of the
    enrolment, where it tells one.
    """

    __tablename__ = "learning_event"
    __table_args__ = (
        tenant_key("source_id", "source"),
        tenant_key("delivery_id", "delivery"),
        tenant_key("identity_id", "identity"),
        tenant_key("reference_id", "activity_reference"),
        UniqueConstraint("tenant_id", "source_id", "dedup_key"),
        Index("ix_learning_event_fold", "tenant_id", "identity_id", "reference_id"),
        Index("ix_learning_event_delivery", "tenant_id", "delivery_id"),
        Index("ix_learning_event_recorded_at", "tenant_id", "recorded_at", "id"),
        Index(
            "ix_learning_event_voids",
            "tenant_id",
            "source_id",
            "voids_key",
            sqlite_where=text("voids_key IS NOT NULL"),
            postgresql_where=text("voids_key IS NOT NULL"),
        ),
        Index(
            "ix_learning_event_corrects",
            "tenant_id",
            "source_id",
            "corrects_key",
            sqlite_where=text("corrects_key IS NOT NULL"),
            postgresql_where=text("corrects_key IS NOT NULL"),
        ),
    )
    prefix: ClassVar[str] = "evt"

    source_id: UUID = Field(sa_type=Uuid)
    delivery_id: UUID = Field(sa_type=Uuid)
    identity_id: UUID | None = Field(default=None, sa_type=Uuid)
    reference_id: UUID | None = Field(default=None, sa_type=Uuid)
    dedup_key: bytes = Field(sa_type=LargeBinary)
    content_sha256: bytes = Field(sa_type=LargeBinary)
    voids_key: bytes | None = Field(default=None, sa_type=LargeBinary)
    event_key: str | None = None
    kind: str = Field(max_length=20)
    occurred_at: datetime = Field(sa_type=Instant)
    occurred_at_text: str | None = None
    time_inferred: bool = False
    affirmed: bool = False
    recorded_at: datetime = Field(sa_type=Instant)
    passed: bool | None = None
    score_scaled: Decimal | None = Field(default=None, sa_type=Exact)
    score_raw: Decimal | None = Field(default=None, sa_type=Exact)
    score_min: Decimal | None = Field(default=None, sa_type=Exact)
    score_max: Decimal | None = Field(default=None, sa_type=Exact)
    progress: Decimal | None = Field(default=None, sa_type=Exact)
    duration_seconds: int | None = None
    expires_at: datetime | None = Field(default=None, sa_type=Instant)
    due_at: datetime | None = Field(default=None, sa_type=Instant)
    extras: dict[str, Any] = Field(default_factory=dict, sa_type=Json)
    corrects_key: bytes | None = Field(default=None, sa_type=LargeBinary)
    attempt_key: bytes | None = Field(default=None, sa_type=LargeBinary)


OWN_WORDS = frozenset({"response", "nps_comment"})
"""Extras in which learners speak for themselves: like comments on a survey, they are not shown beside a person."""


def shown_extras(extras: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is shown of an event's extras."""
    return {name: value for name, value in extras.items() if name not in OWN_WORDS}


class LearningEventRead(Answer):
    """One normalised fact with the person and the activity that it is linked to today."""

    id: LearningEventId = Field(description="Public id.")
    source_id: SourceId = Field(description="The source that sent it.")
    delivery_id: DeliveryId = Field(description="The request that brought it.")
    kind: Kind = Field(description="What happened; may grow.")
    person_id: PersonId | None = Field(description="The learner; null for a voiding.")
    activity_id: ActivityId | None = Field(description="The activity; null for a voiding.")
    occurred_at: datetime = Field(description="When it happened, by the sender's clock.")
    occurred_at_text: str | None = Field(description="The time as the sender wrote it; null: none sent.")
    time_inferred: bool = Field(description="True when the sender gave no time and that of receipt stands in.")
    affirmed: bool = Field(
        description="True of an enrolment that is told again because something about it changed, not made: it opens "
        "another attempt after a withdrawal or an expiry only."
    )
    dated_ahead: bool = Field(
        description="True when the sender dates it after its receipt here: no figure counts it before that instant."
    )
    recorded_at: datetime = Field(description="When it was recorded here, on the tenant's clock.")
    corrects_id: LearningEventId | None = Field(
        description="The event of which a replay of its delivery made this one: what it says stands for that one; of "
        "kind voided it takes that one back, which the delivery tells no more. Null: it corrects none."
    )
    corrected_at: datetime | None = Field(
        description="When a replay read it otherwise, or no more: it has not counted since. Null: it was not corrected."
    )
    event_key: str | None = Field(description="The sender's own id of the event.")
    passed: bool | None = Field(description="Passed, not passed, or not told.")
    score_scaled: ExactNumber | None = Field(description="Score on -1..1, six places.")
    score_raw: ExactNumber | None = Field(description="Score as the sender counts it.")
    score_min: ExactNumber | None = Field(description="Lowest score that the sender gives.")
    score_max: ExactNumber | None = Field(description="Highest score that the sender gives.")
    progress: ExactNumber | None = Field(description="Progress 0..1.")
    duration_seconds: int | None = Field(description="Time spent.")
    extras: dict[str, Any] = Field(
        description="What else the sender told and the adapter, or the field map, keeps: a registration, the reason of "
        "a waiver, ... Never the learner's own words, which stand in the delivery only.",
        schema_extra={"examples": [{"registration": "f3a1c1b0-7c46-5d55-9f5e-2f8a6d2c4b11"}]},
    )


@historised
class Enrolment(Noun, table=True):
    """One attempt of one person at one activity, folded from events; every version is kept."""

    __tablename__ = "enrolment"
    __table_args__ = (
        tenant_key("person_id", "person"),
        tenant_key("activity_id", "activity"),
        UniqueConstraint("tenant_id", "activity_id", "person_id", "ordinal"),
        Index("ix_enrolment_person", "tenant_id", "person_id"),
    )
    prefix: ClassVar[str] = "enr"

    person_id: UUID = Field(sa_type=Uuid)
    activity_id: UUID = Field(sa_type=Uuid)
    ordinal: int
    state: str = Field(max_length=20)
    enrolled_at: datetime | None = Field(default=None, sa_type=Instant)
    started_at: datetime | None = Field(default=None, sa_type=Instant)
    completed_at: datetime | None = Field(default=None, sa_type=Instant)
    passed_at: datetime | None = Field(default=None, sa_type=Instant)
    failed_at: datetime | None = Field(default=None, sa_type=Instant)
    withdrawn_at: datetime | None = Field(default=None, sa_type=Instant)
    expired_at: datetime | None = Field(default=None, sa_type=Instant)
    expires_at: datetime | None = Field(default=None, sa_type=Instant)
    due_at: datetime | None = Field(default=None, sa_type=Instant)
    passed: bool | None = None
    score_first: Decimal | None = Field(default=None, sa_type=Exact)
    score_best: Decimal | None = Field(default=None, sa_type=Exact)
    score_latest: Decimal | None = Field(default=None, sa_type=Exact)
    progress: Decimal | None = Field(default=None, sa_type=Exact)
    duration_seconds: int | None = None
    first_event_at: datetime = Field(sa_type=Instant)
    last_event_at: datetime = Field(sa_type=Instant)
    time_inferred: bool = False
    events: int = 0
    duplicates: int = 0


class EnrolmentRead(ReadShape):
    """One attempt of one person at one activity."""

    id: EnrolmentId = Field(description="Public id; it belongs to (person, activity, ordinal).")
    person_id: PersonId = Field(description="The learner.")
    activity_id: ActivityId = Field(description="The activity.")
    ordinal: int = Field(description="1 for the first attempt.", schema_extra={"examples": [1]})
    state: EnrolmentState = Field(
        description="Where the attempt stands; may grow.", schema_extra={"examples": ["completed"]}
    )
    enrolled_at: datetime | None = Field(description="When enrolled; null: not told.")
    started_at: datetime | None = Field(description="When first active in it.")
    completed_at: datetime | None = Field(description="When completed; completed is not passed.")
    passed: bool | None = Field(description="Passed, not passed, or not told.")
    score_best: ExactNumber | None = Field(description="Best scaled score of the attempt.")
    due_at: datetime | None = Field(description="Due date told by the source.")
    expires_at: datetime | None = Field(description="End of validity of what was earned.")
    events: int = Field(description="Learning events that make it up.", schema_extra={"examples": [2]})
