"""A burst of deliveries from senders that retry, as LMSs do, and the oracle: what was acknowledged is there, once."""

from __future__ import annotations

import contextlib
import http.client
import json
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import psycopg

from benchmarks.ingest.engines import Engine
from benchmarks.ingest.servers import Server

TIMEOUT_SECONDS = 30.0
PAUSE_SECONDS = 0.05


@dataclass
class Burst:
    """What the senders of one burst saw: the keys that were acknowledged, and every status (0: no answer).

    `hasty` counts the refusals that do not say when to come back; `slowest` is the longest wait for an answer, in
    seconds.
    """

    server: Server
    acknowledged: set[str] = field(default_factory=set)
    statuses: Counter[int] = field(default_factory=Counter)
    hasty: int = 0
    slowest: float = 0.0
    answered_at: list[float] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _ends: threading.Event = field(default_factory=threading.Event)

    @contextlib.contextmanager
    def of(self, senders: int, source: Iterator[bytes] | None = None) -> Iterator[Burst]:
        """Send from `senders` at once until the block ends; each delivery is repeated until it is acknowledged."""
        source = self.server.sender.bodies(0) if source is None else source
        threads = [threading.Thread(target=self._send, args=(source,)) for _ in range(senders)]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            self._ends.set()
            for thread in threads:
                thread.join()

    def await_acknowledged(self, count: int, most_seconds: float) -> None:
        """Wait until so many are acknowledged. Raises RuntimeError when it takes too long."""
        ends = time.monotonic() + most_seconds
        while len(self.acknowledged) < count:
            if time.monotonic() > ends:
                raise RuntimeError(f"{len(self.acknowledged)} of {count} were acknowledged in {most_seconds} seconds")
            time.sleep(PAUSE_SECONDS)

    def unexpected(self, allowed: set[int]) -> list[str]:
        """Return what was answered other than `allowed`, and refusals that do not say when to come back."""
        odd = {status: count for status, count in self.statuses.items() if status not in allowed}
        found = [f"answered {odd}"] if odd else []
        return found + ([f"{self.hasty} times 503 without Retry-After"] if self.hasty else [])

    def _send(self, source: Iterator[bytes]) -> None:
        while not self._ends.is_set():
            with self._lock:
                body = next(source, None)
            if body is None:
                return
            key: str = json.loads(body)["id"]
            while not self._ends.is_set():
                began = time.monotonic()
                status = self._post(body)
                with self._lock:
                    self.slowest = max(self.slowest, time.monotonic() - began)
                    self.statuses[status] += 1
                    if status == http.HTTPStatus.OK:
                        self.acknowledged.add(key)
                        self.answered_at.append(time.monotonic())
                        break
                time.sleep(PAUSE_SECONDS)

    def _post(self, body: bytes) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=TIMEOUT_SECONDS)
        try:
            connection.request("POST", self.server.path, body, self.server.headers(body))
            answer = connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            connection.close()
        if answer.status == http.HTTPStatus.SERVICE_UNAVAILABLE and not answer.getheader("Retry-After"):
            self.hasty += 1
        return answer.status


def faults(engine: Engine, burst: Burst) -> list[str]:
    """Return what is wrong in the database after a burst; empty: every acknowledged event is there exactly once."""
    events, requests = Counter(column(engine, "SELECT event_key FROM learning_event")), len(burst.acknowledged)
    missing = burst.acknowledged - events.keys()
    doubled = [key for key, count in events.items() if count > 1]
    found = [f"{len(missing)} of {requests} acknowledged are missing"] if missing else []
    found += [f"{len(doubled)} are there more than once"] if doubled else []
    for what, statement in _HALVES.items():
        count = int(column(engine, statement)[0])
        found += [f"{count} {what}"] if count else []
    return found


_HALVES = {
    "deliveries tell another number of events than there are": (
        "SELECT count(*) FROM delivery WHERE recorded <> "
        "(SELECT count(*) FROM learning_event AS e "
        "WHERE e.tenant_id = delivery.tenant_id AND e.delivery_id = delivery.id)"
    ),
    "enrolments have no current version": (
        "SELECT count(*) FROM enrolment AS n WHERE NOT EXISTS (SELECT 1 FROM enrolment_version AS v "
        "WHERE v.tenant_id = n.tenant_id AND v.enrolment_id = n.id AND v.version = n.version "
        "AND v.superseded_at IS NULL)"
    ),
    "events are in no enrolment, or in several": (
        "SELECT abs((SELECT count(*) FROM learning_event) - (SELECT coalesce(sum(events), 0) FROM enrolment))"
    ),
}
"""Statements that count what a half-applied delivery would leave."""


def column(engine: Engine, statement: str) -> list[str]:
    """Return the first column of what a statement finds in the database, every tenant's rows seen."""
    if engine.superuser is None:
        path = engine.settings.database_url.removeprefix("sqlite:///")
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            return [row[0] for row in connection.execute(statement)]
    with psycopg.connect(engine.everything, autocommit=True) as connection:
        return [row[0] for row in connection.execute(statement)]  # type: ignore[arg-type]  # one of the few of this module
