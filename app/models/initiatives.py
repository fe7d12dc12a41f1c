"""Initiatives, their alignments to outcomes, and the agreements on those."""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, ClassVar, Self
from uuid import UUID

from pydantic import Field as Bound
from pydantic import model_validator
from sqlalchemy import Index, String, UniqueConstraint, Uuid
from sqlmodel import Field

from app.models.base import ANSWER, Exact, Json, Noun, ReadShape, Shape, tenant_key
from app.models.history import historised
from app.models.values import (
    AgreementId,
    AlignmentId,
    Day,
    ExactNumber,
    ExternalId,
    InitiativeId,
    Integer,
    OutcomeId,
    PersonId,
    Prose,
    Title,
    Weight,
    Whole,
)


class InitiativeStatus(StrEnum):
    """Where an initiative stands (product.md)."""

    IDEA = "idea"
    ALIGNED = "aligned"
    READY = "ready"
    RUNNING = "running"
    CLOSED = "closed"
    EVALUATED = "evaluated"
    SUSTAINED = "sustained"
    REVISED = "revised"
    RETIRED = "retired"


class Assignment(StrEnum):
    """How people or units came to be offered the initiative (impact.md 3.1)."""

    RANDOM = "random"
    LOTTERY = "lottery"
    ROLLOUT = "rollout"
    THRESHOLD = "threshold"
    VOLUNTARY = "voluntary"
    MANDATORY = "mandatory"
    UNKNOWN = "unknown"


Level = Annotated[Integer, Bound(ge=0, le=5)]
"""A level of evaluation (Kirkpatrick, Phillips)."""


class InitiativeWrite(Shape):
    """A planned learning effort."""

    title: Title = Field(description="One line.", schema_extra={"examples": ["Training grants for machine operators"]})
    description: Prose | None = Field(default=None, description="What people will learn to do, and how.")
    owner_id: PersonId | None = Field(default=None, description="Who runs it.")
    starts_on: Day | None = Field(default=None, description="First day.")
    ends_on: Day | None = Field(default=None, description="Last day.")
    assignment: Assignment = Field(
        default=Assignment.UNKNOWN,
        sa_type=String,
        description="How people or units came to be offered it; decides what evidence is possible.",
    )
    planned_levels: list[Level] = Field(
        default=[],
        sa_type=Json,
        max_length=6,
        description="Levels at which it is to be evaluated: 0 reach, 1 reaction, 2 learning, 3 application, 4 impact, "
        "5 return.",
        schema_extra={"examples": [[1, 3, 4]]},
    )
    external_id: ExternalId | None = Field(default=None, description="Your own id; unique in the tenant.")

    @model_validator(mode="after")
    def _dates_run_forward(self) -> Self:
        if self.starts_on and self.ends_on and self.ends_on < self.starts_on:
            raise ValueError("ends_on must not come before starts_on")
        return self


@historised
class Initiative(Noun, InitiativeWrite, table=True):
    """An initiative of one tenant."""

    __tablename__ = "initiative"
    __table_args__ = (tenant_key("owner_id", "person"), UniqueConstraint("tenant_id", "external_id"))
    prefix: ClassVar[str] = "ini"

    status: str = Field(default=InitiativeStatus.IDEA, max_length=20)
    owner_id: UUID | None = None


class InitiativeRead(ReadShape, InitiativeWrite):
    """An initiative as it stands."""

    model_config = ANSWER

    id: InitiativeId = Field(description="Public id.")
    status: InitiativeStatus = Field(
        description="Changed by the actions only; may grow.", schema_extra={"examples": ["idea"]}
    )


class AlignmentStatus(StrEnum):
    """Where an alignment stands (product.md)."""

    PROPOSED = "proposed"
    AGREED = "agreed"
    LAPSED = "lapsed"
    ENDED = "ended"


