"""Money of accepted effects: what is let stand is valued, revenue by its margin, development by the part used."""

from decimal import Decimal
from typing import Any

import httpx

from app.services.inputs import metrics_of
from tests.api.figures.test_facts import Row, codes, figure
from tests.api.impact.facts import OFFERED_ON, Study, study
from tests.builders import Body, make

EUR = {"amount": "1000", "currency": "EUR"}


async def estimated(client: httpx.AsyncClient) -> tuple[Study, Body]:
    """A study with an estimate that nobody has decided about, costs and a unit value."""
    found = await study(client, assignment="random")
    await make(client, "alignments", 9, lag_days=14, **found.about)
    revenue = {"kind": "revenue", "margin_rate": "0.2", "value": {"amount": "500", "currency": "EUR"}}
    await make(client, "unit-values", kpi_id=found.kpi, **revenue)
    spent = {"initiative_id": found.initiative, "incurred_on": "2026-07-01"}
    await make(client, "cost-items", 1, cost=EUR, **spent)
    await make(client, "cost-items", 2, cost=EUR, category="development", used="1", lifetime="4", **spent)
    made = await client.post("/v1/effect-estimates", json=found.about | {"estimators": ["did_2x2"]})
    assert made.status_code == 201, made.text
    return found, made.json()


async def accept(client: httpx.AsyncClient, estimate: Body) -> Decimal:
    """Let it stand; return the improvement that it claims in all."""
    answer = await client.post(f"/v1/effect-estimates/{estimate['id']}/accept", json={})
    assert answer.is_success, answer.text
    return -Decimal(repr(answer.json()["decision"]["claim"]["value"]))


def near(found: dict[str, Any], value: Decimal) -> bool:
    return abs(Decimal(found["value"]) - value) < Decimal("0.001")


async def test_only_what_people_let_stand_is_worth_money(client: httpx.AsyncClient) -> None:
    found, estimate = await estimated(client)

    computed = await figure(client, "roi", found.initiative)
    effect = await accept(client, estimate)
    accepted = await figure(client, "roi", found.initiative)
    then = await figure(client, "roi", found.initiative, as_of=estimate["recorded_at"])
    await client.post(f"/v1/effect-estimates/{estimate['id']}/reject", json={"note": "A price change"})
    rejected = await figure(client, "roi", found.initiative)
    ledger = f"/v1/outcomes/{found.outcome}/attribution"
    before = await figure(client, "roi", found.initiative, as_of=accepted["as_of"])
    told = [(await client.get(ledger, params=each)).json() for each in ({"as_of": accepted["as_of"]}, {})]
    again = await accept(client, estimate)

    assert [each["status"] for each in (computed, then, rejected)] == ["no_data"] * 3
    assert (before["status"], before["value"]) == (accepted["status"], accepted["value"])
    assert [len(each["ledger"]["entries"]) for each in told] == [1, 0]
    assert again == effect
    assert near(accepted, (effect * 4 * 100 - 1250) / 1250 * 100)


async def test_each_ratio_of_money_is_what_its_parts_say(client: httpx.AsyncClient) -> None:
    found, estimate = await estimated(client)
    benefit = await accept(client, estimate) * 4 * 100
    metrics = ["annual_benefit", "net_benefit", "bcr", "roi", "payback", "cost", "cost{basis=direct}"]

    worth, net, bcr, roi, payback, cost, direct = [await figure(client, each, found.initiative) for each in metrics]

    assert near(worth, benefit)
    assert {"revenue_to_margin", "unit_value_not_approved"} <= set(codes(worth))
    assert (cost["value"], direct["value"]) == ("1250", "2000")
    assert near(net, benefit - 1250)
    assert near(bcr, benefit / 1250)
    assert near(roi, (Decimal(bcr["value"]) - 1) * 100)
    assert near(payback, 1250 / (benefit / 12))
    assert {each["basis"] for each in (net, bcr, roi, payback, cost)} == {"fully_loaded"}


async def test_money_of_a_year_says_how_much_of_it_is_assumed_and_whether_the_unit_value_is_approved(
    client: httpx.AsyncClient,
) -> None:
    found, estimate = await estimated(client)
    await accept(client, estimate)
    stated = (await client.post("/v1/impact-statements", json={"effect_estimate_id": estimate["id"]})).json()
    annual = [
        *("annual_benefit", "benefit_horizon", "net_benefit", "bcr", "roi", "roi_range"),
        *("payback{method=average}", "payback{method=dated}", "break_even_share"),
    ]
    [unit_value] = (await client.get("/v1/unit-values", params={"kpi_id": found.kpi})).json()["items"]
    approver = (await make(client, "people"))["id"]

    async def figures() -> tuple[list[Row], Row]:
        return [await figure(client, each, found.initiative) for each in annual], await figure(
            client, "cost_of_delay", found.initiative
        )

    quarters, delay = await figures()
    await client.patch(f"/v1/unit-values/{unit_value['id']}", json={"approver_id": approver})
    await client.patch(f"/v1/kpis/{found.kpi}", json={"cadence": "quarter"})
    same, approved = await figures()

    for each in quarters:
        [assumed] = [note["detail"] for note in each["caveats"] if note["code"] == "periods_assumed"]
        assert assumed.startswith("2 of the year's 4 periods"), assumed
        assert "through the other 2 is assumed" in assumed
        assert codes(each).count("unit_value_not_approved") == 1, each
        [other] = [note["detail"] for note in each["caveats"] if note["code"] == "other_period"]
        assert "by quarter, as it was estimated" in other
        assert other.endswith("is by month.")
    assert "unit_value_not_approved" in codes(delay)
    assert "periods_assumed" not in codes(delay)
    assert "other_period" not in codes(delay)
    assert {"unit_value_not_approved", "other_period"}.isdisjoint(
        code for each in (*same, approved) for code in codes(each)
    )
    assert [each["value"] for each in same] == [each["value"] for each in quarters]
    roi = next(each for each in same if each["metric"] == "roi")
    observed = stated["observed"]
    assert (observed["units"]["roi"], stated["stakes"]["periods"]) == (roi["unit"], 2)
    assert abs(observed["roi"] - ((float(roi["value"]) + 100) / 2 - 100)) < 0.001


