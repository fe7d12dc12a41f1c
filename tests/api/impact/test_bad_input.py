"""Data that can carry no effect: a clear refusal, or a capped grade with its reason; never a number without grade."""

from typing import Any

import httpx

from tests.api.impact.facts import EXPOSED, QUARTERS, measure, study
from tests.api.test_panels import DESCRIBED, START, UNITS, changed, estimated, posted, rows
from tests.builders import Body, make

NEVER_KEPT = [
    ("exposure after the outcome", rows(start=7), "none_treated", "/rows"),
    ("a constant outcome", [row | {"errors": 1} for row in rows()], "constant_outcome", "/rows"),
    ("a unit and period twice", changed(1, month=1), "duplicate_unit_period", "/rows/1/team"),
    ("text for a number", changed(3, errors="NaN"), "not_a_number", "/rows/3/errors"),
]
NOT_EVALUABLE = [
    ("one unit", rows(1, 1), "did_2x2", "one_unit"),
    ("all treated", rows(exposed=UNITS), "did_2x2", "all_treated"),
    ("all treated at random", rows(exposed=UNITS), "ancova", "all_treated"),
    ("a series of a panel too short", rows(exposed=UNITS), "its_reml", None),
    (
        "two starts in one series",
        [row | {"since": 4 + row["size"] % 2} for row in rows()],
        "its_reml",
        "several_starts",
    ),
]


async def test_a_panel_that_can_carry_no_effect_is_refused_where_it_stands(client: httpx.AsyncClient) -> None:
    for what, table, code, pointer in NEVER_KEPT:
        refused = await client.post("/v1/panels", json=DESCRIBED | {"rows": table})

        fault = refused.json()["errors"][0]
        assert (refused.status_code, fault["code"], fault["pointer"]) == (422, code, pointer), what
    nan = await client.post(
        "/v1/panels", content='{"outcome": "y", "rows": [{"y": NaN}]}', headers={"Content-Type": "application/json"}
    )
    assert (nan.status_code, nan.json()["code"]) == (400, "invalid_json")
    assert (await client.get("/v1/panels")).json()["items"] == []


async def test_data_that_an_estimator_cannot_serve_are_refused_with_the_reason(client: httpx.AsyncClient) -> None:
    for what, table, slug, code in NOT_EVALUABLE:
        refused = await estimated(client, await posted(client, table), slug)

        assert (refused.status_code, refused.json()["code"]) == (422, "not_evaluable"), (what, refused.text)
        fault = refused.json()["errors"][0]
        assert fault["pointer"] == "/panel_id"
        assert code in {None, fault["code"]}, what
    assert (await client.get("/v1/effect-estimates")).json()["items"] == []


async def test_three_of_six_clusters_give_an_estimate_that_cannot_be_tested(client: httpx.AsyncClient) -> None:
    table = [row | {"since": START if row["floor"] < 3 else None} for row in rows()]
    panel = await posted(client, table, cluster="floor", assignment="rollout")

    answer = (await estimated(client, panel, "did_2x2")).json()

    [result] = answer["results"]
    assert result["value"] is not None
    assert result["p_value"] is None
    assert result["p_value_reason"]
    assert (result["sample"]["clusters_treated"], result["sample"]["clusters_control"]) == (3, 3)
    assert result["grade"] <= 2


async def test_completion_as_exposure_is_no_evidence_of_an_effect(client: httpx.AsyncClient) -> None:
    panel = await posted(client, rows(), exposure_basis="completed", assignment="random")

    [result] = (await estimated(client, panel, "did_2x2")).json()["results"]

    assert (result["grade"], result["words"]) == (1, "changed / differed")
    assert "exposure_is_completion" in {reason["code"] for reason in result["reasons"]}


async def refused_facts(client: httpx.AsyncClient, about: Body, **asked: Any) -> tuple[int, str, str]:
    answer = await client.post("/v1/effect-estimates", json=about | asked)
    told = answer.json()
    return answer.status_code, told["code"], told["errors"][0]["code"]


