"""Engines and units of work: the only place that commits (decisions.md, "Transactions", "One clock per tenant")."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import Any, Generic, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Uuid, column, event, func, select, text, update
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.orm import ORMExecuteState, Session, with_loader_criteria
from sqlmodel import col

from app import wire
from app.config import Settings
from app.domain.errors import Fault, Invalid, Unavailable
from app.models.base import Row
from app.models.days import local_bucket
from app.models.tenancy import TenantClock
from app.models.unit import TenantScope, Unit
from app.vault import Vault

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SQLITE_PATIENCE_MS = 20_000
QUEUE_LIMIT = 2_000
QUEUE_BYTES = 128 * 1024 * 1024
DEADLINE_SECONDS = 30.0
BATCH_LIMIT = 256
BATCH_BYTES = 8 * 1024 * 1024
BATCH_WORTH_WAITING = 64
"""A commit waits for what has arrived and is only being read, until it has so many items."""

_TICK = (
    "INSERT INTO tenant_clock AS clock (tenant_id, id, position, ticked_us) VALUES (:tenant, :tenant, 1, :now) "
    "ON CONFLICT (tenant_id, id) DO UPDATE SET position = clock.position + 1, "
    "ticked_us = CASE WHEN clock.ticked_us >= :now THEN clock.ticked_us + 1 ELSE :now END "
    "RETURNING position, ticked_us"
)
_TICK_DIRECTLY = _TICK.replace(":tenant", "%(tenant)s::uuid").replace(":now", "%(now)s::bigint")
_ENTER = "SELECT set_config('app.tenant', %(tenant)s, true)"

Item = TypeVar("Item")
Result = TypeVar("Result")
Handler = Callable[[AsyncSession, list[Item]], Awaitable[Sequence[Result]]]


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


def _no_size(_item: Any) -> int:
    return 0


class _TenantSession(Session):
    """A session whose ORM statements carry the tenant (tenancy rule 4); without one, they are refused."""


@event.listens_for(_TenantSession, "do_orm_execute")
def _carry_the_tenant(state: ORMExecuteState) -> None:
    unit: Unit | None = state.session.info.get("unit")
    if unit is None:
        if any(issubclass(mapper.class_, Row) for mapper in state.all_mappers):
            raise RuntimeError("a tenant table was queried outside a tenant's unit of work")
        return
    tenant_id = unit.tenant.id
    state.statement = state.statement.options(
        with_loader_criteria(Row, lambda row: getattr(row, "tenant_id", _TENANT_ID) == tenant_id, include_aliases=True)
    )


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
        self.after_change: list[Callable[[TenantScope], None]] = []
        """Told of every unit of this process that changed something, once it is committed."""
        if self.embedded:
            event.listen(self._engine.sync_engine, "connect", _prepare_sqlite)
            event.listen(self._engine.sync_engine, "begin", _begin_sqlite)

    def _make_engine(self, url: URL, settings: Settings) -> AsyncEngine:
        if self.embedded:
            return create_async_engine(url, pool_size=settings.pool_size, max_overflow=0, hide_parameters=True)
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
            hide_parameters=True,
            connect_args=options,
        )

    def _seal(self, purpose: str, message: bytes) -> list[bytes]:
        if self._vault is None:
            self._vault = Vault.from_settings(self._settings)
        return self._vault.macs(purpose, message)

    async def dispose(self) -> None:
        """Close every connection."""
        await self._engine.dispose()

    @contextlib.asynccontextmanager
    async def transaction(self, tenant: TenantScope) -> AsyncIterator[AsyncSession]:
        """Open a writing unit: it holds the tenant's clock, commits at the end, and rolls back on any exception."""
        unit = Unit(tenant, self._seal)
        async with self.founding() as session:
            session.info["unit"] = unit
            async with self._patiently():
                unit.position, unit.recorded_at = await self._tick(session, tenant)
            yield session
        if unit.changes:
            for tell in self.after_change:
                tell(tenant)

    @contextlib.asynccontextmanager
    async def reading(self, tenant: TenantScope | None) -> AsyncIterator[AsyncSession]:
        """Open a unit that only reads, all of it from one state; None: the reference tables only."""
        async with self._unavailable_when_away(), self._session(self._reader) as session, session.begin():
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

    def group(self, handler: Handler[Item, Result], size: Callable[[Item], int] = _no_size) -> "Group[Item, Result]":
        """Return a queue whose items share transactions (group commit): `handler` gets a tenant's items together.

        `size` tells the bytes that an item holds while it waits.
        """
        return Group(self, handler, size)

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
    async def _session(self, engine: AsyncEngine) -> AsyncIterator[AsyncSession]:
        async with AsyncSession(engine, sync_session_class=_TenantSession, expire_on_commit=False) as session:
            yield session

    async def _enter(self, session: AsyncSession, tenant: TenantScope) -> None:
        """Tell row-level security whose transaction this is; gone with the transaction."""
        if not self.embedded:
            await session.execute(select(func.set_config("app.tenant", str(tenant.id), True)))

    async def _tick(self, session: AsyncSession, tenant: TenantScope) -> tuple[int, datetime]:
        """Enter, lock the tenant's clock and take the next position and instant: `max(now, last + 1 microsecond)`."""
        now = int((datetime.now(UTC) - EPOCH) / timedelta(microseconds=1))
        parameters = {"tenant": str(tenant.id), "now": now}
        if self.embedded:
            parameters["tenant"] = tenant.id.hex
            position, ticked_us = (await session.execute(text(_TICK), parameters)).one()
        else:
            async with wire.pipelined(session):
                await wire.execute(session, _ENTER, parameters)
                cursor = await wire.execute(session, _TICK_DIRECTLY, parameters)
            position, ticked_us = await cursor.fetchone()
        return position, EPOCH + timedelta(microseconds=ticked_us)

    @contextlib.asynccontextmanager
    async def _patiently(self) -> AsyncIterator[None]:
        """Give connecting and locking their time; what takes longer is a database that is away. SQLite has its own."""
        try:
            async with asyncio.timeout(None if self.embedded else self._patience):
                yield
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


