"""Rows that a figure counts: tallied for the figure, listed one by one where it is explained."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Subquery, case, func, literal, literal_column, or_, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from app.models.activities import Activity
from app.models.base import Noun
from app.models.history import VERSIONS
from app.models.people import Audience
from app.services.inputs._provider import Behind, Given, Label, Link, Load, Place, Scope
from app.services.inputs._pursuits import place_of, total
from app.services.inputs._under import activities, bucketed, initiatives, within
from app.services.inputs._under import whole as whole_of
from app.services.versions import rows_at


@dataclass(frozen=True, slots=True)
class Tally:
    """Named counts of one place."""

    of: Mapping[str, int] = field(default_factory=dict)

    def take(self, *names: str) -> Given:
        """Return the counts of these names as inputs; 0 where nothing was counted."""
        return Given({name: self.of.get(name, 0) for name in names})


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of a noun: whose they are, the day that places them, their roles if any, and which count for which input.

    Without a day they are rows of the subject as a whole, the same for each of its segments. `who` names the person
    whose record a row is, and `group` what else is about the same people, such as a survey: of such rows none is
    listed where few could be told apart.
    """

    noun: str
    table: Subquery
    tables: FromClause
    subject: ColumnElement[Any]
    placed: ColumnElement[Any] | None
    counting: Mapping[str, ColumnElement[bool]]
    role: ColumnElement[Any] | None = None
    who: ColumnElement[Any] | None = None
    group: ColumnElement[Any] | None = None

    def keys(self, scope: Scope) -> list[ColumnElement[Any]]:
        """Return the subject, and the bucket of the day or the role for each dimension of the scope."""
        found: list[ColumnElement[Any]] = [self.subject.label("subject")]
        for n, each in enumerate(scope.by):
            if each == "role" and self.role is not None:
                found.append(self.role.label(f"segment_{n}"))
            elif self.placed is not None:
                found.append(bucketed(self.placed, each, scope).label(f"segment_{n}"))
        return found

    def here(self, scope: Scope) -> list[ColumnElement[bool]]:
        """Return the conditions of a row of the scope."""
        timely = [] if self.placed is None else within(self.placed, scope)
        return [*timely, *([] if scope.kind == "tenant" else [self.subject.in_(scope.ids)])]


Of = Callable[[AsyncSession, Scope], Rows]

Only = Callable[[FromClause, Scope], ColumnElement[bool]]


def whatever(_table: FromClause, _scope: Scope) -> ColumnElement[bool]:
    """Admit every row."""
    return true()


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


OF_PARTS = (
    "Records of single people are listed for an initiative as a whole only: those of a part of it, or of several "
    "initiatives, could be set against others until few people are left."
)
OF_FEW = "Records of single people are not listed, because they are of several groups, one of them of few people."


def listed(*families: Of) -> Behind:
    """Return what lists the rows that count for each input of one figure; a query for each family of rows."""

    async def behind(
        session: AsyncSession, scope: Scope, labels: tuple[Label, ...], least: int
    ) -> dict[str, Sequence[Link] | str]:
        whole = replace(scope, by=(), since=None, until=None)
        found: dict[str, Sequence[Link] | str] = {}
        for of in families:
            rows = of(session, whole)
            if rows.who is not None:
                apart = scope.kind != "initiative" or scope != whole
                mine = (
                    dict.fromkeys(rows.counting, OF_PARTS) if apart else await _of_people(session, whole, rows, least)
                )
            elif rows.placed is None:
                mine = await _links(session, whole, rows, ())
            else:
                mine = await _links(session, scope, of(session, scope), labels)
            for name, links in mine.items():
                found[name] = _together(found.get(name, ()), links)
        return found

    return behind


def _together(one: Sequence[Link] | str, other: Sequence[Link] | str) -> Sequence[Link] | str:
    """Return the links of both; a reason why there are none gives way to links."""
    if isinstance(one, str) or isinstance(other, str):
        return next((each for each in (one, other) if each and not isinstance(each, str)), one or other)
    return [*one, *other]


async def _of_people(session: AsyncSession, scope: Scope, rows: Rows, least: int) -> dict[str, Sequence[Link] | str]:
    """Return links to records of people, unless those of a group are of fewer people than may be shown."""
    group = literal(0) if rows.group is None else rows.group
    counts = select(func.count(func.distinct(rows.who))).select_from(rows.tables)
    counted = counts.where(*rows.here(scope), or_(*rows.counting.values())).group_by(group)
    sizes = list(await session.scalars(counted))
    if any(size < least for size in sizes):
        return dict.fromkeys(rows.counting, OF_FEW)
    return await _links(session, scope, rows, ())


async def _links(
    session: AsyncSession, scope: Scope, rows: Rows, labels: tuple[Label, ...]
) -> dict[str, Sequence[Link] | str]:
    keys = rows.keys(scope)
    flags = [case((each, 1), else_=0) for each in rows.counting.values()]
    statement = select(*keys, rows.table.c.id, *flags).select_from(rows.tables).where(*rows.here(scope))
    found: dict[str, list[Link]] = {name: [] for name in rows.counting}
    for row in await session.execute(statement.order_by(rows.table.c.id)):
        row_id, *counts = row[len(keys) :]
        if place_of(row, scope)[1] == labels:
            for name, it_counts in zip(rows.counting, counts, strict=True):
                if it_counts:
                    found[name].append(Link(rows.noun, row_id))
    return dict(found)


def _stood(session: AsyncSession, row: type[Noun], scope: Scope) -> Subquery:
    """Return the rows of a noun as they stood; of one without history, those that there were."""
    name = str(row.__tablename__)
    if scope.as_of is None or name in VERSIONS:
        return rows_at(session, row, scope.as_of)
    table = rows_at(session, row, None)
    return select(table).where(table.c.created_at <= scope.as_of).subquery()


def under(noun: str, row: type[Noun], *names: str, only: Only = whatever) -> Of:
    """Return rows of a noun of the initiatives under the subjects: all that `only` admits, for each of these inputs."""

    def of(session: AsyncSession, scope: Scope) -> Rows:
        table, links = _stood(session, row, scope), initiatives(session, scope)
        tables = table.join(links, links.c.initiative_id == table.c.initiative_id)
        return Rows(noun, table, tables, links.c.subject, None, dict.fromkeys(names, only(table, scope)))

    return of


def everywhere(noun: str, row: type[Noun], *names: str, only: Only = whatever) -> Of:
    """Return rows of a noun of the whole organisation: all that `only` admits, for each of these inputs."""

    def of(session: AsyncSession, scope: Scope) -> Rows:
        table = _stood(session, row, scope)
        return Rows(noun, table, table, whole_of(scope), None, dict.fromkeys(names, only(table, scope)))

    return of


def learned(*names: str, only: Only = whatever) -> Of:
    """Return the activities under the subjects that `only` admits, for each of these inputs."""

    def of(session: AsyncSession, scope: Scope) -> Rows:
        table, below = rows_at(session, Activity, scope.as_of), activities(session, scope)
        tables = table.join(below, below.c.activity_id == table.c.id)
        return Rows("activity", table, tables, below.c.subject, None, dict.fromkeys(names, only(table, scope)))

    return of


def audiences(*names: str) -> Of:
    """Return the audiences of the initiatives under the subjects, which say who is offered what and until when."""
    return under("audience", Audience, *names)
