"""Statements a second in batches of 1,000, beside a bare multi-row insert of the same rows in the same batches.

    python -m benchmarks.ingest.batches [--engine sqlite|postgresql] [--rounds 5] [--batches 5]

In each round the service takes batches of xAPI statements over one connection, one after the other. Then what it wrote
(statements, what finds them, deliveries, events, enrolments, their versions, entries of the change feed) is read back,
and written into a second database with the same tables and indexes: one transaction for each batch, one statement of
many rows for each table, no foreign keys checked, no request, no JSON. The median of the rounds' ratios is what counts.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import sys
from collections.abc import Iterator

from uuid_utils.compat import uuid7

from benchmarks.ingest import deliveries, engines, rows, servers
from benchmarks.ingest.load import drive
from benchmarks.ingest.throughput import say

STATEMENTS_EACH = 1_000
TARGET = 0.4
PATIENCE = 600.0


def measure(engine: engines.Engine, rounds: int, batches: int) -> Iterator[str]:
    """Yield the cells of one line of the table."""
    source = deliveries.statements()
    ours, theirs, counted = [], [], 0
    with rows.beside(engine) as other, servers.service(engine, sender=deliveries.STATEMENTS) as server:
        _post(server, source, deliveries.PEOPLE // STATEMENTS_EACH + 1)
        for _ in range(rounds):
            since = str(uuid7())
            ours.append(_post(server, source, batches))
            found = rows.written(engine, since)
            counted = sum(map(len, found.values())) // batches
            theirs.append(rows.write(other, found, batches))
    statements = batches * STATEMENTS_EACH
    yield f"{statements / statistics.median(ours):,.0f}"
    yield f"{statements / statistics.median(theirs):,.0f}"
    yield f"{counted:,}"
    yield f"{statistics.median(bare / mine for bare, mine in zip(theirs, ours, strict=True)):.2f}"


def _post(server: servers.Server, source: Iterator[dict[str, object]], batches: int) -> float:
    """Post so many batches; return the seconds until the last was acknowledged."""
    requests = []
    for _ in range(batches):
        body = json.dumps(list(itertools.islice(source, STATEMENTS_EACH))).encode()
        told = {"Host": "localhost", "Content-Length": str(len(body)), **server.headers(body)}
        head = "".join(f"{name}: {value}\r\n" for name, value in told.items())
        requests.append(f"POST {server.path} HTTP/1.1\r\n{head}\r\n".encode() + body)
    run = drive(server.port, requests, connections=1, most_seconds=PATIENCE)
    if run.statuses[200] != batches:
        raise RuntimeError(f"{batches} batches were answered {dict(run.statuses)}")
    return run.elapsed


def main() -> int:
    """Measure and print a Markdown table."""
    parser = argparse.ArgumentParser(prog="benchmarks.ingest.batches")
    parser.add_argument("--engine", choices=["sqlite", "postgresql"], action="append")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batches", type=int, default=5)
    options = parser.parse_args()
    say("| engine | statements, 1/s | of the bare insert | rows a batch | ratio | target |")
    say("|---|---|---|---|---|---|")
    for name in options.engine or ["postgresql", "sqlite"]:
        with getattr(engines, name)() as engine:
            cells = list(measure(engine, options.rounds, options.batches))
        say(f"| {' | '.join([engine.name, *cells])} | >= {TARGET} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
