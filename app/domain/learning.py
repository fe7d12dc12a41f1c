"""LearningEvent, the one normalised fact; StoredFact, what is kept of it for the fold; the keys that tell facts apart.

The fold of stored facts into enrolments is in `app.domain.attempts`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal
from enum import StrEnum
from functools import cached_property
from hashlib import sha1, sha256
from json.encoder import encode_basestring_ascii
from typing import Any
from uuid import UUID


class Kind(StrEnum):
    """What happened (product.md, "Learning event"). Completed is not passed."""

    ENROLLED = "enrolled"
    STARTED = "started"
    PROGRESSED = "progressed"
    COMPLETED = "completed"
    PASSED = "passed"
    FAILED = "failed"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    CERTIFIED = "certified"
    RATED = "rated"
    ANSWERED = "answered"
    EXPERIENCED = "experienced"
    EARNED = "earned"
    VOIDED = "voided"


class IdentityKind(StrEnum):
    """How a sender names a person. `account` is an id within an issuer; the others are global."""

    ACCOUNT = "account"
    USERNAME = "username"
    EMAIL = "email"
    EMAIL_SHA1 = "email_sha1"
    OPENID = "openid"


@dataclass(frozen=True, slots=True)
class Identity:
    """One name of a person. `issuer` is the naming authority (an xAPI homePage); None means the delivering source.

    `value` is already normalised: e-mail addresses lower-case without `mailto:`, hashes lower-case hex, account ids
    as text exactly as sent.
    """

    kind: IdentityKind
    value: str
    issuer: str | None = None

    @classmethod
    def of(cls, kind: IdentityKind, sent: str, issuer: str | None = None) -> Identity:
        """Return the identity that a sender spells `sent`, normalised. Two spellings are merged only for e-mail."""
        if kind is IdentityKind.EMAIL:
            bare = sent.strip()
            value = (bare[7:] if bare[:7].lower() == "mailto:" else bare).lower()
        elif kind is IdentityKind.EMAIL_SHA1:
            value = sent.strip().lower()
        else:
            value = sent
        return cls(kind, value, issuer)

    def hashed(self) -> Identity | None:
        """Return the `email_sha1` name of the same mailbox, for e-mail only, so that two senders can be joined.

        https://github.com/adlnet/xAPI-Spec/blob/master/xAPI-Data.md#inversefunctional (mbox_sha1sum)
        """
        if self.kind is not IdentityKind.EMAIL:
            return None
        digest = sha1(f"mailto:{self.value}".encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()
        return Identity(IdentityKind.EMAIL_SHA1, digest, self.issuer)


@dataclass(frozen=True, slots=True)
class ActivityName:
    """The activity as the sender names it: its id in the source, and the title and version if told.

    `aliases` are other ids under which the same source names the same activity (Canvas: the global id of a local one).
    """

    external_id: str
    title: str | None = None
    content_version: str | None = None
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True)
class LearningEvent:
    """One normalised fact about one learner and one activity.

    `identities` holds every name of the *learner* (never of the actor on their behalf), strongest first, at least one
    unless `kind` is voided. `activity` is None only when `kind` is voided. `occurred_at` is aware UTC, or None when the
    sender gives no time; `occurred_at_text` keeps the original spelling. `event_key` is the sender's own id of this
    fact or None; `item` is its index when one id covers several facts. `score_scaled` is 0..1 (xAPI allows -1..1),
    the raw score stays in `score_raw`/`score_min`/`score_max`. `progress` is 0..1. `voids` is the `event_key` of the
    event that this one takes back. `expires_at` is the end of a certificate's validity, `due_at` a due date told by
    the sender. `attempt` is the sender's own number of the enrolment, only where it is documented to tell one taking of
    the activity from another. `affirmed` is true of an enrolment that is told again, not made: platforms do so whenever
    anything about it changes, the section, the mode, a name. `extras` holds further facts worth keeping, JSON only.
    """

    kind: Kind
    identities: tuple[Identity, ...]
    activity: ActivityName | None
    occurred_at: datetime | None
    occurred_at_text: str | None = None
    event_key: str | None = None
    item: int = 0
    passed: bool | None = None
    score_scaled: Decimal | None = None
    score_raw: Decimal | None = None
    score_min: Decimal | None = None
    score_max: Decimal | None = None
    progress: Decimal | None = None
    duration_seconds: int | None = None
    expires_at: datetime | None = None
    due_at: datetime | None = None
    person_name: str | None = None
    voids: str | None = None
    attempt: str | None = None
    affirmed: bool = False
    extras: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def dedup_key(self) -> bytes:
        """The 32 bytes that make it unique within its source (decisions.md, "Dedup key").

        With an event key: that key and the item index. Without one: the strongest identity, the activity, the kind and
        the instant, which is left out when none was sent, so that a retry of a timeless fact meets itself. Weaker
        identities are left out too: a retry may know an e-mail address that the first try did not. Not covered: tenant
        and source, which stand beside the key in its constraint.
        """
        if self.event_key is not None:
            return key_of(self.event_key, self.item)
        fields = [
            _identity(self.identities[0]) if self.identities else None,
            self.activity.external_id if self.activity else None,
            self.kind.value,
            _instant(self.occurred_at),
            self.voids,
        ]
        return _digest("fact", fields)

    @cached_property
    def content_hash(self) -> bytes:
        """The 32 bytes over what it says: equal dedup keys with unequal hashes are a conflict.

        Spelling is no content: equal instants in two zones, 0.5 and 0.50, another title of the activity or another
        display name of the person give the same hash. Key and item index are left out.
        """
        told = self.activity
        fields = [
            self.kind.value,
            [_identity(identity) for identity in self.identities],
            [told.external_id, told.content_version] if told else None,
            _instant(self.occurred_at),
            self.passed,
            _number(self.score_scaled),
            _number(self.score_raw),
            _number(self.score_min),
            _number(self.score_max),
            _number(self.progress),
            self.duration_seconds,
            _instant(self.expires_at),
            _instant(self.due_at),
            self.voids,
            self.extras,
            *([True] if self.affirmed else []),
        ]
        if self.attempt is not None:  # only then, so that the others keep the hashes that they had
            fields.append(self.attempt)
        return _digest("content", fields)

    @cached_property
    def attempt_key(self) -> bytes | None:
        """The 32 bytes that stand for `attempt`, which may be long, or tell who the learner is."""
        return None if self.attempt is None else _digest("attempt", [self.attempt])


FactKey = tuple[UUID, bytes]
"""(source id, dedup key): what makes a stored fact unique within its tenant."""

_ERASED = "erased:"
_CODE = re.compile(r"[0-9a-f]{64}")

Target = tuple[UUID, str]
"""(source id, event key): what a voiding takes back, with every item of that key, in its own source only."""


@dataclass(frozen=True, slots=True)
class StoredFact:
    """What the fold needs of one stored learning event.

    `occurred_at` is aware UTC and never None: the time of receipt if `time_inferred`. `dedup_key` has 32 bytes and is
    unique within its `source`. A score comes scaled, or raw with its maximum (and minimum, 0 if not told).
    """

    source: UUID
    dedup_key: bytes
    kind: Kind
    occurred_at: datetime
    time_inferred: bool = False
    event_key: str | None = None
    passed: bool | None = None
    score_scaled: Decimal | None = None
    score_raw: Decimal | None = None
    score_min: Decimal | None = None
    score_max: Decimal | None = None
    progress: Decimal | None = None
    duration_seconds: int | None = None
    expires_at: datetime | None = None
    due_at: datetime | None = None
    attempt_key: bytes | None = None
    """Which of the learner's enrolments its sender tells of, hashed to 32 bytes; None: it does not say."""
    affirmed: bool = False
    corrects: bytes | None = None
    """The dedup key of the fact of its source that it corrects."""

    @property
    def key(self) -> FactKey:
        """(source id, dedup key)."""
        return self.source, self.dedup_key

    @property
    def root(self) -> FactKey:
        """The key of the fact that it corrects, or its own: all readings of one fact have it in common."""
        return self.source, self.corrects or self.dedup_key

    def scaled(self) -> Decimal | None:
        """Return the score on 0..1 (-1..1 if sent so), a derived one to six places; None if undefined or off scale."""
        if self.score_scaled is not None or self.score_raw is None or self.score_max is None:
            return self.score_scaled
        low = self.score_min or Decimal(0)
        if not low <= self.score_raw <= self.score_max or low == self.score_max:
            return None
        return ((self.score_raw - low) / (self.score_max - low)).quantize(_SIX_PLACES)


