"""Objectives, KPIs, measurements and outcomes."""

import sqlalchemy as sa
from alembic import op

from app.models.base import Exact
from migrations import tables

revision = "20261123_goals"
down_revision = "20261123_people"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    tables.create_noun(
        "kpi",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("definition", sa.String(), nullable=True),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("direction", sa.String(), nullable=False),
        sa.Column("aggregation", sa.String(), nullable=False),
        sa.Column("cadence", sa.String(), nullable=False),
        sa.Column("zone", sa.String(), nullable=False),
        sa.Column("data_source", sa.String(), nullable=True),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("external_id", sa.String(), nullable=True),
        sa.Column("status", sa.String(20), nullable=False),
        keys=(("owner_id", "person"),),
        unique=(("external_id",),),
    )
    tables.create_noun(
        "objective",
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("problem_statement", sa.String(), nullable=True),
        sa.Column("category", sa.String(), nullable=True),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("period_start", sa.Date(), nullable=True),
        sa.Column("period_end", sa.Date(), nullable=True),
        sa.Column("parent_id", sa.Uuid(), nullable=True),
        sa.Column("goal_owner_id", sa.Uuid(), nullable=True),
        sa.Column("external_id", sa.String(), nullable=True),
        sa.Column("status", sa.String(20), nullable=False),
        keys=(("goal_owner_id", "person"), ("parent_id", "objective")),
        unique=(("external_id",),),
    )
    tables.create_noun(
        "measurement",
        sa.Column("kpi_id", sa.Uuid(), nullable=False),
        sa.Column("subject_kind", sa.String(20), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("period_start", sa.Date(), nullable=False),
        sa.Column("period_end", sa.Date(), nullable=False),
        sa.Column("value", Exact(), nullable=True),
        sa.Column("numerator", Exact(), nullable=True),
        sa.Column("denominator", Exact(), nullable=True),
        sa.Column("status", sa.String(20), nullable=False),
        keys=(("kpi_id", "kpi"),),
        named={"uq_measurement_key": ("kpi_id", "subject_kind", "subject_id", "period_start", "period_end")},
    )
    op.create_index("ix_measurement_period", "measurement", ["tenant_id", "kpi_id", "period_start"])
    tables.create_noun(
        "outcome",
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("objective_id", sa.Uuid(), nullable=False),
        sa.Column("kpi_id", sa.Uuid(), nullable=False),
        sa.Column("org_unit_id", sa.Uuid(), nullable=True),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("baseline", Exact(), nullable=True),
        sa.Column("target_kind", sa.String(), nullable=False),
        sa.Column("target", Exact(), nullable=True),
        sa.Column("target_low", Exact(), nullable=True),
        sa.Column("target_high", Exact(), nullable=True),
        sa.Column("starts_on", sa.Date(), nullable=True),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("lag_days", sa.Integer(), nullable=False),
        sa.Column("external_id", sa.String(), nullable=True),
        sa.Column("status", sa.String(20), nullable=False),
        keys=(("kpi_id", "kpi"), ("objective_id", "objective"), ("org_unit_id", "org_unit"), ("owner_id", "person")),
        unique=(("external_id",),),
    )
    op.create_index("ix_outcome_objective", "outcome", ["tenant_id", "objective_id"])


def downgrade() -> None:
    """Drop the tables."""
    tables.drop(
        "outcome_version",
        "outcome",
        "measurement_version",
        "measurement",
        "objective_version",
        "objective",
        "kpi_version",
        "kpi",
    )
