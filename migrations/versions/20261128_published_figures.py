"""Published figures and their restatements."""

import sqlalchemy as sa
from alembic import op

from app.models.base import Instant, Json
from migrations import tables

revision = "20261128_published_figures"
down_revision = "20261128_xapi_agents"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    tables.create_noun(
        "published_figure",
        sa.Column("metric", sa.String(80), nullable=False),
        sa.Column("subject_kind", sa.String(40), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("question", Json, nullable=False),
        sa.Column("figure", Json, nullable=False),
        sa.Column("inputs", Json, nullable=False),
        sa.Column("note", sa.String(), nullable=True),
        sa.Column("stood_at", Instant(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("current", sa.Boolean(), nullable=False),
        sa.Column("checked_position", sa.BigInteger(), nullable=False),
        historised=False,
    )
    op.create_index("ix_published_figure_subject", "published_figure", ["tenant_id", "subject_id"])
    op.create_index("ix_published_figure_current", "published_figure", ["tenant_id", "current"])
    tables.create_noun(
        "restatement",
        sa.Column("metric", sa.String(80), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("from_id", sa.Uuid(), nullable=False),
        sa.Column("to_id", sa.Uuid(), nullable=False),
        sa.Column("because", Json, nullable=False),
        keys=(("from_id", "published_figure"), ("to_id", "published_figure")),
        historised=False,
    )
    op.create_index("ix_restatement_from", "restatement", ["tenant_id", "from_id"])


def downgrade() -> None:
    """Drop them."""
    tables.drop("restatement", "published_figure")
