"""The yardstick: the least that a receiver can do. It verifies the same HMAC and commits one INSERT per request."""

import hmac
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiosqlite
from psycopg_pool import AsyncConnectionPool
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from uuid_utils.compat import uuid7

SECRET = os.environ["YARDSTICK_SECRET"].encode()
URL = os.environ["YARDSTICK_DATABASE_URL"]
PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=20000")


async def receive(request: Request) -> JSONResponse:
    """Answer 200 after the commit."""
    body = await request.body()
    sent, digest = request.headers["x-thinkific-hmac-sha256"], hmac.digest(SECRET, body, "sha256").hex()
    if not hmac.compare_digest(sent, digest):
        return JSONResponse({"code": "bad_signature"}, 401)
    await request.app.state.insert(uuid7(), body)
    return JSONResponse({"recorded": 1})


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    """Hold the connections: on PostgreSQL as many as the service has by default, on SQLite the one that can write."""
    if URL.startswith("sqlite"):
        async with aiosqlite.connect(URL.removeprefix("sqlite:///"), isolation_level=None) as connection:
            for pragma in PRAGMAS:
                await connection.execute(f"PRAGMA {pragma}")
            app.state.insert = lambda key, body: connection.execute("INSERT INTO raw VALUES (?, ?)", (key.bytes, body))
            yield
        return
    async with AsyncConnectionPool(URL, min_size=10, max_size=10, kwargs={"autocommit": True}) as pool:

        async def insert(key: object, body: bytes) -> None:
            async with pool.connection() as connection:
                await connection.execute("INSERT INTO raw VALUES (%s, %s)", (key, body), prepare=True)

        app.state.insert = insert
        yield


app = Starlette(routes=[Route("/receive", receive, methods=["POST"])], lifespan=lifespan)
