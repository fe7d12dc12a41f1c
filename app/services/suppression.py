"""Names of erased people, kept as codes: what comes in under one of them later is not taken in."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from app import wire
from app.domain.errors import Fault, Invalid
from app.models.base import new_id
from app.models.erasure import SuppressedName
from app.models.unit import unit_of
from app.services import lookups
from app.services.lookups import Answer

Name = tuple[str, str, str]
"""(issuer, kind, value), as in the table of identities; a personnel number has the kind `external_id`."""

PERSONNEL_NUMBER = "external_id"
_PURPOSE = "suppressed name"
_ANY = "suppresses"
_CHUNK = 500
_ANY_NAME = "SELECT EXISTS (SELECT 1 FROM suppressed_name WHERE suppressed_name.tenant_id = %(tenant)s::uuid)"
_ANY_NAME_EMBEDDED = "SELECT EXISTS (SELECT 1 FROM suppressed_name WHERE tenant_id = ?)"


async def add(session: AsyncSession, names: Collection[Name]) -> None:
    """Take nothing in any more under these names."""
    known = await among(session, names)
    unit = unit_of(session)
    for name in sorted(set(names) - known):
        tag = _tags(session, name)[0]
        session.add(SuppressedName(tenant_id=unit.tenant.id, id=new_id(), tag=tag, created_at=unit.tick()))
    session.info[_ANY] = True
    await session.flush()


async def among(session: AsyncSession, names: Collection[Name]) -> set[Name]:
    """Return which of the names are those of erased people; one cheap query where the tenant has erased nobody."""
    if not names or not await _any(session):
        return set()
    by_tag = {tag: name for name in names for tag in _tags(session, name)}
    tags = sorted(by_tag)
    found: set[Name] = set()
    for start in range(0, len(tags), _CHUNK):
        statement = select(col(SuppressedName.tag)).where(col(SuppressedName.tag).in_(tags[start : start + _CHUNK]))
        found |= {by_tag[tag] for tag in await session.scalars(statement)}
    return found


async def ask(session: AsyncSession) -> Answer:
    """Ask, in a pipeline, whether the tenant has erased anybody; `learn` takes the answer."""
    if not await wire.direct(session):
        tenant = unit_of(session).tenant.id.hex
        return await lookups.ask_each(session, _ANY_NAME_EMBEDDED, [(tenant,)], (bool,))
    return await lookups.ask_directly(session, _ANY_NAME, [])


async def learn(session: AsyncSession, asked: Answer) -> bool:
    """Return what `ask` found, and spare `among` the question."""
    found = session.info[_ANY] = bool((await asked.rows())[0][0])
    return found


async def refuse(session: AsyncSession, name: Name, pointer: str) -> None:
    """Raise Invalid `erased` when a name is that of an erased person."""
    if await among(session, [name]):
        fault = Fault("erased", "is of a person who was erased", pointer=pointer)
        raise Invalid(
            "This name is of a person who was erased: it is not taken in again.", code="erased", errors=(fault,)
        )


async def _any(session: AsyncSession) -> bool:
    found: Any = session.info.get(_ANY)
    if found is None:
        tenant_id = unit_of(session).tenant.id
        found = session.info[_ANY] = bool(
            await session.scalar(select(exists().where(col(SuppressedName.tenant_id) == tenant_id)))
        )
    return bool(found)


def _tags(session: AsyncSession, name: Name) -> list[bytes]:
    """Return the codes of a name under every key at hand, that of the newest first."""
    unit = unit_of(session)
    message = b"\0".join(part.encode() for part in name)
    return unit.seal(_PURPOSE, unit.tenant.id.bytes + message)
