"""KPIs: their rules, and what can be done to them."""

from sqlalchemy import inspect, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from app.domain import ids
from app.domain.errors import Fault, Invalid
from app.models.kpis import Kpi, KpiRead, KpiWrite, Measurement
from app.models.outcomes import Outcome
from app.services.nouns import Action, NounType
from app.services.outcomes import contradictions_in

_SETTLED = ("aggregation", "zone")
"""What measurements were made under: another aggregation or zone would change what they say."""


async def _keeps_its_word(session: AsyncSession, row: Kpi) -> None:
    """Refuse a change that would turn measurements or outcomes that are there into something else."""
    state = inspect(row)
    if not state.has_identity:
        return  # it is new
    changed = [name for name in (*_SETTLED, "direction") if state.attrs[name].history.has_changes()]
    settled = [name for name in changed if name in _SETTLED]
    if settled and await _is_measured(session, row):
        detail = "cannot change once there are measurements: create another KPI"
        faults = tuple(Fault("fixed", detail, pointer=f"/{name}") for name in settled)
        raise Invalid(f"{' and '.join(settled)} {detail}.", errors=faults)
    if "direction" in changed:
        await _outcomes_still_hold(session, row)


async def _is_measured(session: AsyncSession, row: Kpi) -> bool:
    first = select(col(Measurement.id)).where(col(Measurement.kpi_id) == row.id).limit(1)
    return await session.scalar(first) is not None


async def _outcomes_still_hold(session: AsyncSession, row: Kpi) -> None:
    statement = select(Outcome).where(col(Outcome.kpi_id) == row.id, col(Outcome.archived_at).is_(None))
    faults = tuple(
        Fault(found.code, f"{ids.encode('out', outcome.id)}: {found.detail}", pointer="/direction")
        for outcome in await session.scalars(statement.order_by(col(Outcome.id)))
        for found in contradictions_in(outcome, row.direction)
    )
    if faults:
        detail = "Outcomes of this KPI would contradict the new direction: change their targets first, or archive them."
        raise Invalid(detail, code="contradictory_target", errors=faults)


KPIS = NounType(
    row=Kpi,
    write=KpiWrite,
    read=KpiRead,
    plural="kpis",
    search=("name", "definition", "external_id"),
    filters=("status", "direction", "aggregation", "cadence", "owner_id", "external_id"),
    sorts=("created_at", "recorded_at", "name"),
    actions=(
        Action("retire", ("active",), "retired", "It is measured no longer."),
        Action("activate", ("retired",), "active", "It is measured again."),
    ),
    check=_keeps_its_word,
)
