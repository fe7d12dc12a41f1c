"""How many published figures later facts changed."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import case, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from app.models.publications import PublishedFigure
from app.models.unit import unit_of
from app.services.inputs._provider import Given, Place, Provider, Scope


@dataclass(frozen=True, slots=True)
class Said:
    """Figures as first said, and how many of them were restated since."""

    published: int = 0
    restated: int = 0


async def _load(session: AsyncSession, scope: Scope) -> Mapping[Place, Said]:
    """Count what was said by the instant asked for; whether it still holds is today's knowledge."""
    row = PublishedFigure
    first = case((col(row.revision) == 1, 1), else_=0)
    changed = case(((col(row.revision) == 1) & col(row.current).is_(False), 1), else_=0)
    statement = select(func.coalesce(func.sum(first), 0), func.coalesce(func.sum(changed), 0)).where(
        col(row.tenant_id) == unit_of(session).tenant.id, col(row.created_at) <= scope.now
    )
    found = (await session.execute(statement)).one()
    return {(scope.tenant_id, ()): Said(int(found[0]), int(found[1]))}


def _share(found: Said, _scope: Scope) -> Given:
    return Given({"published": found.published, "restated": found.restated})


PROVIDERS = (Provider(metrics={"restated_share": _share}, kinds=frozenset({"tenant"}), load=_load, nothing=Said),)
