"""Who an event is about: identities as sent, resolved to persons; unknown ones make an unresolved person."""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.domain import ids, learning
from app.domain.learning import IdentityKind, LearningEvent
from app.models.base import new_id
from app.models.people import Identity, Person, PersonStatus
from app.services import lookups
from app.services.bulk import add_rows, born
from app.services.lookups import Answer

Name = tuple[str, str, str]
"""(issuer, kind, value): what is unique in a tenant."""

_LOCAL = {IdentityKind.ACCOUNT, IdentityKind.USERNAME}
_NAME_LENGTH = 200


class Known(NamedTuple):
    """An identity and the person that it is linked to."""

    id: UUID
    person_id: UUID


@dataclass(slots=True)
class Roll:
    """The identities at hand, by name; it grows as events bring new ones, which `add` inserts.

    `met` are the people whom one event named together, the one of its strongest known name first.
    """

    common: Mapping[str, Any]
    known: dict[Name, Known]
    met: set[tuple[UUID, ...]] = field(default_factory=set)
    new_people: list[dict[str, Any]] = field(default_factory=list)
    new_identities: list[dict[str, Any]] = field(default_factory=list)


def name_of(identity: learning.Identity, source_id: UUID) -> Name:
    """Return the unique name of an identity that `source_id` sent; only accounts and user names have an issuer."""
    if identity.kind in _LOCAL:
        return identity.issuer or _issuer(source_id), identity.kind.value, identity.value
    return "", identity.kind.value, identity.value


@functools.lru_cache(maxsize=1_000)
def _issuer(source_id: UUID) -> str:
    return ids.encode("src", source_id)


async def ask(session: AsyncSession, events: Sequence[tuple[UUID, LearningEvent]]) -> Answer:
    """Look for the identities that the (source id, event)s name."""
    names = {name_of(identity, source_id) for source_id, event in events for identity in event.identities}
    key = ("issuer", "kind", "value")
    return await lookups.ask(session, Identity, (*key, "id", "person_id"), key, names)


async def resolve(
    session: AsyncSession, events: Sequence[tuple[UUID, LearningEvent]], asked: Answer
) -> tuple[list[Known | None], Roll]:
    """Return the strongest identity of each (source id, event), in order; None for one that names nobody. And the roll.

    Names that `asked` did not find are linked: to the person of the strongest name that is known, else to a new
    unresolved person. Names of several people are left as they are: `people.unite` makes one of those who met.
    """
    known = {(issuer, kind, value): Known(*rest) for issuer, kind, value, *rest in await asked.rows()}
    roll = Roll(born(session), known)
    found = [
        _strongest(roll, [name_of(each, source_id) for each in event.identities], event.person_name)
        for source_id, event in events
    ]
    return found, roll


async def add(session: AsyncSession, roll: Roll) -> None:
    """Insert what is new on the roll; in a pipeline if there is one."""
    await add_rows(session, Person, roll.new_people)
    await add_rows(session, Identity, roll.new_identities)


def _strongest(roll: Roll, names: list[Name], person_name: str | None) -> Known | None:
    if not names:
        return None
    people = tuple(dict.fromkeys([roll.known[name].person_id for name in names if name in roll.known]))
    person_id = people[0] if people else new_id()
    if not people:
        roll.new_people.append(_unresolved(roll.common, person_id, person_name))
    elif len(people) > 1:
        roll.met.add(people)
    for name in names:
        if name not in roll.known:
            roll.known[name] = Known(new_id(), person_id)
            issuer, kind, value = name
            linked = {"id": roll.known[name].id, "person_id": person_id, "issuer": issuer, "kind": kind, "value": value}
            roll.new_identities.append({**roll.common, **linked})
    return roll.known[names[0]]


def _unresolved(common: Mapping[str, Any], person_id: UUID, name: str | None) -> dict[str, Any]:
    told = (name or "").strip()[:_NAME_LENGTH] or None
    return {**common, "id": person_id, "name": told, "status": PersonStatus.ACTIVE.value, "resolved": False}
