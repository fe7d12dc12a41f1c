"""Erasing a person from the xAPI resources: what names them goes, the ids of their statements stay taken."""

import json
from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from app.domain.learning import Identity, IdentityKind
from app.domain.mentions import agent_keys
from app.models.learning import LearningEventRow
from app.models.xapi import XapiActivity, XapiAttachment, XapiDocument, XapiMention, XapiStatement
from app.services.traces import holds

GONE = {"document": "", "document_bytes": 0, "attachment_bytes": 0}
"""What is left of a statement that names an erased person: it is never shown again, nor taken in again."""

_IN_PLACE = {"synchronize_session": False}
_CHUNK = 500

Name = tuple[str, str, str]
"""(issuer, kind, value), as in the table of identities."""


async def erase(
    session: AsyncSession, identity_ids: Sequence[UUID], names: Collection[Name], forms: Sequence[str]
) -> None:
    """Redact statements that a person made or is named in, with their attachments, and delete documents about them.

    `names` are all that the person ever had, `forms` the ways in which their texts may be written.
    """
    keys = {key for name in names for key in _keys(name)}
    found = await _statements(session, identity_ids, keys, forms)
    for start in range(0, len(found), _CHUNK):
        rows = [row_id for row_id, _, _ in found[start : start + _CHUNK]]
        theirs = update(XapiStatement).where(col(XapiStatement.id).in_(rows)).values(**GONE)
        await session.execute(theirs, execution_options=_IN_PLACE)
        mentions = delete(XapiMention).where(col(XapiMention.row_id).in_(rows))
        await session.execute(mentions, execution_options=_IN_PLACE)
    await _drop_attachments(session, {(source_id, sha2) for _, source_id, told in found for sha2 in _hashes(told)})
    told = [holds(session, col(XapiDocument.content), form) for form in forms]
    told += [holds(session, col(XapiDocument.document_id), form) for form in forms]
    about = delete(XapiDocument).where(or_(col(XapiDocument.agent_key).in_(keys), *told))
    await session.execute(about, execution_options=_IN_PLACE)
    for form in forms:
        naming = delete(XapiActivity).where(holds(session, col(XapiActivity.definition), form))
        await session.execute(naming, execution_options=_IN_PLACE)


def _keys(name: Name) -> list[bytes]:
    issuer, kind, value = name
    return agent_keys(Identity(IdentityKind(kind), value, issuer or None)) if kind in set(IdentityKind) else []


async def _statements(
    session: AsyncSession, identity_ids: Sequence[UUID], keys: Collection[bytes], forms: Sequence[str]
) -> list[tuple[UUID, UUID, str]]:
    """Return (row id, source id, document) of the statements behind the person's events, or that name them."""
    named = select(col(XapiMention.row_id)).where(col(XapiMention.key).in_(keys))
    conditions = [col(XapiStatement.id).in_(named)]
    conditions += [holds(session, col(XapiStatement.document), form) for form in forms]
    columns = (col(XapiStatement.id), col(XapiStatement.source_id), col(XapiStatement.document))
    rows = {row.id: (row.id, row.source_id, row.document) for row in await session.execute(_query(columns, conditions))}
    brought = select(col(LearningEventRow.event_key)).where(
        col(LearningEventRow.identity_id).in_(identity_ids), col(LearningEventRow.event_key).is_not(None)
    )
    statement_ids = sorted({known for key in await session.scalars(brought) if (known := _uuid(str(key)))})
    for start in range(0, len(statement_ids), _CHUNK):
        part = col(XapiStatement.statement_id).in_(statement_ids[start : start + _CHUNK])
        for row in await session.execute(_query(columns, [part])):
            rows[row.id] = (row.id, row.source_id, row.document)
    return [rows[row_id] for row_id in sorted(rows)]


def _query(columns: Sequence[Any], conditions: Sequence[Any]) -> Any:
    return select(*columns).where(or_(*conditions), col(XapiStatement.document_bytes) > 0)


async def _drop_attachments(session: AsyncSession, places: Collection[tuple[UUID, str]]) -> None:
    """Delete raw data, by (source id, SHA-2), that no statement has any more."""
    for source_id, sha2 in sorted(places):
        still = select(col(XapiStatement.id)).where(
            col(XapiStatement.source_id) == source_id,
            col(XapiStatement.attachment_bytes) > 0,
            holds(session, col(XapiStatement.document), sha2),
        )
        if await session.scalar(still.limit(1)) is None:
            unused = delete(XapiAttachment).where(
                col(XapiAttachment.source_id) == source_id, col(XapiAttachment.sha2) == sha2
            )
            await session.execute(unused, execution_options=_IN_PLACE)


def _hashes(document: str) -> set[str]:
    told = json.loads(document)
    return {one["sha2"].lower() for holder in (told, told["object"]) for one in holder.get("attachments", ())}


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
