"""Families of outcomes: whoever asks about many of them finds something; p-values are adjusted for all asked for."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from app.domain import ids
from app.models.effect_options import FamilyMethod
from app.models.effects import EffectEstimate


async def earlier(session: AsyncSession, initiative_id: UUID) -> list[EffectEstimate]:
    """Return the estimates of an initiative, oldest first."""
    statement = (
        select(EffectEstimate)
        .where(col(EffectEstimate.initiative_id) == initiative_id)
        .order_by(col(EffectEstimate.recorded_at), col(EffectEstimate.id))
    )
    return list(await session.scalars(statement))


def look(known: list[EffectEstimate], outcome_id: UUID, data_sha256: str) -> int:
    """Return which look at an outcome this is: how many different states of its data were estimated from, with this."""
    seen = {row.panel["data_sha256"] for row in known if row.outcome_id == outcome_id}
    return len(seen | {data_sha256})


def adjusted(row: EffectEstimate, known: list[EffectEstimate], method: FamilyMethod) -> dict[str, Any]:
    """Return the p-values of the newest estimate of each outcome asked for, `row` first, adjusted for all of them."""
    from app.domain.impact.multiplicity import benjamini_hochberg, holm  # noqa: PLC0415  the engine: at first use

    newest = {each.outcome_id: each for each in known} | {row.outcome_id: row}
    others = [each for outcome_id, each in newest.items() if outcome_id != row.outcome_id]
    tested = [(each, result) for each in (row, *others) if (result := answer(each))["p_value"] is not None]
    raw = [result["p_value"] for _, result in tested]
    found = (holm if method is FamilyMethod.HOLM else benjamini_hochberg)(raw) if raw else []
    members = [
        {
            "outcome_id": ids.encode("out", each.outcome_id or each.id),
            "effect_estimate_id": ids.encode("eff", each.id),
            "estimator": result["estimator"],
            "p_value": result["p_value"],
            "adjusted_p_value": value,
        }
        for (each, result), value in zip(tested, found, strict=True)
    ]
    own = next((value for (each, _), value in zip(tested, found, strict=True) if each is row), None)
    return {"method": method.value, "outcomes": len(members), "adjusted_p_value": own, "members": members}


def answer(row: EffectEstimate, estimator: str | None = None) -> Mapping[str, Any]:
    """Return the result of `estimator` (None: the accepted one, else the first); StopIteration if it was not run."""
    wanted = estimator or row.accepted or row.results[0]["estimator"]
    return next(each for each in row.results if each["estimator"] == wanted)
