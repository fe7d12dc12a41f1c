"""Faults that senders and full resources make: crowds, disorder, impatience, giants, no connection."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

import httpx
import psycopg

from benchmarks.ingest import bursts, engines, servers
from benchmarks.ingest.bursts import Burst
from benchmarks.ingest.deliveries import STATEMENTS, Sender
from benchmarks.ingest.engines import Engine
from benchmarks.ingest.servers import Server

PATIENCE = 300.0
TWINS, ROUNDS = 50, 20
REPEATS = 3
STORY = 1_000
SENDERS = 16
IMPATIENT, LEAVE_SECONDS, LEAVE_ROUNDS = 500, 0.02, 5
SLOW_READS = 200
REFUSED_SECONDS = 2.0
HELD_SECONDS = 6.0
MORE_MEMORY = 32 * 2**20
METRICS = ["completion_rate{denominator=enrolled}", "drop_out_rate", "participants", "scaled_score"]
FIGURE_PARTS = ("metric", "parameters", "value", "numerator", "denominator", "n_people", "status", "reason")
GIANT_BYTES = 100 * 10**6
GIANTS = 8

Call = Callable[[httpx.AsyncClient], Awaitable[httpx.Response]]


def at_once(engine: Engine, events: int) -> list[str]:
    """D5: fifty of the same delivery at once, twenty rounds: one is recorded, the others are known."""
    del events
    found: list[str] = []
    with servers.service(engine) as webhooks:
        for server in (webhooks, _beside(webhooks, STATEMENTS, webhooks.key)):
            told = list(islice(server.sender.bodies(0), ROUNDS))
            rounds = asyncio.run(_together(server, *([_posting(server, body)] * TWINS for body in told)))
            for number, answers in enumerate(rounds):
                odd = _twins_answered(server.sender, answers)
                found += [f"{server.sender.adapter}, round {number}: {odd}"] if odd else []
            found += bursts.faults(engine, Burst(server, {json.loads(body)["id"] for body in told}))
        return found + effects(webhooks, {"/v1/learning-events": 2 * ROUNDS, "/v1/deliveries": 2 * ROUNDS})


def shuffled(engine: Engine, events: int) -> list[str]:
    """D6: a thousand events in order to one tenant; to another in any order, each up to three times."""
    told = _story(min(events, STORY))
    chance = random.Random(7)  # noqa: S311  an order, no secret
    disorder = [body for body in told for _ in range(chance.randint(1, REPEATS))]
    chance.shuffle(disorder)
    with servers.service(engine, sender=STATEMENTS) as server:
        other = _beside(server, STATEMENTS, servers.new_tenant(engine, "disorderly"))
        for each, sent, senders in ((server, told, 1), (other, disorder, SENDERS)):
            burst = Burst(each)
            with burst.of(senders, iter(sent)):
                await_until(lambda burst=burst, sent=sent: burst.statuses[200] == len(sent), "not all was taken")
        return [] if _learned(server) == _learned(other) else ["the figures differ from those of the events in order"]


def starved(engine: Engine, events: int) -> list[str]:
    """D18: 200 reads that do not end by themselves: deliveries are still taken, or refused in two seconds."""
    del events
    with servers.service(engine) as server, psycopg.connect(engine.everything) as holder:
        burst = Burst(server)
        with burst.of(SENDERS):
            burst.await_acknowledged(100, PATIENCE)
            before = _connections(engine)
            holder.execute("LOCK TABLE objective IN ACCESS EXCLUSIVE MODE")
            meanwhile = asyncio.run(_reading_slowly(server, engine, burst))
            slowest, released, taken = burst.slowest, time.monotonic(), len(burst.acknowledged)
            holder.rollback()
            burst.await_acknowledged(taken + 50, PATIENCE)
        starving = not meanwhile and slowest > REFUSED_SECONDS
        found = [f"no delivery was taken, and one waited {slowest:.1f} s"] if starving else []
        late = burst.answered_at[taken] - released
        found += [f"the first was taken {late:.1f} s afterwards"] if late > REFUSED_SECONDS else []
        after = _connections(engine)
        found += [f"{after} connections, {before} before"] if after > max(before, engine.settings.pool_size) else []
        return found + bursts.faults(engine, burst) + burst.unexpected({200, 503})


def impatient(engine: Engine, events: int) -> list[str]:
    """D19: five times 500 clients that hang up after 20 ms: nothing leaks, nothing is there twice."""
    del events
    with servers.service(engine) as server:
        told = islice(server.sender.bodies(0), LEAVE_ROUNDS * IMPATIENT)
        asyncio.run(_leaving(server, list(islice(told, IMPATIENT))))
        _await_rest(server)
        files, memory, connections = server.open_files(), server.resident_bytes(), _connections(engine)
        for _ in range(LEAVE_ROUNDS - 1):
            asyncio.run(_leaving(server, list(islice(told, IMPATIENT))))
        _await_rest(server)
        opened, after = server.open_files(), _connections(engine)
        found = [f"{opened} open files, {files} before"] if opened > files + engine.settings.pool_size else []
        found += [f"{after} connections, {connections} before"] if after > engine.settings.pool_size else []
        found += _grown(server.resident_bytes() - memory)
        burst = Burst(server)
        with burst.of(SENDERS):  # the first of them once more: what was committed for who had left is known
            burst.await_acknowledged(IMPATIENT, PATIENCE)
        return found + bursts.faults(engine, burst) + burst.unexpected({200, 503})


def large_bodies(engine: Engine, events: int) -> list[str]:
    """B2, B3: 100 MB in chunks, with a length and without, and bombs, eight at once: refused, and not held."""
    del events
    bomb = gzip.compress(b" " * 50_000_000)
    with servers.service(engine) as server:
        asyncio.run(_together(server, *([_posting(server, body)] for body in islice(server.sender.bodies(0), 50))))
        found: list[str] = []
        for name, posting, status in (
            ("chunks", _giant(server, {}), 413),
            ("a length", _giant(server, {"Content-Length": str(GIANT_BYTES)}), 413),
            ("a bomb", _posting(server, bomb, **{"Content-Encoding": "gzip"}), 413),
            ("garbage", _posting(server, b"\x1f\x8bno", **{"Content-Encoding": "gzip"}), 400),
            ("brotli", _posting(server, bomb, **{"Content-Encoding": "br"}), 415),
        ):
            server.forget_most()
            before = server.resident_bytes()
            (answers,) = asyncio.run(_together(server, [posting] * GIANTS))
            statuses = {answer.status_code for answer in answers}
            found += [f"{name}: answered {statuses}"] if statuses != {status} else []
            found += [f"{name}: {each}" for each in _grown(server.most_resident_bytes() - before)]
        return found + effects(server, {"/healthz": None})


def _beside(server: Server, sender: Sender, key: str) -> Server:
    """Connect another source of the running server, for the tenant of `key`."""
    path, secret = engines.connect(server.base_url, key, sender.adapter)
    return replace(server, path=path, secret=secret, key=key, sender=sender)


def _grown(by: int) -> list[str]:
    return [f"memory grew by {by / 2**20:.0f} MiB"] if by > MORE_MEMORY else []


def _posting(server: Server, body: bytes, **more: str) -> Call:
    headers = {**server.headers(body), **more}
    return lambda client: client.post(server.path, content=body, headers=headers)


def _giant(server: Server, more: dict[str, str]) -> Call:
    async def parts() -> AsyncIterator[bytes]:
        part = b" " * 100_000
        for _ in range(GIANT_BYTES // len(part)):
            yield part

    headers = {**server.headers(b""), **more}
    return lambda client: client.post(server.path, content=parts(), headers=headers)


async def _together(server: Server, *rounds: Sequence[Call]) -> list[list[httpx.Response]]:
    """Make all calls of a round at once, round after round; return their answers in order."""
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=server.base_url, timeout=PATIENCE, limits=limits) as client:
        return [await asyncio.gather(*(call(client) for call in calls)) for calls in rounds]


def _twins_answered(sender: Sender, answers: Sequence[httpx.Response]) -> dict[str, int]:
    """Return the answers to fifty twins as a count, nothing when they are right. A store answers all twins alike."""
    counted = Counter(answer.text for answer in answers)
    if {answer.status_code for answer in answers} == {200}:
        if sender is STATEMENTS and len(counted) == 1:
            return {}
        receipts = Counter((answer.json()["recorded"], answer.json()["duplicates"]) for answer in answers)
        if receipts == {(1, 0): 1, (0, 1): TWINS - 1}:
            return {}
    return dict(counted)


def effects(server: Server, wanted: dict[str, int | None]) -> list[str]:
    """Ask for lists; return which is not 200 or does not hold as many rows as wanted."""
    found: list[str] = []
    for path, count in wanted.items():
        address = f"{server.base_url}{path}?limit=100" if count is not None else f"{server.base_url}{path}"
        answer = httpx.get(address, headers=server.authorization, timeout=PATIENCE)
        rows = None if count is None else len(answer.json()["items"])
        found += [f"{path}: {answer.status_code}, {rows}"] if (answer.status_code, rows) != (200, count) else []
    return found


def _story(count: int) -> list[bytes]:
    """Return statements of enrolling, starting, completing and failing, some of them voided later."""
    verbs = ("initialized", "progressed", "failed", "completed", "passed")
    told: list[dict[str, Any]] = []
    for number, one in enumerate(islice(STATEMENTS.bodies(0), count * 9 // 10)):
        statement = json.loads(one)
        person, step = divmod(number, len(verbs))
        statement["actor"] = {"mbox": f"mailto:u{person}@example.com", "name": f"Person {person}"}
        statement["verb"] = {"id": f"http://adlnet.gov/expapi/verbs/{verbs[step]}"}
        statement["object"]["id"] = f"https://example.com/courses/{person % 3}"
        statement["result"] = {"score": {"scaled": round(0.1 + number % 9 / 10, 1)}}
        statement["timestamp"] = f"2026-08-{1 + step:02}T08:{person % 60:02}:00.000Z"
        told.append(statement)
    for number, target in enumerate(told[:: max(1, len(told) * 10 // count)]):
        voiding = {
            **target,
            "id": target["id"].replace("0000-4000", "0001-4000"),
            "verb": {"id": "http://adlnet.gov/expapi/verbs/voided"},
            "object": {"objectType": "StatementRef", "id": target["id"]},
            "timestamp": f"2026-08-20T08:{number % 60:02}:00.000Z",
        }
        voiding.pop("result")
        told.append(voiding)
    return [json.dumps(each).encode() for each in told]


def _learned(server: Server) -> list[str]:
    """Return every enrolment of the tenant and its figures as text, without what differs by chance."""
    own = ("id", "person_id", "activity_id", "source_id", "created_at", "recorded_at", "version")
    with httpx.Client(base_url=server.base_url, headers=server.authorization, timeout=PATIENCE) as client:
        people = {row["id"]: row["name"] for row in _pages(client, "/v1/people")}
        found = []
        for row in _pages(client, "/v1/enrolments"):
            told = {name: value for name, value in row.items() if name not in own}
            found.append(json.dumps([people[row["person_id"]], told], sort_keys=True))
        courses = sorted((row["title"], row["id"]) for row in _pages(client, "/v1/activities"))
        subjects = [("the tenant", client.get("/v1/tenant").raise_for_status().json()["id"]), *courses]
        for title, subject in subjects:
            asked = {"metric": METRICS, "subject": subject}
            figures = client.get("/v1/figures", params=asked).raise_for_status().json()["items"]
            parts = [[title, [figure.get(name) for name in FIGURE_PARTS]] for figure in figures]
            found += [json.dumps(part, sort_keys=True) for part in parts]
        return sorted(found)


def _pages(client: httpx.Client, path: str) -> Iterator[dict[str, Any]]:
    cursor = None
    while True:
        asked = {"limit": 100, **({"cursor": cursor} if cursor else {})}
        page = client.get(path, params=asked).raise_for_status().json()
        yield from page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return


def await_until(ready: Callable[[], bool], otherwise: str) -> None:
    """Wait until something is so. Raises RuntimeError with `otherwise` when it takes too long."""
    ends = time.monotonic() + PATIENCE
    while not ready():
        if time.monotonic() > ends:
            raise RuntimeError(otherwise)
        time.sleep(0.05)


def _await_rest(server: Server) -> None:
    """Wait until the server has nothing left to do for clients who have gone."""
    before, ends = -1, time.monotonic() + PATIENCE
    while before != server.open_files() and time.monotonic() < ends:
        before = server.open_files()
        time.sleep(1.0)


def _connections(engine: Engine, more: str = "") -> int:
    """Count the service's connections to PostgreSQL; 0 on SQLite. `more`: a further condition."""
    if engine.superuser is None:
        return 0
    statement = f"SELECT count(*) FROM pg_stat_activity WHERE application_name = 'throughline'{more}"  # noqa: S608  our own
    return int(bursts.column(engine, statement)[0])


