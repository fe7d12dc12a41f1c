"""Impact statements: what the grade allows to be said of money, and that the same facts give the same bytes."""

from typing import Any

import httpx
import pytest

from app.db import Database
from app.services import jobs
from app.work import restatements
from app.worker import Worker
from tests.api.impact.facts import Study, locked_plan, measure, study
from tests.builders import Body, make
from tests.engines import Organisation, work_off

STATED = ("effect", "statement", "usage", "stakes", "observed", "with_assumption", "caveats", "provenance", "sha256")


async def priced(client: httpx.AsyncClient, *, assignment: str, plan: bool = False, **asked: Any) -> tuple[Study, Body]:
    """Make a study with cost and unit value, and estimate its effect."""
    found = await study(client, assignment=assignment)
    await make(client, "unit-values", kpi_id=found.kpi, value={"amount": "310", "currency": "EUR"})
    for amount in ("1000.50", "499.50"):
        await make(client, "cost-items", initiative_id=found.initiative, cost={"amount": amount, "currency": "EUR"})
    about = found.about
    if plan:
        kpi = (await make(client, "kpis", 5))["id"]
        about |= {"outcome_id": (await make(client, "outcomes", 5, kpi_id=kpi))["id"]}
        await make(client, "unit-values", 5, kpi_id=kpi)
        await locked_plan(client, about)
        await measure(client, kpi, found.operators, effect=-1.5, quarters=range(4))
    answer = await client.post("/v1/effect-estimates", json=about | {"estimators": ["did_2x2"]} | asked)
    assert answer.status_code == 201, answer.text
    return found, answer.json()


async def stated(client: httpx.AsyncClient, estimate: Body, **asked: Any) -> Body:
    answer = await client.post("/v1/impact-statements", json={"effect_estimate_id": estimate["id"]} | asked)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def test_strong_evidence_makes_a_headline_with_its_uncertainty(client: httpx.AsyncClient) -> None:
    found, estimate = await priced(client, assignment="random")

    statement = await stated(client, estimate, hurdle=0.1, assumed_periods=2)

    effect = estimate["results"][0]
    benefit = -effect["value"] * effect["sample"]["units_treated"] * 2 * 310
    assert (effect["grade"], statement["usage"]) == (4, "headline")
    assert statement["cost"] == {"amount": "1500.00", "currency": "EUR"}
    assert statement["stakes"]["periods"] == 2
    assert float(statement["observed"]["benefit"]["amount"]) == pytest.approx(benefit, abs=0.005)
    assert statement["observed"]["roi"] == pytest.approx((benefit / 1500 - 1) * 100)
    assert (statement["observed"]["units"]["roi"], statement["observed"]["units"]["bcr"]) == ("percent", "times")
    low, high = statement["observed"]["roi_spread"]["interval_95"]
    assert low < statement["observed"]["roi"] < high
    assert 0.5 < statement["observed"]["probability_hurdle"] <= statement["observed"]["probability_positive"] <= 1
    assert statement["with_assumption"]["roi"] > statement["observed"]["roi"]
    assert any("assumed, not shown" in said for said in statement["caveats"])
    assert "The unit value is not approved." in statement["caveats"]
    assert statement["break_even_share"] > 0
    assert statement["provenance"]["data_sha256"] == estimate["panel"]["data_sha256"]
    assert statement["initiative_id"] == found.initiative
    assert (await client.get(f"/v1/impact-statements/{statement['id']}")).json() == statement


async def test_weak_evidence_is_indicative_and_a_description_has_no_return(client: httpx.AsyncClient) -> None:
    _, planned = await priced(client, assignment="voluntary", plan=True)
    _, unplanned = await priced(client, assignment="voluntary")

    indicative, refused = await stated(client, planned), await stated(client, unplanned)

    assert (indicative["effect"]["grade"], indicative["usage"]) == (2, "indicative")
    assert "Indicative only" in indicative["statement"]
    assert indicative["plan_id"] == planned["plan"]["plan"]["id"]
    assert (refused["effect"]["grade"], refused["usage"]) == (1, "refused")
    assert (refused["observed"], refused["with_assumption"]) == (None, None)
    assert "No return is stated" in refused["statement"]


async def test_the_same_facts_give_the_same_bytes_whatever_is_recorded_later(client: httpx.AsyncClient) -> None:
    found, estimate = await priced(client, assignment="random")
    first, second = [await stated(client, estimate, seed=5) for _ in range(2)]
    await measure(client, found.kpi, found.operators, effect=9, quarters=range(4), n=2)
    await make(client, "cost-items", initiative_id=found.initiative)

    again = (await client.get(f"/v1/impact-statements/{first['id']}/recomputation")).json()
    later = await stated(client, estimate, seed=5)
    other = await stated(client, estimate, seed=6)

    assert {name: first[name] for name in STATED} == {name: second[name] for name in STATED}
    assert again == {
        "equal": True,
        "sha256": first["sha256"],
        "stated_sha256": first["sha256"],
        "changed": ["facts", "costs"],
    }
    assert (later["effect"], later["cost"]) == (first["effect"], {"amount": "2734.50", "currency": "EUR"})
    assert other["observed"]["roi_spread"] != later["observed"]["roi_spread"]


async def test_ranges_of_value_and_cost_widen_the_return(client: httpx.AsyncClient) -> None:
    _, estimate = await priced(client, assignment="random")
    ranges = {
        "unit_value_range": {"low": "200", "mode": "310", "high": "420"},
        "cost_range": {"low": "1200", "high": "1900"},
    }

    exact, ranged = await stated(client, estimate), await stated(client, estimate, **ranges)

    widths = [
        each["observed"]["roi_spread"]["interval_95"][1] - each["observed"]["roi_spread"]["interval_95"][0]
        for each in (exact, ranged)
    ]
    assert widths[0] < widths[1]


