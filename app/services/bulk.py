"""Many rows of one noun at once: a few statements, whatever their number, with versions and change entries."""

import functools
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import Table
from sqlalchemy.ext.asyncio import AsyncSession

from app import wire
from app.models.base import Noun, Row, new_id
from app.models.history import VERSIONS
from app.models.tenancy import Change
from app.models.unit import unit_of
from app.services import changes, versions

N = TypeVar("N", bound=Noun)
Values = Mapping[str, Any]
"""The columns of one row, by name; all rows of a call have the same ones."""

_Step = tuple[str, Sequence[Sequence[Any]]]
"""A statement, and the parameters of each time that it is executed."""

_KEY = ("tenant_id", "id")
_PART = 250
"""Rows of one statement on PostgreSQL."""


def born(session: AsyncSession) -> dict[str, Any]:
    """Return the columns that every new row of the unit has in common."""
    unit = unit_of(session)
    now = unit.tick()
    return {"tenant_id": unit.tenant.id, "created_at": now, "recorded_at": now}


async def add_many(session: AsyncSession, rows: Sequence[N], *, noted: bool = True) -> None:
    """Insert new rows of one noun (built with `born`). They are not attached to the session.

    `noted` false: the change feed shows them as a change of what they belong to, which the caller notes.
    """
    if rows:
        await add_rows(session, type(rows[0]), [row.model_dump(warnings=False) for row in rows], noted=noted)


async def change_many(session: AsyncSession, rows: Sequence[N], verb: str = "updated", *, noted: bool = True) -> None:
    """Write changed rows of one noun as their next version. They are not attached to the session."""
    if not rows:
        return
    now = unit_of(session).tick()
    for row in rows:
        row.version += 1
        row.recorded_at = now
    await _write_changed(session, type(rows[0]), [row.model_dump(warnings=False) for row in rows], verb, noted=noted)


async def add_facts(session: AsyncSession, row_type: type[Row], rows: Sequence[Values]) -> None:
    """Insert rows of a table without history and without entries in the change feed."""
    if not rows:
        return
    table: Table = row_type.__table__  # type: ignore[attr-defined]  # set by SQLModel on table classes
    names = tuple(rows[0])
    if not await wire.direct(session):
        await wire.work(session, _many(_insertion_of_one(table.name, names), wire.bound(table, names, rows)))
        return
    for part in _parts(rows):
        await wire.execute(session, _insertion(table, names), {"rows": wire.encoded(part)})


async def add_rows(session: AsyncSession, row_type: type[Noun], rows: Sequence[Values], *, noted: bool = True) -> None:
    """Insert new rows of one noun, complete but for `version` 1 and `archived_at` None, which go without saying."""
    if not rows:
        return
    full = [{"version": 1, "archived_at": None, **row} for row in rows]
    table: Table = row_type.__table__  # type: ignore[attr-defined]  # the same
    names = tuple(full[0])
    if not await wire.direct(session):
        first = (_insertion_of_one(table.name, names), wire.bound(table, names, full))
        await _work(session, table, full, [first], "created", noted=noted)
    else:
        await _execute(session, _addition(table, names, noted), full, "created")


async def change_rows(
    session: AsyncSession, row_type: type[Noun], rows: Sequence[Values], verb: str = "updated", *, noted: bool = True
) -> None:
    """Write changed rows of one noun, complete and with the version that they replace, as their next version."""
    now = unit_of(session).tick()
    changed = [{**row, "version": row["version"] + 1, "recorded_at": now} for row in rows]
    await _write_changed(session, row_type, changed, verb, noted=noted)


async def _write_changed(
    session: AsyncSession, row_type: type[Noun], rows: Sequence[Values], verb: str, *, noted: bool
) -> None:
    if not rows:
        return
    table: Table = row_type.__table__  # type: ignore[attr-defined]  # the same
    if not await wire.direct(session):
        await _work(session, table, rows, _changes_of_one(session, table, rows), verb, noted=noted)
    else:
        await _execute(session, _change(table, tuple(rows[0]), noted), rows, verb)


async def _work(
    session: AsyncSession,
    table: Table,
    rows: Sequence[Values],
    steps: list[_Step],
    verb: str,
    *,
    noted: bool,
) -> None:
    """Do `steps` on SQLite, then write the versions and the change entries of the rows."""
    kept = VERSIONS.get(table.name)
    if kept is not None:
        of_version = [versions.version_of(row, f"{table.name}_id") for row in rows]
        names = tuple(column for column in _columns(kept) if column in of_version[0])
        steps.append((_insertion_of_one(kept.name, names), wire.bound(kept, names, of_version)))
    if noted:
        entries = changes.entries_of(session, table.name, rows, verb)
        feed: Table = Change.__table__  # type: ignore[attr-defined]  # the same
        names = tuple(entries[0])
        steps.append((_insertion_of_one(feed.name, names), wire.bound(feed, names, entries)))
    for statement, parameters in steps:
        await wire.work(session, _many(statement, parameters))


