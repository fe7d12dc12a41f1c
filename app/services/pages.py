"""Lists of a noun: filtered, sorted, cut into pages by keyset, never by offset."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic
from uuid import UUID

from sqlalchemy import Column, ColumnElement, String, and_, collate, false, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import AutoString

from app.domain.errors import Fault, Invalid
from app.models.unit import unit_of
from app.services.nouns import NounType, R

_OPERATORS = {"gte": "__ge__", "lt": "__lt__"}


@dataclass(frozen=True, slots=True)
class Query:
    """What a list is asked for.

    `filters` maps a filter of the noun to the values allowed (None among them: rows without one), or `<column>_gte` /
    `<column>_lt` to a bound; `sort` names columns, `-` before one that descends, rows without a value always last;
    `after` holds the sort values and the id of the last row of the page before.
    """

    filters: Mapping[str, Any] = field(default_factory=dict)
    q: str | None = None
    sort: tuple[str, ...] = ("-created_at",)
    after: Sequence[Any] | None = None
    limit: int = 50
    include_archived: bool = False
    include_total: bool = False


@dataclass(frozen=True, slots=True)
class Page(Generic[R]):
    """One page; `last` is the place after which the next one begins, None on the last page."""

    items: list[R]
    last: list[Any] | None
    total: int | None


@dataclass(frozen=True, slots=True)
class Clauses:
    """A query in SQL over the noun's table: what rows must meet, what those behind a place must, and the order."""

    conditions: list[ColumnElement[bool]]
    behind: list[ColumnElement[bool]]
    order: list[ColumnElement[Any]]
    columns: list[str]
    """Names of the columns whose values are a row's place."""


def clauses(session: AsyncSession, noun: NounType[Any], query: Query) -> Clauses:
    """Return the clauses of a query; Invalid for a sort that is not offered."""
    order = _order(noun, query.sort)
    binary = "C" if session.get_bind().dialect.name == "postgresql" else "BINARY"
    return Clauses(
        conditions=_conditions(noun, query, unit_of(session).tenant.id),
        behind=[] if query.after is None else [_behind(order, query.after, binary)],
        order=[key.term(binary) for key in order],
        columns=[key.column.name for key in order],
    )


async def page(session: AsyncSession, noun: NounType[R], query: Query) -> Page[R]:
    """Return one page of a noun's rows."""
    asked = clauses(session, noun, query)
    statement = select(noun.row).where(*asked.conditions, *asked.behind).order_by(*asked.order)
    rows = list(await session.scalars(statement.limit(query.limit + 1)))
    items = rows[: query.limit]
    last = [getattr(items[-1], name) for name in asked.columns] if len(rows) > query.limit else None
    total = None
    if query.include_total:
        total = await session.scalar(select(func.count()).select_from(noun.row).where(*asked.conditions))
    return Page(items, last, total)


def sort_columns(noun: NounType[Any], sort: Sequence[str]) -> list[Column[Any]]:
    """Return the columns of a sort with the id that ends it; Invalid for one that is not offered."""
    return [key.column for key in _order(noun, sort)]


@dataclass(frozen=True, slots=True)
class _Key:
    """One column of a sort. Text is compared byte by byte, so that every engine has the same order."""

    column: Column[Any]
    descending: bool

    def expression(self, binary: str) -> ColumnElement[Any]:
        text = isinstance(self.column.type, String | AutoString)
        return collate(self.column, binary) if text else self.column

    def term(self, binary: str) -> ColumnElement[Any]:
        expression = self.expression(binary)
        term = expression.desc() if self.descending else expression.asc()
        return term.nulls_last() if self.column.nullable else term

    def same(self, value: Any) -> ColumnElement[bool]:
        return self.column.is_(None) if value is None else self.column == value

    def beyond(self, value: Any, binary: str) -> ColumnElement[bool]:
        if value is None:
            return false()
        expression = self.expression(binary)
        further = expression < value if self.descending else expression > value
        return or_(further, self.column.is_(None)) if self.column.nullable else further


def _conditions(noun: NounType[Any], query: Query, tenant_id: UUID) -> list[ColumnElement[bool]]:
    table = noun.table
    found: list[ColumnElement[bool]] = []
    for name, value in query.filters.items():
        column, _, operator = name.rpartition("_")
        if operator in _OPERATORS and column in table.c:
            found.append(getattr(table.c[column], _OPERATORS[operator])(value))
        elif name in noun.derived:
            found.append(noun.derived[name](tenant_id, value))
        else:
            found.append(_among(table.c[name], value))
    if query.q:
        pattern = "%" + query.q.replace("\\", "\\\\").replace("%", r"\%").replace("_", r"\_") + "%"
        found.append(or_(*(table.c[name].ilike(pattern, escape="\\") for name in noun.search)))
    if not query.include_archived and "archived_at" in table.c:
        found.append(table.c.archived_at.is_(None))
    return found


def _among(column: Column[Any], values: Sequence[Any]) -> ColumnElement[bool]:
    some = column.in_([value for value in values if value is not None])
    return or_(some, column.is_(None)) if None in values else some


def _order(noun: NounType[Any], sort: Sequence[str]) -> list[_Key]:
    order = []
    for key in sort:
        name = key.removeprefix("-")
        if name not in noun.sorts:
            offered = ", ".join(noun.sorts)
            fault = Fault("unknown_sort", f"sort takes {offered}", parameter="sort")
            raise Invalid(f"This list cannot be sorted by {name[:50]!r}; it takes {offered}.", errors=(fault,))
        order.append(_Key(noun.table.c[name], key.startswith("-")))
    return [*order, _Key(noun.table.c.id, order[0].descending if order else False)]


def _behind(order: list[_Key], after: Sequence[Any], binary: str) -> ColumnElement[bool]:
    """Return the condition for rows behind a place: further on in the first column that differs."""
    alternatives = []
    for depth, key in enumerate(order):
        equal = [earlier.same(value) for earlier, value in zip(order[:depth], after, strict=False)]
        alternatives.append(and_(*equal, key.beyond(after[depth], binary)))
    return or_(*alternatives)
