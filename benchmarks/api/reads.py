"""The list and the tree beside yardsticks that run the same SQL, on one PostgreSQL, in one process, in turns.

python -m benchmarks.api.reads [--rounds 60]
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import httpx

from app import heap, logs
from app.main import create_app
from app.models.objectives import ObjectiveRead
from app.models.tenancy import ApiKeyWrite
from app.services import keys, tenants
from benchmarks.api import tree, yardsticks
from benchmarks.api.recording import recorded, send_again
from benchmarks.ingest.engines import postgresql

METRICS = '(metrics: ["participation_rate", "completion_rate{denominator=audience}"])'
FIGURE = "metric value status numerator denominator"
SAMPLES = {"list": None, "list with two expands": 2.0, "tree": 1.5, "tree without figures": None}
Ask = Callable[[], Awaitable[httpx.Response]]


def query(inner: str = "", figures: str = "") -> str:
    """Return the tree as a query; `inner` are the arguments of its inner lists."""
    initiatives = f"initiatives{inner} {{ nodes {{ id title {figures} }} }}"
    outcomes = f"outcomes{inner} {{ nodes {{ id title {initiatives} }} }}"
    return f"{{ objectives(first: 50) {{ nodes {{ id title {outcomes} }} }} }}"


async def timed(ask: Ask) -> float:
    """Return the seconds that one request takes."""
    started = time.perf_counter()
    (await ask()).raise_for_status()
    return time.perf_counter() - started


async def compare(ours: Ask, theirs: Ask, rounds: int) -> tuple[float, float, float]:
    """Return the medians of both sides in milliseconds, and the median of the rounds' ratios."""
    pairs = []
    for number in range(rounds + 5):
        first, second = (ours, theirs) if number % 2 else (theirs, ours)
        took = [await timed(first), await timed(second)]
        pairs.append(tuple(took if number % 2 else reversed(took)))
    kept = pairs[5:]
    mine, other = zip(*kept, strict=True)
    ratio = statistics.median(a / b for a, b in kept)
    return statistics.median(mine) * 1000, statistics.median(other) * 1000, ratio


async def measure(rounds: int) -> Mapping[str, tuple[float, float, float, int]]:
    """Return the results by name: both medians, the ratio, and how many statements a request sends."""
    with postgresql() as engine:
        with heap.declaring():
            app = create_app(engine.settings)
        async with app.router.lifespan_context(app):
            database = app.state.database
            async with database.founding() as session:
                scope = tenants.scope(await tenants.found(session, "acme", "Acme"))
            async with database.transaction(scope) as session:
                await tenants.settle(session)
                token = (await keys.create(session, ApiKeyWrite(name="bench", scopes=["read", "write"]))).token
            headers = {"Authorization": f"Bearer {token}"}
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url="http://ours", headers=headers) as client:
                await tree.grow(client)
                return await _compared(client, database._engine, rounds)  # noqa: SLF001  the yardstick shares the pool


async def _compared(
    client: httpx.AsyncClient, engine: Any, rounds: int
) -> Mapping[str, tuple[float, float, float, int]]:
    asks: dict[str, Ask] = {
        "list": lambda: client.get("/v1/objectives", params={"limit": 50}),
        "list with two expands": lambda: client.get(
            "/v1/objectives", params={"limit": 50, "expand": "goal_owner,outcomes"}
        ),
        "tree": lambda: client.post(
            "/graphql", json={"query": query("(first: 5)", f"figures{METRICS} {{ {FIGURE} }}")}
        ),
        "tree without figures": lambda: client.post("/graphql", json={"query": query("(first: 5)")}),
    }
    results = {}
    for name, ask in asks.items():
        await ask()
        with recorded(engine) as units:
            answer = (await ask()).raise_for_status().json()
        if "errors" in answer:
            raise RuntimeError(answer["errors"])
        data = answer.get("data", {"objectives": {"nodes": []}})
        schema = yardsticks.graph(data, lambda units=units: send_again(engine, units))
        other = yardsticks.service(schema, ObjectiveRead, 50, lambda units=units: send_again(engine, units))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(other), base_url="http://theirs") as peer:
            asked = {"query": query("", f"figures {{ {FIGURE} }}" if name == "tree" else "")}
            address = {"list": "/list", "list with two expands": "/expanded"}.get(name)
            theirs = (lambda: peer.get(address)) if address else (lambda: peer.post("/graphql", json=asked))  # noqa: B023  used within the loop
            statements = sum(map(len, units))
            results[name] = (*await compare(ask, theirs, rounds), statements)
    return results


def main() -> int:
    """Measure and print a Markdown table."""
    logs.configure("error", "json")
    parser = argparse.ArgumentParser(prog="benchmarks.api.reads")
    parser.add_argument("--rounds", type=int, default=60)
    found = asyncio.run(measure(parser.parse_args().rounds))
    sys.stdout.write(
        "| read | service, ms | yardstick, ms | ratio | target | statements |\n|---|---|---|---|---|---|\n"
    )
    for name, (ours, theirs, ratio, statements) in found.items():
        target = f"<= {SAMPLES[name]}" if SAMPLES[name] else ""
        sys.stdout.write(f"| {name} | {ours:.1f} | {theirs:.1f} | {ratio:.2f} | {target} | {statements} |\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
