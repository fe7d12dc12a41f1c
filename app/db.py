"""Engines and units of work: the only place that commits (decisions.md, "Transactions", "One clock per tenant")."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Uuid, column, event, func, select, update
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.orm import ORMExecuteState, Session, with_loader_criteria
from sqlmodel import col

from app import wire
from app.config import Settings
from app.domain.errors import Fault, Invalid, Unavailable
from app.grouping import Group, Handler, Item, Question, Result, Watch, no_size
from app.models.base import Row
from app.models.days import local_bucket
from app.models.tenancy import TenantClock
from app.models.unit import Ask, Asked, TenantScope, Unit
from app.upkeep import Statistics
from app.vault import Vault

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SQLITE_PATIENCE_MS = 20_000
KEPT_FOR_WRITERS = 2
"""How many connections of the pool units that only read leave alone, where there are more."""

_TICK = (
    "INSERT INTO tenant_clock AS clock (tenant_id, id, position, ticked_us) VALUES (:tenant, :tenant, 1, :now) "
    "ON CONFLICT (tenant_id, id) DO UPDATE SET position = clock.position + 1, "
    "ticked_us = CASE WHEN clock.ticked_us >= :now THEN clock.ticked_us + 1 ELSE :now END "
    "RETURNING position, ticked_us"
)
_TICK_DIRECTLY = _TICK.replace(":tenant", "%(tenant)s::uuid").replace(":now", "%(now)s::bigint")
_ENTER = "SELECT set_config('app.tenant', %(tenant)s, true)"


def async_url(url: str) -> URL:
    """Return `url` with the asynchronous driver of its engine."""
    parsed = make_url(url)
    drivers = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}
    name = parsed.drivername.partition("+")[0]
    if name not in drivers:
        raise ValueError("THROUGHLINE_DATABASE_URL must begin with sqlite:/// or postgresql://")
    return parsed.set(drivername=drivers[name])


_TENANT_ID: ColumnElement[UUID] = column("tenant_id", Uuid)
"""Stands in where SQLAlchemy tries the criterion on `Row` itself, which is no table."""


class _TenantSession(Session):
    """A session whose ORM statements carry the tenant (tenancy rule 4); without one, they are refused."""


@event.listens_for(_TenantSession, "do_orm_execute")
def _carry_the_tenant(state: ORMExecuteState) -> None:
    unit: Unit | None = state.session.info.get("unit")
    if unit is None:
        if any(issubclass(mapper.class_, Row) for mapper in state.all_mappers):
            raise RuntimeError("a tenant table was queried outside a tenant's unit of work")
        return
    if wire.waits(state.session):
        raise RuntimeError("a statement was executed before what waits to be sent")
    tenant_id = unit.tenant.id
    state.statement = state.statement.options(
        with_loader_criteria(Row, lambda row: getattr(row, "tenant_id", _TENANT_ID) == tenant_id, include_aliases=True)
    )


event.listen(_TenantSession, "after_transaction_create", wire.begin)
event.listen(_TenantSession, "after_soft_rollback", wire.give_up)


async def _nothing(_session: AsyncSession) -> None:
    """Ask nothing: most units know what to write when they begin."""


class Database:
    """One database: opens units of work, translates its absence into `Unavailable`, and counts what is open."""

    def __init__(self, settings: Settings) -> None:
        url = async_url(settings.database_url)
        self._settings = settings
        self._vault: Vault | None = None
        self.embedded = url.get_backend_name() == "sqlite"
        self._patience = settings.database_timeout_seconds
        self._engine = self._make_engine(url, settings)
        self._writer = self._engine.execution_options(writing=True)
        self._reader = self._engine
        if not self.embedded:
            one_state = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
            self._reader = self._engine.execution_options(**one_state)
        self._write_lock = asyncio.Lock()
        self._readers = asyncio.Semaphore(max(1, settings.pool_size - KEPT_FOR_WRITERS))
        self._statistics = Statistics(self._analyse)
        self.after_change: list[Callable[[TenantScope], None]] = []
        """Told of every unit of this process that changed something, once it is committed."""
        if self.embedded:
            event.listen(self._engine.sync_engine, "connect", _prepare_sqlite)
            event.listen(self._engine.sync_engine, "begin", _begin_sqlite)
        else:
            for back in ("rollback", "rollback_savepoint"):
                event.listen(self._engine.sync_engine, back, wire.before_rollback)

    def _make_engine(self, url: URL, settings: Settings) -> AsyncEngine:
        if self.embedded:
            return create_async_engine(
                url,
                pool_size=settings.pool_size,
                max_overflow=0,
                pool_use_lifo=True,  # what another connection writes empties the cache of pages
                hide_parameters=True,
            )
        options = {
            "connect_timeout": max(1, int(self._patience)),
            "prepare_threshold": 3,
            "keepalives_idle": 10,
            "tcp_user_timeout": int(self._patience * 1000),
            "application_name": "throughline",
            "options": "-c timezone=UTC -c idle_in_transaction_session_timeout=60s -c statement_timeout=60s",
        }
        return create_async_engine(
            url,
            pool_size=settings.pool_size,
            max_overflow=0,
            pool_timeout=self._patience,
            pool_pre_ping=False,
            pool_use_lifo=True,  # what one connection has prepared is there for the next unit too
            hide_parameters=True,
            connect_args=options,
        )

    def _seal(self, purpose: str, message: bytes) -> list[bytes]:
        if self._vault is None:
            self._vault = Vault.from_settings(self._settings)
        return self._vault.macs(purpose, message)

    async def dispose(self) -> None:
        """Close every connection."""
        await self._statistics.close()
        await self._engine.dispose()

    @contextlib.asynccontextmanager
    async def transaction(self, tenant: TenantScope) -> AsyncIterator[AsyncSession]:
        """Open a writing unit: it holds the tenant's clock, commits at the end, and rolls back on any exception."""
        async with self.asking(tenant, _nothing) as (session, _):
            yield session

    @contextlib.asynccontextmanager
    async def asking(self, tenant: TenantScope, ask: Ask[Asked]) -> AsyncIterator[tuple[AsyncSession, Asked]]:
        """Open a writing unit and `ask`, which executes in a pipeline, with the clock that it takes."""
        unit = Unit(tenant, self._seal)
        async with self.founding() as session:
            session.info["unit"] = unit
            asked = await self._begin(session, unit, ask)
            yield session, asked
            await wire.conclude(session)
        if unit.changes:
            if not self.embedded:  # SQLite plans without statistics
                self._statistics.count(unit.changes)
            for tell in self.after_change:
                tell(tenant)

    @contextlib.asynccontextmanager
    async def reading(self, tenant: TenantScope | None, *, ahead: bool = False) -> AsyncIterator[AsyncSession]:
        """Open a unit that only reads, all of it from one state; None: the reference tables only.

        `ahead`: it queues with the writers, not with the readers; only for what a delivery waits for.
        """
        async with (
            self._unavailable_when_away(),
            contextlib.nullcontext() if ahead else self._one_of_the_readers(),
            self._session(self._reader) as session,
            session.begin(),
        ):
            if tenant is not None:
                session.info["unit"] = Unit(tenant, self._seal)
            async with self._patiently():
                await (self._enter(session, tenant) if tenant else session.execute(select(1)))
            yield session

    async def settle(self, tenant: TenantScope, as_of: datetime) -> None:
        """Make sure that what stood at `as_of` never changes: wait for writers under way, let none begin before it.

        Call it before the unit that reads as of an instant. Raises Invalid for an instant that has not come yet.
        """
        if as_of > datetime.now(UTC):
            fault = Fault("as_of_in_future", "must not lie in the future", parameter="as_of")
            raise Invalid("Ask as of an instant that has passed: what comes may still change.", errors=(fault,))
        asked = int((as_of - EPOCH) / timedelta(microseconds=1))
        clock = TenantClock.__table__  # type: ignore[attr-defined]  # set by SQLModel on table classes
        async with self.reading(tenant) as session:
            ticked_us = await session.scalar(select(col(TenantClock.ticked_us)))
        if ticked_us is None or ticked_us >= asked:
            return
        async with self.founding() as session, self._patiently():
            session.info["unit"] = Unit(tenant, self._seal)
            await self._enter(session, tenant)
            behind = (clock.c.tenant_id == tenant.id) & (clock.c.ticked_us < asked)
            await session.execute(update(clock).where(behind).values(ticked_us=asked))

    @contextlib.asynccontextmanager
    async def founding(self) -> AsyncIterator[AsyncSession]:
        """Open a writing unit of the tables without tenant: a new tenant and the jobs need one."""
        async with (
            self._unavailable_when_away(),
            self._one_writer(),
            self._session(self._writer) as session,
            session.begin(),
        ):
            yield session

    def group(
        self,
        handler: Handler[Result],
        size: Callable[[Item], int] = no_size,
        question: Question[Item] | None = None,
    ) -> Group[Item, Result]:
        """Return a queue whose items share transactions (group commit): `handler` gets a tenant's items together.

        `size` tells the bytes that an item holds while it waits.
        """
        return Group(self, handler, size, question)

    async def _analyse(self) -> None:
        async with self.founding() as session:
            await session.execute(select(func.analyse_small_tables()))

    def open_connections(self) -> int:
        """Return how many connections are checked out now."""
        checked_out: int = self._engine.pool.checkedout()  # type: ignore[attr-defined]  # every pool made here is a QueuePool
        return checked_out

    @contextlib.asynccontextmanager
    async def _one_writer(self) -> AsyncIterator[None]:
        """On SQLite, queue the writers of this process in order of arrival instead of letting them poll the lock."""
        if not self.embedded:
            yield
            return
        async with self._write_lock:
            yield

    @contextlib.asynccontextmanager
    async def _one_of_the_readers(self) -> AsyncIterator[None]:
        """Leave connections to the writers: no crowd of slow readers keeps deliveries from being stored."""
        async with self._patiently():
            await self._readers.acquire()
        try:
            yield
        finally:
            self._readers.release()

    @contextlib.asynccontextmanager
    async def _session(self, engine: AsyncEngine) -> AsyncIterator[AsyncSession]:
        async with AsyncSession(engine, sync_session_class=_TenantSession, expire_on_commit=False) as session:
            yield session

    async def _enter(self, session: AsyncSession, tenant: TenantScope) -> None:
        """Tell row-level security whose transaction this is; gone with the transaction."""
        if not self.embedded:
            await session.execute(select(func.set_config("app.tenant", str(tenant.id), True)))

    async def _begin(self, session: AsyncSession, unit: Unit, ask: Ask[Asked]) -> Asked:
        """Enter, lock the tenant's clock (next position and instant, `max(now, last + 1 microsecond)`), and ask."""
        now = int((datetime.now(UTC) - EPOCH) / timedelta(microseconds=1))
        tenant = unit.tenant.id
        async with self._patiently():
            async with wire.held(session):
                if self.embedded:
                    parameters = {"tenant": tenant.hex, "now": now}
                    clock = await wire.work(session, lambda driver: driver.execute(_TICK, parameters).fetchall())
                else:
                    parameters = {"tenant": str(tenant), "now": now}
                    await wire.execute(session, _ENTER, parameters)
                    clock = await wire.execute(session, _TICK_DIRECTLY, parameters)
                asked = await ask(session)
            await wire.send(session, until=clock)
        await wire.read(session)
        ((unit.position, ticked_us),) = clock.rows
        unit.recorded_at = EPOCH + timedelta(microseconds=ticked_us)
        return asked

    @contextlib.asynccontextmanager
    async def _patiently(self) -> AsyncIterator[None]:
        """Give connecting and locking their time; what takes longer is a database that is away. SQLite has its own."""
        if self.embedded:
            yield
            return
        try:
            async with asyncio.timeout(None) as limit:
                watch = Watch(limit, self._patience)
                try:
                    yield
                finally:
                    watch.stop()
        except (PoolTimeout, TimeoutError, OSError) as error:
            raise Unavailable(_AWAY) from error

    @contextlib.asynccontextmanager
    async def _unavailable_when_away(self) -> AsyncIterator[None]:
        try:
            yield
        except PoolTimeout as error:
            raise Unavailable(_AWAY) from error
        except DBAPIError as error:
            if _is_away(error):
                raise Unavailable(_AWAY) from error
            raise


