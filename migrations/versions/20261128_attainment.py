"""Weights of roll-ups, targets on the way, replaced baselines, thresholds of a status; indexes of as-of figures."""

import sqlalchemy as sa
from alembic import op

from app.models.base import Exact, Json

revision = "20261128_attainment"
down_revision = "20261128_evidence"
branch_labels = None
depends_on = None

_LIMITS = ("on_track_at", "at_risk_at", "stale_after")
_INDEXES = (
    ("enrolment_version", "activity_id"),
    ("audience_member_version", "audience_id"),
    ("activity_version", "initiative_id"),
    ("measurement_version", "kpi_id"),
)


def upgrade() -> None:
    """Add the columns, all of them free to be empty, and the indexes."""
    for table in ("outcome", "outcome_version"):
        op.add_column(table, sa.Column("weight", Exact(), nullable=True))
        op.add_column(table, sa.Column("period_targets", Json, nullable=True))
        op.add_column(table, sa.Column("baselines", Json, nullable=True))
    for table in ("objective", "objective_version"):
        op.add_column(table, sa.Column("weight", Exact(), nullable=True))
    for table in ("tenant_settings", "tenant_settings_version"):
        for name in _LIMITS:
            op.add_column(table, sa.Column(name, Exact(), nullable=True))
    for table, column in _INDEXES:
        op.create_index(f"ix_{table}_{column}", table, ["tenant_id", column])


def downgrade() -> None:
    """Take them away."""
    for table, column in _INDEXES:
        op.drop_index(f"ix_{table}_{column}", table)
    for table in ("tenant_settings", "tenant_settings_version"):
        for name in _LIMITS:
            op.drop_column(table, name)
    for table in ("objective", "objective_version"):
        op.drop_column(table, "weight")
    for table in ("outcome", "outcome_version"):
        for name in ("weight", "period_targets", "baselines"):
            op.drop_column(table, name)
