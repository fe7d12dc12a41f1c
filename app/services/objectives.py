"""Objectives: their rules, and what can be done to them."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from app.domain.errors import Fault, Invalid
from app.models.objectives import Objective, ObjectiveRead, ObjectiveWrite
from app.services.nouns import Action, NounType

_DEEPEST = 20


async def _tree_has_no_circle(session: AsyncSession, row: Objective) -> None:
    """Refuse a parent that is the objective itself or one below it."""
    above = row.parent_id
    for _ in range(_DEEPEST):
        if above is None:
            return
        if above == row.id:
            break
        above = await session.scalar(select(col(Objective.parent_id)).where(col(Objective.id) == above))
    fault = Fault("circular", "would make the objective serve itself, or lies too deep", pointer="/parent_id")
    raise Invalid(f"Choose a parent that does not serve this objective, {_DEEPEST} levels at most.", errors=(fault,))


OBJECTIVES = NounType(
    row=Objective,
    write=ObjectiveWrite,
    read=ObjectiveRead,
    plural="objectives",
    search=("title", "problem_statement", "external_id"),
    filters=("status", "category", "priority", "parent_id", "goal_owner_id", "external_id"),
    sorts=("created_at", "recorded_at", "title", "priority"),
    actions=(
        Action("propose", ("draft",), "proposed", "Hand it to the goal owner."),
        Action("agree", ("draft", "proposed"), "agreed", "The goal owner stands for it."),
        Action("activate", ("draft", "proposed", "agreed"), "active", "Work on it begins."),
        Action("achieve", ("active",), "achieved", "The business has what it wanted."),
        Action("miss", ("active",), "missed", "The period ended without it."),
        Action("cancel", ("draft", "proposed", "agreed", "active"), "cancelled", "It is no longer wanted."),
        Action("supersede", ("agreed", "active"), "superseded", "Another objective takes its place."),
    ),
    check=_tree_has_no_circle,
)
