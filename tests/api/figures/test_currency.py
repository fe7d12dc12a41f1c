"""Validity, delivery, scores, habits and policies: what must be held, given, scored, done and evaluated."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import httpx

from tests.api.figures.school import School, event, numbers
from tests.api.figures.test_facts import codes
from tests.builders import make

TODAY = datetime.now(UTC).date()


def ago(days: int) -> str:
    return str(TODAY - timedelta(days=days))


def instant(day: str) -> datetime:
    return datetime.combine(date.fromisoformat(day), datetime.min.time(), UTC)


async def test_the_latest_completion_must_be_valid_for_whom_a_requirement_means(school: School) -> None:
    initiative = await school.initiative("c")
    press = (await make(school.client, "org-units", 1))["id"]
    below = (await make(school.client, "org-units", 2, parent_id=press))["id"]
    await school.hire(*numbers(8), role="operator", org_unit_id=below)
    await school.hire(*numbers(8, 20), role="fitter", org_unit_id=press)
    await school.hire(*numbers(8, 40), role="operator")
    everyone = numbers(8) + numbers(8, 20)
    await school.tell(*(event("completed", each, "c", ago(50), expires_at=instant(ago(-9))) for each in everyone))
    later = {"expires_at": instant(ago(3))}
    await school.tell(
        *(event("enrolled", each, "c", ago(41)) for each in numbers(3)),
        *(event("completed", each, "c", ago(40), **later) for each in numbers(3)),
    )
    activity = school.activities["c"]
    required = {"activity_id": activity, "role": "operator", "org_unit_id": press, "starts_on": ago(30)}
    made = await make(school.client, "requirements", **required)

    strict, graced = await school.figures(["validity_rate", "validity_rate{grace_days=7}"], initiative)
    await school.client.patch(f"/v1/requirements/{made['id']}", json={"grace_days": 7})
    declared = await school.figure("validity_rate", activity)

    assert (strict["numerator"], strict["denominator"]) == ("5", "8")
    assert (graced["numerator"], declared["numerator"], declared["denominator"]) == ("8", "8", "8")


async def test_a_completion_of_an_older_content_version_is_no_longer_current(school: School) -> None:
    initiative = await school.initiative("c")
    await school.hire(*numbers(12))
    await school.offer(initiative, numbers(12), on=ago(90))
    activity = school.activities["c"]
    reference = (await school.client.get("/v1/activity-references", params={"activity_id": activity})).json()["items"][
        0
    ]
    newer = {"activity_id": activity, "source_id": school.source["id"], "external_id_in_source": "c2"}
    await make(school.client, "activity-references", 9, content_version="2", **newer)
    await school.client.patch(f"/v1/activity-references/{reference['id']}", json={"content_version": "1"})
    await make(school.client, "content-versions", 1, activity_id=activity, label="1", published_on=ago(400))
    await make(school.client, "content-versions", 2, activity_id=activity, label="2", published_on=ago(40))
    await school.tell(
        *(event("completed", each, "c", ago(20)) for each in numbers(6)),
        *(event("completed", each, "c2", ago(20)) for each in numbers(4, 6)),
    )

    ever, current = await school.figures(["validity_rate", "validity_rate{per_content_version=true}"], initiative)

    assert (ever["numerator"], current["numerator"], current["denominator"]) == ("10", "4", "12")


async def test_delivery_is_on_time_when_learning_begins_by_the_agreed_day(school: School) -> None:
    await school.hire("p1")
    early = await school.initiative("a", starts_on=ago(20))
    await school.initiative("b", starts_on=ago(20))
    await school.initiative("c", starts_on=ago(-20))
    await school.tell(event("started", "p1", "a", ago(25)), event("started", "p1", "b", ago(3)))
    await school.client.patch(f"/v1/initiatives/{early}", json={"starts_on": ago(21)})
    tenant = (await school.client.get("/v1/tenant")).json()["id"]

    found = await school.figure("delivery_on_time_rate", tenant)

    assert (found["numerator"], found["denominator"], found["n_people"]) == ("1", "2", None)
    assert "agreed_day_moved" in codes(found)


async def test_scores_of_every_scale_are_shares_of_it(school: School) -> None:
    initiative = await school.initiative("c")
    await school.hire(*numbers(10))
    scored = {"score_scaled": Decimal("0.5"), "passed": True}
    await school.tell(*(event("passed", each, "c", "2026-02-01", **scored) for each in numbers(10)))
    recorded = {"initiative_id": initiative, "score": "30", "maximum": "40", "person_id": None}
    for n, number in enumerate(numbers(10)):
        person = f"/v1/people?external_id={number}"
        found = (await school.client.get(person)).json()["items"][0]["id"]
        await make(school.client, "assessment-scores", n, **{**recorded, "person_id": found})

    whole = await school.figure("scaled_score", initiative)
    course = await school.figure("scaled_score", school.activities["c"])

    assert (whole["value"], whole["n_people"], course["value"]) == ("0.625", 10, "0.5")


async def test_the_engagement_index_says_what_it_leaves_out_and_follows_the_tenant(school: School) -> None:
    initiative = await school.initiative("c")
    await school.hire(*numbers(6))
    weeks = ("2026-02-02", "2026-02-10", "2026-02-17")
    await school.tell(*(event("progressed", each, "c", day) for each in numbers(6) for day in weeks))

    default = await school.figure("engagement_index", initiative)
    declared = [{"component": "active_weeks", "cap": "3", "weight": "1"}]
    await school.client.patch("/v1/tenant", json={"engagement": declared})
    own = await school.figure("engagement_index", initiative)

    assert (default["value"], default["n_people"]) == ("0.541667", 6)
    assert {"not_for_impact", "missing_components"} <= set(codes(default))
    assert (own["value"], codes(own)) == ("1", ["not_for_impact"])


async def test_the_mix_of_levels_is_set_against_the_policy(client: httpx.AsyncClient) -> None:
    for n in range(4):
        await make(client, "initiatives", n, ends_on="2026-01-31")
    tenant = (await client.get("/v1/tenant")).json()["id"]
    await client.patch("/v1/tenant", json={"evaluation_policy": [{"level": 3, "rate": "0.3"}]})
    twice = {"evaluation_policy": [{"level": 3, "rate": "0.3"}, {"level": 3, "rate": "0.4"}]}
    asked = {"metric": ["level_mix", "level_mix{level=4}"], "subject": tenant}

    answer = await client.get("/v1/figures", params=asked)
    third, fourth = answer.json()["items"]

    assert (third["value"], codes(third), codes(fourth)) == ("0", ["below_policy"], [])
    assert (await client.patch("/v1/tenant", json=twice)).status_code == 422


async def test_a_forecast_is_held_against_what_was_measured(client: httpx.AsyncClient) -> None:
    outcome = await make(client, "outcomes", due_on="2026-12-31")
    told = {"outcome_id": outcome["id"], "made_on": "2026-01-01", "for_on": "2026-03-15"}
    await make(client, "forecasts", 1, **told)
    await make(client, "forecasts", 2, **{**told, "for_on": "2026-05-15"})
    period = {"period_start": "2026-03-01", "period_end": "2026-04-01"}
    await client.post("/v1/measurements", json={"kpi_id": outcome["kpi_id"], "value": "4", **period})

    answer = await client.get("/v1/figures", params={"metric": "forecast_calibration", "subject": outcome["id"]})
    [found] = answer.json()["items"]

    assert (found["value"], found["denominator"]) == ("1", "1")
    assert "actual_unknown" in codes(found)
