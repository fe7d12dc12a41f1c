"""Sources, the connected LMSs, and the deliveries that they made."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, ClassVar
from uuid import UUID

from sqlalchemy import Index, LargeBinary, UniqueConstraint, Uuid
from sqlmodel import Field

from app.models.base import ANSWER, Answer, Instant, Json, Noun, ReadShape, Row, Shape, tenant_key
from app.models.learning import LearningEventRead
from app.models.values import DeliveryId, Integer, Slug, SourceId, Title, Zone

QUERY_HEADER = ":query"
"""Stands among the kept headers of a delivery for the query of its address. No header on the wire starts so."""

PATH_HEADER = ":path"
"""Stands there for the address itself, of a delivery that came to another one than the source's webhook."""

TEST_HEADER = ":test-event"
"""Marks a delivery that this service made itself: it never counts."""

UNVERIFIED_HEADER = ":unverified"
"""Marks a handshake that was kept although nothing proved its sender: it never counts."""

IMPORT_HEADER = ":import"
"""Marks lines of a table that was imported for the source; its value is the kind of table."""


REDACTED_HEADER = ":redacted"
"""Marks a delivery whose body and headers are gone, because they told of a person who was erased; its hash stays."""


ERASED_REASON = "redacted: it told of a person who was erased"


class SourceStatus(StrEnum):
    """Whether deliveries come (product.md)."""

    PENDING = "pending"
    ACTIVE = "active"
    PAUSED = "paused"
    SILENT = "silent"


class DeliveryStatus(StrEnum):
    """What became of a delivery (product.md)."""

    APPLIED = "applied"
    IGNORED = "ignored"
    QUARANTINED = "quarantined"
    REJECTED = "rejected"


class SourceWrite(Shape):
    """How an LMS connects."""

    name: Title = Field(description="Name for people.", schema_extra={"examples": ["Docebo, production"]})
    slug: Slug = Field(
        description="Name in the webhook URL; it cannot be changed.", schema_extra={"examples": ["docebo"]}
    )
    adapter: Slug = Field(
        description="The format it sends: one of GET /v1/adapters.", schema_extra={"examples": ["docebo"]}
    )
    authentication: dict[str, Any] = Field(
        default_factory=dict,
        sa_type=Json,
        description="{scheme, ...options}; empty: the adapter's usual one. Another scheme drops the former "
        "one's options and the secret: rotate it.",
        schema_extra={"examples": [{"scheme": "basic"}]},
    )
    mapping: dict[str, Any] = Field(
        default_factory=dict,
        sa_type=Json,
        description="Field map; only for the mapped adapter.",
        schema_extra={"examples": [{}]},
    )
    zone: Zone = Field(default="UTC", description="IANA zone of times that carry none.")
    silence_after_seconds: Annotated[Integer, Field(ge=60, le=2**31 - 1)] | None = Field(
        default=None, description="Without a delivery for so long the source counts as silent; null: never."
    )


class Source(Noun, SourceWrite, table=True):
    """A connected LMS. `secrets` holds {encrypted, until}: the newest first, two during a rotation."""

    __tablename__ = "source"
    __table_args__ = (UniqueConstraint("tenant_id", "slug"),)
    prefix: ClassVar[str] = "src"

    status: str = Field(default=SourceStatus.PENDING, max_length=20)
    webhook_path: str = Field(max_length=200)
    secrets: list[dict[str, Any]] = Field(default_factory=list, sa_type=Json)
    last_delivery_at: datetime | None = Field(default=None, sa_type=Instant)


class SourceRead(ReadShape, SourceWrite):
    """A source without its secrets."""

    model_config = ANSWER

    id: SourceId = Field(description="Public id.")
    status: SourceStatus = Field(
        description="pending until the first delivery; may grow.", schema_extra={"examples": ["active"]}
    )
    last_delivery_at: datetime | None = Field(description="When the last authentic delivery came; null: never.")
    webhook_path: str = Field(
        description="Where the LMS posts to, on this service; a secret segment may follow it.",
        schema_extra={"examples": ["/v1/webhooks/acme/docebo"]},
    )


