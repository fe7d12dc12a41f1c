"""Counting people: the reference by which any faster count (in SQL) is judged (metrics.md, G4, G5, G7, G8).

People are distinct resolved persons; the caller resolves accounts. Everything is counted as of an instant, so a fact
that comes late changes the past by being counted again, never by being added to a stored number.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Member:
    """A person of an audience snapshot. `suspended_at` and `left_at` take the person out from that instant on."""

    person: str
    suspended_at: datetime | None = None
    left_at: datetime | None = None

    def belongs(self, as_of: datetime) -> bool:
        """Say whether the person still counts at an instant."""
        return all(out is None or out > as_of for out in (self.suspended_at, self.left_at))


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt of a person at the activity; `ordinal` counts from 1. Instants are aware UTC, None is not told."""

    person: str
    ordinal: int
    enrolled_at: datetime | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    withdrawn_at: datetime | None = None

    def known(self, as_of: datetime) -> bool:
        """Say whether anything had happened in the attempt by an instant."""
        return any(_by(at, as_of) for at in (self.enrolled_at, self.started_at, self.completed_at, self.withdrawn_at))

    def began(self, as_of: datetime) -> bool:
        """Say whether the attempt had been started by an instant; a completion implies a start."""
        return _by(self.started_at, as_of) or _by(self.completed_at, as_of)


@dataclass(frozen=True, slots=True)
class Reach:
    """Counts of one audience and one activity, named as the inputs of participation_rate and completion_rate.

    `left_out` are members of the snapshot that are suspended or gone by the instant, in order of the snapshot.
    """

    audience: int
    started_in_audience: int
    started_outside_audience: int
    completed_in_audience: int
    enrolled: int
    completed: int
    withdrawn_before_start: int
    mature: int
    completed_within: int
    too_young: int
    left_out: tuple[str, ...]


def reach(members: Sequence[Member], attempts: Iterable[Attempt], *, as_of: datetime, horizon_days: int = 90) -> Reach:
    """Count one audience and the attempts at one activity as of an instant.

    The latest attempt of a person decides (policy `latest`): a re-enrolment after a completion is not completed again.
    Started is a start in any attempt. The cohort is everyone by first enrolment, mature after `horizon_days`.
    """
    audience = {member.person for member in members if member.belongs(as_of)}
    by_person: dict[str, list[Attempt]] = {}
    for attempt in sorted(attempts, key=lambda each: each.ordinal):
        if attempt.known(as_of):
            by_person.setdefault(attempt.person, []).append(attempt)
    started = {person for person, own in by_person.items() if any(attempt.began(as_of) for attempt in own)}
    completed = {person for person, own in by_person.items() if _by(own[-1].completed_at, as_of)}
    withdrawn = {person for person, own in by_person.items() if _by(own[-1].withdrawn_at, as_of)} - started
    horizon = timedelta(days=horizon_days)
    first = {person: own[0] for person, own in by_person.items() if own[0].enrolled_at is not None}
    mature = {person: own for person, own in first.items() if _age(own, as_of) >= horizon}
    within = [own for own in mature.values() if own.completed_at and own.completed_at - _enrolled(own) <= horizon]
    return Reach(
        audience=len(audience),
        started_in_audience=len(started & audience),
        started_outside_audience=len(started - {member.person for member in members}),
        completed_in_audience=len(completed & audience),
        enrolled=len(by_person),
        completed=len(completed),
        withdrawn_before_start=len(withdrawn),
        mature=len(mature),
        completed_within=len(within),
        too_young=len(first) - len(mature),
        left_out=tuple(dict.fromkeys(member.person for member in members if not member.belongs(as_of))),
    )


def _by(at: datetime | None, as_of: datetime) -> bool:
    return at is not None and at <= as_of


def _enrolled(attempt: Attempt) -> datetime:
    if attempt.enrolled_at is None:
        raise ValueError("the attempt has no enrolment")
    return attempt.enrolled_at


def _age(attempt: Attempt, as_of: datetime) -> timedelta:
    return as_of - _enrolled(attempt)
