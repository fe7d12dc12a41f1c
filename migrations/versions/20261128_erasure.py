"""Codes of the names of erased people."""

import sqlalchemy as sa

from app.models.base import Instant
from migrations import tables

revision = "20261128_erasure"
down_revision = "20261128_webhooks"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    tables.create(
        "suppressed_name",
        sa.Column("tag", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        unique=(("tag",),),
    )


def downgrade() -> None:
    """Drop the table."""
    tables.drop("suppressed_name")
