"""People: their rules, where they work, and the names that sources have for them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from app.domain import ids, learning
from app.domain.errors import Conflict, Fault, Invalid
from app.models.kpis import Measurement, SubjectKind
from app.models.people import (
    AudienceMember,
    Identity,
    IdentityRead,
    IdentityWrite,
    Person,
    PersonRead,
    PersonStatus,
    PersonWrite,
)
from app.models.sources import Source
from app.models.unit import unit_of
from app.services import batches, enrolments, memberships, merging, suppression
from app.services.batches import ItemResult
from app.services.bulk import born, change_many
from app.services.nouns import Action, NounType, get, keep

_SOURCE = "src_"


async def _is_known_by_its_number(session: AsyncSession, row: Person) -> None:
    """Count a person with an external id as known: no longer somebody whom only a source has named.

    Refuse to know an erased person again.
    """
    if row.status == PersonStatus.ERASED:
        raise Conflict("This person was erased: nothing can be added to them.", code="erased")
    if row.external_id is not None:
        await suppression.refuse(session, ("", suppression.PERSONNEL_NUMBER, row.external_id), "/external_id")
        row.resolved = True


async def _keep_membership(session: AsyncSession, row: Person, former: Mapping[str, Any]) -> None:
    if row.version == 1:
        await memberships.follow(session, [row], [])
    elif "org_unit_id" in former:
        await memberships.follow(session, [], [row])


PEOPLE = NounType(
    row=Person,
    write=PersonWrite,
    read=PersonRead,
    plural="people",
    search=("name", "external_id", "role"),
    filters=("status", "resolved", "org_unit_id", "role", "external_id"),
    sorts=("created_at", "recorded_at", "name"),
    ranges=("joined_on", "left_on"),
    actions=(
        Action("leave", ("active",), "left", "The person works here no longer."),
        Action("rejoin", ("left",), "active", "The person works here again."),
    ),
    check=_is_known_by_its_number,
    followed=_keep_membership,
)

IDENTITIES = NounType(
    row=Identity,
    write=IdentityWrite,
    read=IdentityRead,
    plural="identities",
    filters=("person_id", "kind", "issuer"),
)


async def put_many(session: AsyncSession, writes: Sequence[PersonWrite]) -> list[ItemResult]:
    """Create or replace people by their external ids, in a handful of statements; results in order.

    The same people again change nothing. An item without external id, with one given twice, or in an org unit that this
    tenant does not have, is refused; the others are written.
    """
    results, written = await batches.put_by_external_id(session, PEOPLE, writes)
    newcomers = [person for person, _ in written if person.version == 1]
    moved = [person for person, former in written if person.version > 1 and "org_unit_id" in former]
    await memberships.follow(session, newcomers, moved)
    return results


async def ids_by_external_id(session: AsyncSession, external_ids: Iterable[str]) -> dict[str, UUID]:
    """Return the ids of the people with these external ids; one that nobody has is left out."""
    return await batches.ids_by_external_id(session, PEOPLE, external_ids)


async def link(session: AsyncSession, person_id: UUID, fields: IdentityWrite) -> tuple[Identity, bool]:
    """Link an identity to a person; return it and whether anything changed. Linking it again changes nothing.

    An e-mail address brings its hash along, the only name that some xAPI providers tell. An identity that so far only
    an unresolved person has brings that person's other identities along: the two were one, and their enrolments are
    folded anew. Raises NotFound, Invalid (an issuer that is no source), and Conflict when another known person has it.
    """
    row, changed = await _link(session, person_id, fields)
    hashed = hash_of(fields)
    if hashed is not None:
        _, hash_changed = await _link(session, person_id, hashed)
        changed = changed or hash_changed
    return row, changed


def hash_of(fields: IdentityWrite) -> IdentityWrite | None:
    """Return the `email_sha1` name of the mailbox that an `email` names; None for every other kind."""
    hashed = learning.Identity.of(fields.kind, fields.value).hashed()
    return None if hashed is None else IdentityWrite(kind=hashed.kind, value=hashed.value)


async def _link(session: AsyncSession, person_id: UUID, fields: IdentityWrite) -> tuple[Identity, bool]:
    person = await get(session, PEOPLE, person_id)
    await _require_issuer(session, fields)
    named = learning.Identity.of(fields.kind, fields.value)
    if person.status == PersonStatus.ERASED:
        raise Conflict("This person was erased: nothing can be added to them.", code="erased")
    await suppression.refuse(session, (fields.issuer, fields.kind.value, named.value), "/value")
    statement = select(Identity).where(
        col(Identity.issuer) == fields.issuer,
        col(Identity.kind) == fields.kind.value,
        col(Identity.value) == named.value,
    )
    row = await session.scalar(statement)
    if row is None:
        row = Identity(
            **born(session), person_id=person_id, issuer=fields.issuer, kind=fields.kind.value, value=named.value
        )
        await keep(session, row, "created")
        return row, True
    if row.person_id == person_id:
        return row, False
    other = await get(session, PEOPLE, row.person_id)
    if other.resolved:
        public = ids.encode("per", other.id)
        fault = Fault("taken", f"belongs to {public}", pointer="/value")
        detail = f"This identity belongs to {public}: one name is never that of two people."
        raise Conflict(detail, code="already_exists", errors=(fault,))
    await _merge(session, other, person)
    return await get(session, IDENTITIES, row.id), True


async def put_identities(session: AsyncSession, links: Sequence[tuple[UUID, IdentityWrite]]) -> list[ItemResult]:
    """Link many new identities to people, in a handful of statements; results in order.

    What is linked already is unchanged; an identity of another person, resolved or not, is refused (see `link`).
    """
    items = []
    for person_id, fields in links:
        value = learning.Identity.of(fields.kind, fields.value).value
        name = (fields.issuer, fields.kind.value, value)
        columns = {"person_id": person_id, "issuer": name[0], "kind": name[1], "value": name[2]}
        items.append(batches.Item(name, columns))
    wanted = [item.key for item in items if item.key is not None]
    known, gone = await _by_names(session, wanted), await suppression.among(session, wanted)
    for item in items:
        if item.key in gone:
            item.faults.append(Fault("erased", "is of a person who was erased", pointer="/value"))
        holder = known.get(item.key) if item.key is not None else None
        if holder is not None and holder.person_id != item.values["person_id"]:
            detail = f"belongs to {ids.encode('per', holder.person_id)}"
            item.faults.append(Fault("taken", detail, pointer="/value"))
    return (await batches.put_items(session, IDENTITIES, items, _by_names))[0]


async def _by_names(
    session: AsyncSession, names: Sequence[tuple[str, str, str]]
) -> dict[tuple[str, str, str], Identity]:
    found = {}
    values = sorted({name[2] for name in names})
    for start in range(0, len(values), batches.CHUNK):
        chunk = values[start : start + batches.CHUNK]
        for row in await session.scalars(select(Identity).where(col(Identity.value).in_(chunk))):
            session.expunge(row)
            found[row.issuer, row.kind, row.value] = row
    return found


async def _require_issuer(session: AsyncSession, fields: IdentityWrite) -> None:
    """Refuse an issuer that looks like the id of a source and is none of this tenant's."""
    if not fields.issuer.startswith(_SOURCE):
        return
    try:
        source_id = ids.decode("src", fields.issuer)
    except ValueError:
        source_id = None
    if source_id is None or await session.get(Source, (unit_of(session).tenant.id, source_id)) is None:
        fault = Fault("unknown_reference", "names no source of this tenant", pointer="/issuer")
        raise Invalid("/issuer names no source of this tenant.", errors=(fault,))


