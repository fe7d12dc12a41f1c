"""Whether deliveries become dearer as more is stored, in time and in memory.

    python -m benchmarks.ingest.growth [--stored 20000 400000] [--events 10000 60000] [--full]

Cost: two PostgreSQL databases, one with few events and one with many (loaded by COPY: enrolments of four events each,
their versions, people, activities), each with a server. The same deliveries go to both in turns; the ratio is the
median of the rounds' ratios. The counters of PostgreSQL tell the plans where much is stored: no large table may be read
from one end to the other, and no more than a hundred rows may be fetched by indexes for a delivery.

Memory: what a server holds after so many deliveries, and after many more. `--full`: 2,000,000 stored, 1,000,000 sent.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import sys
from collections.abc import Iterator

import psycopg

from benchmarks.figures_data import KINDS, load
from benchmarks.ingest import deliveries, engines, servers
from benchmarks.ingest.load import drive
from benchmarks.ingest.throughput import say

CONNECTIONS = 32
PATIENCE = 3_600.0
COST_MOST, MEMORY_MOST, FETCHED_MOST = 1.25, 1.2, 100
LARGE = 5_000
"""Rows of a table that is not to be read from one end to the other."""

FULL_STORED, FULL_EVENTS = (20_000, 2_000_000), (10_000, 1_000_000)
Counters = dict[str, tuple[float, int, int]]
"""By table: the rows that it has, the rows read from one end to the other, and those fetched by an index."""


def cost(stored: tuple[int, int], rounds: int, seconds: float) -> Iterator[str]:
    """Yield the cells of a line: the costs of a delivery where little and where much is stored, and what was read."""
    with contextlib.ExitStack() as stack:
        sides = [_side(stack, count) for count in stored]
        for server, bodies, _ in sides:
            _drive(server, bodies, deliveries.PEOPLE, PATIENCE)
        before = [_counters(engine) for _, _, engine in sides]
        micros: list[list[float]] = [[], []]
        sent = [0, 0]
        for number in range(rounds):
            for at in (0, 1) if number % 2 else (1, 0):
                server, bodies, _ in sides[at]
                count, elapsed = _drive(server, bodies, int(3_000 * seconds), seconds)
                micros[at].append(elapsed / count * 1e6)
                sent[at] += count
        read = [
            _read(earlier, _counters(engine), count)
            for earlier, (_, _, engine), count in zip(before, sides, sent, strict=True)
        ]
    ratio = statistics.median(large / small for small, large in zip(*micros, strict=True))
    yield f"{stored[0]:,}"
    yield f"{stored[1]:,}"
    yield f"{statistics.median(micros[0]):,.0f}"
    yield f"{statistics.median(micros[1]):,.0f}"
    yield f"{ratio:.2f}"
    yield f"<= {COST_MOST}"
    yield f"{read[1][1]:.0f}"
    ends = ", ".join(sorted(read[1][0]))
    dear = read[1][1] > FETCHED_MOST
    yield (f"read from end to end: {ends}; " if ends else "") + ("more rows fetched" if dear else "good")


def memory(counts: tuple[int, int]) -> Iterator[str]:
    """Yield the cells of a line: the memory after so many deliveries, and after many more."""
    with engines.postgresql() as engine, servers.service(engine) as server:
        bodies = deliveries.bodies()
        held, sent = [], 0
        for count in counts:
            while sent < count:
                part = min(20_000, count - sent)
                sent += _drive(server, bodies, part, PATIENCE)[0]
            held.append(server.resident_bytes() / 2**20)
    yield from (f"{count:,}" for count in counts)
    yield from (f"{megabytes:.0f}" for megabytes in held)
    yield f"{held[1] / held[0]:.2f}"


def _side(stack: contextlib.ExitStack, stored: int) -> tuple[servers.Server, Iterator[bytes], engines.Engine]:
    engine = stack.enter_context(engines.postgresql())
    server = stack.enter_context(servers.service(engine))
    with psycopg.connect(engine.everything) as connection:
        found = connection.execute("SELECT id FROM tenant").fetchone()
        assert found is not None  # noqa: S101  `service` founds one
        load(connection, found[0], stored // len(KINDS))
    return server, deliveries.bodies(), engine


def _drive(server: servers.Server, bodies: Iterator[bytes], count: int, seconds: float) -> tuple[int, float]:
    """Send deliveries for some seconds; return how many were taken and how long it took."""
    prepared = deliveries.requests(server.path, server.secret, bodies, count)
    run = drive(server.port, prepared, connections=CONNECTIONS, most_seconds=seconds)
    odd = {status: times for status, times in run.statuses.items() if status != 200}  # noqa: PLR2004  OK
    if odd:
        raise RuntimeError(f"deliveries were answered {odd}")
    return run.statuses[200], run.elapsed


def _counters(engine: engines.Engine) -> Counters:
    with psycopg.connect(engine.everything, autocommit=True) as connection:
        connection.execute("SELECT pg_stat_force_next_flush()")
        found = connection.execute(
            "SELECT s.relname, c.reltuples, s.seq_tup_read, coalesce(s.idx_tup_fetch, 0) "
            "FROM pg_stat_user_tables s JOIN pg_class c ON c.oid = s.relid"
        )
        return {name: (rows, read, fetched) for name, rows, read, fetched in found}


def _read(before: Counters, after: Counters, count: int) -> tuple[list[str], float]:
    """Return the large tables that were read from end to end, and the rows fetched for one delivery."""
    ends = [name for name, (rows, read, _) in after.items() if rows > LARGE and read - before[name][1] > count]
    return ends, sum(fetched - before[name][2] for name, (_, _, fetched) in after.items()) / count


def main() -> int:
    """Measure and print two Markdown tables."""
    parser = argparse.ArgumentParser(prog="benchmarks.ingest.growth")
    parser.add_argument("--stored", type=int, nargs=2, default=(20_000, 400_000))
    parser.add_argument("--events", type=int, nargs=2, default=(10_000, 60_000))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--full", action="store_true", help="2,000,000 stored and 1,000,000 sent (an hour)")
    options = parser.parse_args()
    stored, events = (FULL_STORED, FULL_EVENTS) if options.full else (options.stored, options.events)
    say("| stored | and | microseconds a delivery | and | ratio | target | rows fetched | plans |")
    say("|---|---|---|---|---|---|---|---|")
    say(f"| {' | '.join(cost(tuple(stored), options.rounds, options.seconds))} |")
    say("")
    say("| deliveries | and | resident MiB | and | ratio | target |")
    say("|---|---|---|---|---|---|")
    say(f"| {' | '.join(memory(tuple(events)))} | <= {MEMORY_MOST} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
