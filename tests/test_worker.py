"""Jobs: claimed with a lease, fenced, retried, buried and replayed; an effect and its completion commit together."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from app.config import Settings
from app.db import Database
from app.domain.errors import NotFound
from app.models.objectives import Objective, ObjectiveWrite
from app.models.tenancy import IdempotencyRecord, Job
from app.models.unit import TenantScope, unit_of
from app.services import idempotency, jobs, nouns
from app.services.jobs import JobKind, LeaseLost
from app.services.objectives import OBJECTIVES
from app.worker import KINDS, Worker
from tests.engines import Organisation, found_tenant

LEASE = timedelta(seconds=30)


def now() -> datetime:
    return datetime.now(UTC)


async def write_objective(session: AsyncSession, arguments: Mapping[str, object]) -> None:
    await nouns.create(session, OBJECTIVES, ObjectiveWrite(title=str(arguments["title"])))


async def objectives_of(database: Database, tenant: TenantScope) -> list[str]:
    async with database.reading(tenant) as session:
        return sorted(await session.scalars(select(col(Objective.title))))


async def job_of(database: Database, job_id) -> Job | None:
    async with database.reading(None) as session:
        return await session.get(Job, job_id)


async def enqueued(database: Database, tenant: TenantScope, kind: str, **arguments: object):
    async with database.transaction(tenant) as session:
        return await jobs.enqueue(session, kind, arguments)


async def claimed(database: Database, kind: str, at: datetime, lease: timedelta = LEASE) -> list[jobs.Claim]:
    async with database.founding() as session:
        return await jobs.claim(session, [kind], at, lease=lease, limit=10)


async def done(database: Database, claim: jobs.Claim) -> None:
    async with database.transaction(claim.tenant) as session:
        await write_objective(session, claim.arguments)
        await jobs.finish(session, claim, now())


async def failed(database: Database, claim: jobs.Claim, at: datetime) -> bool:
    async with database.founding() as session:
        return await jobs.fail(session, claim, "ValueError: no title", at)


def new_kind(work=write_objective, **options) -> JobKind:
    """A kind of one test: no other test's worker touches its jobs."""
    return JobKind(f"test_{uuid4().hex}", work, **options)


async def test_a_job_is_done_once_and_leaves_the_table(database: Database, acme: Organisation) -> None:
    kind = new_kind()
    job_id = await enqueued(database, acme.scope, kind.name, title="Cut scrap")
    worker = Worker(database, [kind])

    rounds = [await worker.work_off(), await worker.work_off()]

    assert rounds == [1, 0]
    assert await objectives_of(database, acme.scope) == ["Cut scrap"]
    assert await job_of(database, job_id) is None


async def test_a_job_of_a_transaction_that_rolls_back_does_not_exist(database: Database, acme: Organisation) -> None:
    kind = new_kind()

    async def enqueues_and_fails() -> None:
        async with database.transaction(acme.scope) as session:
            await jobs.enqueue(session, kind.name, {"title": "never"})
            raise LookupError

    with pytest.raises(LookupError):
        await enqueues_and_fails()
    assert await Worker(database, [kind]).work_off() == 0


async def test_a_job_waits_for_its_time(database: Database, acme: Organisation) -> None:
    kind = new_kind()
    later = now() + timedelta(hours=1)
    async with database.transaction(acme.scope) as session:
        await jobs.enqueue(session, kind.name, {}, run_at=later)

    assert await claimed(database, kind.name, now()) == []
    assert len(await claimed(database, kind.name, later)) == 1


async def test_two_workers_never_hold_the_same_job(database: Database, acme: Organisation) -> None:
    kind = new_kind()
    for number in range(6):
        await enqueued(database, acme.scope, kind.name, title=str(number))
    workers = [Worker(database, [kind]) for _ in range(3)]

    while any([await found for found in asyncio.as_completed([worker.work_off() for worker in workers])]):
        pass

    assert await objectives_of(database, acme.scope) == ["0", "1", "2", "3", "4", "5"]


async def test_a_job_that_another_worker_is_taking_is_passed_and_not_waited_for(postgresql_settings: Settings) -> None:
    database = Database(postgresql_settings)
    scope, _ = await found_tenant(database, ["read"])
    kind = new_kind()
    for _ in range(2):
        await enqueued(database, scope, kind.name)

    async with database.founding() as first, database.founding() as second, asyncio.timeout(2):
        [one] = await jobs.claim(first, [kind.name], now(), lease=LEASE, limit=1)
        [other] = await jobs.claim(second, [kind.name], now(), lease=LEASE, limit=1)
    await database.dispose()

    assert one.job_id != other.job_id


