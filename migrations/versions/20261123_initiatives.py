"""Initiatives with alignments, agreements, audiences, activities and costs."""

import sqlalchemy as sa
from alembic import op

from app.models.base import Exact
from migrations import tables

revision = "20261123_initiatives"
down_revision = "20261123_goals"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    tables.create_noun(
        "initiative",
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=True),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("starts_on", sa.Date(), nullable=True),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("assignment", sa.String(), nullable=False),
        sa.Column("external_id", sa.String(), nullable=True),
        sa.Column("status", sa.String(20), nullable=False),
        keys=(("owner_id", "person"),),
        unique=(("external_id",),),
    )
    tables.create_noun(
        "activity",
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=True),
        sa.Column("initiative_id", sa.Uuid(), nullable=True),
        sa.Column("required", sa.Boolean(), nullable=False),
        sa.Column("external_id", sa.String(), nullable=True),
        sa.Column("status", sa.String(20), nullable=False),
        keys=(("initiative_id", "initiative"),),
        unique=(("external_id",),),
    )
    op.create_index("ix_activity_initiative", "activity", ["tenant_id", "initiative_id"])
    tables.create_noun(
        "audience",
        sa.Column("initiative_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("external_id", sa.String(), nullable=True),
        keys=(("initiative_id", "initiative"),),
        unique=(("external_id",),),
    )
    op.create_index("ix_audience_initiative", "audience", ["tenant_id", "initiative_id"])
    tables.create_noun(
        "cost_item",
        sa.Column("initiative_id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("category", sa.String(20), nullable=False),
        sa.Column("amount", Exact(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("incurred_on", sa.Date(), nullable=False),
        keys=(("initiative_id", "initiative"),),
    )
    op.create_index("ix_cost_item_initiative", "cost_item", ["tenant_id", "initiative_id"])
    tables.create_noun(
        "unit_value",
        sa.Column("kpi_id", sa.Uuid(), nullable=False),
        sa.Column("amount", Exact(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("basis", sa.String(), nullable=False),
        sa.Column("approver_id", sa.Uuid(), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        keys=(("approver_id", "person"), ("kpi_id", "kpi")),
    )
    op.create_index("ix_unit_value_kpi", "unit_value", ["tenant_id", "kpi_id"])
    tables.create_noun(
        "alignment",
        sa.Column("initiative_id", sa.Uuid(), nullable=False),
        sa.Column("outcome_id", sa.Uuid(), nullable=False),
        sa.Column("hypothesis", sa.String(), nullable=True),
        sa.Column("expected_effect", Exact(), nullable=True),
        sa.Column("weight", Exact(), nullable=False),
        sa.Column("lag_days", sa.Integer(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("external_id", sa.String(), nullable=True),
        sa.Column("status", sa.String(20), nullable=False),
        keys=(("initiative_id", "initiative"), ("outcome_id", "outcome")),
        unique=(("external_id",), ("initiative_id", "outcome_id")),
    )
    op.create_index("ix_alignment_outcome", "alignment", ["tenant_id", "outcome_id"])
    tables.create_noun(
        "audience_member",
        sa.Column("audience_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("offered_on", sa.Date(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("wave", sa.String(100), nullable=True),
        keys=(("audience_id", "audience"), ("person_id", "person")),
        unique=(("audience_id", "person_id"),),
    )
    op.create_index("ix_audience_member_person", "audience_member", ["tenant_id", "person_id"])
    tables.create_noun(
        "agreement",
        sa.Column("alignment_id", sa.Uuid(), nullable=False),
        sa.Column("goal_owner_id", sa.Uuid(), nullable=False),
        sa.Column("duties", sa.String(), nullable=True),
        sa.Column("expected_impact", sa.String(), nullable=True),
        sa.Column("signed_on", sa.Date(), nullable=False),
        sa.Column("expires_on", sa.Date(), nullable=True),
        sa.Column("status", sa.String(20), nullable=False),
        keys=(("alignment_id", "alignment"), ("goal_owner_id", "person")),
    )
    op.create_index("ix_agreement_alignment", "agreement", ["tenant_id", "alignment_id"])


def downgrade() -> None:
    """Drop the tables."""
    tables.drop(
        "agreement_version",
        "agreement",
        "audience_member_version",
        "audience_member",
        "alignment_version",
        "alignment",
        "unit_value_version",
        "unit_value",
        "cost_item_version",
        "cost_item",
        "audience_version",
        "audience",
        "activity_version",
        "activity",
        "initiative_version",
        "initiative",
    )
