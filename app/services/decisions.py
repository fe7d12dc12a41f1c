"""Decisions about effects: people accept or reject what was computed, and claims stay within the joint effect."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from app.domain import ids
from app.domain.errors import Conflict, Fault
from app.models.attributions import AttributionRead
from app.models.effects import (
    AcceptanceWrite,
    ClaimBasis,
    EffectClaim,
    EffectDecision,
    EffectEstimate,
    EffectStatus,
    RejectionWrite,
)
from app.models.initiatives import Initiative
from app.models.outcomes import Outcome
from app.models.unit import unit_of
from app.services import attribution, changes, effects, families, nouns
from app.services.effects import EFFECTS

_OPEN = {EffectStatus.COMPUTED, EffectStatus.REJECTED, EffectStatus.ACCEPTED}


async def accept(session: AsyncSession, estimate_id: UUID, fields: AcceptanceWrite) -> EffectEstimate:
    """Let an effect stand. Raises Conflict: `wrong_state`, `not_ready`, `outdated`, `overclaimed`."""
    row = await nouns.get(session, EFFECTS, estimate_id)
    if EffectStatus(row.status) not in _OPEN:
        raise Conflict(f"To accept it, the estimate must be computed; it is {row.status}.", code="wrong_state")
    if row.initiative_id is None or row.outcome_id is None or row.accepted is None:
        detail = "No result of it is an effect of an initiative on an outcome: there is nothing to accept."
        raise Conflict(detail, code="not_ready", errors=(Fault("no_effect", detail),))
    await _require_current(session, row)
    claim = await _fitting(session, row, await _alone(session, row), fields.basis)
    await _expire_former(session, row)
    decision = EffectDecision(note=fields.note, claim=claim)
    return await _decided(session, row, EffectStatus.ACCEPTED, decision)


async def reject(session: AsyncSession, estimate_id: UUID, fields: RejectionWrite) -> EffectEstimate:
    """Say that an effect does not stand. Raises Conflict (`wrong_state`)."""
    row = await nouns.get(session, EFFECTS, estimate_id)
    if EffectStatus(row.status) not in _OPEN:
        raise Conflict(f"To reject it, the estimate must be computed; it is {row.status}.", code="wrong_state")
    return await _decided(session, row, EffectStatus.REJECTED, EffectDecision(note=fields.note, claim=None))


async def _require_current(session: AsyncSession, row: EffectEstimate) -> None:
    data = await effects.data_of(session, row, now=True)
    if data.description["data_sha256"] != row.panel["data_sha256"]:
        raise Conflict("The facts that it rests on have changed since: estimate again.", code="outdated")


async def _alone(session: AsyncSession, row: EffectEstimate) -> EffectClaim:
    """Return what the accepted result claims by itself, in KPI units also where the effect is in logarithms."""
    from app.domain.impact.roi import in_kpi_units  # noqa: PLC0415  the engine is imported at first use

    result = families.answer(row)
    level = (await effects.exposed_side(session, row))["level_before"]
    error = None if result["standard_error"] is None else result["standard_error"]["value"]
    value, error = in_kpi_units(result["value"], error, transform=result["transform"], level_before=level)
    units = int(result["sample"]["units_treated"])
    scaled = None if error is None else error * units
    return EffectClaim(basis=ClaimBasis.ALONE, value=value * units, standard_error=scaled, units=units, share=None)


async def _fitting(session: AsyncSession, row: EffectEstimate, claim: EffectClaim, basis: ClaimBasis) -> EffectClaim:
    """Return what it claims, its share where that is asked for. Raises Conflict where it does not fit beside others.

    Where nobody else claims anything of the KPI, there is nothing to be fitted, and no joint effect to estimate.
    """
    if basis is ClaimBasis.ALONE and not await _others_claim(session, row):
        return claim
    found = await _attribution(session, row, claim)
    if basis is ClaimBasis.SPLIT:
        claim = _split(row, claim, found)
        found = await _attribution(session, row, claim)
    if found.ledger.over:
        raise _overclaimed(found)
    return claim


async def _others_claim(session: AsyncSession, row: EffectEstimate) -> bool:
    outcome = await session.get_one(Outcome, (row.tenant_id, row.outcome_id))
    if outcome.archived_at is not None:
        raise _archived()
    entries = await attribution.accepted(session, outcome.kpi_id)
    return any(each.initiative_id != _initiative(row) for each in entries)


def _initiative(row: EffectEstimate) -> str:
    return ids.encode(Initiative.prefix, row.initiative_id) if row.initiative_id else ""


def _archived() -> Conflict:
    return Conflict("Its outcome is archived: restore it first.", code="wrong_state")


def _split(row: EffectEstimate, claim: EffectClaim, found: AttributionRead) -> EffectClaim:
    part = next((each for each in found.claims if each.initiative_id == _initiative(row)), None)
    if part is None:
        detail = found.reason or "Its initiative is not among those that moved the KPI."
        raise Conflict(f"There is no joint effect to split: {detail}", code="not_ready")
    return EffectClaim(
        basis=ClaimBasis.SPLIT,
        value=part.value,
        standard_error=part.standard_error,
        units=claim.units,
        share=part.share,
    )


async def _attribution(session: AsyncSession, row: EffectEstimate, claim: EffectClaim) -> AttributionRead:
    if row.initiative_id is None or row.outcome_id is None:
        raise ValueError("an effect that claims something is about an initiative and an outcome")
    pending = attribution.entry_of(row.initiative_id, row.id, claim.model_dump(mode="json"))
    found = await attribution.of_outcome(session, row.outcome_id, pending=[pending])
    if found is None:
        raise _archived()
    return found


def _overclaimed(found: AttributionRead) -> Conflict:
    ledger, joint = found.ledger, found.joint
    together = "" if joint is None else f" of {joint.value:.6g}"
    faults = tuple(
        Fault("claim", f"{each.initiative_id} claims {each.value:.6g}; {each.most:.6g} fits") for each in ledger.entries
    )
    return Conflict(
        f"Overlapping initiatives would claim {ledger.claimed:.6g}, more than their joint effect{together}.",
        code="overclaimed",
        errors=faults,
    )


async def _expire_former(session: AsyncSession, row: EffectEstimate) -> None:
    statement = select(EffectEstimate).where(
        col(EffectEstimate.initiative_id) == row.initiative_id,
        col(EffectEstimate.outcome_id) == row.outcome_id,
        col(EffectEstimate.status) == EffectStatus.ACCEPTED,
        col(EffectEstimate.id) != row.id,
    )
    for former in await session.scalars(statement):
        decision = EffectDecision.model_validate(former.decision)
        decision.replaced_by = ids.encode(EffectEstimate.prefix, row.id)
        await _decided(session, former, EffectStatus.EXPIRED, decision)


async def _decided(
    session: AsyncSession, row: EffectEstimate, status: EffectStatus, decision: EffectDecision
) -> EffectEstimate:
    told: Mapping[str, Any] = decision.model_dump(mode="json")
    decided_at = unit_of(session).tick()
    row.status, row.decision, row.decided_at = status.value, dict(told), decided_at
    made = {"status": status.value, "decided_at": decided_at.isoformat(), "decision": dict(told)}
    row.decisions = [*(row.decisions or []), made]
    session.add(row)
    await session.flush()
    await changes.note_rows(session, EFFECTS.name, [{"id": row.id, "version": 1}], status.value)
    return row
