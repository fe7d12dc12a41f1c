"""Figures of reach, completion and time, from what people were offered and what happened to them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.api.figures.school import School, event, numbers
from tests.builders import make


def parts(found: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(each["numerator"], each["denominator"]) for each in found]


@pytest.fixture
async def course(school: School) -> str:
    """Twelve people were offered a course in January; ten enrolled, eight started and six completed it by February."""
    initiative = await school.initiative("c")
    everyone = numbers(12)
    await school.hire(*everyone[:6], role="operator")
    await school.hire(*everyone[6:], role="fitter")
    await school.offer(initiative, everyone, due_on="2026-02-10", wave="wave 1")
    enrolled = [event("enrolled", each, "c", "2026-01-10") for each in everyone[:10]]
    started = [event("started", each, "c", "2026-01-20", duration_seconds=1800) for each in everyone[:8]]
    done = [event("completed", each, "c", f"2026-02-{9 + n:02}") for n, each in enumerate(everyone[:6])]
    await school.tell(*enrolled, *started, *done)
    return initiative


async def test_each_rate_names_its_own_denominator(school: School, course: str) -> None:
    asked = ["participation_rate", "completion_rate{denominator=audience}", "completion_rate{denominator=enrolled}"]

    found = await school.figures(asked, course)

    assert [(each["numerator"], each["denominator"]) for each in found] == [("8", "12"), ("6", "12"), ("6", "10")]
    assert [each["basis"] for each in found[:2]] == ["audience_at_end"] * 2


async def test_a_cohort_is_judged_after_the_same_time_for_all(school: School, course: str) -> None:
    await school.hire("late")
    await school.tell(event("enrolled", "late", "c", "2099-01-01"))

    found = await school.figures(
        ["completion_rate{denominator=cohort,horizon_days=31}", "completion_rate{denominator=cohort}"], course
    )

    assert [(each["numerator"], each["denominator"]) for each in found] == [("2", "10"), ("6", "10")]


async def test_due_days_end_with_the_day_and_count_who_never_enrolled(school: School, course: str) -> None:
    on_time, overdue = await school.figures(["learner_on_time_rate", "overdue_rate"], course)

    assert (on_time["numerator"], on_time["denominator"]) == ("2", "12")
    assert (overdue["numerator"], overdue["denominator"]) == ("6", "12")


_CYCLE = ["learner_on_time_rate", "overdue_rate", "completion_rate{denominator=audience}"]


async def test_each_cycle_is_judged_by_what_was_done_since_it_was_offered(school: School, course: str) -> None:
    everyone = numbers(12)
    first_only = parts(await school.figures(_CYCLE, course))
    then = (await school.figure("overdue_rate", course))["as_of"]
    await school.offer(course, everyone, on="2026-03-01", due_on="2026-04-30")
    await school.tell(*(event("enrolled", each, "c", "2026-03-02") for each in everyone))

    nobody = parts(await school.figures(_CYCLE, course))
    judged = [await school.figures(each, course, by="month") for each in _CYCLE]
    again = [everyone[0], *everyone[6:9]]
    await school.tell(*(event("completed", each, "c", "2026-04-15") for each in again))
    some = parts(await school.figures(_CYCLE, course))
    later = [await school.figures(each, course, by="month") for each in _CYCLE]
    april = await school.figures(_CYCLE, course, **{"from": "2026-04-01", "to": "2026-05-01"})

    assert first_only == [("2", "12"), ("6", "12"), ("6", "12")]
    assert parts(await school.figures(_CYCLE, course, as_of=then)) == first_only
    assert nobody == [("0", "12"), ("12", "12"), ("0", "12")]
    assert [parts(each) for each in judged] == [
        [("2", "12"), ("0", "12")],
        [("6", "12"), ("12", "12")],
        [("6", "12"), ("0", "12")],
    ]
    assert some == [("1", "12"), ("8", "12"), ("4", "12")]
    assert [parts(each) for each in later] == [
        [("2", "12"), ("4", "12")],
        [("3", "12"), ("8", "12")],
        [("9", "12"), ("4", "12")],
    ]
    assert parts(april[:2]) == [("4", "12"), ("8", "12")]
    await school.offer(course, everyone, on="2026-05-01")
    assert parts(await school.figures(_CYCLE, course)) == some, "who is only listed once more starts no new cycle"


async def test_where_no_audience_says_a_date_each_attempt_that_the_platform_dates_is_judged(school: School) -> None:
    initiative = await school.initiative("c")
    everyone = numbers(10)
    await school.hire(*everyone)
    for year, offered in ((2025, "2025-01-05"), (2026, "2026-01-05")):
        due = datetime(year, 2, 1, 12, tzinfo=UTC)
        await school.tell(*(event("enrolled", each, "c", offered, due_at=due) for each in everyone))
        if year == 2025:
            await school.tell(*(event("completed", each, "c", "2025-03-05") for each in everyone))

    found = await school.figures(_CYCLE[:2], initiative)
    on_time, overdue = [await school.figures(each, initiative, by="year") for each in _CYCLE[:2]]

    assert parts(found) == [("0", "10"), ("10", "10")]
    assert parts(on_time) == [("0", "10"), ("0", "10")]
    assert parts(overdue) == [("0", "10"), ("10", "10")]


async def test_the_median_time_counts_open_attempts_as_censored(school: School, course: str) -> None:
    found = await school.figure("time_to_complete", course)

    assert (found["status"], found["value"], found["unit"], found["n_people"]) == ("ok", "34", "days", 10)


async def test_fewer_than_half_completed_is_no_median(school: School, course: str) -> None:
    await school.hire(*numbers(5, first=50))
    await school.tell(*(event("enrolled", each, "c", "2026-01-10") for each in numbers(5, first=50)))

    found = await school.figure("time_to_complete", course)

    assert (found["status"], found["value"]) == ("insufficient", None)
    assert "median not reached" in found["reason"]


async def test_hours_participants_and_drop_out(school: School, course: str) -> None:
    hours, unique, total, dropped = await school.figures(
        ["learning_hours", "participants", "participants{count=total}", "drop_out_rate"], course
    )

    assert (hours["value"], hours["basis"]) == ("4", "reported")
    assert (unique["value"], total["value"]) == ("8", "8")
    assert (dropped["numerator"], dropped["denominator"]) == ("2", "8")


async def test_who_enrols_again_after_completing_opens_another_attempt(school: School, course: str) -> None:
    await school.tell(*(event("enrolled", each, "c", "2026-05-01") for each in numbers(3)))

    share, rate = await school.figures(["recompletion_share", "completion_rate{denominator=enrolled}"], course)

    assert (share["numerator"], share["denominator"]) == ("3", "13")
    assert (rate["numerator"], rate["denominator"]) == ("6", "10")


async def test_a_person_with_accounts_in_two_systems_is_one(school: School, course: str) -> None:
    other = await make(school.client, "sources", 1)
    about = {"activity_id": school.activities["c"], "source_id": other["id"], "external_id_in_source": "c"}
    await make(school.client, "activity-references", 1, **about)
    listed = (await school.client.get("/v1/people", params={"external_id": "p0"})).json()["items"][0]["id"]
    identity = {"kind": "account", "value": "p0", "issuer": other["id"]}
    assert (await school.client.post(f"/v1/people/{listed}/identities", json=identity)).is_success
    await school.tell(event("completed", "p0", "c", "2026-03-01"), source=other)

    found = await school.figure("completion_rate{denominator=enrolled}", course)

    assert (found["numerator"], found["denominator"]) == ("6", "10")


async def test_leavers_are_left_out_of_the_end_snapshot_and_listed(school: School, course: str) -> None:
    await school.hire("p11", role="fitter", left_on="2026-03-01")

    at_end = await school.figure("participation_rate", course)
    at_start = await school.figure("participation_rate", course, audience="at_start")

    assert (at_end["denominator"], at_end["basis"]) == ("11", "audience_at_end")
    assert "departed" in [caveat["code"] for caveat in at_end["caveats"]]
    assert (at_start["denominator"], at_start["basis"]) == ("12", "audience_at_start")


async def test_people_known_only_by_a_name_are_counted_beside(school: School, course: str) -> None:
    await school.tell(event("completed", "stranger", "c", "2026-02-01"))

    found = await school.figure("completion_rate{denominator=enrolled}", course)

    assert (found["numerator"], found["denominator"]) == ("6", "10")
    assert "unresolved_people" in [caveat["code"] for caveat in found["caveats"]]


async def test_segments_add_up_to_the_whole(school: School, course: str) -> None:
    by_role = await school.figures("participation_rate", course, by="role")
    by_month = await school.figures("participants", course, by="month")

    assert [(each["segment"]["role"], each["numerator"], each["denominator"]) for each in by_role] == [
        ("fitter", "2", "6"),
        ("operator", "6", "6"),
    ]
    assert [(each["segment"], each["value"], each["period"]["to"]) for each in by_month] == [
        ({"month": "2026-01-01"}, "8", "2026-02-01")
    ]


async def test_an_open_bucket_is_provisional_with_its_elapsed_share(school: School, course: str) -> None:
    found = await school.figures("participants", course, by="year")

    assert [(each["status"], each["period"]["from"]) for each in found] == [("provisional", "2026-01-01")]
    assert found[0]["caveats"][-1]["code"] == "open_period"


async def test_validity_ends_when_a_certificate_expires(school: School, course: str) -> None:
    await school.tell(event("expired", "p0", "c", "2026-03-01"))

    found = await school.figure("validity_rate", course)

    assert (found["numerator"], found["denominator"]) == ("5", "12")


async def test_an_org_unit_counts_its_subtree(school: School, course: str) -> None:
    plant = (await make(school.client, "org-units", 1))["id"]
    team = (await make(school.client, "org-units", 2, parent_id=plant))["id"]
    await school.hire(*numbers(6), role="operator", org_unit_id=team)
    await school.hire(*numbers(6, first=6), role="fitter", org_unit_id=plant)

    found = await school.figures("participation_rate", plant, team)
    cut = await school.figures("participation_rate", course, by="org_unit")

    assert [(each["subject"]["kind"], each["numerator"], each["denominator"]) for each in found] == [
        ("org_unit", "8", "12"),
        ("org_unit", "6", "6"),
    ]
    assert {each["segment"]["org_unit"]: each["denominator"] for each in cut} == {plant: "12", team: "6"}


@pytest.mark.usefixtures("course")
async def test_the_organisation_is_reached_in_person_time(school: School) -> None:
    tenant = (await school.client.get("/v1/tenant")).json()["id"]

    reach, per_head, used = await school.figures(
        ["org_reach", "hours_per_employee", "utilisation{of=catalogue}"],
        tenant,
        **{"from": "2026-01-01", "to": "2026-07-01"},
    )

    assert (reach["numerator"], reach["denominator"], reach["basis"]) == ("8", "12", "person_time")
    assert per_head["value"] == "0.333333"
    assert (used["numerator"], used["denominator"]) == ("1", "1")


async def test_a_metric_that_a_subject_does_not_have_is_refused_with_those_it_has(school: School, course: str) -> None:
    answer = await school.client.get("/v1/figures", params={"metric": "progress", "subject": course})

    assert answer.status_code == 422
    assert "participation_rate" in answer.json()["detail"]


async def test_a_segment_is_explained_by_its_own_facts(school: School, course: str) -> None:
    operators = (await school.figures("participation_rate", course, by="role"))[1]

    explained = (await school.client.get(operators["explain"])).json()

    assert explained["figure"]["segment"] == {"role": "operator"}
    assert {each["name"]: each["value"] for each in explained["inputs"]}["audience"] == 6
    assert len({each["person_id"] for each in explained["events"]}) == 6


async def test_who_has_left_and_whom_nobody_knows_are_neither_active_nor_at_risk(school: School) -> None:
    initiative = await school.initiative("c")
    today = datetime.now(UTC).date()
    long_ago, lately = str(today - timedelta(days=40)), str(today - timedelta(days=20))
    await school.hire(*numbers(8))
    await school.hire("gone", "left", left_on=today - timedelta(days=2))
    for each in (*numbers(8), "gone", "left", "stranger"):
        await school.tell(event("enrolled", each, "c", long_ago), event("started", each, "c", lately))

    active, risk = await school.figures(["active_learners", "at_risk"], initiative)
    rules = [(await school.client.get(f"/v1/metrics/{each['metric']}")).json()["edge_rules"] for each in (active, risk)]

    for found in (active, risk):
        assert (found["value"], found["n_people"]) == ("8", 8), found
        said = {each["code"]: each["detail"] for each in found["caveats"]}
        assert said["unresolved_people"].startswith("1 learners")
        assert said["departed"].startswith("2 people have left")
    assert all("who has left" in " ".join(each) for each in rules)
