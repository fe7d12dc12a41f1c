"""Differences in differences of outcomes around the first offer of each aligned initiative."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain import ids
from app.domain.metrics.privacy import Sensitivity
from app.models.initiatives import Alignment, Initiative
from app.models.kpis import SubjectKind
from app.services import panels
from app.services.inputs._cuts import VALUED
from app.services.inputs._outcomes import with_kpis
from app.services.inputs._provider import Given, Place, Provider, Scope
from app.services.panels import Facts
from app.services.versions import rows_at

CELLS = ("treated_before", "treated_after", "control_before", "control_after")


@dataclass(frozen=True, slots=True)
class Compared:
    """The facts of one outcome's units around one initiative."""

    facts: Facts
    kpi_unit: str
    initiative_id: UUID


async def _load(session: AsyncSession, scope: Scope) -> Mapping[Place, Compared]:
    pairs = await with_kpis(session, scope.ids, scope.as_of)
    alignments = rows_at(session, Alignment, scope.as_of)
    statement = select(alignments.c.outcome_id, alignments.c.initiative_id).where(alignments.c.outcome_id.in_(pairs))
    linked = sorted((row[0], row[1]) for row in await session.execute(statement))
    wanted = [(initiative_id, pairs[outcome_id][1].id) for outcome_id, initiative_id in linked]
    facts = await panels.of_many(session, wanted, as_of=scope.as_of)
    return {
        (outcome_id, (initiative_id,)): Compared(each, pairs[outcome_id][1].unit, initiative_id)
        for (outcome_id, initiative_id), each in zip(linked, facts, strict=True)
    }


def _difference(found: Compared, _scope: Scope) -> Given:
    """Return the four cells; of persons, the smallest of them counts, so that no mean of few people shows."""
    cells = panels.cells(found.facts) or {}
    empty: list[Decimal] = []
    values = {name: list(cells.get(name, empty)) for name in CELLS}
    smallest = min((len(each) for each in values.values()), default=0)
    told = {"initiative": ids.encode(Initiative.prefix, found.initiative_id)}
    inputs = values | {"kpi_unit": found.kpi_unit}
    if found.facts.unit_kind != SubjectKind.PERSON:
        return Given(inputs, of_people=False, parameters=told)
    return Given(inputs, smallest, parameters=told)


PROVIDERS = (
    Provider(
        metrics={"did": _difference},
        kinds=frozenset({"outcome"}),
        load=_load,
        by=frozenset({"initiative"}),
        always=("initiative",),
        refused=VALUED,
        people=True,
        sensitivity=Sensitivity.PERFORMANCE,
    ),
)
