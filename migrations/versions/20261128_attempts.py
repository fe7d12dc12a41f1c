"""Attempts: which of the learner's enrolments a learning event tells of, where its sender numbers them."""

import sqlalchemy as sa
from alembic import op

revision = "20261128_attempts"
down_revision = "20261128_corrections"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column, which no event has so far: a replay of its delivery tells it."""
    op.add_column("learning_event", sa.Column("attempt_key", sa.LargeBinary(), nullable=True))


def downgrade() -> None:
    """Drop it; events are placed by time alone again as their enrolments are folded anew."""
    op.drop_column("learning_event", "attempt_key")