async def test_a_failed_attempt_leaves_no_effect_and_is_tried_again_later(
    database: Database, acme: Organisation
) -> None:
    async def fails_after_its_effect(session: AsyncSession, arguments: Mapping[str, object]) -> None:
        await write_objective(session, arguments)
        raise ValueError("the address postgresql://me:hunter2@host/db is wrong")

    kind = new_kind(fails_after_its_effect)
    job_id = await enqueued(database, acme.scope, kind.name, title="half")

    await Worker(database, [kind]).work_off()

    job = await job_of(database, job_id)
    assert job is not None
    assert (job.status, job.attempts) == ("waiting", 1)
    assert job.error == "ValueError: the address postgresql://me:***@host/db is wrong"
    assert timedelta(seconds=7) < job.run_at - now() < timedelta(seconds=13)
    assert await objectives_of(database, acme.scope) == []


def test_pauses_double_up_to_an_hour_with_jitter() -> None:
    seconds = [jobs.backoff(attempt).total_seconds() for attempt in range(1, 13)]

    for attempt, pause in enumerate(seconds):
        whole = min(10 * 2**attempt, 3600)
        assert 0.8 * whole <= pause <= 1.2 * whole
    assert len({jobs.backoff(3) for _ in range(5)}) > 1


async def test_a_poison_job_dies_with_its_reason_and_runs_after_replay(database: Database, acme: Organisation) -> None:
    kind = new_kind()
    poison = await enqueued(database, acme.scope, kind.name, tilte="misspelt")
    at = now()
    for _ in range(jobs.ATTEMPTS_MAX):
        at += timedelta(hours=2)
        [claim] = await claimed(database, kind.name, at)
        goes_on = await failed(database, claim, at)

    dead = await job_of(database, poison)
    assert not goes_on
    assert dead is not None
    assert (dead.status, dead.error) == ("dead", "ValueError: no title")
    good = await enqueued(database, acme.scope, kind.name, title="good")
    await Worker(database, [kind]).work_off()
    assert await job_of(database, good) is None
    async with database.founding() as session:
        replayed = await jobs.replay(session, poison, now())
        replayed.arguments = {"title": "mended"}
    await Worker(database, [kind]).work_off()
    assert await objectives_of(database, acme.scope) == ["good", "mended"]


async def test_only_a_dead_job_can_be_replayed(database: Database, acme: Organisation) -> None:
    job_id = await enqueued(database, acme.scope, new_kind().name)

    async with database.founding() as session:
        for other in (job_id, uuid4()):
            with pytest.raises(NotFound, match="no dead job"):
                await jobs.replay(session, other, now())


async def test_a_job_whose_worker_vanished_is_taken_over_after_its_lease(
    database: Database, acme: Organisation
) -> None:
    kind = new_kind()
    await enqueued(database, acme.scope, kind.name, title="Cut scrap")
    start = now()
    [first] = await claimed(database, kind.name, start)

    assert await claimed(database, kind.name, start + LEASE - timedelta(seconds=1)) == []
    [second] = await claimed(database, kind.name, start + LEASE)
    assert (first.attempt, second.attempt) == (1, 2)
    assert first.token != second.token


async def test_a_zombie_cannot_commit_after_another_worker_took_over(database: Database, acme: Organisation) -> None:
    kind = new_kind()
    await enqueued(database, acme.scope, kind.name, title="Cut scrap")
    start = now()
    [zombie] = await claimed(database, kind.name, start)
    [heir] = await claimed(database, kind.name, start + LEASE)

    with pytest.raises(LeaseLost):
        await done(database, zombie)
    with pytest.raises(LeaseLost):
        await failed(database, zombie, now())

    assert await objectives_of(database, acme.scope) == []
    await done(database, heir)
    assert await objectives_of(database, acme.scope) == ["Cut scrap"]


async def test_a_lease_is_renewed_while_its_job_is_done(database: Database, acme: Organisation) -> None:
    held = asyncio.Event()

    async def slow(_session: AsyncSession, _arguments: Mapping[str, object]) -> None:
        held.set()
        await asyncio.sleep(0.5)

    kind = new_kind(slow)
    job_id = await enqueued(database, acme.scope, kind.name)
    working = asyncio.create_task(Worker(database, [kind], lease=timedelta(seconds=0.3)).work_off())
    await held.wait()
    first = await job_of(database, job_id)
    await asyncio.sleep(0.3)
    later = await job_of(database, job_id)
    await working

    assert first is not None
    assert later is not None
    if not database.embedded:  # on SQLite the one writer is the job itself, and nobody else can take it meanwhile
        assert later.lease_until > first.lease_until
    assert await job_of(database, job_id) is None


