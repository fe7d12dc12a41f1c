"""Reviews of the learning loop, the decisions taken in them, and the actions that follow."""

from datetime import date
from enum import StrEnum
from typing import ClassVar, Self
from uuid import UUID

from pydantic import model_validator
from sqlalchemy import Index, String, UniqueConstraint, Uuid
from sqlmodel import Field

from app.models.base import ANSWER, Noun, ReadShape, Shape, tenant_key
from app.models.history import historised
from app.models.values import (
    ActionId,
    Day,
    DecisionId,
    ExternalId,
    InitiativeId,
    ObjectiveId,
    PersonId,
    Prose,
    ReviewId,
    Title,
)


class ReviewStatus(StrEnum):
    """Where a review stands (product.md)."""

    SCHEDULED = "scheduled"
    HELD = "held"
    MISSED = "missed"
    WAIVED = "waived"


class ReviewWrite(Shape):
    """One turn of the learning loop, to be held within a window of days."""

    title: Title = Field(description="One line.", schema_extra={"examples": ["Second quarter, press set-up"]})
    initiative_id: InitiativeId | None = Field(default=None, description="The initiative that is reviewed.")
    objective_id: ObjectiveId | None = Field(default=None, description="The objective that is reviewed.")
    owner_id: PersonId | None = Field(default=None, description="Who calls it.")
    opens_on: Day = Field(
        description="First day on which it can be held in time.", schema_extra={"examples": ["2026-07-01"]}
    )
    due_on: Day = Field(description="Last day on which it is in time.", schema_extra={"examples": ["2026-07-15"]})
    held_on: Day | None = Field(default=None, description="Day on which it was held; set when it is held, if empty.")
    reason: Prose | None = Field(default=None, description="Why it was waived or missed; needed to waive it.")
    external_id: ExternalId | None = Field(default=None, description="Your own id; unique in the tenant.")

    @model_validator(mode="after")
    def _its_window_runs_forward(self) -> Self:
        if self.due_on < self.opens_on:
            raise ValueError("due_on must not come before opens_on")
        return self


@historised
class Review(Noun, ReviewWrite, table=True):
    """A review of an initiative, an objective, or all of it."""

    __tablename__ = "review"
    __table_args__ = (
        tenant_key("initiative_id", "initiative"),
        tenant_key("objective_id", "objective"),
        tenant_key("owner_id", "person"),
        UniqueConstraint("tenant_id", "external_id"),
        Index("ix_review_initiative", "tenant_id", "initiative_id"),
        Index("ix_review_objective", "tenant_id", "objective_id"),
    )
    prefix: ClassVar[str] = "rev"

    status: str = Field(default=ReviewStatus.SCHEDULED, max_length=20)
    initiative_id: UUID | None = None
    objective_id: UUID | None = None
    owner_id: UUID | None = None
    opens_on: date
    due_on: date


class ReviewRead(ReadShape, ReviewWrite):
    """A review as it stands."""

    model_config = ANSWER

    id: ReviewId = Field(description="Public id.")
    status: ReviewStatus = Field(
        description="Changed by the actions only; may grow.", schema_extra={"examples": ["scheduled"]}
    )


class DecisionKind(StrEnum):
    """What a review can decide (product.md)."""

    CONTINUE = "continue"
    FIX = "fix"
    SCALE = "scale"
    STOP = "stop"
    REVISE_CONTENT = "revise_content"


class DecisionWrite(Shape):
    """What a review decided, by whom and why."""

    review_id: ReviewId = Field(description="The review.")
    kind: DecisionKind = Field(
        sa_type=String,
        description="continue, fix, scale, stop or revise_content.",
        schema_extra={"examples": ["scale"]},
    )
    rationale: Prose | None = Field(
        default=None,
        description="Why, in terms of what the figures said.",
        schema_extra={"examples": ["Scrap fell by a third where managers followed up."]},
    )
    decider_id: PersonId | None = Field(default=None, description="Who decided.")
    decided_on: Day = Field(description="Day of the decision.", schema_extra={"examples": ["2026-07-08"]})
    external_id: ExternalId | None = Field(default=None, description="Your own id; unique in the tenant.")


@historised
class Decision(Noun, DecisionWrite, table=True):
    """A decision of one review."""

    __tablename__ = "decision"
    __table_args__ = (
        tenant_key("review_id", "review"),
        tenant_key("decider_id", "person"),
        UniqueConstraint("tenant_id", "external_id"),
        Index("ix_decision_review", "tenant_id", "review_id"),
    )
    prefix: ClassVar[str] = "dec"

    review_id: UUID = Field(sa_type=Uuid)
    decider_id: UUID | None = None
    decided_on: date


class DecisionRead(ReadShape, DecisionWrite):
    """A decision as it stands."""

    model_config = ANSWER

    id: DecisionId = Field(description="Public id.")


class ActionStatus(StrEnum):
    """Where an action stands (product.md)."""

    OPEN = "open"
    DONE = "done"
    OVERDUE = "overdue"
    DROPPED = "dropped"


class ActionWrite(Shape):
    """Who does what by when, as a review wants it."""

    review_id: ReviewId = Field(description="The review.")
    decision_id: DecisionId | None = Field(default=None, description="The decision of that review that it carries out.")
    title: Title = Field(description="One line.", schema_extra={"examples": ["Brief the night shift's foremen"]})
    owner_id: PersonId | None = Field(default=None, description="Who does it.")
    due_on: Day = Field(description="Last day on which it is in time.", schema_extra={"examples": ["2026-08-15"]})
    closed_on: Day | None = Field(default=None, description="Day on which it was done; set when it is done, if empty.")
    reason: Prose | None = Field(default=None, description="Why it was dropped; needed to drop it.")
    external_id: ExternalId | None = Field(default=None, description="Your own id; unique in the tenant.")


@historised
class Action(Noun, ActionWrite, table=True):
    """An action that follows from a review."""

    __tablename__ = "action"
    __table_args__ = (
        tenant_key("review_id", "review"),
        tenant_key("decision_id", "decision"),
        tenant_key("owner_id", "person"),
        UniqueConstraint("tenant_id", "external_id"),
        Index("ix_action_review", "tenant_id", "review_id"),
    )
    prefix: ClassVar[str] = "atn"

    status: str = Field(default=ActionStatus.OPEN, max_length=20)
    review_id: UUID = Field(sa_type=Uuid)
    decision_id: UUID | None = None
    owner_id: UUID | None = None
    due_on: date


class ActionRead(ReadShape, ActionWrite):
    """An action as it stands."""

    model_config = ANSWER

    id: ActionId = Field(description="Public id.")
    status: ActionStatus = Field(
        description="Changed by the actions only; figures look at due_on and closed_on. May grow.",
        schema_extra={"examples": ["open"]},
    )
