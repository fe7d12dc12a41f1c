"""Outbound webhooks: where a tenant wants its changes sent, what is to be sent there, and every attempt."""

import re
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, ClassVar
from uuid import UUID

from pydantic import StringConstraints, field_validator
from sqlalchemy import BigInteger, Index, Uuid
from sqlmodel import Field, SQLModel

from app.models.base import ANSWER, Answer, Instant, Json, Noun, ReadShape, Row, Shape, tenant_key
from app.models.tenancy import ChangeRead
from app.models.values import (
    ChangeId,
    Prose,
    Title,
    WebhookAttemptId,
    WebhookEndpointId,
    WebhookMessageId,
    Whole,
)

EVERY_TYPE = "*"
_PATTERN = re.compile(r"\*|[a-z_]{1,40}\.(\*|[a-z_]{1,40})")
_TYPES_MOST = 100

Url = Annotated[str, StringConstraints(min_length=1, max_length=500)]


class EndpointStatus(StrEnum):
    """Whether anything is sent to an endpoint."""

    ACTIVE = "active"
    DISABLED = "disabled"


class MessageStatus(StrEnum):
    """What became of a message to an endpoint."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"


class WebhookEndpointWrite(Shape):
    """An address of yours that changes are sent to."""

    name: Title = Field(description="What it is for.", schema_extra={"examples": ["Data warehouse"]})
    url: Url = Field(
        description="An https address on the public internet. Redirects are not followed: give the final address.",
        schema_extra={"examples": ["https://hooks.example.org/throughline"]},
    )
    event_types: list[str] = Field(
        default=[EVERY_TYPE],
        sa_type=Json,
        min_length=1,
        max_length=_TYPES_MOST,
        description="Types of change to send: `objective.created`, `objective.*`, or `*` for all that there are and "
        "will be.",
        schema_extra={"examples": [["objective.*", "impact_statement.issued"]]},
    )
    description: Prose | None = Field(default=None, description="Notes for your colleagues.")
    disable_after_seconds: Whole = Field(
        default=6 * 3600,
        ge=3600,
        le=30 * 86_400,
        description="After failing for so long without one success it is disabled.",
        schema_extra={"examples": [21_600]},
    )

    @field_validator("event_types")
    @classmethod
    def _are_types(cls, value: list[str]) -> list[str]:
        for each in value:
            if not _PATTERN.fullmatch(each):
                raise ValueError("takes types such as objective.created, objective.* or *")
        return list(dict.fromkeys(value))


class WebhookEndpoint(Noun, WebhookEndpointWrite, table=True):
    """An endpoint of one tenant. (`position`, `ordinal`) is how far the change feed was read for it.

    `secrets` holds {encrypted, until}: the newest first, two during a rotation. `failing_since` is the first failure
    after the last success.
    """

    __tablename__ = "webhook_endpoint"
    prefix: ClassVar[str] = "hook"

    status: str = Field(default=EndpointStatus.ACTIVE, max_length=20)
    status_reason: str | None = None
    secrets: list[dict[str, Any]] = Field(default_factory=list, sa_type=Json)
    position: int = Field(default=0, sa_type=BigInteger)
    ordinal: int = -1
    failing_since: datetime | None = Field(default=None, sa_type=Instant)
    last_success_at: datetime | None = Field(default=None, sa_type=Instant)


class WebhookEndpointRead(ReadShape, WebhookEndpointWrite):
    """An endpoint without its secret."""

    model_config = ANSWER

    id: WebhookEndpointId = Field(description="Public id.")
    status: EndpointStatus = Field(
        description="disabled by you, after failing for too long, or by an answer 410; enable it to go on where it "
        "stopped; may grow.",
        schema_extra={"examples": ["active"]},
    )
    status_reason: str | None = Field(
        description="Why it is disabled and how to go on; null while active.", schema_extra={"examples": [None]}
    )
    failing_since: datetime | None = Field(description="The first failure after the last success; null: all is well.")
    last_success_at: datetime | None = Field(description="When it last took a message; null: never.")


class WebhookEndpointCreated(WebhookEndpointRead):
    """An endpoint with its secret; shown once."""

    secret: str = Field(
        description="What the signatures are checked with (Standard Webhooks); it cannot be shown again.",
        schema_extra={"examples": ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]},
    )


class WebhookMessage(Row, table=True):
    """One change on its way to one endpoint; its id follows from both, so that a replay has the same."""

    __tablename__ = "webhook_message"
    __table_args__ = (
        tenant_key("endpoint_id", "webhook_endpoint"),
        tenant_key("change_id", "change"),
        Index("ix_webhook_message_due", "tenant_id", "endpoint_id", "status", "next_attempt_at"),
        Index("ix_webhook_message_position", "tenant_id", "endpoint_id", "position"),
    )
    prefix: ClassVar[str] = "msg"

    endpoint_id: UUID = Field(sa_type=Uuid)
    change_id: UUID = Field(sa_type=Uuid)
    position: int = Field(sa_type=BigInteger)
    type: str = Field(max_length=81)
    status: str = Field(default=MessageStatus.WAITING, max_length=20)
    attempts: int = 0
    next_attempt_at: datetime | None = Field(default=None, sa_type=Instant)
    created_at: datetime = Field(sa_type=Instant)


class WebhookMessageRead(Answer):
    """One change on its way to one endpoint."""

    model_config = ANSWER

    id: WebhookMessageId = Field(description="Public id; the header webhook-id holds it, in every attempt.")
    endpoint_id: WebhookEndpointId = Field(description="Where it goes.")
    change_id: ChangeId = Field(description="The change that it tells of.")
    type: str = Field(description="The type of the change.", schema_extra={"examples": ["objective.created"]})
    status: MessageStatus = Field(
        description="waiting for an attempt, delivered, or failed in every attempt; may grow.",
        schema_extra={"examples": ["delivered"]},
    )
    attempts: int = Field(description="Attempts so far.", schema_extra={"examples": [1]})
    next_attempt_at: datetime | None = Field(description="When the next attempt is due; null: none is.")
    created_at: datetime = Field(
        description="When it was made from the feed.", schema_extra={"examples": ["2026-02-01T08:30:00.000001Z"]}
    )


class WebhookAttempt(Row, table=True):
    """One attempt to send a message, or a test (`message_id` null), to an endpoint."""

    __tablename__ = "webhook_attempt"
    __table_args__ = (
        tenant_key("endpoint_id", "webhook_endpoint"),
        Index("ix_webhook_attempt_endpoint", "tenant_id", "endpoint_id", "attempted_at"),
    )
    prefix: ClassVar[str] = "att"

    endpoint_id: UUID = Field(sa_type=Uuid)
    message_id: UUID | None = Field(default=None, sa_type=Uuid)
    type: str = Field(max_length=81)
    number: int
    attempted_at: datetime = Field(sa_type=Instant)
    succeeded: bool
    status_code: int | None = None
    reason: str | None = None
    milliseconds: int


class WebhookAttemptRead(Answer):
    """One attempt to send a message."""

    model_config = ANSWER

    id: WebhookAttemptId = Field(description="Public id.")
    endpoint_id: WebhookEndpointId = Field(description="Where it went.")
    message_id: WebhookMessageId | None = Field(description="What was sent; null for a test.")
    type: str = Field(description="The type of what was sent.", schema_extra={"examples": ["objective.created"]})
    number: int = Field(description="1 for the first attempt.", schema_extra={"examples": [1]})
    attempted_at: datetime = Field(
        description="When it began.", schema_extra={"examples": ["2026-02-01T08:30:00.000001Z"]}
    )
    succeeded: bool = Field(description="Whether it was answered 2xx.", schema_extra={"examples": [True]})
    status_code: int | None = Field(
        description="The status answered; null: none came.", schema_extra={"examples": [200]}
    )
    reason: str | None = Field(description="What went wrong; null when it succeeded.")
    milliseconds: int = Field(
        description="Until the answer, or until it was given up.", schema_extra={"examples": [84]}
    )


class WebhookPayload(SQLModel):
    """What an endpoint is sent: a change, without any of the resource's own fields. Read the resource for those."""

    type: str = Field(
        description="`<noun>.<verb>`; new ones may come.", schema_extra={"examples": ["objective.created"]}
    )
    timestamp: datetime = Field(
        description="When it happened, on the tenant's clock.",
        schema_extra={"examples": ["2026-02-01T08:30:00.000001Z"]},
    )
    data: ChangeRead = Field(description="The entry of the change feed.")