async def test_dated_payback_begins_with_the_first_day_of_money_and_waits_for_the_lag(
    client: httpx.AsyncClient,
) -> None:
    found, estimate = await estimated(client)
    monthly = await accept(client, estimate) * 100
    assert OFFERED_ON == "2026-07-01"
    assert Decimal(1250) / 2 < monthly < 1250

    dated = await figure(client, "payback{method=dated}", found.initiative)

    assert (dated["value"], dated["unit"]) == (str(round(Decimal(274) * 12 / Decimal("365.2425"), 6)), "months")
    assert "2027-04-01" in next(each["detail"] for each in dated["caveats"] if each["code"] == "paid_back_on")


async def test_the_next_cheaper_initiative_is_what_more_effect_is_weighed_against(client: httpx.AsyncClient) -> None:
    found, estimate = await estimated(client)
    effect = await accept(client, estimate)

    first = await figure(client, "icer", found.outcome)

    assert first["parameters"]["against"] == "nothing"
    assert first["segment"] == {"initiative": found.initiative}
    assert near(first, 1250 / effect)
    assert "icer" in {each.slug for each in metrics_of("outcome")}


async def test_scrap_costs_the_part_of_the_spend_that_will_not_be_used(client: httpx.AsyncClient) -> None:
    survey = await make(client, "surveys", invited=20)
    initiative = survey["initiative_id"]
    await make(client, "cost-items", initiative_id=initiative, cost=EUR)
    said = {"survey_id": survey["id"], "answered_on": "2026-04-21", "planned_percent": 70}
    sent = [said | {"external_id": f"r{n}", "within_six_weeks": n < 2} for n in range(8)]
    await client.post("/v1/survey-responses/batch", json={"items": sent[:4]})

    few = await figure(client, "scrap_cost", initiative)
    await client.post("/v1/survey-responses/batch", json={"items": sent})
    planned = await figure(client, "scrap_cost", initiative)
    soon = await figure(client, "scrap_cost{definition=6wk}", initiative)

    assert few["status"] == "suppressed"
    assert [(each["value"], each["basis"]) for each in (planned, soon)] == [
        ("300", "fully_loaded"),
        ("750", "fully_loaded"),
    ]


async def test_estimates_of_people_are_discounted_twice_and_silence_counts(client: httpx.AsyncClient) -> None:
    survey = await make(client, "surveys", invited=20)
    outcome = (await make(client, "outcomes"))["id"]
    about = {"initiative_id": survey["initiative_id"], "outcome_id": outcome, "survey_id": survey["id"]}
    people = [(await make(client, "people", n))["id"] for n in range(10)]
    for n, person in enumerate(people):
        await make(client, "personal-estimates", n, person_id=person, change="2", **about)
    first = {"person_id": people[0], "change": "7", "given_on": "2025-01-01"}
    await make(client, "personal-estimates", 99, **about, **first)

    found = await figure(client, "estimate_adjusted", survey["initiative_id"])

    assert (found["value"], found["n_people"], found["segment"]) == ("5.6", 10, {"outcome": outcome})
    assert {"self_report", "silent"} <= set(codes(found))


async def test_money_that_came_back_lowers_the_cost_and_never_below_nothing(client: httpx.AsyncClient) -> None:
    found, estimate = await estimated(client)
    await accept(client, estimate)
    money = ["cost", "net_benefit", "bcr", "roi", "payback", "payback{method=dated}", "break_even_share", "roi_range"]
    money += ["cost_per{per=outcome_unit}"]
    spent = {"initiative_id": found.initiative, "incurred_on": "2026-07-01", "category": "travel"}

    await make(client, "cost-items", 3, cost={"amount": "-250", "currency": "EUR"}, **spent)
    lower = [await figure(client, each, found.initiative) for each in money]
    await make(client, "cost-items", 4, cost={"amount": "-1000.01", "currency": "EUR"}, **spent)
    below = [await figure(client, each, found.initiative) for each in money]
    icer = await figure(client, "icer", found.outcome)
    spend = await figure(client, "alignment_coverage{measure=spend}", (await client.get("/v1/tenant")).json()["id"])
    direct = await figure(client, "cost{basis=direct}", found.initiative)

    assert lower[0]["value"] == "1000"
    assert "inconsistent" not in {each["status"] for each in lower}
    assert {each["metric"]: each["status"] for each in (*below, icer, spend)} == {
        each["metric"]: "inconsistent" for each in (*below, icer, spend)
    }
    assert {each["reason"] for each in (*below, icer)} == {"a cost is not below 0: more money came back than was spent"}
    assert (direct["status"], direct["value"]) == ("ok", "2000")
