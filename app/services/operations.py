"""Operations: started with a job that carries them out, advanced portion by portion, cancelled, finished, forgotten.

Every portion is one unit of work: its effect, the progress and the place to go on from commit together, so that after
a crash the work goes on where it was, and nothing is done twice.
"""

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from app.domain.errors import Conflict
from app.models.operations import (
    FINAL,
    Operation,
    OperationInput,
    OperationItem,
    OperationItemRead,
    OperationRead,
    OperationStatus,
    Progress,
)
from app.models.unit import unit_of
from app.services import changes, jobs
from app.services.bulk import born
from app.services.nouns import NounType, get

KEPT = timedelta(days=30)
"""For how long a finished operation can be read."""

CHUNK_BYTES = 256 * 1024
"""How much of an input stands in one row, before it is compressed."""

OPERATIONS = NounType(
    row=Operation,
    write=OperationRead,
    read=OperationRead,
    plural="operations",
    filters=("kind", "status"),
    sorts=("created_at", "recorded_at"),
)

ITEMS = NounType(
    row=OperationItem,
    write=OperationItemRead,
    read=OperationItemRead,
    plural="operation_items",
    filters=("result",),
    sorts=("line",),
)


class Stopped(Exception):
    """The operation is over, or was asked to stop: nothing more is to be done for it."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be done: the kind of job, what is shown of it, and how its progress is counted."""

    kind: str
    arguments: Mapping[str, Any]
    unit: str
    total: int | None = None


async def start(session: AsyncSession, order: Order, sent: Iterable[bytes] = ()) -> Operation:
    """Add an operation with its input and the job that carries it out; all of it exists if the caller commits."""
    row = Operation(
        **born(session),
        kind=order.kind,
        arguments=dict(order.arguments),
        progress=Progress(done=0, total=order.total, unit=order.unit).model_dump(),
    )
    session.add(row)
    await session.flush()
    for ordinal, stretch in enumerate(sent):
        session.add(
            OperationInput(tenant_id=row.tenant_id, operation_id=row.id, ordinal=ordinal, body=zlib.compress(stretch))
        )
        await session.flush()
    await changes.note(session, [row], "created")
    await jobs.enqueue(session, order.kind, {"operation_id": str(row.id)})
    return row


def stretches(body: bytes) -> Iterable[bytes]:
    """Cut an input into what stands in one row each."""
    return (body[start : start + CHUNK_BYTES] for start in range(0, len(body), CHUNK_BYTES))


