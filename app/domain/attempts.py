"""Attempts: the fold of the stored facts of one (person, activity) into enrolments. Pure; no clock.

Facts are taken in the order (occurred_at, kind rank, dedup key, source), each into the current attempt, the newest one,
unless a rule opens another. So the order of arrival, duplicates and lateness do not matter, and what comes later never
changes what an earlier attempt completed. Of a fact that was read anew its last reading counts, under its first key.

Opening. The first fact of any kind but rated and earned opens attempt 1 (a withdrawal or an expiry proves that there
was one); ratings, points and badges before it belong to no attempt. A further attempt is opened by
- `enrolled` when the current attempt is completed, failed, withdrawn or expired: re-enrolment. In an open attempt it
  is an echo;
- `enrolled` that is only affirmed, told again and not made, when the current attempt was withdrawn, even after its
  end, or is expired: who was out is in again. After a completion or a failure it is an echo;
- `started` when the current attempt was not passed (failed, or completed with passed false), was withdrawn, or is
  expired: a retry, a return, a recertification. After a completion it is a visit;
- `completed`, `passed`, `failed`, `certified` when the current attempt is expired, by an `expired` fact or because the
  validity told with its completion has ended at that instant: recertification without a new enrolment.
Nothing else does: progress, answers and other interactions after the end are echoes, and a second completion while the
first is valid is a semantic duplicate that may prolong the validity.

Numbered enrolments. Some senders number the enrolments of a learner and tell the number with each fact (`attempt_key`).
Facts under different numbers of one source belong to different attempts, whatever lies between them, and facts under
one number to one, wherever they stand; only a start or a verdict after its expiry opens another under its number. The
first fact under a number takes over the current attempt unless that has another number of this source or is left by the
rules above; else it opens one of its own, also without a time. Ratings, points and badges open none.

Inside an attempt.
- `completed`, `passed` and `certified` all complete it, at the earliest of them: platforms send one, two or all three.
  Whether it was passed is a second axis: completed with passed false is `completed` and not passed; `failed` is the
  state of an attempt that failed and was not completed. Passed once is passed; a failure before it stays visible as
  `failed_at`, a failure after it is ignored (a correction is a voiding).
- A verdict that follows `failed` or `withdrawn` without a new start belongs to the same attempt: a regrade, or a
  completion computed after the end of term.
- `withdrawn` counts only while the attempt is open: clearing enrolments after the end takes nothing back.
- `expired` ends a completion that no `expired` fact has ended yet, even when the person is already enrolled again: the
  newest whose validity is over or was not told; else one told to be valid for longer (a revocation); else one that had
  lapsed before the next attempt began (a late notice). If there is none it ends the current attempt: its access.

Facts without a time stand at their time of receipt and never open an attempt while there is one: they join the current
one and may complete it, with `time_inferred` set. If there is none they open the first, or a person of whom only a
timeless completion is known would not count; a later re-enrolment opens another, as it would after any completion.
A timeless completion of an expired attempt completes it if it was not, and renews it only if it tells a validity.

Facts dated in the future are folded like all others, so nothing stored depends on a clock. Every instant here is that
of the fact that caused it: a reader compares it with his own `as_of` (`Attempt.state_at`), or, for scores, progress,
duration and due date when `last_event_at` is later than that, folds again with `as_of`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from app.domain.learning import FactKey, Kind, StoredFact, Target
from app.domain.milestones import RENEWING, Milestones


class EnrolmentState(StrEnum):
    """Where one attempt stands (product.md, "Enrolment"). `assigned` comes from an audience; no fact produces it."""

    ASSIGNED = "assigned"
    ENROLLED = "enrolled"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    FAILED = "failed"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One enrolment: one attempt of one person at one activity. Instants are aware UTC; None is "not told".

    `ordinal` counts from 1. `state` is where all facts leave it, blind to any clock, so a validity that ends by itself
    (`expires_at`) does not show in it: use `state_at`. `started_at` is the first sign of activity (a completion implies
    a start), `completed_at` the first of completed, passed and certified. `passed_at` is the first pass and `failed_at`
    the first failure before it, so passed at the first try is `passed_at` without `failed_at`. `expired_at` is that of
    an `expired` fact, `expires_at` the end of validity last told, `due_at` the due date last told up to the completion.
    Scores are those of the attempt's facts other than ratings, answers to single questions, points and badges: in order
    of time the first, the best and the latest (policies of metrics.md, G8). `progress` is the furthest told, 0..1;
    `duration_seconds` the longest told by one fact, never a sum, because platforms send running totals. `time_inferred`
    says that some instant of a milestone is a time of receipt. `facts` are the facts that make it up in their order,
    `duplicates` those of them that repeat a once-only kind (enrolled, completed, passed, certified, withdrawn,
    expired): they count once, though what else they tell (score, validity) is taken.
    """

    ordinal: int
    state: EnrolmentState
    enrolled_at: datetime | None
    started_at: datetime | None
    completed_at: datetime | None
    passed_at: datetime | None
    failed_at: datetime | None
    withdrawn_at: datetime | None
    expired_at: datetime | None
    expires_at: datetime | None
    due_at: datetime | None
    passed: bool | None
    score_first: Decimal | None
    score_best: Decimal | None
    score_latest: Decimal | None
    progress: Decimal | None
    duration_seconds: int | None
    first_event_at: datetime
    last_event_at: datetime
    time_inferred: bool
    facts: tuple[FactKey, ...]
    duplicates: tuple[FactKey, ...]

    def state_at(self, as_of: datetime) -> EnrolmentState | None:
        """Return where the attempt stood at `as_of`, or None if it had not begun (see the function `state_at`)."""
        if as_of < self.first_event_at:
            return None
        return state_at(
            as_of,
            started_at=self.started_at,
            completed_at=self.completed_at,
            failed_at=self.failed_at,
            withdrawn_at=self.withdrawn_at,
            expired_at=self.expired_at,
            expires_at=self.expires_at,
        )


