"""`throughline import ...`: tables of people and measurements, streamed from CSV files."""

import asyncio
import contextlib
import csv
import io
from collections import Counter
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, BinaryIO, Self, TextIO

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from sqlalchemy.exc import DBAPIError

from app import logs
from app.cli.answers import Mistake, print_json
from app.cli.databases import opened, read_settings
from app.cli.tenants import JsonOption, scope_of
from app.config import Settings
from app.db import Database
from app.domain.errors import ThroughlineError, Unavailable
from app.models.unit import TenantScope
from app.services import imports
from app.services.batches import Result
from app.services.imports import LINES_AT_ONCE, MEASUREMENTS, PEOPLE, CellFault, Line, Outcome, Plan, Sheet, flaw_in

commands = typer.Typer(help="Import tables from CSV files in UTF-8 with a header.", no_args_is_help=True)

FAULTY = 1
"""Exit code of an import with lines at fault; the others are written."""

_DELIMITERS = ",;\t"

FileArgument = Annotated[Path, typer.Argument(help="The CSV file.")]
TenantOption = Annotated[str, typer.Option(help="Slug of the tenant.")]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Check every line and write nothing.")]


@commands.command("people")
def import_people(
    file: FileArgument, tenant: TenantOption, *, dry_run: DryRunOption = False, as_json: JsonOption = False
) -> None:
    """Create or change people by external_id.

    Columns: external_id, name, org_unit (its external id), role, joined_on, left_on, email, and `account:SLUG` for what
    the source of that slug calls the person. An empty cell clears its field; a column left out leaves it.
    """
    _run(PEOPLE, file, tenant, dry_run=dry_run, as_json=as_json)


@commands.command("measurements")
def import_measurements(
    file: FileArgument, tenant: TenantOption, *, dry_run: DryRunOption = False, as_json: JsonOption = False
) -> None:
    """Write KPI values; the same KPI, subject and period again restates the value.

    Columns: kpi (external or public id), subject_kind (tenant, org_unit or person), subject (external id; empty: the
    tenant), period_start, period_end (the day after the last), value or numerator and denominator, provisional.
    """
    _run(MEASUREMENTS, file, tenant, dry_run=dry_run, as_json=as_json)


@dataclass(slots=True)
class Tally:
    """What an import did."""

    lines: int = 0
    faulty: int = 0
    results: Counter[Result] = field(default_factory=Counter)


class Table:
    """A CSV file, read line by line; `position` is how many of its `size` bytes were read."""

    def __init__(self, path: Path, stream: BinaryIO, text: TextIO) -> None:
        self.path = path
        self.size = path.stat().st_size
        self._stream = stream
        first = text.readline()
        text.seek(0)
        self._reader = csv.reader(text, delimiter=max(_DELIMITERS, key=first.count), strict=True)
        if flaw_in(first):
            raise Mistake(f"{path} is not in UTF-8: save it as CSV UTF-8.")
        self.header = [name.strip().lower() for name in self._next(1) or []]

    @classmethod
    @contextlib.contextmanager
    def of(cls, path: Path) -> Iterator[Self]:
        """Open the file for as long as the block runs. Raises Mistake when it cannot be read."""
        try:
            stream = path.open("rb")
        except OSError as error:
            raise Mistake(f"Cannot read {path} ({error.strerror}): name a CSV file.") from error
        with stream, io.TextIOWrapper(stream, "utf-8-sig", "surrogateescape", newline="") as text:
            yield cls(path, stream, text)

    @property
    def position(self) -> int:
        """How many bytes were read."""
        return self._stream.tell()

    def lines(self) -> Iterator[Line | Outcome]:
        """Return each line that is not empty; one that does not fit the header as what became of it.

        Raises Mistake where the file is no CSV.
        """
        while True:
            number = self._reader.line_num + 1
            row = self._next(number)
            if row is None:
                return
            cells = [cell.strip() for cell in row]
            if not any(cells):
                continue
            line = Line(number, dict(zip(self.header, cells, strict=False)))
            if len(cells) == len(self.header):
                yield line
            else:
                reason = f"has {len(cells)} cells where the header has {len(self.header)}"
                yield Outcome(line, faults=[CellFault(None, reason)])

    def _next(self, number: int) -> list[str] | None:
        try:
            return next(self._reader, None)
        except csv.Error as error:
            raise Mistake(f"{self.path}:{number}: this is no CSV ({error}): check the quotes.") from error


