"""Documents of the State, Activity Profile and Agent Profile resources: the sender's own bytes, guarded by ETags.

They are scratch space that content overwrites all the time: no version is kept, and nothing is read from them.
https://github.com/adlnet/xAPI-Spec/blob/master/xAPI-Communication.md#22-document-resources
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha1, sha256
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from app.domain.errors import Conflict, Invalid
from app.domain.learning import Identity
from app.domain.mentions import agent_name, key_of
from app.models.unit import unit_of
from app.models.xapi import XapiDocument
from app.services import suppression
from app.services.identities import name_of

JSON_TYPE = "application/json"

_REFUSED = "invalid_xapi"


@dataclass(frozen=True, slots=True)
class Context:
    """Where documents are: the resource, and the activity, agent and registration that they belong to."""

    source_id: UUID
    resource: str
    activity: str | None = None
    agent: Identity | None = None
    registration: UUID | None = None

    @property
    def key(self) -> bytes:
        """16 bytes over all but the registration, which may be left open when documents are listed."""
        return sha256(
            json.dumps([self.resource, self.activity, None if self.agent is None else agent_name(self.agent)]).encode()
        ).digest()[:16]

    def place(self, document_id: str) -> bytes:
        """32 bytes that name one document of the source."""
        registration = None if self.registration is None else self.registration.hex
        return sha256(self.key + json.dumps([registration, document_id]).encode()).digest()


@dataclass(frozen=True, slots=True)
class Condition:
    """What must hold before a document is changed: ETags of If-Match and If-None-Match, `*` for any; None: not sent."""

    if_match: tuple[str, ...] | None = None
    if_none_match: tuple[str, ...] | None = None

    def check(self, row: XapiDocument | None) -> None:
        """Raise Conflict unless it holds (https://www.rfc-editor.org/rfc/rfc9110#section-13)."""
        if self.if_match is not None and (row is None or not _names(self.if_match, row)):
            raise _failed("If-Match names another version than the one that is here")
        if self.if_none_match is not None and row is not None and _names(self.if_none_match, row):
            raise _failed("If-None-Match does not allow the version that is here")


async def get(session: AsyncSession, context: Context, document_id: str) -> XapiDocument | None:
    """Return a document, or None."""
    statement = select(XapiDocument).where(
        col(XapiDocument.source_id) == context.source_id, col(XapiDocument.place) == context.place(document_id)
    )
    return await session.scalar(statement)


async def listed(session: AsyncSession, context: Context, since: datetime | None) -> tuple[list[str], datetime | None]:
    """Return the ids of the documents in a context, changed after `since` if given, and when the last one changed.

    Without a registration, the documents of all registrations are listed.
    """
    statement = select(col(XapiDocument.document_id), func.max(col(XapiDocument.updated_at)).label("at"))
    statement = statement.where(*_inside(context)).group_by(col(XapiDocument.document_id))
    if since is not None:
        statement = statement.where(col(XapiDocument.updated_at) > since)
    rows = (await session.execute(statement.order_by(col(XapiDocument.document_id)))).all()
    return [row.document_id for row in rows], max((row.at for row in rows), default=None)


async def put(
    session: AsyncSession,
    context: Context,
    document_id: str,
    condition: Condition,
    content_type: str,
    content: bytes,
    *,
    guarded: bool,
    conditional: bool,
) -> None:
    """Store a document in place of whatever is there.

    `guarded`: not over one that is there, without a condition; `conditional`: not at all without one.
    https://github.com/adlnet/xAPI-Spec/blob/master/xAPI-Communication.md#31-concurrency
    """
    row = await get(session, context, document_id)
    condition.check(row)
    if guarded and row is not None and condition == Condition():
        raise Conflict(
            "There is a document already: check its current state with GET, then set If-Match to its ETag.",
        )
    if conditional and condition == Condition():
        raise Invalid("Send If-None-Match: * for a new document, or If-Match with the ETag of the one.", code=_REFUSED)
    await _store(session, context, document_id, row, content_type, content)


async def post(
    session: AsyncSession,
    context: Context,
    document_id: str,
    condition: Condition,
    content_type: str,
    content: bytes,
    told: Mapping[str, Any] | None,
) -> None:
    """Store a document, or merge it into the one that is there; `told` is the JSON object that it holds, if it does.

    https://github.com/adlnet/xAPI-Spec/blob/master/xAPI-Communication.md#22-document-resources (JSON Procedure)
    """
    row = await get(session, context, document_id)
    condition.check(row)
    if row is None:
        await _store(session, context, document_id, None, content_type, content)
        return
    known = _object(row)
    if known is None or told is None:
        raise Invalid("Only a JSON object can be merged, and only into one: PUT the whole document.", code=_REFUSED)
    merged = json.dumps({**known, **told}, ensure_ascii=False, separators=(",", ":")).encode()
    await _store(session, context, document_id, row, row.content_type, merged)


async def remove(session: AsyncSession, context: Context, document_id: str | None, condition: Condition) -> None:
    """Delete a document if it is there; without an id all documents in the context."""
    if document_id is None:
        await session.execute(delete(XapiDocument).where(*_inside(context)))
        return
    row = await get(session, context, document_id)
    condition.check(row)
    if row is not None:
        await session.delete(row)
        await session.flush()


async def _store(
    session: AsyncSession,
    context: Context,
    document_id: str,
    row: XapiDocument | None,
    content_type: str,
    content: bytes,
) -> None:
    if context.agent is not None:
        await suppression.refuse(session, name_of(context.agent, context.source_id), "")
    unit = unit_of(session)
    # https://github.com/adlnet/xAPI-Spec/blob/master/xAPI-Communication.md#31-concurrency: SHA-1 of the contents
    etag = sha1(content, usedforsecurity=False).hexdigest()
    if row is None:
        row = XapiDocument(
            tenant_id=unit.tenant.id,
            source_id=context.source_id,
            place=context.place(document_id),
            context_key=context.key,
            agent_key=None if context.agent is None else key_of("agent", agent_name(context.agent)),
            registration=context.registration,
            document_id=document_id,
            content_type=content_type,
            content=content,
            etag=etag,
            updated_at=unit.tick(),
        )
        session.add(row)
    row.content_type, row.content, row.etag, row.updated_at = content_type, content, etag, unit.tick()
    await session.flush()


def _inside(context: Context) -> list[Any]:
    conditions = [col(XapiDocument.source_id) == context.source_id, col(XapiDocument.context_key) == context.key]
    if context.registration is not None:
        conditions.append(col(XapiDocument.registration) == context.registration)
    return conditions


def _object(row: XapiDocument) -> dict[str, Any] | None:
    if row.content_type.partition(";")[0].strip().lower() != JSON_TYPE:
        return None
    found = json.loads(row.content)
    return found if isinstance(found, dict) else None


def _names(etags: tuple[str, ...], row: XapiDocument) -> bool:
    return "*" in etags or row.etag in etags


def _failed(why: str) -> Conflict:
    return Conflict(f"Somebody changed the document meanwhile: {why}. Read it again.", code="precondition_failed")