async def _reading_slowly(server: Server, engine: Engine, burst: Burst) -> int:
    """Ask 200 times for what is locked, for some seconds; return how many deliveries were taken in the second half.

    `burst.slowest` is the longest that one of them waited for its answer.
    """
    waiting = " AND wait_event_type = 'Lock'"
    read: Call = lambda client: client.get("/v1/objectives", headers=server.authorization)  # noqa: E731  a call as above
    asking = asyncio.create_task(_together(server, [read] * SLOW_READS))
    many = engine.settings.pool_size // 2
    await asyncio.to_thread(await_until, lambda: _connections(engine, waiting) >= many, "the reads do not wait")
    burst.slowest = 0.0
    await asyncio.sleep(HELD_SECONDS / 2)
    before = len(burst.acknowledged)
    await asyncio.sleep(HELD_SECONDS / 2)
    meanwhile = len(burst.acknowledged) - before
    asking.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await asking
    return meanwhile


async def _leaving(server: Server, bodies: Sequence[bytes]) -> None:
    """Deliver each body from a client of its own that does not wait for the answer."""

    async def one(body: bytes) -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        head = "".join(f"{name}: {value}\r\n" for name, value in server.headers(body).items())
        writer.write(f"POST {server.path} HTTP/1.1\r\nHost: x\r\n{head}Content-Length: {len(body)}\r\n\r\n".encode())
        writer.write(body)
        await asyncio.sleep(LEAVE_SECONDS)
        writer.transport.abort()

    await asyncio.gather(*map(one, bodies), return_exceptions=True)
