"""An import as the command line runs it: straight from the file into the database, with a progress bar."""

import contextlib
import os
from pathlib import Path
from typing import BinaryIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from app.api import tables
from app.api.tables import Layout, Table
from app.cli.answers import Mistake
from app.cli.databases import opened
from app.cli.tenants import scope_of
from app.config import Settings
from app.db import Database
from app.domain.errors import Invalid, Unavailable
from app.models.unit import TenantScope
from app.services.imports import Outcome, Sheet
from app.vault import Vault
from app.work.ahead import ahead
from app.work.imports import Import, Portion, Tally, planned, source_of


class Importing:
    """One import: for which tenant, of which kind and source, and whether it only tries."""

    def __init__(
        self, settings: Settings, tenant: str, sheet: Sheet, source: str | None, *, payloads: bool, dry_run: bool
    ) -> None:
        self._settings = settings
        self._tenant = tenant
        self._sheet = sheet
        self._source = source
        self._payloads = payloads
        self._dry_run = dry_run
        self._console = Console(stderr=True, soft_wrap=True, highlight=False, markup=False)

    async def run(self, path: Path, stream: BinaryIO, *, ndjson: bool) -> Tally:
        """Import a file and name its faults. Raises Mistake."""
        async with opened(self._settings) as database:
            scope = await scope_of(database, self._tenant)
            try:
                table = tables.opened(stream.read(tables.STRETCH_BYTES), Layout.NDJSON if ndjson else Layout.CSV)
                return await self._all(database, scope, table, path, stream)
            except Invalid as error:
                raise Mistake(f"{path}: {error.detail}") from error

    async def _all(self, database: Database, scope: TenantScope, table: Table, path: Path, stream: BinaryIO) -> Tally:
        work = await self._planned(database, scope, table)
        tally, size = Tally(), stream.seek(0, os.SEEK_END)
        columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
        with Progress(
            *columns, console=self._console, transient=True, disable=not self._console.is_terminal
        ) as progress:
            bar = progress.add_task(f"Importing {self._sheet.name}", total=size)
            async with contextlib.aclosing(ahead(work.stretches(table, stream, size))) as stretches:
                async for found in stretches:
                    outcomes = await self._written(database, scope, work, found)
                    tally.add(outcomes)
                    self._name_faults(path, outcomes)
                    progress.update(bar, completed=found.end)
        return tally

    async def _planned(self, database: Database, scope: TenantScope, table: Table) -> Import:
        async with database.reading(scope) as session:
            connected = None
            if self._source is not None:
                connected = await source_of(session, Vault.from_settings(self._settings), scope, self._source)
            return await planned(
                session, self._sheet, table, dry_run=self._dry_run, connected=connected, payloads=self._payloads
            )

    async def _written(self, database: Database, scope: TenantScope, work: Import, found: Portion) -> list[Outcome]:
        try:
            async with database.transaction(scope) as session:
                return await work.write(session, found.rows)
        except Unavailable as error:
            again = "run the same command again, nothing is written twice"
            raise Mistake(f"The database went away before line {found.number} was written: {again}.") from error

    def _name_faults(self, path: Path, outcomes: list[Outcome]) -> None:
        for outcome in outcomes:
            place = f"{path}:{outcome.line.number}"
            for fault in outcome.faults:
                column = f"{fault.column}: " if fault.column else ""
                self._console.print(f"{place}: {column}{fault.reason}")
