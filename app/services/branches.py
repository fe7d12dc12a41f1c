"""Reads for the graph: ids or parents in, rows or pages out in the same order; one query whatever their number."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, FromClause, Select, Table, Uuid, func, literal, null, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql.visitors import replacement_traverse

from app.models.history import VERSIONS
from app.models.unit import unit_of
from app.services.nouns import NounType
from app.services.pages import Page, Query, clauses
from app.services.versions import current_at


@dataclass(frozen=True, slots=True)
class Link:
    """A noun between two others: its `near` column names the parent, its `far` column the row that is wanted."""

    noun: NounType[Any]
    near: str
    far: str


@dataclass(frozen=True, slots=True)
class Listing:
    """Rows of a noun with the columns that are read, `id` among them; all rows, or those of parents.

    `parent` is the column that names the parent; with a `link`, the parents are found through that.
    """

    noun: NounType[Any]
    columns: tuple[str, ...]
    parent: str | None = None
    link: Link | None = None


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the rows of a noun stand at an instant, and what selects those of the tenant."""

    rows: FromClause
    conditions: list[ColumnElement[bool]]


async def by_id(
    session: AsyncSession, listing: Listing, noun_ids: Sequence[UUID], *, as_of: datetime | None = None
) -> list[Any | None]:
    """Return the rows with these ids, in order, archived ones too; None where there is none."""
    place = _place(session, listing.noun, as_of)
    columns = [place.rows.c[name] for name in listing.columns]
    statement = select(*columns).where(*place.conditions, place.rows.c.id.in_(set(noun_ids)))
    found: dict[UUID, Any] = {row.id: row for row in await session.execute(statement)}
    return [found.get(noun_id) for noun_id in noun_ids]


async def pages(
    session: AsyncSession,
    listing: Listing,
    parents: Sequence[UUID | None],
    query: Query,
    *,
    as_of: datetime | None = None,
) -> list[Page[Any]]:
    """Return the same page of each parent's rows, in order. Where all rows are listed, the one parent is None."""
    asked = _Asked(session, listing, parents, query, as_of)
    columns = [asked.place.rows.c[name] for name in listing.columns]
    statement = select(*columns, asked.parent).select_from(asked.tables).where(*asked.conditions, *asked.behind)
    if len(parents) == 1:
        statement = statement.order_by(*asked.order).limit(query.limit + 1)
    else:
        statement = _first_of_each(statement, asked.parent, asked.order, query.limit + 1)
    rows: dict[UUID | None, list[Any]] = {parent: [] for parent in parents}
    for row in await session.execute(statement):
        rows[row[len(columns)]].append(row)
    return [_page(rows[parent], asked.names, query.limit) for parent in parents]


async def counts(
    session: AsyncSession,
    listing: Listing,
    parents: Sequence[UUID | None],
    query: Query,
    *,
    as_of: datetime | None = None,
) -> list[int]:
    """Return how many rows each parent has that meet the filters of `query`, in order."""
    asked = _Asked(session, listing, parents, query, as_of)
    statement = select(asked.parent, func.count()).select_from(asked.tables).where(*asked.conditions)
    if len(parents) > 1:
        statement = statement.group_by(asked.parent)
    elif parents != [None]:
        statement = statement.with_only_columns(literal(parents[0], Uuid), func.count())
    found: dict[UUID | None, int] = {row[0]: row[1] for row in await session.execute(statement)}
    return [found.get(parent, 0) for parent in parents]


class _Asked:
    """A query over a listing in SQL: tables, conditions, order, and the column that tells the parents apart."""

    def __init__(
        self,
        session: AsyncSession,
        listing: Listing,
        parents: Sequence[UUID | None],
        query: Query,
        as_of: datetime | None,
    ) -> None:
        found = clauses(session, listing.noun, query)
        self.place = _place(session, listing.noun, as_of)
        self.tables = self.place.rows
        self.conditions = [*self.place.conditions, *self._moved(listing, found.conditions)]
        self.behind = self._moved(listing, found.behind)
        self.order = self._moved(listing, found.order)
        self.names = found.columns
        self.parent: ColumnElement[Any] = null()
        if listing.link is not None:
            self._join(_place(session, listing.link.noun, as_of), listing.link)
        elif listing.parent is not None:
            self.parent = self.place.rows.c[listing.parent]
        if parents != [None]:
            self.conditions.append(self.parent.in_(set(parents)))

    def _join(self, place: _Place, link: Link) -> None:
        self.tables = self.tables.join(place.rows, place.rows.c[link.far] == self.place.rows.c.id)
        self.conditions += [*place.conditions, place.rows.c.archived_at.is_(None)]
        self.parent = place.rows.c[link.near]

    def _moved(self, listing: Listing, found: Iterable[ColumnElement[Any]]) -> list[Any]:
        """Return expressions over the noun's table as the same over its rows as of an instant."""
        table, rows = listing.noun.table, self.place.rows
        if rows is table:
            return list(found)

        def replacement(element: Any, **_: Any) -> Any:
            return rows.c[element.name] if getattr(element, "table", None) is table else None

        return [replacement_traverse(each, {}, replacement) for each in found]


_BORN = ("created_at", "recorded_at", "attempted_at")
"""Columns that tell when a row came, whichever its table has."""


def _place(session: AsyncSession, noun: NounType[Any], as_of: datetime | None) -> _Place:
    """Return the rows as they stand now, or as their versions stood at `as_of`.

    A noun without history shows what it is now, from the instant on at which it came.
    """
    tenant_id = unit_of(session).tenant.id
    versions: Table | None = VERSIONS.get(noun.name)
    if as_of is None or versions is None:
        conditions: list[ColumnElement[bool]] = [noun.table.c.tenant_id == tenant_id]
        if as_of is not None:
            born = next(name for name in _BORN if name in noun.table.c)
            conditions.append(noun.table.c[born] <= as_of)
        return _Place(noun.table, conditions)
    noun_id = f"{noun.name}_id"
    named = [column.label("id") if column.name == noun_id else column for column in versions.c if column.name != "id"]
    at = select(*named).where(versions.c.tenant_id == tenant_id, current_at(versions, as_of))
    return _Place(at.subquery(), [])


def _first_of_each(
    statement: Select[Any], parent: ColumnElement[Any], order: list[ColumnElement[Any]], most: int
) -> Select[Any]:
    """Return the first `most` rows of each parent, in order."""
    place = func.row_number().over(partition_by=parent, order_by=order).label("place_in_list")
    ranked = statement.add_columns(place).subquery()
    return select(ranked).where(ranked.c.place_in_list <= most).order_by(ranked.c.place_in_list)


def _page(rows: list[Any], place: Sequence[str], limit: int) -> Page[Any]:
    items = rows[:limit]
    last = [getattr(items[-1], name) for name in place] if len(rows) > limit else None
    return Page(items, last, None)
