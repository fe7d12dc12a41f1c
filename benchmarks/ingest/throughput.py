"""Requests per second of the full pipeline beside the yardstick's, and latency at half that load.

    python -m benchmarks.ingest.throughput [--engine sqlite|postgresql] [--connections 32 128 256] [--rounds 5]

In each round the service and the yardstick are driven one after the other, in turns first and second, by the same
requests over the same number of connections; the median of the rounds' ratios is what counts. Every delivery is a
completion of a person known before: it becomes a raw delivery, an event, an enrolment, its version and a change entry.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import sys
from collections.abc import Iterator

from benchmarks.ingest import deliveries, engines, servers
from benchmarks.ingest.load import Run, drive

TARGETS = {32: 0.55, 128: 0.95, 256: 1.1}
LATENCY_SHARE = 0.99
ROOM = {"THROUGHLINE_MAX_WAITING_PER_SOURCE": "1000"}
"""All connections are one source's, and as many of them as there are may wait."""
HEAD = (
    "| engine | clients | service, 1/s | yardstick | ratio | target | load | p99, ms | yardstick | ratio | lost | |",
    "|---|---|---|---|---|---|---|---|---|---|---|---|",
)


class Pair:
    """The service and the yardstick on one engine."""

    def __init__(self, service: servers.Server, yardstick: servers.Server) -> None:
        self.sides = {"service": service, "yardstick": yardstick}
        self.refused = dict.fromkeys(self.sides, 0)
        """How many requests were not answered 200: they count as none in the requests per second."""

        self._bodies = {name: deliveries.bodies() for name in self.sides}

    def drive(self, side: str, count: int, connections: int, seconds: float, rate: float | None = None) -> Run:
        """Drive one side, and count what it answers other than 200."""
        server = self.sides[side]
        prepared = deliveries.requests(server.path, server.secret, self._bodies[side], count)
        gc.collect()
        run = drive(server.port, prepared, connections=connections, most_seconds=seconds, rate=rate)
        self.refused[side] += sum(run.statuses.values()) - run.statuses[200]
        return run

    def warm_up(self) -> None:
        """Make every person known, and let connections, plans and caches settle."""
        for side in self.sides:
            self.drive(side, deliveries.PEOPLE, 32, 60)
            self.drive(side, 1_000, 256, 60)


def measure(pair: Pair, connections: int, rounds: int, seconds: float) -> Iterator[str]:
    """Yield the cells of one line of the table."""
    before = dict(pair.refused)
    rates: dict[str, list[float]] = {name: [] for name in pair.sides}
    for number in range(rounds):
        for side in sorted(pair.sides, reverse=bool(number % 2)):
            rates[side].append(pair.drive(side, int(6_000 * seconds), connections, seconds).per_second)
    ratio = statistics.median(ours / theirs for ours, theirs in zip(rates["service"], rates["yardstick"], strict=True))
    ours, theirs = (statistics.median(rates[side]) for side in ("service", "yardstick"))
    half = min(ours, theirs) / 2
    late: dict[str, list[float]] = {name: [] for name in pair.sides}
    for number in range(rounds):
        for side in sorted(pair.sides, reverse=bool(number % 2)):
            run = pair.drive(side, int(half * seconds), connections, seconds * 2, rate=half)
            late[side].append(run.quantile(LATENCY_SHARE))
    slower = statistics.median(mine / other for mine, other in zip(late["service"], late["yardstick"], strict=True))
    yield f"{connections}"
    yield f"{ours:,.0f}"
    yield f"{theirs:,.0f}"
    yield f"{ratio:.2f}"
    yield f">= {TARGETS[connections]}" if connections in TARGETS else ""
    yield f"{half:,.0f}"
    yield f"{statistics.median(late['service']) * 1000:.1f}"
    yield f"{statistics.median(late['yardstick']) * 1000:.1f}"
    yield f"{slower:.2f}"
    for side in ("service", "yardstick"):
        yield f"{pair.refused[side] - before[side]}"


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> int:
    """Measure and print a Markdown table."""
    parser = argparse.ArgumentParser(prog="benchmarks.ingest.throughput")
    parser.add_argument("--engine", choices=["sqlite", "postgresql"], action="append")
    parser.add_argument("--connections", type=int, nargs="+", default=list(TARGETS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0)
    options = parser.parse_args()
    for line in HEAD:
        say(line)
    for name in options.engine or ["postgresql", "sqlite"]:
        with (
            getattr(engines, name)() as engine,
            servers.service(engine, ROOM) as ours,
            servers.yardstick(engine) as theirs,
        ):
            pair = Pair(ours, theirs)
            pair.warm_up()
            for connections in options.connections:
                cells = measure(pair, connections, options.rounds, options.seconds)
                say(f"| {' | '.join([engine.name, *cells])} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
