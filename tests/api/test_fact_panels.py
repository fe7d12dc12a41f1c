"""Panels from stored facts: who was exposed where and when, what stood together, and who else offered something."""

import httpx

from tests.api.impact.facts import OFFERED_ON, QUARTERS, measured, study
from tests.builders import Body, complete, make

TEAMS, TEAM = 12, 4


async def estimate(client: httpx.AsyncClient, about: Body, **asked: object) -> Body:
    answer = await client.post("/v1/effect-estimates", json=about | asked)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def people_in(client: httpx.AsyncClient, units: list[str], each: int) -> list[str]:
    items = [
        {"external_id": f"{unit}-{n}", "name": f"Operator {n}", "org_unit_id": unit, "joined_on": "2025-01-01"}
        for unit in units
        for n in range(each)
    ]
    answer = await client.post("/v1/people/batch", json={"items": items})
    return [item["id"] for item in answer.json()["items"]]


async def offered(client: httpx.AsyncClient, initiative: str, people: list[str], on: str = OFFERED_ON) -> None:
    audience = await make(client, "audiences", initiative_id=initiative)
    members = {"items": [{"person_id": each, "offered_on": on} for each in people]}
    assert (await client.post(f"/v1/audiences/{audience['id']}/members", json=members)).is_success


async def measured_units(client: httpx.AsyncClient, units: list[str], exposed: set[str]) -> str:
    kpi = (await make(client, "kpis"))["id"]
    items = [
        {
            "kpi_id": kpi,
            "subject_kind": "org_unit",
            "subject_id": unit,
            "period_start": QUARTERS[at],
            "period_end": QUARTERS[at + 1],
            "value": str(round(5 + n % 3 + (n * 5 + at * 3) % 7 / 10 - 2 * (unit in exposed and at > 1), 3)),
        }
        for n, unit in enumerate(units)
        for at in range(4)
    ]
    assert (await client.post("/v1/measurements/batch", json={"items": items})).json()["refused"] == 0
    return kpi


async def test_who_moves_later_leaves_the_exposure_with_the_unit_of_the_day_of_the_offer(
    client: httpx.AsyncClient,
) -> None:
    units = [(await make(client, "org-units", n))["id"] for n in range(TEAMS)]
    people = await people_in(client, units, 1)
    exposed = units[:6]
    initiative = (await make(client, "initiatives"))["id"]
    await offered(client, initiative, people[:6])
    kpi = await measured_units(client, units, set(exposed))
    about = {"initiative_id": initiative, "outcome_id": (await make(client, "outcomes", kpi_id=kpi))["id"]}
    before = await estimate(client, about)

    moved = await client.patch(f"/v1/people/{people[0]}", json={"org_unit_id": units[-1]})
    after = await estimate(client, about)

    assert moved.is_success
    assert (before["panel"]["exposed_units"], before["panel"]["units"]) == (6, TEAMS)
    assert after["panel"]["data_sha256"] == before["panel"]["data_sha256"]
    assert after["results"][0]["value"] == before["results"][0]["value"]


async def test_a_unit_is_exposed_where_a_team_below_it_was_offered_the_initiative(client: httpx.AsyncClient) -> None:
    plants = [(await make(client, "org-units", n))["id"] for n in range(TEAMS)]
    teams = [(await make(client, "org-units", 50 + n, parent_id=plant))["id"] for n, plant in enumerate(plants)]
    people = await people_in(client, teams, 1)
    initiative = (await make(client, "initiatives"))["id"]
    await offered(client, initiative, people[:5])
    kpi = await measured_units(client, plants, set(plants[:5]))
    about = {"initiative_id": initiative, "outcome_id": (await make(client, "outcomes", kpi_id=kpi))["id"]}

    made = await estimate(client, about)

    assert (made["panel"]["unit"], made["panel"]["exposed_units"]) == ("org_unit", 5)


async def test_persons_offered_something_team_by_team_are_clustered_by_team(client: httpx.AsyncClient) -> None:
    units = [(await make(client, "org-units", n))["id"] for n in range(TEAMS)]
    people = await people_in(client, units, TEAM)
    initiative = (await make(client, "initiatives"))["id"]
    await offered(client, initiative, people[: TEAM * 6])
    outcome, _ = await measured(client, people, effect=0)
    about = {"initiative_id": initiative, "outcome_id": outcome}

    found = await estimate(client, about, estimators=["did_2x2"])
    low = await estimate(client, about, estimators=["did_2x2"], options={"assignment_level": "person"})

    assert (found["panel"]["assignment_level"], found["panel"]["clusters"]) == ("org_unit", TEAMS)
    [result] = found["results"]
    assert result["standard_error"]["kind"] == "wild_bootstrap"
    assert (result["sample"]["clusters_treated"], result["sample"]["clusters_control"]) == (6, 6)
    assert (low["panel"]["assignment_level"], low["panel"]["clusters"]) == ("person", None)


