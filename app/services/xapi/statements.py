"""Statements kept for the readers of the resource, in the transaction that records their delivery and its events."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from app import wire
from app.domain.learning import Identity
from app.models.base import new_id
from app.models.unit import unit_of
from app.models.xapi import XapiMention, XapiStatement
from app.services import ingest, lookups, suppression
from app.services.bulk import add_facts
from app.services.identities import name_of
from app.services.ingest import Inbound, Receipt
from app.services.xapi import activities, attachments, targets
from app.services.xapi.attachments import Raw

Place = tuple[UUID, UUID]
"""(source id, statement id)."""


@dataclass(frozen=True, slots=True)
class Told:
    """One statement that a source tells: what is stored of it. `keys` are what it mentions, True where directly.

    `people` are all whom it names, `hashes` the SHA-2 of its attachments.
    """

    statement_id: UUID
    content_sha256: bytes
    document: str
    verb_key: bytes
    keys: Mapping[bytes, bool]
    people: tuple[Identity, ...] = ()
    told_at: datetime | None = None
    registration: UUID | None = None
    refers_to: UUID | None = None
    voids: bool = False
    hashes: frozenset[str] = frozenset()
    attachment_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Post:
    """One request with statements: its delivery, and what to keep of them. `definitions` are in the order told."""

    inbound: Inbound
    statements: tuple[Told, ...]
    definitions: tuple[activities.Told, ...] = ()
    attachments: tuple[Raw, ...] = ()

    def size(self) -> int:
        """Return the bytes that it holds while it waits."""
        return len(self.inbound.body) + sum(len(content) for _, _, content in self.attachments)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a request: the ids that stand for other statements already, and its receipt if there are none.

    `stored_at` is the instant of the transaction on the tenant's clock.
    """

    conflicts: tuple[UUID, ...]
    receipt: Receipt | None
    stored_at: datetime


async def record(session: AsyncSession, posts: Sequence[Post]) -> list[Outcome]:
    """Keep the statements of `posts`, and record their deliveries. The tenant's clock is held.

    A statement known already is left alone; a request with one whose id is known for another statement changes
    nothing at all (https://github.com/adlnet/xAPI-Spec/blob/master/xAPI-Communication.md#212-post-statements).
    """
    known, suppresses = await _known(
        session, {(post.inbound.source_id, one.statement_id) for post in posts for one in post.statements}
    )
    conflicts: list[tuple[UUID, ...]] = []
    fresh: list[list[Told]] = []
    for post in posts:
        contrary, unknown = _sorted_out(post, known)
        conflicts.append(contrary)
        fresh.append([] if contrary else unknown)
    if suppresses:
        fresh = await _without_erased(session, posts, fresh)
    accepted = [
        post if all(one.document for one in told) else replace(post, inbound=replace(post.inbound, redacted=True))
        for post, told, contrary in zip(posts, fresh, conflicts, strict=True)
        if not contrary
    ]
    stored_at = unit_of(session).tick()
    receipts = iter(await ingest.record(session, [post.inbound for post in accepted]) if accepted else ())
    outcomes = [Outcome(contrary, None if contrary else next(receipts), stored_at) for contrary in conflicts]
    new = [
        (new_id(), outcome.receipt.delivery_id, post.inbound.source_id, one)
        for post, outcome, listed in zip(posts, outcomes, fresh, strict=True)
        if outcome.receipt is not None
        for one in listed
    ]
    await _insert(session, new)
    for post, told in zip(posts, fresh, strict=True):
        wanted = {sha2 for one in told for sha2 in one.hashes}
        raw = [each for each in post.attachments if each[0] in wanted]
        await attachments.keep(session, post.inbound.source_id, raw)
        if told and all(one.document for one in told):
            await activities.learn(session, post.inbound.source_id, post.definitions)
    return outcomes


def _sorted_out(post: Post, known: dict[Place, tuple[bytes, datetime | None]]) -> tuple[tuple[UUID, ...], list[Told]]:
    """Return the ids of a request that stand for other statements, and what of it is new; note the new ones."""
    source_id = post.inbound.source_id
    contrary, new = [], []
    for one in post.statements:
        earlier = known.get((source_id, one.statement_id))
        if earlier is None:
            new.append(one)
        elif earlier[0] != one.content_sha256 or (earlier[1] and one.told_at and earlier[1] != one.told_at):
            contrary.append(one.statement_id)
    if not contrary:
        known.update({(source_id, one.statement_id): (one.content_sha256, one.told_at) for one in new})
    return tuple(contrary), new