def key_of(event_key: str, item: int = 0) -> bytes:
    """Return the dedup key of item `item` of the sender's event `event_key`: how a voiding finds its target."""
    # what `_digest` would hash: of all the keys by far the most are these, and spelling two values needs no encoder
    return sha256(f'["{_VERSION}", "key", {encode_basestring_ascii(event_key)}, {item}]'.encode("ascii")).digest()


def erased_key(event_key: str) -> str:
    """Return what stands for an event key that names an erased person: a voiding still finds its event by it."""
    return f"{_ERASED}{key_of(event_key).hex()}"


def voids_key(event_key: str) -> bytes:
    """Return the key by which a voiding names the event `event_key`, also after the person it tells of was erased."""
    code = event_key.removeprefix(_ERASED)
    return bytes.fromhex(code) if _CODE.fullmatch(code) and code != event_key else key_of(event_key)


def correction_key(dedup_key: bytes, recorded_at: datetime) -> bytes:
    """Return the dedup key of what corrects the fact `dedup_key` at an instant of the tenant's clock."""
    return _digest("correction", [dedup_key.hex(), _instant(recorded_at)])


_SIX_PLACES = Decimal("0.000001")
_VERSION = "throughline/1"
_EXACT = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN)


def _digest(what: str, fields: list[Any]) -> bytes:
    # ASCII JSON is unambiguous (no two lists share a text), stable across releases, and takes lone surrogates
    return sha256(_ENCODER.encode([_VERSION, what, *fields]).encode("ascii")).digest()


def _identity(identity: Identity) -> list[str | None]:
    return [identity.kind.value, identity.value, identity.issuer]


def _instant(at: datetime | None) -> str | None:
    return at.astimezone(UTC).isoformat() if at else None


def _number(value: Decimal | None) -> str | None:
    if value is None:
        return None
    return str(_EXACT.normalize(value)) if value else "0"


_ENCODER = json.JSONEncoder(sort_keys=True, default=_number)

NOTHING = _digest("nothing", [])
"""The content of a correction that takes a fact back: its delivery does not tell it any more."""
