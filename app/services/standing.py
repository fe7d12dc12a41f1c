"""Which effects stood at an instant and what they claimed then: decisions replace one another, and all are kept."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from app.models.effects import EffectEstimate, EffectStatus
from app.models.tenancy import Change
from app.models.unit import unit_of

COLUMNS = ("id", "status", "decision", "decisions")
"""What `claims` needs to know of an estimate."""


async def claims(session: AsyncSession, rows: Sequence[Any], as_of: datetime | None) -> dict[UUID, Mapping[str, Any]]:
    """Return what each of the estimates that stood claimed, by id; one query at the most.

    Now it is told by their status; of an instant, by what was last said of them then.
    """
    if as_of is None:
        stands = {row.id for row in rows if row.status == EffectStatus.ACCEPTED}
    else:
        stands = await _stood(session, {row.id for row in rows}, as_of)
    found = {row.id: _claim(row, as_of) for row in rows if row.id in stands}
    return {estimate_id: claim for estimate_id, claim in found.items() if claim is not None}


async def _stood(session: AsyncSession, estimate_ids: set[UUID], as_of: datetime) -> set[UUID]:
    statement = (
        select(col(Change.noun_id), col(Change.verb))
        .where(
            col(Change.tenant_id) == unit_of(session).tenant.id,
            col(Change.noun) == EffectEstimate.__tablename__,
            col(Change.noun_id).in_(estimate_ids),
            col(Change.recorded_at) <= as_of,
        )
        .order_by(col(Change.position), col(Change.ordinal))
    )
    last = {row[0]: row[1] for row in await session.execute(statement)}
    return {estimate_id for estimate_id, verb in last.items() if verb == EffectStatus.ACCEPTED}


def _claim(row: Any, as_of: datetime | None) -> Mapping[str, Any] | None:
    """Return the claim of the last acceptance by then; of decisions from before all were kept, that of the last one."""
    accepted = [
        each["decision"]
        for each in row.decisions or []
        if each["status"] == EffectStatus.ACCEPTED
        and (as_of is None or datetime.fromisoformat(each["decided_at"]) <= as_of)
    ]
    claim: Mapping[str, Any] | None = (accepted[-1] if accepted else row.decision or {}).get("claim")
    return claim
