"""Rows that a figure counts: tallied for the figure, listed one by one where it is explained."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Subquery, case, literal_column, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.services.inputs._provider import Behind, Given, Link, Load, Place, Scope
from app.services.inputs._pursuits import place_of, total
from app.services.inputs._under import bucketed, within


@dataclass(frozen=True, slots=True)
class Tally:
    """Named counts of one place."""

    of: Mapping[str, int] = field(default_factory=dict)

    def take(self, *names: str) -> Given:
        """Return the counts of these names as inputs; 0 where nothing was counted."""
        return Given({name: self.of.get(name, 0) for name in names})


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of a noun: whose they are, the day that places them, their roles if any, and which count for which input."""

    noun: str
    table: Subquery
    tables: FromClause
    subject: ColumnElement[Any]
    placed: ColumnElement[Any]
    counting: Mapping[str, ColumnElement[bool]]
    role: ColumnElement[Any] | None = None

    def keys(self, scope: Scope) -> list[ColumnElement[Any]]:
        """Return the subject, and the bucket of the day or the role for each dimension of the scope."""
        by_role = self.role
        segments = [
            by_role if each == "role" and by_role is not None else bucketed(self.placed, each, scope)
            for each in scope.by
        ]
        return [self.subject.label("subject"), *(each.label(f"segment_{n}") for n, each in enumerate(segments))]

    def here(self, scope: Scope) -> list[ColumnElement[bool]]:
        """Return the conditions of a row of the scope."""
        return [*within(self.placed, scope), *([] if scope.kind == "tenant" else [self.subject.in_(scope.ids)])]


Of = Callable[[AsyncSession, Scope], Rows]


def tallied(of: Of) -> Load:
    """Return what counts rows by place for each input; one query."""

    async def load(session: AsyncSession, scope: Scope) -> dict[Place, Tally]:
        rows = of(session, scope)
        keys = rows.keys(scope)
        statement = (
            select(*keys, *(total(each) for each in rows.counting.values()))
            .select_from(rows.tables)
            .where(*rows.here(scope))
            .group_by(*(literal_column(str(place)) for place in range(1, len(keys) + 1)))
        )
        return {
            place_of(row, scope): Tally(dict(zip(rows.counting, map(int, row[len(keys) :]), strict=True)))
            for row in await session.execute(statement)
        }

    return load


def listed(of: Of) -> Behind:
    """Return what lists the rows that count for each input, by place; one query."""

    async def behind(session: AsyncSession, scope: Scope) -> dict[Place, dict[str, list[Link]]]:
        rows = of(session, scope)
        keys, of_row = rows.keys(scope), (rows.table.c.id, rows.table.c.version)
        flags = [case((each, 1), else_=0) for each in rows.counting.values()]
        statement = select(*keys, *of_row, *flags).select_from(rows.tables).where(*rows.here(scope))
        found: dict[Place, dict[str, list[Link]]] = {}
        for row in await session.execute(statement.order_by(rows.placed, rows.table.c.id)):
            row_id, version, *counts = row[len(keys) :]
            here = found.setdefault(place_of(row, scope), {name: [] for name in rows.counting})
            for name, it_counts in zip(rows.counting, counts, strict=True):
                if it_counts:
                    here[name].append(Link(rows.noun, row_id, version))
        return found

    return behind