async def input_from(session: AsyncSession, operation_id: UUID, offset: int, length: int) -> bytes:
    """Return up to `length` bytes of what was sent, from `offset` on, rounded up to whole stretches; empty at the end.

    All stretches but the last have `CHUNK_BYTES`.
    """
    first, skipped = divmod(offset, CHUNK_BYTES)
    most = -(-(skipped + length) // CHUNK_BYTES)
    statement = (
        select(col(OperationInput.body))
        .where(
            col(OperationInput.operation_id) == operation_id,
            col(OperationInput.ordinal) >= first,
            col(OperationInput.ordinal) < first + most,
        )
        .order_by(col(OperationInput.ordinal))
    )
    return b"".join([zlib.decompress(body) for body in await session.scalars(statement)])[skipped:]


async def begin(session: AsyncSession, operation_id: UUID) -> Operation:
    """Mark an operation as running, or go on with one that was. Raises Stopped when there is nothing left to do."""
    row = await _held(session, operation_id)
    if row.status != OperationStatus.RUNNING:
        row.status, row.error, row.finished_at = OperationStatus.RUNNING, None, None
        row.started_at = row.started_at or unit_of(session).tick()
        await _change(session, row, "running")
    return row


async def advance(
    session: AsyncSession,
    operation_id: UUID,
    *,
    done: int,
    total: int | None = None,
    state: Mapping[str, Any] | None = None,
    result: Mapping[str, Any] | None = None,
) -> Operation:
    """Note how far an operation is, in the unit of the effect. Raises Stopped when it was asked to stop.

    `state` is where it goes on; `result` what came of it so far, which stays if it fails or is cancelled.
    """
    row = await _held(session, operation_id)
    row.progress = {**row.progress, "done": done} | ({} if total is None else {"total": total})
    row.state = row.state if state is None else dict(state)
    row.result = row.result if result is None else dict(result)
    await _change(session, row)
    return row


async def succeed(session: AsyncSession, operation_id: UUID, result: Mapping[str, Any]) -> Operation:
    """Finish an operation with what came of it."""
    row = await _held(session, operation_id)
    row.result = dict(result)
    whole = row.progress["total"]
    row.progress = {**row.progress, "done": row.progress["done"] if whole is None else whole}
    return await _end(session, row, OperationStatus.SUCCEEDED)


async def fail(session: AsyncSession, operation_id: UUID, code: str, detail: str) -> None:
    """Finish an operation with why it failed; what it did so far stays done. One that is over stays as it is."""
    row = await _found(session, operation_id)
    if row is not None and row.status not in FINAL:
        row.error = {"code": code, "detail": detail}
        await _end(session, row, OperationStatus.FAILED, keep_input=code == _OURS)


async def stop(session: AsyncSession, operation_id: UUID) -> None:
    """Finish an operation that was asked to stop; what it did so far stays done."""
    row = await _found(session, operation_id)
    if row is not None and row.status not in FINAL:
        await _end(session, row, OperationStatus.CANCELLED)


async def bury(session: AsyncSession, arguments: Mapping[str, object]) -> None:
    """Let an operation fail whose job died. Its input stays: after the cause is mended, the job can be replayed."""
    detail = "It failed on our side in every attempt; report its id, and start it again later."
    await fail(session, id_in(arguments), _OURS, detail)


async def cancel(session: AsyncSession, operation_id: UUID) -> Operation:
    """Ask an operation to stop: at once while it waits, else after the portion in hand. Asking again changes nothing.

    Raises NotFound, and Conflict (`wrong_state`) for one that has succeeded or failed.
    """
    row = await get(session, OPERATIONS, operation_id)
    if row.status in {OperationStatus.SUCCEEDED, OperationStatus.FAILED}:
        raise Conflict(f"It is over: it has {row.status}.", code="wrong_state")
    if row.cancel_asked_at is None:
        row.cancel_asked_at = unit_of(session).tick()
        if row.status == OperationStatus.WAITING:
            return await _end(session, row, OperationStatus.CANCELLED)
        await _change(session, row, "cancel_asked")
    return row


async def note_items(session: AsyncSession, operation_id: UUID, items: Iterable[OperationItem], most: int) -> int:
    """Keep rows that need somebody's eye, `most` of one operation at the most; return how many are kept in all."""
    held = col(OperationItem.operation_id) == operation_id
    count = await session.scalar(select(func.count()).select_from(OperationItem).where(held)) or 0
    for item in items:
        if count >= most:
            break
        session.add(item)
        count += 1
    await session.flush()
    return count


async def purge(session: AsyncSession, _arguments: Mapping[str, object]) -> None:
    """Forget operations that were over long enough ago: a job of every tenant."""
    since = unit_of(session).tick() - KEPT
    old = select(col(Operation.id)).where(col(Operation.status).in_(FINAL), col(Operation.finished_at) < since)
    found = list(await session.scalars(old.limit(_PURGED_AT_ONCE)))
    for table, column in (
        (OperationItem, OperationItem.operation_id),
        (OperationInput, OperationInput.operation_id),
        (Operation, Operation.id),
    ):
        await session.execute(delete(table).where(col(column).in_(found)), execution_options=_UNSYNCHRONISED)


def id_in(arguments: Mapping[str, object]) -> UUID:
    """Return the operation that a job's arguments name."""
    return UUID(str(arguments["operation_id"]))


_PURGED_AT_ONCE = 500
_UNSYNCHRONISED = {"synchronize_session": False}
_OURS = "internal_error"
"""The code of what failed on our side: its job can be replayed, and the operation goes on."""


async def _found(session: AsyncSession, operation_id: UUID) -> Operation | None:
    return await session.get(Operation, (unit_of(session).tenant.id, operation_id))


async def _held(session: AsyncSession, operation_id: UUID) -> Operation:
    row = await _found(session, operation_id)
    if row is None or row.cancel_asked_at is not None:
        raise Stopped
    if row.status in FINAL and (row.error is None or row.error["code"] != _OURS):
        raise Stopped
    return row


async def _end(
    session: AsyncSession, row: Operation, status: OperationStatus, *, keep_input: bool = False
) -> Operation:
    row.status, row.finished_at = status, unit_of(session).tick()
    await _change(session, row, status.value)
    if not keep_input:
        theirs = delete(OperationInput).where(col(OperationInput.operation_id) == row.id)
        await session.execute(theirs, execution_options=_UNSYNCHRONISED)
    return row


async def _change(session: AsyncSession, row: Operation, verb: str | None = None) -> None:
    """Write a changed operation; only its milestones show in the change feed."""
    row.version += 1
    row.recorded_at = unit_of(session).tick()
    session.add(row)
    await session.flush()
    if verb is not None:
        await changes.note(session, [row], verb)
