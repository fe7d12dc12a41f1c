"""Milestones: what the facts of one attempt say so far, in their order. The rules are told in `app.domain.attempts`."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from app.domain.learning import FactKey, Kind, StoredFact

_UNSCORED = frozenset({Kind.RATED, Kind.ANSWERED, Kind.EARNED})
_ONCE = frozenset({Kind.ENROLLED, Kind.COMPLETED, Kind.PASSED, Kind.CERTIFIED, Kind.WITHDRAWN, Kind.EXPIRED})
_COMPLETING = frozenset({Kind.COMPLETED, Kind.PASSED, Kind.CERTIFIED})
_VERDICTS = _COMPLETING | {Kind.FAILED}
RENEWING = _VERDICTS | {Kind.STARTED}
"""What begins another attempt when it follows the expiry of one."""

_ACTIVE = _VERDICTS | {Kind.STARTED, Kind.PROGRESSED, Kind.ANSWERED, Kind.EXPERIENCED}


class Milestones:
    """One attempt while its facts come in; see `Attempt` for the meaning of the fields."""

    __slots__ = (
        "began",
        "completed_at",
        "due_at",
        "duplicates",
        "duration_seconds",
        "enrolled_at",
        "expired_at",
        "expires_at",
        "facts",
        "failed_at",
        "last_at",
        "passed_at",
        "progress",
        "scores",
        "seen",
        "started_at",
        "time_inferred",
        "withdrawn_at",
    )

    def __init__(self, first: StoredFact) -> None:
        self.began = self.last_at = first.occurred_at
        self.enrolled_at: datetime | None = None
        self.started_at: datetime | None = None
        self.completed_at: datetime | None = None
        self.passed_at: datetime | None = None
        self.failed_at: datetime | None = None
        self.withdrawn_at: datetime | None = None
        self.expired_at: datetime | None = None
        self.expires_at: datetime | None = None
        self.due_at: datetime | None = None
        self.progress: Decimal | None = None
        self.duration_seconds: int | None = None
        self.time_inferred = False
        self.scores: list[Decimal] = []
        self.seen: set[Kind] = set()
        self.facts: list[FactKey] = []
        self.duplicates: list[FactKey] = []

    def is_open(self) -> bool:
        """Tell whether nothing has ended the attempt."""
        return (
            self.completed_at is None
            and self.failed_at is None
            and self.withdrawn_at is None
            and self.expired_at is None
        )

    def is_expired(self, at: datetime) -> bool:
        """Tell whether the attempt has expired at `at`, by a fact or by the validity told with its completion."""
        if self.expired_at is not None:
            return True
        if self.completed_at is None or self.expires_at is None:
            return False
        # a validity that ends before it begins is the sender's mistake and makes no room for another attempt
        return self.completed_at < self.expires_at <= at

    def is_left_by(self, fact: StoredFact) -> bool:
        """Tell whether a timed fact opens another attempt."""
        kind = fact.kind
        if kind is Kind.ENROLLED and fact.affirmed:
            return Kind.WITHDRAWN in self.seen or self.is_expired(fact.occurred_at)
        if kind is Kind.ENROLLED:
            return not self.is_open()
        if kind is Kind.STARTED:
            not_passed = self.failed_at is not None and self.passed_at is None
            withdrawn = self.withdrawn_at is not None and self.completed_at is None
            return not_passed or withdrawn or self.is_expired(fact.occurred_at)
        return kind in _VERDICTS and self.is_expired(fact.occurred_at)

    def take(self, fact: StoredFact) -> None:
        """Add the next fact in order."""
        kind = fact.kind
        self.last_at = fact.occurred_at
        self.facts.append(fact.key)
        if kind in _ONCE and not fact.affirmed:
            if kind in self.seen:
                self.duplicates.append(fact.key)
            self.seen.add(kind)
        self._measure(fact)
        if kind in _ACTIVE:
            self.started_at = self._first(self.started_at, fact)
            if kind in _VERDICTS:
                self._judge(fact)
        elif kind is Kind.EXPIRED:
            if self.completed_at is not None or self.is_open():
                self.expired_at = self._first(self.expired_at, fact)
        elif self.is_open():
            if kind is Kind.ENROLLED:
                self.enrolled_at = self._first(self.enrolled_at, fact)
            elif kind is Kind.WITHDRAWN:
                self.withdrawn_at = self._first(self.withdrawn_at, fact)

    def _first(self, known: datetime | None, fact: StoredFact) -> datetime:
        if known is not None:
            return known
        self.time_inferred = self.time_inferred or fact.time_inferred
        return fact.occurred_at

    def _judge(self, fact: StoredFact) -> None:
        kind, passed = fact.kind, fact.passed
        if kind is Kind.FAILED:
            passed = False
        else:
            passed = True if kind is Kind.PASSED else passed
            self._complete(fact)
        if passed:
            self.passed_at = self._first(self.passed_at, fact)
        elif passed is False and self.passed_at is None:
            self.failed_at = self._first(self.failed_at, fact)

    def _complete(self, fact: StoredFact) -> None:
        renewed = fact.expires_at is not None and fact.expires_at > fact.occurred_at
        if self.completed_at is None or renewed:
            # only a timeless completion meets an expired attempt: a timed one has opened another
            self.expired_at = None
        self.completed_at = self._first(self.completed_at, fact)
        self.expires_at = fact.expires_at or self.expires_at

    def _measure(self, fact: StoredFact) -> None:
        if self.completed_at is None or self.due_at is None:
            self.due_at = fact.due_at or self.due_at
        if fact.progress is not None and (self.progress is None or fact.progress > self.progress):
            self.progress = fact.progress
        if fact.duration_seconds is not None:
            self.duration_seconds = max(self.duration_seconds or 0, fact.duration_seconds)
        if fact.kind not in _UNSCORED and (score := fact.scaled()) is not None:
            self.scores.append(score)
