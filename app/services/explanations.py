"""The facts behind figures: inputs with links, measurements, and learning events down to their deliveries."""

from collections.abc import Mapping, Sequence
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
    ExplainedInput,
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
from app.services.figures import Computed, View
from app.services.inputs import Link, Scope
from app.services.inputs._under import activities, subtree
from app.services.readings import value_of
from app.services.versions import rows_at

_SUBJECT_PREFIX = {SubjectKind.TENANT: "ten", SubjectKind.ORG_UNIT: "org", SubjectKind.PERSON: "per"}
_PATHS = {
    "measurement": ("mea", "measurements"),
    "outcome": ("out", "outcomes"),
    "kpi": ("kpi", "kpis"),
    "objective": ("obj", "objectives"),
    "initiative": ("ini", "initiatives"),
    "alignment": ("aln", "alignments"),
    "agreement": ("agr", "agreements"),
    "cost_item": ("cst", "cost-items"),
    "unit_value": ("uvl", "unit-values"),
    "impact_statement": ("stm", "impact-statements"),
    "effect_estimate": ("eff", "effect-estimates"),
    "forecast": ("fct", "forecasts"),
    "personal_estimate": ("est", "personal-estimates"),
    "status_override": ("ovr", "status-overrides"),
    "source": ("src", "sources"),
    "review": ("rev", "reviews"),
    "action": ("atn", "actions"),
    "commitment": ("cmt", "commitments"),
    "content_version": ("cnv", "content-versions"),
}
_OF_EVENTS = "It was counted from the learning events that are listed with this explanation."
_OF_PEOPLE = "It was counted from records of single people, which are not listed one by one."
_OF_NOTHING = "No fact was found that counts for it."
_IN_TOTAL = "It was read from the records of the subject as a whole, which are not listed one by one."


@dataclass(frozen=True, slots=True)
class Explained:
    """An explanation without cursor, and the last event on its page where there are more."""

    shown: Explanation
    last: UUID | None


async def explain(
    session: AsyncSession, computed: Computed, view: View, *, after: UUID | None, limit: int
) -> Explained:
    """Return the explanation of a figure with a page of the learning events behind it."""
    row = metric(computed.figure.metric)
    rows = await events(session, computed, after=after, limit=limit + 1) if computed.events else []
    measured = await measurements(session, computed.measurement_ids, as_of=view.as_of)
    period = computed.figure.period
    zone = "UTC" if period is None else period.zone
    shown = Explanation(
        figure=FigureRead.of(computed.figure),
        title=row.title,
        formula=row.formula,
        edge_rules=list(row.edge_rules),
        source=row.source,
        inputs=await inputs_of(session, computed),
        events=[_event(each) for each in rows[:limit]],
        measurements=[_measurement(each, zone) for each in measured],
        next_cursor=None,
    )
    return Explained(shown, rows[limit - 1].id if len(rows) > limit else None)


async def inputs_of(session: AsyncSession, computed: Computed) -> list[ExplainedInput]:
    """Return every input of a figure with its value, its description and the facts that it was read from.

    An input without such facts says why. One query at the most, where the family counts rows that it can list.
    """
    described = {each.name: each.description for each in metric(computed.figure.metric).inputs}
    links = await _links(session, computed)
    return [
        ExplainedInput(
            name=name,
            value=plain(value),
            description=described[name],
            links=[address(link) for link in links.get(name, ())],
            unlinked=None if links.get(name) else _why_unlinked(computed, value),
        )
        for name, value in computed.inputs.items()
        if name in described
    ]


async def _links(session: AsyncSession, computed: Computed) -> Mapping[str, Sequence[Link]]:
    if computed.behind is None or computed.scope is None:
        return computed.links
    found = await computed.behind(session, computed.scope)
    return {**computed.links, **found.get((computed.scope.ids[0], computed.labels), {})}


def _why_unlinked(computed: Computed, value: Any) -> str:
    if computed.events:
        return _OF_EVENTS
    if not value:
        return _OF_NOTHING
    return _OF_PEOPLE if computed.people else _IN_TOTAL


def address(link: Link) -> str:
    """Return the address of a fact; with the version that was read where it matters."""
    prefix, plural = _PATHS[link.noun]
    return f"/v1/{plural}/{ids.encode(prefix, link.id)}"


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
