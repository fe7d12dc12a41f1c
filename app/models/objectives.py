"""Objectives: what the business wants. The canonical noun that the others imitate."""

from decimal import Decimal
from enum import StrEnum
from typing import ClassVar, Self
from uuid import UUID

from pydantic import model_validator
from sqlalchemy import UniqueConstraint
from sqlmodel import Field

from app.models.base import ANSWER, Exact, Noun, ReadShape, Shape, tenant_key
from app.models.history import historised
from app.models.values import Day, ExternalId, ObjectiveId, PersonId, Prose, Title, Weight, Whole, Word


class ObjectiveStatus(StrEnum):
    """Where an objective stands (product.md)."""

    DRAFT = "draft"
    PROPOSED = "proposed"
    AGREED = "agreed"
    ACTIVE = "active"
    ACHIEVED = "achieved"
    MISSED = "missed"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"


class ObjectiveWrite(Shape):
    """What the business wants, in its own words."""

    title: Title = Field(description="One line.", schema_extra={"examples": ["Cut scrap in the plants"]})
    problem_statement: Prose | None = Field(
        default=None,
        description="What is wrong today and how one can tell.",
        schema_extra={"examples": ["Scrap costs 4 % of material; the best plant runs at 1 %."]},
    )
    gap_size: Prose | None = Field(
        default=None,
        description="How large the gap is, in numbers.",
        schema_extra={"examples": ["Three points of scrap, some 400,000 EUR a year"]},
    )
    no_learning_needed_because: Prose | None = Field(
        default=None, description="Why no learning serves it; then it is not counted as unsupported."
    )
    category: Word | None = Field(
        default=None, description="Free grouping, such as quality or safety.", schema_extra={"examples": ["quality"]}
    )
    priority: Whole = Field(default=3, ge=1, le=5, description="1 is the most important, 5 the least.")
    period_start: Day | None = Field(default=None, description="First day of the period it is meant for.")
    period_end: Day | None = Field(default=None, description="Day after the last day of that period.")
    parent_id: ObjectiveId | None = Field(default=None, description="The objective that this one serves.")
    goal_owner_id: PersonId | None = Field(default=None, description="The business person answerable for it; not L&D.")
    weight: Weight | None = Field(
        default=None, sa_type=Exact, description="Weight in the progress of the parent objective; null: 1."
    )
    external_id: ExternalId | None = Field(default=None, description="Your own id; unique in the tenant.")

    @model_validator(mode="after")
    def _period_runs_forward(self) -> Self:
        if self.period_start and self.period_end and self.period_end <= self.period_start:
            raise ValueError("period_end is the day after the last day: it must come after period_start")
        return self


@historised
class Objective(Noun, ObjectiveWrite, table=True):
    """An objective of one tenant."""

    __tablename__ = "objective"
    __table_args__ = (
        tenant_key("parent_id", "objective"),
        tenant_key("goal_owner_id", "person"),
        UniqueConstraint("tenant_id", "external_id"),
    )
    prefix: ClassVar[str] = "obj"

    status: str = Field(default=ObjectiveStatus.DRAFT, max_length=20)
    parent_id: UUID | None = None
    goal_owner_id: UUID | None = None
    weight: Decimal | None = Field(default=None, sa_type=Exact)


class ObjectiveRead(ReadShape, ObjectiveWrite):
    """An objective as it stands."""

    model_config = ANSWER

    id: ObjectiveId = Field(description="Public id.")
    status: ObjectiveStatus = Field(
        description="Changed by the actions only; may grow.", schema_extra={"examples": ["draft"]}
    )
