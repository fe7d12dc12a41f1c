"""Objectives, outcomes, KPIs and their measurements in the graph."""

from collections.abc import Awaitable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from strawberry import auto

from app.api.graphql.connections import many
from app.api.graphql.fact_panels import panel_of_outcome
from app.api.graphql.figures import figures_of
from app.api.graphql.nodes import Node, entry, load, one
from app.api.graphql.scalars import computed, shape_of
from app.domain import ids
from app.models.attributions import AttributionRead
from app.models.kpis import SubjectKind
from app.services import attribution
from app.services.alignments import ALIGNMENTS
from app.services.branches import Link
from app.services.effects import EFFECTS
from app.services.forecasts import FORECASTS, STATUS_OVERRIDES
from app.services.initiatives import INITIATIVES
from app.services.kpis import KPIS
from app.services.measurements import MEASUREMENTS
from app.services.money import UNIT_VALUES
from app.services.objectives import OBJECTIVES
from app.services.outcomes import OUTCOMES
from app.services.personal_estimates import PERSONAL_ESTIMATES
from app.services.plans import PLANS
from app.services.reviews import REVIEWS
from app.services.statements import STATEMENTS

_SUBJECTS = {SubjectKind.ORG_UNIT: "org_unit", SubjectKind.PERSON: "person", SubjectKind.TENANT: "tenant_settings"}


@entry(OBJECTIVES)
class ObjectiveNode(Node):
    """What the business wants, in its own words."""

    title: auto
    problem_statement: auto
    gap_size: auto
    no_learning_needed_because: auto
    category: auto
    priority: auto
    period_start: auto
    period_end: auto
    weight: auto
    status: auto
    external_id: auto
    parent = one("parent_id")
    goal_owner = one("goal_owner_id")
    children = many(OBJECTIVES, "parent_id", "Objectives that serve this one.")
    outcomes = many(OUTCOMES, "objective_id", "Outcomes that measure it.")
    reviews = many(REVIEWS, "objective_id", "Its turns of the learning loop.")
    figures = figures_of("objective")


@entry(OUTCOMES)
class OutcomeNode(Node):
    """What is to become of a KPI, by when."""

    title: auto
    baseline: auto
    target_kind: auto
    target: auto
    target_low: auto
    target_high: auto
    starts_on: auto
    due_on: auto
    lag_days: auto
    weight: auto
    period_targets: auto
    baselines: auto
    status: auto
    external_id: auto
    objective = one("objective_id")
    kpi = one("kpi_id")
    org_unit = one("org_unit_id")
    owner = one("owner_id")
    alignments = many(ALIGNMENTS, "outcome_id", "Links to the initiatives that should move it.")
    initiatives = many(
        INITIATIVES,
        "outcome_id",
        "Initiatives that should move it, through their alignments in use.",
        link=Link(ALIGNMENTS, "outcome_id", "initiative_id"),
    )
    measurements = many(MEASUREMENTS, "kpi_id", "Measurements of its KPI, of every subject.", key="kpi_id")
    effect_estimates = many(EFFECTS, "outcome_id", "Estimates of what moved it.")
    impact_statements = many(STATEMENTS, "outcome_id", "What its effects were worth.")
    forecasts = many(FORECASTS, "outcome_id", "What was expected of it.")
    status_overrides = many(STATUS_OVERRIDES, "outcome_id", "Statuses that people gave it, beside the computed one.")
    personal_estimates = many(PERSONAL_ESTIMATES, "outcome_id", "What people think that learning did to it.")
    evaluation_plans = many(PLANS, "outcome_id", "How effects will be estimated.")
    figures = figures_of("outcome")
    panel = panel_of_outcome()
    attribution: shape_of(AttributionRead) | None = computed(  # type: ignore[valid-type]  # made at run time
        "What the initiatives aligned to its KPI did together, split, and what was claimed of it."
    )

    def get_attribution(self) -> Awaitable[Any]:
        """Return the attribution as the facts stood in this view."""

        async def batch(session: AsyncSession, outcome_ids: list[UUID]) -> Sequence[Any]:
            return await attribution.of_outcomes(session, outcome_ids, as_of=self.view.at)

        return self.view.load(("attribution", "outcome"), batch, self.row.id)


@entry(KPIS)
class KpiNode(Node):
    """The definition of a repeating business measure."""

    name: auto
    definition: auto
    unit: auto
    direction: auto
    aggregation: auto
    cadence: auto
    zone: auto
    data_source: auto
    status: auto
    external_id: auto
    owner = one("owner_id")
    measurements = many(MEASUREMENTS, "kpi_id", "Its values, by subject and period.")
    outcomes = many(OUTCOMES, "kpi_id", "Outcomes that it measures.")
    unit_values = many(UNIT_VALUES, "kpi_id", "What one unit of it is worth.")


@entry(MEASUREMENTS, "subject_id")
class MeasurementNode(Node):
    """One KPI value for one period and one subject."""

    subject_kind: auto
    period_start: auto
    period_end: auto
    value: auto
    numerator: auto
    denominator: auto
    status: auto
    kpi = one("kpi_id")
    subject_id: str = computed("Public id of the tenant, org unit or person.")
    subject: Node | None = computed("The tenant, org unit or person that the value is about.")

    def get_subject_id(self) -> str:
        """Return the subject's TypeID."""
        prefix = {"org_unit": "org", "person": "per"}.get(self.row.subject_kind, "ten")
        return ids.encode(prefix, self.row.subject_id)

    def get_subject(self) -> object:
        """Return the subject's node."""
        return load(self.view, _SUBJECTS[SubjectKind(self.row.subject_kind)], self.row.subject_id)
