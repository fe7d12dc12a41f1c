"""Outcomes: refused where they contradict themselves, ready when nothing is missing that judging them needs."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from app.domain import ids
from app.domain.attainment import Direction, Target, TargetKind, target_faults, window_faults
from app.domain.attainment import Window as AttainmentWindow
from app.domain.errors import Fault, Invalid
from app.models.kpis import Kpi, KpiStatus, Measurement
from app.models.outcomes import BaselineRead, Outcome, OutcomeRead, OutcomeStatus, OutcomeWrite, RebaselineWrite
from app.models.people import Person, PersonStatus
from app.services import nouns
from app.services.nouns import Action, NounType

_UNFINISHED = {OutcomeStatus.DRAFT, OutcomeStatus.BASELINED}
_STILL_MISSING = {"target_value_missing", "band_missing"}
_NEED_NO_BASELINE = {TargetKind.REACH, TargetKind.MAINTAIN}
_OUR_NAMES = {"target_value": "target", "baseline_value": "baseline", "start_on": "starts_on"}


def contradictions_in(row: Outcome, direction: str) -> tuple[Fault, ...]:
    """Return what makes an outcome impossible to judge, each with the sentence that mends it.

    While it is a draft, a target may still be missing; a wrong one may not.
    """
    target = Target(
        TargetKind(row.target_kind), Direction(direction), row.target, low=row.target_low, high=row.target_high
    )
    found = target_faults(target, row.baseline)
    if row.starts_on is not None and row.due_on is not None:
        found += window_faults(AttainmentWindow(row.starts_on, row.due_on, row.lag_days))
    unfinished = row.status in _UNFINISHED
    return tuple(_in_our_names(fault) for fault in found if not (unfinished and fault.code in _STILL_MISSING))


def _in_our_names(fault: Fault) -> Fault:
    """Return the fault with the fields as this noun calls them."""
    detail, pointer = fault.detail, fault.pointer or ""
    for theirs, ours in _OUR_NAMES.items():
        detail = detail.replace(theirs, ours)
        pointer = f"/{ours}" if pointer == f"/{theirs}" else pointer
    return Fault(fault.code, detail, pointer=pointer)


async def _makes_sense(session: AsyncSession, row: Outcome) -> None:
    kpi = await session.get_one(Kpi, (row.tenant_id, row.kpi_id))
    faults = contradictions_in(row, kpi.direction)
    if not faults and row.status == OutcomeStatus.ACTIVE:
        faults = tuple(_incomplete(row))
    if faults:
        detail = faults[0].detail
        raise Invalid(f"{detail[:1].upper()}{detail[1:]}.", code="contradictory_target", errors=faults)


async def gaps_in(session: AsyncSession, rows: Sequence[Outcome]) -> dict[UUID, list[Fault]]:
    """Return for each outcome what the evaluability gate misses: KPI, baseline, target, date, owner, source of data.

    The queries do not grow with the number of outcomes.
    """
    kpi_ids = {row.kpi_id for row in rows}
    kpis = {kpi.id: kpi for kpi in await session.scalars(select(Kpi).where(col(Kpi.id).in_(kpi_ids)))}
    owner_ids = {row.owner_id for row in rows if row.owner_id is not None}
    owners = {
        person.id: person for person in await session.scalars(select(Person).where(col(Person.id).in_(owner_ids)))
    }
    silent = [kpi.id for kpi in kpis.values() if kpi.data_source is None]
    measured = set(
        await session.scalars(select(col(Measurement.kpi_id)).where(col(Measurement.kpi_id).in_(silent)).distinct())
    )
    return {
        row.id: [
            *_kpi_gaps(kpis[row.kpi_id], measured=row.kpi_id in measured),
            *_incomplete(row),
            *_owner_gaps(row, owners.get(row.owner_id) if row.owner_id else None),
        ]
        for row in rows
    }


async def _gaps(session: AsyncSession, row: Outcome) -> list[Fault]:
    return (await gaps_in(session, [row]))[row.id]


async def _baseline_gap(_session: AsyncSession, row: Outcome) -> list[Fault]:
    return [fault for fault in _incomplete(row) if fault.code == "baseline_missing"]


def _incomplete(row: Outcome) -> list[Fault]:
    found = []
    if row.baseline is None and TargetKind(row.target_kind) not in _NEED_NO_BASELINE:
        found.append(Fault("baseline_missing", _of(row, "has no baseline: record it"), pointer="/baseline"))
    band = TargetKind(row.target_kind) is TargetKind.MAINTAIN
    if (row.target_low is None and row.target_high is None) if band else row.target is None:
        place = "/target_low" if band else "/target"
        found.append(Fault("target_missing", _of(row, "has no target: set it"), pointer=place))
    if row.due_on is None:
        found.append(Fault("date_missing", _of(row, "has no date by which: set due_on"), pointer="/due_on"))
    return found


def _kpi_gaps(kpi: Kpi, *, measured: bool) -> list[Fault]:
    name = f"KPI {ids.encode('kpi', kpi.id)}"
    found = []
    if kpi.status != KpiStatus.ACTIVE or kpi.archived_at is not None:
        found.append(Fault("kpi_not_in_use", f"{name} is not in use: activate it, or choose another"))
    if kpi.data_source is None and not measured:
        detail = f"{name} names no source of data: set its data_source, or record a measurement"
        found.append(Fault("data_source_missing", detail))
    return found


def _owner_gaps(row: Outcome, owner: Person | None) -> list[Fault]:
    if owner is None:
        return [Fault("owner_missing", _of(row, "has no owner: set owner_id"), pointer="/owner_id")]
    if owner.status != PersonStatus.ACTIVE or owner.archived_at is not None:
        return [Fault("owner_left", _of(row, "has an owner who has left: name another"), pointer="/owner_id")]
    return []


def _of(row: Outcome, text: str) -> str:
    return f"outcome {ids.encode('out', row.id)} {text}"


def _columns(fields: Any) -> dict[str, Any]:
    values: dict[str, Any] = fields.model_dump()
    return values | {"period_targets": fields.model_dump(mode="json")["period_targets"]}


async def rebaseline(
    session: AsyncSession, noun_id: UUID, fields: RebaselineWrite, *, versions: Sequence[int] | None
) -> Outcome:
    """Replace the baseline of an outcome, with the day and the reason; the earlier one stays on its list."""
    row = await nouns.get(session, OUTCOMES, noun_id)
    nouns.expect(row, versions)
    first = {"value": row.baseline, "from_on": row.starts_on, "reason": None}
    known = row.baselines or ([] if row.baseline is None else [first])
    shown = [BaselineRead.model_validate(each).model_dump(mode="json") for each in (*known, fields.model_dump())]
    row.baselines, row.baseline = shown, fields.value
    with session.no_autoflush:
        await _makes_sense(session, row)
    await nouns.keep(session, row, "rebaselined")
    return row


OUTCOMES = NounType(
    row=Outcome,
    columns=_columns,
    write=OutcomeWrite,
    read=OutcomeRead,
    plural="outcomes",
    search=("title", "external_id"),
    filters=("status", "objective_id", "kpi_id", "org_unit_id", "owner_id", "target_kind", "external_id"),
    sorts=("created_at", "recorded_at", "title", "due_on"),
    ranges=("starts_on", "due_on"),
    actions=(
        Action("baseline", ("draft",), "baselined", "Its starting value is settled.", _baseline_gap),
        Action(
            "activate", ("draft", "baselined"), "active", "It is worked on. Needs all that judging it needs.", _gaps
        ),
        Action("meet", ("active",), "met", "The target was reached."),
        Action("miss", ("active",), "not_met", "The target was not reached."),
        Action("set-aside", ("draft", "baselined", "active"), "not_evaluable", "It cannot be judged."),
        Action("reopen", ("met", "not_met", "not_evaluable"), "active", "The verdict was premature.", _gaps),
    ),
    check=_makes_sense,
)
