"""Effect estimates, the plans that they follow, and what they are computed from, in the graph."""

from collections.abc import Awaitable
from typing import Any

from strawberry import auto

from app.api.graphql.connections import many
from app.api.graphql.nodes import Node, entry, linked, load, one
from app.api.graphql.scalars import Long, computed, shape_of
from app.domain import ids
from app.models.effect_options import EffectOptions
from app.models.panels import PanelRead
from app.models.rollouts import RolloutDesignRead
from app.services.effects import EFFECTS
from app.services.plans import PLANS
from app.services.posted_panels import PANELS
from app.services.rollouts import ROLLOUTS
from app.services.statements import STATEMENTS

shape_of(EffectOptions, seed=Long)


@entry(EFFECTS)
class EffectEstimateNode(Node):
    """A computed answer of the impact engine, and what was decided about it."""

    status: auto
    decision: auto
    decided_at: auto
    request: auto
    panel: auto
    plan: auto
    accepted: auto
    family: auto
    results: auto
    recorded_at: auto
    initiative = one("initiative_id")
    outcome = one("outcome_id")
    posted_panel = one("panel_id")
    impact_statements = many(STATEMENTS, "effect_estimate_id", "What it was worth.")


@entry(PLANS)
class EvaluationPlanNode(Node):
    """How an effect will be estimated, settled before the outcome is known."""

    estimators: auto
    options: auto
    primary_outcome: auto
    assignment: auto
    comparison: auto
    lag_days: auto
    decision_rule: auto
    status: auto
    sha256: auto
    locked_at: auto
    initiative = one("initiative_id")
    outcome = one("outcome_id")


@entry(PANELS, "row_count", inside="summary")
class PanelNode(Node):
    """A panel of data as an analyst sent it; it never changes. Its rows are read over REST."""

    description: auto
    sha256: auto
    shape: auto
    units: auto
    exposed_units: auto
    clusters: auto
    periods: auto
    observations: auto
    exposure_lasts: auto
    balance: auto
    diagnostics: auto
    recorded_at: auto
    rows: int = computed(PanelRead.model_fields["rows"].description or "")
    effect_estimates = many(EFFECTS, "panel_id", "Estimates computed from it.")

    def get_rows(self) -> int:
        """Return how many rows were sent."""
        count: int = self.row.row_count
        return count


@entry(ROLLOUTS, "drawn", inside="drawn")
class RolloutDesignNode(Node):
    """A draw of waves; it never changes, and its seed gives it again."""

    units: auto
    sizes: auto
    balance: auto
    offers: auto
    smallest_effect: auto
    sha256: auto
    recorded_at: auto
    seed: Long = computed(RolloutDesignRead.model_fields["seed"].description or "")
    initiative = one("initiative_id")
    audience = one("audience_id")

    def get_seed(self) -> Any:
        """Return the seed, which may be larger than an Int."""
        return self.row.drawn["seed"]


@entry(STATEMENTS, inside="body")
class ImpactStatementNode(Node):
    """What an effect was worth, against what it cost; its numbers never change."""

    status: auto
    issued_at: auto
    restatement: auto
    claim: auto
    effect: auto
    statement: auto
    usage: auto
    reason: auto
    unit_value: auto
    cost: auto
    stakes: auto
    observed: auto
    with_assumption: auto
    break_even_share: auto
    break_even_effect: auto
    caveats: auto
    provenance: auto
    sha256: auto
    recorded_at: auto
    effect_estimate = one("effect_estimate_id")
    initiative = one("initiative_id")
    outcome = one("outcome_id")
    plan = linked("evaluation_plan", "The locked plan, if there is one.")

    def get_plan(self) -> Awaitable[Any] | None:
        """Return the plan whose public id the statement holds."""
        plan_id = self.row.body.get("plan_id")
        return None if plan_id is None else load(self.view, "evaluation_plan", ids.decode("pln", plan_id))