def portions(rows: Iterator[Line | Outcome], plan: Plan) -> Iterator[list[Line | Outcome]]:
    """Cut a table into what shares a transaction: so many lines at most, none with the key of another."""
    portion: list[Line | Outcome] = []
    keys: set[Hashable] = set()
    for row in rows:
        key = plan.key_of(row) if isinstance(row, Line) else None
        if len(portion) == LINES_AT_ONCE or (key is not None and key in keys):
            yield portion
            portion, keys = [], set()
        portion.append(row)
        keys.add(key)
    if portion:
        yield portion


@dataclass(frozen=True, slots=True)
class Import:
    """One import under way: where it writes to, how the table is read, and whether it only tries."""

    database: Database
    scope: TenantScope
    plan: Plan
    dry_run: bool

    async def write(self, portion: list[Line | Outcome]) -> list[Outcome]:
        """Write a portion in one transaction and return what became of each line, in order.

        When the database refuses it, its halves are tried, down to the line that is at fault.
        """
        lines = [row for row in portion if isinstance(row, Line)]
        written = iter(await self._write(lines))
        return [next(written) if isinstance(row, Line) else row for row in portion]

    async def _write(self, lines: list[Line]) -> list[Outcome]:
        try:
            return await self._transact(lines)
        except Unavailable as error:
            again = "run the same command again, nothing is written twice"
            raise Mistake(f"The database went away before line {lines[0].number} was written: {again}.") from error
        except (ThroughlineError, DBAPIError) as error:
            if len(lines) > 1:
                middle = len(lines) // 2
                return await self._write(lines[:middle]) + await self._write(lines[middle:])
            reason = error.detail if isinstance(error, ThroughlineError) else "the database refuses it"
            return [Outcome(lines[0], faults=[CellFault(None, reason)])]

    async def _transact(self, lines: list[Line]) -> list[Outcome]:
        outcomes: list[Outcome] = []
        if lines:
            with contextlib.suppress(_OnlyTried):
                async with self.database.transaction(self.scope) as session:
                    outcomes = await imports.put(session, self.plan, lines)
                    if self.dry_run:
                        raise _OnlyTried
        return outcomes


class _OnlyTried(Exception):
    """Rolls a dry run back."""


def _run(sheet: Sheet, file: Path, tenant: str, *, dry_run: bool, as_json: bool) -> None:
    settings = read_settings()
    logs.configure("warning", "console")
    with Table.of(file) as table:
        tally = asyncio.run(_import(settings, sheet, table, tenant, dry_run=dry_run))
    counts = {result.value: tally.results[result] for result in Result}
    if as_json:
        print_json({"lines": tally.lines, **counts, "faulty": tally.faulty, "dry_run": dry_run})
    else:
        told = ", ".join(f"{count} {name}" for name, count in counts.items())
        at_fault = f" {tally.faulty} have faults, named above." if tally.faulty else ""
        typer.echo(f"{tally.lines} lines{' tried, nothing written' if dry_run else ''}: {told}.{at_fault}")
    if tally.faulty:
        raise typer.Exit(FAULTY)


async def _import(settings: Settings, sheet: Sheet, table: Table, tenant: str, *, dry_run: bool) -> Tally:
    tally = Tally()
    console = Console(stderr=True, soft_wrap=True, highlight=False, markup=False)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    async with opened(settings) as database:
        scope = await scope_of(database, tenant)
        async with database.reading(scope) as session:
            plan = await imports.plan(session, sheet, table.header)
        work = Import(database, scope, plan, dry_run)
        with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
            task = progress.add_task(f"Importing {sheet.name}", total=table.size)
            for portion in portions(table.lines(), plan):
                for outcome in await work.write(portion):
                    _count(tally, outcome)
                    for fault in outcome.faults:
                        console.print(_told(table.path, outcome, fault))
                progress.update(task, completed=table.position)
    return tally


def _count(tally: Tally, outcome: Outcome) -> None:
    tally.lines += 1
    tally.faulty += bool(outcome.faults)
    tally.results[outcome.result] += 1


def _told(path: Path, outcome: Outcome, fault: CellFault) -> str:
    place = f"{path}:{outcome.line.number}"
    return f"{place}: {fault.column}: {fault.reason}" if fault.column else f"{place}: {fault.reason}"
