"""Outcomes with their KPIs as they stood."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models.kpis import Kpi
from app.models.outcomes import Outcome
from app.services.versions import rows_at


async def with_kpis(
    session: AsyncSession, outcome_ids: Collection[UUID], as_of: datetime | None
) -> dict[UUID, tuple[Outcome, Kpi]]:
    """Return the outcomes in use with their KPIs, by id; two queries."""
    outcomes = rows_at(session, Outcome, as_of)
    rows = (await session.execute(select(outcomes).where(outcomes.c.id.in_(outcome_ids)))).mappings().all()
    found = [as_row(Outcome, row) for row in rows]
    kpis = rows_at(session, Kpi, as_of)
    wanted = {outcome.kpi_id for outcome in found}
    by_id = {
        row["id"]: as_row(Kpi, row)
        for row in (await session.execute(select(kpis).where(kpis.c.id.in_(wanted)))).mappings()
    }
    return {outcome.id: (outcome, by_id[outcome.kpi_id]) for outcome in found if outcome.kpi_id in by_id}


def as_row(model: Any, values: Mapping[Any, Any]) -> Any:
    """Return the values of a version as a row of its noun, attached to nothing."""
    return model(**{name: value for name, value in values.items() if name in model.model_fields})
