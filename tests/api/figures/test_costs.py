"""Costs over the API: bases, currencies, and cost per use."""

from tests.api.figures.school import School, event, numbers
from tests.builders import make


async def test_cost_has_a_basis_and_two_currencies_have_no_sum(school: School) -> None:
    initiative = await school.initiative("c")
    eur = {"amount": "1000", "currency": "EUR"}
    await make(school.client, "cost-items", 1, initiative_id=initiative, category="delivery", cost=eur)
    await make(school.client, "cost-items", 2, initiative_id=initiative, category="learner_time", cost=eur)

    loaded, direct = await school.figures(["cost", "cost{basis=direct}"], initiative)
    usd = {"amount": "1", "currency": "USD"}
    await make(school.client, "cost-items", 3, initiative_id=initiative, category="travel", cost=usd)
    mixed = await school.figure("cost", initiative)
    everything = await school.client.get(f"/v1/initiatives/{initiative}/figures")

    assert (loaded["value"], loaded["unit"], loaded["basis"]) == ("2000", "money:EUR", "fully_loaded")
    assert (direct["value"], direct["basis"]) == ("1000", "direct")
    assert (mixed["status"], mixed["value"]) == ("inconsistent", None)
    assert "EUR and USD" in mixed["reason"]
    found = {each["metric"]: each["status"] for each in everything.json()["items"]}
    assert (everything.status_code, found["roi"], found["bcr"]) == (200, "inconsistent", "inconsistent")
    assert found["completion_rate"] != "inconsistent"


async def test_cost_per_learner_completion_and_hour(school: School) -> None:
    initiative = await school.initiative("c")
    await school.hire(*numbers(8))
    await school.tell(*(event("started", each, "c", "2026-01-02", duration_seconds=900) for each in numbers(8)))
    await school.tell(*(event("completed", each, "c", "2026-01-03") for each in numbers(5)))
    eur = {"amount": "1000", "currency": "EUR"}
    await make(school.client, "cost-items", 1, initiative_id=initiative, cost=eur)

    per = ["learner", "completion", "hour", "outcome_unit"]
    found = await school.figures([f"cost_per{{per={each}}}" for each in per], initiative)

    assert [each["value"] for each in found] == ["125", "200", "500", None]
    assert {each["basis"] for each in found[:3]} == {"fully_loaded"}


async def test_without_an_accepted_effect_there_is_a_cost_and_no_return(school: School) -> None:
    initiative = await school.initiative("c")
    await make(school.client, "cost-items", 1, initiative_id=initiative)

    items = (await school.client.get(f"/v1/initiatives/{initiative}/figures")).json()["items"]

    status = {each["metric"]: each["status"] for each in items}
    assert (status["cost"], status["roi"], status["bcr"], status["break_even_share"]) == ("ok", *["no_data"] * 3)