def _changes_of_one(session: AsyncSession, table: Table, rows: Sequence[Values]) -> list[_Step]:
    """Return what changes rows on SQLite and ends the versions that they replace."""
    unit, names = unit_of(session), tuple(name for name in rows[0] if name not in _KEY)
    keys, changed = wire.bound(table, _KEY, rows), wire.bound(table, names, rows)
    settings = ", ".join(f"{name} = ?" for name in names)
    parameters = [[*values, *key] for values, key in zip(changed, keys, strict=True)]
    steps: list[_Step] = [(f"UPDATE {table.name} SET {settings} WHERE tenant_id = ? AND id = ?", parameters)]  # noqa: S608  the same
    kept = VERSIONS.get(table.name)
    if kept is not None:
        ((now,),) = wire.bound(kept, ("superseded_at",), [{"superseded_at": unit.tick()}])
        ended = f"WHERE tenant_id = ? AND {table.name}_id = ? AND superseded_at IS NULL"
        steps.append((f"UPDATE {kept.name} SET superseded_at = ? {ended}", [[now, *key] for key in keys]))  # noqa: S608  the same
    return steps


def _many(statement: str, parameters: Sequence[Sequence[Any]]) -> wire.Work:
    def act(connection: sqlite3.Connection) -> wire.Rows:
        connection.executemany(statement, parameters)
        return ()

    return act


async def _execute(session: AsyncSession, statement: str, rows: Sequence[Values], verb: str) -> None:
    """Execute a statement that writes rows with their versions and entries, whose ids and places come with them."""
    unit = unit_of(session)
    common = {"position": unit.position, "now": unit.tick(), "verb": verb, "tenant": unit.tenant.id}
    for part in _parts(rows):
        numbered = [
            {**row, "version_id": new_id(), "change_id": new_id(), "feed_ordinal": unit.changes + place}
            for place, row in enumerate(part)
        ]
        unit.changes += len(part)
        await wire.execute(session, statement, {"rows": wire.encoded(numbered), **common})


def _parts(rows: Sequence[Values]) -> Iterator[Sequence[Values]]:
    """Yield rows in parts: the database writes one while the next is spelled, where they are posted."""
    for start in range(0, len(rows), _PART):
        yield rows[start : start + _PART]


@functools.cache
def _columns(table: Table) -> tuple[str, ...]:
    return tuple(column.name for column in table.columns)


_NUMBERED = "version_id uuid, change_id uuid, feed_ordinal integer"


@functools.lru_cache(maxsize=200)
def _insertion_of_one(table_name: str, names: tuple[str, ...]) -> str:
    return f"INSERT INTO {table_name} ({', '.join(names)}) VALUES ({', '.join('?' for _ in names)})"  # noqa: S608  names are columns


@functools.lru_cache(maxsize=100)
def _insertion(table: Table, names: tuple[str, ...]) -> str:
    listed = ", ".join(names)
    return f"INSERT INTO {table.name} ({listed}) SELECT {listed} FROM {wire.recordset(table, names)}"  # noqa: S608  names are columns


@functools.lru_cache(maxsize=100)
def _addition(table: Table, names: tuple[str, ...], noted: bool) -> str:  # noqa: FBT001  one part of a cache's key
    listed = ", ".join(names)
    first = f"INSERT INTO {table.name} ({listed}) SELECT {listed} FROM r"  # noqa: S608  names are columns
    return _together(table, names, [first], noted=noted)


@functools.lru_cache(maxsize=100)
def _change(table: Table, names: tuple[str, ...], noted: bool) -> str:  # noqa: FBT001  the same
    settings = ", ".join(f"{name} = r.{name}" for name in names if name not in {"tenant_id", "id"})
    of_row = f"{table.name}.tenant_id = %(tenant)s::uuid AND {table.name}.id = r.id"
    steps = [f"UPDATE {table.name} SET {settings} FROM r WHERE {of_row}"]  # noqa: S608  the same
    kept = VERSIONS.get(table.name)
    if kept is not None:
        of_version = f"v.tenant_id = %(tenant)s::uuid AND v.{table.name}_id = r.id AND v.superseded_at IS NULL"
        steps.append(f"UPDATE {kept.name} AS v SET superseded_at = %(now)s::timestamptz FROM r WHERE {of_version}")  # noqa: S608  the same
    return _together(table, names, steps, noted=noted)


def _together(table: Table, names: tuple[str, ...], steps: list[str], *, noted: bool) -> str:
    """Return one statement of `steps`, the new versions and the change entries, over the same rows."""
    kept = VERSIONS.get(table.name)
    if kept is not None:
        copied = ", ".join(name for name in names if name in kept.c and name != "id")
        steps = [
            *steps,
            f"INSERT INTO {kept.name} (id, {table.name}_id, {copied}) SELECT version_id, id, {copied} FROM r",  # noqa: S608  the same
        ]
    if noted:
        entry = "id, position, ordinal, recorded_at, noun, noun_id, verb, version, tenant_id"
        told = (
            f"change_id, %(position)s::bigint, feed_ordinal, %(now)s::timestamptz, '{table.name}', id, %(verb)s::text"
        )
        told += ", version, %(tenant)s::uuid"
        steps = [*steps, f"INSERT INTO change ({entry}) SELECT {told} FROM r"]  # noqa: S608  the same
    *before, last = steps
    rows = wire.recordset(table, names, _NUMBERED)
    named = [f"r AS MATERIALIZED (SELECT * FROM {rows})", *(f"s{n} AS ({step})" for n, step in enumerate(before))]  # noqa: S608  the same
    return f"WITH {', '.join(named)} {last}"