class AlignmentWrite(Shape):
    """Why an initiative should move an outcome."""

    initiative_id: InitiativeId = Field(description="The initiative.")
    outcome_id: OutcomeId = Field(description="The outcome that it should move.")
    hypothesis: Prose | None = Field(
        default=None,
        description="Because of what people will do, the KPI moves.",
        schema_extra={"examples": ["Operators who set up the press themselves stop the drift that makes scrap."]},
    )
    expected_effect: ExactNumber | None = Field(
        default=None, sa_type=Exact, description="Expected change, in the KPI's unit, signed."
    )
    weight: Weight = Field(default=Decimal(1), sa_type=Exact, description="Share of the initiative's spend, relative.")
    lag_days: Whole = Field(default=0, ge=0, le=3650, description="Days before the effect can show.")
    valid_from: Day | None = Field(default=None, description="First day on which the link holds.")
    valid_to: Day | None = Field(default=None, description="Day after the last; null: open.")
    external_id: ExternalId | None = Field(default=None, description="Your own id; unique in the tenant.")

    @model_validator(mode="after")
    def _validity_runs_forward(self) -> Self:
        if self.valid_from and self.valid_to and self.valid_to <= self.valid_from:
            raise ValueError("valid_to is the day after the last: it must come after valid_from")
        return self


@historised
class Alignment(Noun, AlignmentWrite, table=True):
    """A link between an initiative and an outcome."""

    __tablename__ = "alignment"
    __table_args__ = (
        tenant_key("initiative_id", "initiative"),
        tenant_key("outcome_id", "outcome"),
        UniqueConstraint("tenant_id", "initiative_id", "outcome_id"),
        UniqueConstraint("tenant_id", "external_id"),
        Index("ix_alignment_outcome", "tenant_id", "outcome_id"),
    )
    prefix: ClassVar[str] = "aln"

    status: str = Field(default=AlignmentStatus.PROPOSED, max_length=20)
    initiative_id: UUID = Field(sa_type=Uuid)
    outcome_id: UUID = Field(sa_type=Uuid)
    expected_effect: Decimal | None = Field(default=None, sa_type=Exact)
    weight: Decimal = Field(default=Decimal(1), sa_type=Exact)


class AlignmentRead(ReadShape, AlignmentWrite):
    """An alignment as it stands."""

    model_config = ANSWER

    id: AlignmentId = Field(description="Public id.")
    status: AlignmentStatus = Field(
        description="Changed by the actions only; may grow.", schema_extra={"examples": ["proposed"]}
    )


class AgreementStatus(StrEnum):
    """Where an agreement stands (product.md)."""

    SIGNED = "signed"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


class AgreementWrite(Shape):
    """The goal owner's sign-off on an alignment."""

    alignment_id: AlignmentId = Field(description="What is agreed on.")
    goal_owner_id: PersonId = Field(description="Who signs for the business.")
    duties: Prose | None = Field(default=None, description="What the business does for it, by whom.")
    expected_impact: Prose | None = Field(default=None, description="What both sides expect.")
    signed_on: Day = Field(description="Day of the signature.", schema_extra={"examples": ["2026-02-01"]})
    expires_on: Day | None = Field(default=None, description="Day after the last on which it binds; null: open.")

    @model_validator(mode="after")
    def _expires_after_signing(self) -> Self:
        if self.expires_on and self.expires_on <= self.signed_on:
            raise ValueError("expires_on is the day after the last: it must come after signed_on")
        return self


@historised
class Agreement(Noun, AgreementWrite, table=True):
    """An agreement on an alignment."""

    __tablename__ = "agreement"
    __table_args__ = (
        tenant_key("alignment_id", "alignment"),
        tenant_key("goal_owner_id", "person"),
        Index("ix_agreement_alignment", "tenant_id", "alignment_id"),
    )
    prefix: ClassVar[str] = "agr"

    status: str = Field(default=AgreementStatus.SIGNED, max_length=20)
    alignment_id: UUID = Field(sa_type=Uuid)
    goal_owner_id: UUID = Field(sa_type=Uuid)


class AgreementRead(ReadShape, AgreementWrite):
    """An agreement as it stands."""

    model_config = ANSWER

    id: AgreementId = Field(description="Public id.")
    status: AgreementStatus = Field(
        description="Changed by the actions only; may grow.", schema_extra={"examples": ["signed"]}
    )
