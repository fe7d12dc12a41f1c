"""P1 and P8: an experiment and its planning, asked for as an analyst would, against what was published.

National Supported Work: LaLonde 1986; Dehejia and Wahba 1999, Table 2; Imbens and Xu 2024, Table B1. Power: Cohen 1988.
"""

import httpx
import pytest

from tests.api.impact.scene import diagnostic, estimated, post_csv, wooldridge
from tests.builders import Body, make

COVARIATES = ["age", "agesq", "educ", "nodegree", "black", "hisp", "re74", "re75"]
TRIAL = {"outcome": "re78", "exposure": "train", "assignment": "random", "covariates": COVARIATES}


async def trial(client: httpx.AsyncClient) -> Body:
    return await post_csv(client, wooldridge("jtrain2"), **TRIAL)


@pytest.mark.parametrize(("kind", "error"), [("classical", 0.632854), ("hc1", 0.670825), ("hc2", 0.670997)])
async def test_the_experiment_gives_the_published_difference(
    client: httpx.AsyncClient, kind: str, error: float
) -> None:
    [result] = await estimated(client, await trial(client), "difference_in_means", standard_error=kind)

    assert result["value"] == pytest.approx(1.794343, abs=5e-7)
    assert result["standard_error"] == {"value": pytest.approx(error, abs=5e-7), "kind": kind}
    assert (result["estimand"], result["sample"]["units_treated"], result["sample"]["units_control"]) == (
        "itt",
        185,
        260,
    )


async def test_covariates_give_the_published_regression(client: httpx.AsyncClient) -> None:
    asked = {"covariates": COVARIATES, "standard_error": "classical"}
    [result] = await estimated(client, await trial(client), "ols_adjusted", **asked)

    assert result["value"] == pytest.approx(1.672, abs=0.0005)
    assert result["standard_error"]["value"] == pytest.approx(0.638, rel=0.02)


async def test_a_plan_locked_before_the_panel_makes_the_experiment_strong_evidence(client: httpx.AsyncClient) -> None:
    outcome = await make(client, "outcomes")
    initiative = await make(client, "initiatives", assignment="random")
    about = {"initiative_id": initiative["id"], "outcome_id": outcome["id"]}
    plan = (await client.post("/v1/evaluation-plans", json=about | {"estimators": ["difference_in_means"]})).json()
    locked = (await client.post(f"/v1/evaluation-plans/{plan['id']}/lock")).json()
    panel = await trial(client)

    planned = (await client.post("/v1/effect-estimates", json={"panel_id": panel["id"], "plan_id": plan["id"]})).json()
    [unplanned] = await estimated(client, panel, "difference_in_means")

    [result] = planned["results"]
    assert (planned["accepted"], planned["initiative_id"]) == ("difference_in_means", initiative["id"])
    assert planned["plan"] == {
        "status": "locked",
        "plan": {"id": plan["id"], "sha256": locked["sha256"]},
        "deviations": [],
        "primary": True,
    }
    assert (result["grade"], result["words"], result["exploratory"]) == (5, "caused", False)
    assert (unplanned["grade"], unplanned["exploratory"]) == (4, True)
    assert [reason["code"] for reason in unplanned["reasons"]] == ["randomised", "unplanned"]


async def test_by_chance_alone_a_difference_at_the_baseline_is_flagged_and_costs_no_grade(
    client: httpx.AsyncClient,
) -> None:
    [result] = await estimated(client, await trial(client), "difference_in_means", covariates=COVARIATES)

    found = diagnostic(result, "balance")
    assert (found["verdict"], found["values"]["largest"] > 0.25) == ("flag", True)
    assert [reason["code"] for reason in result["reasons"]] == ["randomised", "unplanned"]
    assert {each["scale"]: each["rating"] for each in result["scales"]} == {
        "maryland_sms": "4",
        "nesta": "3",
        "wwc": "with_reservations",
    }


@pytest.mark.parametrize(("effect", "exact", "units"), [(0.5, 63.77, 64), (0.2, 393.4, 394), (0.8, 25.52, 26)])
async def test_cohens_sample_sizes(client: httpx.AsyncClient, effect: float, exact: float, units: int) -> None:
    answer = (await client.post("/v1/power", json={"effect": effect})).json()

    assert answer["units_needed"]["exact_treated"] == pytest.approx(exact, abs=0.05)
    assert (answer["units_needed"]["treated"], answer["units_needed"]["control"]) == (units, units)


async def test_the_detectable_effect_is_two_point_eight_standard_errors(client: httpx.AsyncClient) -> None:
    asked = {"treated": 100, "control": 100, "normal": True}
    answer = (await client.post("/v1/power", json=asked)).json()

    assert answer["multiple"] == pytest.approx(2.80, abs=0.005)
    assert answer["smallest_effect"] == pytest.approx(2.80 * answer["standard_error"], rel=0.002)
