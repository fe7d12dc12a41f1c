"""An organisation that learns: people, initiatives and events, written by the services in a few transactions."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import httpx

from app.db import Database
from app.domain import ids
from app.domain.learning import ActivityName, Identity, IdentityKind, Kind, LearningEvent
from app.models.people import AudienceMemberWrite, IdentityWrite, PersonWrite
from app.models.sources import DeliveryStatus
from app.services import audiences, ingest, people
from app.services.ingest import Inbound
from tests.builders import make
from tests.engines import Organisation


@dataclass
class School:
    """One tenant with a source; people are called by their numbers, activities by their names in the source."""

    org: Organisation
    database: Database
    source: dict[str, Any]
    people: dict[str, UUID] = field(default_factory=dict)
    activities: dict[str, str] = field(default_factory=dict)
    made: int = 0

    @property
    def client(self) -> httpx.AsyncClient:
        return self.org.client

    async def initiative(self, *courses: str, **fields: Any) -> str:
        """An initiative with required courses of these names."""
        self.made += 1
        initiative: str = (await make(self.client, "initiatives", self.made, **fields))["id"]
        for course in courses:
            await self.course(course, initiative_id=initiative)
        return initiative

    async def course(self, name: str, **fields: Any) -> str:
        activity: str = (await make(self.client, "activities", self.made, title=name, **fields))["id"]
        about = {"activity_id": activity, "source_id": self.source["id"], "external_id_in_source": name}
        await make(self.client, "activity-references", self.made, **about)
        self.activities[name] = activity
        return activity

    async def hire(self, *numbers: str, **fields: Any) -> None:
        """Make people whom the source knows by account; `fields` are those of all of them."""
        writes = [PersonWrite(external_id=number, **fields) for number in numbers]
        async with self.database.transaction(self.org.scope) as session:
            results = await people.put_many(session, writes)
            self.people |= {number: each.id for number, each in zip(numbers, results, strict=True) if each.id}
            links = [(self.people[number], self._account(number)) for number in numbers]
            await people.put_identities(session, links)

    def _account(self, number: str) -> IdentityWrite:
        return IdentityWrite(kind=IdentityKind.ACCOUNT, value=number, issuer=self.source["id"])

    async def offer(self, initiative: str, numbers: Iterable[str], on: str = "2026-01-05", **fields: Any) -> str:
        """Put people into a new audience of an initiative."""
        self.made += 1
        group: str = (await make(self.client, "audiences", self.made, initiative_id=initiative))["id"]
        writes = [
            AudienceMemberWrite(person_id=self.people[each], offered_on=date.fromisoformat(on), **fields)
            for each in numbers
        ]
        async with self.database.transaction(self.org.scope) as session:
            await audiences.put_members(session, ids.decode("aud", group), writes)
        return group

    async def tell(self, *events: LearningEvent, source: Mapping[str, Any] | None = None) -> None:
        """Deliver events, as one request of the source."""
        self.made += 1
        source_id = ids.decode("src", (source or self.source)["id"])
        body = str(self.made).encode()
        inbound = Inbound(source_id, datetime.now(UTC), {}, body, DeliveryStatus.APPLIED, events=events)
        async with self.database.transaction(self.org.scope) as session:
            await ingest.record(session, [inbound])

    async def figures(self, metric: str | list[str], *subjects: str, **query: Any) -> list[dict[str, Any]]:
        asked = {"metric": metric, "subject": subjects, **query}
        answer = await self.client.get("/v1/figures", params=asked)
        assert answer.status_code == 200, answer.text
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    async def figure(self, metric: str, subject: str, **query: Any) -> dict[str, Any]:
        [found] = await self.figures(metric, subject, **query)
        return found


def event(kind: str, number: str, course: str, at: str, **fields: Any) -> LearningEvent:
    """What happened to a person in a course, at a day or an instant in UTC."""
    instant = datetime.fromisoformat(at if "T" in at else f"{at}T12:00:00").replace(tzinfo=UTC)
    name = Identity.of(IdentityKind.ACCOUNT, number)
    fields.setdefault("event_key", f"{kind} {number} {course} {at}")
    return LearningEvent(Kind(kind), (name,), ActivityName(course), instant, **fields)


def numbers(count: int, first: int = 0) -> list[str]:
    return [f"p{number}" for number in range(first, first + count)]
