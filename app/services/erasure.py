"""Erasing a person: what names them goes, in every table and every version; what was counted stays.

Identifying fields and bodies are redacted in place, the hash of each body is kept, and the names live on as codes, so
that neither a replay nor a late event brings the person back (decisions.md, "Erasure").
"""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from app.domain import ids
from app.domain.learning import erased_key
from app.models.history import VERSIONS
from app.models.learning import LearningEventRow
from app.models.people import Identity, Person, PersonStatus
from app.models.sources import ERASED_REASON, REDACTED_HEADER, Delivery
from app.models.surveys import SurveyResponse
from app.models.tenancy import IdempotencyRecord
from app.models.unit import unit_of
from app.services import corrections, suppression
from app.services.nouns import get, keep
from app.services.people import PEOPLE
from app.services.suppression import PERSONNEL_NUMBER, Name
from app.services.traces import forms, holds, stand_in
from app.services.xapi import erasure as xapi
from app.vault import Vault

_TELLING = 4
"""Characters that a text needs at least to be looked for inside others: shorter ones stand there by chance."""

_IN_PLACE = {"synchronize_session": False}
_CHUNK = 500


async def erase(session: AsyncSession, vault: Vault, person_id: UUID) -> Person:
    """Erase a person for good; erasing them again changes nothing. Raises NotFound."""
    person = await get(session, PEOPLE, person_id)
    if person.status == PersonStatus.ERASED:
        return person
    identities = list(await session.scalars(select(Identity).where(col(Identity.person_id) == person_id)))
    identity_ids = [row.id for row in identities]
    names = await _names(session, person_id, identity_ids)
    texts = await _texts(session, person_id, names)
    traces = forms(texts)
    await suppression.add(session, names)
    person.name, person.external_id, person.status = None, None, PersonStatus.ERASED
    await keep(session, person, "erased")
    await _redact_versions(session, "person", [person_id], {"name": None, "external_id": None})
    await _redact_identities(session, identities)
    await _redact_deliveries(session, identity_ids, traces)
    await xapi.erase(session, identity_ids, names, traces)
    await _redact_events(session, identity_ids, traces)
    await _redact_responses(session, person_id)
    await _forget_answers(session, vault, [*traces, ids.encode("per", person_id)])
    return person


async def _names(session: AsyncSession, person_id: UUID, identity_ids: Sequence[UUID]) -> set[Name]:
    """Return every name that the person has or ever had."""
    identity, person = VERSIONS["identity"], VERSIONS["person"]
    tenant_id = unit_of(session).tenant.id
    told = select(identity.c.issuer, identity.c.kind, identity.c.value).where(
        identity.c.tenant_id == tenant_id, identity.c.identity_id.in_(identity_ids)
    )
    found = {(issuer, kind, value) for issuer, kind, value in await session.execute(told)}
    numbers = select(person.c.external_id).where(
        person.c.tenant_id == tenant_id, person.c.person_id == person_id, person.c.external_id.is_not(None)
    )
    return found | {("", PERSONNEL_NUMBER, number) for number in await session.scalars(numbers)}


async def _texts(session: AsyncSession, person_id: UUID, names: Collection[Name]) -> list[str]:
    """Return what tells who the person is wherever it stands: names, addresses, numbers, long enough to be theirs."""
    person = VERSIONS["person"]
    called = select(person.c.name).where(
        person.c.tenant_id == unit_of(session).tenant.id, person.c.person_id == person_id, person.c.name.is_not(None)
    )
    values = {value for _, _, value in names} | set(await session.scalars(called))
    return sorted(value for value in values if len(value) >= _TELLING)


async def _redact_versions(session: AsyncSession, noun: str, noun_ids: Sequence[UUID], values: dict[str, Any]) -> None:
    table = VERSIONS[noun]
    theirs = (table.c.tenant_id == unit_of(session).tenant.id, table.c[f"{noun}_id"].in_(noun_ids))
    await session.execute(update(table).where(*theirs).values(**values))


async def _redact_identities(session: AsyncSession, rows: Sequence[Identity]) -> None:
    for row in rows:
        row.value = f"erased-{row.id.hex}"
        await _redact_versions(session, "identity", [row.id], {"value": row.value})
    await session.flush()


async def _redact_deliveries(session: AsyncSession, identity_ids: Sequence[UUID], traces: Sequence[str]) -> None:
    """Empty the bodies that brought events of the person, and those in which one of the texts stands."""
    brought = select(col(LearningEventRow.delivery_id)).where(col(LearningEventRow.identity_id).in_(identity_ids))
    conditions = [col(Delivery.id).in_(brought), *(holds(session, col(Delivery.body), form) for form in traces)]
    redacted = {"body": b"", "headers": {REDACTED_HEADER: "true"}, "reason": ERASED_REASON}
    await session.execute(
        update(Delivery).where(or_(*conditions), col(Delivery.body) != b"").values(**redacted),
        execution_options=_IN_PLACE,
    )


async def _redact_events(session: AsyncSession, identity_ids: Sequence[UUID], traces: Sequence[str]) -> None:
    """Drop what events say besides their facts, and code the sender's ids of events that hold a name.

    A replay may read an event as somebody else's: all readings of one that was ever read as theirs are treated alike.
    """
    theirs = corrections.read_of(identity_ids)
    await session.execute(update(LearningEventRow).where(theirs).values(extras={}), execution_options=_IN_PLACE)
    keyed = select(col(LearningEventRow.id), col(LearningEventRow.event_key)).where(
        theirs, col(LearningEventRow.event_key).is_not(None)
    )
    for row_id, key in (await session.execute(keyed)).all():
        if key is not None and stand_in(key.encode(), traces):
            coded = update(LearningEventRow).where(col(LearningEventRow.id) == row_id)
            await session.execute(coded.values(event_key=erased_key(key)), execution_options=_IN_PLACE)


async def _redact_responses(session: AsyncSession, person_id: UUID) -> None:
    """Drop the free text of the person's answers; what they ticked stays counted."""
    theirs = col(SurveyResponse.person_id) == person_id
    response_ids = list(await session.scalars(select(col(SurveyResponse.id)).where(theirs)))
    await session.execute(update(SurveyResponse).where(theirs).values(comment=None), execution_options=_IN_PLACE)
    await _redact_versions(session, "survey_response", response_ids, {"comment": None})


async def _forget_answers(session: AsyncSession, vault: Vault, traces: Sequence[str]) -> None:
    """Forget the stored answers of idempotent requests that hold one of the traces."""
    stored = select(col(IdempotencyRecord.id), col(IdempotencyRecord.route), col(IdempotencyRecord.body))
    telling = []
    for row_id, route, body in await session.execute(stored):
        clear = vault.decrypt(body.decode()) + route.encode()
        if stand_in(clear, traces):
            telling.append(row_id)
    for start in range(0, len(telling), _CHUNK):
        rows = col(IdempotencyRecord.id).in_(telling[start : start + _CHUNK])
        await session.execute(delete(IdempotencyRecord).where(rows), execution_options=_IN_PLACE)