def state_at(
    as_of: datetime,
    *,
    started_at: datetime | None,
    completed_at: datetime | None,
    failed_at: datetime | None,
    withdrawn_at: datetime | None,
    expired_at: datetime | None,
    expires_at: datetime | None,
) -> EnrolmentState:
    """Return where an attempt with these instants, begun by then, stood at `as_of`.

    An instant counts from itself on (`<=`), the end of a validity too: it is valid while `as_of < expires_at`. A
    validity without a completion says nothing.
    """

    def reached(at: datetime | None) -> bool:
        return at is not None and at <= as_of

    completed = reached(completed_at)
    if reached(expired_at) or (completed and reached(expires_at)):
        return EnrolmentState.EXPIRED
    if completed:
        return EnrolmentState.COMPLETED
    if reached(failed_at):
        return EnrolmentState.FAILED
    if reached(withdrawn_at):
        return EnrolmentState.WITHDRAWN
    return EnrolmentState.IN_PROGRESS if reached(started_at) else EnrolmentState.ENROLLED


def fold(
    facts: Iterable[StoredFact],
    *,
    voided: Collection[Target] = (),
    corrected: Collection[FactKey] = (),
    as_of: datetime | None = None,
) -> tuple[Attempt, ...]:
    """Return the attempts of one (person, activity) in ordinal order, a pure function of the set of facts.

    The rules are those of the module. `voided` names the facts taken back, whenever their voiding arrived; `corrected`
    the readings that a later one of the same fact stands for, here or at another pair; `as_of` leaves out what occurred
    later (None leaves out nothing, which is what is stored). Facts of one key are one fact; voided-kind facts are
    passed over. No facts, or only such as belong to no attempt, give `()`.
    """
    attempts: list[Milestones] = []
    numbered: dict[_Number, Milestones] = {}
    for fact in sorted(_taken(facts, voided, corrected, as_of), key=_position):
        home = _by_number(attempts, fact, numbered) if fact.attempt_key is not None else _by_time(attempts, fact)
        if home is not None:
            home.take(fact)
    return tuple([_frozen(ordinal, attempt) for ordinal, attempt in enumerate(attempts, 1)])


_Number = tuple[UUID, bytes]
"""(source id, attempt key)."""

_DUE, _REVOKED, _LAPSED_BEFORE_THE_NEXT, _NO_COMPLETION = range(4)
_NEVER_FIRST = frozenset({Kind.RATED, Kind.EARNED})
# At one instant: what ended makes room for what begins, and a withdrawal on the day of the enrolment comes after it.
_RANK = {
    kind: rank
    for rank, kind in enumerate(
        (
            Kind.EXPIRED,
            Kind.ENROLLED,
            Kind.STARTED,
            Kind.EXPERIENCED,
            Kind.ANSWERED,
            Kind.PROGRESSED,
            Kind.FAILED,
            Kind.COMPLETED,
            Kind.PASSED,
            Kind.CERTIFIED,
            Kind.EARNED,
            Kind.RATED,
            Kind.WITHDRAWN,
            Kind.VOIDED,
        )
    )
}


