"""Sources, deliveries, learning events, enrolments and effect estimates."""

import sqlalchemy as sa
from alembic import op

from app.models.base import Exact, Instant, Json
from migrations import tables

revision = "20261123_learning"
down_revision = "20261123_initiatives"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    tables.create(
        "panel",
        sa.Column("description", Json, nullable=False),
        sa.Column("summary", Json, nullable=False),
        sa.Column("row_count", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("recorded_at", Instant(), nullable=False),
    )
    tables.create_noun(
        "source",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("slug", sa.String(), nullable=False),
        sa.Column("adapter", sa.String(), nullable=False),
        sa.Column("authentication", Json, nullable=False),
        sa.Column("mapping", Json, nullable=False),
        sa.Column("zone", sa.String(), nullable=False),
        sa.Column("silence_after_seconds", sa.Integer(), nullable=True),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("webhook_path", sa.String(200), nullable=False),
        sa.Column("secrets", Json, nullable=False),
        sa.Column("last_delivery_at", Instant(), nullable=True),
        unique=(("slug",),),
        historised=False,
    )
    tables.create(
        "delivery",
        sa.Column("source_id", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("headers", Json, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("body_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("received_at", Instant(), nullable=False),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.Column("recorded", sa.Integer(), nullable=False),
        sa.Column("duplicates", sa.Integer(), nullable=False),
        sa.Column("conflicts", sa.Integer(), nullable=False),
        sa.Column("repeats", sa.Integer(), nullable=False),
        keys=(("source_id", "source"),),
        unique=(("source_id", "digest"),),
    )
    op.create_index("ix_delivery_received_at", "delivery", ["tenant_id", "received_at"])
    tables.create(
        "panel_content",
        sa.Column("panel_id", sa.Uuid(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        keys=(("panel_id", "panel"),),
        unique=(("panel_id",),),
    )
    tables.create_noun(
        "activity_reference",
        sa.Column("activity_id", sa.Uuid(), nullable=False),
        sa.Column("source_id", sa.Uuid(), nullable=False),
        sa.Column("external_id_in_source", sa.String(), nullable=False),
        sa.Column("content_version", sa.String(), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=True),
        keys=(("activity_id", "activity"), ("source_id", "source")),
        unique=(("source_id", "external_id_in_source"),),
    )
    op.create_index("ix_activity_reference_activity", "activity_reference", ["tenant_id", "activity_id"])
    tables.create(
        "effect_estimate",
        sa.Column("initiative_id", sa.Uuid(), nullable=True),
        sa.Column("outcome_id", sa.Uuid(), nullable=True),
        sa.Column("panel_id", sa.Uuid(), nullable=True),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("request", Json, nullable=False),
        sa.Column("results", Json, nullable=False),
        sa.Column("panel", Json, nullable=False),
        sa.Column("plan", Json, nullable=False),
        sa.Column("accepted", sa.String(40), nullable=True),
        sa.Column("family", Json, nullable=True),
        sa.Column("grade", sa.Integer(), nullable=True),
        sa.Column("recorded_at", Instant(), nullable=False),
        keys=(("initiative_id", "initiative"), ("outcome_id", "outcome"), ("panel_id", "panel")),
    )
    op.create_index("ix_effect_estimate_initiative", "effect_estimate", ["tenant_id", "initiative_id"])
    op.create_index("ix_effect_estimate_outcome", "effect_estimate", ["tenant_id", "outcome_id"])
    tables.create_noun(
        "enrolment",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("activity_id", sa.Uuid(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("enrolled_at", Instant(), nullable=True),
        sa.Column("started_at", Instant(), nullable=True),
        sa.Column("completed_at", Instant(), nullable=True),
        sa.Column("passed_at", Instant(), nullable=True),
        sa.Column("failed_at", Instant(), nullable=True),
        sa.Column("withdrawn_at", Instant(), nullable=True),
        sa.Column("expired_at", Instant(), nullable=True),
        sa.Column("expires_at", Instant(), nullable=True),
        sa.Column("due_at", Instant(), nullable=True),
        sa.Column("passed", sa.Boolean(), nullable=True),
        sa.Column("score_first", Exact(), nullable=True),
        sa.Column("score_best", Exact(), nullable=True),
        sa.Column("score_latest", Exact(), nullable=True),
        sa.Column("progress", Exact(), nullable=True),
        sa.Column("duration_seconds", sa.Integer(), nullable=True),
        sa.Column("first_event_at", Instant(), nullable=False),
        sa.Column("last_event_at", Instant(), nullable=False),
        sa.Column("time_inferred", sa.Boolean(), nullable=False),
        sa.Column("events", sa.Integer(), nullable=False),
        sa.Column("duplicates", sa.Integer(), nullable=False),
        keys=(("activity_id", "activity"), ("person_id", "person")),
        unique=(("activity_id", "person_id", "ordinal"),),
    )
    op.create_index("ix_enrolment_person", "enrolment", ["tenant_id", "person_id"])
    tables.create_noun(
        "evaluation_plan",
        sa.Column("initiative_id", sa.Uuid(), nullable=False),
        sa.Column("outcome_id", sa.Uuid(), nullable=False),
        sa.Column("estimators", Json, nullable=False),
        sa.Column("options", Json, nullable=False),
        sa.Column("decision_rule", sa.String(), nullable=True),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=True),
        sa.Column("locked_at", Instant(), nullable=True),
        keys=(("initiative_id", "initiative"), ("outcome_id", "outcome")),
    )
    op.create_index("ix_evaluation_plan_initiative", "evaluation_plan", ["tenant_id", "initiative_id"])
    tables.create(
        "rollout_design",
        sa.Column("initiative_id", sa.Uuid(), nullable=True),
        sa.Column("audience_id", sa.Uuid(), nullable=True),
        sa.Column("request", Json, nullable=False),
        sa.Column("drawn", Json, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("recorded_at", Instant(), nullable=False),
        keys=(("audience_id", "audience"), ("initiative_id", "initiative")),
    )
    tables.create(
        "impact_statement",
        sa.Column("effect_estimate_id", sa.Uuid(), nullable=False),
        sa.Column("initiative_id", sa.Uuid(), nullable=False),
        sa.Column("outcome_id", sa.Uuid(), nullable=False),
        sa.Column("unit_value_id", sa.Uuid(), nullable=False),
        sa.Column("request", Json, nullable=False),
        sa.Column("body", Json, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("recorded_at", Instant(), nullable=False),
        keys=(
            ("effect_estimate_id", "effect_estimate"),
            ("initiative_id", "initiative"),
            ("outcome_id", "outcome"),
            ("unit_value_id", "unit_value"),
        ),
    )
    op.create_index("ix_impact_statement_initiative", "impact_statement", ["tenant_id", "initiative_id"])
    tables.create(
        "learning_event",
        sa.Column("source_id", sa.Uuid(), nullable=False),
        sa.Column("delivery_id", sa.Uuid(), nullable=False),
        sa.Column("identity_id", sa.Uuid(), nullable=True),
        sa.Column("reference_id", sa.Uuid(), nullable=True),
        sa.Column("dedup_key", sa.LargeBinary(), nullable=False),
        sa.Column("content_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("voids_key", sa.LargeBinary(), nullable=True),
        sa.Column("event_key", sa.String(), nullable=True),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("occurred_at", Instant(), nullable=False),
        sa.Column("occurred_at_text", sa.String(), nullable=True),
        sa.Column("time_inferred", sa.Boolean(), nullable=False),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.Column("passed", sa.Boolean(), nullable=True),
        sa.Column("score_scaled", Exact(), nullable=True),
        sa.Column("score_raw", Exact(), nullable=True),
        sa.Column("score_min", Exact(), nullable=True),
        sa.Column("score_max", Exact(), nullable=True),
        sa.Column("progress", Exact(), nullable=True),
        sa.Column("duration_seconds", sa.Integer(), nullable=True),
        sa.Column("expires_at", Instant(), nullable=True),
        sa.Column("due_at", Instant(), nullable=True),
        sa.Column("extras", Json, nullable=False),
        keys=(
            ("delivery_id", "delivery"),
            ("identity_id", "identity"),
            ("reference_id", "activity_reference"),
            ("source_id", "source"),
        ),
        unique=(("source_id", "dedup_key"),),
    )
    op.create_index("ix_learning_event_delivery", "learning_event", ["tenant_id", "delivery_id"])
    op.create_index("ix_learning_event_fold", "learning_event", ["tenant_id", "identity_id", "reference_id"])
    op.create_index(
        "ix_learning_event_voids",
        "learning_event",
        ["tenant_id", "source_id", "voids_key"],
        sqlite_where=sa.text("voids_key IS NOT NULL"),
        postgresql_where=sa.text("voids_key IS NOT NULL"),
    )


def downgrade() -> None:
    """Drop the tables."""
    tables.drop(
        "learning_event",
        "impact_statement",
        "rollout_design",
        "evaluation_plan_version",
        "evaluation_plan",
        "enrolment_version",
        "enrolment",
        "effect_estimate",
        "activity_reference_version",
        "activity_reference",
        "panel_content",
        "delivery",
        "source",
        "panel",
    )
