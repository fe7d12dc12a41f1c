"""What the exposed units did, beside their effect: a statement is valued without building the panel again."""

import sqlalchemy as sa
from alembic import op

from app.models.base import Json

revision = "20261128_exposed_side"
down_revision = "20261128_published_figures"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; for earlier estimates it is worked out where it is needed."""
    op.add_column("effect_estimate", sa.Column("exposed_side", Json, nullable=True))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("effect_estimate", "exposed_side")
