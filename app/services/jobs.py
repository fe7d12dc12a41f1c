"""Jobs: background work in one table, claimed with a lease, its effect committed together with its completion.

A job is *waiting* until `run_at`, *running* while a worker holds its lease, and gone when it is done; one that failed
too often is *dead*, with the reason, until it is replayed. Every worker that writes about a job names the token of its
lease: after another worker took the job over, that write is refused (fencing), and with it the effect.
"""

import contextlib
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID, uuid4, uuid5

from sqlalchemy import CursorResult, and_, delete, exists, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from app.domain.errors import NotFound
from app.logs import scrubbed
from app.models.tenancy import Job, Tenant
from app.models.unit import TenantScope, Units, unit_of
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
    """A kind of job: its name in the table, what it does in the unit of its tenant, and how often by itself.

    What takes more than one unit has `carry` instead of `work`. `buried` writes what else follows when a job dies, in
    a unit of its tenant.
    """

    name: str
    work: Work | None = None
    every: timedelta | None = None
    carry: "Callable[[Turn], Awaitable[None]] | None" = None
    buried: "Callable[[AsyncSession, Mapping[str, object]], Awaitable[None]] | None" = None


@dataclass(frozen=True, slots=True)
class Claim:
    """A job in the hands of one worker, until its lease ends."""

    job_id: UUID
    tenant: TenantScope
    kind: str
    arguments: Mapping[str, object]
    attempt: int
    token: UUID

    @property
    def spent(self) -> bool:
        """Whether every attempt is used up: the job is only to be buried."""
        return self.attempt > ATTEMPTS_MAX


class LeaseLost(Exception):
    """Another worker took the job over: nothing that was done for it may be committed."""


class Paused(Exception):
    """The worker is to stop: the job waits for the next one, which goes on where this one was."""


class Turn:
    """A job in hand that takes several units: each of them is fenced by the lease and counts as progress."""

    def __init__(self, units: Units, claim: Claim, paused: Callable[[], bool]) -> None:
        self.claim = claim
        self._units = units
        self._paused = paused

    @property
    def tenant(self) -> TenantScope:
        """The tenant that the job belongs to."""
        return self.claim.tenant

    @contextlib.asynccontextmanager
    async def writing(self, *, beginning: bool = False) -> AsyncIterator[AsyncSession]:
        """Open a writing unit; it commits only while the lease is held. Raises LeaseLost, and Paused before it.

        What got on has all its attempts again, unless this unit is only the `beginning`.
        """
        if self._paused():
            raise Paused
        async with self._units.transaction(self.tenant) as session:
            yield session
            await hold(session, self.claim, attempt=self.claim.attempt if beginning else 1)
        self.claim = replace(self.claim, attempt=self.claim.attempt if beginning else 1)

    def reading(self) -> AbstractAsyncContextManager[AsyncSession]:
        """Open a unit that only reads."""
        return self._units.reading(self.tenant)

    async def settle(self) -> None:
        """Bring the tenant's clock up to the present: what is read from now on is as of now."""
        await self._units.settle(self.tenant, datetime.now(UTC))


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


async def ensure(session: AsyncSession, job_id: UUID, kind: str, arguments: Mapping[str, object]) -> None:
    """Add the job of that id to the session's tenant, due now; one that is there already becomes due, dead or not."""
    unit = unit_of(session)
    now = unit.tick()
    values = {"tenant_id": unit.tenant.id, "kind": kind, "arguments": dict(arguments), "status": "waiting"}
    values |= {"id": job_id, "attempts": 0, "run_at": now, "created_at": now}
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    statement = insert(Job).values(**values)
    due = {"status": "waiting", "attempts": 0, "run_at": now}
    there = statement.on_conflict_do_update(index_elements=["id"], set_=due, where=col(Job.status) != "running")
    await session.execute(there, execution_options=_UNSYNCHRONISED)


async def owners(session: AsyncSession, kind: str, tenant_ids: Collection[UUID]) -> set[UUID]:
    """Return which of these tenants have a job of a kind, in whatever state."""
    theirs = select(col(Job.tenant_id)).where(col(Job.kind) == kind, col(Job.tenant_id).in_(tenant_ids))
    return set(await session.scalars(theirs.distinct()))


async def hasten(session: AsyncSession, kind: str, tenant_ids: Collection[UUID], now: datetime) -> None:
    """Make the waiting jobs of a kind that these tenants have due now."""
    later = (col(Job.status) == "waiting", col(Job.run_at) > now, col(Job.attempts) == 0)
    theirs = update(Job).where(col(Job.kind) == kind, col(Job.tenant_id).in_(tenant_ids), *later)
    await session.execute(theirs.values(run_at=now), execution_options=_UNSYNCHRONISED)


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


async def any_due(session: AsyncSession, kinds: Sequence[str], now: datetime, *, busy: Collection[UUID] = ()) -> bool:
    """Return whether a claim would find something."""
    found = exists().where(_due(kinds, now), col(Job.tenant_id).not_in(busy))
    return bool(await session.scalar(select(found)))


async def claim(
    session: AsyncSession,
    kinds: Sequence[str],
    now: datetime,
    *,
    lease: timedelta,
    limit: int,
    busy: Collection[UUID] = (),
) -> list[Claim]:
    """Take up to `limit` due jobs under one lease, the longest due first, past those that another worker is taking.

    Jobs of the tenants in `busy` are left. A job whose workers vanished in every attempt is taken once more, to be
    buried (`Claim.spent`).
    """
    statement = (
        select(Job, Tenant)
        .join(Tenant, col(Tenant.id) == col(Job.tenant_id))
        .where(_due(kinds, now), col(Tenant.status) == "active", col(Job.tenant_id).not_in(busy))
        .order_by(col(Job.run_at))
        .limit(limit)
        .with_for_update(of=Job, skip_locked=True)
    )
    token = uuid4()
    claims = []
    for job, tenant in await session.execute(statement):
        job.status, job.lease_token, job.lease_until = "running", token, now + min(lease, LEASE_MAX / 2)
        job.attempts += 1
        claims.append(Claim(job.id, tenants.scope(tenant), job.kind, job.arguments, job.attempts, token))
    await session.flush()
    return claims


async def extend(session: AsyncSession, claims: Sequence[Claim], now: datetime, *, lease: timedelta) -> None:
    """Renew the lease on those of some jobs, claimed together, that are still held."""
    until = now + min(lease, LEASE_MAX / 2)
    held = update(Job).where(
        col(Job.id).in_([claim.job_id for claim in claims]), col(Job.lease_token) == claims[0].token
    )
    held = held.values(lease_until=until)
    await session.execute(held, execution_options=_UNSYNCHRONISED)


async def hold(session: AsyncSession, claim: Claim, *, attempt: int) -> None:
    """Let a part of a job commit only if its lease is still held; it counts as `attempt` then. Raises LeaseLost."""
    await _fenced(session, update(Job).where(*_held(claim)).values(attempts=attempt))


async def release(session: AsyncSession, claim: Claim, now: datetime) -> None:
    """Give a job back that was not finished through no fault of its own. Raises LeaseLost."""
    await _fenced(session, _released(claim, status="waiting", run_at=now, attempts=claim.attempt - 1))


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

    A recurring job waits for its next turn instead. What an attempt before told stays when the worker vanished in the
    last ones. Raises LeaseLost.
    """
    error: Any = scrubbed(reason)[:_REASON_LENGTH]
    if claim.spent:
        error = func.coalesce(col(Job.error), error)
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
