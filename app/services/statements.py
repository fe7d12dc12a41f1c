"""Impact statements: the accepted effect, valued and set against the cost, with everything needed to check it."""

import asyncio
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, or_, select, type_coerce
from sqlalchemy.ext.asyncio import AsyncSession

from app import __version__
from app.domain import ids
from app.domain.errors import Fault, Invalid
from app.domain.metrics.returns import unapproved
from app.models.base import Json
from app.models.effects import ClaimBasis, EffectClaim, EffectEstimate, EffectStatus
from app.models.kpis import Direction, Kpi
from app.models.money import CostItem, UnitValue
from app.models.outcomes import Outcome
from app.models.statements import (
    ImpactStatement,
    ImpactStatementRead,
    ImpactStatementWrite,
    MoneyRange,
    Recomputation,
)
from app.models.unit import unit_of
from app.models.values import plain_money
from app.services import effects, estimation, families, nouns
from app.services.effects import EFFECTS
from app.services.estimation import Task
from app.services.money import charged, worth
from app.services.nouns import NounType
from app.services.returns import amount_of, priced
from app.services.versions import rows_at


def _shown(row: ImpactStatement) -> Mapping[str, Any]:
    return row.model_dump() | row.body


def _of_plans(_tenant_id: UUID, values: Sequence[Any]) -> ColumnElement[bool]:
    plan = type_coerce(ImpactStatement.body, Json)["plan_id"].as_string()
    some = plan.in_([ids.encode("pln", each) for each in values if each is not None])
    return or_(some, plan.is_(None)) if None in values else some


STATEMENTS = NounType(
    row=ImpactStatement,
    write=ImpactStatementWrite,
    read=ImpactStatementRead,
    plural="impact_statements",
    filters=("initiative_id", "outcome_id", "effect_estimate_id", "unit_value_id", "plan_id", "status"),
    derived={"plan_id": _of_plans},
    sorts=("recorded_at",),
    shown=_shown,
)


@dataclass(frozen=True, slots=True)
class Ends:
    """Both ends of the ratio, in one currency: what a unit is worth, what it all cost, and which way is good.

    `approved`: somebody answers for the unit value.
    """

    unit_value_id: UUID
    unit_value: Decimal
    cost: Decimal
    currency: str
    lower_is_better: bool
    approved: bool


@dataclass(frozen=True, slots=True)
class Found:
    """What was found out about an effect: its results, what the exposed units did, and the hash of the data."""

    results: list[dict[str, Any]]
    exposed_side: Mapping[str, Any]
    data_sha256: str


@dataclass(frozen=True, slots=True)
class Again:
    """A statement that is to be computed once more: all that this needs, read from one state of the database."""

    row: ImpactStatement
    estimate: EffectEstimate
    task: Task
    data_sha256: str
    ends: Ends
    changed: list[str]


async def state(session: AsyncSession, fields: ImpactStatementWrite) -> ImpactStatement:
    """Value the accepted effect and keep the statement. Raises Invalid (`not_evaluable`) where it cannot be valued."""
    [estimate] = await nouns.get_many(session, EFFECTS, [fields.effect_estimate_id])
    if estimate is None:
        detail = "names no effect estimate of this tenant"
        raise Invalid(f"{detail}.", errors=(Fault("unknown_reference", detail, pointer="/effect_estimate_id"),))
    if estimate.initiative_id is None or estimate.outcome_id is None or estimate.accepted is None:
        detail = "No effect was accepted: value an estimate of an initiative and an outcome."
        raise _unable("nothing_accepted", detail, "/effect_estimate_id")
    ends = await _ends(session, fields, estimate, as_of=None)
    side = await effects.exposed_side(session, estimate)
    found = Found(estimate.results, side, estimate.panel["data_sha256"])
    body = await asyncio.to_thread(_body, fields, estimate, found, ends, claim_of(estimate))
    unit = unit_of(session)
    row = ImpactStatement(
        tenant_id=unit.tenant.id,
        effect_estimate_id=estimate.id,
        initiative_id=estimate.initiative_id,
        outcome_id=estimate.outcome_id,
        unit_value_id=ends.unit_value_id,
        request=fields.model_dump(mode="json"),
        body=body,
        sha256=_hash(body),
        recorded_at=unit.tick(),
    )
    session.add(row)
    await session.flush()
    return row


