"""Decisions about effects, states of statements, and what a plan settles besides its estimators."""

import sqlalchemy as sa
from alembic import op

from app.models.base import Instant, Json

revision = "20261128_decided_effects"
down_revision = "20261128_loop"
branch_labels = None
depends_on = None

_PLANS = ("evaluation_plan", "evaluation_plan_version")


def upgrade() -> None:
    """Add the columns; what was stated before is a draft, what was planned before is primary."""
    op.add_column("effect_estimate", sa.Column("decision", Json, nullable=True))
    op.add_column("effect_estimate", sa.Column("decided_at", Instant(), nullable=True))
    op.add_column("impact_statement", sa.Column("status", sa.String(20), nullable=False, server_default="draft"))
    op.add_column("impact_statement", sa.Column("issued_at", Instant(), nullable=True))
    op.add_column("impact_statement", sa.Column("restatement", Json, nullable=True))
    for table in _PLANS:
        op.add_column(table, sa.Column("primary_outcome", sa.Boolean(), nullable=False, server_default=sa.true()))
        op.add_column(table, sa.Column("assignment", sa.String(20), nullable=True))
        op.add_column(table, sa.Column("comparison", sa.String(), nullable=True))
        op.add_column(table, sa.Column("lag_days", sa.Integer(), nullable=True))


def downgrade() -> None:
    """Drop the columns."""
    for table in _PLANS:
        for column in ("lag_days", "comparison", "assignment", "primary_outcome"):
            op.drop_column(table, column)
    for column in ("restatement", "issued_at", "status"):
        op.drop_column("impact_statement", column)
    for column in ("decided_at", "decision"):
        op.drop_column("effect_estimate", column)
