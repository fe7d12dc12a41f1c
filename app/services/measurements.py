"""Measurements: one value for one KPI, subject and period; writing it again restates it, nothing is lost."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy import select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from app.domain import ids
from app.domain.errors import Fault, Invalid
from app.models.base import Noun
from app.models.faults import faults_of
from app.models.kpis import (
    Aggregation,
    Kpi,
    Measurement,
    MeasurementRead,
    MeasurementStatus,
    MeasurementWrite,
    SubjectKind,
)
from app.models.people import OrgUnit, Person
from app.models.unit import unit_of
from app.services import batches, periods
from app.services.batches import CHUNK, ItemResult, Result
from app.services.nouns import Action, NounType, expect, get, keep, merge
from app.services.periods import Key

_KEY = ("kpi_id", "subject_kind", "subject_id", "period_start", "period_end")
_VALUES = ("value", "numerator", "denominator")
_PREFIXES = {SubjectKind.TENANT: "ten", SubjectKind.ORG_UNIT: "org", SubjectKind.PERSON: "per"}
_SUBJECTS: dict[SubjectKind, type[Noun]] = {SubjectKind.ORG_UNIT: OrgUnit, SubjectKind.PERSON: Person}


def _shown(row: Any) -> Mapping[str, Any]:
    """Return the values of both shapes; the subject under its public id."""
    values = dict(row) if isinstance(row, Mapping) else row.model_dump()
    values["provisional"] = values["status"] == MeasurementStatus.PROVISIONAL
    return values | {"subject_id": ids.encode(_PREFIXES[values["subject_kind"]], values["subject_id"])}


MEASUREMENTS = NounType(
    row=Measurement,
    write=MeasurementWrite,
    read=MeasurementRead,
    plural="measurements",
    filters=("kpi_id", "subject_kind", "subject_id", "status"),
    sorts=("created_at", "recorded_at", "period_start"),
    ranges=("period_start", "period_end"),
    actions=(
        Action("confirm", ("provisional",), "confirmed", "The value can be relied on."),
        Action(
            "void",
            ("provisional", "confirmed", "restated"),
            "voided",
            "The value was wrong and there is no other; figures leave it out.",
        ),
    ),
    shown=_shown,
)


async def put(session: AsyncSession, fields: MeasurementWrite) -> tuple[Measurement, bool]:
    """Record a value, or restate the one with the same KPI, subject and period; return it and whether it is new.

    The same value again changes nothing. Raises Invalid.
    """
    (result,) = await put_many(session, [fields])
    if result.id is None:
        raise Invalid(
            "; ".join(f"{fault.pointer} {fault.detail}" for fault in result.faults) + ".", errors=result.faults
        )
    return await get(session, MEASUREMENTS, result.id), result.result is Result.CREATED


async def patch(
    session: AsyncSession,
    noun: NounType[Measurement],
    noun_id: UUID,
    fields: Mapping[str, Any],
    *,
    versions: Sequence[int] | None,
) -> Measurement:
    """Apply a merge patch to the value; what it is about is fixed. A changed value is a restated one."""
    row = await get(session, noun, noun_id)
    expect(row, versions)
    written = noun.written(row)
    if row.subject_kind == SubjectKind.TENANT:
        written["subject_id"] = None
    try:
        merged = MeasurementWrite.model_validate(merge(written, fields))
    except ValidationError as error:
        raise Invalid("Mend the fields named in errors.", errors=faults_of(error.errors())) from error
    same = dict(zip(_KEY, _key_of(row), strict=True)) | {"subject_id": row.subject_id}
    sent = merged.model_dump() | {"subject_id": merged.subject_id or unit_of(session).tenant.id}
    refused = [name for name in _KEY if sent[name] != same[name]]
    if refused:
        faults = tuple(Fault("fixed", "cannot be changed after creation", pointer=f"/{name}") for name in refused)
        raise Invalid(f"{', '.join(refused)} cannot be changed: record another measurement.", errors=faults)
    return (await put(session, merged))[0]


async def archive(
    session: AsyncSession,
    noun: NounType[Measurement],
    noun_id: UUID,
    *,
    versions: Sequence[int] | None,
) -> Measurement:
    """Void a measurement and take it out of the lists, so that whoever looks at either leaves it out."""
    row = await get(session, noun, noun_id)
    expect(row, versions)
    if row.archived_at is None:
        row.archived_at = unit_of(session).tick()
        row.status = MeasurementStatus.VOIDED
        await keep(session, row, "archived")
    return row


async def put_many(session: AsyncSession, writes: Sequence[MeasurementWrite]) -> list[ItemResult]:
    """Record or restate many values in a handful of statements; results in order.

    The same values again change nothing. An item with a KPI or subject that this tenant does not have, without what
    the KPI's aggregation needs, over days of another period, or with the key of an earlier item, is refused; the others
    are written.
    """
    items = [_item(session, fields) for fields in writes]
    ratios = await _ratios(session, {item.values["kpi_id"] for item in items})
    subjects = await _subjects(session, items)
    for item in items:
        item.faults += _value_faults(item.values, ratio=ratios.get(item.values["kpi_id"]))
        kind, subject_id = item.values["subject_kind"], item.values["subject_id"]
        if kind in _SUBJECTS and subject_id not in subjects[kind]:
            detail = f"names no {kind.replace('_', ' ')} of this tenant"
            item.faults.append(Fault("unknown_reference", detail, pointer="/subject_id"))
    await periods.refuse_overlaps(session, items)
    results, _ = await batches.put_items(session, MEASUREMENTS, items, _by_keys, settle=_settle)
    return results


def _item(session: AsyncSession, fields: MeasurementWrite) -> batches.Item[Key]:
    values = fields.model_dump(exclude={"provisional"})
    values["subject_id"] = fields.subject_id or unit_of(session).tenant.id
    values["subject_kind"] = fields.subject_kind.value
    values["status"] = MeasurementStatus.PROVISIONAL if fields.provisional else MeasurementStatus.CONFIRMED
    key = (fields.kpi_id, fields.subject_kind.value, values["subject_id"], fields.period_start, fields.period_end)
    return batches.Item(key, values)


def _settle(former: Measurement | None, values: dict[str, Any]) -> dict[str, Any]:
    """Return the values with the status that follows from what was there.

    A final value where there was a provisional one is confirmed; where there was a final one, restated. The same value
    as the one in force leaves the status as it is; a voided one is in force again only by being restated.
    """
    values = values | {"archived_at": None}
    if former is None or values["status"] == MeasurementStatus.PROVISIONAL:
        return values
    if former.status in {MeasurementStatus.CONFIRMED, MeasurementStatus.RESTATED}:
        same = all(getattr(former, name) == values[name] for name in _VALUES)
        return values | {"status": former.status if same else MeasurementStatus.RESTATED}
    return values | ({"status": MeasurementStatus.RESTATED} if former.status == MeasurementStatus.VOIDED else {})


def _value_faults(values: Mapping[str, Any], *, ratio: bool | None) -> list[Fault]:
    """Return what the KPI's aggregation finds missing; `ratio` is None for an unknown KPI, a fault of its own."""
    if ratio is True and values["value"] is not None:
        detail = "is not taken for a ratio KPI: give numerator and denominator, so that ratios can be added up"
        return [Fault("ratio_needs_parts", detail, pointer="/value")]
    if ratio is False and values["value"] is None:
        detail = "is needed: only a KPI with aggregation ratio takes numerator and denominator instead"
        return [Fault("value_needed", detail, pointer="/value")]
    return []


