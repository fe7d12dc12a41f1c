"""What a tenant decides of figures: how many initiatives are evaluated at which level, and the engagement index."""

import sqlalchemy as sa
from alembic import op

from app.models.base import Json

revision = "20261128_policies"
down_revision = "20261128_exposed_side"
branch_labels = None
depends_on = None

_TABLES = ("tenant_settings", "tenant_settings_version")
_NAMES = ("evaluation_policy", "engagement")


def upgrade() -> None:
    """Add the columns, free to be empty."""
    for table in _TABLES:
        for name in _NAMES:
            op.add_column(table, sa.Column(name, Json, nullable=True))


def downgrade() -> None:
    """Take them away."""
    for table in _TABLES:
        for name in _NAMES:
            op.drop_column(table, name)
