"""How an effect estimate relates to the locked plan of its initiative and outcome: kept, deviated from, or none."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.domain import ids
from app.domain.errors import Fault, Invalid
from app.models.effects import EffectEstimateWrite
from app.models.plans import EvaluationPlan, EvaluationPlanStatus
from app.services import nouns, plans
from app.services.effect_data import Data
from app.services.plans import PLANS


@dataclass(frozen=True, slots=True)
class Planned:
    """How an estimate relates to its plan: `status` is locked, deviated or none (`app.domain.impact.design.Plan`)."""

    status: str = "none"
    plan: EvaluationPlan | None = None
    deviations: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return it as it is kept with the estimate."""
        plan = None if self.plan is None else {"id": ids.encode("pln", self.plan.id), "sha256": self.plan.sha256}
        primary = self.status == "locked" and self.plan is not None and self.plan.primary_outcome
        return {"status": self.status, "plan": plan, "deviations": list(self.deviations), "primary": primary}


async def named(session: AsyncSession, fields: EffectEstimateWrite) -> EvaluationPlan | None:
    """Return the plan that a request names; Invalid unless it is locked and about the same."""
    if fields.plan_id is None:
        return None
    [plan] = await nouns.get_many(session, PLANS, [fields.plan_id])
    told = (fields.initiative_id, fields.outcome_id)
    detail = None
    if plan is None:
        detail = "names no evaluation plan of this tenant"
    elif plan.status == EvaluationPlanStatus.DRAFT:
        detail = "names a draft: lock it first"
    elif told not in {(None, None), (plan.initiative_id, plan.outcome_id)}:
        detail = "names a plan for another initiative or outcome"
    if detail is not None:
        raise Invalid(f"plan_id {detail}.", errors=(Fault("unknown_reference", detail, pointer="/plan_id"),))
    return plan


async def followed(
    session: AsyncSession, fields: EffectEstimateWrite, chosen: EvaluationPlan | None, data: Data
) -> Planned:
    """Return how a request relates to the plan that it names, else to the first one locked for what it is about."""
    if fields.initiative_id is None or fields.outcome_id is None:
        return Planned()
    first = await plans.in_force(session, fields.initiative_id, fields.outcome_id)
    plan = chosen or first
    if plan is None:
        return Planned()
    assignment = data.design.get("assignment")
    found = plans.deviations(plan, fields.estimators, fields.options, transform=data.transform, assignment=assignment)
    if first is not None and first.id != plan.id:
        found.append(f"another plan was locked first: {ids.encode('pln', first.id)}")
    if not await data.known_in_time(plan):
        found.append("the plan was locked after values of the exposed periods were known")
    return Planned("deviated" if found else "locked", plan, tuple(found))
