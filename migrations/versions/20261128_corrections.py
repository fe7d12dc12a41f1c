"""Corrections: a learning event that says how the replay of a delivery reads an earlier one."""

import sqlalchemy as sa
from alembic import op

revision = "20261128_corrections"
down_revision = "20261128_event_order"
branch_labels = None
depends_on = None

_NAME = "ix_learning_event_corrects"
_IS_ONE = sa.text("corrects_key IS NOT NULL")


def upgrade() -> None:
    """Add the column, which no event has so far, and an index of those that will have it."""
    op.add_column("learning_event", sa.Column("corrects_key", sa.LargeBinary(), nullable=True))
    columns = ["tenant_id", "source_id", "corrects_key"]
    op.create_index(_NAME, "learning_event", columns, sqlite_where=_IS_ONE, postgresql_where=_IS_ONE)


def downgrade() -> None:
    """Drop both; readings that were corrected count again beside their corrections."""
    op.drop_index(_NAME, "learning_event")
    op.drop_column("learning_event", "corrects_key")
