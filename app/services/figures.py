"""Figures of initiatives and outcomes: facts in, the catalogue's formulas, figures out; few queries for any number."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from app.domain import ids
from app.domain.attainment import Direction, Target, TargetKind, resolve_target
from app.domain.errors import Invalid, NotFound
from app.domain.figure import Caveat, Figure, Period, Status, Subject
from app.domain.metrics.catalogue import evaluate
from app.domain.metrics.privacy import Sensitivity, minimum_cohort, suppress
from app.models.base import Noun
from app.models.initiatives import Alignment, Initiative
from app.models.kpis import Kpi, SubjectKind
from app.models.outcomes import Outcome
from app.models.tenancy import TenantSettings
from app.models.unit import unit_of
from app.services import panels, reach, readings
from app.services.panels import Facts
from app.services.reach import Reach
from app.services.readings import Reading
from app.services.versions import rows_at

_CELLS = ("treated_before", "treated_after", "control_before", "control_after")

Asked = tuple[str, dict[str, Any], dict[str, Any]]
"""(metric, inputs, parameters): what a figure is computed from."""


@dataclass(frozen=True, slots=True)
class Computed:
    """A figure with the inputs that it was computed from."""

    figure: Figure
    inputs: Mapping[str, Any]
    measurement_ids: tuple[UUID, ...] = ()


async def of_initiatives(
    session: AsyncSession, initiative_ids: Sequence[UUID], *, as_of: datetime | None = None
) -> list[list[Figure]]:
    """Return the figures of each initiative, in order."""
    found = await computed_of_initiatives(session, initiative_ids, as_of=as_of)
    return [[computed.figure for computed in row] for row in found]


async def of_outcomes(
    session: AsyncSession, outcome_ids: Sequence[UUID], *, as_of: datetime | None = None
) -> list[list[Figure]]:
    """Return the figures of each outcome, in order."""
    found = await computed_of_outcomes(session, outcome_ids, as_of=as_of)
    return [[computed.figure for computed in row] for row in found]


async def computed_of_initiatives(
    session: AsyncSession, initiative_ids: Sequence[UUID], *, as_of: datetime | None = None
) -> list[list[Computed]]:
    """Return the figures of each initiative with their inputs."""
    now = datetime.now(UTC)
    counts = await reach.of_initiatives(session, initiative_ids, as_of=as_of, now=now)
    least = await _minimum_cohort(session)
    return [
        [
            _placed(asked, Subject("initiative", ids.encode(Initiative.prefix, initiative_id)), as_of or now, least)
            for asked in _reach_figures(found)
        ]
        for initiative_id, found in zip(initiative_ids, counts, strict=True)
    ]


async def computed_of_outcomes(
    session: AsyncSession, outcome_ids: Sequence[UUID], *, as_of: datetime | None = None
) -> list[list[Computed]]:
    """Return the figures of each outcome with their inputs; nothing for an id that was not there."""
    now = datetime.now(UTC)
    pairs = await _with_kpis(session, outcome_ids, as_of)
    zone = ZoneInfo((await _settings(session)).zone)
    today = (as_of or now).astimezone(zone).date()
    found = await readings.of_outcomes(session, list(pairs.values()), as_of=as_of, today=today)
    by_id = dict(zip(pairs, found, strict=True))
    compared = await _compared(session, pairs, as_of)
    return [
        [
            *_outcome_figures(*pairs[outcome_id], by_id[outcome_id], as_of or now),
            *(_difference(*pairs[outcome_id], *each, as_of or now) for each in compared.get(outcome_id, [])),
        ]
        if outcome_id in pairs
        else []
        for outcome_id in outcome_ids
    ]


async def _compared(
    session: AsyncSession, pairs: Mapping[UUID, tuple[Outcome, Kpi]], as_of: datetime | None
) -> dict[UUID, list[tuple[UUID, Facts]]]:
    """Return per outcome the aligned initiatives with the facts of their units."""
    alignments = rows_at(session, Alignment, as_of)
    statement = select(alignments.c.outcome_id, alignments.c.initiative_id).where(
        alignments.c.outcome_id.in_(pairs.keys())
    )
    linked = sorted((row[0], row[1]) for row in await session.execute(statement))
    facts = await panels.of_many(
        session, [(initiative_id, pairs[outcome_id][1].id) for outcome_id, initiative_id in linked], as_of=as_of
    )
    found: dict[UUID, list[tuple[UUID, Facts]]] = {}
    for (outcome_id, initiative_id), each in zip(linked, facts, strict=True):
        found.setdefault(outcome_id, []).append((initiative_id, each))
    return found


def _difference(outcome: Outcome, kpi: Kpi, initiative_id: UUID, facts: Facts, as_of: datetime) -> Computed:
    """Return the difference in differences of one aligned initiative around its first offer."""
    subject = Subject("outcome", ids.encode(Outcome.prefix, outcome.id))
    found = panels.cells(facts)
    empty: list[Decimal] = []
    inputs = {name: [_text(value) for value in (found or {}).get(name, empty)] for name in _CELLS}
    figure = evaluate("did", inputs | {"kpi_unit": kpi.unit}).about(
        subject, as_of=as_of, explain=_explain(subject, "did", {})
    )
    parameters = figure.parameters | {"initiative": ids.encode(Initiative.prefix, initiative_id)}
    figure = replace(figure, parameters=parameters)
    if facts.unit_kind != SubjectKind.PERSON:
        return Computed(figure, inputs)
    least, k = min(map(len, inputs.values())), minimum_cohort(Sensitivity.PERFORMANCE)
    reason = f"groups of fewer than {k} people are protected"
    return Computed(figure.without_value(Status.SUPPRESSED, reason) if 0 < least < k else figure, {})


async def require(session: AsyncSession, row: type[Noun], noun_id: UUID, as_of: datetime | None) -> None:
    """Raise NotFound unless the row was in use at `as_of` (None: now)."""
    table = rows_at(session, row, as_of)
    if await session.scalar(select(table.c.id).where(table.c.id == noun_id)) is None:
        noun = str(row.__tablename__).replace("_", " ")
        then = "" if as_of is None else " at that instant"
        raise NotFound(f"There is no {noun} {ids.encode(row.prefix, noun_id)} in this tenant{then}.")


def _reach_figures(found: Reach) -> list[Asked]:
    return [
        (
            "participation_rate",
            {
                "audience": found.audience,
                "started_in_audience": found.started_in_audience,
                "started_outside_audience": found.started_outside_audience,
            },
            {},
        ),
        (
            "completion_rate",
            {"audience": found.audience, "completed_in_audience": found.completed_in_audience},
            {"denominator": "audience"},
        ),
        (
            "completion_rate",
            {
                "enrolled": found.enrolled,
                "completed": found.completed,
                "withdrawn_before_start": found.withdrawn_before_start,
            },
            {"denominator": "enrolled"},
        ),
    ]


def _placed(asked: Asked, subject: Subject, as_of: datetime, least: int) -> Computed:
    slug, inputs, parameters = asked
    figure = evaluate(slug, inputs, parameters).about(subject, as_of=as_of, explain=_explain(subject, slug, parameters))
    shown = suppress(figure, least)
    return Computed(shown, {} if shown.status is Status.SUPPRESSED else inputs)


def _outcome_figures(outcome: Outcome, kpi: Kpi, reading: Reading | None, as_of: datetime) -> list[Computed]:
    subject = Subject("outcome", ids.encode(Outcome.prefix, outcome.id))
    current = None if reading is None else _text(reading.value)
    baseline = None if outcome.baseline is None else _text(outcome.baseline)
    value, caveats = _target(outcome, kpi)
    unit = {"kpi_unit": kpi.unit}
    direction = {"direction": str(kpi.direction)}
    figures = []
    for slug, inputs in (
        ("progress", {"baseline": baseline, "target": value, "current": current}),
        ("improvement_abs", {"baseline": baseline, "current": current} | direction | unit),
        ("improvement_rel", {"baseline": baseline, "current": current} | direction),
    ):
        figure = evaluate(slug, inputs).about(subject, as_of=as_of, explain=_explain(subject, slug, {}))
        if slug == "progress":
            figure = figure.with_caveats(*caveats)
        behind = () if reading is None else reading.measurement_ids
        figures.append(Computed(_read_from(figure, kpi, reading), inputs, behind))
    return figures


def _read_from(figure: Figure, kpi: Kpi, reading: Reading | None) -> Figure:
    if reading is None:
        return figure
    period = Period(reading.period_start, reading.period_end, kpi.zone)
    placed = replace(figure, period=period).with_caveats(*reading.caveats)
    if reading.provisional and placed.status is Status.OK:
        return replace(placed, status=Status.PROVISIONAL, reason="the newest measurement is provisional")
    return placed


def _target(outcome: Outcome, kpi: Kpi) -> tuple[str | None, tuple[Caveat, ...]]:
    """Return the target in the KPI's unit, or None with the reason."""
    target = Target(
        TargetKind(outcome.target_kind),
        Direction(kpi.direction),
        value=outcome.target,
        low=outcome.target_low,
        high=outcome.target_high,
    )
    try:
        resolved = resolve_target(target, outcome.baseline)
    except Invalid as error:
        return None, (Caveat("target_unusable", error.detail),)
    return None if resolved.value is None else _text(resolved.value), ()


