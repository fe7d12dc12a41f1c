"""Many rows of one noun at once: a few statements, whatever their number, with versions and change entries."""

from collections.abc import Sequence
from typing import Any, TypeVar

from sqlalchemy import insert, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.models.base import Noun
from app.models.unit import unit_of
from app.services import changes
from app.services.versions import keep_versions

N = TypeVar("N", bound=Noun)


def born(session: AsyncSession) -> dict[str, Any]:
    """Return the columns that every new row of the unit has in common."""
    unit = unit_of(session)
    now = unit.tick()
    return {"tenant_id": unit.tenant.id, "created_at": now, "recorded_at": now}


async def add_many(session: AsyncSession, rows: Sequence[N], *, noted: bool = True) -> None:
    """Insert new rows of one noun (built with `born`). They are not attached to the session.

    `noted` false: the change feed shows them as a change of what they belong to, which the caller notes.
    """
    if not rows:
        return
    await session.execute(insert(type(rows[0])), [row.model_dump() for row in rows])
    await keep_versions(session, rows)
    if noted:
        await changes.note(session, rows, "created")


async def change_many(session: AsyncSession, rows: Sequence[N], verb: str = "updated", *, noted: bool = True) -> None:
    """Write changed rows of one noun as their next version. They are not attached to the session."""
    if not rows:
        return
    now = unit_of(session).tick()
    for row in rows:
        row.version += 1
        row.recorded_at = now
    await session.execute(update(type(rows[0])), [row.model_dump() for row in rows])
    await keep_versions(session, rows)
    if noted:
        await changes.note(session, rows, verb)