async def _ratios(session: AsyncSession, kpi_ids: Iterable[UUID]) -> dict[UUID, bool]:
    statement = select(col(Kpi.id), col(Kpi.aggregation)).where(col(Kpi.id).in_(list(kpi_ids)))
    return {kpi_id: found == Aggregation.RATIO for kpi_id, found in await session.execute(statement)}


async def _subjects(session: AsyncSession, items: Iterable[batches.Item[Key]]) -> dict[SubjectKind, set[UUID]]:
    """Return which of the org units and people that `items` are about there are."""
    found: dict[SubjectKind, set[UUID]] = {}
    for kind, row in _SUBJECTS.items():
        wanted = sorted({item.values["subject_id"] for item in items if item.values["subject_kind"] == kind})
        found[kind] = set()
        for start in range(0, len(wanted), CHUNK):
            statement = select(col(row.id)).where(col(row.id).in_(wanted[start : start + CHUNK]))
            found[kind] |= set(await session.scalars(statement))
    return found


async def _by_keys(session: AsyncSession, keys: Sequence[Key]) -> dict[Key, Measurement]:
    found = {}
    columns = tuple_(*(col(getattr(Measurement, name)) for name in _KEY))
    for start in range(0, len(keys), CHUNK):
        for row in await session.scalars(select(Measurement).where(columns.in_(keys[start : start + CHUNK]))):
            session.expunge(row)
            found[_key_of(row)] = row
    return found


def _key_of(row: Measurement) -> Key:
    return row.kpi_id, row.subject_kind, row.subject_id, row.period_start, row.period_end
