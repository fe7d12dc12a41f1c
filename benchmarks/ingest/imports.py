"""Rows a second of `throughline import events FILE`, beside PostgreSQL's COPY of what it writes into the same tables.

    python -m benchmarks.ingest.imports [--rows 20000] [--rounds 3] [--full]

In each round the command imports a CSV file of its own, each row another person's completion of a course, none known.
Then the rows that it wrote (deliveries, events, enrolments, their versions, entries of the change feed) are read back
and copied into a second database with the same tables and indexes, in one transaction, no foreign keys checked. The
time of the command counts from its start to its end. `--full`: one round of 1,000,000 rows.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from uuid_utils.compat import uuid7

from benchmarks.ingest import engines, rows, servers
from benchmarks.ingest.deliveries import COURSES, PEOPLE
from benchmarks.ingest.throughput import say

TARGET = 0.2
FULL = 1_000_000
COLUMNS = ("kind", "account", "email", "person_name", "activity", "activity_title", "occurred_at", "event_id", "passed")


def measure(engine: engines.Engine, count: int, rounds: int) -> Iterator[str]:
    """Yield the cells of the table's line."""
    ours, theirs, counted = [], [], 0
    with servers.service(engine), tempfile.TemporaryDirectory(prefix="tl-bench-") as folder:
        told = _told()
        _import(engine, _file(Path(folder) / "known.csv", told, PEOPLE), PEOPLE)
        for number in range(rounds):
            file, since = _file(Path(folder) / f"{number}.csv", told, count), str(uuid7())
            ours.append(_import(engine, file, count))
            with rows.beside(engine, f"beside_{number}") as other:
                counted, seconds = rows.copy(engine, other, since)
            theirs.append(seconds)
    yield f"{count:,}"
    yield f"{counted / count:.1f}"
    yield f"{count / statistics.median(ours):,.0f}"
    yield f"{count / statistics.median(theirs):,.0f}"
    yield f"{statistics.median(bare / mine for bare, mine in zip(theirs, ours, strict=True)):.2f}"


def _told() -> Iterator[tuple[str, ...]]:
    """Yield one completion after the other, none twice."""
    for number in itertools.count():
        person, course = number % PEOPLE, number // PEOPLE
        at = f"2026-08-{1 + course // COURSES % 28:02}T{course % COURSES // 60:02}:{course % 60:02}:{person % 60:02}Z"
        names = (str(person), f"u{person}@example.com", f"Lea Roy {person}", str(course), f"Course {course}")
        yield ("completed", *names, at, f"evt-{number}", "true")


def _file(path: Path, told: Iterator[tuple[str, ...]], count: int) -> Path:
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(COLUMNS)
        writer.writerows(itertools.islice(told, count))
    return path


def _import(engine: engines.Engine, path: Path, count: int) -> float:
    """Import a file as one does at a shell; return the seconds."""
    command = [sys.executable, "-m", "app", "import", "events", str(path), "--tenant", engines.TENANT]
    environment = {**os.environ, **engine.environment(), "PYTHONPATH": str(servers.ROOT)}
    began = time.perf_counter()
    done = subprocess.run(  # noqa: S603  our own command
        [*command, "--source", "thinkific", "--json"], env=environment, check=True, capture_output=True, text=True
    )
    seconds = time.perf_counter() - began
    if json.loads(done.stdout)["created"] != count:
        raise RuntimeError(f"of {count} rows it wrote {done.stdout}")
    return seconds


def main() -> int:
    """Measure and print a Markdown table."""
    parser = argparse.ArgumentParser(prog="benchmarks.ingest.imports")
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--full", action="store_true", help=f"one round of {FULL:,} rows")
    options = parser.parse_args()
    count, rounds = (FULL, 1) if options.full else (options.rows, options.rounds)
    say("| rows of the file | rows written for one | import, rows/s | COPY, rows/s | ratio | target |")
    say("|---|---|---|---|---|---|")
    with engines.postgresql() as engine:
        say(f"| {' | '.join(measure(engine, count, rounds))} | >= {TARGET} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
