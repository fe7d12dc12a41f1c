"""Imports: a table read in stretches, each checked, written and counted in one unit. The worker's and the CLI's."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, BinaryIO

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from app.api import imports as door
from app.api import readings, setups, tables
from app.api.setups import Connected
from app.api.tables import Layout, Stretch, Table
from app.domain.errors import Invalid, ThroughlineError, Unavailable
from app.lms import TransportFault, Unreadable
from app.lms._rows import event_of
from app.models.operations import Operation, OperationItem
from app.models.sources import DeliveryStatus
from app.models.unit import TenantScope
from app.services import imports, ingest, operations, sources
from app.services.batches import Result
from app.services.imports import CellFault, Line, Outcome, Plan, Sheet
from app.services.jobs import JobKind, Turn
from app.services.sheets import SHEETS
from app.vault import Vault
from app.work import carrying

ITEMS_MOST = 10_000
"""Most lines at fault that are listed; the others are counted."""

Row = Line | Outcome


@dataclass(slots=True)
class Tally:
    """What an import did so far."""

    lines: int = 0
    faulty: int = 0
    results: Counter[str] = field(default_factory=Counter)

    def add(self, outcomes: Sequence[Outcome]) -> None:
        """Count lines."""
        self.lines += len(outcomes)
        self.faulty += sum(bool(outcome.faults) for outcome in outcomes)
        self.results.update(outcome.result.value for outcome in outcomes)

    def as_json(self) -> dict[str, int]:
        """Return the counts as they are shown."""
        return {"lines": self.lines, **{each.value: self.results[each.value] for each in Result}, "faulty": self.faulty}

    @classmethod
    def of(cls, shown: Mapping[str, Any]) -> "Tally":
        """Return counts that were shown."""
        return cls(shown["lines"], shown["faulty"], Counter({each.value: shown[each.value] for each in Result}))


@dataclass(frozen=True, slots=True)
class Portion:
    """Lines that are written together: the number of the first, what they tell, and where they end in the file."""

    number: int
    rows: list[Row]
    end: int


@dataclass(frozen=True, slots=True)
class Import:
    """One import: how its table is read, and whether it only tries. `connected` is the source that tells events.

    `payloads`: each line is a body as the source sends it.
    """

    plan: Plan
    dry_run: bool
    connected: Connected | None = None
    payloads: bool = False

    async def stretches(self, table: Table, stream: BinaryIO, size: int) -> AsyncIterator[Portion]:
        """Yield the portions of a file of `size` bytes. Raises Invalid where it is no table."""
        offset, number = len(table.opening), table.number
        while offset < size:
            stream.seek(offset)
            data = stream.read(tables.STRETCH_BYTES)
            found = await self.read(table, data, number, whole=offset + len(data) >= size)
            offset += found.bytes_read
            yield Portion(number, found.rows, offset)
            number += found.lines_read

    async def read(self, table: Table, data: bytes, number: int, *, whole: bool) -> Stretch:
        """Return the next lines (see `tables.stretch`), those of events with what they tell; nothing needs a unit."""
        return await asyncio.to_thread(self._read, table, data, number, whole=whole)

    def _read(self, table: Table, data: bytes, number: int, *, whole: bool) -> Stretch:
        found = tables.stretch(table, data, number, whole=whole, key_of=self.plan.key_of)
        if self.connected is None or self.payloads:
            return found
        return replace(found, rows=_told(found.rows, self.connected.setup.zone))

    async def write(self, session: AsyncSession, rows: Sequence[Row]) -> list[Outcome]:
        """Write what was read and return what became of each line, in order; a dry run leaves nothing behind.

        When the database refuses them, their halves are tried, down to the line that is at fault.
        """
        lines = [row for row in rows if isinstance(row, Line)]
        written = iter(await self._write(session, lines))
        return [next(written) if isinstance(row, Line) else row for row in rows]

    async def _write(self, session: AsyncSession, lines: list[Line]) -> list[Outcome]:
        outcomes: list[Outcome] = []
        if not lines:
            return outcomes
        try:
            async with session.begin_nested() as attempt:
                outcomes = await self._put(session, lines)
                if self.dry_run:
                    await attempt.rollback()
        except Unavailable:
            raise
        except (ThroughlineError, DBAPIError) as error:
            if isinstance(error, DBAPIError) and error.connection_invalidated:
                raise
            if len(lines) > 1:
                middle = len(lines) // 2
                return await self._write(session, lines[:middle]) + await self._write(session, lines[middle:])
            told = isinstance(error, ThroughlineError)
            reason = error.detail if isinstance(error, ThroughlineError) else "the database refuses it"
            return [Outcome(lines[0], faults=[CellFault(None, reason, error.code if told else "refused")])]
        return outcomes

    async def _put(self, session: AsyncSession, lines: list[Line]) -> list[Outcome]:
        if self.connected is not None and self.payloads:
            return await _deliver(session, self.connected, lines)
        return await imports.put(session, self.plan, lines)


async def planned(
    session: AsyncSession, sheet: Sheet, table: Table, *, dry_run: bool, connected: Connected | None, payloads: bool
) -> Import:
    """Return how a table is to be imported. Raises Invalid for a header that cannot be meant."""
    source_id = None if connected is None else connected.source_id
    plan = Plan(sheet, source_id=source_id, opening=table.opening, media_type=table.layout.media_type)
    if table.layout is Layout.CSV:
        plan = await imports.plan(session, sheet, table.header, plan)
    return Import(plan, dry_run, connected, payloads)


async def source_of(session: AsyncSession, vault: Vault, tenant: TenantScope, slug: str) -> Connected:
    """Return the source that tells the events of a table. Raises Invalid."""
    row = await sources.by_slug(session, slug)
    if row is None:
        raise Invalid(f"There is no source {slug!r} in this tenant: connect it first.")
    return setups.connected(vault, tenant, row)


def kind(vault: Vault) -> JobKind:
    """Return the kind of job that carries imports out."""

    async def work(turn: Turn, row: Operation) -> Mapping[str, Any]:
        return await _carried(turn, row, vault)

    return JobKind(door.KIND, carry=carrying(work), buried=operations.bury)


async def _carried(turn: Turn, row: Operation, vault: Vault) -> Mapping[str, Any]:
    asked, whole = row.arguments, row.progress["total"]
    async with turn.reading() as session:
        head = await operations.input_from(session, row.id, 0, tables.STRETCH_BYTES)
        table = tables.opened(head, Layout(asked["layout"]))
        connected = await source_of(session, vault, turn.tenant, asked["source"]) if asked["source"] else None
        work = await planned(
            session,
            SHEETS[asked["kind"]],
            table,
            dry_run=asked["dry_run"],
            connected=connected,
            payloads=asked["rows"] == door.Rows.PAYLOADS,
        )
    offset, number = row.state.get("offset", len(table.opening)), row.state.get("number", table.number)
    tally = Tally.of(row.result) if row.result else Tally()
    while offset < whole:
        async with turn.reading() as session:
            data = await operations.input_from(session, row.id, offset, tables.STRETCH_BYTES)
        found = await work.read(table, data, number, whole=offset + len(data) >= whole)
        offset, number = offset + found.bytes_read, number + found.lines_read
        async with turn.writing() as session:
            outcomes = await work.write(session, found.rows)
            tally.add(outcomes)
            await operations.note_items(session, row.id, _items(row, outcomes), ITEMS_MOST)
            place = {"offset": offset, "number": number}
            await operations.advance(session, row.id, done=offset, state=place, result=tally.as_json())
    return tally.as_json()


def _items(row: Operation, outcomes: Sequence[Outcome]) -> list[OperationItem]:
    return [
        OperationItem(
            tenant_id=row.tenant_id,
            operation_id=row.id,
            line=outcome.line.number,
            result=outcome.result.value,
            errors=[
                {"code": fault.code, "detail": fault.reason, "pointer": f"/{fault.column}" if fault.column else ""}
                for fault in outcome.faults
            ],
        )
        for outcome in outcomes
        if outcome.faults
    ]


def _told(rows: Sequence[Row], zone: str) -> list[Row]:
    return [_line_told(row, zone) if isinstance(row, Line) else row for row in rows]


def _line_told(line: Line, zone: str) -> Line:
    if not line.cells.get("kind") or imports.flaw_in("".join(line.cells.values())):
        return line
    try:
        event = event_of(line.cells, zone)
    except Unreadable as error:
        return replace(line, unreadable=str(error))
    _ = event.dedup_key, event.content_hash  # they are kept with it: hashed here, where no transaction waits
    return replace(line, event=event)


async def _deliver(session: AsyncSession, connected: Connected, lines: Sequence[Line]) -> list[Outcome]:
    """Apply bodies as the source sends them; what cannot be read is refused instead of quarantined."""
    now = datetime.now(UTC)
    outcomes = [Outcome(line) for line in lines]
    sent = []
    for outcome in outcomes:
        body = outcome.line.raw.strip()
        delivery = readings.request_of(connected, {"content-type": "application/json"}, body, {}, now)
        try:
            reading = readings.read(connected, delivery)
        except TransportFault as error:
            reading = readings.Reading(DeliveryStatus.QUARANTINED, str(error))
        if reading.status == DeliveryStatus.QUARANTINED:
            outcome.faults.append(CellFault(None, reading.reason or "cannot be read", "unreadable"))
        else:
            sent.append((outcome, readings.inbound(connected, delivery, reading, authentic=False)))
    receipts = await ingest.record(session, [inbound for _, inbound in sent])
    for (outcome, _), receipt in zip(sent, receipts, strict=True):
        outcome.result = Result.CREATED if receipt.recorded else Result.UNCHANGED
        if receipt.conflicts:
            outcome.faults.append(CellFault(None, _CONFLICT, "conflict"))
    return outcomes


_CONFLICT = "an event of it is there with other content: the first stays"
