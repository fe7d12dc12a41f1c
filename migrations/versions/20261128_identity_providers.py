"""Identity providers; and stored answers belong to a caller, whether that is a key or the subject of a provider."""

import sqlalchemy as sa
from alembic import op

from app.models.base import Instant, Json
from migrations import tables

revision = "20261128_identity_providers"
down_revision = "20261128_statistics"
branch_labels = None
depends_on = None

_RECORD = "idempotency_record"
_PLACE = ("method", "route", "key_sha256")
_FOREIGN = f"fk_{_RECORD}_api_key_id"


def upgrade() -> None:
    """Create the tables, and let the records of keys stay those of the same callers."""
    tables.create_noun(
        "identity_provider",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("issuer", sa.String(), nullable=False),
        sa.Column("audience", sa.String(), nullable=False),
        sa.Column("jwks_url", sa.String(), nullable=True),
        sa.Column("algorithms", Json, nullable=False),
        sa.Column("scope_claim", Json, nullable=False),
        sa.Column("grants", Json, nullable=False),
        sa.Column("required_claims", Json, nullable=False),
        sa.Column("max_lifetime_seconds", sa.Integer(), nullable=False),
        sa.Column("description", sa.String(), nullable=True),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("last_used_at", Instant(), nullable=True),
        unique=(("issuer", "audience"),),
    )
    _rename("api_key_id", "caller_id")


def downgrade() -> None:
    """Forget all stored answers, as some may be those of callers that are no keys, and drop the tables."""
    op.execute(f"{'TRUNCATE' if _is_postgresql() else 'DELETE FROM'} {_RECORD}")
    _rename("caller_id", "api_key_id")
    tables.drop("identity_provider_version", "identity_provider")


def _is_postgresql() -> bool:
    return op.get_bind().dialect.name == "postgresql"


def _rename(former: str, new: str) -> None:
    """Let the records have another name for whose they are; only an API key is known by a foreign key."""
    unique = {name: f"uq_{_RECORD}_{name}_{'_'.join(_PLACE)}" for name in (former, new)}
    with op.batch_alter_table(_RECORD) as table:
        if former == "api_key_id":
            table.drop_constraint(_FOREIGN, type_="foreignkey")
        if not _is_postgresql():
            table.drop_constraint(unique[former], type_="unique")
        table.alter_column(former, new_column_name=new)
    with op.batch_alter_table(_RECORD) as table:  # a table that is rebuilt has its constraints by their former columns
        if not _is_postgresql():
            table.create_unique_constraint(unique[new], ["tenant_id", new, *_PLACE])
        if new == "api_key_id":
            table.create_foreign_key(_FOREIGN, "api_key", ["tenant_id", new], ["tenant_id", "id"])
    if _is_postgresql():  # without a new index, for which writers would wait
        op.execute(f"ALTER TABLE {_RECORD} RENAME CONSTRAINT {unique[former]} TO {unique[new]}")
