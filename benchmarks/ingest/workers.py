"""Faults of workers, as processes: one killed in the middle of a job, and one that sleeps past its lease and wakes."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

from benchmarks.ingest import bursts, servers
from benchmarks.ingest.engines import Engine
from benchmarks.ingest.pressure import PATIENCE, await_until

LINES, FEW_LINES = 40_000, 12_000
LEASE_SECONDS = 5.0
SLACK_SECONDS = 5.0
"""How long, beyond two leases, a busy machine may take to show what the next worker has done."""
TAKEN_OVER = "job_taken_over"
_DONE = "SELECT count(*) FROM person"


@dataclass
class Hand:
    """A worker: its process and what it logs."""

    process: subprocess.Popen[bytes]
    log: Path

    def said(self, event: str) -> bool:
        """Tell whether it has logged an event."""
        return event in self.log.read_text()


def worker_killed(engine: Engine, events: int) -> list[str]:
    """D11: SIGKILL a worker in an import: the next one goes on within two leases, and each line is there once."""
    with _importing(engine, events) as lines:
        with _worker(engine) as first:
            _await_more(engine, first)
            first.process.kill()
            first.process.wait()
        began, done = time.monotonic(), _done(engine)
        with _worker(engine) as second:
            _await_more(engine, second, done)
            found = _late(began)
            _await_end(engine)
        return found + _halves(engine, lines)


def worker_paused(engine: Engine, events: int) -> list[str]:
    """D13: stop a worker past its lease, let the next one take over, and wake it: what it goes on with is refused."""
    with _importing(engine, events) as lines, _worker(engine) as sleeper:
        _await_more(engine, sleeper)
        _stop_between_units(engine, sleeper)
        began, done = time.monotonic(), _done(engine)
        with _worker(engine) as heir:
            _await_more(engine, heir, done)
            found = _late(began)
            sleeper.process.send_signal(signal.SIGCONT)
            await_until(lambda: sleeper.said(TAKEN_OVER) or _ended(engine), "the sleeper does not wake")
            _await_end(engine)
            found += [] if sleeper.said(TAKEN_OVER) else ["nothing of what the sleeper went on with was refused"]
            found += ["the heir was refused instead"] if heir.said(TAKEN_OVER) else []
        return found + _halves(engine, lines)


@contextlib.contextmanager
def _importing(engine: Engine, events: int) -> Iterator[int]:
    """Post an import and stop the server, whose own worker gives it back; yield how many lines it has."""
    lines = LINES if events >= LINES // 10 else FEW_LINES
    table = "external_id,name\n" + "".join(f"p{number},Person {number}\n" for number in range(lines))
    with servers.service(engine) as server:
        answer = httpx.post(
            f"{server.base_url}/v1/imports?kind=people",
            content=table,
            headers={**server.authorization, "Content-Type": "text/csv"},
            timeout=PATIENCE,
        )
        answer.raise_for_status()
    if _ended(engine):
        raise RuntimeError("the import was over before a worker could begin: give it more lines")
    yield lines


@contextlib.contextmanager
def _worker(engine: Engine) -> Iterator[Hand]:
    """Run `throughline worker` with a short lease."""
    environment = {**os.environ, **engine.environment(), "PYTHONPATH": str(servers.ROOT)}
    environment["THROUGHLINE_JOB_LEASE_SECONDS"] = str(LEASE_SECONDS)
    with tempfile.TemporaryDirectory(prefix="tl-worker-") as folder:
        log = Path(folder) / "log"
        with log.open("wb") as file:
            command = [sys.executable, "-m", "app", "worker"]
            process = subprocess.Popen(command, env=environment, stdout=file, stderr=file)  # noqa: S603  our own command
        try:
            yield Hand(process, log)
        finally:
            process.send_signal(signal.SIGCONT)
            servers.stop(process)


def _stop_between_units(engine: Engine, hand: Hand) -> None:
    """SIGSTOP a worker at an instant at which it holds nothing in the database, as one that a machine forgets."""
    ends = time.monotonic() + PATIENCE
    while time.monotonic() < ends:
        hand.process.send_signal(signal.SIGSTOP)
        time.sleep(0.05)
        if _is_free(engine):
            return
        hand.process.send_signal(signal.SIGCONT)
        time.sleep(0.02)
    raise RuntimeError("the worker was never found between two units")


def _is_free(engine: Engine) -> bool:
    """Tell whether nobody is in a transaction."""
    if engine.superuser is not None:
        busy = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'throughline' AND state <> 'idle'"
        return not int(bursts.column(engine, busy)[0])
    path = engine.settings.database_url.removeprefix("sqlite:///")
    with contextlib.closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return False
        connection.execute("ROLLBACK")
        return True


def _await_more(engine: Engine, hand: Hand, than: int = -1) -> None:
    """Wait until more lines are written than there were; than when it began, if nothing is said."""
    before = _done(engine) if than < 0 else than

    def more() -> bool:
        if hand.process.poll() is not None:
            raise RuntimeError(f"a worker has ended: {hand.log.read_text()[-500:]}")
        return _done(engine) > before

    await_until(more, "the import does not go on")


def _late(began: float) -> list[str]:
    seconds = time.monotonic() - began
    return [f"taken over after {seconds:.0f} s"] if seconds > 2 * LEASE_SECONDS + SLACK_SECONDS else []


def _halves(engine: Engine, lines: int) -> list[str]:
    """Return what is wrong with the effect: each line made one person with one version, and the operation says so."""
    wanted = {
        "people": (_DONE, lines),
        "of them apart": ("SELECT count(DISTINCT external_id) FROM person", lines),
        "versions": ("SELECT count(*) FROM person_version", lines),
        "entries of the feed": ("SELECT count(*) FROM change WHERE noun = 'person'", lines),
        "operations that succeeded": ("SELECT count(*) FROM operation WHERE status = 'succeeded'", 1),
        "jobs left over": ("SELECT count(*) FROM job WHERE kind = 'import'", 0),
    }
    counted = {what: (int(bursts.column(engine, statement)[0]), count) for what, (statement, count) in wanted.items()}
    return [f"{count} {what}, not {right}" for what, (count, right) in counted.items() if count != right]


def _done(engine: Engine) -> int:
    return int(bursts.column(engine, _DONE)[0])


def _ended(engine: Engine) -> bool:
    return not int(bursts.column(engine, "SELECT count(*) FROM operation WHERE finished_at IS NULL")[0])


def _await_end(engine: Engine) -> None:
    await_until(lambda: _ended(engine), "the import does not end")
