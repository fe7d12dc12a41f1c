"""Jobs: background work in one table, claimed with a lease, its effect committed together with its completion.

A job is *waiting* until `run_at`, *running* while a worker holds its lease, and gone when it is done; one that failed
too often is *dead*, with the reason, until it is replayed. Every worker that writes about a job names the token of its
lease: after another worker took the job over, that write is refused (fencing), and with it the effect.
"""

import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID, uuid4, uuid5

from sqlalchemy import CursorResult, and_, delete, exists, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from app.domain.errors import NotFound
from app.logs import scrubbed
from app.models.tenancy import Job, Tenant
from app.models.unit import TenantScope, unit_of
from app.services import tenants

ATTEMPTS_MAX = 10
BACKOFF_FIRST = timedelta(seconds=10)
BACKOFF_MAX = timedelta(hours=1)
LEASE_MAX = timedelta(minutes=10)
"""No lease reaches that far; one that seems to was taken before the clock was set back, and is void."""

_JITTER = 0.2
_UNSYNCHRONISED = {"synchronize_session": False}
_REASON_LENGTH = 500
_random = secrets.SystemRandom()

Work = Callable[[AsyncSession, Mapping[str, object]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class JobKind:
    """A kind of job: its name in the table, what it does in the unit of its tenant, and how often by itself."""

    name: str
    work: Work
    every: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """A job in the hands of one worker, until its lease ends."""

    job_id: UUID
    tenant: TenantScope
    kind: str
    arguments: Mapping[str, object]
    attempt: int
    token: UUID


class LeaseLost(Exception):
    """Another worker took the job over: nothing that was done for it may be committed."""


async def enqueue(
    session: AsyncSession, kind: str, arguments: Mapping[str, object], *, run_at: datetime | None = None
) -> UUID:
    """Add a job of the session's tenant; it exists only if the caller's transaction commits."""
    unit = unit_of(session)
    now = unit.tick()
    job = Job(tenant_id=unit.tenant.id, kind=kind, arguments=dict(arguments), run_at=run_at or now, created_at=now)
    session.add(job)
    await session.flush()
    return job.id


async def ensure_recurring(session: AsyncSession, kind: JobKind, now: datetime) -> int:
    """Give every active tenant its job of a recurring kind, where it has none; return how many lacked it."""
    theirs = exists().where(col(Job.tenant_id) == col(Tenant.id), col(Job.kind) == kind.name)
    missing = await session.scalars(select(col(Tenant.id)).where(col(Tenant.status) == "active", ~theirs))
    added = [
        {
            "id": uuid5(tenant_id, kind.name),
            "tenant_id": tenant_id,
            "kind": kind.name,
            "arguments": {},
            "status": "waiting",
            "attempts": 0,
            "run_at": now,
            "created_at": now,
        }
        for tenant_id in missing
    ]
    if added:
        insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
        await session.execute(insert(Job).on_conflict_do_nothing(), added)
    return len(added)


async def any_due(session: AsyncSession, kinds: Sequence[str], now: datetime) -> bool:
    """Return whether a claim would find something."""
    return bool(await session.scalar(select(exists().where(_due(kinds, now)))))


async def claim(
    session: AsyncSession, kinds: Sequence[str], now: datetime, *, lease: timedelta, limit: int
) -> list[Claim]:
    """Take up to `limit` due jobs under one lease, the longest due first, past those that another worker is taking.

    A job whose workers vanished in every attempt is not taken again but dies.
    """
    statement = (
        select(Job, Tenant)
        .join(Tenant, col(Tenant.id) == col(Job.tenant_id))
        .where(_due(kinds, now), col(Tenant.status) == "active")
        .order_by(col(Job.run_at))
        .limit(limit)
        .with_for_update(of=Job, skip_locked=True)
    )
    token = uuid4()
    claims = []
    for job, tenant in await session.execute(statement):
        if job.attempts >= ATTEMPTS_MAX:
            job.status, job.lease_token, job.lease_until = "dead", None, None
            job.error = job.error or "its worker vanished in every attempt"
            continue
        job.status, job.lease_token, job.lease_until = "running", token, now + min(lease, LEASE_MAX / 2)
        job.attempts += 1
        claims.append(Claim(job.id, tenants.scope(tenant), job.kind, job.arguments, job.attempts, token))
    await session.flush()
    return claims


async def extend(session: AsyncSession, token: UUID, now: datetime, *, lease: timedelta) -> None:
    """Renew the lease on every job that is still held under `token`."""
    until = now + min(lease, LEASE_MAX / 2)
    held = update(Job).where(col(Job.lease_token) == token).values(lease_until=until)
    await session.execute(held, execution_options=_UNSYNCHRONISED)


async def finish(session: AsyncSession, claim: Claim, now: datetime, *, every: timedelta | None = None) -> None:
    """Complete a job in the transaction of its effect; a recurring one waits again. Raises LeaseLost."""
    if every is None:
        await _fenced(session, delete(Job).where(*_held(claim)))
    else:
        await _fenced(session, _released(claim, status="waiting", run_at=now + every, attempts=0, error=None))


async def fail(
    session: AsyncSession, claim: Claim, reason: str, now: datetime, *, every: timedelta | None = None
) -> bool:
    """Note why an attempt failed: it waits for the next one, or is dead after the last. Return whether it goes on.

    A recurring job waits for its next turn instead. Raises LeaseLost.
    """
    error = scrubbed(reason)[:_REASON_LENGTH]
    if claim.attempt < ATTEMPTS_MAX:
        await _fenced(session, _released(claim, status="waiting", run_at=now + backoff(claim.attempt), error=error))
        return True
    if every is not None:
        await _fenced(session, _released(claim, status="waiting", run_at=now + every, attempts=0, error=error))
        return True
    await _fenced(session, _released(claim, status="dead", error=error))
    return False


async def replay(session: AsyncSession, job_id: UUID, now: datetime) -> Job:
    """Let a dead job run again, with all its attempts. Raises NotFound when there is no dead job of that id."""
    job = await session.get(Job, job_id)
    if job is None or job.status != "dead":
        raise NotFound("There is no dead job of that id: `throughline job list --dead` shows them.")
    job.status, job.run_at, job.attempts = "waiting", now, 0
    await session.flush()
    return job


async def listed(session: AsyncSession, *, dead: bool = False, limit: int = 100) -> list[tuple[Job, str]]:
    """Return jobs with the slugs of their tenants, the next to run first; `dead`: only those that gave up."""
    statement = select(Job, col(Tenant.slug)).join(Tenant, col(Tenant.id) == col(Job.tenant_id))
    if dead:
        statement = statement.where(col(Job.status) == "dead")
    rows = await session.execute(statement.order_by(col(Job.run_at), col(Job.id)).limit(limit))
    return [(job, slug) for job, slug in rows]


async def oldest_due_seconds(session: AsyncSession, now: datetime) -> float:
    """Return for how long the longest waiting due job has been due; 0 when none is."""
    due = select(func.min(col(Job.run_at))).where(col(Job.status) == "waiting", col(Job.run_at) <= now)
    oldest = await session.scalar(due)
    return (now - oldest).total_seconds() if oldest else 0.0


async def count_dead(session: AsyncSession) -> int:
    """Return how many jobs gave up."""
    return await session.scalar(select(func.count()).select_from(Job).where(col(Job.status) == "dead")) or 0


def backoff(attempt: int) -> timedelta:
    """Return the pause after the given failed attempt (1: the first): doubling, capped, with jitter."""
    pause = min(BACKOFF_FIRST * (1 << (attempt - 1)), BACKOFF_MAX)
    return pause * _random.uniform(1 - _JITTER, 1 + _JITTER)


def _due(kinds: Sequence[str], now: datetime) -> Any:
    waiting = and_(col(Job.status) == "waiting", col(Job.run_at) <= now)
    abandoned = or_(col(Job.lease_until) <= now, col(Job.lease_until) > now + LEASE_MAX)
    return and_(col(Job.kind).in_(kinds), or_(waiting, and_(col(Job.status) == "running", abandoned)))


def _held(claim: Claim) -> tuple[Any, ...]:
    return col(Job.id) == claim.job_id, col(Job.lease_token) == claim.token


def _released(claim: Claim, **values: object) -> Any:
    return update(Job).where(*_held(claim)).values(lease_token=None, lease_until=None, **values)


async def _fenced(session: AsyncSession, statement: Any) -> None:
    result = cast("CursorResult[Any]", await session.execute(statement, execution_options=_UNSYNCHRONISED))
    if result.rowcount != 1:
        raise LeaseLost
