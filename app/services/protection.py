"""Small groups in figures that are cut into segments: which places are hidden, whatever else was or will be asked."""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from itertools import combinations
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.errors import Fault, Invalid
from app.domain.metrics.lattice import ALL, Dimension, Lattice, Node, Step, window_gives_away
from app.models.days import first_day
from app.models.people import OrgUnit
from app.services.inputs import SEGMENTS, Place, Provider, Read, Scope
from app.services.inputs._provider import BUCKETS, LEARNING, PEOPLE, Label, bucket_end
from app.services.trees import DEEPEST
from app.services.versions import rows_at

Sizes = Callable[[Any], int | None]
"""How many people the facts of a place are about, for one metric; None: not about people."""

OVERLAPPING = frozenset({"activity", "source", "content_version"})
"""Dimensions whose segments share people."""

_COARSER = {"year": 0, "quarter": 1, "month": 2, "day": 3}
_WEEK = "week"
_DIVIDING = frozenset({*PEOPLE, *LEARNING, *BUCKETS})
_Tables = Mapping[tuple[str, ...], Mapping[Place, Any]]


@dataclass(frozen=True, slots=True)
class Loaded:
    """The facts of a scope by place, and what is needed to say which places are hidden.

    `wide` is the scope that was counted: a subject that is a segment of another has that segment as first dimension.
    `tables` hold the facts of each subset of its dimensions; `months`, where a time was asked for, those of each month,
    with the labels of the place before it. Both are empty where nothing can be set against anything.
    """

    provider: Provider
    scope: Scope
    facts: Mapping[Place, Any]
    wide: Scope
    tables: _Tables = field(default_factory=dict)
    months: Mapping[Place, Any] = field(default_factory=dict)
    above: Mapping[UUID, UUID | None] = field(default_factory=dict)

    def hidden(self, read: Read, k: int) -> set[Place]:
        """Return the places of the scope to hide for one metric, besides those that are small themselves."""

        def people(facts: Any) -> int | None:
            given = self.provider.given(read, facts, self.wide)
            return None if given is None else given.n_people

        wide = _hidden(self.wide, self.tables, self.above, people, k) if self.tables else set()
        wide |= self._in_passing(people, k)
        if self.wide is self.scope:
            return wide
        return {(labels[0], labels[1:]) for _, labels in wide if isinstance(labels[0], UUID)}

    def _in_passing(self, people: Sizes, k: int) -> set[Place]:
        """Return the places whose time, a run of months, could be set against another run."""
        inside: dict[Place, dict[Hashable, int]] = {}
        outside: dict[Place, int] = {}
        for (subject, labels), facts in self.months.items():
            place, month, n = (subject, labels[:-1]), labels[-1], people(facts) or 0
            inside.setdefault(place, {})
            outside.setdefault(place, 0)
            if isinstance(month, date) and _within(month, self.wide):
                inside[place][month] = n
            else:
                outside[place] += n
        return {place for place in inside if window_gives_away(inside[place], outside[place], k)}


def _within(month: date, scope: Scope) -> bool:
    return (scope.since is None or month >= scope.since) and (scope.until is None or month < scope.until)


async def load(session: AsyncSession, provider: Provider, scope: Scope) -> Loaded:
    """Load the facts of a scope, and where people are counted, what hiding depends on.

    Raises Invalid for a time that is not made of whole months: figures of people are shown for such only.
    """
    wide = scope
    if scope.kind in SEGMENTS and scope.kind not in provider.kinds:
        wide = replace(scope, kind=SEGMENTS[scope.kind], ids=(scope.tenant_id,), by=(scope.kind, *scope.by))
    timed = provider.people and (scope.since is not None or scope.until is not None)
    if timed:
        _whole_months(scope)
    bucketed = replace(wide, since=None, until=None) if timed and wide.bucket else wide
    facts = await provider.load(session, bucketed)
    mine = _own(facts, scope, wide)
    if not provider.people or not set(wide.by) <= _DIVIDING:
        return Loaded(provider, scope, mine, wide)
    months: Mapping[Place, Any] = {}
    if timed and wide.bucket is None and "month" in provider.by:
        months = await provider.load(session, replace(wide, since=None, until=None, by=(*wide.by, "month")))
    found = await _cut(session, provider, bucketed, facts) if wide.by else {}
    counted = bucketed if wide is not scope else scope
    return Loaded(provider, scope, mine, counted, found, months, await _tree(session, wide))


def _own(facts: Mapping[Place, Any], scope: Scope, wide: Scope) -> Mapping[Place, Any]:
    """Return the facts of the subjects asked for, in the buckets that lie inside the time asked for."""
    if wide is not scope:
        wanted = set(scope.ids)
        facts = {(labels[0], labels[1:]): each for (_, labels), each in facts.items() if labels[0] in wanted}  # type: ignore[misc]  # such labels are ids
    if scope.bucket is None or (scope.since is None and scope.until is None):
        return facts
    place_of_time, bucket = scope.by.index(scope.bucket), scope.bucket

    def timely(label: Label) -> bool:
        if not isinstance(label, date):
            return False
        early = scope.since is not None and label < scope.since
        return not early and (scope.until is None or bucket_end(label, bucket) <= scope.until)

    return {place: each for place, each in facts.items() if timely(place[1][place_of_time])}


def _whole_months(scope: Scope) -> None:
    faults = tuple(
        Fault("not_a_month", "is the first day of a month: figures of people are of whole months", parameter=name)
        for name, day in (("from", scope.since), ("to", scope.until))
        if day is not None and day.day != 1
    )
    if faults:
        detail = "Ask for whole months: two times that differ by a day could be set against each other."
        raise Invalid(detail, errors=faults)


