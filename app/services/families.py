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
    """Return the p-values of the newest estimate of each outcome asked for, `row` first, adjusted for all of them.

    The outcome that the first locked plan judges by stands alone. An outcome without a p-value counts as one that
    found nothing, so that asking for what cannot be tested makes nothing else significant.
    """
    from app.domain.impact.multiplicity import benjamini_hochberg, holm  # noqa: PLC0415  the engine: at first use

    newest = {each.outcome_id: each for each in known} | {row.outcome_id: row}
    asked = [row, *(each for outcome_id, each in newest.items() if outcome_id != row.outcome_id)]
    judged_by = next((each.outcome_id for each in [*known, row] if each.plan.get("primary")), None)
    primary = {each.id for each in asked if each.outcome_id == judged_by and each.plan.get("primary")}
    raw = {each.id: answer(each)["p_value"] for each in asked}
    family = [each for each in asked if each.id not in primary]
    ones = [1.0 if raw[each.id] is None else raw[each.id] for each in family]
    adjust = holm if method is FamilyMethod.HOLM else benjamini_hochberg
    found = dict(zip([each.id for each in family], adjust(ones) if ones else [], strict=True))
    found |= {each: raw[each] for each in primary}
    members = [
        {
            "outcome_id": ids.encode("out", each.outcome_id or each.id),
            "effect_estimate_id": ids.encode("eff", each.id),
            "estimator": answer(each)["estimator"],
            "p_value": raw[each.id],
            "adjusted_p_value": found[each.id],
            "primary": each.id in primary,
        }
        for each in asked
        if raw[each.id] is not None
    ]
    return {
        "method": method.value,
        "outcomes": len(members),
        "asked": len(asked),
        "estimates": len(known) + 1,
        "adjusted_p_value": None if raw[row.id] is None else found[row.id],
        "members": members,
    }


def answer(row: EffectEstimate, estimator: str | None = None) -> Mapping[str, Any]:
    """Return the result of `estimator` (None: the accepted one, else the first); StopIteration if it was not run."""
    wanted = estimator or row.accepted or row.results[0]["estimator"]
    return next(each for each in row.results if each["estimator"] == wanted)