async def test_persons_picked_inside_teams_are_not_clustered_unless_it_was_a_rollout(client: httpx.AsyncClient) -> None:
    units = [(await make(client, "org-units", n))["id"] for n in range(TEAMS)]
    people = await people_in(client, units, TEAM)
    picked, rolled_out = [
        (await make(client, "initiatives", n, assignment=assignment))["id"]
        for n, assignment in enumerate(["voluntary", "rollout"])
    ]
    for initiative in (picked, rolled_out):
        await offered(client, initiative, people[::2])
    outcome, _ = await measured(client, people, effect=-1)

    levels = [
        (await estimate(client, {"initiative_id": each, "outcome_id": outcome}))["panel"]["assignment_level"]
        for each in (picked, rolled_out)
    ]

    assert levels == ["person", "org_unit"]


async def test_comparison_units_that_another_initiative_reached_are_left_out_and_told(
    client: httpx.AsyncClient,
) -> None:
    asked = await study(client, assignment="rollout")
    other = (await make(client, "initiatives", 1))["id"]
    await make(client, "alignments", 1, initiative_id=other, outcome_id=asked.outcome)
    await offered(client, other, [*asked.operators[5:9]], on="2026-04-02")

    made = await estimate(client, asked.about)
    kept = await estimate(client, asked.about, options={"contaminated": "keep"})

    assert made["panel"]["contaminated"] == {"units": 2, "left_out": True}
    assert (made["panel"]["units"], kept["panel"]["units"]) == (14, 16)
    assert made["panel"]["overlaps"] == [
        {"initiative_id": other, "exposed_units": 7, "shared_units": 2, "share": 2 / 7, "flagged": True}
    ]
    codes = {each["code"] for each in made["results"][0]["diagnostics"]}
    assert "other_initiatives" in codes


async def test_a_panel_tells_balance_leavers_and_who_is_missing_as_of_an_instant(client: httpx.AsyncClient) -> None:
    asked = await study(client, assignment="rollout")
    silent = (await make(client, "people", 99))["id"]
    await offered(client, asked.initiative, [silent])
    asked_for = {"initiative_id": asked.initiative}

    found = (await client.get(f"/v1/outcomes/{asked.outcome}/panel", params=asked_for)).json()
    estimated = await estimate(client, asked.about)
    instant = estimated["recorded_at"]
    audience = (await client.get("/v1/audiences", params={"initiative_id": asked.initiative})).json()["items"]
    for each in audience:
        await client.delete(f"/v1/audiences/{each['id']}/members/{asked.operators[0]}")
    now = (await client.get(f"/v1/outcomes/{asked.outcome}/panel", params=asked_for)).json()
    then = (await client.get(f"/v1/outcomes/{asked.outcome}/panel", params=asked_for | {"as_of": instant})).json()
    nothing = await client.get(f"/v1/outcomes/{asked.outcome}/panel", params={"initiative_id": "ini_x"})

    assert (found["unit"], found["units"], found["exposed_units"], found["unmeasured"]) == ("person", 16, 7, 1)
    assert [row["variable"] for row in found["balance"]] == ["outcome"]
    codes = [each["code"] for each in found["diagnostics"]]
    assert codes == ["composition", "missing_outcome", "attrition", "retention", "raw_means"]
    assert found["data_sha256"] == estimated["panel"]["data_sha256"]
    assert (now["exposed_units"], then["exposed_units"]) == (6, 7)
    assert then["data_sha256"] == found["data_sha256"]
    assert nothing.status_code == 404


async def test_means_of_fewer_than_ten_people_are_not_shown(client: httpx.AsyncClient) -> None:
    asked = await study(client)

    made = await estimate(client, asked.about)

    for result in made["results"]:
        [told] = [each for each in result["diagnostics"] if each["code"] == "raw_means"]
        assert {each["units"]: set(each["means"]) for each in told["values"]["cohorts"]} == {7: {None}, 9: {None}}
    [study_of_cohorts] = [each for each in made["results"] if each["estimator"] == "callaway_santanna"]
    [cells] = [each for each in study_of_cohorts["aggregations"] if each["kind"] == "cohort_period"]
    assert {row["value"] for row in cells["rows"]} == {None}
    assert {row["suppressed"] for row in cells["rows"]} == {"fewer than 10 people"}


async def test_where_people_come_by_themselves_enrolment_is_exposure(client: httpx.AsyncClient) -> None:
    asked = await study(client)
    source = await make(client, "sources")
    activity = await make(client, "activities", initiative_id=asked.initiative)
    await make(client, "activity-references", activity_id=activity["id"], source_id=source["id"])
    nobody = await client.post("/v1/effect-estimates", json=asked.about | {"options": {"exposure": "enrolled"}})

    items = [{"issuer": source["id"], "kind": "account", "value": str(n)} for n in range(6)]
    for person, identity in zip(asked.operators, items, strict=False):
        assert (await client.post(f"/v1/people/{person}/identities", json=identity)).is_success
    for n in range(6):
        await complete(client, source, 0, n, at="2026-07-02 09:00:00", course_id="course-000")
    made = await estimate(client, asked.about, options={"exposure": "enrolled"})

    assert nobody.json()["errors"][0] == {
        "code": "no_audience",
        "detail": "Nobody measured has enrolled in an activity of the initiative.",
    }
    assert made["panel"]["exposed_units"] == 6
    assert made["results"][0]["value"] is not None
