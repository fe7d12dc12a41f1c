"""One request of a source on its way into the database: what it holds, whether it fits, and what became of it."""

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self
from uuid import UUID

from sqlalchemy.exc import DataError, IntegrityError

from app.domain.learning import Kind, LearningEvent
from app.models.base import LARGEST
from app.models.sources import ERASED_REASON, DeliveryStatus

EventKey = tuple[UUID, bytes]
"""(source id, dedup key)."""

_NAME_LENGTH = 255
_ACTIVITY_LENGTH = 500
_KEY_LENGTH = 2_000
_SECONDS_MOST = 2**31


UNSTORABLE = (DataError, IntegrityError, OverflowError, ValueError)
"""What a database, or its driver, says of values that it cannot hold; ValueError: of texts that are no Unicode."""


@dataclass(frozen=True, slots=True)
class Inbound:
    """One request, parsed: what to keep of it, and the events that it holds.

    `authentic` is False for what proves nothing about its source being alive: a test event, an unproved handshake.
    """

    source_id: UUID
    received_at: datetime
    headers: Mapping[str, str]
    body: bytes
    status: DeliveryStatus
    reason: str | None = None
    events: tuple[LearningEvent, ...] = ()
    authentic: bool = True
    telling: Sequence[tuple[str, str]] = ()
    """What else than body and marks decides what is read from it, while nothing is: (name, value), in order."""
    sent_sha256: bytes | None = None
    """SHA-256 of the body as it came, where a secret was taken out of it."""
    redacted: bool = False
    """Whether its body and headers are not to be kept: it tells of a person who was erased."""

    def unread(self) -> Self:
        """Return the request without its events, as it is kept when the database refuses them."""
        reason = "the database refuses what it tells; it is kept as it came, for a replay"
        return replace(self, status=DeliveryStatus.QUARANTINED, reason=reason, events=())


@dataclass(frozen=True, slots=True)
class Keyed:
    """A request with the keys of its events, in order, and what makes it the same as an earlier one."""

    item: Inbound
    keys: tuple[bytes, ...]
    body_sha256: bytes
    digest: bytes

    @property
    def place(self) -> EventKey:
        """What tells it from others in its tenant: (source id, digest)."""
        return self.item.source_id, self.digest

    @classmethod
    def of(cls, item: Inbound) -> Self:
        """Return a request with its digest: over the body, the marks (the query is one) and the keys of the events.

        Without events, what will tell it from others once it is read is part of it: one must not hide another.
        """
        keys, content = tuple([event.dedup_key for event in item.events]), hashlib.sha256(item.body).digest()
        marked = sorted([each for each in item.headers.items() if each[0].startswith(":")])
        marks = [f"{name}={value}".encode() for name, value in marked]
        telling = [json.dumps(item.telling).encode()] if item.telling and not keys else []
        digest = hashlib.sha256(content + item.status.encode() + b"".join([*keys, *marks, *telling])).digest()
        return cls(item, keys, item.sent_sha256 or content, digest)

    def without(self, places: Collection[int]) -> Self:
        """Return the request without the events at these places, and without its bytes if there are any."""
        if not places:
            return self
        left = [at for at in range(len(self.keys)) if at not in places]
        item = replace(
            self.item,
            events=tuple(self.item.events[at] for at in left),
            status=self.item.status if left else DeliveryStatus.IGNORED,
            reason=ERASED_REASON,
            redacted=True,
        )
        return replace(self, item=item, keys=tuple(self.keys[at] for at in left))


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of one request."""

    delivery_id: UUID
    status: DeliveryStatus
    reason: str | None
    recorded: int
    duplicates: int
    conflicts: int


def unfit(event: LearningEvent) -> str | None:
    """Return why an event cannot be stored (something in it is too long or too large), or None."""
    return next(_misfits(event), None)


def _misfits(event: LearningEvent) -> Iterator[str]:
    for name in event.identities:
        if len(name.value) > _NAME_LENGTH or (name.issuer is not None and len(name.issuer) > _NAME_LENGTH):
            yield f"a name of the learner has more than {_NAME_LENGTH} characters"
    told = event.activity
    if told is not None and not all(1 <= len(each) <= _ACTIVITY_LENGTH for each in (told.external_id, *told.aliases)):
        yield f"an activity's id needs 1 to {_ACTIVITY_LENGTH} characters"
    for key in (event.event_key, event.voids, event.attempt):
        if key is not None and len(key) > _KEY_LENGTH:
            yield f"an event's id has more than {_KEY_LENGTH} characters"
    for number in (event.score_scaled, event.score_raw, event.score_min, event.score_max, event.progress):
        if number is not None and abs(number) > LARGEST:
            yield "a score is too large"
    if not 0 <= (event.duration_seconds or 0) < _SECONDS_MOST:
        yield "a duration is out of range"
    if not event.identities and event.kind is not Kind.VOIDED:
        yield "an event names no learner"
