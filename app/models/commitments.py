"""Commitments: what a stakeholder promised to do, and whether it was kept."""

from datetime import date
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint, Uuid
from sqlmodel import Field

from app.models.base import ANSWER, Noun, ReadShape, Shape, tenant_key
from app.models.history import historised
from app.models.values import AgreementId, CommitmentId, Day, ExternalId, InitiativeId, PersonId, Title, Word


class CommitmentStatus(StrEnum):
    """Where a commitment stands (product.md)."""

    OPEN = "open"
    KEPT = "kept"
    BROKEN = "broken"


class CommitmentWrite(Shape):
    """What a stakeholder promised to do for an initiative, by when."""

    initiative_id: InitiativeId = Field(description="The initiative.")
    agreement_id: AgreementId | None = Field(default=None, description="The agreement that it is part of.")
    stakeholder_id: PersonId = Field(description="Who promised it.")
    role: Word = Field(description="In which role, such as manager or sponsor.", schema_extra={"examples": ["manager"]})
    promise: Title = Field(
        description="One line.", schema_extra={"examples": ["Give each operator two set-ups a week"]}
    )
    due_on: Day = Field(description="Last day on which it is in time.", schema_extra={"examples": ["2026-04-30"]})
    kept_on: Day | None = Field(default=None, description="Day on which it was kept; set when it is kept, if empty.")
    external_id: ExternalId | None = Field(default=None, description="Your own id; unique in the tenant.")


@historised
class Commitment(Noun, CommitmentWrite, table=True):
    """A commitment to one initiative."""

    __tablename__ = "commitment"
    __table_args__ = (
        tenant_key("initiative_id", "initiative"),
        tenant_key("agreement_id", "agreement"),
        tenant_key("stakeholder_id", "person"),
        UniqueConstraint("tenant_id", "external_id"),
        Index("ix_commitment_initiative", "tenant_id", "initiative_id"),
    )
    prefix: ClassVar[str] = "cmt"

    status: str = Field(default=CommitmentStatus.OPEN, max_length=20)
    initiative_id: UUID = Field(sa_type=Uuid)
    agreement_id: UUID | None = None
    stakeholder_id: UUID = Field(sa_type=Uuid)
    due_on: date


class CommitmentRead(ReadShape, CommitmentWrite):
    """A commitment as it stands."""

    model_config = ANSWER

    id: CommitmentId = Field(description="Public id.")
    status: CommitmentStatus = Field(
        description="Changed by the actions only; may grow.", schema_extra={"examples": ["open"]}
    )
