"""Which statements refer to which, directly or through others: what "filter conditions for StatementRefs" need.

https://github.com/adlnet/xAPI-Spec/blob/master/xAPI-Communication.md#filter-conditions-for-statementrefs
"""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from app.models.base import new_id
from app.models.unit import unit_of
from app.models.xapi import XapiStatement, XapiTarget

CHAIN_MOST = 64
"""A statement is found through at most this many statements behind it; who chains more gains nothing."""

_CHUNK = 500


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
        await session.execute(insert(XapiTarget), values)
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
    found: list[tuple[UUID, UUID, bool]] = []
    for part in _parts(ids):
        statement = (
            select(
                col(XapiTarget.row_id),
                col(XapiTarget.target),
                col(XapiStatement.voids),
                col(XapiStatement.refers_to),
            )
            .join(XapiStatement, col(XapiStatement.id) == col(XapiTarget.row_id))
            .where(col(XapiTarget.source_id) == source_id, col(XapiTarget.target).in_(part))
        )
        for row_id, target, voids, refers_to in await session.execute(statement):
            found.append((row_id, target, voids and refers_to == target))
    return found


async def _behind(session: AsyncSession, source_id: UUID, ids: Iterable[UUID]) -> dict[UUID, set[UUID]]:
    """Return to what earlier statements refer, by their own ids."""
    found: dict[UUID, set[UUID]] = {}
    for part in _parts(ids):
        statement = (
            select(col(XapiStatement.statement_id), col(XapiTarget.target))
            .join(XapiTarget, col(XapiTarget.row_id) == col(XapiStatement.id))
            .where(col(XapiStatement.source_id) == source_id, col(XapiStatement.statement_id).in_(part))
        )
        for statement_id, target in await session.execute(statement):
            found.setdefault(statement_id, set()).add(target)
    return found


async def _lengthened(session: AsyncSession, told: list[tuple[UUID, set[UUID]]]) -> list[tuple[UUID, UUID]]:
    """Return the (row id, target) to add to earlier statements, given what is behind their targets now."""
    has: dict[UUID, set[UUID]] = {row_id: set() for row_id, _ in told}
    for part in _parts(has):
        statement = select(col(XapiTarget.row_id), col(XapiTarget.target)).where(col(XapiTarget.row_id).in_(part))
        for row_id, target in await session.execute(statement):
            has[row_id].add(target)
    added = []
    for row_id, further in told:
        for target in sorted(further - has[row_id])[: max(0, CHAIN_MOST - len(has[row_id]))]:
            has[row_id].add(target)
            added.append((row_id, target))
    return added


def _parts(ids: Iterable[UUID]) -> Iterable[Any]:
    listed = sorted(ids)
    return (listed[start : start + _CHUNK] for start in range(0, len(listed), _CHUNK))