async def test_what_cannot_be_valued_is_refused(client: httpx.AsyncClient, rival: Organisation) -> None:
    found = await study(client)
    estimate = (await client.post("/v1/effect-estimates", json=found.about)).json()
    described = (await client.post("/v1/effect-estimates", json=found.about | {"estimators": ["before_after"]})).json()
    theirs = (await rival.client.post("/v1/effect-estimates", json=(await study(rival.client)).about)).json()

    async def refused(row: Body, **asked: Any) -> tuple[str, str]:
        answer = await client.post("/v1/impact-statements", json={"effect_estimate_id": row["id"]} | asked)
        assert answer.status_code == 422, answer.text
        return answer.json()["code"], answer.json()["errors"][0]["code"]

    assert await refused(theirs) == ("invalid_request", "unknown_reference")
    assert await refused(described) == ("not_evaluable", "nothing_accepted")
    assert await refused(estimate) == ("not_evaluable", "no_unit_value")
    await make(client, "unit-values", kpi_id=found.kpi)
    assert await refused(estimate) == ("not_evaluable", "costs_missing")
    await make(client, "cost-items", initiative_id=found.initiative, cost={"amount": "1", "currency": "USD"})
    assert await refused(estimate) == ("not_evaluable", "mixed_currencies")
    assert (await refused(estimate, draws=5))[0] == "invalid_request"
    assert (await refused(estimate, cost_range={"low": "5", "high": "1"}))[0] == "invalid_request"


async def test_a_statement_is_issued_once_its_effect_was_accepted_as_it_was_valued(client: httpx.AsyncClient) -> None:
    _, estimate = await priced(client, assignment="random")
    early = await stated(client, estimate)

    refused = await client.post(f"/v1/impact-statements/{early['id']}/issue")
    accepted = await client.post(f"/v1/effect-estimates/{estimate['id']}/accept", json={"note": "Plant council"})
    outdated = await client.post(f"/v1/impact-statements/{early['id']}/issue")
    late = await stated(client, estimate)
    issued = await client.post(f"/v1/impact-statements/{late['id']}/issue")
    again = await client.post(f"/v1/impact-statements/{late['id']}/issue")

    assert (early["status"], early["claim"], early["issued_at"]) == ("draft", None, None)
    assert (refused.status_code, refused.json()["code"]) == (409, "not_ready")
    assert (outdated.status_code, outdated.json()["code"]) == (409, "outdated")
    assert late["claim"] == accepted.json()["decision"]["claim"]
    assert issued.json()["status"] == "issued"
    assert again.json() == issued.json()


async def issued_statement(client: httpx.AsyncClient) -> tuple[Study, Body]:
    found, estimate = await priced(client, assignment="random")
    assert (await client.post(f"/v1/effect-estimates/{estimate['id']}/accept", json={})).is_success
    statement = await stated(client, estimate)
    answer = await client.post(f"/v1/impact-statements/{statement['id']}/issue")
    assert answer.is_success, answer.text
    return found, answer.json()


async def test_a_late_fact_restates_an_issued_statement_and_both_are_kept(client: httpx.AsyncClient) -> None:
    found, first = await issued_statement(client)
    unchanged = await client.post(f"/v1/impact-statements/{first['id']}/restate", json={})
    await measure(client, found.kpi, found.operators[:1], effect=-9, quarters=[3])

    told = (await client.get(f"/v1/impact-statements/{first['id']}/recomputation")).json()
    answer = await client.post(f"/v1/impact-statements/{first['id']}/restate", json={"reason": "Week 31 corrected."})
    former = (await client.get(f"/v1/impact-statements/{first['id']}")).json()
    estimates = (await client.get("/v1/effect-estimates")).json()["items"]

    assert (unchanged.status_code, unchanged.json()["code"]) == (409, "conflict")
    assert (told["equal"], told["changed"]) == (True, ["facts"])
    second = answer.json()
    assert (answer.status_code, second["status"]) == (201, "issued")
    assert second["restatement"] == {
        "restates": first["id"],
        "restated_by": None,
        "reason": "Week 31 corrected.",
        "failed": None,
    }
    assert (former["status"], former["restatement"]["restated_by"]) == ("restated", second["id"])
    assert former["observed"] == first["observed"] != second["observed"]
    assert {each["status"] for each in estimates} == {"accepted", "expired"}


async def restated(database: Database, organisation: Organisation) -> None:
    async with database.transaction(organisation.scope) as session:
        await jobs.enqueue(session, restatements.KIND.name, {})
    await work_off(Worker(database, [restatements.KIND]))


async def test_the_worker_restates_what_late_facts_have_changed_and_says_where_it_cannot(
    acme: Organisation, database: Database
) -> None:
    client = acme.client
    found, first = await issued_statement(client)
    await make(client, "cost-items", initiative_id=found.initiative, cost={"amount": "500", "currency": "EUR"})

    await restated(database, acme)
    former = (await client.get(f"/v1/impact-statements/{first['id']}")).json()
    second = (await client.get(f"/v1/impact-statements/{former['restatement']['restated_by']}")).json()
    dollars = {"amount": "1", "currency": "USD"}
    await make(client, "cost-items", initiative_id=found.initiative, cost=dollars)
    await restated(database, acme)
    stuck = (await client.get(f"/v1/impact-statements/{second['id']}")).json()

    assert (former["status"], second["status"]) == ("restated", "issued")
    assert second["cost"] == {"amount": "2000.00", "currency": "EUR"}
    assert second["restatement"]["reason"] == "Changed since it was stated: costs."
    assert (stuck["status"], stuck["restatement"]["failed"]) == (
        "issued",
        "The initiative needs cost items, all of them in EUR.",
    )
