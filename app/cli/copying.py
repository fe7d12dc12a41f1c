"""A copy of every tenant of one database in another: row by row, read back, and all or nothing."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from sqlmodel import col

from app import schema
from app.cli.answers import Mistake
from app.cli.rows import Row, Rows, Sum
from app.cli.stores import alone, enter
from app.config import Settings
from app.logs import scrubbed
from app.models.hooks import WebhookEndpoint
from app.models.sources import Source
from app.models.tenancy import Tenant
from app.vault import Vault, VaultError

_ROWS_MOST = 1_000
_BYTES_MOST = 4 * 1024 * 1024
"""Rows are written so many at a time, or as soon as they hold so much."""


@dataclass(frozen=True)
class Copied:
    """What was copied: the tenants' slugs, and rows and checksum of each table."""

    tenants: list[str]
    tables: Mapping[str, Sum]

    @property
    def rows(self) -> int:
        """How many rows."""
        return sum(each.rows for each in self.tables.values())


def copy(source: Settings, target: Settings) -> Copied:
    """Copy all rows of `source` to `target`, which has none. Raises Mistake; nothing is copied then."""
    tables = [Rows(table) for table in schema.tables()]
    with ExitStack() as stack:
        origin = stack.enter_context(alone(source, "database to copy"))
        place = stack.enter_context(alone(target, "database to copy to"))
        filled = [rows.name for rows in tables if rows.any(place)]
        if filled:
            raise Mistake(f"The database to copy to has rows already, in {filled[0]}: name one that was only migrated.")
        copied = _Copying(origin, place, tables, Vault.from_settings(target)).run()
    if not target.embedded:
        schema.analyse(target)
    return copied


class _Copying:
    def __init__(self, origin: Connection, place: Connection, tables: list[Rows], vault: Vault) -> None:
        self._origin = origin
        self._place = place
        self._tables = tables
        self._vault = vault

    def run(self) -> Copied:
        tenants = list(self._origin.execute(sa.select(col(Tenant.id), col(Tenant.slug)).order_by(col(Tenant.id))))
        read, written = ({rows.name: Sum() for rows in self._tables} for _ in range(2))
        console = Console(stderr=True, soft_wrap=True, highlight=False, markup=False)
        columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
        with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
            for tenant, slug in tenants:
                self._enter(tenant)
                self._check_secrets(tenant, slug)
                counts = {rows.name: rows.count(self._origin, tenant) for rows in self._tables}
                bar = progress.add_task(f"Copying {slug}", total=2 * sum(counts.values()))
                for rows in self._tables:
                    for row in self._carry(rows, tenant):
                        read[rows.name].add(row)
                        progress.advance(bar)
                for rows in self._tables:
                    for row in rows.read(self._place, tenant):
                        written[rows.name].add(row)
                        progress.advance(bar)
        for name, found in read.items():
            if found.told() != written[name].told():
                raise RuntimeError(f"{name} came out otherwise than it was read: nothing was copied")
        return Copied([slug for _, slug in tenants], read)

    def _enter(self, tenant: UUID) -> None:
        for connection in (self._origin, self._place):
            enter(connection, tenant)

    def _carry(self, rows: Rows, tenant: UUID) -> Iterator[Row]:
        """Write the rows of a tenant as they are read, and yield them."""
        try:
            for batch in _batches(rows.read(self._origin, tenant)):
                rows.insert(self._place, batch)
                yield from batch
            if rows.inward:
                for batch in _batches(filter(rows.names_own, rows.read(self._origin, tenant))):
                    rows.join(self._place, batch)
        except DBAPIError as error:
            reason = scrubbed(str(error.orig).partition("\n")[0])
            raise Mistake(f"A row of {rows.name} cannot be written ({reason}): nothing was copied.") from error

    def _check_secrets(self, tenant: UUID, slug: str) -> None:
        """Raise Mistake unless the keys at hand open what the tenant's secrets were encrypted with."""
        for noun in (Source, WebhookEndpoint):
            for kept in self._origin.scalars(sa.select(col(noun.secrets)).where(col(noun.tenant_id) == tenant)):
                try:
                    for entry in kept[:1]:
                        self._vault.decrypt(entry["encrypted"])
                except VaultError as error:
                    raise Mistake(
                        f"A secret of {slug} was encrypted with another key: set THROUGHLINE_SECRET_KEYS as for the "
                        "service that wrote it; an embedded one keeps its key in throughline.secret."
                    ) from error


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """Cut rows into batches that are bounded in number and in bytes."""
    batch: list[Row] = []
    size = 0
    for row in rows:
        batch.append(row)
        size += sum(len(value) for value in row if isinstance(value, bytes | str))
        if len(batch) >= _ROWS_MOST or size >= _BYTES_MOST:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
