"""What a delivery costs does not grow with what is stored, before PostgreSQL has looked at the tables as well."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from uuid import UUID

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool

from app import schema
from app.config import Settings
from app.db import Database
from app.domain.learning import Kind, LearningEvent
from app.models.unit import TenantScope
from app.services import ingest
from app.services.events import EVENTS
from app.services.pages import Query, page
from tests.engines import SECRET_KEY, found_tenant, make_database
from tests.services.test_ingest import START, event, inbound, source

TABLES = ("delivery", "learning_event", "identity", "activity_reference", "enrolment")
FEW, MANY, GROUP, LISTED = 10, 2_000, 100, 50
ROWS_OF_ONE = 20
"""What one delivery may read, foreign keys and all."""


class Store:
    """A database of its own whose tables PostgreSQL never looks at by itself."""

    def __init__(self, superuser: str) -> None:
        owner, application = make_database(superuser, f"plans_{secrets.token_hex(4)}")
        self.settings = Settings(
            database_url=application, migration_database_url=owner, secret_keys=(SECRET_KEY,), pool_size=1
        )
        schema.migrate(self.settings)
        self._owner = create_engine(make_url(owner).set(drivername="postgresql+psycopg"), poolclass=NullPool)
        with self._owner.begin() as connection:
            for table in TABLES:
                connection.execute(text(f"ALTER TABLE {table} SET (autovacuum_enabled = off)"))

    def analyse(self) -> None:
        """Make statistics of all tables."""
        with self._owner.begin() as connection:
            connection.execute(text("ANALYZE"))

    def rows_read(self) -> int:
        """Return how many rows were fetched from the tables since they were made, by transactions that are over."""
        with self._owner.connect() as connection:
            fetched = text("SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) FROM pg_stat_user_tables")
            return int(connection.execute(fetched).scalar_one())


@pytest.fixture
def store(postgres_server: str) -> Store:
    return Store(postgres_server)


@pytest.fixture
async def database(store: Store) -> AsyncIterator[Database]:
    found = Database(store.settings)
    yield found
    await found.dispose()


async def deliver(database: Database, tenant: TenantScope, source_id: UUID, first: int, count: int) -> None:
    """Deliver events of as many people in one group, and let the connection tell what it has read."""
    group = database.group(ingest.record)
    each = (event(key=f"k{number}", person=str(number)) for number in range(first, first + count))
    await asyncio.gather(*(group.submit(tenant, inbound(source_id, told)) for told in each))
    async with database.reading(None) as session:
        await session.execute(text("SELECT pg_stat_force_next_flush()"))


async def test_a_delivery_reads_few_rows_however_many_came_before_the_first_statistics(
    store: Store, database: Database
) -> None:
    tenant, _ = await found_tenant(database, ["admin"])
    source_id = await source(database, tenant)
    for number in range(FEW):  # each statement is prepared and planned while the tables are nearly empty
        await deliver(database, tenant, source_id, number, 1)

    await deliver(database, tenant, source_id, FEW, MANY)
    before = store.rows_read()
    await deliver(database, tenant, source_id, FEW + MANY, GROUP)
    read = store.rows_read() - before

    assert read < ROWS_OF_ONE * GROUP


async def test_many_voidings_read_few_rows_where_all_tenants_were_small(store: Store, database: Database) -> None:
    for _ in range(FEW):
        tenant, _ = await found_tenant(database, ["admin"])
        source_id = await source(database, tenant)
        await deliver(database, tenant, source_id, 0, 1)
    store.analyse()
    voidings = tuple(
        LearningEvent(Kind.VOIDED, (), None, START, event_key=f"v{number}", voids=f"s{number}")
        for number in range(MANY)
    )

    before = store.rows_read()
    await database.group(ingest.record).submit(tenant, inbound(source_id, *voidings))
    await database.dispose()  # what a connection has read is known for certain once it is closed
    read = store.rows_read() - before

    assert read < ROWS_OF_ONE * MANY


async def test_the_newest_events_are_listed_without_reading_the_older_ones(store: Store, database: Database) -> None:
    tenant, _ = await found_tenant(database, ["admin"])
    await deliver(database, tenant, await source(database, tenant), 0, MANY)
    store.analyse()

    before = store.rows_read()
    async with database.reading(tenant) as session:
        found = await page(session, EVENTS, Query(sort=("-recorded_at",), limit=LISTED))
    await database.dispose()
    read = store.rows_read() - before

    assert len(found.items) == LISTED
    assert read < ROWS_OF_ONE * LISTED
