"""The xAPI resources of a source: statements, what finds them, their attachments, activities, and documents.

A statement stands here as it is shown to readers of the resource; what it means for learning is in the events of its
delivery. Keys of agents, activities and verbs are 16 bytes, so that a name may have any length.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, LargeBinary, Text, UniqueConstraint, Uuid, text
from sqlmodel import Field

from app.models.base import Instant, Row, tenant_key


def _partial(name: str, *columns: str, where: str) -> Index:
    return Index(name, *columns, sqlite_where=text(where), postgresql_where=text(where))


class XapiStatement(Row, table=True):
    """One statement. `stored_at` is the tenant clock's instant of its transaction; several statements may share it.

    `document` is JSON without `stored` and `authority`, which follow from the row and its source.
    """

    __tablename__ = "xapi_statement"
    __table_args__ = (
        tenant_key("source_id", "source"),
        tenant_key("delivery_id", "delivery"),
        UniqueConstraint("tenant_id", "source_id", "statement_id"),
        Index("ix_xapi_statement_stored", "tenant_id", "source_id", "stored_at", "id"),
        Index("ix_xapi_statement_verb", "tenant_id", "source_id", "verb_key", "stored_at", "id"),
        _partial(
            "ix_xapi_statement_registration",
            *("tenant_id", "source_id", "registration", "stored_at", "id"),
            where="registration IS NOT NULL",
        ),
        _partial("ix_xapi_statement_refers_to", "tenant_id", "source_id", "refers_to", where="refers_to IS NOT NULL"),
    )

    source_id: UUID = Field(sa_type=Uuid)
    delivery_id: UUID = Field(sa_type=Uuid)
    statement_id: UUID = Field(sa_type=Uuid)
    stored_at: datetime = Field(sa_type=Instant)
    told_at: datetime | None = Field(default=None, sa_type=Instant)
    verb_key: bytes = Field(sa_type=LargeBinary)
    registration: UUID | None = Field(default=None, sa_type=Uuid)
    refers_to: UUID | None = Field(default=None, sa_type=Uuid)
    voids: bool = False
    voided: bool = False
    content_sha256: bytes = Field(sa_type=LargeBinary)
    document: str = Field(sa_type=Text)
    document_bytes: int
    attachment_bytes: int = 0


class XapiMention(Row, table=True):
    """A statement names an agent or activity: where the plain filter looks (`direct`), or only the `related_` one."""

    __tablename__ = "xapi_mention"
    __table_args__ = (
        tenant_key("row_id", "xapi_statement"),
        Index("ix_xapi_mention_key", "tenant_id", "source_id", "key", "stored_at", "row_id"),
        Index("ix_xapi_mention_row", "tenant_id", "row_id", "key"),
    )

    source_id: UUID = Field(sa_type=Uuid)
    row_id: UUID = Field(sa_type=Uuid)
    key: bytes = Field(sa_type=LargeBinary)
    direct: bool
    stored_at: datetime = Field(sa_type=Instant)


class XapiTarget(Row, table=True):
    """A statement refers, directly or through other statements, to the statement `target`."""

    __tablename__ = "xapi_target"
    __table_args__ = (
        tenant_key("row_id", "xapi_statement"),
        UniqueConstraint("tenant_id", "row_id", "target"),
        Index("ix_xapi_target_target", "tenant_id", "source_id", "target"),
    )

    source_id: UUID = Field(sa_type=Uuid)
    row_id: UUID = Field(sa_type=Uuid)
    target: UUID = Field(sa_type=Uuid)


class XapiAttachment(Row, table=True):
    """The raw data of an attachment, once for a source however often it is sent. `sha2` is lower-case hexadecimal."""

    __tablename__ = "xapi_attachment"
    __table_args__ = (
        tenant_key("source_id", "source"),
        UniqueConstraint("tenant_id", "source_id", "sha2"),
    )

    source_id: UUID = Field(sa_type=Uuid)
    sha2: str = Field(max_length=128)
    content_type: str
    content: bytes = Field(sa_type=LargeBinary)
    recorded_at: datetime = Field(sa_type=Instant)


class XapiActivity(Row, table=True):
    """The canonical definition of an activity: what statements of the source told of it, the latest word first."""

    __tablename__ = "xapi_activity"
    __table_args__ = (
        tenant_key("source_id", "source"),
        UniqueConstraint("tenant_id", "source_id", "key"),
    )

    source_id: UUID = Field(sa_type=Uuid)
    key: bytes = Field(sa_type=LargeBinary)
    definition: str = Field(sa_type=Text)
    recorded_at: datetime = Field(sa_type=Instant)


class XapiDocument(Row, table=True):
    """A document of the State, Activity Profile or Agent Profile resource: the sender's own scratch, bytes as they are.

    `place` is 32 bytes over everything that names it, `context_key` 16 over everything but its own `document_id`.
    """

    __tablename__ = "xapi_document"
    __table_args__ = (
        tenant_key("source_id", "source"),
        UniqueConstraint("tenant_id", "source_id", "place"),
        Index("ix_xapi_document_context", "tenant_id", "source_id", "context_key"),
        _partial("ix_xapi_document_agent", "tenant_id", "agent_key", where="agent_key IS NOT NULL"),
    )

    source_id: UUID = Field(sa_type=Uuid)
    place: bytes = Field(sa_type=LargeBinary)
    context_key: bytes = Field(sa_type=LargeBinary)
    agent_key: bytes | None = Field(default=None, sa_type=LargeBinary)
    registration: UUID | None = Field(default=None, sa_type=Uuid)
    document_id: str = Field(sa_type=Text)
    content_type: str
    content: bytes = Field(sa_type=LargeBinary)
    etag: str = Field(max_length=40)
    updated_at: datetime = Field(sa_type=Instant)