class SourceCreated(SourceRead):
    """A source with what the LMS needs; shown once."""

    webhook_url: str = Field(
        description="Type this address into the LMS; it may hold a secret segment.",
        schema_extra={"examples": ["https://learning.example.org/v1/webhooks/acme/docebo"]},
    )
    xapi_url: str | None = Field(
        default=None,
        description="The endpoint to type into an authoring tool, or another sender of statements; null: not xAPI.",
        schema_extra={"examples": ["https://learning.example.org/v1/xapi/acme/storyline/"]},
    )
    secret: str | None = Field(description="The secret to type into the LMS, in the scheme's form; null: none needed.")
    client_id: str | None = Field(default=None, description="Client id of the scheme oauth2; its secret is `secret`.")
    token_url: str | None = Field(default=None, description="Where the scheme oauth2 gets its tokens.")


class Delivery(Row, table=True):
    """One HTTP request from a source, kept raw. The same content again raises `repeats` and adds no row."""

    __tablename__ = "delivery"
    __table_args__ = (
        tenant_key("source_id", "source"),
        UniqueConstraint("tenant_id", "source_id", "digest"),
        Index("ix_delivery_received_at", "tenant_id", "received_at"),
    )
    prefix: ClassVar[str] = "dlv"

    source_id: UUID = Field(sa_type=Uuid)
    digest: bytes = Field(sa_type=LargeBinary)
    status: str = Field(max_length=20)
    reason: str | None = None
    headers: dict[str, str] = Field(sa_type=Json)
    body: bytes = Field(sa_type=LargeBinary)
    body_sha256: bytes = Field(sa_type=LargeBinary)
    received_at: datetime = Field(sa_type=Instant)
    recorded_at: datetime = Field(sa_type=Instant)
    recorded: int = 0
    duplicates: int = 0
    conflicts: int = 0
    repeats: int = 0


class DeliveryRead(Answer):
    """What became of one request from a source."""

    id: DeliveryId = Field(description="Public id; the receiver's answer names it.")
    source_id: SourceId = Field(description="The source that it came from.")
    status: DeliveryStatus = Field(description="applied, ignored, quarantined or rejected; may grow.")
    reason: str | None = Field(description="Why it was ignored or quarantined; null when applied.")
    received_at: datetime = Field(description="When the request arrived.")
    recorded: int = Field(description="Learning events recorded from it; after a replay, those that stand.")
    duplicates: int = Field(description="Learning events that were there already.")
    conflicts: int = Field(
        description="Events whose key another delivery told first with other content; the first wins."
    )
    repeats: int = Field(description="How often the same content was sent again.")
    headers: dict[str, str] = Field(
        description="Request headers; secrets removed. `:query` is the query of the address, `:path` the address of a "
        "delivery that came to another one than the webhook (xAPI statements), `:test-event` marks one of our own, "
        "`:unverified` a handshake whose sender nothing proved, `:import` lines of an imported table, `:redacted` one "
        "that told of an erased person: its body is gone."
    )
    body_sha256: str = Field(description="SHA-256 of the body as it came, hex.")


class DeliveryDetail(DeliveryRead):
    """A delivery with its raw body and what was read from it."""

    body: str = Field(description="The raw body, base64.")
    learning_events: list[LearningEventRead] = Field(
        description="The learning events that it brought, the first 100; those that were there already stand with the "
        "delivery that brought them.",
        schema_extra={"examples": [[]]},
    )
    learning_events_total: int = Field(
        description="How many learning events it brought.", schema_extra={"examples": [0]}
    )
    learning_events_path: str = Field(
        description="Where all of them are listed.",
        schema_extra={"examples": ["/v1/learning-events?delivery_id=dlv_01jx2z6y4te9tvf4xq1f0c9m5k"]},
    )


class Acknowledgement(Answer):
    """The receiver's answer, sent after the commit."""

    delivery: DeliveryId = Field(description="Public id of the kept delivery.")
    status: DeliveryStatus = Field(description="What became of it.")
    recorded: int = Field(description="Learning events recorded.")
    duplicates: int = Field(description="Learning events that were there already.")
    conflicts: int = Field(description="Those of them that were there with other content; the first wins.")
    reason: str | None = Field(default=None, description="Why it was ignored or quarantined.")
