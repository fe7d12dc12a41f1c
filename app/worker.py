"""The worker: claims due jobs and does each in one transaction of its tenant, beside the doors or on its own."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import structlog

from app.db import Database
from app.domain.errors import Unavailable
from app.services import idempotency, jobs, sources
from app.services.jobs import Claim, JobKind, LeaseLost

log = structlog.get_logger(__name__)

KINDS = (
    JobKind("purge_idempotency_records", idempotency.purge, every=timedelta(hours=6)),
    JobKind("mark_silent_sources", sources.mark_silent, every=timedelta(minutes=1)),
)
"""Every kind of job there is."""

LEASE = timedelta(seconds=60)
POLL_SECONDS = 1.0
RECURRING_SECONDS = 60.0
AT_ONCE = 4


class Worker:
    """Works jobs off until it is told to stop; the database being away only delays it."""

    def __init__(self, database: Database, kinds: Sequence[JobKind] = KINDS, *, lease: timedelta = LEASE) -> None:
        self._database = database
        self._kinds = {kind.name: kind for kind in kinds}
        self._lease = lease
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Let `run` return after the jobs in hand; nothing new is claimed."""
        self._stopping.set()

    async def run(self) -> None:
        """Work until `stop` is called."""
        ensure_at = 0.0
        while not self._stopping.is_set():
            claimed = 0
            try:
                if asyncio.get_running_loop().time() >= ensure_at:
                    await self.ensure_recurring()
                    ensure_at = asyncio.get_running_loop().time() + RECURRING_SECONDS
                claimed = await self.work_off()
            except Unavailable as error:
                log.warning("worker_waits", reason=error.detail)
            except Exception:
                log.exception("worker_stumbled")
            if not claimed:
                await _within(self._stopping, POLL_SECONDS)

    async def ensure_recurring(self) -> None:
        """Add the recurring jobs that are missing, such as those of new tenants."""
        async with self._database.founding() as session:
            for kind in self._kinds.values():
                if kind.every is not None:
                    await jobs.ensure_recurring(session, kind, _now())

    async def work_off(self) -> int:
        """Claim what is due, a few jobs at once, and do it; return how many were claimed."""
        names = list(self._kinds)
        async with self._database.reading(None) as session:
            if not await jobs.any_due(session, names, _now()):
                return 0
        async with self._database.founding() as session:
            claims = await jobs.claim(session, names, _now(), lease=self._lease, limit=AT_ONCE)
        if claims:
            queues: dict[UUID, list[Claim]] = {}
            for claim in claims:
                queues.setdefault(claim.tenant.id, []).append(claim)
            async with self._held(claims[0].token):
                await asyncio.gather(*(self._work_in_turn(queue) for queue in queues.values()))
        return len(claims)

    async def _work_in_turn(self, claims: Sequence[Claim]) -> None:
        """Do the jobs of one tenant one after the other: together they would only wait for its clock."""
        for claim in claims:
            told = log.bind(job_id=str(claim.job_id), kind=claim.kind, tenant=claim.tenant.slug, attempt=claim.attempt)
            try:
                error = await self._attempt(claim)
                if error is None:
                    told.info("job_done")
                elif await self._note_failure(claim, error):
                    told.warning("job_failed", exc_info=error)
                else:
                    told.error("job_dead", exc_info=error)
            except LeaseLost:
                told.warning("job_taken_over")
            except Unavailable as error:
                told.warning("job_left_to_its_lease", reason=error.detail)

    async def _attempt(self, claim: Claim) -> Exception | None:
        """Do a job; return what went wrong. Raises LeaseLost."""
        kind = self._kinds[claim.kind]
        try:
            async with self._database.transaction(claim.tenant) as session:
                await kind.work(session, claim.arguments)
                await jobs.finish(session, claim, _now(), every=kind.every)
        except LeaseLost:
            raise
        except Exception as error:  # noqa: BLE001  whatever a job does, the next one is worked off
            return error
        return None

    async def _note_failure(self, claim: Claim, error: Exception) -> bool:
        """Write down why a job failed; return whether it will be tried again. Raises LeaseLost and Unavailable."""
        cause = error.__cause__ if isinstance(error, Unavailable) and error.__cause__ else error
        async with self._database.founding() as session:
            reason = f"{type(cause).__name__}: {cause}"
            return await jobs.fail(session, claim, reason, _now(), every=self._kinds[claim.kind].every)

    @contextlib.asynccontextmanager
    async def _held(self, token: UUID) -> AsyncIterator[None]:
        """Renew a lease while the jobs under it are worked on."""
        done = asyncio.Event()
        renewing = asyncio.create_task(self._renew(token, done))
        try:
            yield
        finally:
            done.set()
            await renewing

    async def _renew(self, token: UUID, done: asyncio.Event) -> None:
        while not await _within(done, self._lease.total_seconds() / 3):
            with contextlib.suppress(Unavailable):
                async with self._database.founding() as session:
                    await jobs.extend(session, token, _now(), lease=self._lease)


async def _within(event: asyncio.Event, seconds: float) -> bool:
    """Wait for `event`, at most so long; return whether it came."""
    try:
        async with asyncio.timeout(seconds):
            return await event.wait()
    except TimeoutError:
        return False


def _now() -> datetime:
    return datetime.now(UTC)
