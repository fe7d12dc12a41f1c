"""Units of work: whose they are, their place on the tenant's clock, and what happens when the database is away."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from app.config import Settings
from app.db import Database, async_url
from app.domain.errors import Unavailable
from app.models.objectives import Objective, ObjectiveWrite
from app.models.unit import unit_of
from app.services import nouns
from app.services.objectives import OBJECTIVES
from tests.engines import SECRET_KEY, Organisation


async def titles(database: Database, org: Organisation) -> list[str]:
    async with database.reading(org.scope) as session:
        return list(await session.scalars(select(col(Objective.title))))


async def test_a_query_of_a_tenant_table_outside_a_unit_is_refused(database: Database) -> None:
    async with database.reading(None) as session:
        with pytest.raises(RuntimeError, match="outside a tenant's unit"):
            await session.scalars(select(Objective))


async def test_a_query_without_a_condition_sees_the_own_tenant_only(
    database: Database, acme: Organisation, rival: Organisation
) -> None:
    for org in (acme, rival):
        async with database.transaction(org.scope) as session:
            await nouns.create(session, OBJECTIVES, ObjectiveWrite(title=org.scope.slug))

    assert await titles(database, acme) == [acme.scope.slug]


async def test_an_error_undoes_the_whole_unit(database: Database, acme: Organisation) -> None:
    async def fails_late() -> None:
        async with database.transaction(acme.scope) as session:
            await nouns.create(session, OBJECTIVES, ObjectiveWrite(title="never"))
            raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"):
        await fails_late()

    assert await titles(database, acme) == []


async def test_the_clock_of_a_tenant_never_goes_back(database: Database, acme: Organisation) -> None:
    instants, positions = [], []
    for shift in (0, 600, -86_400, 0):
        with time_machine.travel(datetime.now(UTC) + timedelta(seconds=shift), tick=False):
            async with database.transaction(acme.scope) as session:
                instants.append(unit_of(session).tick())
                positions.append(unit_of(session).position)

    assert instants == sorted(set(instants))
    assert positions == list(range(positions[0] or 0, (positions[0] or 0) + 4))


async def test_a_reading_unit_cannot_write(database: Database, acme: Organisation) -> None:
    async with database.reading(acme.scope) as session:
        with pytest.raises(RuntimeError, match="only reads"):
            await nouns.create(session, OBJECTIVES, ObjectiveWrite(title="x"))


async def test_nothing_is_checked_out_at_rest(database: Database, acme: Organisation) -> None:
    await titles(database, acme)

    assert database.open_connections() == 0


async def test_readers_that_take_their_time_keep_no_writer_waiting(
    database: Database, settings: Settings, acme: Organisation
) -> None:
    reading, release = asyncio.Semaphore(0), asyncio.Event()

    async def read() -> None:
        async with database.reading(acme.scope):
            reading.release()
            await release.wait()

    readers = [asyncio.create_task(read()) for _ in range(settings.pool_size)]
    await reading.acquire()
    await asyncio.sleep(0.1)  # all that can be let in are in
    try:
        async with asyncio.timeout(2), database.reading(acme.scope, ahead=True):
            pass  # what a delivery has to know before it is stored
        async with asyncio.timeout(2), database.transaction(acme.scope) as session:
            await nouns.create(session, OBJECTIVES, ObjectiveWrite(title="written meanwhile"))
    finally:
        release.set()
        await asyncio.gather(*readers, return_exceptions=True)

    assert await titles(database, acme) == ["written meanwhile"]
    assert database.open_connections() == 0


async def test_a_database_that_is_away_is_unavailable_within_its_patience() -> None:
    settings = Settings(
        database_url="postgresql://nobody@127.0.0.1:1/none", secret_keys=(SECRET_KEY,), database_timeout_seconds=1
    )
    database = Database(settings)
    began = datetime.now(UTC)

    with pytest.raises(Unavailable):
        async with database.reading(None) as session:
            await session.execute(text("SELECT 1"))

    assert datetime.now(UTC) - began < timedelta(seconds=3)
    await database.dispose()


def test_an_address_of_another_engine_is_refused_with_those_there_are() -> None:
    with pytest.raises(ValueError, match="sqlite:/// or postgresql://"):
        async_url("mysql://localhost/x")


async def test_the_embedded_database_is_durable_and_checks_its_keys(tmp_path: Path) -> None:
    settings = Settings(database_url=f"sqlite:///{tmp_path}/t.db", secret_keys=(SECRET_KEY,))
    database = Database(settings)

    async with database.founding() as session:
        modes = [(await session.execute(text(f"PRAGMA {name}"))).scalar() for name in ("journal_mode", "synchronous")]
        keys = (await session.execute(text("PRAGMA foreign_keys"))).scalar()

    assert (modes, keys) == (["wal", 2], 1)
    await database.dispose()


async def test_what_waits_together_is_not_too_large_for_one_transaction(
    database: Database, acme: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.grouping.BATCH_BYTES", 10)
    taken: list[list[int]] = []

    async def note(_session: AsyncSession, items: list[int]) -> list[int]:
        taken.append(items)
        return items

    group = database.group(note, size=lambda item: item)
    answers = await asyncio.gather(*(group.submit(acme.scope, size) for size in (3, 6, 4, 20, 1)))

    assert answers == [3, 6, 4, 20, 1]
    assert taken == [[3, 6], [4], [20], [1]]
