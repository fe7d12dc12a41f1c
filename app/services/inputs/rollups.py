"""Objectives: progress of their outcomes and of the objectives that serve them, by declared weights."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.metrics.rollups import Child, roll_up
from app.models.objectives import Objective
from app.models.outcomes import Outcome, OutcomeStatus
from app.services.inputs._cuts import STATE, refuse
from app.services.inputs._provider import Given, Link, Place, Provider, Scope
from app.services.inputs.courses import courses, progress_of
from app.services.trees import DEEPEST
from app.services.versions import rows_at

_ONE = Decimal(1)


@dataclass(frozen=True, slots=True)
class Served:
    """The children of one objective, with the facts that they were read from."""

    children: list[Child] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)


async def _load(session: AsyncSession, scope: Scope) -> Mapping[Place, Served]:
    """Return the children of each objective; four queries, and the tree is added up from its leaves."""
    objectives, outcomes = rows_at(session, Objective, scope.as_of), rows_at(session, Outcome, scope.as_of)
    columns = (objectives.c.id, objectives.c.parent_id, objectives.c.title, objectives.c.weight)
    tree = (await session.execute(select(*columns))).all()
    below = _below(scope.ids, tree)
    counted = outcomes.c.status != OutcomeStatus.NOT_EVALUABLE
    statement = select(outcomes.c.id, outcomes.c.objective_id, outcomes.c.title, outcomes.c.weight)
    measured = (await session.execute(statement.where(outcomes.c.objective_id.in_(below), counted))).all()
    found = await courses(session, scope, [row.id for row in measured])
    served = {objective_id: Served() for objective_id in below}
    for row in sorted(measured, key=lambda each: each.id):
        progress = progress_of(found[row.id], scope) if row.id in found else None
        served[row.objective_id].children.append(Child(row.title, _ONE if row.weight is None else row.weight, progress))
        served[row.objective_id].links.append(Link("outcome", row.id))
    for row in _leaves_first(tree):
        if row.id in below and row.parent_id in served:
            progress = roll_up(served[row.id].children).progress
            weight = _ONE if row.weight is None else row.weight
            served[row.parent_id].children.append(Child(row.title, weight, progress))
            served[row.parent_id].links.append(Link("objective", row.id))
    return {(objective_id, ()): served[objective_id] for objective_id in scope.ids if objective_id in served}


def _below(roots: tuple[UUID, ...], tree: Any) -> set[UUID]:
    """Return the objectives at or under `roots` that are in use."""
    children: dict[UUID | None, list[UUID]] = {}
    for row in tree:
        children.setdefault(row.parent_id, []).append(row.id)
    known = {row.id for row in tree}
    found, frontier = set(), [root for root in roots if root in known]
    while frontier:
        here = frontier.pop()
        if here not in found:
            found.add(here)
            frontier += children.get(here, [])
    return found


def _leaves_first(tree: Any) -> list[Any]:
    """Return the objectives with those deepest in the tree first, in a fixed order."""
    parents = {row.id: row.parent_id for row in tree}

    def depth(objective_id: UUID) -> int:
        steps, above = 0, parents.get(objective_id)
        while above is not None and steps < DEEPEST:
            steps, above = steps + 1, parents.get(above)
        return steps

    return sorted(tree, key=lambda row: (-depth(row.id), row.id))


def _progress(found: Served, _scope: Scope) -> Given:
    return Given({"children": found.children}, links={"children": found.links})


_BELOW = "it adds up outcomes and objectives: ask for the progress of an outcome along it"
_REFUSED = refuse(people=_BELOW, learning="it adds up outcomes and objectives, not what is learned", time=STATE)

PROVIDERS = (
    Provider(
        metrics={"objective_progress": _progress},
        kinds=frozenset({"objective"}),
        load=_load,
        nothing=Served,
        refused=_REFUSED,
    ),
)
