"""What REST works out without keeping it, in the graph: the power of a comparison and the panel behind an estimate."""

from typing import Any

import httpx

from tests.api.graphql.conftest import Ask, ask
from tests.api.impact.facts import study

COMPARISON = {
    "treated": 100,
    "control": 100,
    "sd": 1.5,
    "effect": 0.4,
    "clusterSize": 4,
    "icc": 0.05,
    "repeated": {"before": 6, "after": 6, "rho": 0.5, "serial": "EXCHANGEABLE", "analysis": "ANCOVA"},
}
POWER = """query($asked: PowerInput!) { power(comparison: $asked) {
    power smallestEffect unitsNeeded { treated control exactTreated } standardError multiple df designEffect
    exaggeration caveats } }"""
PANEL = """query($outcome: ID!, $initiative: ID!, $covariates: [String!]) { outcome(id: $outcome) {
    panel(initiativeId: $initiative, covariates: $covariates) {
        initiativeId outcomeId asOf unit units exposedUnits assignmentLevel clusters periods observations unmeasured
        incomplete contaminated { units leftOut } overlaps { initiativeId sharedUnits } shape exposureLasts dataSha256
        balance { variable meanExposed meanOthers standardisedDifference flagged } diagnostics } } }"""


def snake(value: Any) -> Any:
    """Names as REST writes them."""
    if isinstance(value, dict):
        return {"".join(f"_{c.lower()}" if c.isupper() else c for c in key): snake(each) for key, each in value.items()}
    return [snake(each) for each in value] if isinstance(value, list) else value


async def test_the_power_of_a_comparison_is_that_of_rest(graph: Ask, client: httpx.AsyncClient) -> None:
    lower = snake(COMPARISON)
    lower["repeated"] |= {"serial": "exchangeable", "analysis": "ancova"}

    found = await graph(POWER, asked=COMPARISON)
    needed = await graph("{ power(comparison: { effect: 0.5 }) { unitsNeeded { treated } smallestEffect } }")

    assert snake(found["power"]) == (await client.post("/v1/power", json=lower)).json()
    assert needed["power"] == {"unitsNeeded": {"treated": 64}, "smallestEffect": None}


async def test_a_comparison_that_cannot_be_planned_names_the_faults_of_rest(client: httpx.AsyncClient) -> None:
    nothing = await ask(client, POWER, asked={"sd": 1.0})
    wrong = await ask(client, POWER, asked={"treated": 10, "control": 10, "repeated": {"before": 2, "rho": 7}})

    assert nothing["data"] == {"power": None}
    assert nothing["errors"][0]["extensions"]["code"] == "invalid_request"
    [fault] = wrong["errors"][0]["extensions"]["errors"]
    assert fault["pointer"] == "/repeated/rho"


async def test_the_panel_behind_an_estimate_is_that_of_rest(graph: Ask, client: httpx.AsyncClient) -> None:
    asked = await study(client)
    params = {"initiative_id": asked.initiative, "covariates": ["outcome_before"]}

    found = await graph(PANEL, outcome=asked.outcome, initiative=asked.initiative, covariates=["outcome_before"])
    unknown = await ask(client, PANEL, outcome=asked.outcome, initiative=f"ini_{'0' * 26}", covariates=[])

    shown = snake(found["outcome"]["panel"])
    rest = (await client.get(f"/v1/outcomes/{asked.outcome}/panel", params=params)).json()
    assert shown == {name: rest[name] for name in shown}
    assert [row["variable"] for row in shown["balance"]] == ["outcome", "outcome_before"]
    assert unknown["data"] == {"outcome": {"panel": None}}
    assert unknown["errors"][0]["extensions"]["code"] == "not_found"