async def again(session: AsyncSession, row: ImpactStatement) -> Again:
    """Read all that is needed to compute a statement once more, effect included, from the facts of its instant.

    What has changed in the facts since is read too.
    """
    fields = ImpactStatementWrite.model_validate(row.request)
    estimate = await nouns.get(session, EFFECTS, row.effect_estimate_id)
    return Again(
        row,
        estimate,
        await effects.again(session, estimate),
        (await effects.data_of(session, estimate)).description["data_sha256"],
        await _ends(session, fields, estimate, as_of=row.recorded_at, chosen=row.unit_value_id),
        await changed_since(session, row),
    )


async def recompute(read: Again) -> Recomputation:
    """Compute a statement once more, in a thread, and compare every byte."""
    row = read.row
    ran = await estimation.run(read.task)
    found = Found(ran.results, ran.exposed_side, read.data_sha256)
    claim = None if row.body["claim"] is None else EffectClaim.model_validate(row.body["claim"])
    fields = ImpactStatementWrite.model_validate(row.request)
    sha256 = _hash(await asyncio.to_thread(_body, fields, read.estimate, found, read.ends, claim))
    return Recomputation(equal=sha256 == row.sha256, sha256=sha256, stated_sha256=row.sha256, changed=read.changed)


async def changed_since(session: AsyncSession, row: ImpactStatement) -> list[str]:
    """Return what of a statement's facts is different now: facts, costs, unit_value; in that order."""
    fields = ImpactStatementWrite.model_validate(row.request)
    estimate = await nouns.get(session, EFFECTS, row.effect_estimate_id)
    data = await effects.data_of(session, estimate, now=True)
    then = await _ends(session, fields, estimate, as_of=row.recorded_at, chosen=row.unit_value_id)
    now = await _ends(session, fields, estimate, as_of=None)
    different = {
        "facts": data.description["data_sha256"] != row.body["provenance"]["data_sha256"],
        "costs": (then.cost, then.currency) != (now.cost, now.currency),
        "unit_value": (then.unit_value_id, then.unit_value) != (now.unit_value_id, now.unit_value),
    }
    return [name for name, differs in different.items() if differs]


def claim_of(estimate: EffectEstimate) -> EffectClaim | None:
    """Return what an accepted estimate claims; None where it is not accepted."""
    if estimate.status != EffectStatus.ACCEPTED or estimate.decision is None:
        return None
    return EffectClaim.model_validate(estimate.decision["claim"])


async def _ends(
    session: AsyncSession,
    fields: ImpactStatementWrite,
    estimate: EffectEstimate,
    *,
    as_of: datetime | None,
    chosen: UUID | None = None,
) -> Ends:
    outcome = await session.get_one(Outcome, (unit_of(session).tenant.id, estimate.outcome_id))
    values, costs, kpis = (rows_at(session, each, as_of) for each in (UnitValue, CostItem, Kpi))
    found = (await session.execute(select(values).where(values.c.kpi_id == outcome.kpi_id))).all()
    wanted = chosen or fields.unit_value_id
    day = estimate.recorded_at.date()
    known = [
        each
        for each in found
        if (each.id == wanted if wanted else each.valid_from <= day and (each.valid_to is None or day < each.valid_to))
    ]
    if not known:
        raise _unable("no_unit_value", "The KPI has no such unit value: say what one unit is worth.", "/unit_value_id")
    value = max(known, key=lambda each: (each.valid_from, each.id))
    items = (await session.execute(select(costs).where(costs.c.initiative_id == estimate.initiative_id))).all()
    if not items or {item.currency for item in items} != {value.currency}:
        detail = f"The initiative needs cost items, all of them in {value.currency}."
        raise _unable("costs_missing" if not items else "mixed_currencies", detail)
    direction = await session.scalar(select(kpis.c.direction).where(kpis.c.id == outcome.kpi_id))
    cost = sum((charged(item) for item in items), Decimal(0))
    approved = value.approver_id is not None
    return Ends(value.id, worth(value), cost, value.currency, direction == Direction.LOWER_IS_BETTER, approved)