_AWAY = "The database does not answer; try again in a few seconds."
_SQLITE_AWAY = {5, 6, 8, 10, 13, 14}
"""SQLITE_BUSY, LOCKED, READONLY, IOERR, FULL and CANTOPEN (https://www.sqlite.org/rescode.html)."""
_POSTGRESQL_AWAY = ("08", "25P03", "53", "55P03", "57")
"""Connection, idle timeout, resources, lock timeout, operator intervention (PostgreSQL, appendix A)."""


def _is_away(error: DBAPIError) -> bool:
    """Return whether an error is the database's absence; anything else is a bug, and answered as one."""
    if error.connection_invalidated or error.statement is None:
        return True
    code = getattr(error.orig, "sqlite_errorcode", None)
    if code is not None:
        return code & 0xFF in _SQLITE_AWAY
    state = getattr(error.orig, "sqlstate", None)
    return state is not None and state.startswith(_POSTGRESQL_AWAY)


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    """Set a new SQLite connection up: explicit BEGIN, log, full sync, foreign keys, all of Unicode, time zones."""
    connection.isolation_level = None
    connection.create_function("lower", 1, _lower, deterministic=True)
    connection.create_function("local_bucket", 3, local_bucket, deterministic=True)
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={SQLITE_PATIENCE_MS}"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _lower(value: str | None) -> str | None:
    """Lower a text as PostgreSQL does; SQLite's own function knows the letters of ASCII only."""
    return None if value is None else str(value).lower()


def _begin_sqlite(connection: Connection) -> None:
    """Take the write lock at once in writing units: read-then-write upgrades fail whatever the timeout."""
    writing = connection.get_execution_options().get("writing", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")
