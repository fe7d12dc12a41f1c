"""How far the data can be trusted: inputs from deliveries and events, by source and time."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, FromClause, and_, case, func, literal, literal_column, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from app.models.days import SecondsBetween
from app.models.learning import LearningEventRow
from app.models.people import Identity, Person
from app.models.sources import Delivery, DeliveryStatus, Source
from app.models.unit import unit_of
from app.services.corrections import standing
from app.services.inputs._cuts import STATE, refuse
from app.services.inputs._listed import everywhere, listed
from app.services.inputs._provider import BUCKETS, Given, Link, Place, Provider, Scope
from app.services.inputs._pursuits import place_of, total
from app.services.inputs._under import bucketed, whole, within
from app.services.versions import rows_at

_HOUR_SECONDS = 3600
_HOUR = Decimal(_HOUR_SECONDS)
_TENANT = frozenset({"tenant"})
_BY = frozenset({"source", *BUCKETS})


def _cut(scope: Scope, source: ColumnElement[Any], placed: ColumnElement[Any]) -> list[ColumnElement[Any]]:
    """Return the subject and one column per dimension."""
    segments = [source if each == "source" else bucketed(placed, each, scope) for each in scope.by]
    return [whole(scope).label("subject"), *(each.label(f"segment_{n}") for n, each in enumerate(segments))]


async def _rows(
    session: AsyncSession,
    tables: FromClause,
    keys: list[ColumnElement[Any]],
    measures: list[ColumnElement[Any]],
    conditions: list[ColumnElement[bool]],
) -> list[Any]:
    grouped: list[ColumnElement[Any]] = [literal_column(str(place)) for place in range(1, len(keys) + 1)]
    statement = select(*keys, *measures).select_from(tables).where(*conditions).group_by(*grouped)
    return list(await session.execute(statement))


@dataclass(frozen=True, slots=True)
class Received:
    """Deliveries of one place and what was in them. The same delivery again is not received twice."""

    recorded: int = 0
    duplicates: int = 0
    deliveries: int = 0
    quarantined: int = 0


async def _received(session: AsyncSession, scope: Scope) -> Mapping[Place, Received]:
    table: Any = Delivery.__table__  # type: ignore[attr-defined]  # set by SQLModel on table classes
    received_at = table.c.received_at
    keys = _cut(scope, table.c.source_id, received_at)
    measures: list[ColumnElement[Any]] = [
        func.coalesce(func.sum(table.c.recorded), 0),
        func.coalesce(func.sum(table.c.duplicates), 0),
        total(table.c.status != DeliveryStatus.REJECTED),
        total(table.c.status == DeliveryStatus.QUARANTINED),
    ]
    mine = table.c.tenant_id == unit_of(session).tenant.id
    conditions = [mine, received_at <= scope.now, *within(received_at, scope)]
    rows = await _rows(session, table, keys, measures, conditions)
    return {place_of(row, scope): Received(*(int(each) for each in row[len(keys) :])) for row in rows}


def _duplicates(found: Received, _scope: Scope) -> Given:
    return Given({"received": found.recorded + found.duplicates, "duplicates": found.duplicates})


def _quarantined(found: Received, _scope: Scope) -> Given:
    return Given({"deliveries": found.deliveries, "quarantined": found.quarantined})


@dataclass(slots=True)
class Events:
    """Events of one place: how many, how many of unresolved persons, and how late they came, by whole hours."""

    events: int = 0
    unmatched: int = 0
    delays: dict[int, int] = field(default_factory=dict)


async def _events(session: AsyncSession, scope: Scope) -> Mapping[Place, Events]:
    """Count events by the day on which they occurred; an event without a time of its own has no delay.

    The delay of one that a replay corrected is that of its delivery: it was there, though read wrongly.
    """
    identities, person = rows_at(session, Identity, scope.as_of), rows_at(session, Person, scope.as_of, archived=True)
    table: Any = LearningEventRow.__table__  # type: ignore[attr-defined]  # set by SQLModel on table classes
    occurred_at, at = table.c.occurred_at, scope.as_of or scope.now
    tables = table.outerjoin(identities, identities.c.id == table.c.identity_id).outerjoin(
        person, person.c.id == identities.c.person_id
    )
    came_at = table.c.recorded_at
    if scope.corrected:
        came: Any = Delivery.__table__  # type: ignore[attr-defined]  # the same
        brought = and_(came.c.tenant_id == table.c.tenant_id, came.c.id == table.c.delivery_id)
        tables = tables.outerjoin(came, and_(brought, table.c.corrects_key.is_not(None)))
        came_at = func.coalesce(came.c.received_at, came_at)
    seconds = SecondsBetween(occurred_at, came_at)
    hours = case((table.c.time_inferred.is_(False), seconds // literal(_HOUR_SECONDS)))
    keys = [*_cut(scope, table.c.source_id, occurred_at), hours.label("hours")]
    measures: list[ColumnElement[Any]] = [func.count(), total(person.c.resolved.is_(False))]
    conditions = [
        table.c.tenant_id == unit_of(session).tenant.id,
        table.c.identity_id.is_not(None),
        occurred_at <= scope.now,
        table.c.recorded_at <= at,
        standing(table.c, at, corrected=scope.corrected),
        *within(occurred_at, scope),
    ]
    found: dict[Place, Events] = {}
    for row in await _rows(session, tables, keys, measures, conditions):
        here = found.setdefault(place_of(row, scope), Events())
        late, count, unmatched = row[1 + len(scope.by) :]
        here.events += int(count)
        here.unmatched += int(unmatched)
        if late is not None:
            whole_hours = max(0, int(late))
            here.delays[whole_hours] = here.delays.get(whole_hours, 0) + int(count)
    return found


def _unmatched(found: Events, _scope: Scope) -> Given:
    return Given({"events": found.events, "unmatched": found.unmatched})


def _late(found: Events, _scope: Scope) -> Given:
    delays = [{"hours": Decimal(hours), "count": count} for hours, count in sorted(found.delays.items())]
    return Given({"delays": delays}, basis="whole_hours")


@dataclass(frozen=True, slots=True)
class Heard:
    """When a source was last heard, and after how long its silence is too long."""

    source_id: UUID | None = None
    newest: datetime | None = None
    threshold_seconds: int | None = None


async def _heard(session: AsyncSession, scope: Scope) -> Mapping[Place, Heard]:
    newest = (
        select(col(Delivery.source_id), func.max(col(Delivery.received_at)).label("newest"))
        .where(
            col(Delivery.tenant_id) == unit_of(session).tenant.id,
            col(Delivery.source_id).in_(scope.ids),
            col(Delivery.received_at) <= scope.now,
        )
        .group_by(col(Delivery.source_id))
        .subquery()
    )
    statement = (
        select(col(Source.id), newest.c.newest, col(Source.silence_after_seconds))
        .outerjoin(newest, newest.c.source_id == col(Source.id))
        .where(col(Source.tenant_id) == unit_of(session).tenant.id, col(Source.id).in_(scope.ids))
    )
    return {(row[0], ()): Heard(*row) for row in await session.execute(statement)}


def _silence(found: Heard, scope: Scope) -> Given:
    threshold = None if found.threshold_seconds is None else Decimal(found.threshold_seconds) / _HOUR
    about = () if found.source_id is None else (Link("source", found.source_id),)
    inputs = {"now": scope.now, "newest_received_at": found.newest, "threshold_hours": threshold}
    return Given(inputs, about=about)


_REFUSED = refuse(
    people="how far a source can be trusted is asked before it is known whom its deliveries are about",
    activity="how far a source can be trusted is asked before it is known which activities its deliveries are about",
    content_version="how far a source can be trusted is asked before it is known what its deliveries are about",
)

PROVIDERS = (
    Provider(
        metrics={"duplicate_rate": _duplicates, "quarantine_rate": _quarantined},
        kinds=_TENANT,
        load=_received,
        nothing=Received,
        by=_BY,
        behind={
            "duplicate_rate": listed(everywhere("source", Source, "received", "duplicates")),
            "quarantine_rate": listed(everywhere("source", Source, "deliveries", "quarantined")),
        },
        refused=_REFUSED,
    ),
    Provider(
        metrics={"unmatched_rate": _unmatched, "late_arrival_p95": _late},
        kinds=_TENANT,
        load=_events,
        nothing=Events,
        by=_BY,
        refused=_REFUSED,
        events=True,
    ),
    Provider(
        metrics={"source_silence": _silence},
        kinds=frozenset({"source"}),
        load=_heard,
        nothing=Heard,
        refused=refuse(people="a source is silent as a whole", learning="a source is silent as a whole", time=STATE),
    ),
)
