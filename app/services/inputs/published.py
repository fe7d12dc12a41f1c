"""How many published figures later facts changed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, FromClause, case, func, literal_column, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from app.models.publications import PublishedFigure
from app.models.unit import unit_of
from app.services.inputs._cuts import refuse
from app.services.inputs._listed import everywhere, listed
from app.services.inputs._provider import BUCKETS, Given, Place, Provider, Scope
from app.services.inputs._pursuits import place_of
from app.services.inputs._under import bucketed, whole, within


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
    table: Any = row.__table__  # type: ignore[attr-defined]  # set by SQLModel on table classes
    said_at = table.c.created_at
    keys = [whole(scope).label("subject"), *(bucketed(said_at, each, scope).label(each) for each in scope.by)]
    statement = (
        select(*keys, func.sum(first), func.sum(changed))
        .where(col(row.tenant_id) == unit_of(session).tenant.id, said_at <= scope.now, *within(said_at, scope))
        .group_by(*(literal_column(str(place)) for place in range(1, len(keys) + 1)))
    )
    return {place_of(each, scope): Said(int(each[-2]), int(each[-1])) for each in await session.execute(statement)}


def _share(found: Said, _scope: Scope) -> Given:
    return Given({"published": found.published, "restated": found.restated})


def _first_said(table: FromClause, _scope: Scope) -> ColumnElement[bool]:
    return table.c.revision == 1


def _changed(table: FromClause, _scope: Scope) -> ColumnElement[bool]:
    return (table.c.revision == 1) & table.c.current.is_(False)


PROVIDERS = (
    Provider(
        metrics={"restated_share": _share},
        kinds=frozenset({"tenant"}),
        load=_load,
        nothing=Said,
        by=frozenset(BUCKETS),
        behind={
            "restated_share": listed(
                everywhere("published_figure", PublishedFigure, "published", only=_first_said),
                everywhere("published_figure", PublishedFigure, "restated", only=_changed),
            )
        },
        refused=refuse(
            people="it counts figures that were published, which are of many groups of people",
            learning="it counts figures that were published, of whatever is learned",
        ),
    ),
)
