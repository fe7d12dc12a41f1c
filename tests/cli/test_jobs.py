"""`throughline job`: what is waiting and what gave up, and letting it run again."""

import asyncio
import secrets
from datetime import UTC, datetime

from app.config import Settings
from app.db import Database
from app.services import jobs, tenants
from tests.cli.conftest import Command, answered


async def bury(settings: Settings, kind: str, slug: str) -> str:
    """Leave a dead job of a new kind behind; return its id."""
    database = Database(settings)
    async with database.reading(None) as session:
        tenant = await tenants.by_slug(session, slug)
    assert tenant is not None
    async with database.transaction(tenants.scope(tenant)) as session:
        job_id = await jobs.enqueue(session, kind, {}, run_at=datetime(2020, 1, 1, tzinfo=UTC))
    async with database.founding() as session:
        job = await session.get_one(jobs.Job, job_id)
        job.status, job.error = "dead", "ValueError: the address is wrong"
    await database.dispose()
    return str(job_id)


def test_a_dead_job_is_shown_with_its_reason_and_replayed(command: Command, settings: Settings) -> None:
    slug = f"j-{secrets.token_hex(6)}"
    kind = f"test_{secrets.token_hex(6)}"
    command("tenant", "create", slug)
    job_id = asyncio.run(bury(settings, kind, slug))

    dead = answered(command("job", "list", "--dead", "--json"))["items"]
    shown = command("job", "list", "--dead").stdout
    replayed = command("job", "replay", job_id)
    after = answered(command("job", "list", "--dead", "--json"))["items"]

    mine = next(job for job in dead if job["id"] == job_id)
    assert (mine["kind"], mine["tenant"], mine["error"]) == (kind, slug, "ValueError: the address is wrong")
    assert "ValueError: the address is wrong" in shown
    assert replayed.stdout == f"The job {job_id} runs again.\n"
    assert job_id not in [job["id"] for job in after]
    assert command("job", "replay", job_id).exit_code == 2
