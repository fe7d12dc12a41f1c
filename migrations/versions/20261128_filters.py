"""Indexes for what lists of many rows are filtered by."""

import sqlalchemy as sa
from alembic import op

revision = "20261128_filters"
down_revision = "20261128_all_decisions"
branch_labels = None
depends_on = None

_INDEXES = (
    ("ix_assessment_score_activity", "assessment_score", "activity_id"),
    ("ix_observation_observer", "observation", "observer_id"),
    ("ix_personal_estimate_person", "personal_estimate", "person_id"),
)


def upgrade() -> None:
    """Add them; the change feed's leaves out what deliveries write."""
    for name, table, column in _INDEXES:
        op.create_index(name, table, ["tenant_id", column])
    op.create_index(
        "ix_change_noun",
        "change",
        ["tenant_id", "noun_id"],
        sqlite_where=sa.text("noun <> 'enrolment'"),
        postgresql_where=sa.text("noun <> 'enrolment'"),
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_index("ix_change_noun", "change")
    for name, table, _ in _INDEXES:
        op.drop_index(name, table)
