"""Who is active and who is about to be lost: inputs from events and attempts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import Subquery, case, exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.learning import Kind
from app.models.activities import ActivityReference
from app.models.learning import LearningEventRow
from app.models.people import Identity
from app.models.unit import unit_of
from app.services.inputs._provider import BUCKETS, PEOPLE, Given, Place, Provider, Scope
from app.services.inputs._pursuits import counted, place_of, pursuits
from app.services.inputs._under import activities
from app.services.inputs.surveys import KINDS
from app.services.versions import rows_at

_QUALIFYING = (
    Kind.STARTED,
    Kind.PROGRESSED,
    Kind.COMPLETED,
    Kind.PASSED,
    Kind.FAILED,
    Kind.RATED,
    Kind.ANSWERED,
    Kind.EXPERIENCED,
)
"""What people do themselves; being enrolled, withdrawn or certified is done to them."""

_DEFAULT_WINDOW = 30
_DEFAULT_SILENCE = 7


@dataclass(frozen=True, slots=True)
class Active:
    """Distinct people with a qualifying event in the window."""

    people: int = 0


def _seen(session: AsyncSession, scope: Scope, days: int) -> Subquery:
    """Return the qualifying events of the last `days` days under the subjects."""
    event: Any = LearningEventRow.__table__  # type: ignore[attr-defined]  # set by SQLModel on table classes
    identities, references = rows_at(session, Identity, scope.as_of), rows_at(session, ActivityReference, scope.as_of)
    under = activities(session, scope)
    joined = (
        event.join(identities, identities.c.id == event.c.identity_id)
        .join(references, references.c.id == event.c.reference_id)
        .join(under, under.c.activity_id == references.c.activity_id)
    )
    voiding = event.alias("voiding")
    taken_back = exists().where(
        voiding.c.tenant_id == event.c.tenant_id,
        voiding.c.source_id == event.c.source_id,
        voiding.c.voids_key == event.c.dedup_key,
        voiding.c.recorded_at <= (scope.as_of or scope.now),
    )
    names = ("subject", "pursuit", "initiative_id")
    return (
        select(*(under.c[name] for name in names), identities.c.person_id, event.c.occurred_at)
        .select_from(joined)
        .where(
            event.c.tenant_id == unit_of(session).tenant.id,
            event.c.kind.in_(_QUALIFYING),
            ~taken_back,
            event.c.occurred_at > scope.now - timedelta(days=days),
            event.c.occurred_at <= scope.now,
            event.c.recorded_at <= (scope.as_of or scope.now),
        )
        .subquery()
    )


async def _active(session: AsyncSession, scope: Scope) -> Mapping[Place, Active]:
    days = int(scope.parameters.get("window_days", _DEFAULT_WINDOW))
    base = _seen(session, scope, days)
    measures = (func.count(func.distinct(base.c.person_id)),)
    statement = counted(session, scope, base, "occurred_at", measures)
    return {place_of(row, scope): Active(int(row[1 + len(scope.by)])) for row in await session.execute(statement)}


def _count(found: Active, scope: Scope) -> Given:
    days = int(scope.parameters.get("window_days", _DEFAULT_WINDOW))
    zone = scope.zone.key
    return Given({"active": found.people}, found.people, f"rolling_{days}_days_{zone}", parameters={"zone": zone})


@dataclass(slots=True)
class Enrolled:
    """Learners of one place, alike in what they did and whether they have been silent for too long."""

    learners: list[dict[str, Any]] = field(default_factory=list)
    people: int = 0


async def _enrolled(session: AsyncSession, scope: Scope) -> Mapping[Place, Enrolled]:
    days = int(scope.parameters.get("inactive_days", _DEFAULT_SILENCE))
    base = pursuits(session, scope)
    flags = (
        case((base.c.done_at.is_not(None), 1), else_=0),
        case((base.c.started_at.is_not(None), 1), else_=0),
        case((base.c.last_at <= scope.now - timedelta(days=days), 1), else_=0),
    )
    also = tuple(each.label(name) for each, name in zip(flags, ("done", "began", "silent"), strict=True))
    found: dict[Place, Enrolled] = {}
    statement = counted(session, scope, base, "first_at", (func.count(),), also=also)
    for row in await session.execute(statement):
        done, began, silent, count = (int(each) for each in row[1 + len(scope.by) :])
        here = found.setdefault(place_of(row, scope), Enrolled())
        here.people += count
        here.learners.append(
            {
                "passed": bool(done),
                "activities_beyond_home": began,
                "days_since_visit": days if silent else 0,
                "count": count,
            }
        )
    return found


def _risk(found: Enrolled, _scope: Scope) -> Given:
    return Given({"learners": found.learners}, basis="person_and_pursuit")


PROVIDERS = (
    Provider(
        metrics={"active_learners": _count},
        kinds=frozenset({*KINDS, "activity"}),
        load=_active,
        nothing=Active,
        by=frozenset({*PEOPLE, "activity", *BUCKETS}),
        parameters=("window_days",),
        people=True,
        events=True,
    ),
    Provider(
        metrics={"at_risk": _risk},
        kinds=frozenset({*KINDS, "activity"}),
        load=_enrolled,
        nothing=Enrolled,
        by=frozenset({*PEOPLE, "activity", *BUCKETS}),
        parameters=("inactive_days",),
        people=True,
        events=True,
    ),
)
