"""The courier: sends what waits for webhook endpoints, many endpoints at once, none of them holding up another.

It works the job that every active endpoint has. While it calls, it holds no unit of work: a message is taken in one,
and what became of it noted in another. A worker that dies in between leaves a message that is due again: it is sent
once at the least.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from time import monotonic
from uuid import UUID

import structlog

from app.db import Database
from app.domain.errors import Unavailable
from app.models.unit import TenantScope
from app.outbound import Outbound
from app.services import hooks, jobs, outgoing
from app.services.jobs import Claim, LeaseLost
from app.services.outgoing import Batch, Outcome, Parcel
from app.vault import Vault

log = structlog.get_logger(__name__)

LEASE = timedelta(seconds=60)
POLL_SECONDS = 1.0
AT_ONCE = 64
"""Endpoints served at once."""


def _now() -> datetime:
    return datetime.now(UTC)


class Courier:
    """Sends until it is told to stop; the database being away only delays it."""

    def __init__(
        self, database: Database, vault: Vault, outbound: Outbound, *, clock: Callable[[], datetime] = _now
    ) -> None:
        self._database = database
        self._vault = vault
        self._outbound = outbound
        self._clock = clock
        self._stopping = asyncio.Event()
        self._woken = asyncio.Event()
        self._changed: set[UUID] = set()
        self._deaf: dict[UUID, float] = {}
        self._serving: set[asyncio.Task[None]] = set()

    def ring(self, tenant: TenantScope) -> None:
        """Tell that something of a tenant has changed: its endpoints are looked at now instead of soon.

        A tenant that had none a moment ago is asked for again within a second: most have none, and change all the time.
        """
        self._changed.add(tenant.id)
        if tenant.id not in self._deaf:
            self._woken.set()

    def stop(self) -> None:
        """Let `run` return after the attempts in hand."""
        self._stopping.set()
        self._woken.set()

    async def run(self) -> None:
        """Send until `stop` is called."""
        while not self._stopping.is_set():
            claimed = 0
            try:
                await self._hasten()
                claimed = len(await self.begin())
            except Unavailable as error:
                log.warning("courier_waits", reason=error.detail)
            except Exception:
                log.exception("courier_stumbled")
            if not claimed:
                await self._rest()
        if self._serving:
            await asyncio.wait(self._serving)

    async def begin(self) -> list[asyncio.Task[None]]:
        """Claim the endpoints that are due, as many as there is room for, and begin to serve each; return the tasks."""
        room = AT_ONCE - len(self._serving)
        if room <= 0:
            return []
        async with self._database.reading(None) as session:
            if not await jobs.any_due(session, [hooks.JOB], self._clock()):
                return []
        async with self._database.founding() as session:
            claims = await jobs.claim(session, [hooks.JOB], self._clock(), lease=LEASE, limit=room)
        begun = [asyncio.create_task(self._serve(claim)) for claim in claims]
        self._serving.update(begun)
        for task in begun:
            task.add_done_callback(self._serving.discard)
        return begun

    async def work_off(self) -> int:
        """Serve every endpoint that is due, and wait for it; return how many were served."""
        begun = await self.begin()
        await asyncio.gather(*begun)
        return len(begun)

    async def _rest(self) -> None:
        """Wait until something changes, or for a second; a burst of changes is one."""
        try:
            async with asyncio.timeout(POLL_SECONDS):
                await self._woken.wait()
        except TimeoutError:
            return
        self._woken.clear()

    async def _hasten(self) -> None:
        """Make due what the endpoints of changed tenants have waiting."""
        now = monotonic()
        self._deaf = {tenant_id: until for tenant_id, until in self._deaf.items() if until > now}
        changed = self._changed - self._deaf.keys()
        if not changed:
            return
        self._changed -= changed
        try:
            async with self._database.reading(None) as session:
                listening = await jobs.owners(session, hooks.JOB, changed)
            if listening:
                async with self._database.founding() as session:
                    await jobs.hasten(session, hooks.JOB, listening, self._clock())
        except Unavailable:
            self._changed |= changed
            raise
        self._deaf |= dict.fromkeys(changed - listening, now + POLL_SECONDS)

    async def _serve(self, claim: Claim) -> None:
        """Send one batch to one endpoint."""
        told = log.bind(job_id=str(claim.job_id), kind=claim.kind, tenant=claim.tenant.slug)
        try:
            await self._deliver(claim)
        except LeaseLost:
            told.warning("job_taken_over")
        except Unavailable as error:
            told.warning("job_left_to_its_lease", reason=error.detail)
        except Exception as error:  # noqa: BLE001  whatever goes wrong with one endpoint, the others are served
            told.exception("job_failed")
            async with self._database.founding() as session:
                reason = f"{type(error).__name__}: {error}"
                await jobs.fail(session, claim, reason, self._clock(), every=outgoing.IDLE)

    async def _deliver(self, claim: Claim) -> None:
        endpoint_id = UUID(str(claim.arguments["endpoint_id"]))
        async with self._database.transaction(claim.tenant) as session:
            batch = await outgoing.take(session, self._vault, endpoint_id, self._clock())
            if batch is None:
                await jobs.finish(session, claim, self._clock())
                return
        outcomes: Sequence[Outcome] = await asyncio.gather(*(self._attempt(batch, each) for each in batch.parcels))
        async with self._database.transaction(claim.tenant) as session:
            pause = await outgoing.note(session, endpoint_id, outcomes, self._clock())
            await jobs.finish(session, claim, self._clock(), every=pause)

    async def _attempt(self, batch: Batch, parcel: Parcel) -> Outcome:
        at = self._clock()
        return Outcome(parcel, at, await outgoing.post(self._outbound, batch.url, batch.secrets, parcel, at))
