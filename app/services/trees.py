"""Nouns that stand in a tree of their own kind: a parent is never the row itself or one below it."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.errors import Fault, Invalid

DEEPEST = 20


async def refuse_circle(session: AsyncSession, row: Any) -> None:
    """Raise Invalid when the `parent_id` of `row` leads back to it, or the tree grows deeper than 20 levels."""
    table = row.__table__
    above = row.parent_id
    for _ in range(DEEPEST):
        if above is None:
            return
        if above == row.id:
            break
        above = await session.scalar(select(type(row).parent_id).where(table.c.id == above))
    spoken = table.name.replace("_", " ")
    fault = Fault("circular", f"leads back to the {spoken} itself, or lies too deep", pointer="/parent_id")
    detail = f"Choose a parent that does not lie below this {spoken}; a tree has {DEEPEST} levels at most."
    raise Invalid(detail, errors=(fault,))
