"""Processor time of one delivery in this process, without a server: what limits a receiver on a machine of few cores.

    python -m benchmarks.ingest.processor [--engine sqlite|postgresql] [--deliveries 3000] [--at-once 64]
        [--rounds 3] [--profile FILE]

The requests of `benchmarks.ingest.throughput` are handed to the service as ASGI, so many at once; the time is that of
all threads of this process, for the service and for the little that hands requests over. Processor time too grows on a
machine that is shared, so after every few hundred requests their bodies are parsed and signed again and again, which
takes turns with the service: how many times a delivery takes as long as that is what can be compared. `--profile`
writes what cProfile saw of another round's event loop, whose time it inflates.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import hmac
import itertools
import json
import os
import statistics
import sys
import time
from typing import Any

import httpx
import uvloop
from fastapi import FastAPI

from app import heap, logs
from app.main import create_app
from benchmarks.ingest import deliveries, engines, servers

Headers = list[tuple[bytes, bytes]]
Post = tuple[dict[str, Any], bytes]
"""The scope of a request and its body."""

TURN = 300


class Posts:
    """Signed deliveries as a server hands them to the application."""

    def __init__(self, path: str, secret: str) -> None:
        self._path, self._key, self._bodies = path, secret.encode(), deliveries.bodies()

    def take(self, count: int) -> list[Post]:
        """Return the next ones, each a scope and a body."""
        return [(self._scope(body), body) for body in itertools.islice(self._bodies, count)]

    def _scope(self, body: bytes) -> dict[str, Any]:
        signature = hmac.digest(self._key, body, "sha256").hex().encode()
        headers: Headers = [
            (b"host", b"learning.example.org"),
            (b"content-type", b"application/json"),
            (b"user-agent", b"Thinkific-Webhooks"),
            (b"x-thinkific-topic", b"enrollment.completed"),
            (b"x-thinkific-subdomain", b"pastry-school"),
            (b"x-thinkific-hmac-sha256", signature),
            (b"content-length", str(len(body)).encode()),
        ]
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": self._path,
            "raw_path": self._path.encode(),
            "root_path": "",
            "query_string": b"",
            "headers": headers,
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
            "state": {},
        }


async def post(app: FastAPI, scope: dict[str, Any], body: bytes) -> int:
    """Hand over one request; return the status of its answer."""
    status = 0

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        nonlocal status
        status = message.get("status", status)

    await app(scope, receive, send)
    return status


async def drive(app: FastAPI, posts: list[Post], at_once: int) -> float:
    """Hand over requests, `at_once` of them at any time; return the processor's seconds for each."""
    left = iter(posts)

    async def send_on() -> None:
        for scope, body in left:
            status = await post(app, scope, body)
            if status != 200:  # noqa: PLR2004  OK
                raise RuntimeError(f"a delivery was answered {status}")

    began = time.process_time()
    await asyncio.gather(*(send_on() for _ in range(at_once)))
    return (time.process_time() - began) / len(posts)


def piece_of_work(posts: list[Post]) -> float:
    """Parse and sign bodies; return the processor's seconds for each."""
    began = time.process_time()
    for _, body in posts:
        json.loads(body)
        hmac.digest(b"key", body, "sha256")
    return (time.process_time() - began) / len(posts)


async def compare(app: FastAPI, posts: list[Post], at_once: int) -> tuple[float, float]:
    """Return the processor's seconds for each delivery and for each piece of work, which take turns."""
    taken, worked = [], []
    for start in range(0, len(posts), TURN):
        turn = posts[start : start + TURN]
        taken.append(await drive(app, turn, at_once))
        worked.append(piece_of_work(turn * 2))
    return statistics.median(taken), statistics.median(worked)


async def measure(engine: engines.Engine, options: argparse.Namespace) -> list[tuple[float, float]]:
    """Return what each round compares."""
    key = servers.new_tenant(engine)
    app = create_app(engine.settings)
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
            fields = {"name": "thinkific", "slug": "thinkific", "adapter": "thinkific"}
            answer = await client.post("/v1/sources", json=fields, headers={"Authorization": f"Bearer {key}"})
            made = answer.raise_for_status().json()
        posts = Posts(made["webhook_path"], made["secret"])
        await drive(app, posts.take(deliveries.PEOPLE + 1_000), options.at_once)
        rounds = [posts.take(options.deliveries) for _ in range(options.rounds)]
        heap.keep()
        found = [await compare(app, taken, options.at_once) for taken in rounds]
        if options.profile:
            profile, taken = cProfile.Profile(), posts.take(options.deliveries)
            profile.enable()
            await drive(app, taken, options.at_once)
            profile.disable()
            profile.dump_stats(options.profile)
    return found


def main() -> int:
    """Measure and print microseconds."""
    parser = argparse.ArgumentParser(prog="benchmarks.ingest.processor")
    parser.add_argument("--engine", choices=["sqlite", "postgresql"], action="append")
    parser.add_argument("--deliveries", type=int, default=3_000)
    parser.add_argument("--at-once", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--profile")
    options = parser.parse_args()
    sys.stderr = open(os.devnull, "w")  # noqa: PTH123, SIM115  where the log goes for as long as this runs
    logs.configure("info", "json")
    for name in options.engine or ["postgresql", "sqlite"]:
        with getattr(engines, name)() as engine:
            found = uvloop.run(measure(engine, options))
            for taken, worked in found:
                line = f"{taken * 1e6:,.0f} microseconds a delivery, {taken / worked:.1f} times the piece of work"
                sys.stdout.write(f"{engine.name}: {line}\n")
            sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