def _position(fact: StoredFact) -> tuple[datetime, int, bool, bytes, UUID]:
    # a fact that was corrected stands where it would stand had it been read so at once
    return fact.occurred_at, _RANK[fact.kind], fact.affirmed, fact.corrects or fact.dedup_key, fact.source


def _taken(
    facts: Iterable[StoredFact], voided: Collection[Target], corrected: Collection[FactKey], as_of: datetime | None
) -> Iterable[StoredFact]:
    known: Collection[StoredFact] = {fact.key: fact for fact in facts if fact.kind is not Kind.VOIDED}.values()
    if corrected:
        known = [fact for fact in known if fact.key not in corrected]
    if voided:
        known = [fact for fact in known if fact.event_key is None or (fact.source, fact.event_key) not in voided]
    return known if as_of is None else [fact for fact in known if fact.occurred_at <= as_of]


def _by_time(attempts: list[Milestones], fact: StoredFact) -> Milestones | None:
    """Return the attempt that a fact belongs to by its place among the others; None: to none."""
    if not attempts:
        return None if fact.kind in _NEVER_FIRST else _opened(attempts, fact)
    if not fact.time_inferred and attempts[-1].is_left_by(fact):
        return _opened(attempts, fact)
    return _expiring(attempts, fact.occurred_at) if fact.kind is Kind.EXPIRED else attempts[-1]


def _by_number(attempts: list[Milestones], fact: StoredFact, numbered: dict[_Number, Milestones]) -> Milestones | None:
    """Return the attempt that a fact under a number belongs to, by `numbered`; None: to none."""
    assert fact.attempt_key is not None  # noqa: S101  whoever calls has looked
    number = fact.source, fact.attempt_key
    home = numbered.get(number)
    if home is None:
        others = [one for (source, _), one in numbered.items() if source == fact.source]
        free = [one for one in attempts if one not in others]
        if free and fact.kind is Kind.EXPIRED:
            home = _expiring(free, fact.occurred_at)
        elif not attempts or attempts[-1] in free:
            home = _by_time(attempts, fact)
        elif fact.kind not in _NEVER_FIRST:
            home = _opened(attempts, fact)
    elif fact.kind in RENEWING and not fact.time_inferred and home.is_expired(fact.occurred_at):
        home = _opened(attempts, fact)
    if home is not None:
        numbered[number] = home
    return home


def _opened(attempts: list[Milestones], fact: StoredFact) -> Milestones:
    attempts.append(Milestones(fact))
    return attempts[-1]


def _expiring(attempts: list[Milestones], at: datetime) -> Milestones:
    """Return the attempt that an `expired` fact at `at` ends; `attempts` is not empty."""
    found, rank = attempts[-1], _NO_COMPLETION
    next_began = None
    for attempt in reversed(attempts):
        if attempt.completed_at is not None and attempt.expired_at is None:
            if next_began is not None and attempt.is_expired(next_began):
                claim = _LAPSED_BEFORE_THE_NEXT
            else:
                claim = _DUE if attempt.expires_at is None or attempt.expires_at <= at else _REVOKED
            if claim < rank:
                found, rank = attempt, claim
        next_began = attempt.began
    return found


def _frozen(ordinal: int, reached: Milestones) -> Attempt:
    scores = reached.scores
    state = state_at(
        reached.last_at,
        started_at=reached.started_at,
        completed_at=reached.completed_at,
        failed_at=reached.failed_at,
        withdrawn_at=reached.withdrawn_at,
        expired_at=reached.expired_at,
        expires_at=None,
    )
    return Attempt(
        ordinal=ordinal,
        state=state,
        enrolled_at=reached.enrolled_at,
        started_at=reached.started_at,
        completed_at=reached.completed_at,
        passed_at=reached.passed_at,
        failed_at=reached.failed_at,
        withdrawn_at=reached.withdrawn_at,
        expired_at=reached.expired_at,
        expires_at=reached.expires_at,
        due_at=reached.due_at,
        passed=True if reached.passed_at is not None else False if reached.failed_at is not None else None,
        score_first=scores[0] if scores else None,
        score_best=max(scores) if scores else None,
        score_latest=scores[-1] if scores else None,
        progress=reached.progress,
        duration_seconds=reached.duration_seconds,
        first_event_at=reached.began,
        last_event_at=reached.last_at,
        time_inferred=reached.time_inferred,
        facts=tuple(reached.facts),
        duplicates=tuple(reached.duplicates),
    )
