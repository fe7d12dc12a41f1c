"""The order in which learning events are listed: the newest page of a million in milliseconds."""

from alembic import op

revision = "20261128_event_order"
down_revision = "20261128_filters"
branch_labels = None
depends_on = None

_NAME = "ix_learning_event_recorded_at"


def upgrade() -> None:
    """Add the index; what is recorded later goes to its end."""
    op.create_index(_NAME, "learning_event", ["tenant_id", "recorded_at", "id"])


def downgrade() -> None:
    """Drop it."""
    op.drop_index(_NAME, "learning_event")
