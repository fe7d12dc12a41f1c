"""Effect estimates from stored facts: chosen, accepted, planned, looked at again, and counted as a family."""

import httpx
import pytest

from tests.api.impact.facts import EFFECT, locked_plan, measure, measured, study
from tests.builders import Body, make
from tests.engines import Organisation


async def estimate(client: httpx.AsyncClient, about: Body, **asked: object) -> Body:
    answer = await client.post("/v1/effect-estimates", json=about | asked)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def test_without_estimators_the_design_chooses_and_one_result_is_accepted(client: httpx.AsyncClient) -> None:
    asked = await study(client, assignment="rollout")

    made = await estimate(client, asked.about)

    roles = [(result["estimator"], result["role"]) for result in made["results"]]
    assert roles == [
        ("did_2x2", "primary"),
        ("callaway_santanna", "second"),
        ("completers_vs_others", "shown"),
        ("before_after", "shown"),
    ]
    assert made["accepted"] in {"did_2x2", "callaway_santanna"}
    assert made["results"][0]["value"] == pytest.approx(EFFECT, abs=0.4)
    for result in made["results"]:
        assert {"grade", "reasons", "words", "statement"} <= result.keys()
        assert min(len(result["words"]), len(result["statement"]), len(result["reasons"])) > 0
    read = await client.get(f"/v1/effect-estimates/{made['id']}")
    assert read.json() == made


async def test_a_weaker_estimator_may_be_asked_for_and_is_labelled(client: httpx.AsyncClient) -> None:
    asked = await study(client)

    made = await estimate(client, asked.about, estimators=["first_difference", "before_after"])

    assert [result["role"] for result in made["results"]] == ["asked", "shown"]
    assert made["results"][0]["role_reason"].startswith("The design would not have chosen it")
    assert (made["accepted"], made["results"][1]["estimand"]) == ("first_difference", "descriptive")


async def test_a_plan_locked_too_late_or_not_kept_is_told_with_every_option(client: httpx.AsyncClient) -> None:
    asked = await study(client)
    plan = await locked_plan(client, asked.about, options={"level": 0.9})

    made = await estimate(client, asked.about, options={"level": 0.95, "anticipation": 1, "extras": {"season": 4}})

    assert made["plan"]["status"] == "deviated"
    assert made["plan"]["plan"] == {"id": plan["id"], "sha256": plan["sha256"]}
    assert [said.partition(":")[0] for said in made["plan"]["deviations"]] == [
        "option level",
        "option anticipation",
        "option extras",
        "the plan was locked after values of the exposed periods were known",
    ]
    assert [result["estimator"] for result in made["results"]] == ["did_2x2"]
    assert made["results"][0]["exploratory"] is True


async def test_a_plan_locked_before_the_values_were_known_is_kept_by_asking_for_it(client: httpx.AsyncClient) -> None:
    asked = await study(client)
    kpi = (await make(client, "kpis", 9))["id"]
    outcome = (await make(client, "outcomes", 9, kpi_id=kpi))["id"]
    about = asked.about | {"outcome_id": outcome}
    plan = await locked_plan(client, about, options={"transform": "none"})
    await measure(client, kpi, asked.operators, effect=EFFECT, quarters=range(4))

    made = await estimate(client, {"plan_id": plan["id"]})

    assert (made["plan"]["status"], made["plan"]["deviations"]) == ("locked", [])
    assert (made["initiative_id"], made["outcome_id"]) == (asked.initiative, outcome)
    assert made["results"][0]["exploratory"] is False
    assert made["results"][0]["provenance"]["plan_hash"] == plan["sha256"]


async def test_choosing_the_second_plan_that_was_locked_is_a_deviation(client: httpx.AsyncClient) -> None:
    asked = await study(client)
    first = await locked_plan(client, asked.about)
    second = await locked_plan(client, asked.about, estimators=["first_difference"])

    made = await estimate(client, {"plan_id": second["id"]})

    assert f"another plan was locked first: {first['id']}" in made["plan"]["deviations"]


async def test_a_plan_that_cannot_be_followed_is_refused(client: httpx.AsyncClient, rival: Organisation) -> None:
    asked, theirs = await study(client), await study(rival.client)
    draft = (await client.post("/v1/evaluation-plans", json=asked.about | {"estimators": ["did_2x2"]})).json()
    other = await locked_plan(rival.client, theirs.about)
    for plan_id in (draft["id"], other["id"]):
        refused = await client.post("/v1/effect-estimates", json=asked.about | {"plan_id": plan_id})
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/plan_id")


async def test_several_outcomes_of_one_initiative_are_a_family(client: httpx.AsyncClient) -> None:
    asked = await study(client)
    second, _ = await measured(client, asked.operators, effect=0.0, n=3)

    alone = await estimate(client, asked.about, estimators=["did_2x2"])
    both = await estimate(client, asked.about | {"outcome_id": second}, estimators=["did_2x2"])
    rates = {"family": "benjamini_hochberg"}
    third = await estimate(client, asked.about | {"outcome_id": second}, estimators=["did_2x2"], options=rates)

    p_first, p_second = alone["results"][0]["p_value"], both["results"][0]["p_value"]
    assert (alone["family"]["outcomes"], alone["family"]["adjusted_p_value"]) == (1, p_first)
    assert [member["outcome_id"] for member in both["family"]["members"]] == [second, asked.outcome]
    assert p_first < p_second
    assert both["family"]["members"][1]["adjusted_p_value"] == pytest.approx(2 * p_first)
    assert both["family"]["adjusted_p_value"] == pytest.approx(max(2 * p_first, p_second))
    assert (third["family"]["method"], third["family"]["outcomes"]) == ("benjamini_hochberg", 2)