def _body(
    fields: ImpactStatementWrite, estimate: EffectEstimate, effect: Found, ends: Ends, claim: EffectClaim | None
) -> dict[str, Any]:
    result = next(each for each in effect.results if each["estimator"] == estimate.accepted)
    try:
        stakes, found = _valued(fields, result, effect.exposed_side, ends, claim)
    except Invalid as error:
        raise estimation.refused(error, posted=False) from error
    money = {"currency": ends.currency}
    plan = estimate.plan["plan"]
    return {
        "plan_id": None if plan is None else plan["id"],
        "effect": result,
        "claim": None if claim is None else claim.model_dump(mode="json"),
        "statement": f"{result['statement']} {_said(found, ends)}",
        "usage": found["usage"],
        "reason": found["reason"],
        "unit_value": money | {"amount": plain_money(ends.unit_value)},
        "cost": money | {"amount": plain_money(ends.cost)},
        "stakes": stakes,
        "observed": priced(found["observed"], ends.currency),
        "with_assumption": priced(found["with_assumption"], ends.currency),
        "break_even_share": found["break_even_share"],
        "break_even_effect": found["break_even_effect"],
        "caveats": _caveats(estimate, result, found, claim, ends),
        "provenance": {
            "plan_sha256": None if plan is None else plan["sha256"],
            "data_sha256": effect.data_sha256,
            "code_version": __version__,
            "seed": fields.seed,
            "draws": fields.draws,
            "effect_estimate": ids.encode("eff", estimate.id),
            "unit_value": ids.encode("uvl", ends.unit_value_id),
        },
    }


def _valued(
    fields: ImpactStatementWrite,
    result: Mapping[str, Any],
    side: Mapping[str, Any],
    ends: Ends,
    claim: EffectClaim | None,
) -> tuple[dict[str, Any], dict[str, Any]]:
    from app.domain.impact import roi  # noqa: PLC0415  the engine is imported at first use
    from app.domain.impact.result import claimed, json_safe, restored  # noqa: PLC0415  the same
    from app.domain.impact.seeds import generator  # noqa: PLC0415  the same

    def amount(told: MoneyRange | None, exact: Decimal) -> roi.Range:
        if told is None:
            return roi.Range.exactly(float(exact))
        return roi.Range(float(told.low), float(told.high), None if told.mode is None else float(told.mode))

    effect = restored(result)
    if claim is not None and claim.basis is ClaimBasis.SPLIT:
        effect = claimed(effect, claim.value, claim.standard_error, claim.units)
    stakes = roi.Stakes(
        units_treated=float(effect.sample.units_treated),
        periods=float(side["periods"] or 0.0),
        unit_value=amount(fields.unit_value_range, ends.unit_value),
        cost=amount(fields.cost_range, ends.cost),
        lower_is_better=ends.lower_is_better,
        level_before=side["level_before"],
        assumed_periods=fields.assumed_periods,
        raw_change=side["raw_change"],
        hurdle=fields.hurdle,
    )
    found = roi.of_effect(effect, stakes, generator=generator(fields.seed), draws=fields.draws)
    return json_safe(stakes), json_safe(found)


def _said(found: Mapping[str, Any], ends: Ends) -> str:
    observed = found["observed"]
    if observed is None:
        return f"No return is stated: {found['reason']}"
    low, high = observed["roi_spread"]["interval_95"]
    lead = "Over the periods observed" if found["usage"] == "headline" else "Indicative only: over the periods observed"
    return (
        f"{lead} it was worth {amount_of(observed['benefit'])} {ends.currency} against a cost of "
        f"{amount_of(observed['cost'])} {ends.currency}: a return of {observed['roi']:.0%} (95 % interval {low:.0%} to "
        f"{high:.0%}), above zero with a probability of {observed['probability_positive']:.0%}."
    )


def _caveats(
    estimate: EffectEstimate,
    result: Mapping[str, Any],
    found: Mapping[str, Any],
    claim: EffectClaim | None,
    ends: Ends,
) -> list[str]:
    caveats = [reason["detail"] for reason in result["reasons"]]
    if claim is not None and claim.basis is ClaimBasis.SPLIT:
        caveats.append("Several initiatives reached the same units: only its share of their joint effect is valued.")
    caveats += [f"Deviation from the plan: {each}." for each in estimate.plan["deviations"]]
    caveats += [each["detail"] for each in result["diagnostics"] if each["verdict"] in {"flag", "fail"}]
    if found["with_assumption"] is not None:
        caveats.append("That the effect lasts beyond the periods observed is assumed, not shown.")
    if unapproved_value := unapproved(approved=ends.approved):
        caveats.append(unapproved_value.detail)
    if families.answer(estimate)["p_value"] is None:
        caveats.append("The effect could not be tested.")
    return list(dict.fromkeys(caveats))


def _hash(body: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _unable(code: str, detail: str, pointer: str | None = None) -> Invalid:
    return Invalid(detail, code="not_evaluable", errors=(Fault(code, detail, pointer=pointer),))
