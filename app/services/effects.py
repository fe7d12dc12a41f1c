"""Effect estimates: a panel from stored facts or a posted one, the estimators run, the results kept for ever.

An estimate has three steps, for nobody shall wait for its arithmetic: `prepare` reads in a unit of its own,
`app.services.estimation.run` computes without one, `keep` writes.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from app.domain import ids
from app.domain.errors import Conflict, NotFound
from app.models.base import Noun
from app.models.effect_options import EffectOptions, Transform
from app.models.effects import EffectEstimate, EffectEstimateRead, EffectEstimateWrite
from app.models.initiatives import Alignment, Initiative
from app.models.kpis import Kpi
from app.models.operations import Operation
from app.models.outcomes import Outcome
from app.models.panels import FactPanelRead, Panel
from app.models.plans import EvaluationPlan
from app.models.unit import unit_of
from app.services import effect_data, effect_plans, estimation, families, operations, panels, versions
from app.services.effect_data import About, Data
from app.services.effect_plans import Planned
from app.services.estimation import Ran, Task
from app.services.nouns import NounType, require_references
from app.services.operations import Order
from app.services.versions import rows_at

N = TypeVar("N", bound=Noun)

INTERACTIVE_UNITS = 10_000
"""Up to so many units, an estimate is computed while its request waits."""

LARGE = "effect_estimate"
"""The kind of operation that estimates from more of them."""

EFFECTS = NounType(
    row=EffectEstimate,
    write=EffectEstimateWrite,
    read=EffectEstimateRead,
    plural="effect_estimates",
    filters=("initiative_id", "outcome_id", "panel_id", "status"),
    sorts=("recorded_at",),
)


@dataclass(frozen=True, slots=True)
class Prepared:
    """An estimate whose facts are read, from one state of the database, and which is not computed yet.

    `facts_at` is the instant of that state on the tenant's clock, `look` the number of this look at the outcome.
    """

    fields: EffectEstimateWrite
    task: Task
    facts_at: datetime
    description: dict[str, Any]
    planned: Planned
    look: int
    look_given: bool


async def resolved(session: AsyncSession, fields: EffectEstimateWrite) -> EffectEstimateWrite:
    """Return a request with what its plan is about. Raises Invalid where it names what is not there."""
    plan = await effect_plans.named(session, fields)
    if plan is not None:
        fields = fields.model_copy(update={"initiative_id": plan.initiative_id, "outcome_id": plan.outcome_id})
    await require_references(session, EFFECTS.table, [fields])
    return fields


async def count_units(session: AsyncSession, fields: EffectEstimateWrite) -> int:
    """Return how many units a resolved request is about, before any of their values is read."""
    if fields.panel_id is not None:
        panel = await session.get_one(Panel, (unit_of(session).tenant.id, fields.panel_id))
        return int(panel.summary["units"])
    about = await _about(session, fields)
    return 0 if about is None else await panels.count_units(session, about.kpi.id)


async def start(session: AsyncSession, fields: EffectEstimateWrite) -> Operation:
    """Begin a resolved request as an operation."""
    return await operations.start(session, Order(LARGE, fields.model_dump(mode="json"), "steps"))


async def prepare(session: AsyncSession, fields: EffectEstimateWrite, *, look: int | None = None) -> Prepared:
    """Read all that the estimate of a resolved request needs, in a unit that only reads.

    `look` is the number of this look where it repeats an earlier one; None: it is counted. Raises Invalid when the
    facts or the options do not allow it.
    """
    about = await _about(session, fields)
    data = await _data(session, fields, about)
    known = [] if about is None else await families.earlier(session, about.initiative.id)
    plan = await effect_plans.named(session, fields)
    planned = await effect_plans.followed(session, fields, plan, data)
    estimators = fields.estimators or ([] if planned.plan is None else planned.plan.estimators)
    settled = {
        "transform": fields.options.transform or data.transform,
        "take_up": fields.options.take_up or data.take_up,
    }
    options = fields.options.model_copy(update=settled)
    counted = look or _look(fields, known, data.description)
    design = await _design(session, about, options, data, planned.plan) | {
        "plan": planned.status,
        "plan_hash": None if planned.plan is None else planned.plan.sha256,
        "look": counted,
        "planned_looks": options.planned_looks,
        "look_method": options.look_method.value,
        "planned_units": options.planned_units,
    }
    return Prepared(
        fields=fields,
        task=_task(fields, data, design, estimators, options),
        facts_at=await versions.instant(session),
        description=data.description,
        planned=planned,
        look=counted,
        look_given=look is not None,
    )


async def keep(session: AsyncSession, prepared: Prepared, ran: Ran) -> EffectEstimate:
    """Keep what came of an estimate. Raises Conflict where another one of newer facts was kept meanwhile."""
    fields, options = prepared.fields, prepared.task.options
    known = [] if fields.initiative_id is None else await families.earlier(session, fields.initiative_id)
    if not prepared.look_given and _look(fields, known, prepared.description) != prepared.look:
        raise Conflict("Other facts of the same outcome were estimated from meanwhile: estimate again.")
    asked = {"estimators": fields.estimators, "options": options.model_dump(mode="json")}
    row = EffectEstimate(
        tenant_id=unit_of(session).tenant.id,
        initiative_id=fields.initiative_id,
        outcome_id=fields.outcome_id,
        panel_id=fields.panel_id,
        request=asked | {"design": dict(prepared.task.design)},
        results=ran.results,
        accepted=ran.accepted,
        panel=prepared.description,
        plan=prepared.planned.as_json(),
        exposed_side=ran.exposed_side,
        grade=max((result["grade"] for result in ran.results), default=None),
        recorded_at=prepared.facts_at,
    )
    row.family = None if fields.initiative_id is None else families.adjusted(row, known, options.family)
    session.add(row)
    await session.flush()
    return row


def _look(fields: EffectEstimateWrite, known: list[EffectEstimate], description: Mapping[str, Any]) -> int:
    return 1 if fields.outcome_id is None else families.look(known, fields.outcome_id, description["data_sha256"])


def _task(
    fields: EffectEstimateWrite,
    data: Data,
    design: Mapping[str, Any],
    estimators: Sequence[str],
    options: EffectOptions,
) -> Task:
    return Task(
        build=data.build,
        design=design,
        estimators=estimators,
        options=options,
        names=data.names,
        posted=fields.panel_id is not None,
        least_people=data.least_people,
        spelled=data.spelled,
    )


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


async def again(session: AsyncSession, row: EffectEstimate) -> Task:
    """Return how to estimate once more from the facts of that instant, as it was asked then."""
    data = await data_of(session, row)
    estimators = [result["estimator"] for result in row.results]
    return _task(_asked(row), data, row.request["design"], estimators, _asked(row).options)


async def exposed_side(session: AsyncSession, row: EffectEstimate) -> Mapping[str, Any]:
    """Return what the exposed units did; worked out where it was not kept with the estimate. Raises Invalid."""
    return row.exposed_side or await estimation.exposed_side(await again(session, row))


async def data_of(session: AsyncSession, row: EffectEstimate, *, now: bool = False) -> Data:
    """Return the data that an estimate rests on, as they stood when it was computed, or as they are `now`."""
    as_of = None if now else row.recorded_at
    return await _data(session, _asked(row), await _about(session, _asked(row), as_of=as_of), as_of=as_of)


def _asked(row: EffectEstimate) -> EffectEstimateWrite:
    return EffectEstimateWrite.model_construct(
        initiative_id=row.initiative_id,
        outcome_id=row.outcome_id,
        panel_id=row.panel_id,
        options=EffectOptions.model_validate(row.request["options"]),
    )


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


async def _design(
    session: AsyncSession, about: About | None, options: EffectOptions, data: Data, plan: EvaluationPlan | None
) -> dict[str, Any]:
    """Return what is known of the study; the alignment tells the effect hoped for and, unless planned, its lag."""
    known = dict(data.design)
    known["own_outcome"] = options.own_outcome
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
