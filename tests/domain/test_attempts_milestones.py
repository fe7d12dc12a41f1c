"""What one attempt tells: its instants, verdict, scores, progress, time spent, and where it stood at an instant."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from app.domain.attempts import Attempt, EnrolmentState, fold, state_at
from app.domain.learning import Kind, StoredFact

SOURCE = UUID(int=1)


def day(number: float) -> datetime:
    return datetime(2024, 1, 1, tzinfo=UTC) + timedelta(days=number)


def fact(kind: str, at: float, **told) -> StoredFact:
    return StoredFact(SOURCE, f"{kind} {at}".encode().ljust(32), Kind(kind), day(at), **told)


def only(*facts: StoredFact) -> Attempt:
    (attempt,) = fold(facts)
    return attempt


def test_an_attempt_keeps_the_instant_of_every_milestone():
    attempt = only(fact("enrolled", 1), fact("started", 2), fact("failed", 3), fact("completed", 4), fact("passed", 5))

    assert (attempt.enrolled_at, attempt.started_at, attempt.completed_at) == (day(1), day(2), day(4))
    assert (attempt.failed_at, attempt.passed_at, attempt.passed) == (day(3), day(5), True)
    assert (attempt.withdrawn_at, attempt.expired_at, attempt.expires_at) == (None, None, None)
    assert (attempt.ordinal, attempt.first_event_at, attempt.last_event_at) == (1, day(1), day(5))


def test_a_completion_implies_a_start_but_no_enrolment():
    attempt = only(fact("completed", 4))

    assert attempt.started_at == day(4)
    assert attempt.enrolled_at is None


@pytest.mark.parametrize(
    ("facts", "passed"),
    [
        pytest.param([fact("completed", 3)], None, id="completed alone says nothing about passing"),
        pytest.param([fact("certified", 3)], None, id="a certificate alone says nothing about passing"),
        pytest.param([fact("completed", 3, passed=True)], True, id="completed with passed true is passed"),
        pytest.param([fact("completed", 3, passed=False)], False, id="completed with passed false is not passed"),
        pytest.param([fact("progressed", 3, passed=False)], None, id="passed false in progress means not yet"),
        pytest.param([fact("failed", 3, passed=True)], False, id="the kind outweighs the flag"),
        pytest.param([fact("passed", 3, passed=False)], True, id="the kind outweighs the flag for a pass"),
        pytest.param([fact("passed", 3), fact("failed", 4)], True, id="a failure after a pass takes nothing back"),
        pytest.param([fact("failed", 3), fact("completed", 4)], False, id="a completion does not mend a failure"),
    ],
)
def test_whether_an_attempt_was_passed(facts, passed):
    assert only(*facts).passed is passed


def test_passed_at_the_first_try_is_a_pass_without_a_failure_before_it():
    first_try = only(fact("passed", 3), fact("failed", 4))
    second_try = only(fact("failed", 3), fact("passed", 4))

    assert first_try.failed_at is None
    assert second_try.failed_at == day(3)


def test_a_withdrawal_from_an_ended_attempt_leaves_no_instant():
    assert only(fact("completed", 3), fact("withdrawn", 4)).withdrawn_at is None
    assert only(fact("withdrawn", 3), fact("completed", 4)).withdrawn_at == day(3)


def test_scores_are_kept_as_first_best_and_latest():
    scores = [Decimal("0.4"), Decimal("0.9"), Decimal("0.7")]

    attempt = only(*(fact("progressed", at, score_scaled=score) for at, score in enumerate(scores)))

    assert (attempt.score_first, attempt.score_best, attempt.score_latest) == tuple(scores)


def test_no_score_is_none_and_zero_is_a_score():
    assert only(fact("completed", 3)).score_best is None
    assert only(fact("completed", 3, score_scaled=Decimal(0))).score_best == 0


@pytest.mark.parametrize("kind", ["rated", "answered", "earned"])
def test_ratings_answers_and_points_are_no_score_of_the_attempt(kind):
    attempt = only(fact("completed", 3, score_scaled=Decimal("0.8")), fact(kind, 4, score_scaled=Decimal(1)))

    assert (attempt.score_best, attempt.score_latest) == (Decimal("0.8"), Decimal("0.8"))


@pytest.mark.parametrize(
    ("raw", "low", "high", "scaled"),
    [
        pytest.param("15", "10", "20", "0.5", id="raw within its scale"),
        pytest.param("2", None, "3", "0.666667", id="a missing minimum is zero, six places"),
        pytest.param("5", "5", "5", None, id="an empty scale is undefined"),
        pytest.param("21", "10", "20", None, id="above the scale is undefined"),
        pytest.param("9", "10", "20", None, id="below the scale is undefined"),
        pytest.param("15", "10", None, None, id="no maximum is undefined"),
        pytest.param(None, "10", "20", None, id="no raw score is undefined"),
    ],
)
def test_a_raw_score_is_scaled_by_its_own_scale(raw, low, high, scaled):
    told = {"score_raw": raw, "score_min": low, "score_max": high}

    attempt = only(
        fact("completed", 3, **{name: None if text is None else Decimal(text) for name, text in told.items()})
    )

    assert attempt.score_best == (None if scaled is None else Decimal(scaled))


def test_a_told_scaled_score_outweighs_the_raw_one():
    attempt = only(fact("passed", 3, score_scaled=Decimal("-0.2"), score_raw=Decimal(9), score_max=Decimal(10)))

    assert attempt.score_latest == Decimal("-0.2")


def test_progress_is_the_furthest_told_and_time_spent_the_longest_told():
    attempt = only(
        fact("progressed", 1, progress=Decimal("0.6"), duration_seconds=500),
        fact("progressed", 2, progress=Decimal("0.2"), duration_seconds=900),
        fact("completed", 3, duration_seconds=100),
    )

    assert (attempt.progress, attempt.duration_seconds) == (Decimal("0.6"), 900)
    assert only(fact("completed", 3)).progress is None
    assert only(fact("completed", 3, duration_seconds=0)).duration_seconds == 0


def test_the_due_date_is_the_last_told_up_to_the_completion():
    moved = only(fact("enrolled", 1, due_at=day(10)), fact("enrolled", 2, due_at=day(20)), fact("completed", 3))
    next_one = only(fact("completed", 3, due_at=day(20)), fact("completed", 4, due_at=day(400)))

    assert moved.due_at == day(20)
    assert next_one.due_at == day(20)
    assert only(fact("completed", 3), fact("certified", 4, due_at=day(20))).due_at == day(20)


def test_a_repeated_once_only_kind_is_a_duplicate_and_repeated_activity_is_not():
    once = [fact(kind, at) for kind, at in (("enrolled", 2), ("completed", 7), ("passed", 7), ("certified", 7))]
    often = [fact(kind, at) for kind in ("started", "progressed", "answered", "earned", "rated") for at in (3, 8)]

    attempt = only(fact("enrolled", 1), fact("completed", 6), fact("passed", 6), fact("certified", 6), *once, *often)

    assert set(attempt.duplicates) == {repeated.key for repeated in once}
    assert len(attempt.facts) == 18


def test_a_duplicate_completion_still_tells_its_score_and_validity():
    echo = fact("completed", 5, score_scaled=Decimal("0.9"), expires_at=day(400))

    attempt = only(fact("completed", 3), echo)

    assert attempt.duplicates == (echo.key,)
    assert (attempt.completed_at, attempt.score_best, attempt.expires_at) == (day(3), Decimal("0.9"), day(400))


def test_only_a_completion_tells_the_end_of_a_validity():
    attempt = only(fact("enrolled", 1, expires_at=day(30)), fact("completed", 3))

    assert attempt.expires_at is None


def test_an_instant_of_receipt_among_the_milestones_is_flagged():
    timed = only(fact("completed", 3), fact("completed", 4, time_inferred=True))
    inferred = only(fact("enrolled", 1), fact("completed", 4, time_inferred=True))

    assert timed.time_inferred is False
    assert only(fact("enrolled", 1, time_inferred=True), fact("completed", 4)).time_inferred is True
    assert inferred.time_inferred is True


def test_a_timeless_enrolment_received_after_the_end_tells_no_instant():
    attempt = only(fact("completed", 3), fact("enrolled", 4, time_inferred=True))

    assert attempt.enrolled_at is None


def test_the_state_at_an_instant_follows_the_milestones_reached_by_then():
    facts = [fact("enrolled", 1), fact("started", 2), fact("withdrawn", 3), fact("failed", 4)]
    attempt = only(*facts, fact("completed", 5, expires_at=day(7)))

    states = [attempt.state_at(day(at)) for at in range(8)]

    assert states == [None, "enrolled", "in_progress", "withdrawn", "failed", "completed", "completed", "expired"]
    assert attempt.state is EnrolmentState.COMPLETED


def test_the_end_of_a_validity_needs_no_fact_and_an_expiry_before_it_counts_at_once():
    revoked = only(fact("completed", 5, expires_at=day(400)), fact("expired", 7))

    assert revoked.state_at(day(6)) is EnrolmentState.COMPLETED
    assert revoked.state_at(day(7)) is EnrolmentState.EXPIRED


def test_a_validity_without_a_completion_says_nothing():
    nothing = dict.fromkeys(("completed_at", "failed_at", "withdrawn_at", "expired_at"))

    assert state_at(day(9), started_at=day(1), expires_at=day(2), **nothing) is EnrolmentState.IN_PROGRESS
