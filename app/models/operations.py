"""Operations: long work that a request starts and that goes on after its answer (api.md, REST 11)."""

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from pydantic import Field as Part
from sqlalchemy import Index, LargeBinary, UniqueConstraint, Uuid
from sqlmodel import Field

from app.models.base import ANSWER, Answer, Instant, Json, Noun, Piece, ReadShape, Row, tenant_key
from app.models.values import OperationId


class OperationStatus(StrEnum):
    """Where an operation stands. The last three are final."""

    WAITING = "waiting"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


FINAL = (OperationStatus.SUCCEEDED, OperationStatus.FAILED, OperationStatus.CANCELLED)


class Progress(Piece):
    """How far an operation is."""

    done: int = Part(description="Units done.", examples=[4096])
    total: int | None = Part(description="Units in all; null: not known yet.", examples=[65536])
    unit: str = Part(description="What is counted: bytes, deliveries or steps; may grow.", examples=["bytes"])


class OperationError(Piece):
    """Why an operation failed."""

    code: str = Part(description="Stable code, explained at /v1/problems/{code}.", examples=["invalid_request"])
    detail: str = Part(
        description="What went wrong, and what to do.", examples=["Line 12 is no CSV: check the quotes."]
    )


class Operation(Noun, table=True):
    """One piece of long work. A job carries it out; `state` is where that goes on after a break."""

    __tablename__ = "operation"
    __table_args__ = (
        Index("ix_operation_recorded_at", "tenant_id", "recorded_at"),
        Index("ix_operation_status", "tenant_id", "status", "finished_at"),
    )
    prefix: ClassVar[str] = "opn"

    kind: str = Field(max_length=60)
    status: str = Field(default=OperationStatus.WAITING, max_length=20)
    arguments: dict[str, Any] = Field(sa_type=Json)
    progress: dict[str, Any] = Field(sa_type=Json)
    state: dict[str, Any] = Field(default_factory=dict, sa_type=Json)
    result: dict[str, Any] | None = Field(default=None, sa_type=Json)
    error: dict[str, Any] | None = Field(default=None, sa_type=Json)
    started_at: datetime | None = Field(default=None, sa_type=Instant)
    finished_at: datetime | None = Field(default=None, sa_type=Instant)
    cancel_asked_at: datetime | None = Field(default=None, sa_type=Instant)


class OperationInput(Row, table=True):
    """A stretch of what was sent for an operation, compressed; gone when the operation is over."""

    __tablename__ = "operation_input"
    __table_args__ = (
        tenant_key("operation_id", "operation"),
        UniqueConstraint("tenant_id", "operation_id", "ordinal"),
    )

    operation_id: UUID = Field(sa_type=Uuid)
    ordinal: int
    body: bytes = Field(sa_type=LargeBinary)


class OperationItem(Row, table=True):
    """One row of an operation's input that needs somebody's eye."""

    __tablename__ = "operation_item"
    __table_args__ = (
        tenant_key("operation_id", "operation"),
        UniqueConstraint("tenant_id", "operation_id", "line"),
    )
    prefix: ClassVar[str] = "opn"

    operation_id: UUID = Field(sa_type=Uuid)
    line: int
    result: str = Field(max_length=20)
    errors: list[dict[str, Any]] = Field(sa_type=Json)


class OperationRead(ReadShape):
    """Long work, how far it is, and what came of it."""

    model_config = ANSWER

    id: OperationId = Field(description="Public id.")
    kind: str = Field(
        description="What is done: import, replay or effect_estimate; may grow.", schema_extra={"examples": ["import"]}
    )
    status: OperationStatus = Field(
        description="waiting, running, or finally succeeded, failed or cancelled; may grow.",
        schema_extra={"examples": ["running"]},
    )
    arguments: dict[str, Any] = Field(
        description="What was asked for.", schema_extra={"examples": [{"kind": "people", "dry_run": False}]}
    )
    progress: Progress = Field(
        description="How far it is.", schema_extra={"examples": [{"done": 4096, "total": 65536, "unit": "bytes"}]}
    )
    result: dict[str, Any] | None = Field(description="What came of it, by kind; null until it is known.")
    error: OperationError | None = Field(description="Why it failed; null unless it did.")
    started_at: datetime | None = Field(description="When it was begun; null while it waits.")
    finished_at: datetime | None = Field(description="When it was over; null until then.")
    cancel_asked_at: datetime | None = Field(description="When it was asked to stop; null: never.")


class OperationItemRead(Answer):
    """One row of an import that was refused, or that contradicts what is there."""

    line: int = Field(
        description="Number of its line in what was sent, from 1; a header is line 1.", schema_extra={"examples": [12]}
    )
    result: str = Field(
        description="What became of it: refused, conflict, or written with a part refused; may grow.",
        schema_extra={"examples": ["refused"]},
    )
    errors: list[dict[str, Any]] = Field(
        description="code, detail (what to do) and pointer (the column) of each thing wrong.",
        schema_extra={
            "examples": [
                [{"code": "unknown_reference", "detail": "names no org unit of this tenant", "pointer": "/org_unit"}]
            ]
        },
    )
