"""Requests that compute: they read in a unit of their own, compute without one, and write last.

So nobody waits for arithmetic: neither who writes, for the one lock of SQLite and the tenant's clock, nor PostgreSQL,
which ends transactions that idle.
"""

import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.api import keyed_requests
from app.api.principals import Principal
from app.api.routing import Handler, UnitRoute
from app.models.unit import Units
from app.services.idempotency import KeyedRequest


class Stages:
    """The units of one request, in the hands of its endpoint. The writing one commits before the answer leaves."""

    def __init__(self, request: Request, principal: Principal, keyed: KeyedRequest | None = None) -> None:
        self._request = request
        self._tenant = principal.tenant
        self._keyed = keyed
        self._units: Units = request.app.state.database
        self._open = contextlib.AsyncExitStack()
        self._session: AsyncSession | None = None

    @contextlib.asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncSession]:
        """Open a unit that only reads, all of it from one state of about now."""
        await self._units.settle(self._tenant, datetime.now(UTC))
        async with self._units.reading(self._tenant) as session:
            yield session

    async def writing(self) -> AsyncSession:
        """Open the unit that writes, the last one: it ends with the request."""
        session = await self._open.enter_async_context(self._units.transaction(self._tenant))
        stored = await keyed_requests.answered(self._request, session, self._keyed)
        if stored is not None:
            raise _Answered(stored)
        self._session = session
        return session

    async def answer(self, inner: Handler) -> Response:
        """Have the request answered; one that another process answered meanwhile gets that answer."""
        try:
            async with self._open:
                response = await inner(self._request)
                if self._session is not None:
                    await keyed_requests.kept(self._request, self._session, self._keyed, response)
                return response
        except _Answered as before:
            return before.response


class _Answered(Exception):
    """Another process has answered the same request meanwhile."""

    def __init__(self, response: Response) -> None:
        self.response = response


class StagedRoute(UnitRoute):
    """A route whose endpoint opens its units itself: `stages: StagesOf`."""

    async def read(self, request: Request, principal: Principal, inner: Handler) -> Response:
        """Have a request answered that only reads."""
        request.state.stages = Stages(request, principal)
        return await inner(request)

    async def write(self, request: Request, principal: Principal, inner: Handler) -> Response:
        """Have a request answered that writes; under its Idempotency-Key, if it has one."""
        keyed = await keyed_requests.of(request, principal)
        with keyed_requests.alone(request, keyed):
            if keyed is not None:
                async with request.app.state.database.reading(principal.tenant) as session:
                    stored = await keyed_requests.answered(request, session, keyed)
                if stored is not None:
                    return stored
            request.state.stages = stages = Stages(request, principal, keyed)
            return await stages.answer(inner)


async def _stages(request: Request) -> Stages:
    stages: Stages = request.state.stages
    return stages


StagesOf = Annotated[Stages, Depends(_stages)]