async def test_a_lease_from_before_the_clock_was_set_back_binds_nobody(database: Database, acme: Organisation) -> None:
    kind = new_kind()
    await enqueued(database, acme.scope, kind.name)
    tomorrow = now() + timedelta(days=1)
    assert len(await claimed(database, kind.name, tomorrow)) == 1

    assert len(await claimed(database, kind.name, now())) == 1


async def test_a_job_that_kills_its_worker_every_time_dies(database: Database, acme: Organisation) -> None:
    kind = new_kind()
    job_id = await enqueued(database, acme.scope, kind.name)
    at = now()
    for _ in range(jobs.ATTEMPTS_MAX):
        [_claim] = await claimed(database, kind.name, at)
        at += LEASE

    async with database.founding() as session:
        await session.execute(update(Job).where(col(Job.id) == job_id).values(lease_until=now()))
    await Worker(database, [kind]).work_off()
    job = await job_of(database, job_id)
    assert job is not None
    assert (job.status, job.error) == ("dead", "WorkerVanished: its worker vanished in every attempt")


async def test_a_recurring_job_comes_once_to_every_tenant_and_waits_again(
    database: Database, acme: Organisation, rival: Organisation
) -> None:
    ran = []

    async def work(session: AsyncSession, _arguments: Mapping[str, object]) -> None:
        ran.append(unit_of(session).tenant.slug)

    kind = new_kind(work, every=timedelta(hours=6))
    workers = [Worker(database, [kind]), Worker(database, [kind])]
    await asyncio.gather(*(worker.ensure_recurring() for worker in workers))
    async with database.founding() as session:  # other tests' tenants have theirs too
        mine = col(Job.tenant_id).in_([acme.scope.id, rival.scope.id])
        await session.execute(delete(Job).where(col(Job.kind) == kind.name, ~mine))
    while await workers[0].work_off():
        pass
    async with database.founding() as session:
        kept = list(await session.scalars(select(Job).where(col(Job.kind) == kind.name)))
        await session.execute(delete(Job).where(col(Job.kind) == kind.name))

    assert sorted(ran) == sorted([acme.scope.slug, rival.scope.slug])
    assert [job.status for job in kept] == ["waiting", "waiting"]
    assert all(timedelta(hours=5) < job.run_at - now() <= timedelta(hours=6) for job in kept)


async def test_answers_kept_for_a_day_are_forgotten_tenant_by_tenant(
    database: Database, acme: Organisation, rival: Organisation
) -> None:
    for organisation in (acme, rival):
        for key in ("old", "new"):
            made = await organisation.client.post(
                "/v1/objectives", json={"title": key}, headers={"Idempotency-Key": key}
            )
            assert made.status_code == 201
        async with database.transaction(organisation.scope) as session:
            record = (await session.scalars(select(IdempotencyRecord).order_by(col(IdempotencyRecord.id)))).first()
            assert record is not None
            record.created_at = now() - timedelta(hours=24, seconds=1)

    async with database.transaction(acme.scope) as session:
        await idempotency.purge(session, {})

    kept = {}
    for organisation in (acme, rival):
        async with database.reading(organisation.scope) as session:
            kept[organisation] = len(list(await session.scalars(select(IdempotencyRecord))))
    assert kept == {acme: 1, rival: 2}
    assert "purge_idempotency_records" in [kind.name for kind in KINDS if kind.every]


async def test_a_worker_stops_when_told_and_survives_a_job_that_fails(
    database: Database, acme: Organisation, capsys: pytest.CaptureFixture[str]
) -> None:
    kind = new_kind()
    await enqueued(database, acme.scope, kind.name, wrong="argument")
    await enqueued(database, acme.scope, kind.name, title="good")
    worker = Worker(database, [kind])
    running = asyncio.create_task(worker.run())
    while await objectives_of(database, acme.scope) != ["good"]:  # noqa: ASYNC110  the database cannot set an event
        await asyncio.sleep(0.02)

    worker.stop()
    async with asyncio.timeout(2):
        await running

    assert "job_failed" in capsys.readouterr().out


async def test_readiness_tells_how_late_the_oldest_job_is_and_how_many_are_dead(
    database: Database, acme: Organisation
) -> None:
    kind = new_kind()
    async with database.transaction(acme.scope) as session:
        await jobs.enqueue(session, kind.name, {}, run_at=now() - timedelta(seconds=90))

    before = (await acme.client.get("/readyz")).json()
    async with database.founding() as session:
        [job] = await session.scalars(select(Job).where(col(Job.kind) == kind.name))
        job.status = "dead"
    after = (await acme.client.get("/readyz")).json()

    assert before["status"] == "ok"
    assert before["oldest_job_seconds"] >= 90
    assert after["dead_jobs"] == before["dead_jobs"] + 1
    async with database.founding() as session:
        await session.execute(delete(Job).where(col(Job.kind) == kind.name))
