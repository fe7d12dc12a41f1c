"""Effect estimates: a panel from stored facts or a posted one, the estimators run, the results kept for ever."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from app.domain import ids
from app.domain.errors import Fault, Invalid, NotFound
from app.models.base import Noun
from app.models.effect_options import EffectOptions, Transform
from app.models.effects import EffectEstimate, EffectEstimateRead, EffectEstimateWrite
from app.models.initiatives import Alignment, Initiative
from app.models.kpis import Kpi
from app.models.outcomes import Outcome
from app.models.panels import FactPanelRead, Panel
from app.models.plans import EvaluationPlan, EvaluationPlanStatus
from app.models.unit import unit_of
from app.services import effect_data, estimation, families, nouns, plans
from app.services.effect_data import About, Data
from app.services.estimation import Ran
from app.services.nouns import NounType, require_references
from app.services.plans import PLANS
from app.services.versions import rows_at

N = TypeVar("N", bound=Noun)

EFFECTS = NounType(
    row=EffectEstimate,
    write=EffectEstimateWrite,
    read=EffectEstimateRead,
    plural="effect_estimates",
    filters=("initiative_id", "outcome_id", "panel_id", "status"),
    sorts=("recorded_at",),
)


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


async def compute(session: AsyncSession, fields: EffectEstimateWrite, *, look: int | None = None) -> EffectEstimate:
    """Estimate and keep the answer. Raises Invalid when the facts or the options do not allow it.

    `look` is the number of this look where it repeats an earlier one; None: it is counted.
    """
    unit = unit_of(session)
    plan = await _plan_named(session, fields)
    if plan is not None:
        fields = fields.model_copy(update={"initiative_id": plan.initiative_id, "outcome_id": plan.outcome_id})
    row = EffectEstimate(
        tenant_id=unit.tenant.id,
        initiative_id=fields.initiative_id,
        outcome_id=fields.outcome_id,
        panel_id=fields.panel_id,
        request={},
        results=[],
        panel={},
        plan={},
        recorded_at=unit.tick(),
    )
    await require_references(session, EFFECTS.table, [row])
    about = await _about(session, fields)
    data = await _data(session, fields, about)
    known = [] if about is None else await families.earlier(session, about.initiative.id)
    planned = await _planned(session, fields, plan, data)
    estimators = fields.estimators or ([] if planned.plan is None else planned.plan.estimators)
    options = fields.options.model_copy(update={"transform": fields.options.transform or data.transform})
    design = await _design(session, about, options, data, planned.plan) | {
        "plan": planned.status,
        "plan_hash": None if planned.plan is None else planned.plan.sha256,
        "look": look
        or (1 if about is None else families.look(known, about.outcome.id, data.description["data_sha256"])),
        "planned_looks": options.planned_looks,
        "look_method": options.look_method.value,
        "planned_units": options.planned_units,
    }
    ran = await estimation.run(
        lambda: data.build(design),
        estimators,
        options,
        data.names,
        posted=fields.panel_id is not None,
        least_people=data.least_people,
    )
    asked = {"estimators": fields.estimators, "options": options.model_dump(mode="json")}
    row.request = asked | {"design": design}
    row.results, row.accepted = ran.results, ran.accepted
    row.panel, row.plan = data.description, planned.as_json()
    row.grade = max((result["grade"] for result in row.results), default=None)
    row.family = None if about is None else families.adjusted(row, known, options.family)
    session.add(row)
    await session.flush()
    return row


async def described(
    session: AsyncSession, initiative_id: UUID, outcome_id: UUID, options: EffectOptions, *, as_of: datetime | None
) -> FactPanelRead:
    """Return what an estimate from stored facts would rest on. Raises NotFound, and Invalid (`not_evaluable`)."""
    fields = EffectEstimateWrite.model_construct(initiative_id=initiative_id, outcome_id=outcome_id, panel_id=None)
    about = await _about(session, fields, as_of=as_of)
    if about is None:
        raise ValueError("a panel of facts is about an initiative and an outcome")
    data = await effect_data.stored(session, about, options, as_of=as_of)
    return FactPanelRead(
        initiative_id=ids.encode(Initiative.prefix, initiative_id),
        outcome_id=ids.encode(Outcome.prefix, outcome_id),
        as_of=as_of,
        **(await estimation.described(lambda: data.build({}), least_people=data.least_people) | data.description),
    )


async def again(session: AsyncSession, row: EffectEstimate) -> Ran:
    """Estimate once more from the facts of that instant, as it was asked then. Nothing is kept."""
    options = EffectOptions.model_validate(row.request["options"])
    data = await data_of(session, row)
    estimators = [result["estimator"] for result in row.results]
    design: Mapping[str, Any] = row.request["design"]
    posted = row.panel_id is not None
    return await estimation.run(
        lambda: data.build(design), estimators, options, data.names, posted=posted, least_people=data.least_people
    )


async def data_of(session: AsyncSession, row: EffectEstimate, *, now: bool = False) -> Data:
    """Return the data that an estimate rests on, as they stood when it was computed, or as they are `now`."""
    fields = EffectEstimateWrite.model_construct(
        initiative_id=row.initiative_id,
        outcome_id=row.outcome_id,
        panel_id=row.panel_id,
        options=EffectOptions.model_validate(row.request["options"]),
    )
    as_of = None if now else row.recorded_at
    return await _data(session, fields, await _about(session, fields, as_of=as_of), as_of=as_of)


async def _plan_named(session: AsyncSession, fields: EffectEstimateWrite) -> EvaluationPlan | None:
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


async def _about(session: AsyncSession, fields: EffectEstimateWrite, *, as_of: datetime | None = None) -> About | None:
    """Return what an estimate is about as it stood at `as_of`, under the names that it had then."""
    if fields.initiative_id is None or fields.outcome_id is None:
        return None
    initiative = await _then(session, Initiative, fields.initiative_id, as_of)
    outcome = await _then(session, Outcome, fields.outcome_id, as_of)
    return About(initiative, outcome, await _then(session, Kpi, outcome.kpi_id, as_of))


async def _then(session: AsyncSession, noun: type[N], noun_id: UUID, as_of: datetime | None) -> N:
    """Return a row as it stood, archived or not; it is no part of the session. Raises NotFound."""
    rows = rows_at(session, noun, as_of, archived=True)
    found = (await session.execute(select(rows).where(rows.c.id == noun_id))).mappings().one_or_none()
    if found is None:
        raise NotFound(f"There is no {noun.__tablename__} {ids.encode(noun.prefix, noun_id)} in this tenant.")
    return noun(**found)


async def _data(
    session: AsyncSession, fields: EffectEstimateWrite, about: About | None, *, as_of: datetime | None = None
) -> Data:
    if fields.panel_id is not None:
        panel = await session.get_one(Panel, (unit_of(session).tenant.id, fields.panel_id))
        return await effect_data.posted(session, panel, about, fields.options)
    if about is None:
        raise ValueError("an estimate is about a panel, or about an initiative and an outcome")
    return await effect_data.stored(session, about, fields.options, as_of=as_of)


async def _planned(
    session: AsyncSession, fields: EffectEstimateWrite, named: EvaluationPlan | None, data: Data
) -> Planned:
    if fields.initiative_id is None or fields.outcome_id is None:
        return Planned()
    first = await plans.in_force(session, fields.initiative_id, fields.outcome_id)
    plan = named or first
    if plan is None:
        return Planned()
    assignment = data.design.get("assignment")
    found = plans.deviations(plan, fields.estimators, fields.options, transform=data.transform, assignment=assignment)
    if first is not None and first.id != plan.id:
        found.append(f"another plan was locked first: {ids.encode('pln', first.id)}")
    if not await data.known_in_time(plan):
        found.append("the plan was locked after values of the exposed periods were known")
    return Planned("deviated" if found else "locked", plan, tuple(found))


async def _design(
    session: AsyncSession, about: About | None, options: EffectOptions, data: Data, plan: EvaluationPlan | None
) -> dict[str, Any]:
    """Return what is known of the study; the alignment tells the effect hoped for and, unless planned, its lag."""
    known = dict(data.design)
    days = known.pop("period_days", None)
    if about is None:
        return known
    statement = select(Alignment).where(
        col(Alignment.initiative_id) == about.initiative.id,
        col(Alignment.outcome_id) == about.outcome.id,
        col(Alignment.archived_at).is_(None),
    )
    alignment = (await session.scalars(statement.order_by(col(Alignment.created_at)).limit(1))).first()
    hoped = None if alignment is None else alignment.expected_effect
    if hoped is not None and options.transform is Transform.NONE:
        known["expected_effect"] = float(hoped)
    lag = 0 if alignment is None else alignment.lag_days
    if plan is not None and plan.lag_days is not None:
        lag = plan.lag_days
    if days:
        known["lag_periods"] = math.ceil(lag / days)
    return known
