"""P4 and P5: self-selected trainees against a survey, and a law in one series, against what was published.

LaLonde-Dehejia-Wahba, NSW treated and CPS-1: Dehejia and Wahba 1999; Imbens and Xu 2024, Tables B1 and B2.
Sicily's smoking ban: Lopez Bernal, Cummins, Gasparrini 2017.
"""

import importlib
import importlib.util
import math
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.impact.scene import diagnostic, estimated, post_csv, published
from tests.builders import Body

TEN = ["age", "educ", "black", "hisp", "marr", "nodegree", "re74", "re75", "u74", "u75"]
EIGHT = ["age", "agesq", "educ", "nodegree", "black", "hisp", "re74", "re75"]
TRAINEES = {"outcome": "re78", "exposure": "treat", "assignment": "voluntary", "covariates": [*TEN, "agesq"]}
PLACEBO = {"placebo": {"outcome": "re75", "drop": ["u75"]}}
MONTHS = {"unit": "place", "period": "time", "outcome": "aces", "exposure": "smokban", "covariates": ["stdpop"]}
SEASON = {"offset": "stdpop", "season": 12, "harmonics": 2}


@cache
def trainees() -> list[dict[str, Any]]:
    folder = Path(importlib.util.find_spec("causaldata").submodule_search_locations[0])
    pandas = importlib.import_module("pandas")  # only here: the package holds Stata files
    nsw, cps = (pandas.read_stata(folder / name / f"{name}.dta") for name in ("nsw_mixtape", "cps_mixtape"))
    rows = pandas.concat([nsw[nsw["treat"] == 1], cps]).drop(columns="data_id").astype(float).to_dict("records")
    for row in rows:
        row |= {"agesq": row["age"] ** 2, "u74": int(row["re74"] == 0), "u75": int(row["re75"] == 0)}
    return rows


async def people(client: httpx.AsyncClient) -> Body:
    return await post_csv(client, trainees(), **TRAINEES)


async def test_self_selection_costs_ten_thousand_dollars_and_covariates_bring_them_back(
    client: httpx.AsyncClient,
) -> None:
    asked = {"covariates": TEN, "baseline": "re75", "standard_error": "hc1", "extras": PLACEBO}
    slugs = ("difference_in_means", "ols_adjusted", "regression_adjustment", "entropy_balancing")

    results = await estimated(client, await people(client), *slugs, **asked)

    found = {result["estimator"]: (result["value"], result["standard_error"]["value"]) for result in results}
    assert found == {
        "difference_in_means": (pytest.approx(-8497.52, abs=0.005), pytest.approx(581.92, abs=0.005)),
        "ols_adjusted": (pytest.approx(1066.38, abs=0.005), pytest.approx(626.85, rel=0.02)),
        "regression_adjustment": (pytest.approx(1133.28, abs=0.006), pytest.approx(624.26, rel=0.02)),
        "entropy_balancing": (pytest.approx(1406.27, rel=0.001), pytest.approx(654.93, rel=0.02)),
    }
    assert all(result["grade"] <= 2 for result in results)
    placebo = diagnostic(results[1], "placebo_outcome")
    assert placebo["verdict"] == "fail"
    assert placebo["values"]["value"] == pytest.approx(-1134.82, abs=0.005)
    assert placebo["values"]["standard_error"] == pytest.approx(272.44, abs=0.005)
    assert "placebo fails, t=-4.2" in placebo["detail"]
    assert 257 <= diagnostic(results[3], "overlap")["values"]["ess_control"] <= 270


async def test_the_first_published_regression_and_the_naive_comparison_have_their_classical_errors(
    client: httpx.AsyncClient,
) -> None:
    asked = {"covariates": EIGHT, "standard_error": "classical"}
    adjusted, naive = await estimated(client, await people(client), "ols_adjusted", "difference_in_means", **asked)

    assert (adjusted["value"], adjusted["standard_error"]["value"]) == pytest.approx((738.8, 547.1), abs=0.05)
    assert naive["standard_error"]["value"] == pytest.approx(712.02, abs=0.005)
    assert (naive["estimand"], naive["grade"]) == ("descriptive", 1)


async def sicily(client: httpx.AsyncClient, transform: str) -> Body:
    rows = [row | {"place": "Sicily"} for row in published("sicily.csv")]
    return await post_csv(client, rows, assignment="mandatory", transform=transform, **MONTHS)


@pytest.mark.parametrize(
    ("extras", "ratio", "low", "high"),
    [
        ({"offset": "stdpop", "family": "poisson"}, 0.8944, 0.8647, 0.9251),
        ({"offset": "stdpop"}, 0.8944, 0.839, 0.953),
        (SEASON, 0.8851, 0.8394, 0.9332),
    ],
)
async def test_counts_give_the_published_rate_ratios(
    client: httpx.AsyncClient, extras: Body, ratio: float, low: float, high: float
) -> None:
    [result] = await estimated(client, await sicily(client, "none"), "its_poisson", extras=extras)

    found = diagnostic(result, "rate_ratio")["values"]
    assert found["value"] == pytest.approx(ratio, abs=6e-5)
    assert (found["low"], found["high"]) == pytest.approx((low, high), abs=5e-4)
    assert math.exp(result["value"]) == pytest.approx(ratio, abs=6e-5)


async def test_the_log_rate_agrees_and_a_false_date_finds_nothing(client: httpx.AsyncClient) -> None:
    [result] = await estimated(client, await sicily(client, "log"), "its_reml", extras=SEASON)

    found = diagnostic(result, "rate_ratio")["values"]
    assert (found["value"], found["low"], found["high"]) == pytest.approx((0.883, 0.839, 0.929), abs=5e-4)
    [date] = diagnostic(result, "placebo_date")["values"]["dates"]
    assert (date["at"], math.exp(date["value"])) == (19, pytest.approx(1.001, abs=5e-4))
    assert result["grade"] <= 2


async def test_the_slope_did_not_change(client: httpx.AsyncClient) -> None:
    extras = SEASON | {"change": "level_and_slope"}
    [result] = await estimated(client, await sicily(client, "none"), "its_poisson", extras=extras)

    [slope] = [row for row in result["coefficients"] if row["name"] == "slope_change"]
    assert slope["p_value"] == pytest.approx(0.424, abs=5e-4)
