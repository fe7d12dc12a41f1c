"""Faults while deliveries come in: killed servers, lost answers, cut wires, power cuts.

    python -m benchmarks.ingest.faults [CASE ...] [--engine sqlite|postgresql] [--events 5000]

After each, the oracle looks into the database: every delivery that was answered 200 is there exactly once, and nothing
is half applied. Prints a Markdown table; exits 1 when a case fails.
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import httpx
from sqlalchemy.engine import make_url

from app.config import Settings
from benchmarks.ingest import bursts, disks, engines, pressure, servers, workers
from benchmarks.ingest.bursts import Burst
from benchmarks.ingest.deliveries import STATEMENTS, WEBHOOKS, Sender
from benchmarks.ingest.engines import Engine
from benchmarks.ingest.proxy import Wire
from benchmarks.ingest.throughput import say

SENDERS = 16
KILLS = 8
RESTARTS = 3
HOLE_SECONDS = 10.0
ANSWER_SECONDS = 3.0
SETTLING_SECONDS = 0.5
PATIENCE = 600.0
Case = Callable[[Engine, int], list[str]]


def killed(engine: Engine, events: int, sender: Sender = WEBHOOKS) -> list[str]:
    """D1: SIGKILL the server eight times in the burst."""
    with servers.service(engine, sender=sender) as server:
        burst = Burst(server)
        with burst.of(SENDERS):
            kills = KILLS if events > SHORT_EVENTS else KILLS // 4
            for number in range(1, kills + 1):
                burst.await_acknowledged(events * number // (kills + 1), PATIENCE)
                server.process.kill()
                server.process.wait()
                server.process = servers.start(engine, server.port)
            burst.await_acknowledged(events, PATIENCE)
        return bursts.faults(engine, burst)


def killed_store(engine: Engine, events: int) -> list[str]:
    """D1 of the learning record store: the same while statements come in."""
    return killed(engine, events // 5, STATEMENTS)


def killed_while_waiting(engine: Engine, events: int) -> list[str]:
    """D10: SIGKILL while all that came in waits for its commit: none of it was answered, and what is there is whole."""
    del events
    with _wired(engine) as (wire, wired), servers.service(wired) as server:
        burst = Burst(server)
        with burst.of(4 * SENDERS):
            for number in range(1, 4):
                burst.await_acknowledged(100 * number, PATIENCE)
                wire.swallow(yes=True)
                time.sleep(SETTLING_SECONDS)
                server.process.kill()
                server.process.wait()
                wire.swallow(yes=False)
                server.process = servers.start(wired, server.port)
            burst.await_acknowledged(400, PATIENCE)
        return bursts.faults(engine, burst) + burst.unexpected({0, 200, 503})


def database_restarted(engine: Engine, events: int) -> list[str]:
    """D2: restart PostgreSQL at once three times in the burst; the server stays."""
    with servers.service(engine) as server:
        burst, slow = Burst(server), []
        with burst.of(SENDERS):
            for number in range(1, RESTARTS + 1):
                burst.await_acknowledged(events * number // (RESTARTS + 1), PATIENCE)
                engine.restart()
                back, before = time.monotonic(), len(burst.acknowledged)
                burst.await_acknowledged(before + 1, PATIENCE)
                slow.append(burst.answered_at[before] - back)
            burst.await_acknowledged(events, PATIENCE)
        found = bursts.faults(engine, burst) + burst.unexpected({200, 503})
        found += [] if server.process.poll() is None else ["the server has ended"]
        return found + [f"first answer {most:.1f} s after it was back" for most in [max(slow)] if most > ANSWER_SECONDS]


def swallowed(engine: Engine, events: int) -> list[str]:
    """D3: drop everything between the server and PostgreSQL for ten seconds."""
    with _wired(engine) as (wire, wired), servers.service(wired) as server:
        burst = Burst(server)
        with burst.of(SENDERS):
            burst.await_acknowledged(events // 10, PATIENCE)
            before = server.resident_bytes()
            wire.swallow(yes=True)
            found = _while_away(server)
            wire.swallow(yes=False)
            burst.await_acknowledged(len(burst.acknowledged) + 100, PATIENCE)
        grown = (server.resident_bytes() - before) / 2**20
        found += [f"memory grew by {grown:.0f} MiB"] if grown > 32 else []  # noqa: PLR2004  MiB, promise 2
        return found + bursts.faults(engine, burst) + burst.unexpected({200, 503})


def answers_lost(engine: Engine, events: int) -> list[str]:
    """D4: lose the connection between the COMMIT and its answer, twenty times."""
    with _wired(engine) as (wire, wired), servers.service(wired) as server:
        burst = Burst(server)
        with burst.of(SENDERS):
            for number in range(1, 21):
                burst.await_acknowledged(events // 10 * number // 20, PATIENCE)
                wire.losing_answers = 1
            burst.await_acknowledged(events // 10 + 50, PATIENCE)
        return bursts.faults(engine, burst) + burst.unexpected({200, 503})


def power_cut(engine: Engine, events: int) -> list[str]:
    """D15: copy the file and its log in the burst and open the copy: what was acknowledged before is in it."""
    path = Path(engine.settings.database_url.removeprefix("sqlite:///"))
    with servers.service(engine) as server, tempfile.TemporaryDirectory(prefix="tl-cut-") as folder:
        burst, found = Burst(server), []
        with burst.of(SENDERS):
            for number in range(1, 6):
                burst.await_acknowledged(events // 10 * number // 5, PATIENCE)
                before = set(burst.acknowledged)
                copy = Path(folder) / f"{number}.db"
                for ending in ("-wal", ""):  # the log first: what moves from it into the file meanwhile is in both
                    shutil.copyfile(f"{path}{ending}", f"{copy}{ending}")
                settings = Settings(database_url=f"sqlite:///{copy}", secret_keys=(engines.SECRET_KEY,))
                found += bursts.faults(replace(engine, settings=settings), Burst(server, before))
        return found + bursts.faults(engine, burst)


def terminated(engine: Engine, events: int) -> list[str]:
    """D16: SIGTERM in the burst: exit 0 within 30 seconds, nothing acknowledged is lost."""
    with servers.service(engine) as server:
        burst = Burst(server)
        with burst.of(SENDERS):
            burst.await_acknowledged(events // 10, PATIENCE)
            began = time.monotonic()
            server.process.send_signal(signal.SIGTERM)
            code = server.process.wait(60)
            seconds = time.monotonic() - began
        found = [f"exit code {code}"] if code else []
        found += [f"it took {seconds:.0f} s"] if seconds > servers.STOP_SECONDS else []
        return found + bursts.faults(engine, burst) + burst.unexpected({0, 200, 503})


def two_processes(engine: Engine, events: int) -> list[str]:
    """D17: two servers on one SQLite file, 32 senders: nobody finds the database locked."""
    with servers.service(engine) as one:
        port = servers.free_port()
        other = replace(one, process=servers.start(engine, port), port=port)
        try:
            first, second = Burst(one), Burst(other)
            with first.of(SENDERS), second.of(SENDERS, one.sender.bodies(500_000)):
                for burst in (first, second):
                    burst.await_acknowledged(events // 10, PATIENCE)
            both = Burst(one, first.acknowledged | second.acknowledged)
            return bursts.faults(engine, both) + first.unexpected({200}) + second.unexpected({200})
        finally:
            servers.stop(other.process)


CASES: dict[str, tuple[Case, tuple[str, ...]]] = {
    "killed": (killed, ("sqlite", "postgresql")),
    "killed-store": (killed_store, ("sqlite", "postgresql")),
    "killed-while-waiting": (killed_while_waiting, ("postgresql",)),
    "database-restarted": (database_restarted, ("postgresql",)),
    "swallowed": (swallowed, ("postgresql",)),
    "answers-lost": (answers_lost, ("postgresql",)),
    "power-cut": (power_cut, ("sqlite",)),
    "terminated": (terminated, ("sqlite", "postgresql")),
    "two-processes": (two_processes, ("sqlite",)),
    "at-once": (pressure.at_once, ("sqlite", "postgresql")),
    "shuffled": (pressure.shuffled, ("sqlite", "postgresql")),
    "worker-killed": (workers.worker_killed, ("sqlite", "postgresql")),
    "worker-paused": (workers.worker_paused, ("sqlite", "postgresql")),
    "disk-full": (disks.disk_full, ("sqlite", "postgresql")),
    "starved": (pressure.starved, ("postgresql",)),
    "impatient": (pressure.impatient, ("sqlite", "postgresql")),
    "large-bodies": (pressure.large_bodies, ("sqlite",)),
}

SHORT = tuple(name for name in CASES if name not in {"disk-full", "large-bodies"})
"""What takes no right to mount a disk, and little time."""

SHORT_EVENTS = 400


def _while_away(server: servers.Server) -> list[str]:
    """Return what is wrong while the database does not answer: every delivery is refused in time, and probes tell."""
    found: list[str] = []
    ends = time.monotonic() + HOLE_SECONDS
    while time.monotonic() < ends:
        began = time.monotonic()
        alive, ready = (
            httpx.get(f"{server.base_url}/{name}", timeout=30).status_code for name in ("healthz", "readyz")
        )
        seconds = time.monotonic() - began
        found += [f"/healthz {alive}, /readyz {ready} after {seconds:.1f} s"] if (alive, ready) != (200, 503) else []
        time.sleep(0.5)
    return found


@contextlib.contextmanager
def _wired(engine: Engine) -> Iterator[tuple[Wire, Engine]]:
    """Put a wire between the service and PostgreSQL."""
    with Wire(engine.data / ".s.PGSQL.5432").running() as wire:
        url = make_url(engine.settings.database_url).set(host="127.0.0.1", port=wire.port, query={})
        settings = engine.settings.model_copy(update={"database_url": url.render_as_string(hide_password=False)})
        yield wire, replace(engine, settings=settings)


def main() -> int:
    """Run the cases and print what came of them."""
    parser = argparse.ArgumentParser(prog="benchmarks.ingest.faults")
    parser.add_argument("cases", nargs="*", choices=[[], *CASES], default=[])
    parser.add_argument("--engine", choices=["sqlite", "postgresql"])
    parser.add_argument("--events", type=int, default=5_000)
    parser.add_argument("--short", action="store_true", help=f"few events, and only {', '.join(SHORT)}")
    options = parser.parse_args()
    say("| fault | engine | result | seconds |")
    say("|---|---|---|---|")
    failed = False
    events = SHORT_EVENTS if options.short else options.events
    for name in options.cases or (SHORT if options.short else CASES):
        case, on = CASES[name]
        for engine_name in on:
            if options.engine in {None, engine_name}:
                began = time.monotonic()
                with getattr(engines, engine_name)() as engine:
                    found = case(engine, events)
                failed |= bool(found)
                say(f"| {name} | {engine_name} | {'; '.join(found) or 'good'} | {time.monotonic() - began:.0f} |")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
