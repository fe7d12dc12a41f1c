"""Counting heads: a person counts once in a place, however many pursuits of theirs lie in it.

Where there are several, the least good of them stands for the person: what is good must hold of each, what is bad or
only begun of any. So numerators, denominators and intervals are of distinct people at every level (metrics.md, G4).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, Subquery, and_, case, func, literal_column, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.services.inputs._provider import Scope
from app.services.inputs._pursuits import counted, total

_ONE_PURSUIT = frozenset({"initiative", "activity"})


@dataclass(frozen=True, slots=True)
class Measure:
    """What is made of the rows of one person in a place, and of that over people; `alone`: both, of single rows."""

    of_person: ColumnElement[Any]
    over_people: Callable[[ColumnElement[Any]], ColumnElement[Any]]
    alone: ColumnElement[Any]


def who(among: ColumnElement[bool], each: ColumnElement[bool] | None = None) -> Measure:
    """Count the people with a row of `among`, of whom all these rows meet `each`; None: whatever these rows are."""
    if each is None:
        return Measure(func.max(case((among, 1), else_=0)), lambda code: total(code == 1), total(among))
    code = func.max(case((and_(among, each), 1), (among, 2), else_=0))
    return Measure(code, lambda code: total(code == 1), total(and_(among, each)))


def rows(condition: ColumnElement[bool]) -> Measure:
    """Count rows, not people."""
    return Measure(total(condition), _sum, total(condition))


def most(column: ColumnElement[Any]) -> Measure:
    """Return the largest value of a column."""
    return Measure(func.max(column), func.max, func.max(column))


def worst(code: ColumnElement[int], value: int) -> Measure:
    """Count the people whose largest code is a value."""
    return Measure(func.max(code), lambda largest: total(largest == value), total(code == value))


def _sum(column: ColumnElement[Any]) -> ColumnElement[Any]:
    return func.coalesce(func.sum(column), 0)


def headcount(
    session: AsyncSession,
    scope: Scope,
    base: Subquery,
    placed: str,
    measures: Sequence[Measure],
    *,
    person: Subquery,
    also: Sequence[ColumnElement[Any]] = (),
    repeated: bool = False,
) -> Select[Any]:
    """Return the statement of `counted` with its measures of people; `repeated`: a pursuit has several rows."""
    if scope.kind in _ONE_PURSUIT and not repeated:
        alone = [each.alone for each in measures]
        return counted(session, scope, base, placed, alone, person=person, also=also)
    of_person = [each.of_person.label(f"measure_{n}") for n, each in enumerate(measures)]
    by_person = (*also, base.c.person_id)
    inner = counted(session, scope, base, placed, of_person, person=person, also=by_person).subquery()
    columns = list(inner.c)
    keys = columns[: 1 + len(scope.by) + len(also)]
    over = [each.over_people(column) for each, column in zip(measures, columns[len(keys) + 1 :], strict=True)]
    return select(*keys, *over).group_by(*(literal_column(str(place)) for place in range(1, len(keys) + 1)))
