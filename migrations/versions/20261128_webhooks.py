"""Endpoints that changes are sent to, the messages on their way, and every attempt."""

import sqlalchemy as sa
from alembic import op

from app.models.base import Instant, Json
from migrations import tables

revision = "20261128_webhooks"
down_revision = "20261128_attainment"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    tables.create_noun(
        "webhook_endpoint",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("event_types", Json, nullable=False),
        sa.Column("description", sa.String(), nullable=True),
        sa.Column("disable_after_seconds", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("status_reason", sa.String(), nullable=True),
        sa.Column("secrets", Json, nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("failing_since", Instant(), nullable=True),
        sa.Column("last_success_at", Instant(), nullable=True),
        historised=False,
    )
    tables.create(
        "webhook_message",
        sa.Column("endpoint_id", sa.Uuid(), nullable=False),
        sa.Column("change_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("type", sa.String(81), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", Instant(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        keys=(("endpoint_id", "webhook_endpoint"), ("change_id", "change")),
    )
    op.create_index(
        "ix_webhook_message_due", "webhook_message", ["tenant_id", "endpoint_id", "status", "next_attempt_at"]
    )
    op.create_index("ix_webhook_message_position", "webhook_message", ["tenant_id", "endpoint_id", "position"])
    tables.create(
        "webhook_attempt",
        sa.Column("endpoint_id", sa.Uuid(), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=True),
        sa.Column("type", sa.String(81), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("attempted_at", Instant(), nullable=False),
        sa.Column("succeeded", sa.Boolean(), nullable=False),
        sa.Column("status_code", sa.Integer(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("milliseconds", sa.Integer(), nullable=False),
        keys=(("endpoint_id", "webhook_endpoint"),),
    )
    op.create_index("ix_webhook_attempt_endpoint", "webhook_attempt", ["tenant_id", "endpoint_id", "attempted_at"])


def downgrade() -> None:
    """Drop the tables."""
    tables.drop("webhook_attempt", "webhook_message", "webhook_endpoint")
