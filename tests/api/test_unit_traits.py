"""Covariates and take-up from stored facts: what was known of units before the offer, and who took part in it."""

from datetime import date

import httpx
import pytest

from tests.api.impact.facts import QUARTERS, Study, locked_plan, measure, study
from tests.api.test_fact_panels import measured_units, offered
from tests.builders import Body, complete, make

ROLES = ("welder", "fitter", "fitter")


async def results_of(client: httpx.AsyncClient, about: Body, *slugs: str, **options: object) -> dict[str, Body]:
    asked = about | {"estimators": list(slugs), "options": options}
    answer = await client.post("/v1/effect-estimates", json=asked)
    assert answer.status_code == 201, answer.text
    return {result["estimator"]: result for result in answer.json()["results"]}


def values(result: Body, code: str) -> Body:
    [found] = [each["values"] for each in result["diagnostics"] if each["code"] == code]
    return found


async def took_part(client: httpx.AsyncClient, asked: Study, people: int) -> None:
    """Have the first people who were offered an initiative complete an activity of it."""
    source = await make(client, "sources")
    activity = await make(client, "activities", initiative_id=asked.initiative)
    await make(client, "activity-references", activity_id=activity["id"], source_id=source["id"])
    for n, person in enumerate(asked.operators[:people]):
        identity = {"issuer": source["id"], "kind": "account", "value": str(n)}
        assert (await client.post(f"/v1/people/{person}/identities", json=identity)).is_success
        await complete(client, source, 0, n, at="2026-07-02 09:00:00", course_id="course-000")


async def test_an_offer_by_chance_that_not_all_take_up_has_its_effect_on_compliers_beside_it(
    client: httpx.AsyncClient,
) -> None:
    asked = await study(client, assignment="random")
    without = await results_of(client, asked.about)
    await took_part(client, asked, 6)

    answer = (await client.post("/v1/effect-estimates", json=asked.about)).json()
    found = {result["estimator"]: result for result in answer["results"]}
    completed = await results_of(client, asked.about, "cace", take_up="completed")
    alone = await client.post("/v1/effect-estimates", json=asked.about | {"estimators": ["cace"]})

    assert alone.json()["accepted"] is None
    assert "cace" not in without
    assert answer["accepted"] in {"ancova", "did_2x2"}
    assert answer["request"]["options"]["take_up"] == "enrolled"
    offer, compliers = found["ancova"], found["cace"]
    assert (compliers["role"], compliers["estimand"], offer["estimand"]) == ("second", "cace", "itt")
    stage = values(compliers, "first_stage")
    assert (stage["take_up_offered"], stage["take_up_others"]) == (pytest.approx(6 / 7), 0.0)
    assert stage["f"] > 10
    assert compliers["value"] == pytest.approx(offer["value"] / stage["difference"])
    assert compliers["standard_error"]["value"] > offer["standard_error"]["value"]
    [(low, high)] = values(compliers, "anderson_rubin")["sets"]
    assert low < compliers["value"] < high
    assert [each["estimator"] for each in values(offer, "specification_spread")["estimates"]] == ["ancova", "did_2x2"]
    assert [each["scale"] for each in compliers["scales"]] == ["maryland_sms", "nesta", "wwc"]
    assert completed["cace"]["role"] == "second"
    assert completed["cace"]["value"] == pytest.approx(compliers["value"])


async def test_a_plan_that_leaves_take_up_to_the_facts_is_kept_when_its_estimate_is_asked_for_again(
    client: httpx.AsyncClient,
) -> None:
    asked = await study(client, assignment="random")
    kpi = (await make(client, "kpis", 9))["id"]
    about = asked.about | {"outcome_id": (await make(client, "outcomes", 9, kpi_id=kpi))["id"]}
    await locked_plan(client, about, estimators=["ancova", "cace"], options={"transform": "none"})
    await measure(client, kpi, asked.operators, effect=-1.5, quarters=range(4))
    await took_part(client, asked, 6)

    first = (await client.post("/v1/effect-estimates", json=about)).json()
    again = (await client.post("/v1/effect-estimates", json=about | {"options": first["request"]["options"]})).json()

    assert [each["plan"]["deviations"] for each in (first, again)] == [[], []]
    assert [each["estimator"] for each in first["results"]] == ["ancova", "cace"]
    assert again["results"][0]["exploratory"] is False


async def test_an_offer_that_hardly_changes_who_takes_part_tests_nothing(client: httpx.AsyncClient) -> None:
    asked = await study(client, assignment="lottery")
    await took_part(client, asked, 1)

    weak = (await results_of(client, asked.about))["cace"]

    assert values(weak, "first_stage")["f"] < 10
    assert (weak["interval"], weak["p_value"]) == (None, None)
    assert "hardly changed who took part" in weak["p_value_reason"]
    assert values(weak, "anderson_rubin")["sets"]
    assert weak["grade"] <= 2


