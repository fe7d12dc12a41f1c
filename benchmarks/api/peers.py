"""The tree without figures beside PostGraphile on the same database, each a process of its own, asked in turns.

python -m benchmarks.api.peers [--rounds 60]; needs npm. PostGraphile compiles a query to SQL and is asked as the
superuser, without keys, tenants or limits.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from benchmarks.api import tree
from benchmarks.api.reads import compare, query
from benchmarks.ingest import servers
from benchmarks.ingest.engines import Engine, postgresql
from tests.ports import free_port

FOLDER = Path(__file__).parent / "peer"
TREE = """{ allObjectives(first: 50) { nodes { id title outcomesByTenantIdAndObjectiveId(first: 5) { nodes { id title
  alignmentsByTenantIdAndOutcomeId(first: 5) { nodes { initiativeByTenantIdAndInitiativeId { id title } } } } } } } }"""


@contextlib.contextmanager
def postgraphile(engine: Engine) -> Iterator[str]:
    """Run PostGraphile on the service's database; give the address of its graph."""
    subprocess.run(["npm", "--prefix", str(FOLDER), "ci", "--silent"], check=True)  # noqa: S603, S607  our own command
    port = free_port()
    address = f"postgresql:///{engine.database}?host={quote(str(engine.data))}&user=postgres"
    options = ["-c", address, "-s", "public", "-p", str(port), "-M", "--disable-query-log"]
    process = subprocess.Popen(  # noqa: S603  our own command
        ["node", "node_modules/.bin/postgraphile", *options],  # noqa: S607  node of this machine
        cwd=FOLDER,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        servers.await_answer(f"http://127.0.0.1:{port}/graphql", process)
        yield f"http://127.0.0.1:{port}/graphql"
    finally:
        servers.stop(process)


def initiatives(answer: Any) -> int:
    """Return how many initiatives a tree holds, however its fields are called: what both must agree on."""
    if isinstance(answer, list):
        return sum(map(initiatives, answer))
    if not isinstance(answer, dict):
        return 0
    return sum(map(initiatives, answer.values())) + str(answer.get("title", "")).startswith("Initiative")


async def _compared(ours: str, key: str, theirs: str, rounds: int) -> tuple[float, float, float]:
    asked, headers = {"query": query("(first: 5)")}, {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(headers=headers, timeout=60) as mine, httpx.AsyncClient(timeout=60) as other:
        sides = (lambda: mine.post(ours, json=asked)), (lambda: other.post(theirs, json={"query": TREE}))
        counts = [initiatives((await ask()).raise_for_status().json()) for ask in sides]
        if counts != [tree.OBJECTIVES * tree.OUTCOMES * tree.INITIATIVES] * 2:
            raise RuntimeError(f"the trees hold {counts} initiatives")
        return await compare(*sides, rounds)


async def _grow(base_url: str, key: str) -> None:
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(base_url=base_url, headers=headers, timeout=60) as client:
        await tree.grow(client)


def main() -> int:
    """Measure and print a Markdown table."""
    parser = argparse.ArgumentParser(prog="benchmarks.api.peers")
    parser.add_argument("--rounds", type=int, default=60)
    rounds = parser.parse_args().rounds
    with postgresql() as engine, servers.service(engine) as service:
        asyncio.run(_grow(service.base_url, service.key))
        with postgraphile(engine) as theirs:
            ours, other, ratio = asyncio.run(_compared(f"{service.base_url}/graphql", service.key, theirs, rounds))
    sys.stdout.write("| read | service, ms | PostGraphile, ms | ratio |\n|---|---|---|---|\n")
    sys.stdout.write(f"| tree without figures | {ours:.1f} | {other:.1f} | {ratio:.2f} |\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
