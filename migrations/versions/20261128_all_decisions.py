"""Every decision about an effect, so that what stood at an instant keeps its claim."""

import sqlalchemy as sa
from alembic import op

from app.models.base import Json

revision = "20261128_all_decisions"
down_revision = "20261128_identity_providers"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.add_column("effect_estimate", sa.Column("decisions", Json, nullable=True))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("effect_estimate", "decisions")