async def test_covariates_of_people_enter_as_they_stood_on_the_day_of_the_first_offer(
    client: httpx.AsyncClient,
) -> None:
    asked = await study(client)
    for n, person in enumerate(asked.operators):
        known = {"role": ROLES[n % 3], "joined_on": f"20{10 + n % 7}-03-0{1 + n % 5}"}
        assert (await client.patch(f"/v1/people/{person}", json=known)).is_success
    covariates = ["outcome_before", "role", "tenure_years"]
    listed = (await client.get("/v1/measurements", params={"kpi_id": asked.kpi, "limit": 200})).json()["items"]
    rows = [
        {
            "person": row["subject_id"],
            "quarter": row["period_start"],
            "scrap": row["value"],
            "since": "2026-07-01" if asked.operators.index(row["subject_id"]) < 7 else None,
            "welder": float(asked.operators.index(row["subject_id"]) % 3 == 0),
            "tenure": tenure(asked.operators.index(row["subject_id"])),
        }
        for row in listed
    ]
    described = {"unit": "person", "period": "quarter", "outcome": "scrap", "first_exposed": "since"}
    brought = {"covariates": ["welder", "tenure"], "rows": rows}
    panel = (await client.post("/v1/panels", json=described | brought)).json()

    stored = await results_of(client, asked.about, "ancova", covariates=covariates)
    posted = await results_of(client, {"panel_id": panel["id"]}, "ancova", covariates=brought["covariates"])
    asked_for = {"initiative_id": asked.initiative, "covariates": covariates}
    preview = (await client.get(f"/v1/outcomes/{asked.outcome}/panel", params=asked_for)).json()

    ours, theirs = stored["ancova"], posted["ancova"]
    names = [row["name"] for row in ours["coefficients"]]
    assert {"outcome_before", "role=welder", "tenure_years"} <= set(names)
    assert ours["value"] == pytest.approx(theirs["value"], rel=1e-9)
    assert ours["standard_error"]["value"] == pytest.approx(theirs["standard_error"]["value"], rel=1e-9)
    assert [row["variable"] for row in preview["balance"]] == [
        "outcome",
        *covariates[:1],
        "role=welder",
        "tenure_years",
    ]
    assert preview["incomplete"] == 0


def tenure(n: int) -> float:
    return (date(2026, 7, 1) - date(2010 + n % 7, 3, 1 + n % 5)).days / 365.25


async def test_people_of_whom_a_covariate_is_not_known_are_left_out_and_counted(client: httpx.AsyncClient) -> None:
    asked = await study(client)
    for n, person in enumerate(asked.operators[1:]):
        assert (await client.patch(f"/v1/people/{person}", json={"role": ROLES[n % 3]})).is_success

    answer = await client.post("/v1/effect-estimates", json=asked.about | {"options": {"covariates": ["role"]}})

    panel = answer.json()["panel"]
    assert (panel["incomplete"], panel["units"], panel["exposed_units"]) == (1, 15, 6)


WRONG = [
    ({"covariates": ["shoe_size"]}, "unknown_covariate", "/options/covariates"),
    ({"covariates": [f"outcome:{QUARTERS[3]}"]}, "no_past", "/options/covariates"),
    ({"covariates": ["outcome:yesterday"]}, "no_past", "/options/covariates"),
    ({"take_up": "liked"}, "unknown_covariate", "/options/take_up"),
]


async def test_what_is_not_known_before_the_offer_is_no_covariate(client: httpx.AsyncClient) -> None:
    asked = await study(client)

    for options, code, pointer in WRONG:
        refused = await client.post("/v1/effect-estimates", json=asked.about | {"options": options})

        fault = refused.json()["errors"][0]
        assert (refused.status_code, fault["code"], fault["pointer"]) == (422, code, pointer), refused.text


async def test_org_units_have_their_kind_their_size_and_their_past_and_take_no_part(client: httpx.AsyncClient) -> None:
    kinds = [{"external_id": f"team-{n}", "name": f"Team {n}", "kind": ("day", "night")[n % 2]} for n in range(14)]
    units = [(await client.post("/v1/org-units", json=each)).json()["id"] for each in kinds]
    items = [
        {"external_id": f"p{n}-{m}", "name": "Operator", "org_unit_id": unit, "joined_on": "2025-01-01"}
        for n, unit in enumerate(units)
        for m in range(1 + n % 3)
    ]
    people = [each["id"] for each in (await client.post("/v1/people/batch", json={"items": items})).json()["items"]]
    kpi = await measured_units(client, units, set(units[:6]))
    initiative, outcome = (
        await make(client, "initiatives", assignment="random"),
        await make(client, "outcomes", kpi_id=kpi),
    )
    inside = [person for person, item in zip(people, items, strict=True) if item["org_unit_id"] in units[:6]]
    await offered(client, initiative["id"], inside)
    about = {"initiative_id": initiative["id"], "outcome_id": outcome["id"]}
    covariates = ["org_unit_kind", "org_unit_size", f"outcome:{QUARTERS[1]}"]

    found = await results_of(client, about, "ancova", covariates=covariates)
    refused = await client.post("/v1/effect-estimates", json=about | {"options": {"take_up": "enrolled"}})

    names = {row["name"] for row in found["ancova"]["coefficients"]}
    assert {"org_unit_kind=night", "org_unit_size", f"outcome:{QUARTERS[1]}"} <= names
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "no_take_up")
