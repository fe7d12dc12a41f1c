"""The organisation, its people and their identities."""

import sqlalchemy as sa
from alembic import op

from migrations import tables

revision = "20261123_people"
down_revision = "20261123_tenancy"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    tables.create_noun(
        "org_unit",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=True),
        sa.Column("parent_id", sa.Uuid(), nullable=True),
        sa.Column("external_id", sa.String(), nullable=True),
        keys=(("parent_id", "org_unit"),),
        unique=(("external_id",),),
    )
    tables.create_noun(
        "person",
        sa.Column("name", sa.String(), nullable=True),
        sa.Column("external_id", sa.String(), nullable=True),
        sa.Column("role", sa.String(), nullable=True),
        sa.Column("joined_on", sa.Date(), nullable=True),
        sa.Column("left_on", sa.Date(), nullable=True),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("resolved", sa.Boolean(), nullable=False),
        sa.Column("org_unit_id", sa.Uuid(), nullable=True),
        keys=(("org_unit_id", "org_unit"),),
        unique=(("external_id",),),
    )
    op.create_index("ix_person_org_unit", "person", ["tenant_id", "org_unit_id"])
    tables.create_noun(
        "identity",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("issuer", sa.String(255), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("value", sa.String(255), nullable=False),
        keys=(("person_id", "person"),),
        unique=(("issuer", "kind", "value"),),
    )
    op.create_index("ix_identity_person", "identity", ["tenant_id", "person_id"])
    tables.create_noun(
        "org_membership",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("org_unit_id", sa.Uuid(), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=False),
        keys=(("org_unit_id", "org_unit"), ("person_id", "person")),
        unique=(("person_id", "valid_from"),),
    )


def downgrade() -> None:
    """Drop the tables."""
    tables.drop(
        "org_membership_version",
        "org_membership",
        "identity_version",
        "identity",
        "person_version",
        "person",
        "org_unit_version",
        "org_unit",
    )
