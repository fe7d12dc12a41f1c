"""Reviews and what follows from them, assessments, what is said about outcomes, contents; columns of older nouns."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.types import TypeEngine

from app.models.base import Exact, Json
from migrations import tables

revision = "20261128_loop"
down_revision = "20261128_xapi"
branch_labels = None
depends_on = None

ADDED: Mapping[str, Sequence[tuple[str, TypeEngine[Any]]]] = {
    "objective": (("gap_size", sa.String()), ("no_learning_needed_because", sa.String())),
    "initiative": (("planned_levels", Json),),
    "activity": (
        ("hours", Exact()),
        ("scenario_based", sa.Boolean()),
        ("real_task", sa.Boolean()),
        ("roles", Json),
        ("risk_class", sa.String()),
        ("assesses", sa.String()),
    ),
    "cost_item": (("used", Exact()), ("lifetime", Exact())),
    "unit_value": (("kind", sa.String(20)), ("margin_rate", Exact())),
}
"""Columns that older nouns get, by table."""

FILLED = {"planned_levels": "[]", "roles": "[]", "kind": "margin"}
"""Those of them that every row has, with what the rows that are there get."""


def upgrade() -> None:
    """Create the tables and add the columns."""
    for name, columns in ADDED.items():
        for table in (name, f"{name}_version"):
            for column, kind in columns:
                filled = FILLED.get(column)
                op.add_column(table, sa.Column(column, kind, nullable=filled is None, server_default=filled))
    tables.create_noun(
        "assessment_score",
        sa.Column("initiative_id", sa.Uuid(), nullable=False),
        sa.Column("activity_id", sa.Uuid(), nullable=True),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("moment", sa.String(), nullable=False),
        sa.Column("instrument", sa.String(), nullable=True),
        sa.Column("score", Exact(), nullable=False),
        sa.Column("minimum", Exact(), nullable=False),
        sa.Column("maximum", Exact(), nullable=False),
        sa.Column("taken_on", sa.Date(), nullable=False),
        sa.Column("external_id", sa.String(), nullable=True),
        keys=(
            ("activity_id", "activity"),
            ("initiative_id", "initiative"),
            ("person_id", "person"),
        ),
        unique=(("external_id",),),
    )
    op.create_index("ix_assessment_score_initiative", "assessment_score", ["tenant_id", "initiative_id"])
    op.create_index("ix_assessment_score_person", "assessment_score", ["tenant_id", "person_id"])
    tables.create_noun(
        "proficiency_standard",
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("criterion", sa.String(), nullable=True),
        sa.Column("initiative_id", sa.Uuid(), nullable=True),
        sa.Column("role", sa.String(), nullable=True),
        sa.Column("hold_days", sa.Integer(), nullable=False),
        sa.Column("external_id", sa.String(), nullable=True),
        keys=(("initiative_id", "initiative"),),
        unique=(("external_id",),),
    )
    op.create_index("ix_proficiency_standard_initiative", "proficiency_standard", ["tenant_id", "initiative_id"])
    tables.create_noun(
        "standard_attainment",
        sa.Column("standard_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=True),
        sa.Column("attained_on", sa.Date(), nullable=True),
        sa.Column("external_id", sa.String(), nullable=True),
        keys=(
            ("person_id", "person"),
            ("standard_id", "proficiency_standard"),
        ),
        unique=(("external_id",),),
    )
    op.create_index("ix_standard_attainment_person", "standard_attainment", ["tenant_id", "person_id"])
    op.create_index("ix_standard_attainment_standard", "standard_attainment", ["tenant_id", "standard_id"])
    tables.create_noun(
        "review",
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("initiative_id", sa.Uuid(), nullable=True),
        sa.Column("objective_id", sa.Uuid(), nullable=True),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("opens_on", sa.Date(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("held_on", sa.Date(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("external_id", sa.String(), nullable=True),
        sa.Column("status", sa.String(20), nullable=False),
        keys=(
            ("initiative_id", "initiative"),
            ("objective_id", "objective"),
            ("owner_id", "person"),
        ),
        unique=(("external_id",),),
    )
    op.create_index("ix_review_initiative", "review", ["tenant_id", "initiative_id"])
    op.create_index("ix_review_objective", "review", ["tenant_id", "objective_id"])
    tables.create_noun(
        "decision",
        sa.Column("review_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("rationale", sa.String(), nullable=True),
        sa.Column("decider_id", sa.Uuid(), nullable=True),
        sa.Column("decided_on", sa.Date(), nullable=False),
        sa.Column("external_id", sa.String(), nullable=True),
        keys=(
            ("decider_id", "person"),
            ("review_id", "review"),
        ),
        unique=(("external_id",),),
    )
    op.create_index("ix_decision_review", "decision", ["tenant_id", "review_id"])
    tables.create_noun(
        "action",
        sa.Column("review_id", sa.Uuid(), nullable=False),
        sa.Column("decision_id", sa.Uuid(), nullable=True),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("closed_on", sa.Date(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("external_id", sa.String(), nullable=True),
        sa.Column("status", sa.String(20), nullable=False),
        keys=(
            ("decision_id", "decision"),
            ("owner_id", "person"),
            ("review_id", "review"),
        ),
        unique=(("external_id",),),
    )
    op.create_index("ix_action_review", "action", ["tenant_id", "review_id"])
    tables.create_noun(
        "forecast",
        sa.Column("outcome_id", sa.Uuid(), nullable=False),
        sa.Column("author_id", sa.Uuid(), nullable=True),
        sa.Column("made_on", sa.Date(), nullable=False),
        sa.Column("for_on", sa.Date(), nullable=False),
        sa.Column("point", Exact(), nullable=False),
        sa.Column("low", Exact(), nullable=False),
        sa.Column("high", Exact(), nullable=False),
        sa.Column("level", Exact(), nullable=False),
        sa.Column("actual", Exact(), nullable=True),
        sa.Column("external_id", sa.String(), nullable=True),
        keys=(
            ("author_id", "person"),
            ("outcome_id", "outcome"),
        ),
        unique=(("external_id",),),
    )
    op.create_index("ix_forecast_outcome", "forecast", ["tenant_id", "outcome_id"])
    tables.create_noun(
        "status_override",
        sa.Column("outcome_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("author_id", sa.Uuid(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("to_on", sa.Date(), nullable=True),
        keys=(
            ("author_id", "person"),
            ("outcome_id", "outcome"),
        ),
    )
    op.create_index("ix_status_override_outcome", "status_override", ["tenant_id", "outcome_id"])
    tables.create_noun(
        "personal_estimate",
        sa.Column("initiative_id", sa.Uuid(), nullable=False),
        sa.Column("outcome_id", sa.Uuid(), nullable=False),
        sa.Column("survey_id", sa.Uuid(), nullable=True),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("change", Exact(), nullable=False),
        sa.Column("share_rate", Exact(), nullable=False),
        sa.Column("confidence_rate", Exact(), nullable=False),
        sa.Column("all_shares_rate", Exact(), nullable=True),
        sa.Column("given_on", sa.Date(), nullable=False),
        sa.Column("external_id", sa.String(), nullable=True),
        keys=(
            ("initiative_id", "initiative"),
            ("outcome_id", "outcome"),
            ("person_id", "person"),
            ("survey_id", "survey"),
        ),
        unique=(("external_id",),),
    )
    op.create_index("ix_personal_estimate_initiative", "personal_estimate", ["tenant_id", "initiative_id"])
    op.create_index("ix_personal_estimate_outcome", "personal_estimate", ["tenant_id", "outcome_id"])
    tables.create_noun(
        "content_version",
        sa.Column("activity_id", sa.Uuid(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("reviewed_on", sa.Date(), nullable=True),
        sa.Column("reviewer_id", sa.Uuid(), nullable=True),
        sa.Column("expires_on", sa.Date(), nullable=True),
        sa.Column("external_id", sa.String(), nullable=True),
        sa.Column("published_on", sa.Date(), nullable=False),
        keys=(
            ("activity_id", "activity"),
            ("reviewer_id", "person"),
        ),
        unique=(
            (
                "activity_id",
                "label",
            ),
            ("external_id",),
        ),
    )
    tables.create_noun(
        "review_interval",
        sa.Column("risk_class", sa.String(), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        unique=(("risk_class",),),
    )
    tables.create_noun(
        "requirement",
        sa.Column("activity_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.String(), nullable=True),
        sa.Column("org_unit_id", sa.Uuid(), nullable=True),
        sa.Column("grace_days", sa.Integer(), nullable=False),
        sa.Column("current_content", sa.Boolean(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("external_id", sa.String(), nullable=True),
        keys=(
            ("activity_id", "activity"),
            ("org_unit_id", "org_unit"),
        ),
        unique=(("external_id",),),
    )
    op.create_index("ix_requirement_activity", "requirement", ["tenant_id", "activity_id"])


def downgrade() -> None:
    """Drop them."""
    for name, columns in ADDED.items():
        for table in (f"{name}_version", name):
            for column, _ in columns:
                op.drop_column(table, column)
    tables.drop(
        "requirement_version",
        "requirement",
        "review_interval_version",
        "review_interval",
        "content_version_version",
        "content_version",
        "personal_estimate_version",
        "personal_estimate",
        "status_override_version",
        "status_override",
        "forecast_version",
        "forecast",
        "action_version",
        "action",
        "decision_version",
        "decision",
        "review_version",
        "review",
        "standard_attainment_version",
        "standard_attainment",
        "proficiency_standard_version",
        "proficiency_standard",
        "assessment_score_version",
        "assessment_score",
    )