async def merge(session: AsyncSession, person_id: UUID, other_id: UUID) -> Person:
    """Make one of two: every identity of an unresolved person goes to another; return the latter as it stands.

    Learning under those names is folded anew, and what else was recorded of them moves too. The emptied person is
    archived, and as-of answers still show two. Merging again changes nothing. Raises NotFound, and Conflict where they
    cannot be one.
    """
    person, other = await get(session, PEOPLE, person_id), await get(session, PEOPLE, other_id)
    if PersonStatus.ERASED in {person.status, other.status}:
        raise Conflict("One of them was erased: nothing can be added to them.", code="erased")
    if person_id == other_id:
        raise Conflict("A person is one already: name another one to merge.")
    if other.resolved:
        raise Conflict("Only a person who is not resolved can be merged into another.", code="wrong_state")
    if other.archived_at is not None:
        return person
    if other_id in await _members(session, {other_id}):
        raise Conflict("The person to be merged is in an audience: put the other one there instead, and take it out.")
    await _merge(session, other, person)
    return await get(session, PEOPLE, person_id)


async def unite(session: AsyncSession, met: Collection[Sequence[UUID]]) -> None:
    """Make one of the people whom one event named together, so that it does not matter which name was told first.

    Whoever is not resolved becomes the one among them who is, else the first. Two who are known stay two; so does
    somebody of whom an audience or a measurement tells, until they are merged on purpose.
    """
    everybody = {each for group in met for each in group}
    rows = {row.id: row for row in await session.scalars(select(Person).where(col(Person.id).in_(everybody)))}
    bound = await _members(session, everybody) | await _measured(session, everybody)
    became: dict[UUID, UUID] = {}
    for group in met:
        people = [rows[each] for each in dict.fromkeys(became.get(each, each) for each in group)]
        stays = next((person for person in people if person.resolved), people[0])
        for other in people:
            if other is stays or other.resolved or other.id in bound or stays.status == PersonStatus.ERASED:
                continue
            if stays.name is None and other.name is not None:
                stays.name = other.name
                await keep(session, stays, "updated")
            await _merge(session, other, stays)
            became |= {each: stays.id for each, last in became.items() if last == other.id} | {other.id: stays.id}


async def _members(session: AsyncSession, person_ids: Collection[UUID]) -> set[UUID]:
    """Return who of these people is in an audience."""
    statement = select(col(AudienceMember.person_id)).where(
        col(AudienceMember.person_id).in_(person_ids), col(AudienceMember.archived_at).is_(None)
    )
    return set(await session.scalars(statement))


async def _measured(session: AsyncSession, person_ids: Collection[UUID]) -> set[UUID]:
    """Return of whom of these people a KPI was measured."""
    statement = select(col(Measurement.subject_id)).where(
        col(Measurement.subject_kind) == SubjectKind.PERSON, col(Measurement.subject_id).in_(person_ids)
    )
    return set(await session.scalars(statement))


async def _merge(session: AsyncSession, other: Person, person: Person) -> None:
    """Give every identity of an unresolved person to `person`, and all that is recorded of them; archive the empty one.

    Learning under the identities is folded anew.
    """
    rows = list(await session.scalars(select(Identity).where(col(Identity.person_id) == other.id)))
    identity_ids = [row.id for row in rows]
    before = await enrolments.pairs_of_identities(session, identity_ids)
    for row in rows:
        session.expunge(row)
        row.person_id = person.id
    await change_many(session, rows)
    after = await enrolments.pairs_of_identities(session, identity_ids)
    await enrolments.refold(session, before | after)
    await merging.move_facts(session, other.id, person.id)
    other.archived_at = unit_of(session).tick()
    await keep(session, other, "merged")