async def _with_kpis(
    session: AsyncSession, outcome_ids: Sequence[UUID], as_of: datetime | None
) -> dict[UUID, tuple[Outcome, Kpi]]:
    outcomes = rows_at(session, Outcome, as_of)
    rows = (await session.execute(select(outcomes).where(outcomes.c.id.in_(outcome_ids)))).mappings().all()
    found = [_row(Outcome, row) for row in rows]
    kpis = rows_at(session, Kpi, as_of)
    wanted = {outcome.kpi_id for outcome in found}
    by_id = {
        row["id"]: _row(Kpi, row)
        for row in (await session.execute(select(kpis).where(kpis.c.id.in_(wanted)))).mappings()
    }
    return {outcome.id: (outcome, by_id[outcome.kpi_id]) for outcome in found if outcome.kpi_id in by_id}


def _row(model: Any, values: Mapping[Any, Any]) -> Any:
    return model(**{name: value for name, value in values.items() if name in model.model_fields})


async def _settings(session: AsyncSession) -> TenantSettings:
    tenant_id = unit_of(session).tenant.id
    return await session.get_one(TenantSettings, (tenant_id, tenant_id))


async def _minimum_cohort(session: AsyncSession) -> int:
    """Return today's threshold: privacy never follows `as_of` (decisions.md, "One clock per tenant")."""
    statement = select(col(TenantSettings.minimum_cohort)).where(col(TenantSettings.id) == unit_of(session).tenant.id)
    return minimum_cohort(Sensitivity.AGGREGATE, await session.scalar(statement))


def _explain(subject: Subject, slug: str, parameters: Mapping[str, str]) -> str:
    query = "".join(f"?{name}={value}" for name, value in parameters.items())
    return f"/v1/{subject.kind}s/{subject.id}/figures/{slug}/explain{query}"


def _text(value: Decimal) -> str:
    return format(value, "f")
