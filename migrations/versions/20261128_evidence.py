"""Surveys and responses, critical behaviours with observations, deeds of managers, commitments."""

import sqlalchemy as sa
from alembic import op

from app.models.base import Json
from migrations import tables

revision = "20261128_evidence"
down_revision = "20261128_operations"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    tables.create_noun(
        "survey",
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("initiative_id", sa.Uuid(), nullable=False),
        sa.Column("activity_id", sa.Uuid(), nullable=True),
        sa.Column("moment", sa.String(), nullable=False),
        sa.Column("respondent", sa.String(), nullable=False),
        sa.Column("asks", Json, nullable=False),
        sa.Column("invited", sa.Integer(), nullable=True),
        sa.Column("minimum_responses", sa.Integer(), nullable=False),
        sa.Column("opens_on", sa.Date(), nullable=False),
        sa.Column("closes_on", sa.Date(), nullable=True),
        sa.Column("external_id", sa.String(), nullable=True),
        keys=(
            ("activity_id", "activity"),
            ("initiative_id", "initiative"),
        ),
        unique=(("external_id",),),
    )
    op.create_index("ix_survey_initiative", "survey", ["tenant_id", "initiative_id"])
    tables.create_noun(
        "survey_response",
        sa.Column("survey_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("answered_on", sa.Date(), nullable=False),
        sa.Column("recommend", sa.Integer(), nullable=True),
        sa.Column("intent", sa.String(), nullable=True),
        sa.Column("planned_percent", sa.Integer(), nullable=True),
        sa.Column("within_six_weeks", sa.Boolean(), nullable=True),
        sa.Column("applied", sa.Boolean(), nullable=True),
        sa.Column("goal_agreed", sa.Boolean(), nullable=True),
        sa.Column("chance_given", sa.Boolean(), nullable=True),
        sa.Column("follow_up_held", sa.Boolean(), nullable=True),
        sa.Column("external_id", sa.String(), nullable=True),
        sa.Column("comment", sa.String(), nullable=True),
        keys=(
            ("person_id", "person"),
            ("survey_id", "survey"),
        ),
        unique=(("external_id",),),
    )
    op.create_index("ix_survey_response_person", "survey_response", ["tenant_id", "person_id"])
    op.create_index("ix_survey_response_survey", "survey_response", ["tenant_id", "survey_id"])
    tables.create_noun(
        "behaviour",
        sa.Column("initiative_id", sa.Uuid(), nullable=False),
        sa.Column("outcome_id", sa.Uuid(), nullable=True),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("criterion", sa.String(), nullable=True),
        sa.Column("external_id", sa.String(), nullable=True),
        keys=(
            ("initiative_id", "initiative"),
            ("outcome_id", "outcome"),
        ),
        unique=(("external_id",),),
    )
    op.create_index("ix_behaviour_initiative", "behaviour", ["tenant_id", "initiative_id"])
    tables.create_noun(
        "observation",
        sa.Column("behaviour_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("observed_on", sa.Date(), nullable=False),
        sa.Column("at_criterion", sa.Boolean(), nullable=False),
        sa.Column("observer", sa.String(), nullable=False),
        sa.Column("observer_id", sa.Uuid(), nullable=True),
        sa.Column("external_id", sa.String(), nullable=True),
        keys=(
            ("behaviour_id", "behaviour"),
            ("observer_id", "person"),
            ("person_id", "person"),
        ),
        unique=(("external_id",),),
    )
    op.create_index("ix_observation_behaviour", "observation", ["tenant_id", "behaviour_id"])
    op.create_index("ix_observation_person", "observation", ["tenant_id", "person_id"])
    tables.create_noun(
        "support_deed",
        sa.Column("initiative_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("manager_id", sa.Uuid(), nullable=True),
        sa.Column("deed", sa.String(), nullable=False),
        sa.Column("done", sa.Boolean(), nullable=False),
        sa.Column("noted_on", sa.Date(), nullable=False),
        sa.Column("external_id", sa.String(), nullable=True),
        keys=(
            ("initiative_id", "initiative"),
            ("manager_id", "person"),
            ("person_id", "person"),
        ),
        unique=(("external_id",),),
    )
    op.create_index("ix_support_deed_initiative", "support_deed", ["tenant_id", "initiative_id"])
    op.create_index("ix_support_deed_person", "support_deed", ["tenant_id", "person_id"])
    tables.create_noun(
        "commitment",
        sa.Column("initiative_id", sa.Uuid(), nullable=False),
        sa.Column("agreement_id", sa.Uuid(), nullable=True),
        sa.Column("stakeholder_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("promise", sa.String(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("kept_on", sa.Date(), nullable=True),
        sa.Column("external_id", sa.String(), nullable=True),
        sa.Column("status", sa.String(20), nullable=False),
        keys=(
            ("agreement_id", "agreement"),
            ("initiative_id", "initiative"),
            ("stakeholder_id", "person"),
        ),
        unique=(("external_id",),),
    )
    op.create_index("ix_commitment_initiative", "commitment", ["tenant_id", "initiative_id"])


def downgrade() -> None:
    """Drop them."""
    tables.drop(
        "commitment_version",
        "commitment",
        "support_deed_version",
        "support_deed",
        "observation_version",
        "observation",
        "behaviour_version",
        "behaviour",
        "survey_response_version",
        "survey_response",
        "survey_version",
        "survey",
    )
