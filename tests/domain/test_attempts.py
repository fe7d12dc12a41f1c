"""Which facts make one attempt, and which open another. Days stand for instants; expected: state and day completed."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from app.domain.attempts import Attempt, EnrolmentState, fold
from app.domain.learning import Kind, StoredFact

DAY_0 = datetime(2024, 1, 1, tzinfo=UTC)
ONE, OTHER = UUID(int=1), UUID(int=2)


def day(number: float) -> datetime:
    return DAY_0 + timedelta(days=number)


def fact(
    kind: str, at: float, *, source: UUID = ONE, key: int = 0, valid_until: float | None = None, **told
) -> StoredFact:
    return StoredFact(
        source=source,
        dedup_key=f"{kind} {at} {key}".encode().ljust(32),
        kind=Kind(kind),
        occurred_at=day(at),
        expires_at=None if valid_until is None else day(valid_until),
        **told,
    )


def timeless(kind: str, received: float, **told) -> StoredFact:
    return fact(kind, received, time_inferred=True, **told)


def outline(attempts: tuple[Attempt, ...]) -> list[tuple[str, float | None]]:
    return [(one.state.value, one.completed_at and (one.completed_at - DAY_0) / timedelta(days=1)) for one in attempts]


def numbered(kind: str, at: float, number: int, **told) -> StoredFact:
    return fact(kind, at, key=number, attempt_key=bytes([number]), **told)


NUMBERED = {
    "two numbers are two attempts though the first is valid": (
        [numbered("completed", 1, 1), numbered("completed", 2, 2)],
        [("completed", 1), ("completed", 2)],
    ),
    "an enrolment told again under its number is an echo": (
        [numbered("enrolled", 1, 1), numbered("completed", 2, 1), numbered("enrolled", 3, 1)],
        [("completed", 2)],
    ),
    "a retry under one number is one attempt": (
        [numbered("failed", 1, 1), numbered("started", 2, 1), numbered("passed", 3, 1)],
        [("completed", 3)],
    ),
    "a late completion goes to the enrolment that it names": (
        [numbered("enrolled", 1, 1), numbered("enrolled", 2, 2), numbered("completed", 3, 1)],
        [("completed", 3), ("enrolled", None)],
    ),
    "an attempt without a number is taken over by the first": (
        [fact("enrolled", 1), numbered("started", 2, 1), fact("completed", 3), numbered("enrolled", 4, 2)],
        [("completed", 3), ("enrolled", None)],
    ),
    "another source has numbers of its own": (
        [numbered("enrolled", 1, 1), numbered("completed", 2, 7, source=OTHER), numbered("passed", 3, 1)],
        [("completed", 2)],
    ),
    "a completion after its expiry renews under the same number": (
        [numbered("completed", 1, 1, valid_until=3), numbered("completed", 4, 1), numbered("withdrawn", 5, 1)],
        [("completed", 1), ("completed", 4)],
    ),
    "an expiry ends the enrolment that it names": (
        [numbered("completed", 1, 1), numbered("completed", 2, 2), numbered("expired", 3, 1)],
        [("expired", 1), ("completed", 2)],
    ),
    "another number needs no time": (
        [numbered("completed", 1, 1), numbered("completed", 2, 2, time_inferred=True)],
        [("completed", 1), ("completed", 2)],
    ),
    "a rating of an unknown enrolment belongs to none": (
        [numbered("completed", 1, 1), numbered("rated", 2, 2)],
        [("completed", 1)],
    ),
}

CASES = NUMBERED | {
    "nothing gives no attempt": ([], []),
    "an enrolment alone is enrolled": ([fact("enrolled", 1)], [("enrolled", None)]),
    "a start alone is in progress": ([fact("started", 1)], [("in_progress", None)]),
    "an enrolment that is only affirmed is one": ([fact("enrolled", 1, affirmed=True)], [("enrolled", None)]),
    "what is affirmed after a completion or a failure is an echo": (
        [
            fact("failed", 1),
            fact("enrolled", 2, affirmed=True),
            fact("completed", 3),
            fact("enrolled", 4, affirmed=True),
        ],
        [("completed", 3)],
    ),
    "what is affirmed after a withdrawal opens another": (
        [
            fact("enrolled", 1),
            fact("withdrawn", 2),
            fact("enrolled", 3, affirmed=True),
            fact("enrolled", 4, affirmed=True),
        ],
        [("withdrawn", None), ("enrolled", None)],
    ),
    "what is affirmed after a completion and a withdrawal opens another": (
        [
            fact("completed", 1),
            fact("withdrawn", 2),
            fact("enrolled", 3, affirmed=True),
            fact("started", 4),
            fact("enrolled", 5, affirmed=True),
        ],
        [("completed", 1), ("in_progress", None)],
    ),
    "what is affirmed after the end of a validity opens another": (
        [fact("certified", 1, valid_until=5), fact("enrolled", 4, affirmed=True), fact("enrolled", 6, affirmed=True)],
        [("completed", 1), ("enrolled", None)],
    ),
    "an answer is activity": ([fact("enrolled", 1), fact("answered", 2)], [("in_progress", None)]),
    "any other interaction is activity": ([fact("experienced", 2)], [("in_progress", None)]),
    "an enrolment, a start and a completion are one attempt": (
        [fact("enrolled", 1), fact("started", 2), fact("completed", 3)],
        [("completed", 3)],
    ),
    "a completion without an enrolment opens an attempt by itself": ([fact("completed", 3)], [("completed", 3)]),
    "a pass without a completion completes": ([fact("enrolled", 1), fact("passed", 2)], [("completed", 2)]),
    "a certificate without a completion completes": ([fact("certified", 2)], [("completed", 2)]),
    "completed, passed and certified are one completion, at the first": (
        [fact("passed", 2), fact("completed", 3), fact("certified", 4)],
        [("completed", 2)],
    ),
    "full progress is not a completion": ([fact("progressed", 2, progress=1)], [("in_progress", None)]),
    "an enrolment within an open attempt does not open another": (
        [fact("started", 1), fact("enrolled", 2), fact("completed", 3)],
        [("completed", 3)],
    ),
    "a re-enrolment after a completion opens another": (
        [fact("completed", 3), fact("enrolled", 9)],
        [("completed", 3), ("enrolled", None)],
    ),
    "a re-enrolment after a failure opens another": (
        [fact("failed", 3), fact("enrolled", 9), fact("passed", 10)],
        [("failed", None), ("completed", 10)],
    ),
    "a re-enrolment after a withdrawal opens another": (
        [fact("enrolled", 1), fact("withdrawn", 3), fact("enrolled", 9)],
        [("withdrawn", None), ("enrolled", None)],
    ),
    "a late completion that occurred earlier lands in the earlier attempt": (
        [fact("enrolled", 1), fact("withdrawn", 5), fact("enrolled", 9), fact("completed", 4)],
        [("completed", 4), ("enrolled", None)],
    ),
    "an old completion never completes a new attempt": (
        [fact("enrolled", 9), fact("completed", 4)],
        [("completed", 4), ("enrolled", None)],
    ),
    "a completion of the second attempt leaves the first as it was": (
        [fact("completed", 3), fact("enrolled", 9), fact("completed", 12)],
        [("completed", 3), ("completed", 12)],
    ),
    "progress after a completion does not reopen": (
        [fact("completed", 3), fact("progressed", 4), fact("answered", 5), fact("experienced", 6)],
        [("completed", 3)],
    ),
    "a start after a completion is a visit": ([fact("completed", 3), fact("started", 8)], [("completed", 3)]),
    "a second completion without a re-enrolment is the same completion": (
        [fact("completed", 3), fact("completed", 30)],
        [("completed", 3)],
    ),
    "completed with passed false is completed": ([fact("completed", 3, passed=False)], [("completed", 3)]),
    "failed and then completed is completed": ([fact("failed", 3), fact("completed", 4)], [("completed", 4)]),
    "a pass right after a failure is the same attempt": ([fact("failed", 3), fact("passed", 4)], [("completed", 4)]),
    "a start after a failure is a retry": (
        [fact("started", 1), fact("failed", 3), fact("started", 4), fact("passed", 5)],
        [("failed", None), ("completed", 5)],
    ),
    "a start after a failure that was mended is a visit": (
        [fact("failed", 3), fact("passed", 4), fact("started", 5)],
        [("completed", 4)],
    ),
    "a start after a completion that was not passed is a retry": (
        [fact("completed", 3, passed=False), fact("started", 4)],
        [("completed", 3), ("in_progress", None)],
    ),
    "progress after a failure is an echo": ([fact("failed", 3), fact("progressed", 4)], [("failed", None)]),
    "a completion after a withdrawal stands": (
        [fact("enrolled", 1), fact("withdrawn", 5), fact("completed", 6)],
        [("completed", 6)],
    ),
    "a start after a withdrawal and a completion is a visit": (
        [fact("withdrawn", 5), fact("completed", 6), fact("started", 7)],
        [("completed", 6)],
    ),
    "a start after a withdrawal is a return": (
        [fact("enrolled", 1), fact("withdrawn", 5), fact("started", 6)],
        [("withdrawn", None), ("in_progress", None)],
    ),
    "a withdrawal after a completion takes nothing back": (
        [fact("completed", 3), fact("withdrawn", 4)],
        [("completed", 3)],
    ),
    "a withdrawal after a failure leaves a failure": ([fact("failed", 3), fact("withdrawn", 4)], [("failed", None)]),
    "a failure after a withdrawal is a failure": ([fact("withdrawn", 3), fact("failed", 4)], [("failed", None)]),
    "a withdrawal alone proves an attempt": ([fact("withdrawn", 3)], [("withdrawn", None)]),
    "an enrolment and a withdrawal of the same instant are a withdrawal": (
        [fact("withdrawn", 3), fact("enrolled", 3)],
        [("withdrawn", None)],
    ),
    "a whole course dated to one instant is one attempt": (
        [fact("completed", 3), fact("enrolled", 3), fact("passed", 3), fact("started", 3)],
        [("completed", 3)],
    ),
    "a completion after an expiry is a recertification": (
        [fact("completed", 3), fact("expired", 368), fact("completed", 370)],
        [("expired", 3), ("completed", 370)],
    ),
    "a certificate after the end of the validity is a recertification": (
        [fact("certified", 3, valid_until=368), fact("certified", 370, valid_until=735)],
        [("completed", 3), ("completed", 370)],
    ),
    "a certificate at the very end of the validity is a recertification": (
        [fact("certified", 3, valid_until=368), fact("certified", 368)],
        [("completed", 3), ("completed", 368)],
    ),
    "a certificate before the end of the validity prolongs it": (
        [fact("certified", 3, valid_until=368), fact("certified", 360, valid_until=725), fact("completed", 370)],
        [("completed", 3)],
    ),
    "a validity that ends before it begins makes no room": (
        [fact("completed", 3, valid_until=2), fact("passed", 4)],
        [("completed", 3)],
    ),
    "a start after an expiry begins a recertification": (
        [fact("completed", 3), fact("expired", 368), fact("started", 370)],
        [("expired", 3), ("in_progress", None)],
    ),
    "progress after an expiry is an echo": (
        [fact("completed", 3), fact("expired", 368), fact("progressed", 370)],
        [("expired", 3)],
    ),
    "a recertification at the instant of the expiry is another attempt": (
        [fact("completed", 3), fact("completed", 368), fact("expired", 368)],
        [("expired", 3), ("completed", 368)],
    ),
    "a re-enrolment at the instant the access ends is another attempt": (
        [fact("enrolled", 1), fact("enrolled", 30), fact("expired", 30)],
        [("expired", None), ("enrolled", None)],
    ),
    "a re-enrolment after the access ended is another attempt": (
        [fact("enrolled", 1), fact("expired", 30), fact("enrolled", 40)],
        [("expired", None), ("enrolled", None)],
    ),
    "a re-enrolment at the instant of the expiry is another attempt": (
        [fact("completed", 3), fact("enrolled", 368), fact("expired", 368)],
        [("expired", 3), ("enrolled", None)],
    ),
    "an expiry during an early re-enrolment ends the old completion": (
        [fact("completed", 3), fact("enrolled", 340), fact("expired", 368), fact("completed", 370)],
        [("expired", 3), ("completed", 370)],
    ),
    "an expiry after an early recertification ends the old completion": (
        [
            fact("completed", 3, valid_until=368),
            fact("enrolled", 340),
            fact("completed", 350, valid_until=715),
            fact("expired", 368),
        ],
        [("expired", 3), ("completed", 350)],
    ),
    "an expiry ends the newest completion when no validity was told": (
        [fact("completed", 3), fact("enrolled", 9), fact("completed", 12), fact("expired", 20)],
        [("completed", 3), ("expired", 12)],
    ),
    "an expiry after the one of the completion ends the access of the re-enrolment": (
        [fact("completed", 3), fact("expired", 5), fact("enrolled", 9), fact("expired", 30)],
        [("expired", 3), ("expired", None)],
    ),
    "an expiry of a completion that is valid for longer revokes it": (
        [
            fact("completed", 3, valid_until=368),
            fact("enrolled", 400),
            fact("completed", 410, valid_until=775),
            fact("expired", 500),
        ],
        [("completed", 3), ("expired", 410)],
    ),
    "a late notice of expiry does not end the re-enrolment that followed": (
        [fact("completed", 3, valid_until=368), fact("enrolled", 369), fact("expired", 370)],
        [("expired", 3), ("enrolled", None)],
    ),
    "an expiry without any completion ends the access": (
        [fact("enrolled", 1), fact("expired", 30)],
        [("expired", None)],
    ),
    "an expiry after a failure leaves a failure": ([fact("failed", 1), fact("expired", 30)], [("failed", None)]),
    "a rating, points and badges alone are no attempt": ([fact("rated", 1), fact("earned", 2)], []),
    "a rating after a completion belongs to it": ([fact("completed", 1), fact("rated", 2)], [("completed", 1)]),
    "a voiding is no fact of the attempt": ([fact("voided", 1)], []),
    "two sources that report one completion are one attempt": (
        [fact("completed", 3), fact("completed", 3, source=OTHER)],
        [("completed", 3)],
    ),
    "a timeless completion alone counts": ([timeless("completed", 3)], [("completed", 3)]),
    "a timeless completion completes the attempt that is open": (
        [fact("enrolled", 1), timeless("completed", 3)],
        [("completed", 3)],
    ),
    "a timeless enrolment after a completion opens nothing": (
        [fact("completed", 3), timeless("enrolled", 4)],
        [("completed", 3)],
    ),
    "a timeless start after a failure opens nothing": ([fact("failed", 3), timeless("started", 4)], [("failed", None)]),
    "a timeless completion after an expiry opens nothing and renews nothing": (
        [fact("completed", 3), fact("expired", 368), timeless("completed", 370)],
        [("expired", 3)],
    ),
    "a timeless certificate after an expiry renews if it tells a validity": (
        [fact("completed", 3), fact("expired", 368), timeless("certified", 370, valid_until=735)],
        [("completed", 3)],
    ),
    "a timeless certificate whose validity is over renews nothing": (
        [fact("completed", 3), fact("expired", 368), timeless("certified", 370, valid_until=368)],
        [("expired", 3)],
    ),
    "a timeless completion after the end of access completes": (
        [fact("enrolled", 1), fact("expired", 30), timeless("completed", 31)],
        [("completed", 31)],
    ),
    "a re-enrolment after a timeless completion opens another": (
        [timeless("completed", 3), fact("enrolled", 9)],
        [("completed", 3), ("enrolled", None)],
    ),
}


@pytest.mark.parametrize(("facts", "expected"), CASES.values(), ids=CASES.keys())
def test_the_worked_table_of_attempts(facts, expected):
    attempts = fold(facts)

    assert outline(attempts) == expected
    assert fold(reversed(facts)) == attempts


def test_a_voided_fact_vanishes_with_every_item_of_its_key():
    facts = [
        fact("completed", 3, event_key="a"),
        fact("passed", 3, key=1, event_key="a"),
        fact("enrolled", 1, event_key="b"),
    ]

    (attempt,) = fold(facts, voided={(ONE, "a")})

    assert attempt.state is EnrolmentState.ENROLLED
    assert attempt.facts == (facts[2].key,)


def test_a_voiding_reaches_its_own_source_only():
    facts = [fact("completed", 3, event_key="a"), fact("completed", 4, source=OTHER, event_key="a")]

    attempts = fold(facts, voided={(OTHER, "a")})

    assert outline(attempts) == [("completed", 3)]
    assert attempts == fold(facts[:1])


def test_voiding_the_re_enrolment_joins_what_it_had_parted():
    facts = [fact("completed", 3), fact("enrolled", 9, event_key="slip"), fact("completed", 12)]

    attempts = fold(facts, voided=[(ONE, "slip")])

    assert outline(attempts) == [("completed", 3)]
    assert attempts[0].duplicates == (facts[2].key,)


def test_as_of_leaves_out_what_occurs_later():
    facts = [fact("enrolled", 1), fact("progressed", 2), fact("completed", 3), fact("enrolled", 9)]

    assert outline(fold(facts, as_of=day(2))) == [("in_progress", None)]
    assert outline(fold(facts, as_of=day(3))) == [("completed", 3)]
    assert fold(facts, as_of=day(0)) == ()
