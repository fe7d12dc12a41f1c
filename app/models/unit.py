"""The unit of work as services see it: whose it is, and its place on the tenant's clock."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, TypeVar
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

Asked = TypeVar("Asked")
Ask = Callable[[AsyncSession], Awaitable[Asked]]
"""What asks, in a pipeline, before a unit begins to write."""


@dataclass(frozen=True, slots=True)
class TenantScope:
    """The tenant that a unit of work belongs to."""

    id: UUID
    slug: str


@dataclass(slots=True)
class Unit:
    """One transaction of one tenant. `position` and `recorded_at` come from the tenant's clock; None when reading."""

    tenant: TenantScope
    seal: Callable[[str, bytes], list[bytes]]
    """Returns the codes of a message for a purpose under every secret key, that of the newest first."""

    position: int | None = None
    recorded_at: datetime | None = None
    changes: int = field(default=0)

    def tick(self) -> datetime:
        """Return the instant of this transaction on the tenant's clock; RuntimeError in a reading unit."""
        if self.recorded_at is None:
            raise RuntimeError("this unit only reads: open it with Database.transaction to write")
        return self.recorded_at


class Units(Protocol):
    """What opens units of work; `app.db.Database` does."""

    def transaction(self, tenant: TenantScope) -> AbstractAsyncContextManager[AsyncSession]:
        """Open a unit that writes and commits at its end."""

    def asking(self, tenant: TenantScope, ask: Ask[Asked]) -> AbstractAsyncContextManager[tuple[AsyncSession, Asked]]:
        """Open a unit that writes; what it has to know first is asked in the round trip that opens it."""

    def reading(self, tenant: TenantScope | None, *, ahead: bool = False) -> AbstractAsyncContextManager[AsyncSession]:
        """Open a unit that only reads; None: the reference tables. `ahead`: not behind the other readers."""

    async def settle(self, tenant: TenantScope, as_of: datetime) -> None:
        """Make sure that what stood at `as_of` never changes; Invalid for an instant that has not come yet."""


def unit_of(session: AsyncSession) -> Unit:
    """Return the unit that `session` works for."""
    unit: Unit = session.info["unit"]
    return unit
