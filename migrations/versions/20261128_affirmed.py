"""Enrolments that are told again, because something about them changed, and not made."""

import sqlalchemy as sa
from alembic import op

revision = "20261128_affirmed"
down_revision = "20261128_attempts"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; every event so far tells what it tells as new."""
    op.add_column("learning_event", sa.Column("affirmed", sa.Boolean(), nullable=False, server_default=sa.false()))


def downgrade() -> None:
    """Drop it; such enrolments are taken for new ones when they are folded again."""
    op.drop_column("learning_event", "affirmed")
