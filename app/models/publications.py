"""Published figures: what was said, as it stood; and restatements, where later facts changed what had been said."""

from datetime import datetime
from typing import Any, ClassVar, Self
from uuid import UUID

from pydantic import BaseModel, model_validator
from pydantic import Field as Part
from sqlalchemy import BigInteger, Index, Uuid
from sqlmodel import Field

from app.models.base import Answer, Instant, Json, Noun, Piece, Shape, tenant_key
from app.models.figures import AudienceSnapshot, FigureRead
from app.models.values import AwareTime, Day, Prose, PublishedFigureId, RestatementId


class FigureQuestion(Shape):
    """A figure as it is asked for: one metric of one subject, or of one segment of it."""

    metric: str = Field(
        max_length=400,
        description="Slug, with parameters in braces.",
        schema_extra={"examples": ["completion_rate{denominator=audience}"]},
    )
    subject: str = Field(
        max_length=60, description="Public id.", schema_extra={"examples": ["ini_01h455vb4pex5vsknk084sn02q"]}
    )
    segment: dict[str, str | None] = Field(
        default={},
        max_length=2,
        description="Value by dimension; null: those without. Empty: all of the subject.",
        schema_extra={"examples": [{"role": "press operator"}]},
    )
    since: Day | None = Field(default=None, description="Only facts placed on this day or later.")
    until: Day | None = Field(default=None, description="Only facts placed before this day.")
    audience: AudienceSnapshot = Field(
        default=AudienceSnapshot.AT_END,
        description="Which snapshot of an audience is counted: that of the start or that of the end of the time.",
        schema_extra={"examples": ["at_end"]},
    )


class PublishWrite(FigureQuestion):
    """A figure to be published."""

    as_of: AwareTime | None = Field(default=None, description="The instant as of which it is said; null: now.")
    note: Prose | None = Field(
        default=None, description="Where it is said.", schema_extra={"examples": ["Board report, first quarter"]}
    )

    @model_validator(mode="after")
    def _runs_forward(self) -> Self:
        if self.since and self.until and self.until <= self.since:
            raise ValueError("until is the day after the last: it must come after since")
        return self


class PublishedFigure(Noun, table=True):
    """A figure as it was said. `stood_at` is its present; `checked_position` the change up to which it still held."""

    __tablename__ = "published_figure"
    __table_args__ = (
        Index("ix_published_figure_subject", "tenant_id", "subject_id"),
        Index("ix_published_figure_current", "tenant_id", "current"),
    )
    prefix: ClassVar[str] = "pub"

    metric: str = Field(max_length=80)
    subject_kind: str = Field(max_length=40)
    subject_id: UUID = Field(sa_type=Uuid)
    question: dict[str, Any] = Field(sa_type=Json)
    figure: dict[str, Any] = Field(sa_type=Json)
    inputs: list[dict[str, Any]] = Field(sa_type=Json)
    note: str | None = None
    stood_at: datetime = Field(sa_type=Instant)
    revision: int = 1
    current: bool = True
    checked_position: int = Field(default=0, sa_type=BigInteger)


class StatedFigure(FigureRead):
    """A figure as it was said, with all that makes it defensible."""


class PublishedFigureRead(Answer):
    """A figure as it was said."""

    id: PublishedFigureId = Field(description="Public id.")
    metric: str = Field(description="Slug of the metric.", schema_extra={"examples": ["completion_rate"]})
    question: FigureQuestion = Field(description="What was asked.")
    figure: StatedFigure = Field(description="The figure; its revision counts restatements.")
    inputs: list[dict[str, Any]] = Field(description="What it was computed from: name and value of each input.")
    note: str | None = Field(description="Where it was said.")
    stood_at: datetime = Field(description="The instant as of which it was said.")
    revision: int = Field(description="1 as first said.", schema_extra={"examples": [1]})
    current: bool = Field(description="False once a later revision replaced it.", schema_extra={"examples": [True]})
    created_at: datetime = Field(description="When it was published.")
    recorded_at: datetime = Field(description="When this row was last written.")


class Restatement(Noun, table=True):
    """A published figure replaced by another, both kept, with the reason."""

    __tablename__ = "restatement"
    __table_args__ = (
        tenant_key("from_id", "published_figure"),
        tenant_key("to_id", "published_figure"),
        Index("ix_restatement_from", "tenant_id", "from_id"),
    )
    prefix: ClassVar[str] = "rst"

    metric: str = Field(max_length=80)
    subject_id: UUID = Field(sa_type=Uuid)
    from_id: UUID = Field(sa_type=Uuid)
    to_id: UUID = Field(sa_type=Uuid)
    because: dict[str, Any] = Field(sa_type=Json)


class Because(Piece):
    """Why a published figure no longer holds."""

    reason: str = Part(
        description="late_events, corrected_measurements or changed_facts; may grow.", examples=["late_events"]
    )
    detail: str = Part(description="The reason in a sentence.")
    facts: list[str] = Part(description="Public ids of the first of those facts.", examples=[[]])


class RestatementRead(Answer):
    """A published figure replaced by another."""

    id: RestatementId = Field(description="Public id.")
    metric: str = Field(description="Slug of the metric.", schema_extra={"examples": ["completion_rate"]})
    from_id: PublishedFigureId = Field(description="What was said.")
    to_id: PublishedFigureId = Field(description="What holds now, for the same instant.")
    because: Because = Field(description="Why.")
    recorded_at: datetime = Field(description="When it was found.")


class ExportedInput(Piece):
    """One input as an explanation gives it; the other fields of it may be sent along."""

    name: str = Part(description="Name in the formula.", examples=["audience"])
    value: Any = Part(description="The value that went in.", examples=[40])


class ExportedEvent(Piece):
    """One learning event as an explanation gives it."""

    delivery_id: str = Part(description="Public id of the delivery.", examples=["dlv_01h455vb4pex5vsknk084sn02q"])
    body_sha256: str = Part(description="SHA-256 of its body, hex.")


class ExportedMeasurement(Piece):
    """One measurement as an explanation gives it."""

    id: str = Part(description="Public id.", examples=["mea_01h455vb4pex5vsknk084sn02q"])
    version: int = Part(description="The version that was used.", examples=[1])
    value: str = Part(description="Its value, a decimal.", examples=["4.6"])


class ExportedExplanation(BaseModel):
    """An explanation as it was given; fields that replaying does not need are passed over."""

    figure: FigureRead = Part(description="The figure that is to be found again.")
    inputs: list[ExportedInput] = Part(
        description="What it was computed from.",
        examples=[[{"name": "audience", "value": 40}, {"name": "started_in_audience", "value": 30}]],
    )
    events: list[ExportedEvent] = Part(default=[], max_length=1000, description="Events whose bytes are checked.")
    measurements: list[ExportedMeasurement] = Part(
        default=[], max_length=1000, description="Measurements whose versions are checked."
    )


class ReplayDifference(Piece):
    """One thing that is not what was exported."""

    field: str = Part(description="Field of the figure, or the id of a fact.", examples=["value"])
    exported: Any = Part(description="What the export says.")
    found: Any = Part(description="What was found.")


class Replay(Piece):
    """Whether an exported explanation holds: formula, numbers, and the facts that it names."""

    holds: bool = Part(description="Whether everything is the same.")
    differences: list[ReplayDifference] = Part(description="What is not.")
    figure: FigureRead = Part(description="The figure computed from the exported inputs.")
