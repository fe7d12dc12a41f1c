"""Initiatives, their alignments, agreements and costs in the graph."""

from typing import Any

from strawberry import auto

from app.api.graphql.connections import many
from app.api.graphql.figures import figures_of
from app.api.graphql.nodes import Node, entry, one
from app.api.graphql.scalars import computed, shape_of
from app.models.money import CostItemRead, UnitValueRead
from app.models.values import Money
from app.services.activities import ACTIVITIES
from app.services.agreements import AGREEMENTS
from app.services.alignments import ALIGNMENTS
from app.services.assessments import ASSESSMENT_SCORES, PROFICIENCY_STANDARDS
from app.services.audiences import AUDIENCES
from app.services.behaviours import BEHAVIOURS, SUPPORT_DEEDS
from app.services.branches import Link
from app.services.commitments import COMMITMENTS
from app.services.effects import EFFECTS
from app.services.initiatives import INITIATIVES
from app.services.money import COST_ITEMS, UNIT_VALUES
from app.services.outcomes import OUTCOMES
from app.services.personal_estimates import PERSONAL_ESTIMATES
from app.services.plans import PLANS
from app.services.reviews import REVIEWS
from app.services.rollouts import ROLLOUTS
from app.services.statements import STATEMENTS
from app.services.surveys import SURVEYS

_MONEY: Any = shape_of(Money)


def _money(row: Any) -> dict[str, Any]:
    return Money(amount=row.amount, currency=row.currency).model_dump(mode="json")


@entry(INITIATIVES)
class InitiativeNode(Node):
    """A planned learning effort."""

    title: auto
    description: auto
    starts_on: auto
    ends_on: auto
    assignment: auto
    planned_levels: auto
    status: auto
    external_id: auto
    owner = one("owner_id")
    alignments = many(ALIGNMENTS, "initiative_id", "Links to the outcomes that it should move.")
    outcomes = many(
        OUTCOMES,
        "initiative_id",
        "Outcomes that it should move, through its alignments in use.",
        link=Link(ALIGNMENTS, "initiative_id", "outcome_id"),
    )
    activities = many(ACTIVITIES, "initiative_id", "What people do in it.")
    audiences = many(AUDIENCES, "initiative_id", "Who should learn.")
    cost_items = many(COST_ITEMS, "initiative_id", "What it cost.")
    surveys = many(SURVEYS, "initiative_id", "What people were asked.")
    behaviours = many(BEHAVIOURS, "initiative_id", "The critical behaviours that it teaches.")
    support_deeds = many(SUPPORT_DEEDS, "initiative_id", "What managers did for its learners.")
    commitments = many(COMMITMENTS, "initiative_id", "What stakeholders promised to do for it.")
    assessment_scores = many(ASSESSMENT_SCORES, "initiative_id", "What its learners scored, where no LMS sends it.")
    proficiency_standards = many(PROFICIENCY_STANDARDS, "initiative_id", "The standards that it leads to.")
    personal_estimates = many(PERSONAL_ESTIMATES, "initiative_id", "What people think that it moved.")
    reviews = many(REVIEWS, "initiative_id", "Its turns of the learning loop.")
    effect_estimates = many(EFFECTS, "initiative_id", "Estimates of what it moved.")
    impact_statements = many(STATEMENTS, "initiative_id", "What its effects were worth.")
    evaluation_plans = many(PLANS, "initiative_id", "How effects will be estimated.")
    rollout_designs = many(ROLLOUTS, "initiative_id", "Draws of who is offered it in which wave.")
    figures = figures_of("initiative")


@entry(ALIGNMENTS)
class AlignmentNode(Node):
    """Why an initiative should move an outcome."""

    hypothesis: auto
    expected_effect: auto
    weight: auto
    lag_days: auto
    valid_from: auto
    valid_to: auto
    status: auto
    external_id: auto
    initiative = one("initiative_id")
    outcome = one("outcome_id")
    agreements = many(AGREEMENTS, "alignment_id", "The goal owner's sign-offs.")


@entry(AGREEMENTS)
class AgreementNode(Node):
    """The goal owner's sign-off on an alignment."""

    duties: auto
    expected_impact: auto
    signed_on: auto
    expires_on: auto
    status: auto
    alignment = one("alignment_id")
    goal_owner = one("goal_owner_id")


@entry(COST_ITEMS, "amount", "currency")
class CostItemNode(Node):
    """One cost of an initiative."""

    title: auto
    category: auto
    incurred_on: auto
    used: auto
    lifetime: auto
    cost: _MONEY = computed(CostItemRead.model_fields["cost"].description or "")
    initiative = one("initiative_id")

    def get_cost(self) -> Any:
        """Return the amount with its currency."""
        return _money(self.row)


@entry(UNIT_VALUES, "amount", "currency")
class UnitValueNode(Node):
    """What one unit of a KPI is worth."""

    kind: auto
    margin_rate: auto
    basis: auto
    valid_from: auto
    valid_to: auto
    value: _MONEY = computed(UnitValueRead.model_fields["value"].description or "")
    kpi = one("kpi_id")
    approver = one("approver_id")

    def get_value(self) -> Any:
        """Return the amount with its currency."""
        return _money(self.row)