class Group(Generic[Item, Result]):
    """Group commit: while one commit of a tenant is under way, others wait and go together in the next.

    Every caller gets its own answer, after its own rows are committed. If the database refuses the batch, its items
    are tried one by one, so that one of them never fails its neighbours.
    """

    def __init__(self, database: Database, handler: Handler[Item, Result], size: Callable[[Item], int]) -> None:
        self._database = database
        self._handler = handler
        self._size = size
        self._bytes = 0
        self._waiting: dict[UUID, list[tuple[Item, asyncio.Future[Result]]]] = {}
        self._drains: dict[UUID, asyncio.Task[None]] = {}
        self.observe: Callable[[int, float], None] = lambda _size, _seconds: None

    async def submit(self, tenant: TenantScope, item: Item) -> Result:
        """Wait until `item` is committed and return its result; raise what went wrong with it alone."""
        queue = self._waiting.get(tenant.id, [])
        size = self._size(item)
        if len(queue) >= QUEUE_LIMIT or (self._bytes and self._bytes + size > QUEUE_BYTES):
            raise Unavailable("Too many deliveries are waiting; try again in a few seconds.")
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._bytes += size
        future.add_done_callback(lambda _done: self._release(size))
        queue.append((item, future))
        self._waiting[tenant.id] = queue
        if tenant.id not in self._drains:
            self._drains[tenant.id] = asyncio.create_task(self._drain(tenant))
        try:
            async with asyncio.timeout(DEADLINE_SECONDS):
                return await asyncio.shield(future)
        except TimeoutError as error:
            raise Unavailable("The delivery could not be stored in time; send it again.") from error

    def _release(self, size: int) -> None:
        self._bytes -= size

    async def close(self) -> None:
        """Wait until everything submitted is answered."""
        await asyncio.gather(*self._drains.values())

    async def _drain(self, tenant: TenantScope) -> None:
        queue = self._waiting[tenant.id]
        try:
            while queue:
                await _let_arrive(queue)
                together = self._together([item for item, _ in queue[:BATCH_LIMIT]])
                batch, queue[:] = queue[:together], queue[together:]
                await self._commit(tenant, batch)
        finally:
            del self._drains[tenant.id], self._waiting[tenant.id]

    def _together(self, items: Sequence[Item]) -> int:
        """Return how many of the items that wait go in one transaction: one, or as many as are not too large for it."""
        totals = accumulate(map(self._size, items))
        return max(1, sum(total <= BATCH_BYTES for total in totals))

    async def _commit(self, tenant: TenantScope, batch: list[tuple[Item, asyncio.Future[Result]]]) -> None:
        started = asyncio.get_running_loop().time()
        try:
            async with self._database.transaction(tenant) as session:
                results = await self._handler(session, [item for item, _ in batch])
        except Unavailable as error:
            _fail(batch, error)
        except Exception as error:  # noqa: BLE001  whatever one item does, its neighbours are tried without it
            if len(batch) == 1:
                _fail(batch, error)
            else:
                for single in batch:
                    await self._commit(tenant, [single])
        else:
            self.observe(len(batch), asyncio.get_running_loop().time() - started)
            for (_, future), result in zip(batch, results, strict=True):
                if not future.done():
                    future.set_result(result)


async def _let_arrive(queue: list[Any]) -> None:
    """Give requests at the door a turn as long as each turn brings more; nobody waits for what is not there yet."""
    before = 0
    while before < len(queue) < BATCH_WORTH_WAITING:
        before = len(queue)
        await asyncio.sleep(0)


def _fail(batch: list[tuple[Item, asyncio.Future[Result]]], error: Exception) -> None:
    for _, future in batch:
        if not future.done():
            future.set_exception(error)
            future.exception()  # a caller that has gone does not make it an unhandled one
