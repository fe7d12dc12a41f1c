"""Whose an xAPI document is, so that it goes when its agent is erased."""

import sqlalchemy as sa
from alembic import op

revision = "20261128_xapi_agents"
down_revision = "20261128_decided_effects"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the key of the agent."""
    op.add_column("xapi_document", sa.Column("agent_key", sa.LargeBinary(), nullable=True))
    op.create_index(
        "ix_xapi_document_agent",
        "xapi_document",
        ["tenant_id", "agent_key"],
        sqlite_where=sa.text("agent_key IS NOT NULL"),
        postgresql_where=sa.text("agent_key IS NOT NULL"),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_index("ix_xapi_document_agent", "xapi_document")
    with op.batch_alter_table("xapi_document") as table:
        table.drop_column("agent_key")
