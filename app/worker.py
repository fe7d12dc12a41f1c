"""The worker: claims due jobs and does each in one transaction of its tenant, beside the doors or on its own."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from app.db import Database
from app.domain.errors import Unavailable
from app.services import hooks, idempotency, jobs, operations, publications, sources
from app.services.jobs import Claim, JobKind, LeaseLost, Paused, Turn
from app.vault import Vault
from app.work import effects, imports, restatements

log = structlog.get_logger(__name__)

KINDS = (
    JobKind("purge_idempotency_records", idempotency.purge, every=timedelta(hours=6)),
    JobKind("purge_operations", operations.purge, every=timedelta(hours=6)),
    JobKind("purge_webhook_log", hooks.purge, every=timedelta(hours=24)),
    JobKind("restate_figures", publications.check, every=timedelta(minutes=1)),
    JobKind("mark_silent_sources", sources.mark_silent, every=timedelta(minutes=1)),
)
"""Every kind of job that is done in one unit."""


def long_kinds(vault: Vault) -> tuple[JobKind, ...]:
    """Return every kind of job that takes more than one unit: operations, and what estimates effects anew."""
    return imports.kind(vault), effects.KIND, restatements.KIND


LEASE = timedelta(seconds=60)
POLL_SECONDS = 1.0
RECURRING_SECONDS = 60.0
AT_ONCE = 4


class WorkerVanished(Exception):
    """No worker that took a job lived to say what became of it."""


class Worker:
    """Works jobs off until it is told to stop; the database being away only delays it."""

    def __init__(self, database: Database, kinds: Sequence[JobKind] = KINDS, *, lease: timedelta = LEASE) -> None:
        self._database = database
        self._kinds = {kind.name: kind for kind in kinds}
        self._lease = lease
        self._busy: set[UUID] = set()
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Let `run` return after the jobs in hand; nothing new is claimed."""
        self._stopping.set()

    async def run(self) -> None:
        """Work until `stop` is called. While one tenant's job takes long, those of others go on beside it."""
        ensure_at = 0.0
        hands: set[asyncio.Task[None]] = set()
        while not self._stopping.is_set():
            claimed = 0
            try:
                if asyncio.get_running_loop().time() >= ensure_at:
                    await self.ensure_recurring()
                    ensure_at = asyncio.get_running_loop().time() + RECURRING_SECONDS
                queues = await self._claim(AT_ONCE - len(hands))
                claimed = len(queues)
                hands |= {asyncio.create_task(self._work_in_turn(queue)) for queue in queues}
            except Unavailable as error:
                log.warning("worker_waits", reason=error.detail)
            except Exception:
                log.exception("worker_stumbled")
            hands -= {hand for hand in hands if hand.done()}
            if not claimed:
                await self._rest(hands)
        if hands:
            await asyncio.wait(hands)

    async def _rest(self, hands: set[asyncio.Task[None]]) -> None:
        """Wait until told to stop, until a job is done, or for the time between two looks at the table."""
        stopping = asyncio.create_task(self._stopping.wait())
        await asyncio.wait({stopping, *hands}, timeout=POLL_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()

    async def ensure_recurring(self) -> None:
        """Add the recurring jobs that are missing, such as those of new tenants."""
        async with self._database.founding() as session:
            for kind in self._kinds.values():
                if kind.every is not None:
                    await jobs.ensure_recurring(session, kind, _now())

    async def work_off(self) -> int:
        """Claim what is due, a few jobs at once, and do it; return how many were claimed."""
        queues = await self._claim(AT_ONCE)
        await asyncio.gather(*map(self._work_in_turn, queues))
        return sum(map(len, queues))

    async def _claim(self, most: int) -> list[list[Claim]]:
        """Claim what is due, up to `most` jobs, none of a tenant whose jobs are in hand; return them by tenant."""
        if most <= 0:
            return []
        names = list(self._kinds)
        async with self._database.reading(None) as session:
            if not await jobs.any_due(session, names, _now(), busy=self._busy):
                return []
        async with self._database.founding() as session:
            claims = await jobs.claim(session, names, _now(), lease=self._lease, limit=most, busy=self._busy)
        queues: dict[UUID, list[Claim]] = {}
        for claim in claims:
            queues.setdefault(claim.tenant.id, []).append(claim)
        self._busy |= queues.keys()
        return list(queues.values())

    async def _work_in_turn(self, claims: Sequence[Claim]) -> None:
        """Do the jobs of one tenant one after the other: together they would only wait for its clock."""
        try:
            async with self._held(claims):
                for claim in claims:
                    await self._work(claim)
        finally:
            self._busy.discard(claims[0].tenant.id)

    async def _work(self, claim: Claim) -> None:
        told = log.bind(job_id=str(claim.job_id), kind=claim.kind, tenant=claim.tenant.slug, attempt=claim.attempt)
        turn = Turn(self._database, claim, self._stopping.is_set)
        try:
            error = await self._attempt(turn)
            if error is None:
                told.info("job_done")
            elif isinstance(error, Paused):
                async with self._database.founding() as session:
                    await jobs.release(session, turn.claim, _now())
                told.info("job_paused")
            elif await self._note_failure(turn.claim, error):
                told.warning("job_failed", exc_info=error)
            else:
                told.error("job_dead", exc_info=error)
        except LeaseLost:
            told.warning("job_taken_over")
        except Unavailable as error:
            told.warning("job_left_to_its_lease", reason=error.detail)

    async def _attempt(self, turn: Turn) -> Exception | None:
        """Do a job; return what went wrong. Raises LeaseLost."""
        kind = self._kinds[turn.claim.kind]
        try:
            if turn.claim.spent:
                return WorkerVanished("its worker vanished in every attempt")
            if kind.carry is not None:
                await kind.carry(turn)
            async with self._unit(kind, turn) as session:
                if kind.work is not None:
                    await kind.work(session, turn.claim.arguments)
                await jobs.finish(session, turn.claim, _now(), every=kind.every)
        except LeaseLost:
            raise
        except Exception as error:  # noqa: BLE001  whatever a job does, the next one is worked off
            return error
        return None

    def _unit(self, kind: JobKind, turn: Turn) -> AbstractAsyncContextManager[AsyncSession]:
        return self._database.founding() if kind.work is None else self._database.transaction(turn.tenant)

    async def _note_failure(self, claim: Claim, error: Exception) -> bool:
        """Write down why a job failed; return whether it will be tried again. Raises LeaseLost and Unavailable."""
        cause = error.__cause__ if isinstance(error, Unavailable) and error.__cause__ else error
        kind = self._kinds[claim.kind]
        reason = f"{type(cause).__name__}: {cause}"
        async with (
            self._database.founding() if kind.buried is None else self._database.transaction(claim.tenant) as session
        ):
            goes_on = await jobs.fail(session, claim, reason, _now(), every=kind.every)
            if not goes_on and kind.buried is not None:
                await kind.buried(session, claim.arguments)
            return goes_on

    @contextlib.asynccontextmanager
    async def _held(self, claims: Sequence[Claim]) -> AsyncIterator[None]:
        """Renew the leases of jobs while they are worked on."""
        done = asyncio.Event()
        renewing = asyncio.create_task(self._renew(claims, done))
        try:
            yield
        finally:
            done.set()
            await renewing

    async def _renew(self, claims: Sequence[Claim], done: asyncio.Event) -> None:
        while not await _within(done, self._lease.total_seconds() / 3):
            with contextlib.suppress(Unavailable):
                async with self._database.founding() as session:
                    await jobs.extend(session, claims, _now(), lease=self._lease)


class Crew:
    """Two workers side by side, so that no operation, however long, holds up what is due every minute."""

    def __init__(self, database: Database, vault: Vault, *, lease: timedelta = LEASE) -> None:
        self._workers = (Worker(database, lease=lease), Worker(database, long_kinds(vault), lease=lease))

    def stop(self) -> None:
        """Let `run` return after the units in hand."""
        for worker in self._workers:
            worker.stop()

    async def run(self) -> None:
        """Work until `stop` is called."""
        await asyncio.gather(*(worker.run() for worker in self._workers))


async def _within(event: asyncio.Event, seconds: float) -> bool:
    """Wait for `event`, at most so long; return whether it came."""
    try:
        async with asyncio.timeout(seconds):
            return await event.wait()
    except TimeoutError:
        return False


def _now() -> datetime:
    return datetime.now(UTC)
