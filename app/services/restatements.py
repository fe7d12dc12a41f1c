"""Issuing statements, and stating them anew when a late or corrected fact has changed what they rest on."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from app.domain import ids
from app.domain.errors import Conflict
from app.models.effect_options import EffectOptions
from app.models.effects import AcceptanceWrite, EffectEstimate, EffectEstimateWrite
from app.models.statements import ImpactStatement, ImpactStatementWrite, StatementRestatement, StatementStatus
from app.models.unit import unit_of
from app.services import decisions, effects, estimation, nouns, statements
from app.services.effects import EFFECTS, Prepared
from app.services.estimation import Ran
from app.services.statements import STATEMENTS


@dataclass(frozen=True, slots=True)
class Due:
    """An issued statement that is to be stated anew: what has changed, and its effect where that is to be estimated."""

    statement_id: UUID
    changed: list[str]
    estimate: Prepared | None


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


async def due(session: AsyncSession, statement_id: UUID) -> Due | None:
    """Read what stating an issued statement anew needs; None where nothing that it rests on has changed.

    Raises Conflict (`wrong_state`), and Invalid where the facts allow no estimate any more.
    """
    row = await _issued(session, statement_id)
    changed = await statements.changed_since(session, row)
    if not changed:
        return None
    estimate = await nouns.get(session, EFFECTS, row.effect_estimate_id)
    prepared = None
    if "facts" in changed:
        prepared = await effects.prepare(session, _same(estimate), look=estimate.request["design"]["look"])
    return Due(row.id, changed, prepared)


async def computed(read: Due) -> Ran | None:
    """Estimate what is to be estimated, without a unit of work. Raises Invalid."""
    return None if read.estimate is None else await estimation.run(read.estimate.task)


async def restate(session: AsyncSession, read: Due, ran: Ran | None, reason: str | None = None) -> ImpactStatement:
    """Value an issued statement anew from the facts as they were read; both are kept, and name each other.

    The effect is accepted on the basis on which the former one was. Raises Conflict: `wrong_state`, `overclaimed`, and
    `outdated` where the facts have changed once more.
    """
    row = await _issued(session, read.statement_id)
    said = reason or f"Changed since it was stated: {_spoken(read.changed)}."
    estimate = await nouns.get(session, EFFECTS, row.effect_estimate_id)
    if read.estimate is not None and ran is not None:
        estimate = await _accepted_again(session, estimate, await effects.keep(session, read.estimate, ran))
    fields = ImpactStatementWrite.model_validate(row.request | {"effect_estimate_id": estimate.id})
    fresh = await statements.state(session, fields)
    fresh.status, fresh.issued_at = StatementStatus.ISSUED.value, fresh.recorded_at
    fresh.restatement = StatementRestatement(restates=_public(row), reason=said).model_dump()
    row.status = StatementStatus.RESTATED.value
    former = StatementRestatement.model_validate(row.restatement or {"reason": said})
    row.restatement = former.model_copy(update={"restated_by": _public(fresh), "failed": None}).model_dump()
    await _kept(session, row)
    return await _kept(session, fresh)


async def issued(session: AsyncSession) -> list[UUID]:
    """Return the statements that are to follow their facts, oldest first."""
    statement = select(col(ImpactStatement.id)).where(col(ImpactStatement.status) == StatementStatus.ISSUED)
    return list(await session.scalars(statement.order_by(col(ImpactStatement.recorded_at))))


async def note_failure(session: AsyncSession, statement_id: UUID, detail: str) -> None:
    """Say with an issued statement why it could not be stated anew."""
    row = await nouns.get(session, STATEMENTS, statement_id)
    held = StatementRestatement.model_validate(row.restatement or {"reason": "Its facts have changed."})
    if row.status == StatementStatus.ISSUED and held.failed != detail:
        row.restatement = held.model_copy(update={"failed": detail}).model_dump()
        await _kept(session, row)


async def _issued(session: AsyncSession, statement_id: UUID) -> ImpactStatement:
    row = await nouns.get(session, STATEMENTS, statement_id)
    if row.status != StatementStatus.ISSUED:
        raise Conflict(f"To restate it, the statement must be issued; it is {row.status}.", code="wrong_state")
    return row


def _same(former: EffectEstimate) -> EffectEstimateWrite:
    """Return the request of an estimate, to be asked once more."""
    plan = former.plan["plan"]
    return EffectEstimateWrite(
        initiative_id=former.initiative_id,
        outcome_id=former.outcome_id,
        panel_id=former.panel_id,
        plan_id=None if plan is None else ids.decode("pln", plan["id"]),
        estimators=former.request["estimators"],
        options=EffectOptions.model_validate(former.request["options"]),
    )


async def _accepted_again(session: AsyncSession, former: EffectEstimate, row: EffectEstimate) -> EffectEstimate:
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
