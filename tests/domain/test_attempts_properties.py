"""What holds for any set of facts, whatever their order of arrival."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.attempts import EnrolmentState, fold
from app.domain.learning import Kind, StoredFact, correction_key

SOURCES = (UUID(int=1), UUID(int=2))
DAY_0 = datetime(2024, 1, 1, tzinfo=UTC)
quick = settings(max_examples=50, deadline=None)
COMPLETING = (Kind.COMPLETED, Kind.PASSED, Kind.CERTIFIED)


def day(number: int) -> datetime:
    return DAY_0 + timedelta(days=number)


@st.composite
def facts_of_one_learner(
    draw, *, timeless: bool = True, kinds: tuple[Kind, ...] = tuple(Kind), numbers: tuple[bytes, ...] = (b"1", b"2")
):
    facts = []
    for number in range(draw(st.integers(0, 10))):
        at = draw(st.integers(0, 12))
        kind = draw(st.sampled_from(kinds))
        validity = draw(st.none() | st.integers(1, 8)) if kind in COMPLETING else None
        facts.append(
            StoredFact(
                source=draw(st.sampled_from(SOURCES)),
                dedup_key=bytes([draw(st.integers(0, 255)), number]).ljust(32),
                kind=kind,
                occurred_at=day(at),
                time_inferred=timeless and draw(st.booleans()),
                event_key=draw(st.none() | st.sampled_from("abcd")),
                passed=draw(st.sampled_from((None, True, False))),
                score_scaled=draw(st.none() | st.sampled_from((Decimal("0.2"), Decimal("0.7")))),
                progress=draw(st.none() | st.sampled_from((Decimal("0.3"), Decimal("0.6")))),
                duration_seconds=draw(st.none() | st.integers(0, 99)),
                expires_at=None if validity is None else day(at + validity),
                due_at=draw(st.none() | st.integers(0, 20).map(day)),
                attempt_key=draw(st.none() | st.sampled_from(numbers)) if numbers else None,
                affirmed=kind is Kind.ENROLLED and draw(st.booleans()),
            )
        )
    return facts


@quick
@given(facts_of_one_learner(), st.data())
def test_any_order_of_arrival_and_any_repetition_give_the_same_attempts(facts, data):
    arrived = data.draw(st.permutations(facts + data.draw(st.lists(st.sampled_from(facts)) if facts else st.just([]))))

    assert fold(arrived) == fold(facts)
    assert fold(iter(arrived)) == fold(facts)


@quick
@given(facts_of_one_learner(), st.sets(st.tuples(st.sampled_from(SOURCES), st.sampled_from("abcd"))))
def test_a_voided_fact_leaves_no_trace(facts, voided):
    left = [fact for fact in facts if (fact.source, fact.event_key) not in voided]

    assert fold(facts, voided=voided) == fold(left)


@quick
@given(facts_of_one_learner(), facts_of_one_learner(), st.data())
def test_corrected_facts_give_the_attempts_that_they_had_given_read_so_at_once(facts, others, data):
    pairs = list(zip(facts, others, strict=False))
    right = [replace(other, source=fact.source, dedup_key=fact.dedup_key) for fact, other in pairs]
    untouched = facts[len(pairs) :]
    corrections = [
        replace(fact, dedup_key=correction_key(fact.dedup_key, day(99)), corrects=fact.dedup_key) for fact in right
    ]
    again = [replace(fact, dedup_key=correction_key(fact.corrects, day(100))) for fact in corrections]
    outdated = {fact.key for fact, _ in pairs} | {fact.key for fact in corrections}
    arrived = data.draw(st.permutations(facts + corrections + again))

    def shown(attempts):
        return [replace(each, facts=len(each.facts), duplicates=len(each.duplicates)) for each in attempts]

    assert shown(fold(arrived, corrected=outdated)) == shown(fold(right + untouched))


@quick
@given(facts_of_one_learner())
def test_every_fact_belongs_to_one_attempt_at_most_and_ordinals_have_no_gap(facts):
    attempts = fold(facts)

    placed = [key for attempt in attempts for key in attempt.facts]
    unplaced = {fact.kind for fact in facts if fact.key not in placed}

    assert len(placed) == len(set(placed))
    assert unplaced <= {Kind.RATED, Kind.EARNED, Kind.VOIDED}
    assert [attempt.ordinal for attempt in attempts] == list(range(1, len(attempts) + 1))
    assert all(set(attempt.duplicates) < set(attempt.facts) for attempt in attempts)


@quick
@given(facts_of_one_learner())
def test_attempts_follow_one_another_and_their_instants_are_in_order(facts):
    attempts = fold(facts)

    assert all(one.first_event_at <= next_one.first_event_at for one, next_one in pairwise(attempts))
    for attempt in attempts:
        reached = [attempt.enrolled_at, attempt.started_at, attempt.completed_at, attempt.withdrawn_at]
        assert all(attempt.first_event_at <= at <= attempt.last_event_at for at in reached if at)
        if attempt.completed_at:
            assert attempt.started_at
            assert attempt.started_at <= attempt.completed_at
            assert attempt.enrolled_at is None or attempt.enrolled_at <= attempt.completed_at
            assert attempt.state in {EnrolmentState.COMPLETED, EnrolmentState.EXPIRED}


@quick
@given(facts_of_one_learner())
def test_only_a_timed_or_a_numbered_fact_opens_a_further_attempt(facts):
    by_key = {fact.key: fact for fact in facts}

    openers = [by_key[attempt.facts[0]] for attempt in fold(facts)[1:]]

    assert not any(opener.time_inferred and opener.attempt_key is None for opener in openers)


@quick
@given(facts_of_one_learner())
def test_no_attempt_has_two_numbers_of_one_source_and_only_an_expiry_parts_one_number(facts):
    by_key = {fact.key: fact for fact in facts}
    attempts = [[by_key[key] for key in attempt.facts] for attempt in fold(facts)]

    numbers = [{(each.source, each.attempt_key) for each in told if each.attempt_key} for told in attempts]

    assert all(len({source for source, _ in each}) == len(each) for each in numbers)
    for number in set().union(*numbers):
        first, *others = [told for told, each in zip(attempts, numbers, strict=True) if number in each]
        openers = [each for told in others for each in told if (each.source, each.attempt_key) == number][:1]
        assert not others or any(each.kind is Kind.EXPIRED or each.expires_at for each in first)
        assert not any(each.kind is Kind.ENROLLED for each in openers)


@quick
@given(facts_of_one_learner(numbers=()), st.sampled_from(SOURCES))
def test_one_number_for_all_facts_makes_one_attempt_of_what_does_not_expire(facts, source):
    lasting = [
        replace(fact, source=source, attempt_key=b"1", expires_at=None)
        for fact in facts
        if fact.kind not in {Kind.EXPIRED, Kind.RATED, Kind.EARNED, Kind.VOIDED}
    ]

    assert len(fold(lasting)) == bool(lasting)


@quick
@given(facts_of_one_learner(), facts_of_one_learner())
def test_a_later_fact_never_changes_what_was_completed_nor_any_ordinal(facts, more):
    later = [
        replace(fact, occurred_at=fact.occurred_at + timedelta(days=13), dedup_key=fact.dedup_key[::-1])
        for fact in more
    ]

    before, after = fold(facts), fold(facts + later)
    numbered = {fact.key for fact in facts if fact.attempt_key}

    assert len(before) <= len(after)
    for earlier, same in zip(before, after, strict=False):
        assert (same.first_event_at, same.facts[: len(earlier.facts)]) == (earlier.first_event_at, earlier.facts)
        is_over = earlier is not before[-1] and not numbered & set(earlier.facts)
        if earlier.completed_at or is_over:
            assert same.completed_at == earlier.completed_at
        assert same.passed or not earlier.passed


@quick
@given(facts_of_one_learner(), st.integers(0, 10))
def test_best_score_progress_and_time_spent_never_fall_as_facts_come_in(facts, count):
    in_order = sorted(
        (fact for fact in facts if fact.kind in {Kind.PROGRESSED, *COMPLETING}), key=lambda one: one.occurred_at
    )
    whole = [replace(fact, time_inferred=True) for fact in in_order]

    for fewer, more in zip(fold(whole[:count]), fold(whole), strict=False):
        assert (fewer.score_best or 0) <= (more.score_best or 0)
        assert (fewer.progress or 0) <= (more.progress or 0)
        assert (fewer.duration_seconds or 0) <= (more.duration_seconds or 0)


@quick
@given(facts_of_one_learner(timeless=False))
def test_the_state_at_an_instant_is_that_of_the_facts_known_to_have_occurred_by_then(facts):
    attempts = fold(facts)

    for at in map(day, range(0, 22, 2)):
        seen = [attempt.state_at(at) for attempt in attempts if attempt.first_event_at <= at]
        assert seen == [attempt.state_at(at) for attempt in fold(facts, as_of=at)]


@quick
@given(facts_of_one_learner())
def test_the_stored_state_is_that_at_the_last_fact_unless_a_validity_has_ended(facts):
    for attempt in fold(facts):
        seen = attempt.state_at(attempt.last_event_at)
        lapsed = attempt.expires_at is not None and attempt.expires_at <= attempt.last_event_at
        assert seen is attempt.state or (lapsed and seen is EnrolmentState.EXPIRED)
