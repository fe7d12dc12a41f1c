"""Operations: long work, what was sent for it, and the rows of it that need somebody's eye."""

import sqlalchemy as sa
from alembic import op

from app.models.base import Instant, Json
from migrations import tables

revision = "20261128_operations"
down_revision = "20261123_learning"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    tables.create_noun(
        "operation",
        sa.Column("kind", sa.String(60), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("arguments", Json, nullable=False),
        sa.Column("progress", Json, nullable=False),
        sa.Column("state", Json, nullable=False),
        sa.Column("result", Json, nullable=True),
        sa.Column("error", Json, nullable=True),
        sa.Column("started_at", Instant(), nullable=True),
        sa.Column("finished_at", Instant(), nullable=True),
        sa.Column("cancel_asked_at", Instant(), nullable=True),
        historised=False,
    )
    op.create_index("ix_operation_recorded_at", "operation", ["tenant_id", "recorded_at"])
    op.create_index("ix_operation_status", "operation", ["tenant_id", "status", "finished_at"])
    tables.create(
        "operation_input",
        sa.Column("operation_id", sa.Uuid(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        keys=(("operation_id", "operation"),),
        unique=(("operation_id", "ordinal"),),
    )
    tables.create(
        "operation_item",
        sa.Column("operation_id", sa.Uuid(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("result", sa.String(20), nullable=False),
        sa.Column("errors", Json, nullable=False),
        keys=(("operation_id", "operation"),),
        unique=(("operation_id", "line"),),
    )


def downgrade() -> None:
    """Drop the tables."""
    tables.drop("operation_item", "operation_input", "operation")
