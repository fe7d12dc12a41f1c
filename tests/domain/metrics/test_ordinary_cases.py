"""Ordinary cases that other tools get wrong (metrics.md, end), from people and instants to figures."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from app.domain.errors import Invalid
from app.domain.figure import Figure, Status
from app.domain.metrics import evaluate
from app.domain.metrics.cohorts import Attempt, Member, Reach, reach
from app.domain.metrics.comparisons import change, pooled

JANUARY = datetime(2026, 1, 1, tzinfo=UTC)


def day(number: int) -> datetime:
    return JANUARY + timedelta(days=number)


def rate(slug: str, counts: Reach, **parameters: Any) -> Figure:
    named = asdict(counts)
    wanted = {"participation_rate": 3, "completion_rate": 10}[slug]
    keys = list(named)[:wanted]
    if slug == "completion_rate":
        keys = [key for key in keys if not key.startswith("started")]
    return evaluate(slug, {key: named[key] for key in keys}, parameters)


def done(person: str, ordinal: int = 1, at: int = 5, **overrides: datetime | None) -> Attempt:
    fields = {"enrolled_at": day(0), "started_at": day(1), "completed_at": day(at), **overrides}
    return Attempt(person, ordinal, **fields)


def test_a_person_with_accounts_in_two_platforms_counts_once():
    resolved = {"moodle:7": "ada", "docebo:ada@example.org": "ada", "moodle:8": "bob"}
    accounts = ("moodle:7", "docebo:ada@example.org", "moodle:8")
    attempts = [done(resolved[account], ordinal) for ordinal, account in enumerate(accounts, 1)]

    counts = reach([Member("ada"), Member("bob")], attempts, as_of=day(30))

    assert rate("participation_rate", counts).numerator == 2
    assert rate("completion_rate", counts).value == 1


def test_a_learner_who_enrols_again_after_completing_has_not_completed_again():
    attempts = [done("ada"), Attempt("ada", 2, enrolled_at=day(20))]

    before = reach([Member("ada")], attempts, as_of=day(19))
    after = reach([Member("ada")], attempts, as_of=day(20))

    assert rate("completion_rate", before).value == 1
    assert rate("completion_rate", after).value == 0
    assert rate("participation_rate", after).value == 1


def test_suspended_and_departed_people_leave_the_denominator_by_rule_and_are_listed():
    members = [Member("ada"), Member("bob", suspended_at=day(3)), Member("cid", left_at=day(10)), Member("dee")]
    attempts = [done("ada"), done("bob", at=2)]

    early = reach(members, attempts, as_of=day(2))
    late = reach(members, attempts, as_of=day(10))

    assert (early.audience, early.left_out) == (4, ())
    assert (late.audience, late.left_out) == (2, ("bob", "cid"))
    assert rate("completion_rate", late).value == Decimal("0.5")
    assert late.started_outside_audience == 0


def test_a_completion_implies_a_start_and_outsiders_are_told_apart():
    attempts = [done("ada", started_at=None), done("eve")]

    counts = reach([Member("ada"), Member("bob")], attempts, as_of=day(30))

    figure = rate("participation_rate", counts)
    assert figure.value == Decimal("0.5")
    assert [caveat.code for caveat in figure.caveats] == ["outside_audience"]


def test_a_late_event_changes_the_past_period_and_not_what_was_said_then():
    told_then = [done("ada")]
    told_later = [*told_then, done("bob", at=6)]
    members = [Member("ada"), Member("bob")]

    then = rate("completion_rate", reach(members, told_then, as_of=day(7)))
    restated = rate("completion_rate", reach(members, told_later, as_of=day(7)))

    assert (then.value, restated.value) == (Decimal("0.5"), 1)


def test_facts_after_the_instant_do_not_exist_yet():
    counts = reach([Member("ada")], [done("ada", at=5)], as_of=day(4))

    assert (counts.started_in_audience, counts.completed_in_audience) == (1, 0)


def test_too_young_enrolments_do_not_lower_the_cohort_rate():
    attempts = [
        done("ada", at=20),
        done("bob", at=31),
        Attempt("cid", 1, enrolled_at=day(0)),
        Attempt("dee", 1, enrolled_at=day(80)),
    ]

    counts = reach([], attempts, as_of=day(100), horizon_days=30)

    figure = rate("completion_rate", counts, denominator="cohort", horizon_days=30)
    assert (figure.numerator, figure.denominator) == (1, 3)
    assert [caveat.code for caveat in figure.caveats] == ["too_young"]


def test_who_withdrew_before_starting_is_no_learner_but_who_withdrew_later_stays():
    attempts = [
        done("ada"),
        Attempt("bob", 1, enrolled_at=day(0), withdrawn_at=day(1)),
        Attempt("cid", 1, enrolled_at=day(0), started_at=day(1), withdrawn_at=day(2)),
    ]

    counts = reach([], attempts, as_of=day(9))

    figure = rate("completion_rate", counts, denominator="enrolled")
    assert (figure.numerator, figure.denominator) == (1, 2)


def test_a_partial_period_is_never_compared_with_a_full_one():
    december = evaluate("completion_rate", {"audience": 100, "completed_in_audience": 60})
    january = evaluate("completion_rate", {"audience": 100, "completed_in_audience": 20}).while_open(Decimal("0.3"))

    with pytest.raises(Invalid) as caught:
        change(december, january)

    assert [fault.pointer for fault in caught.value.errors] == ["/later"]


def test_twelve_percent_against_ten_is_two_points_and_twenty_percent():
    ten = evaluate("completion_rate", {"audience": 100, "completed_in_audience": 10})
    twelve = evaluate("completion_rate", {"audience": 100, "completed_in_audience": 12})

    moved = change(ten, twelve)

    assert (moved.difference, moved.difference_unit, moved.relative_percent) == (2, "percentage_points", 20)


def test_a_change_from_zero_has_no_relative_size():
    nothing = evaluate("completion_rate", {"audience": 100, "completed_in_audience": 0})
    some = evaluate("completion_rate", {"audience": 100, "completed_in_audience": 5})

    assert change(nothing, some).relative_percent is None


def test_figures_of_two_definitions_are_neither_compared_nor_pooled():
    by_audience = evaluate("completion_rate", {"audience": 10, "completed_in_audience": 5})
    by_enrolled = evaluate("completion_rate", {"enrolled": 8, "completed": 5}, {"denominator": "enrolled"})

    with pytest.raises(Invalid):
        change(by_audience, by_enrolled)
    with pytest.raises(Invalid):
        pooled([by_audience, by_enrolled])


def test_a_suppressed_part_is_not_pooled_into_a_total():
    shown = evaluate("participation_rate", {"audience": 40, "started_in_audience": 10})
    hidden = evaluate("participation_rate", {"audience": 3, "started_in_audience": 1}).without_value(
        Status.SUPPRESSED, "small"
    )

    with pytest.raises(Invalid) as caught:
        pooled([shown, hidden])

    assert [fault.pointer for fault in caught.value.errors] == ["/parts/1"]


def test_children_in_other_kpi_units_roll_up_by_progress_only():
    days = evaluate("progress", {"baseline": "60", "target": "45", "current": "50"})
    percent = evaluate("progress", {"baseline": "10", "target": "12", "current": "12"})
    children = [
        {"name": "onboarding days", "progress": days.value, "unit": days.unit},
        {"name": "conversion", "progress": percent.value, "unit": percent.unit},
    ]

    figure = evaluate("objective_progress", {"children": children})
    mixed = evaluate("objective_progress", {"children": [*children, {"name": "x", "progress": "9", "unit": "days"}]})

    assert figure.value == Decimal("0.833334")  # (0.666667 + 1) / 2, half to even from the published parts
    assert mixed.status is Status.INCONSISTENT


def test_scores_without_variance_have_no_effect_size_and_no_interval():
    same = evaluate("effect_size", {"pre": ["5", "5"], "post": ["7", "7"]})
    gain = evaluate("score_gain", {"pairs": [{"pre": "5", "post": "7"}, {"pre": "5", "post": "7"}]})

    assert same.status is Status.NOT_APPLICABLE
    assert (gain.value, gain.interval) == (2, None)
