"""Which statements refer to which, directly or through others: what "filter conditions for StatementRefs" need.

https://github.com/adlnet/xAPI-Spec/blob/master/xAPI-Communication.md#filter-conditions-for-statementrefs
"""

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.models.base import new_id
from app.models.unit import unit_of
from app.models.xapi import XapiStatement, XapiTarget
from app.services import lookups
from app.services.bulk import add_facts

CHAIN_MOST = 64
"""A statement is found through at most this many statements behind it; who chains more gains nothing."""


async def link(session: AsyncSession, source_id: UUID, new: Mapping[UUID, tuple[UUID, UUID | None]]) -> set[UUID]:
    """Note to what the `new` statements of a source, just inserted, refer; and who referred to them before they came.

    `new` holds row id and target by statement id. Returns those of them that earlier statements void.
    """
    pointers = await _pointers(session, source_id, new)
    references = {statement_id: target for statement_id, (_, target) in new.items() if target is not None}
    behind = await _behind(session, source_id, set(references.values()) - references.keys())
    reached = {statement_id: _reach(statement_id, references, behind) for statement_id in references}
    rows = [(new[statement_id][0], target) for statement_id, found in reached.items() for target in found]
    rows += await _lengthened(session, [(row_id, reached[at]) for row_id, at, _ in pointers if at in reached])
    if rows:
        unit = unit_of(session)
        common = {"tenant_id": unit.tenant.id, "source_id": source_id}
        values = [common | {"id": new_id(), "row_id": row_id, "target": target} for row_id, target in rows]
        await add_facts(session, XapiTarget, values)
    return {at for _, at, voids in pointers if voids}


def _reach(start: UUID, references: Mapping[UUID, UUID], behind: Mapping[UUID, set[UUID]]) -> set[UUID]:
    """Return what a new statement refers to: along the new ones first, then what is known behind the last."""
    found: set[UUID] = set()
    at = references.get(start)
    while at is not None and at not in found and len(found) < CHAIN_MOST:
        found.add(at)
        found.update(sorted(behind.get(at, ()))[: CHAIN_MOST - len(found)])
        at = references.get(at)
    return found


async def _pointers(session: AsyncSession, source_id: UUID, ids: Iterable[UUID]) -> list[tuple[UUID, UUID, bool]]:
    """Return (row id, target, whether it voids the target) of earlier statements that refer to one of `ids`."""
    wanted = {(source_id, each) for each in ids}
    asked = await lookups.ask(session, XapiTarget, ("row_id", "target"), ("source_id", "target"), wanted)
    found = await asked.rows()
    named = {(row_id,) for row_id, _ in found}
    told = await lookups.ask(session, XapiStatement, ("id", "voids", "refers_to"), ("id",), named)
    voided = {row_id: refers_to for row_id, voids, refers_to in await told.rows() if voids}
    return [(row_id, target, voided.get(row_id) == target) for row_id, target in found]


async def _behind(session: AsyncSession, source_id: UUID, ids: Iterable[UUID]) -> dict[UUID, set[UUID]]:
    """Return to what earlier statements refer, by their own ids."""
    wanted = {(source_id, each) for each in ids}
    columns = ("id", "statement_id")
    asked = await lookups.ask(session, XapiStatement, columns, ("source_id", "statement_id"), wanted)
    ids_of: dict[UUID, UUID] = dict(await asked.rows())
    found: dict[UUID, set[UUID]] = {}
    for row_id, target in await _targets(session, ids_of):
        found.setdefault(ids_of[row_id], set()).add(target)
    return found


async def _lengthened(session: AsyncSession, told: list[tuple[UUID, set[UUID]]]) -> list[tuple[UUID, UUID]]:
    """Return the (row id, target) to add to earlier statements, given what is behind their targets now."""
    has: dict[UUID, set[UUID]] = {row_id: set() for row_id, _ in told}
    for row_id, target in await _targets(session, has):
        has[row_id].add(target)
    added = []
    for row_id, further in told:
        for target in sorted(further - has[row_id])[: max(0, CHAIN_MOST - len(has[row_id]))]:
            has[row_id].add(target)
            added.append((row_id, target))
    return added


async def _targets(session: AsyncSession, row_ids: Iterable[UUID]) -> Sequence[tuple[UUID, UUID]]:
    """Return each (row id, target) of these statements."""
    asked = await lookups.ask(session, XapiTarget, ("row_id", "target"), ("row_id",), {(each,) for each in row_ids})
    return [(row_id, target) for row_id, target in await asked.rows()]