async def test_stored_facts_that_can_carry_no_effect_are_refused_with_the_reason(client: httpx.AsyncClient) -> None:
    asked = await study(client)
    late = await make(client, "initiatives", 7)
    audience = await make(client, "audiences", initiative_id=late["id"])
    members = [{"person_id": each, "offered_on": QUARTERS[4]} for each in asked.operators[:EXPOSED]]
    await client.post(f"/v1/audiences/{audience['id']}/members", json={"items": members})
    everybody = await make(client, "initiatives", 8)
    audience = await make(client, "audiences", initiative_id=everybody["id"])
    members = [{"person_id": each, "offered_on": QUARTERS[2]} for each in asked.operators]
    await client.post(f"/v1/audiences/{audience['id']}/members", json={"items": members})
    flat = (await make(client, "kpis", 9))["id"]
    constant = await make(client, "outcomes", 9, kpi_id=flat)
    alone = (await make(client, "kpis", 10))["id"]
    single = await make(client, "outcomes", 10, kpi_id=alone)
    await measure(client, alone, asked.operators[:1], effect=0.0, quarters=range(4))
    items = [
        {
            "kpi_id": flat,
            "subject_kind": "person",
            "subject_id": each,
            "period_start": QUARTERS[at],
            "period_end": QUARTERS[at + 1],
            "value": "3",
        }
        for each in asked.operators
        for at in range(4)
    ]
    assert (await client.post("/v1/measurements/batch", json={"items": items})).json()["refused"] == 0
    changes = {"estimators": ["did_2x2"]}

    found = {
        "exposure after the outcome": await refused_facts(
            client, asked.about | {"initiative_id": late["id"]}, **changes
        ),
        "all treated": await refused_facts(client, asked.about | {"initiative_id": everybody["id"]}, **changes),
        "a constant outcome": await refused_facts(client, asked.about | {"outcome_id": constant["id"]}, **changes),
        "one unit": await refused_facts(client, asked.about | {"outcome_id": single["id"]}, **changes),
        "completion as exposure": await refused_facts(client, asked.about, options={"exposure": "completed"}),
    }

    assert found == {
        "exposure after the outcome": (422, "not_evaluable", "none_treated"),
        "all treated": (422, "not_evaluable", "all_treated"),
        "a constant outcome": (422, "not_evaluable", "constant_outcome"),
        "one unit": (422, "not_evaluable", "one_unit"),
        "completion as exposure": (422, "invalid_request", "enum"),
    }
    assert (await client.get("/v1/effect-estimates")).json()["items"] == []


async def test_a_value_measured_twice_is_a_restatement_and_not_a_second_row(client: httpx.AsyncClient) -> None:
    asked = await study(client)
    about = {"initiative_id": asked.initiative}
    before = (await client.get(f"/v1/outcomes/{asked.outcome}/panel", params=about)).json()
    nan = {"kpi_id": asked.kpi, "period_start": QUARTERS[0], "period_end": QUARTERS[1], "value": "NaN"}

    await measure(client, asked.kpi, asked.operators, effect=0.0, quarters=range(4), n=1)
    refused = await client.post("/v1/measurements", json=nan)

    after = (await client.get(f"/v1/outcomes/{asked.outcome}/panel", params=about)).json()
    assert refused.status_code == 422
    assert after["observations"] == before["observations"]
    assert after["data_sha256"] != before["data_sha256"]


async def test_no_number_comes_without_its_grade_and_the_reasons_for_it(client: httpx.AsyncClient) -> None:
    asked = await study(client)

    answer = (await client.post("/v1/effect-estimates", json=asked.about)).json()

    for result in answer["results"]:
        assert result["grade"] in range(6)
        assert result["reasons"]
        assert result["words"]
        assert [each["scale"] for each in result["scales"]] == ["maryland_sms", "nesta", "wwc"]
    refused = await client.post("/v1/effect-estimates", json=asked.about | {"grade": 5})
    assert refused.json()["errors"][0]["pointer"] == "/grade"
