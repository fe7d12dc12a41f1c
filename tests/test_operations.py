"""Operations: long work in portions, each committed with its progress; taken over, cancelled, buried and forgotten."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, update
from sqlmodel import col

from app.db import Database
from app.domain.errors import Invalid
from app.models.objectives import Objective, ObjectiveWrite
from app.models.operations import Operation, OperationInput, OperationItem
from app.models.tenancy import Job
from app.services import jobs, nouns, operations
from app.services.jobs import JobKind, LeaseLost, Turn
from app.services.objectives import OBJECTIVES
from app.services.operations import Order
from app.work import carrying
from app.worker import KINDS, Worker
from tests.engines import Organisation

LEASE = timedelta(seconds=30)
PORTIONS = 4


class Killed(BaseException):
    """Stands for a process that ends in the middle."""


class Portions:
    """Long work of a test: an objective a portion; `before` is called with the number of each."""

    def __init__(self) -> None:
        self.began: list[int] = []
        self.kind = JobKind(f"test_{uuid4().hex}", carry=carrying(self.work), buried=operations.bury)

    async def before(self, number: int) -> None:
        self.began.append(number)

    async def work(self, turn: Turn, row: Operation) -> Mapping[str, Any]:
        for number in range(row.state.get("next", 0), PORTIONS):
            async with turn.writing() as session:
                await nouns.create(session, OBJECTIVES, ObjectiveWrite(title=f"portion {number}"))
                await self.before(number)
                await operations.advance(
                    session, row.id, done=number + 1, state={"next": number + 1}, result={"written": number + 1}
                )
        return {"written": PORTIONS}

    async def start(self, database: Database, acme: Organisation, sent: bytes = b"x") -> UUID:
        order = Order(self.kind.name, {"about": "a test"}, "steps", PORTIONS)
        async with database.transaction(acme.scope) as session:
            return (await operations.start(session, order, [sent])).id


async def read(database: Database, acme: Organisation, operation_id: UUID) -> Operation:
    async with database.reading(acme.scope) as session:
        return await nouns.get(session, operations.OPERATIONS, operation_id)


async def written(database: Database, acme: Organisation) -> list[str]:
    async with database.reading(acme.scope) as session:
        return sorted(await session.scalars(select(col(Objective.title))))


ALL = [f"portion {number}" for number in range(PORTIONS)]


async def test_an_operation_tells_how_far_it_is_and_what_came_of_it(database: Database, acme: Organisation) -> None:
    long = Portions()
    operation_id = await long.start(database, acme)
    shown = acme.client
    path = f"/v1/operations/{operations.OPERATIONS.public(operation_id)}"
    waiting = await shown.get(path)

    await Worker(database, [long.kind]).work_off()

    done = await shown.get(path)
    listed = (await shown.get("/v1/operations", params={"status": "succeeded"})).json()["items"]
    changes = [each["type"] for each in (await shown.get("/v1/changes")).json()["items"]]
    assert waiting.json()["status"] == "waiting"
    assert waiting.json()["progress"] == {"done": 0, "total": PORTIONS, "unit": "steps"}
    assert waiting.headers["Retry-After"] == "2"
    assert done.json()["status"] == "succeeded"
    assert done.json()["progress"]["done"] == PORTIONS
    assert done.json()["result"] == {"written": PORTIONS}
    assert done.json()["finished_at"] > done.json()["started_at"]
    assert "Retry-After" not in done.headers
    assert done.headers["ETag"] != waiting.headers["ETag"]
    assert [each["id"] for each in listed] == [done.json()["id"]]
    assert [each for each in changes if "operation" in each] == [
        "operation.created",
        "operation.running",
        "operation.succeeded",
    ]
    assert await written(database, acme) == ALL


async def test_the_graph_shows_operations_too(database: Database, acme: Organisation) -> None:
    long = Portions()
    operation_id = await long.start(database, acme)
    async with database.transaction(acme.scope) as session:
        fault = {"code": "bad", "detail": "is bad", "pointer": "/name"}
        item = OperationItem(
            tenant_id=acme.scope.id, operation_id=operation_id, line=7, result="refused", errors=[fault]
        )
        await operations.note_items(session, operation_id, [item], 10)

    query = "{ operations { nodes { kind status progress { done total unit } items { nodes { line errors } } } } }"
    answer = (await acme.client.post("/graphql", json={"query": query})).json()

    [node] = answer["data"]["operations"]["nodes"]
    assert node["progress"] == {"done": 0, "total": PORTIONS, "unit": "steps"}
    assert node["items"]["nodes"] == [{"line": 7, "errors": [fault]}]


async def test_a_worker_killed_in_a_portion_leaves_it_to_the_next_one(database: Database, acme: Organisation) -> None:
    long = Portions()
    operation_id = await long.start(database, acme)

    async def dies(number: int) -> None:
        long.began.append(number)
        if number == 2:
            raise Killed

    long.before = dies  # type: ignore[method-assign]
    with pytest.raises(Killed):
        await Worker(database, [long.kind]).work_off()
    before = await written(database, acme)
    long.before = Portions.before.__get__(long)  # type: ignore[method-assign]
    await expire_lease(database, long.kind)

    await Worker(database, [long.kind]).work_off()

    assert before == ALL[:2]
    assert long.began == [0, 1, 2, 2, 3]
    assert await written(database, acme) == ALL
    assert (await read(database, acme, operation_id)).status == "succeeded"


async def expire_lease(database: Database, kind: JobKind) -> None:
    async with database.founding() as session:
        late = update(Job).where(col(Job.kind) == kind.name).values(lease_until=datetime.now(UTC))
        await session.execute(late)


async def test_a_zombie_commits_no_portion_after_another_worker_took_over(
    database: Database, acme: Organisation
) -> None:
    long = Portions()
    operation_id = await long.start(database, acme)
    at = datetime.now(UTC)
    async with database.founding() as session:
        [zombie] = await jobs.claim(session, [long.kind.name], at, lease=LEASE, limit=1)
    async with database.founding() as session:
        [_heir] = await jobs.claim(session, [long.kind.name], at + LEASE, lease=LEASE, limit=1)
    assert long.kind.carry is not None

    with pytest.raises(LeaseLost):
        await long.kind.carry(Turn(database, zombie, lambda: False))

    assert (await read(database, acme, operation_id)).status == "waiting"
    assert await written(database, acme) == []


async def test_a_stopped_worker_hands_its_operation_on_at_once(database: Database, acme: Organisation) -> None:
    long = Portions()
    operation_id = await long.start(database, acme)
    worker = Worker(database, [long.kind])

    async def stops(_number: int) -> None:
        worker.stop()

    long.before = stops  # type: ignore[method-assign]
    await worker.work_off()
    between = await read(database, acme, operation_id)
    long.before = Portions.before.__get__(long)  # type: ignore[method-assign]
    await Worker(database, [long.kind]).work_off()

    assert (between.status, between.progress["done"]) == ("running", 1)
    assert await written(database, acme) == ALL


async def test_a_waiting_operation_is_cancelled_at_once(database: Database, acme: Organisation) -> None:
    long = Portions()
    operation_id = await long.start(database, acme)
    path = f"/v1/operations/{operations.OPERATIONS.public(operation_id)}/cancel"

    answers = [(await acme.client.post(path)).json()["status"] for _ in range(2)]
    await Worker(database, [long.kind]).work_off()

    assert answers == ["cancelled", "cancelled"]
    assert await written(database, acme) == []


async def test_a_running_operation_is_cancelled_after_the_portion_in_hand(
    database: Database, acme: Organisation
) -> None:
    long = Portions()
    operation_id = await long.start(database, acme)
    asked = []

    async def asks_between(turn: Turn, row: Operation) -> Mapping[str, Any]:
        if not asked:
            async with turn.writing() as session:
                await nouns.create(session, OBJECTIVES, ObjectiveWrite(title="first"))
                await operations.advance(session, row.id, done=1, result={"written": 1})
            path = f"/v1/operations/{operations.OPERATIONS.public(row.id)}/cancel"
            asked.append((await acme.client.post(path)).json()["status"])
        return await Portions.work(long, turn, row)

    kind = JobKind(long.kind.name, carry=carrying(asks_between))
    await Worker(database, [kind]).work_off()

    row = await read(database, acme, operation_id)
    again = await acme.client.post(f"/v1/operations/{operations.OPERATIONS.public(operation_id)}/cancel")
    assert asked == ["running"]
    assert (row.status, row.result) == ("cancelled", {"written": 1})
    assert await written(database, acme) == ["first"]
    assert again.json()["status"] == "cancelled"


async def test_what_is_over_cannot_be_cancelled(database: Database, acme: Organisation) -> None:
    long = Portions()
    operation_id = await long.start(database, acme)
    await Worker(database, [long.kind]).work_off()

    answer = await acme.client.post(f"/v1/operations/{operations.OPERATIONS.public(operation_id)}/cancel")

    assert (answer.status_code, answer.json()["code"]) == (409, "wrong_state")


async def test_an_error_that_says_what_to_do_is_the_operations_answer(database: Database, acme: Organisation) -> None:
    async def refuses(_turn: Turn, _row: Operation) -> Mapping[str, Any]:
        raise Invalid("Mend line 3.")

    long = Portions()
    operation_id = await long.start(database, acme)
    await Worker(database, [JobKind(long.kind.name, carry=carrying(refuses))]).work_off()

    shown = (await acme.client.get(f"/v1/operations/{operations.OPERATIONS.public(operation_id)}")).json()
    assert shown["status"] == "failed"
    assert shown["error"] == {"code": "invalid_request", "detail": "Mend line 3."}


async def test_a_poisoned_operation_fails_visibly_others_go_on_and_a_replay_finishes_it(
    database: Database, acme: Organisation
) -> None:
    poison, good = Portions(), Portions()
    operation_id = await poison.start(database, acme)
    await good.start(database, acme)

    async def breaks(number: int) -> None:
        if number == 1:
            raise ZeroDivisionError

    poison.before = breaks  # type: ignore[method-assign]
    worker = Worker(database, [poison.kind, good.kind])
    for _ in range(jobs.ATTEMPTS_MAX):
        async with database.founding() as session:
            mine = col(Job.kind) == poison.kind.name
            await session.execute(update(Job).where(mine).values(run_at=datetime.now(UTC)))
        await worker.work_off()
    buried = await read(database, acme, operation_id)
    poison.before = Portions.before.__get__(poison)  # type: ignore[method-assign]
    async with database.founding() as session:
        [dead] = await session.scalars(select(Job).where(col(Job.kind) == poison.kind.name))
        await jobs.replay(session, dead.id, datetime.now(UTC))
    await worker.work_off()

    assert (buried.status, buried.error and buried.error["code"]) == ("failed", "internal_error")
    assert "report its id" in str(buried.error)
    assert (await read(database, acme, operation_id)).status == "succeeded"
    assert await written(database, acme) == sorted(ALL * 2)


async def test_what_was_sent_is_kept_until_the_operation_is_over_and_the_operation_a_month(
    database: Database, acme: Organisation, rival: Organisation
) -> None:
    long = Portions()
    body = bytes(range(256)) * 3000
    async with database.transaction(acme.scope) as session:
        order = Order(long.kind.name, {}, "bytes", len(body))
        operation_id = (await operations.start(session, order, operations.stretches(body))).id
    theirs = await long.start(database, rival)
    async with database.reading(acme.scope) as session:
        parts = [await operations.input_from(session, operation_id, at, 10) for at in (0, 300_000, len(body))]

    await Worker(database, [long.kind]).work_off()
    await Worker(database, [long.kind]).work_off()
    for tenant, noun_id in ((acme, operation_id), (rival, theirs)):
        async with database.transaction(tenant.scope) as session:
            left = list(await session.scalars(select(OperationInput)))
            row = await nouns.get(session, operations.OPERATIONS, noun_id)
            row.finished_at = datetime.now(UTC) - operations.KEPT - timedelta(seconds=1)
    async with database.transaction(acme.scope) as session:
        await operations.purge(session, {})

    assert [part[:10] for part in parts] == [body[:10], body[300_000:300_010], b""]
    assert left == []
    assert (await acme.client.get("/v1/operations")).json()["items"] == []
    assert len((await rival.client.get("/v1/operations")).json()["items"]) == 1
    assert "purge_operations" in [kind.name for kind in KINDS if kind.every]


async def test_another_tenants_operation_is_none(database: Database, acme: Organisation, rival: Organisation) -> None:
    operation_id = await Portions().start(database, acme)
    path = f"/v1/operations/{operations.OPERATIONS.public(operation_id)}"

    answers = [
        await rival.client.get(path),
        await rival.client.post(f"{path}/cancel"),
        await rival.client.get(f"{path}/items"),
    ]

    assert [answer.status_code for answer in answers] == [404, 404, 404]


async def test_a_long_job_of_one_tenant_does_not_hold_up_those_of_others(
    database: Database, acme: Organisation, rival: Organisation
) -> None:
    release = asyncio.Event()
    kind_name = f"test_{uuid4().hex}"

    async def waits(turn: Turn) -> None:
        if turn.tenant == acme.scope:
            await release.wait()
        async with turn.writing() as session:
            await nouns.create(session, OBJECTIVES, ObjectiveWrite(title="done"))

    worker = Worker(database, [JobKind(kind_name, carry=waits)])
    async with database.transaction(acme.scope) as session:
        await jobs.enqueue(session, kind_name, {})
    running = asyncio.create_task(worker.run())
    await asyncio.sleep(0.05)
    async with database.transaction(rival.scope) as session:
        await jobs.enqueue(session, kind_name, {})
    async with asyncio.timeout(5):
        while await written(database, rival) != ["done"]:  # noqa: ASYNC110  the database cannot set an event
            await asyncio.sleep(0.02)
    before = await written(database, acme)
    release.set()
    async with asyncio.timeout(5):
        while await written(database, acme) != ["done"]:  # noqa: ASYNC110  the same
            await asyncio.sleep(0.02)
        worker.stop()
        await running

    assert before == []
