"""Who an event is about: identities as sent, resolved to persons; unknown ones make an unresolved person."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain import ids, learning
from app.domain.learning import IdentityKind, LearningEvent
from app.models.people import Identity, Person
from app.services.among import among
from app.services.bulk import add_many, born

Name = tuple[str, str, str]
"""(issuer, kind, value): what is unique in a tenant."""

_LOCAL = {IdentityKind.ACCOUNT, IdentityKind.USERNAME}
_CHUNK = 500


@dataclass(slots=True)
class Roll:
    """The identities at hand, by name; `names` grows as events bring new ones."""

    known: dict[Name, Identity]
    new_people: list[Person] = field(default_factory=list)
    new_identities: list[Identity] = field(default_factory=list)


def name_of(identity: learning.Identity, source_id: UUID) -> Name:
    """Return the unique name of an identity that `source_id` sent; only accounts and user names have an issuer."""
    if identity.kind in _LOCAL:
        return identity.issuer or ids.encode("src", source_id), identity.kind.value, identity.value
    return "", identity.kind.value, identity.value


async def resolve(session: AsyncSession, events: Sequence[tuple[UUID, LearningEvent]]) -> list[Identity | None]:
    """Return the strongest identity of each (source id, event), in order; None for one that names nobody.

    Names never seen are linked: to the person of the strongest name that is known, else to a new unresolved person.
    """
    named = [[name_of(identity, source_id) for identity in event.identities] for source_id, event in events]
    roll = Roll(await _find(session, {name for names in named for name in names}))
    found = [
        _strongest(session, roll, names, event.person_name) for names, (_, event) in zip(named, events, strict=True)
    ]
    await add_many(session, roll.new_people)
    await add_many(session, roll.new_identities)
    return found


async def _find(session: AsyncSession, names: Iterable[Name]) -> dict[Name, Identity]:
    wanted = sorted(names)
    found: dict[Name, Identity] = {}
    columns = (Identity.issuer, Identity.kind, Identity.value)
    for start in range(0, len(wanted), _CHUNK):
        rows = await session.scalars(select(Identity).where(among(columns, wanted[start : start + _CHUNK])))
        found.update({(row.issuer, row.kind, row.value): row for row in rows})
    return found


def _strongest(session: AsyncSession, roll: Roll, names: list[Name], person_name: str | None) -> Identity | None:
    if not names:
        return None
    person_id = next((roll.known[name].person_id for name in names if name in roll.known), None)
    if person_id is None:
        person = Person(**born(session), name=(person_name or "").strip()[:200] or None, resolved=False)
        roll.new_people.append(person)
        person_id = person.id
    for issuer, kind, value in names:
        if (issuer, kind, value) not in roll.known:
            identity = Identity(**born(session), person_id=person_id, issuer=issuer, kind=kind, value=value)
            roll.known[issuer, kind, value] = identity
            roll.new_identities.append(identity)
    return roll.known[names[0]]
