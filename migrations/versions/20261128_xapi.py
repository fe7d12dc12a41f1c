"""Statements, what finds them, their attachments and activities, and the documents of the xAPI resources."""

import sqlalchemy as sa
from alembic import op

from app.models.base import Instant
from migrations import tables

revision = "20261128_xapi"
down_revision = "20261128_erasure"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    tables.create(
        "xapi_statement",
        sa.Column("source_id", sa.Uuid(), nullable=False),
        sa.Column("delivery_id", sa.Uuid(), nullable=False),
        sa.Column("statement_id", sa.Uuid(), nullable=False),
        sa.Column("stored_at", Instant(), nullable=False),
        sa.Column("told_at", Instant(), nullable=True),
        sa.Column("verb_key", sa.LargeBinary(), nullable=False),
        sa.Column("registration", sa.Uuid(), nullable=True),
        sa.Column("refers_to", sa.Uuid(), nullable=True),
        sa.Column("voids", sa.Boolean(), nullable=False),
        sa.Column("voided", sa.Boolean(), nullable=False),
        sa.Column("content_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("document_bytes", sa.Integer(), nullable=False),
        sa.Column("attachment_bytes", sa.Integer(), nullable=False),
        keys=(("delivery_id", "delivery"), ("source_id", "source")),
        unique=(("source_id", "statement_id"),),
    )
    _index("xapi_statement", "stored", "source_id", "stored_at", "id")
    _index("xapi_statement", "verb", "source_id", "verb_key", "stored_at", "id")
    _index("xapi_statement", "registration", "source_id", "registration", "stored_at", "id", filled="registration")
    _index("xapi_statement", "refers_to", "source_id", "refers_to", filled="refers_to")
    tables.create(
        "xapi_mention",
        sa.Column("source_id", sa.Uuid(), nullable=False),
        sa.Column("row_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("direct", sa.Boolean(), nullable=False),
        sa.Column("stored_at", Instant(), nullable=False),
        keys=(("row_id", "xapi_statement"),),
    )
    _index("xapi_mention", "key", "source_id", "key", "stored_at", "row_id")
    _index("xapi_mention", "row", "row_id", "key")
    tables.create(
        "xapi_target",
        sa.Column("source_id", sa.Uuid(), nullable=False),
        sa.Column("row_id", sa.Uuid(), nullable=False),
        sa.Column("target", sa.Uuid(), nullable=False),
        keys=(("row_id", "xapi_statement"),),
        unique=(("row_id", "target"),),
    )
    _index("xapi_target", "target", "source_id", "target")
    tables.create(
        "xapi_attachment",
        sa.Column("source_id", sa.Uuid(), nullable=False),
        sa.Column("sha2", sa.String(128), nullable=False),
        sa.Column("content_type", sa.String(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("recorded_at", Instant(), nullable=False),
        keys=(("source_id", "source"),),
        unique=(("source_id", "sha2"),),
    )
    tables.create(
        "xapi_activity",
        sa.Column("source_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("definition", sa.Text(), nullable=False),
        sa.Column("recorded_at", Instant(), nullable=False),
        keys=(("source_id", "source"),),
        unique=(("source_id", "key"),),
    )
    tables.create(
        "xapi_document",
        sa.Column("source_id", sa.Uuid(), nullable=False),
        sa.Column("place", sa.LargeBinary(), nullable=False),
        sa.Column("context_key", sa.LargeBinary(), nullable=False),
        sa.Column("registration", sa.Uuid(), nullable=True),
        sa.Column("document_id", sa.Text(), nullable=False),
        sa.Column("content_type", sa.String(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("etag", sa.String(40), nullable=False),
        sa.Column("updated_at", Instant(), nullable=False),
        keys=(("source_id", "source"),),
        unique=(("source_id", "place"),),
    )
    _index("xapi_document", "context", "source_id", "context_key")


def downgrade() -> None:
    """Drop the tables."""
    tables.drop("xapi_document", "xapi_activity", "xapi_attachment", "xapi_target", "xapi_mention", "xapi_statement")


def _index(table: str, name: str, *columns: str, filled: str | None = None) -> None:
    """Make an index that begins with the tenant; `filled`: only of rows where that column has a value."""
    where = None if filled is None else sa.text(f"{filled} IS NOT NULL")
    op.create_index(f"ix_{table}_{name}", table, ["tenant_id", *columns], sqlite_where=where, postgresql_where=where)
