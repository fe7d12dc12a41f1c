"""`throughline job ...`: background work that is waiting, running or dead."""

import asyncio
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

import typer

from app.cli.answers import Mistake, print_json
from app.cli.databases import opened, read_settings
from app.cli.tenants import JsonOption
from app.config import Settings
from app.models.tenancy import Job
from app.services import jobs

commands = typer.Typer(help="Background work.", no_args_is_help=True)


@commands.command("list")
def list_some(
    *,
    dead: Annotated[bool, typer.Option("--dead", help="Only those that gave up.")] = False,
    as_json: JsonOption = False,
) -> None:
    """List the next hundred jobs, with the reason of their last failure."""
    found = asyncio.run(_list(read_settings(), dead=dead))
    if as_json:
        names = ("id", "kind", "status", "attempts", "run_at", "error")
        print_json({"items": [{name: getattr(job, name) for name in names} | {"tenant": slug} for job, slug in found]})
        return
    for job, slug in found:
        typer.echo(f"{job.id}  {job.status:<7}  {job.run_at:%Y-%m-%dT%H:%M:%SZ}  {slug}  {job.kind}  {job.error or ''}")


@commands.command("replay")
def replay(job: Annotated[str, typer.Argument(help="Id of a dead job.")]) -> None:
    """Let a dead job run again."""
    try:
        job_id = UUID(job)
    except ValueError as error:
        raise Mistake("That is no id of a job: `throughline job list --dead` shows those that gave up.") from error
    asyncio.run(_replay(read_settings(), job_id))
    typer.echo(f"The job {job_id} runs again.")


async def _list(settings: Settings, *, dead: bool) -> list[tuple[Job, str]]:
    async with opened(settings) as database, database.reading(None) as session:
        return await jobs.listed(session, dead=dead)


async def _replay(settings: Settings, job_id: UUID) -> None:
    async with opened(settings) as database, database.founding() as session:
        await jobs.replay(session, job_id, datetime.now(UTC))
