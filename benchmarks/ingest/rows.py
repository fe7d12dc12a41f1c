"""The rows that the service wrote, read back and written again without it: the yardsticks of batches and imports."""

from __future__ import annotations

import contextlib
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from app import schema
from benchmarks.ingest.engines import Engine
from tests.engines import make_database

COPIED_AT_ONCE = 2**20
"""Bytes."""

KEPT_APART = ("alembic_version", "tenant", "tenant_clock", "api_key", "source", "source_version", "job")
"""What a tenant has before anything is sent to it."""

Rows = dict[str, list[tuple[Any, ...]]]
"""Rows by table, each table's in order of their ids."""


@contextlib.contextmanager
def beside(engine: Engine, name: str = "beside") -> Iterator[Engine]:
    """Make a second database of the same engine with the same tables, indexes and constraints, and nothing in it."""
    if engine.superuser is None:
        settings = engine.settings.model_copy(update={"database_url": f"{engine.settings.database_url}.{name}"})
        schema.migrate(settings)
        yield replace(engine, settings=settings)
        return
    owner, application = make_database(engine.superuser, name)
    settings = engine.settings.model_copy(update={"database_url": application, "migration_database_url": owner})
    schema.migrate(settings)
    yield replace(engine, settings=settings, database=name)


@contextlib.contextmanager
def connection(engine: Engine) -> Iterator[Any]:
    """Open a connection that sees and writes every row, and checks no foreign keys; it waits for the disk."""
    if engine.superuser is None:
        path = engine.settings.database_url.removeprefix("sqlite:///")
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as opened:
            for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=OFF"):
                opened.execute(f"PRAGMA {pragma}")
            yield opened
        return
    with psycopg.connect(engine.everything, autocommit=True) as opened_too:
        opened_too.execute("SET session_replication_role = replica")
        yield opened_too


def written(engine: Engine, since: str) -> Rows:
    """Return what stands in the database with an id after `since` (a UUID, whose version 7 is in order of time)."""
    with connection(engine) as found:
        return {name: rows for name in _tables(engine, found) if (rows := _rows(engine, found, name, since))}


def write(engine: Engine, rows: Rows, batches: int) -> float:
    """Insert the rows, a share of each table's in every batch and a transaction for each; return the seconds.

    On PostgreSQL the statements hold their values and are spelled beforehand, on SQLite they are prepared: what is
    timed is the database, not a driver.
    """
    shares = [
        {name: listed[len(listed) * at // batches : len(listed) * (at + 1) // batches] for name, listed in rows.items()}
        for at in range(batches)
    ]
    with connection(engine) as into:
        insert = _insert if engine.superuser is None else _spelled
        done = [insert(into, share) for share in shares]
        began = time.perf_counter()
        for batch in done:
            into.execute("BEGIN")
            batch()
            into.execute("COMMIT")
        return time.perf_counter() - began


def copy(engine: Engine, into: Engine, since: str) -> tuple[int, float]:
    """Copy the rows written since into another database, in one transaction, by way of files; PostgreSQL's.

    Returns how many rows there were and the seconds that it took to copy them in.
    """
    counted, names = 0, []
    with tempfile.TemporaryDirectory(prefix="tl-bench-") as folder:
        with connection(engine) as found:
            for name in _tables(engine, found):
                with Path(folder, name).open("wb") as file, found.cursor() as cursor:
                    with cursor.copy(_since(name, since)) as stream:
                        file.writelines(stream)
                    counted += cursor.rowcount
                    names += [name] if cursor.rowcount else []
        with connection(into) as target, target.transaction():
            began = time.perf_counter()
            for name in names:
                order = sql.SQL("COPY {} FROM STDIN").format(sql.Identifier(name))
                with Path(folder, name).open("rb") as file, target.cursor().copy(order) as stream:
                    while part := file.read(COPIED_AT_ONCE):
                        stream.write(part)
        return counted, time.perf_counter() - began


def _tables(engine: Engine, found: Any) -> list[str]:
    listed = "SELECT name FROM sqlite_master WHERE type = 'table'"
    if engine.superuser is not None:
        listed = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
    return [row[0] for row in found.execute(listed).fetchall() if row[0] not in KEPT_APART]


def _rows(engine: Engine, found: Any, table: str, since: str) -> list[tuple[Any, ...]]:
    if engine.superuser is None:
        if not any(row[1] == "id" for row in found.execute(f"PRAGMA table_info({table})")):
            return []
        after = since.replace("-", "")
        statement = f"SELECT * FROM {table} WHERE id > ? ORDER BY id"  # noqa: S608  a table of our own
        return list(found.execute(statement, (after,)))
    with found.cursor().copy(_since(table, since)) as stream:
        return list(stream.rows())


def _since(table: str, since: str) -> sql.Composed:
    query = sql.SQL("COPY (SELECT * FROM {} WHERE id > {} ORDER BY id) TO STDOUT")
    return query.format(sql.Identifier(table), sql.Literal(since))


def _insert(into: sqlite3.Connection, rows: Rows) -> Callable[[], None]:
    def run() -> None:
        for name, listed in rows.items():
            if listed:
                places = ", ".join("?" * len(listed[0]))
                into.executemany(f"INSERT INTO {name} VALUES ({places})", listed)  # noqa: S608  a table of our own

    return run


def _spelled(into: psycopg.Connection[Any], rows: Rows) -> Callable[[], None]:
    values = {name: ", ".join(f"({', '.join(map(_literal, row))})" for row in rows[name]) for name in rows}
    statements = [f"INSERT INTO {name} VALUES {listed}".encode() for name, listed in values.items() if listed]  # noqa: S608  a table of our own

    def run() -> None:
        for statement in statements:
            into.execute(statement)

    return run


def _literal(cell: str | None) -> str:
    return "NULL" if cell is None else "'" + cell.replace("'", "''") + "'"
