"""What figures can be about: nouns by their public ids, and the dimensions that some of them are segments of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain import ids
from app.domain.errors import NotFound
from app.models.activities import Activity
from app.models.history import VERSIONS
from app.models.initiatives import Initiative
from app.models.kpis import Kpi
from app.models.objectives import Objective
from app.models.outcomes import Outcome
from app.models.people import OrgUnit
from app.models.sources import Source
from app.models.tenancy import TenantSettings
from app.services.versions import rows_at

ROWS: Mapping[str, Any] = {
    "tenant": TenantSettings,
    "objective": Objective,
    "outcome": Outcome,
    "initiative": Initiative,
    "activity": Activity,
    "org_unit": OrgUnit,
    "source": Source,
    "kpi": Kpi,
}
"""The rows of each kind of subject."""

PLURALS: Mapping[str, str] = {
    "tenant": "tenant",
    "objective": "objectives",
    "outcome": "outcomes",
    "initiative": "initiatives",
    "activity": "activities",
    "org_unit": "org-units",
    "source": "sources",
    "kpi": "kpis",
}
"""The path segment of each kind of subject."""

_BY_PREFIX = {row.prefix: kind for kind, row in ROWS.items()}


@dataclass(frozen=True, slots=True)
class SubjectId:
    """One subject: its kind and id."""

    kind: str
    id: UUID

    @property
    def public(self) -> str:
        """The public id."""
        return ids.encode(ROWS[self.kind].prefix, self.id)


def read(text: str) -> SubjectId:
    """Return the subject that a public id names. Raises NotFound."""
    kind = _BY_PREFIX.get(text.rpartition("_")[0])
    if kind is None:
        allowed = ", ".join(sorted(_BY_PREFIX))
        raise NotFound(f"Figures are about nouns with the prefixes {allowed}; {text[:60]!r} is none of them.")
    return of_kind(kind, text)


def of_kind(kind: str, text: str) -> SubjectId:
    """Return the subject of a kind that a public id names. Raises NotFound."""
    prefix = ROWS[kind].prefix
    try:
        return SubjectId(kind, ids.decode(prefix, text))
    except ValueError as error:
        raise NotFound(f"There is no {kind.replace('_', ' ')} {text[:60]!r}: {error}.") from error


async def require(session: AsyncSession, subjects: Sequence[SubjectId], as_of: datetime | None) -> None:
    """Raise NotFound unless every subject was in use at `as_of` (None: now); one query per kind."""
    for kind in sorted({each.kind for each in subjects}):
        wanted = [each for each in subjects if each.kind == kind]
        row = ROWS[kind]
        at = as_of if row.__tablename__ in VERSIONS else None
        table = rows_at(session, row, at)
        statement = select(table.c.id).where(table.c.id.in_({each.id for each in wanted}))
        if at is None and as_of is not None:
            statement = statement.where(table.c.created_at <= as_of)
        found = set(await session.scalars(statement))
        for each in wanted:
            if each.id not in found:
                then = "" if as_of is None else " at that instant"
                raise NotFound(f"There is no {kind.replace('_', ' ')} {each.public} in this tenant{then}.")
