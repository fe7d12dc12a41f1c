"""Rates of people count each person once, whatever is above the initiatives that they learn in."""

from decimal import Decimal

from app.domain import ids
from app.domain.metrics.intervals import wilson
from tests.api.figures.school import School, event, numbers
from tests.api.figures.test_facts import batch
from tests.builders import make

RATES = {
    "participation_rate": ("10", "10"),
    "completion_rate{denominator=audience}": ("9", "10"),
    "completion_rate{denominator=enrolled}": ("9", "10"),
    "completion_rate{denominator=cohort,horizon_days=31}": ("8", "10"),
    "learner_on_time_rate": ("8", "10"),
    "overdue_rate": ("1", "10"),
    "drop_out_rate": ("1", "10"),
    "validity_rate": ("9", "10"),
}
"""Of ten people all began both, nine completed both, eight of them in time; the tenth fell silent in the second."""


async def test_two_initiatives_of_the_same_people_are_not_twice_the_people(school: School) -> None:
    everyone = numbers(10)
    await school.hire(*everyone)
    first, second = [await school.initiative(each) for each in ("a", "b")]
    outcome = await make(school.client, "outcomes")
    for n, initiative in enumerate((first, second)):
        await school.offer(initiative, everyone, due_on="2026-02-10")
        about = {"initiative_id": initiative, "outcome_id": outcome["id"]}
        await make(school.client, "alignments", n, **about)
        await make(school.client, "cost-items", n, initiative_id=initiative, cost={"amount": "950", "currency": "EUR"})
    began = [event("started", each, course, "2026-01-20") for each in everyone for course in ("a", "b")]
    done = [event("completed", each, "a", "2026-02-01") for each in everyone]
    done += [event("completed", each, "b", "2026-02-02") for each in everyone[:8]]
    await school.tell(*began, *done, event("completed", everyone[8], "b", "2026-03-01"))
    tenant = (await school.client.get("/v1/tenant")).json()["id"]

    for subject in (outcome["objective_id"], outcome["id"], tenant):
        found = await school.figures(list(RATES), subject)
        [at_risk] = await school.figures("at_risk", subject)
        [lasted] = await school.figures("time_to_complete", subject)
        per_learner, per_completion = await school.figures(["cost_per", "cost_per{per=completion}"], subject)

        counted = {metric: (each["numerator"], each["denominator"]) for metric, each in zip(RATES, found, strict=True)}
        assert counted == RATES
        assert {each["n_people"] for each in found} == {10}
        for each in found:
            exact = wilson(int(each["numerator"]), 10)
            assert abs(Decimal(each["interval"]["low"]) - exact.low) < Decimal("0.000001"), each
        assert (at_risk["value"], at_risk["denominator"], at_risk["n_people"]) == ("1", "10", 10)
        assert lasted["n_people"] == 10
        assert (per_learner["value"], per_completion["value"]) == ("190", "100")

    [one] = await school.figures("at_risk", second)
    assert (one["value"], one["denominator"]) == ("1", "10")


async def test_of_several_pursuits_the_one_still_going_on_counts_and_the_one_left_does_not(school: School) -> None:
    everyone = numbers(8)
    await school.hire(*everyone)
    outcome = await make(school.client, "outcomes")
    for n, course in enumerate(("a", "b")):
        initiative = await school.initiative(course)
        await make(school.client, "alignments", n, initiative_id=initiative, outcome_id=outcome["id"])
    enrolled = [event("enrolled", each, course, "2026-01-10") for each in everyone for course in ("a", "b")]
    never_began = [event("withdrawn", each, "a", "2026-01-11") for each in everyone[:6]]
    left_both = [event("withdrawn", everyone[0], "b", "2026-01-12")]
    done = [event("completed", each, "b", "2026-02-01") for each in everyone[1:4]]
    await school.tell(*enrolled, *never_began, *left_both, *done)

    rate, at_risk = await school.figures(["completion_rate{denominator=enrolled}", "at_risk"], outcome["objective_id"])

    assert (rate["numerator"], rate["denominator"]) == ("3", "7")
    assert "1 people withdrew before they started" in next(
        each["detail"] for each in rate["caveats"] if each["code"] == "withdrawn_before_start"
    )
    assert (at_risk["value"], at_risk["denominator"]) == ("0", "7")


async def test_who_is_graded_and_supported_in_two_initiatives_is_one_person_by_the_worse_of_them(
    school: School,
) -> None:
    everyone = numbers(12)
    await school.hire(*everyone)
    outcome = await make(school.client, "outcomes")
    deeds: list[dict[str, object]] = []
    for n, exam in enumerate(("a", "b")):
        initiative = await school.initiative()
        await school.course(exam, initiative_id=initiative, kind="exam")
        await school.offer(initiative, everyone)
        await make(school.client, "alignments", n, initiative_id=initiative, outcome_id=outcome["id"])
        for at, each in enumerate(everyone):
            about = {"initiative_id": initiative, "person_id": ids.encode("per", school.people[each])}
            deeds += [
                about | {"deed": deed, "noted_on": "2026-02-01", "done": n == 0 or at < 6}
                for deed in ("goal_agreed", "chance_given", "follow_up_held")
            ]
    passed = [event("passed", each, "a", "2026-02-01", passed=True) for each in everyone[:11]]
    passed += [event("passed", each, "b", "2026-02-02", passed=True) for each in everyone[:8]]
    failed = [event("failed", each, "b", "2026-02-02", passed=False) for each in everyone[8:11]]
    await school.tell(event("enrolled", everyone[11], "a", "2026-01-10"), *passed, *failed)
    await batch(school.client, "support-deeds", deeds)
    tenant = (await school.client.get("/v1/tenant")).json()["id"]

    for subject in (outcome["objective_id"], outcome["id"], tenant):
        rate, ever, support = await school.figures(
            ["pass_rate", "pass_rate{attempt=ever}", "manager_support_index"], subject
        )
        for each in (rate, ever):
            assert (each["numerator"], each["denominator"], each["n_people"]) == ("8", "11", 11)
        assert "1 people" in next(each["detail"] for each in rate["caveats"] if each["code"] == "never_graded")
        assert (support["value"], support["denominator"], support["n_people"]) == ("0.5", "36", 12)
    [one] = await school.figures("pass_rate", initiative)
    assert (one["numerator"], one["denominator"]) == ("8", "11")
