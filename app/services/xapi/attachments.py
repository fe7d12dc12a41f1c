"""The raw data of attachments, once for a source."""

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from app.models.base import new_id
from app.models.unit import unit_of
from app.models.xapi import XapiAttachment

Raw = tuple[str, str, bytes]
"""(SHA-2 in lower-case hexadecimal, content type, bytes)."""

_CHUNK = 100


async def keep(session: AsyncSession, source_id: UUID, sent: Sequence[Raw]) -> None:
    """Keep what the source has not sent before."""
    if not sent:
        return
    unit = unit_of(session)
    by_hash = {sha2: (sha2, content_type, content) for sha2, content_type, content in sent}
    statement = select(col(XapiAttachment.sha2)).where(
        col(XapiAttachment.source_id) == source_id, col(XapiAttachment.sha2).in_(by_hash)
    )
    known = set(await session.scalars(statement))
    rows = [
        {
            "tenant_id": unit.tenant.id,
            "id": new_id(),
            "source_id": source_id,
            "sha2": sha2,
            "content_type": content_type,
            "content": content,
            "recorded_at": unit.tick(),
        }
        for sha2, content_type, content in by_hash.values()
        if sha2 not in known
    ]
    if rows:
        await session.execute(insert(XapiAttachment), rows)


async def find(session: AsyncSession, source_id: UUID, hashes: Collection[str]) -> list[Raw]:
    """Return the data that is here of the attachments with these SHA-2, in their order."""
    wanted = list(dict.fromkeys(hashes))
    found: dict[str, Raw] = {}
    for start in range(0, len(wanted), _CHUNK):
        statement = select(
            col(XapiAttachment.sha2), col(XapiAttachment.content_type), col(XapiAttachment.content)
        ).where(
            col(XapiAttachment.source_id) == source_id,
            col(XapiAttachment.sha2).in_(wanted[start : start + _CHUNK]),
        )
        found.update({sha2: (sha2, kind, content) for sha2, kind, content in await session.execute(statement)})
    return [found[sha2] for sha2 in wanted if sha2 in found]