async def _cut(session: AsyncSession, provider: Provider, scope: Scope, facts: Mapping[Place, Any]) -> _Tables:
    """Return the facts of a scope cut by each subset of its dimensions; the largest are at hand.

    Where weeks are asked for, days too: months and weeks do not nest, and their common parts decide.
    """
    found: dict[tuple[str, ...], Mapping[Place, Any]] = {scope.by: facts}
    wanted = [by for size in range(len(scope.by)) for by in combinations(scope.by, size)]
    if scope.bucket == _WEEK:
        wanted += [_by_day(by) for by in (*wanted, scope.by) if _WEEK in by]
    for by in wanted:
        found[by] = await provider.load(session, replace(scope, by=by))
    return found


def _by_day(by: tuple[str, ...]) -> tuple[str, ...]:
    return tuple("day" if each == _WEEK else each for each in by)


async def _tree(session: AsyncSession, scope: Scope) -> dict[UUID, UUID | None]:
    """Return the unit above each org unit, where units are a dimension of the scope."""
    if "org_unit" not in scope.by:
        return {}
    units = rows_at(session, OrgUnit, scope.as_of, archived=True)
    return {row.id: row.parent_id for row in await session.execute(select(units.c.id, units.c.parent_id))}


def _hidden(scope: Scope, found: _Tables, above: Mapping[UUID, UUID | None], people: Sizes, k: int) -> set[Place]:
    """Return the places of a scope to hide, for one metric."""
    steps = [_steps(each, above) for each in scope.by]
    dimensions = tuple(_dimension(each, above) for each in scope.by)
    result: set[Place] = set()
    for subject in scope.ids:
        sizes: dict[Node, int] = {}
        for by, table in found.items():
            for (whose, labels), facts in table.items():
                n = people(facts) if whose == subject else None
                if n is not None:
                    _add(sizes, scope.by, by, labels, steps, n)
        secret = Lattice(dimensions, sizes, k).settle()
        for place in found[scope.by]:
            if place[0] != subject:
                continue
            node = tuple(step(label, each) for step, label, each in zip(steps, place[1], scope.by, strict=True))
            if node in secret:
                result.add(place)
    return result


_ToStep = Callable[[Label, str], Step | None]


def _add(
    sizes: dict[Node, int],
    wanted: tuple[str, ...],
    by: tuple[str, ...],
    labels: tuple[Label, ...],
    steps: Sequence[_ToStep],
    n: int,
) -> None:
    """Count a place at its node, and where it is cut by time, at the nodes of the coarser buckets too."""
    at = dict(zip(by, labels, strict=True))
    coordinates: list[Step | None] = []
    bucket: tuple[int, str, Label] | None = None
    for place, (dimension, step) in enumerate(zip(wanted, steps, strict=True)):
        name = "day" if dimension == _WEEK and "day" in at else dimension
        if name not in at:
            coordinates.append(ALL)
            continue
        if name in BUCKETS:
            if at[name] is None:
                return
            bucket = (place, name, at[name])
        coordinates.append(step(at[name], name))
    node = tuple(coordinates)
    sizes[node] = sizes.get(node, 0) + n
    if bucket is not None:
        place, name, label = bucket
        for coarser in _above(name, label):
            raised = (*node[:place], coarser, *node[place + 1 :])
            sizes[raised] = sizes.get(raised, 0) + n


def _above(name: str, label: Label) -> Iterable[Step]:
    """Return the coarser buckets that hold a bucket, but for weeks, which are counted by themselves."""
    if name == _WEEK or not isinstance(label, date):
        return ()
    return [_bucket_step(each, first_day(label, each)) for each, level in _COARSER.items() if level < _COARSER[name]]


def _bucket_step(name: str, start: Label) -> Step:
    return Step(0, start, "w") if name == _WEEK else Step(_COARSER[name], start)


def _steps(dimension: str, above: Mapping[UUID, UUID | None]) -> _ToStep:
    if dimension == "org_unit":
        return lambda label, _name: _unit_step(label, above)
    if dimension in BUCKETS:
        return lambda label, name: _bucket_step(name, label)
    return lambda label, _name: Step(0, label)


def _unit_step(label: Hashable, above: Mapping[UUID, UUID | None]) -> Step:
    depth, unit = 0, above.get(label) if isinstance(label, UUID) else None
    while unit is not None and depth < DEEPEST:
        depth, unit = depth + 1, above.get(unit)
    return Step(depth, label)


def _dimension(name: str, above: Mapping[UUID, UUID | None]) -> Dimension:
    if name == "org_unit":
        return Dimension(parents=lambda step: _unit_above(step, above))
    if name in BUCKETS:
        return Dimension(parents=_bucket_above, within=_months_around)
    return Dimension(overlapping=name in OVERLAPPING)


def _unit_above(step: Step, above: Mapping[UUID, UUID | None]) -> list[Step]:
    parent = above.get(step.label) if isinstance(step.label, UUID) else None
    return [] if parent is None else [Step(step.level - 1, parent)]


def _bucket_above(step: Step) -> list[Step]:
    start = step.label
    if step.kind or not isinstance(start, date) or step.level == 0:
        return []
    name = next(each for each, level in _COARSER.items() if level == step.level - 1)
    steps = [_bucket_step(name, first_day(start, name))]
    return [*steps, _bucket_step(_WEEK, first_day(start, _WEEK))] if step.level == _COARSER["day"] else steps


def _months_around(step: Step) -> list[Step]:
    """Return the months, quarters and years that hold a whole week."""
    start = step.label
    if not step.kind or not isinstance(start, date):
        return []
    last = start + timedelta(days=6)
    names = [each for each in _COARSER if each != "day"]
    return [
        _bucket_step(each, first_day(start, each)) for each in names if last < bucket_end(first_day(start, each), each)
    ]
