"""Tenants, clocks, settings, keys, changes, idempotent requests and jobs."""

import sqlalchemy as sa
from alembic import op

from app.models.base import Instant, Json
from migrations import tables

revision = "20261123_tenancy"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    tables.create(
        "api_key",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("scopes", Json, nullable=False),
        sa.Column("expires_at", Instant(), nullable=True),
        sa.Column("secret_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("revoked_at", Instant(), nullable=True),
        sa.Column("last_used_at", Instant(), nullable=True),
    )
    tables.create(
        "change",
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.Column("noun", sa.String(40), nullable=False),
        sa.Column("noun_id", sa.Uuid(), nullable=False),
        sa.Column("verb", sa.String(40), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        unique=(("position", "ordinal"),),
    )
    op.create_table(
        "job",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(60), nullable=False),
        sa.Column("arguments", Json, nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("run_at", Instant(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("lease_until", Instant(), nullable=True),
        sa.Column("lease_token", sa.Uuid(), nullable=True),
        sa.Column("error", sa.String(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_job"),
    )
    op.create_index("ix_job_due", "job", ["status", "run_at"])
    op.create_table(
        "tenant",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.String(40), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_tenant"),
        sa.UniqueConstraint("slug", name="uq_tenant_slug"),
    )
    tables.create(
        "tenant_clock",
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("ticked_us", sa.BigInteger(), nullable=False),
    )
    tables.create_noun(
        "tenant_settings",
        sa.Column("zone", sa.String(), nullable=False),
        sa.Column("minimum_cohort", sa.Integer(), nullable=False),
    )
    tables.create(
        "idempotency_record",
        sa.Column("api_key_id", sa.Uuid(), nullable=False),
        sa.Column("method", sa.String(10), nullable=False),
        sa.Column("route", sa.String(500), nullable=False),
        sa.Column("key_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("request_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("headers", Json, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        keys=(("api_key_id", "api_key"),),
        unique=(("api_key_id", "method", "route", "key_sha256"),),
    )
    op.create_index("ix_idempotency_record_created_at", "idempotency_record", ["tenant_id", "created_at"])


def downgrade() -> None:
    """Drop the tables."""
    tables.drop(
        "idempotency_record",
        "tenant_settings_version",
        "tenant_settings",
        "tenant_clock",
        "tenant",
        "job",
        "change",
        "api_key",
    )
