"""Days in the tenant's zone: what "today" is to a transaction, and stamping it on a row."""

from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from app.models.unit import unit_of
from app.services.tenants import settle


async def today(session: AsyncSession) -> date:
    """Return the day of this transaction in the tenant's zone."""
    settings = await settle(session)
    return unit_of(session).tick().astimezone(ZoneInfo(settings.zone)).date()


def stamping(column: str) -> Callable[[AsyncSession, Any], Awaitable[None]]:
    """Return what sets a column of a row to today, where nobody has told another day."""

    async def stamp(session: AsyncSession, row: Any) -> None:
        if getattr(row, column) is None:
            setattr(row, column, await today(session))

    return stamp


def clearing(column: str) -> Callable[[AsyncSession, Any], Awaitable[None]]:
    """Return what empties a column of a row."""

    async def clear(_session: AsyncSession, row: Any) -> None:
        setattr(row, column, None)

    return clear