async def _without_erased(
    session: AsyncSession, posts: Sequence[Post], fresh: Sequence[list[Told]]
) -> list[list[Told]]:
    """Return what is new of each request, emptied where it names somebody who was erased: only its id is kept."""
    named = [
        [{name_of(who, post.inbound.source_id) for who in _known_as(one)} for one in told]
        for post, told in zip(posts, fresh, strict=True)
    ]
    gone = await suppression.among(session, {name for listed in named for names in listed for name in names})
    return [
        [
            one
            if gone.isdisjoint(names)
            else replace(one, document="", keys={}, hashes=frozenset(), attachment_bytes=0)
            for one, names in zip(told, listed, strict=True)
        ]
        for told, listed in zip(fresh, named, strict=True)
    ]


def _known_as(one: Told) -> list[Identity]:
    return [each for who in one.people for each in (who, who.hashed()) if each is not None]


async def _known(
    session: AsyncSession, places: Collection[Place]
) -> tuple[dict[Place, tuple[bytes, datetime | None]], bool]:
    """Return what is stored under these ids, and whether the tenant has erased anybody."""
    keys = ("source_id", "statement_id")
    async with wire.pipelined(session):
        await lookups.by_keys_only(session)
        asked = await lookups.ask(session, XapiStatement, (*keys, "content_sha256", "told_at"), keys, places)
        suppresses = await suppression.ask(session)
    known = {
        (source_id, statement_id): (content, told) for source_id, statement_id, content, told in await asked.rows()
    }
    return known, await suppression.learn(session, suppresses)


async def _insert(session: AsyncSession, new: Sequence[tuple[UUID, UUID, UUID, Told]]) -> None:
    """Insert (row id, delivery id, source id, statement), what finds them, and mark what is voided."""
    if not new:
        return
    unit = unit_of(session)
    rows = [
        {
            "tenant_id": unit.tenant.id,
            "id": row_id,
            "source_id": source_id,
            "delivery_id": delivery_id,
            "statement_id": one.statement_id,
            "stored_at": unit.tick(),
            "told_at": one.told_at,
            "verb_key": one.verb_key,
            "registration": one.registration,
            "refers_to": one.refers_to,
            "voids": one.voids,
            "voided": False,
            "content_sha256": one.content_sha256,
            "document": one.document,
            "document_bytes": len(one.document.encode()),
            "attachment_bytes": one.attachment_bytes,
        }
        for row_id, delivery_id, source_id, one in new
    ]
    mentions = [
        {
            "tenant_id": unit.tenant.id,
            "id": new_id(),
            "source_id": source_id,
            "row_id": row_id,
            "key": key,
            "direct": direct,
            "stored_at": unit.tick(),
        }
        for row_id, _, source_id, one in new
        for key, direct in one.keys.items()
    ]
    async with wire.pipelined(session):
        await add_facts(session, XapiStatement, rows)
        await add_facts(session, XapiMention, mentions)
    for source_id in {source_id for _, _, source_id, _ in new}:
        mine = {one.statement_id: (row_id, one.refers_to) for row_id, _, source, one in new if source == source_id}
        voided = {one.refers_to for _, _, source, one in new if source == source_id and one.voids and one.refers_to}
        voided |= await targets.link(session, source_id, mine)
        await _void(session, source_id, voided)


async def _void(session: AsyncSession, source_id: UUID, statement_ids: Collection[UUID]) -> None:
    # https://github.com/adlnet/xAPI-Spec/blob/master/xAPI-Data.md#232-voiding: a voiding statement is never voided
    if statement_ids:
        await session.execute(
            update(XapiStatement)
            .where(
                col(XapiStatement.source_id) == source_id,
                col(XapiStatement.statement_id).in_(statement_ids),
                col(XapiStatement.voids).is_(False),
            )
            .values(voided=True)
            .execution_options(synchronize_session=False)
        )
