"""The facts behind figures: inputs with links, measurements, and learning events down to their deliveries."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from app.domain import ids
from app.domain.metrics.catalogue import metric
from app.models.activities import ActivityReference
from app.models.figures import (
    EventBehind,
    Explanation,
    FigurePeriod,
    FigureRead,
    MeasurementBehind,
    plain,
)
from app.models.kpis import Measurement, SubjectKind
from app.models.learning import LearningEventRow
from app.models.people import Audience, AudienceMember, Identity, Person
from app.models.sources import Delivery
from app.services import unfolded
from app.services.corrections import standing
from app.services.figures import Computed, View
from app.services.inputs import Link, Scope
from app.services.inputs._under import activities, subtree
from app.services.readings import value_of
from app.services.versions import rows_at

_SUBJECT_PREFIX = {SubjectKind.TENANT: "ten", SubjectKind.ORG_UNIT: "org", SubjectKind.PERSON: "per"}


@dataclass(frozen=True, slots=True)
class Place:
    """The last learning event and the last linked fact shown so far; None: none yet."""

    event: UUID | None = None
    fact: str | None = None


@dataclass(frozen=True, slots=True)
class Explained:
    """An explanation without cursor, and where its page ends; None where no other follows."""

    shown: Explanation
    last: Place | None


async def explain(session: AsyncSession, computed: Computed, view: View, *, after: Place, limit: int) -> Explained:
    """Return the explanation of a figure with a page of the facts behind it: of events, and of those linked."""
    row = metric(computed.figure.metric)
    rows = []
    if computed.events:
        rows = list(await events(session, computed, after=after.event, limit=limit + 1))
    inputs, last = unfolded.page(await unfolded.inputs_of(session, computed), after=after.fact, limit=limit)
    here = {link for each in inputs for link in each.links}
    shown_ids = [each for each in computed.measurement_ids if unfolded.address(Link("measurement", each)) in here]
    measured = await measurements(session, shown_ids, as_of=view.as_of)
    period = computed.figure.period
    zone = "UTC" if period is None else period.zone
    shown = Explanation(
        figure=FigureRead.of(computed.figure),
        title=row.title,
        formula=row.formula,
        edge_rules=list(row.edge_rules),
        source=row.source,
        inputs=inputs,
        events=[_event(each) for each in rows[:limit]],
        measurements=[_measurement(each, zone) for each in measured],
        next_cursor=None,
    )
    if len(rows) <= limit and last is None:
        return Explained(shown, None)
    return Explained(shown, Place(rows[:limit][-1].id if rows else after.event, last or _furthest(here) or after.fact))


def _furthest(links: Collection[str]) -> str | None:
    return max(map(unfolded.key, links), default=None)


async def events(
    session: AsyncSession, computed: Computed, *, after: UUID | None, limit: int, since: datetime | None = None
) -> Sequence[Row[Any]]:
    """Return a page of the events behind a figure with the hashes of their deliveries, oldest first.

    They are those at the activities of its subject, of the people of its segment, that had occurred by its present;
    with `since`, only those recorded later than that.
    """
    scope = computed.scope
    if scope is None:
        return []
    event = LearningEventRow
    references = rows_at(session, ActivityReference, scope.as_of)
    identities = rows_at(session, Identity, scope.as_of)
    statement = (
        select(
            col(event.id),
            col(event.kind),
            col(event.occurred_at),
            identities.c.person_id,
            references.c.activity_id,
            col(event.delivery_id),
            col(Delivery.body_sha256),
        )
        .join(references, references.c.id == col(event.reference_id))
        .join(identities, identities.c.id == col(event.identity_id))
        .join(Delivery, (col(Delivery.tenant_id) == col(event.tenant_id)) & (col(Delivery.id) == event.delivery_id))
        .where(
            col(event.occurred_at) <= scope.now,
            standing(event, scope.as_of, corrected=scope.corrected),
            *_of_subject(session, scope, references),
            *_of_segment(session, computed, references, identities),
        )
        .order_by(col(event.id))
        .limit(limit)
    )
    if scope.as_of is not None:
        statement = statement.where(col(event.recorded_at) <= scope.as_of)
    if since is not None:
        statement = statement.where(col(event.recorded_at) > since)
    if after is not None:
        statement = statement.where(col(event.id) > after)
    return (await session.execute(statement)).all()


def _of_subject(session: AsyncSession, scope: Scope, references: Any) -> list[ColumnElement[bool]]:
    if scope.kind == "tenant":
        return []
    under = activities(session, scope)
    return [references.c.activity_id.in_(select(under.c.activity_id))]


def _of_segment(
    session: AsyncSession, computed: Computed, references: Any, identities: Any
) -> list[ColumnElement[bool]]:
    """Return the conditions of the segment; buckets of time place people, whose events are all shown."""
    scope = computed.scope
    conditions: list[ColumnElement[bool]] = []
    if scope is None:
        return conditions
    people = rows_at(session, Person, scope.as_of)
    for dimension, label in zip(scope.by, computed.labels, strict=True):
        if dimension == "role":
            of_role = select(people.c.id).where(people.c.role.is_not_distinct_from(label))
            conditions.append(identities.c.person_id.in_(of_role))
        elif dimension == "org_unit":
            tree = subtree(session, scope)
            units = select(tree.c.unit).where(tree.c.root == label)
            conditions.append(identities.c.person_id.in_(select(people.c.id).where(people.c.org_unit_id.in_(units))))
        elif dimension == "activity":
            conditions.append(references.c.activity_id == label)
        elif dimension == "source":
            conditions.append(references.c.source_id == label)
        elif dimension == "content_version":
            conditions.append(references.c.content_version.is_not_distinct_from(label))
        elif dimension == "wave":
            audiences = rows_at(session, Audience, scope.as_of)
            members = rows_at(session, AudienceMember, scope.as_of)
            joined = members.join(audiences, audiences.c.id == members.c.audience_id)
            waves = select(members.c.person_id).select_from(joined).where(members.c.wave.is_not_distinct_from(label))
            conditions.append(identities.c.person_id.in_(waves))
    return conditions


async def measurements(
    session: AsyncSession, measurement_ids: Sequence[UUID], *, as_of: datetime | None
) -> Sequence[Row[Any]]:
    """Return the versions of measurements that were current at `as_of`, by subject and period."""
    if not measurement_ids:
        return []
    table = rows_at(session, Measurement, as_of)
    statement = select(table).where(table.c.id.in_(measurement_ids)).order_by(table.c.subject_id, table.c.period_start)
    return (await session.execute(statement)).all()


def _event(row: Any) -> EventBehind:
    return EventBehind(
        id=row.id,
        kind=row.kind,
        occurred_at=row.occurred_at,
        person_id=row.person_id,
        activity_id=row.activity_id,
        delivery=f"/v1/deliveries/{ids.encode('dlv', row.delivery_id)}",
        delivery_id=row.delivery_id,
        body_sha256=row.body_sha256.hex(),
    )


def _measurement(row: Any, zone: str) -> MeasurementBehind:
    return MeasurementBehind(
        id=ids.encode("mea", row.id),
        subject_id=ids.encode(_SUBJECT_PREFIX[row.subject_kind], row.subject_id),
        period=FigurePeriod(start=row.period_start, end=row.period_end, zone=zone),
        value=plain(value_of(row.value, row.numerator, row.denominator)),
        version=row.version,
    )
