"""Statements that go together: all or nothing, with the commit, and never past what SQLAlchemy executes."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from app import wire
from app.config import Settings
from app.db import Database
from app.domain.errors import Unavailable
from app.models.base import new_id
from app.models.erasure import SuppressedName
from app.models.objectives import Objective, ObjectiveWrite
from app.models.unit import TenantScope, unit_of
from app.services import nouns
from app.services.bulk import add_facts
from app.services.objectives import OBJECTIVES
from tests.engines import Organisation, found_tenant

BEYOND = "x" * 200_000


def name(session: AsyncSession, tag: bytes) -> dict[str, Any]:
    """Return a row of a table of facts, the least that there is."""
    unit = unit_of(session)
    return {"tenant_id": unit.tenant.id, "id": new_id(), "tag": tag, "created_at": unit.tick()}


async def tags(database: Database, org: Organisation) -> list[bytes]:
    async with database.reading(org.scope) as session:
        return sorted(await session.scalars(select(col(SuppressedName.tag))))


async def test_what_is_held_goes_with_the_commit(database: Database, acme: Organisation) -> None:
    async with database.transaction(acme.scope) as session:
        async with wire.pipelined(session):
            await add_facts(session, SuppressedName, [name(session, b"one")])
        async with wire.held(session):
            await add_facts(session, SuppressedName, [name(session, b"two")])
            await add_facts(session, SuppressedName, [name(session, b"three")])
        assert wire.waits(session)

    assert await tags(database, acme) == [b"one", b"three", b"two"]


async def test_nothing_is_executed_past_what_is_held(database: Database, acme: Organisation) -> None:
    async def passes() -> None:
        async with database.transaction(acme.scope) as session:
            async with wire.held(session):
                await add_facts(session, SuppressedName, [name(session, b"one")])
            await session.scalars(select(Objective))

    with pytest.raises(RuntimeError, match="before what waits"):
        await passes()
    assert await tags(database, acme) == []


async def test_what_fails_undoes_the_unit_and_the_connection_serves_the_next(
    database: Database, acme: Organisation
) -> None:
    async def refused(held: bool) -> None:  # noqa: FBT001  one of two ways to send
        async with (
            database.transaction(acme.scope) as session,
            wire.held(session) if held else wire.pipelined(session),
        ):
            twice = name(session, b"one")
            await add_facts(session, SuppressedName, [twice])
            await add_facts(session, SuppressedName, [twice])
            await add_facts(session, SuppressedName, [name(session, b"after")])

    for held in (True, False, True):
        with pytest.raises(DBAPIError) as refusal:
            await refused(held)
        assert "unique" in str(refusal.value.orig).lower()
        assert await tags(database, acme) == []
        assert database.open_connections() == 0

    async with database.transaction(acme.scope) as session:
        await nouns.create(session, OBJECTIVES, ObjectiveWrite(title="goes on"))
        await add_facts(session, SuppressedName, [name(session, b"one")])
    assert await tags(database, acme) == [b"one"]


async def test_an_exception_drops_what_was_held_since(database: Database, acme: Organisation) -> None:
    async def stops(session: AsyncSession) -> None:
        async with wire.held(session):
            await add_facts(session, SuppressedName, [name(session, b"dropped")])
            raise ValueError("stop")

    async with database.transaction(acme.scope) as session:
        async with wire.held(session):
            await add_facts(session, SuppressedName, [name(session, b"before")])
        with pytest.raises(ValueError, match="stop"):
            await stops(session)
        await add_facts(session, SuppressedName, [name(session, b"kept")])

    assert await tags(database, acme) == [b"before", b"kept"]


async def test_what_is_posted_is_undone_with_its_unit_and_passed_by_nothing(
    database: Database, acme: Organisation
) -> None:
    async def fails(then: str) -> None:
        async with database.transaction(acme.scope) as session:
            async with wire.held(session):
                await add_facts(session, SuppressedName, [name(session, b"posted")] * (2 if then == "twice" else 1))
            await wire.post(session)
            assert wire.waits(session)
            if then == "past it":
                await session.scalars(select(Objective))
            async with wire.held(session):
                await add_facts(session, SuppressedName, [name(session, b"after")])
            if then == "stop":
                raise ValueError("stop")

    for then, error in (("stop", ValueError), ("past it", RuntimeError), ("twice", DBAPIError)):
        with pytest.raises(error):
            await fails(then)
        assert database.open_connections() == 0
        assert await tags(database, acme) == []

    await fails("nothing")
    assert await tags(database, acme) == [b"after", b"posted"]


async def test_who_asks_while_the_clock_is_taken_is_answered(database: Database, acme: Organisation) -> None:
    async def ask(session: AsyncSession) -> wire.Later:
        if await wire.direct(session):
            return await wire.execute(session, "SELECT count(*) FROM objective", {})
        return await wire.work(session, lambda driver: driver.execute("SELECT count(*) FROM objective").fetchall())

    async with database.asking(acme.scope, ask) as (session, asked):
        assert unit_of(session).position is not None
        assert isinstance(asked.rows[0][0], int)


class TestOnPostgresql:
    """Its conversation with more than fits into one message, given up, and rolled back."""

    @pytest.fixture
    async def database(self, postgresql_settings: Settings) -> AsyncIterator[Database]:
        found = Database(postgresql_settings)
        yield found
        await found.dispose()

    @pytest.fixture
    async def tenant(self, database: Database) -> TenantScope:
        return (await found_tenant(database, ["read"]))[0]

    async def test_much_goes_both_ways(self, database: Database, tenant: TenantScope) -> None:
        async with database.transaction(tenant) as session, wire.pipelined(session):
            found = [
                await wire.execute(session, "SELECT %(sent)s::text, %(place)s::int", {"sent": BEYOND, "place": n})
                for n in range(60)
            ]

        assert [each.rows for each in found] == [[(BEYOND, n)] for n in range(60)]

    async def test_what_cannot_be_spelled_is_refused_before_anything_is_sent(
        self, database: Database, tenant: TenantScope
    ) -> None:
        async def sends() -> None:
            async with database.transaction(tenant) as session, wire.pipelined(session):
                await wire.execute(session, "SELECT %(one)s::int", {"one": 1})
                await wire.execute(session, "SELECT %(texts)s::text[]", {"texts": ["a\0b"]})

        for _ in range(2):
            with pytest.raises(DBAPIError, match="NUL"):
                await sends()
        async with database.transaction(tenant) as session:
            prepared = await session.scalar(text("SELECT count(*) FROM pg_prepared_statements WHERE name LIKE 'tl%'"))
        assert prepared is not None
        assert prepared <= len(("set_config", "the clock")), "nothing of it was sent"

    async def test_a_wait_given_up_leaves_a_database_that_works(self, database: Database, tenant: TenantScope) -> None:
        async def sleeps() -> None:
            async with database.transaction(tenant) as session, asyncio.timeout(0.1):
                await wire.execute(session, "SELECT pg_sleep(60)", {})

        with pytest.raises(TimeoutError):
            await sleeps()

        async with database.transaction(tenant) as session:
            found = await wire.execute(session, "SELECT %(one)s::uuid", {"one": (one := uuid4())})
        assert found.rows == [(one,)]
        assert database.open_connections() == 0

    async def test_what_was_prepared_before_a_rollback_can_be_prepared_again(
        self, database: Database, tenant: TenantScope
    ) -> None:
        async def turned_back() -> None:
            async with database.transaction(tenant) as session:
                for _ in range(5):
                    await session.execute(text("SELECT 1"))
                await wire.execute(session, "SELECT 2", {})
                raise ValueError("stop")

        for _ in range(3):
            with pytest.raises(ValueError, match="stop"):
                await turned_back()
        async with database.transaction(tenant) as session:
            found = await wire.execute(session, "SELECT 2", {})
            prepared = await session.scalar(text("SELECT count(*) FROM pg_prepared_statements WHERE name LIKE 'tl%'"))

        assert found.rows == [(2,)]
        assert prepared is not None
        assert prepared < 10, "what a connection forgot, the server forgets too"

    async def test_what_was_prepared_before_a_savepoint_is_there_after_going_back_to_it(
        self, database: Database, tenant: TenantScope
    ) -> None:
        async def goes_back(session: AsyncSession) -> None:
            async with session.begin_nested():
                for _ in range(5):
                    await session.execute(text("SELECT 1"))
                raise ValueError("back")

        async with database.transaction(tenant) as session:
            for number in range(3):
                found = await wire.execute(session, "SELECT %(number)s::int", {"number": number})
                with pytest.raises(ValueError, match="back"):
                    await goes_back(session)
                assert found.rows == [(number,)]

    @pytest.mark.parametrize("directly", [True, False])
    async def test_a_connection_that_is_lost_is_an_absent_database_and_the_next_unit_has_another(
        self,
        database: Database,
        tenant: TenantScope,
        directly: bool,  # noqa: FBT001  whether the statement is handed to the driver
    ) -> None:
        ends = "SELECT pg_terminate_backend(pg_backend_pid())"

        async def is_lost() -> None:
            async with database.transaction(tenant) as session:
                await (wire.execute(session, ends, {}) if directly else session.execute(text(ends)))

        for _ in range(2):
            with pytest.raises(Unavailable):
                await is_lost()
        async with database.transaction(tenant) as session:
            found = await wire.execute(session, "SELECT 2", {})
        assert found.rows == [(2,)]
