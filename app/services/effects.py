"""Effect estimates: a panel from stored facts, the estimators asked for, the results kept for ever."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.domain import ids
from app.domain.errors import NotFound
from app.models.effect_results import EffectOptions
from app.models.effects import EffectEstimate, EffectEstimateRead, EffectEstimateWrite
from app.models.initiatives import Initiative
from app.models.kpis import Direction, Kpi
from app.models.outcomes import Outcome
from app.models.plans import EvaluationPlan
from app.models.unit import unit_of
from app.services import panels, plans
from app.services.nouns import NounType, require_references
from app.services.panels import Facts

EFFECTS = NounType(
    row=EffectEstimate,
    write=EffectEstimateWrite,
    read=EffectEstimateRead,
    plural="effect_estimates",
    filters=("initiative_id", "outcome_id", "status"),
    sorts=("recorded_at",),
)


async def compute(session: AsyncSession, fields: EffectEstimateWrite) -> EffectEstimate:
    """Estimate and keep the answer. Raises Invalid when the facts or the options do not allow it."""
    unit = unit_of(session)
    row = EffectEstimate(
        tenant_id=unit.tenant.id,
        initiative_id=fields.initiative_id,
        outcome_id=fields.outcome_id,
        request=fields.model_dump(mode="json", include={"estimators", "options"}),
        results=[],
        panel={},
        plan={},
        recorded_at=unit.tick(),
    )
    await require_references(session, EFFECTS.table, [row])
    initiative = await _one(session, Initiative, fields.initiative_id)
    outcome = await _one(session, Outcome, fields.outcome_id)
    kpi = await _one(session, Kpi, outcome.kpi_id)
    facts = await panels.of(session, initiative.id, kpi, as_of=None)
    planned = await _planned(session, fields, kpi, facts)
    row.results = _estimate(facts, initiative, kpi, fields, planned)
    row.panel = _described(facts)
    row.plan = planned.as_json()
    row.grade = max((result["grade"] for result in row.results), default=None)
    session.add(row)
    await session.flush()
    return row


async def _one(session: AsyncSession, row: type[Any], noun_id: Any) -> Any:
    found = await session.get(row, (unit_of(session).tenant.id, noun_id))
    if found is None:
        raise NotFound("There is no such thing in this tenant.")
    return found


@dataclass(frozen=True, slots=True)
class Planned:
    """How an estimate relates to its plan: `status` is locked, deviated or none (`app.domain.impact.design.Plan`)."""

    status: str = "none"
    plan: EvaluationPlan | None = None
    deviations: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return it as it is kept with the estimate."""
        plan = None if self.plan is None else {"id": ids.encode("pln", self.plan.id), "sha256": self.plan.sha256}
        return {"status": self.status, "plan": plan, "deviations": list(self.deviations)}


async def _planned(session: AsyncSession, fields: EffectEstimateWrite, kpi: Kpi, facts: Facts) -> Planned:
    plan = await plans.in_force(session, fields.initiative_id, fields.outcome_id)
    if plan is None:
        return Planned()
    found = plans.deviations(plan, fields)
    offered = min(row.exposed_on for row in facts.rows if row.exposed_on is not None)
    if not await plans.locked_in_time(session, plan, kpi, offered):
        found.append("the plan was locked after values of the exposed periods were known")
    return Planned("deviated" if found else "locked", plan, tuple(found))


def _estimate(
    facts: Facts, initiative: Initiative, kpi: Kpi, fields: EffectEstimateWrite, planned: Planned
) -> list[dict[str, Any]]:
    from app.domain.impact import words  # noqa: PLC0415  the engine is imported at first use: it costs half a second
    from app.domain.impact.design import Assignment, Design, Plan  # noqa: PLC0415  the same
    from app.domain.impact.estimate import estimate  # noqa: PLC0415  the same
    from app.domain.impact.panel_rows import build  # noqa: PLC0415  the same

    panel = build(
        outcome=[row.value for row in facts.rows],
        unit=[row.unit for row in facts.rows],
        period=[row.period_start.isoformat() for row in facts.rows],
        first_exposed=facts.first_exposed(),
        transform=fields.options.transform.value,
        design=Design(
            assignment=Assignment(initiative.assignment),
            lower_is_better=kpi.direction == Direction.LOWER_IS_BETTER,
            plan=Plan(planned.status),
            plan_hash=None if planned.plan is None else planned.plan.sha256,
        ),
    )
    results = estimate(panel, fields.estimators, _options(fields.options))
    scale = "log of " if fields.options.transform == "log" else ""
    names = {"exposure": initiative.title, "outcome": f"{scale}{kpi.name}"}
    return [result.to_dict() | {"statement": words.sentence(result, **names)} for result in results]


def _options(chosen: EffectOptions) -> Any:
    from app.domain.impact.options import Options  # noqa: PLC0415  the engine is imported at first use
    from app.domain.impact.result import StandardErrorKind  # noqa: PLC0415  the same

    kind = None if chosen.standard_error is None else StandardErrorKind(chosen.standard_error.value)
    periods = tuple(day.isoformat() for day in chosen.periods)
    return Options(standard_error=kind, level=chosen.level, periods=periods, seed=chosen.seed)


def _described(facts: Facts) -> dict[str, Any]:
    exposed = {row.unit for row in facts.rows if row.exposed_on is not None}
    return {
        "unit": facts.unit_kind,
        "units": len({row.unit for row in facts.rows}),
        "exposed_units": len(exposed),
        "periods": [day.isoformat() for day in facts.periods],
        "observations": len(facts.rows),
        "data_sha256": facts.sha256(),
    }