async def test_refreshing_on_new_data_is_another_look_and_on_the_same_is_none(client: httpx.AsyncClient) -> None:
    asked = await study(client)
    planned = {"estimators": ["did_2x2"], "options": {"planned_looks": 2}}

    first = await estimate(client, asked.about, **planned)
    same = await estimate(client, asked.about, **planned)
    await measure(client, asked.kpi, asked.operators[:1], effect=0.0, quarters=range(4), n=1)
    second = await estimate(client, asked.about, **planned)

    looks = [each["results"][0]["provenance"]["look"] for each in (first, same, second)]
    assert looks == [1, 1, 2]
    [told] = [each for each in second["results"][0]["diagnostics"] if each["code"] == "looks"]
    assert "O'Brien-Fleming" in told["detail"]
    assert second["results"][0]["interval"]["method"] == "obrien_fleming"
    assert second["results"][0]["p_value"] > told["values"]["single_look"]["p_value"]


async def test_a_look_that_nobody_planned_is_not_tested_unless_its_interval_always_holds(
    client: httpx.AsyncClient,
) -> None:
    asked = await study(client)
    await estimate(client, asked.about, estimators=["did_2x2"])
    await measure(client, asked.kpi, asked.operators[:1], effect=0.0, quarters=range(4), n=1)

    spent = await estimate(client, asked.about, estimators=["did_2x2"])
    steady = {"look_method": "always_valid", "planned_units": 60}
    valid = await estimate(client, asked.about, estimators=["did_2x2"], options=steady)

    [result] = spent["results"]
    assert (result["p_value"], result["interval"]) == (None, None)
    assert "Look 2 of 1 planned" in result["p_value_reason"]
    assert result["value"] is not None
    assert valid["results"][0]["interval"]["method"] == "always_valid"
    assert valid["results"][0]["p_value"] > 0


async def test_the_primary_outcome_of_a_locked_plan_stands_outside_of_the_family(client: httpx.AsyncClient) -> None:
    asked = await study(client)
    first = (await make(client, "kpis", 7))["id"]
    about = asked.about | {"outcome_id": (await make(client, "outcomes", 7, kpi_id=first))["id"]}
    await locked_plan(client, about)
    await measure(client, first, asked.operators, effect=-1, quarters=range(4))
    untestable, _ = await measured(client, asked.operators[:7] + asked.operators[-1:], effect=0, n=4)
    await estimate(client, asked.about | {"outcome_id": untestable}, estimators=["did_2x2"])
    await estimate(client, asked.about, estimators=["did_2x2"])

    made = await estimate(client, about)

    family = made["family"]
    own = next(member for member in family["members"] if member["primary"])
    other = next(member for member in family["members"] if not member["primary"])
    assert (family["outcomes"], family["asked"], family["estimates"]) == (2, 3, 3)
    assert own["outcome_id"] == about["outcome_id"]
    assert own["adjusted_p_value"] == own["p_value"] == family["adjusted_p_value"]
    assert other["adjusted_p_value"] == pytest.approx(min(1, 2 * other["p_value"]))


async def test_facts_that_allow_no_estimate_are_refused_without_a_number(client: httpx.AsyncClient) -> None:
    outcome = await make(client, "outcomes")
    initiative = await make(client, "initiatives")
    about = {"initiative_id": initiative["id"], "outcome_id": outcome["id"]}

    nobody = await client.post("/v1/effect-estimates", json=about)

    assert (nobody.status_code, nobody.json()["code"]) == (422, "not_evaluable")
    assert nobody.json()["errors"][0]["code"] == "no_units"
    assert (await client.get("/v1/effect-estimates")).json()["items"] == []


WRONG = [
    ({"estimators": ["magic"]}, "/estimators/0"),
    ({"estimators": ["did_2x2", "did_2x2"]}, ""),
    ({"options": {"periods": ["1066-01-01"]}}, "/options/periods"),
    ({"options": {"covariates": ["age"]}, "estimators": ["dr_did"]}, "/options/covariates"),
    ({"options": {"standard_error": "none"}}, "/options/standard_error"),
    ({"options": {"level": 1}}, "/options/level"),
    ({"options": {"draws": 10}}, "/options/draws"),
    ({"options": {"extras": {"colour": 1}}}, "/options/extras/colour"),
    ({"panel_id": "pan_01h455vb4pex5vsknk084sn02q"}, "/panel_id"),
    ({"outcome_id": None}, ""),
    ({"grade": 5}, "/grade"),
]


async def test_what_cannot_be_asked_is_refused_where_it_stands(client: httpx.AsyncClient) -> None:
    about = (await study(client)).about

    for asked, pointer in WRONG:
        refused = await client.post("/v1/effect-estimates", json=about | asked)

        assert (refused.status_code, refused.json()["code"]) == (422, "invalid_request"), refused.text
        assert [fault["pointer"] for fault in refused.json()["errors"]] == [pointer]


async def test_a_question_about_nothing_is_refused(client: httpx.AsyncClient) -> None:
    refused = await client.post("/v1/effect-estimates", json={})

    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_request")
    assert "panel_id" in refused.json()["errors"][0]["detail"]
