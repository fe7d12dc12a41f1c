"""A disk that is full: three megabytes are left for the database, and later more. It takes the right to mount."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
from psycopg import sql

from benchmarks.ingest import bursts, servers
from benchmarks.ingest.bursts import Burst
from benchmarks.ingest.engines import Engine
from benchmarks.ingest.pressure import PATIENCE, await_until, effects

SENDERS = 16
FREE_MIB, ROOM_MIB = 3, 200
TABLESPACE = sql.Identifier("small")

Disk = Iterator[tuple[Engine, Callable[[], None], Callable[[], list[str]]]]
"""The engine on a small disk, how to make the disk larger, and what is damaged on it afterwards."""


def disk_full(engine: Engine, events: int) -> list[str]:
    """D14: three megabytes are left on the disk: 503, reads work, and it goes on when there is room again.

    On PostgreSQL it is the disk of the tables; its log has another one.
    """
    disk = _of_sqlite if engine.superuser is None else _of_postgresql
    with disk(engine) as (small, widen, damaged):
        with servers.service(small) as server:
            burst = Burst(server)
            with burst.of(SENDERS):
                await_until(lambda: burst.statuses[503] >= SENDERS, "a full disk was not noticed")
                full = len(burst.acknowledged)
                found = effects(server, {"/healthz": None, "/v1/enrolments": None})
                widen()
                burst.await_acknowledged(full + min(events, 500), PATIENCE)
            found += burst.unexpected({200, 503})
            found += [] if server.process.poll() is None else ["the server has ended"]
        return found + damaged() + bursts.faults(small, burst)


@contextlib.contextmanager
def _of_sqlite(engine: Engine) -> Disk:
    """Copy the file to a disk in memory that has little more room."""
    path = Path(engine.settings.database_url.removeprefix("sqlite:///"))
    with _mounted() as folder:
        copy = shutil.copy(path, folder / path.name)
        _leave(folder, FREE_MIB + 1)

        def damaged() -> list[str]:
            with contextlib.closing(sqlite3.connect(copy)) as connection:
                (told,) = connection.execute("PRAGMA integrity_check").fetchone()
            return [] if told == "ok" else [f"the file is damaged: {told}"]

        settings = engine.settings.model_copy(update={"database_url": f"sqlite:///{copy}"})
        yield replace(engine, settings=settings), lambda: _leave(folder, ROOM_MIB), damaged


@contextlib.contextmanager
def _of_postgresql(engine: Engine) -> Disk:
    """Move the tables to a disk in memory that has little more room."""
    with _mounted() as folder, psycopg.connect(str(engine.superuser), autocommit=True) as connection:
        os.chown(folder, engine.data.stat().st_uid, -1)
        make = sql.SQL("CREATE TABLESPACE {} LOCATION {}").format(TABLESPACE, sql.Literal(str(folder)))
        connection.execute(make)
        try:
            _move(connection, engine, TABLESPACE)
            _leave(folder, FREE_MIB)
            yield engine, lambda: _leave(folder, ROOM_MIB), list
        finally:
            _leave(folder, ROOM_MIB)
            _move(connection, engine, sql.Identifier("pg_default"))
            connection.execute(sql.SQL("DROP TABLESPACE {}").format(TABLESPACE))


def _move(connection: psycopg.Connection[tuple[object, ...]], engine: Engine, place: sql.Identifier) -> None:
    """Move the service's database, which nobody may use meanwhile."""
    name = sql.Identifier(engine.database)
    move = sql.SQL("ALTER DATABASE {} SET TABLESPACE {}").format(name, place)

    def moved() -> bool:
        try:
            connection.execute(move)
        except psycopg.errors.ObjectInUse:  # what vacuums by itself
            return False
        return True

    await_until(moved, "the database cannot be moved")


@contextlib.contextmanager
def _mounted() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="tl-disk-") as folder:
        Path(folder).chmod(0o755)
        _run("mount", "-t", "tmpfs", "-o", f"size={ROOM_MIB}m", "tmpfs", folder)
        try:
            yield Path(folder)
        finally:
            _run("umount", folder)


def _leave(disk: Path, mebibytes: int) -> None:
    """Give a disk so much more room than is taken."""
    taken = shutil.disk_usage(disk).used // 2**20
    _run("mount", "-o", f"remount,size={taken + mebibytes}m", str(disk))


def _run(*command: str) -> None:
    subprocess.run(command, check=True)  # noqa: S603  our own command
