"""Issuing statements, and stating them anew when a late or corrected fact has changed what they rest on."""

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from app.domain import ids
from app.domain.errors import Conflict, Invalid
from app.models.effect_options import EffectOptions
from app.models.effects import AcceptanceWrite, EffectEstimate, EffectEstimateWrite
from app.models.statements import ImpactStatement, ImpactStatementWrite, StatementRestatement, StatementStatus
from app.models.unit import unit_of
from app.services import decisions, effects, nouns, statements
from app.services.effects import EFFECTS
from app.services.statements import STATEMENTS


async def issue(session: AsyncSession, statement_id: UUID) -> ImpactStatement:
    """Let a draft go out. Its effect must be accepted as it was valued; issuing twice changes nothing.

    Raises Conflict: `wrong_state`, `not_ready`, `outdated`.
    """
    row = await nouns.get(session, STATEMENTS, statement_id)
    if row.status == StatementStatus.ISSUED:
        return row
    if row.status != StatementStatus.DRAFT:
        raise Conflict(f"To issue it, the statement must be a draft; it is {row.status}.", code="wrong_state")
    claim = statements.claim_of(await nouns.get(session, EFFECTS, row.effect_estimate_id))
    if claim is None:
        raise Conflict("Its effect is not accepted: accept the estimate, then state it.", code="not_ready")
    if row.body["claim"] != claim.model_dump(mode="json"):
        raise Conflict("Its effect was accepted after it was drafted: state it again.", code="outdated")
    changed = await statements.changed_since(session, row)
    if changed:
        raise Conflict(f"Changed since it was drafted: {_spoken(changed)}. State it again.", code="outdated")
    row.status, row.issued_at = StatementStatus.ISSUED.value, unit_of(session).tick()
    return await _kept(session, row)


async def restate(session: AsyncSession, statement_id: UUID, reason: str | None = None) -> ImpactStatement:
    """Estimate and value an issued statement anew from the facts as they are; both are kept, and name each other.

    The effect is accepted on the basis on which the former one was. Raises Conflict: `wrong_state`, `conflict` where
    nothing has changed, `overclaimed`; and Invalid where the facts allow no estimate any more.
    """
    row = await nouns.get(session, STATEMENTS, statement_id)
    if row.status != StatementStatus.ISSUED:
        raise Conflict(f"To restate it, the statement must be issued; it is {row.status}.", code="wrong_state")
    changed = await statements.changed_since(session, row)
    if not changed:
        raise Conflict("Nothing that it rests on has changed: there is nothing to state anew.")
    said = reason or f"Changed since it was stated: {_spoken(changed)}."
    estimate = await nouns.get(session, EFFECTS, row.effect_estimate_id)
    if "facts" in changed:
        estimate = await _estimated_again(session, estimate)
    fields = ImpactStatementWrite.model_validate(row.request | {"effect_estimate_id": estimate.id})
    fresh = await statements.state(session, fields)
    fresh.status, fresh.issued_at = StatementStatus.ISSUED.value, fresh.recorded_at
    fresh.restatement = StatementRestatement(restates=_public(row), reason=said).model_dump()
    row.status = StatementStatus.RESTATED.value
    former = StatementRestatement.model_validate(row.restatement or {"reason": said})
    row.restatement = former.model_copy(update={"restated_by": _public(fresh), "failed": None}).model_dump()
    await _kept(session, row)
    return await _kept(session, fresh)


async def restate_changed(session: AsyncSession, _arguments: Mapping[str, object]) -> None:
    """State anew every issued statement whose facts have changed; one that cannot be says why."""
    issued = select(ImpactStatement).where(col(ImpactStatement.status) == StatementStatus.ISSUED)
    for row in list(await session.scalars(issued.order_by(col(ImpactStatement.recorded_at)))):
        try:
            if await statements.changed_since(session, row):
                await restate(session, row.id)
        except (Conflict, Invalid) as error:
            held = StatementRestatement.model_validate(row.restatement or {"reason": "Its facts have changed."})
            row.restatement = held.model_copy(update={"failed": error.detail}).model_dump()
            await _kept(session, row)


async def _estimated_again(session: AsyncSession, former: EffectEstimate) -> EffectEstimate:
    asked = former.request
    plan = former.plan["plan"]
    fields = EffectEstimateWrite(
        initiative_id=former.initiative_id,
        outcome_id=former.outcome_id,
        panel_id=former.panel_id,
        plan_id=None if plan is None else ids.decode("pln", plan["id"]),
        estimators=asked["estimators"],
        options=EffectOptions.model_validate(asked["options"]),
    )
    row = await effects.compute(session, fields, look=asked["design"]["look"])
    claim = statements.claim_of(former)
    acceptance = AcceptanceWrite(note="Restated from changed facts.")
    if claim is not None:
        acceptance.basis = claim.basis
    return await decisions.accept(session, row.id, acceptance)


async def _kept(session: AsyncSession, row: ImpactStatement) -> ImpactStatement:
    session.add(row)
    await session.flush()
    return row


def _public(row: ImpactStatement) -> str:
    return ids.encode(ImpactStatement.prefix, row.id)


def _spoken(changed: list[str]) -> str:
    return ", ".join(changed).replace("_", " ")
