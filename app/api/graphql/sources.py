"""Sources, their deliveries, and the learning events that these brought, in the graph."""

import base64
from collections.abc import Awaitable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from strawberry import auto
from strawberry.scalars import JSON

from app.api.graphql.connections import many
from app.api.graphql.figures import figures_of
from app.api.graphql.nodes import Node, entry, linked, load, one
from app.api.graphql.scalars import computed
from app.models.learning import shown_extras
from app.services import branches, corrections
from app.services.activities import ACTIVITY_REFERENCES
from app.services.branches import Listing
from app.services.events import EVENTS
from app.services.sources import DELIVERIES, SOURCES

_BODIES = Listing(DELIVERIES, ("id", "body"))


@entry(SOURCES)
class SourceNode(Node):
    """A connected LMS, without its secrets."""

    name: auto
    slug: auto
    adapter: auto
    authentication: auto
    mapping: auto
    zone: auto
    silence_after_seconds: auto
    status: auto
    last_delivery_at: auto
    webhook_path: auto
    deliveries = many(DELIVERIES, "source_id", "What it sent.")
    learning_events = many(EVENTS, "source_id", "Events that it told.")
    references = many(ACTIVITY_REFERENCES, "source_id", "The activities that it knows, by its own ids.")
    figures = figures_of("source")


@entry(DELIVERIES, "body_sha256")
class DeliveryNode(Node):
    """What became of one request from a source."""

    status: auto
    reason: auto
    received_at: auto
    recorded: auto
    duplicates: auto
    conflicts: auto
    repeats: auto
    headers: auto
    body_sha256: str = computed("SHA-256 of the raw body, hex.")
    body: str | None = computed("The raw body, base64; read only when asked for.")
    source = one("source_id")
    learning_events = many(EVENTS, "delivery_id", "Events that it brought.")

    def get_body_sha256(self) -> str:
        """Return the hash in hexadecimal."""
        digest: bytes = self.row.body_sha256
        return digest.hex()

    def get_body(self) -> Awaitable[str | None]:
        """Return the body, read with those of its siblings."""
        return self.view.load("bodies", _bodies, self.row.id)


async def _bodies(session: AsyncSession, delivery_ids: list[UUID]) -> Sequence[str | None]:
    rows = await branches.by_id(session, _BODIES, delivery_ids)
    return [None if row is None else base64.b64encode(row.body).decode() for row in rows]


@entry(EVENTS, "dedup_key", "corrects_key", "extras")
class LearningEventNode(Node):
    """One normalised fact."""

    kind: auto
    occurred_at: auto
    occurred_at_text: auto
    time_inferred: auto
    affirmed: auto
    dated_ahead: bool = computed("True when it is dated after its receipt here: in no figure before that instant.")
    recorded_at: auto
    corrected_at: datetime | None = computed(
        "When a replay read it otherwise, or no more: it has not counted since. Null: it was not corrected."
    )
    event_key: auto
    passed: auto
    score_scaled: auto
    score_raw: auto
    score_min: auto
    score_max: auto
    progress: auto
    duration_seconds: auto
    extras: JSON = computed("What else the sender told and is kept; never the learner's own words.")
    source = one("source_id")
    delivery = one("delivery_id")
    identity = one("identity_id", "The name under which the source told the learner; null for a voiding.")
    reference = one("reference_id", "The name under which the source told the activity; null for a voiding.")
    corrects = linked(
        "learning_event",
        "The event of which a replay of its delivery made this one, whose kind is voided if that one is told no more.",
    )
    person = linked("person", "The learner that the name is linked to; null for a voiding.")
    activity = linked("activity", "The activity that the name is linked to; null for a voiding.")

    def get_dated_ahead(self) -> bool:
        """Return whether it is dated after its receipt."""
        return bool(self.row.occurred_at > self.row.recorded_at)

    def get_extras(self) -> Any:
        """Return what is shown of the extras."""
        return shown_extras(self.row.extras)

    async def get_corrected_at(self) -> datetime | None:
        """Return when a replay corrected it."""
        return (await self._mark()).corrected_at

    async def get_corrects(self) -> Any:
        """Return the event that it corrects."""
        corrected = None if self.row.corrects_key is None else (await self._mark()).corrects_id
        return None if corrected is None else await load(self.view, "learning_event", corrected)

    async def _mark(self) -> corrections.Mark:
        at = self.view.at

        async def marks(session: AsyncSession, readings: list[corrections.Reading]) -> Sequence[corrections.Mark]:
            return await corrections.marks(session, readings, at)

        return await self.view.load("corrections", marks, corrections.reading_of(self.row))

    async def get_person(self) -> Any:
        """Return whom the identity is linked to."""
        return await self._behind("identity", self.row.identity_id, "person")

    async def get_activity(self) -> Any:
        """Return what the reference is linked to."""
        return await self._behind("activity_reference", self.row.reference_id, "activity")

    async def _behind(self, name: str, name_id: UUID | None, noun: str) -> Any:
        found = None if name_id is None else await load(self.view, name, name_id)
        return None if found is None else await load(self.view, noun, getattr(found.row, f"{noun}_id"))
