"""P3, P6 and P7: staggered starts, one treated state, and repeated cross-sections, against what was published."""

import csv

import httpx
import pytest

from tests.api.impact.scene import DATA, aggregation, diagnostic, estimated, post_csv, published, wooldridge
from tests.builders import Body

SIX = 5e-7
WAGES = {
    "unit": "countyreal",
    "period": "year",
    "outcome": "lemp",
    "first_exposed": "first.treat",
    "assignment": "rollout",
    "covariates": ["lpop"],
}
STATES = {
    "unit": "State",
    "period": "Year",
    "outcome": "PacksPerCapita",
    "exposure": "treated",
    "assignment": "rollout",
}
AGE = ["age", "agesq"]
HOUSE = [*AGE, "intst", "land", "area", "rooms", "baths"]


async def staggered(client: httpx.AsyncClient) -> Body:
    panel = await post_csv(client, published("mpdta.csv"), **WAGES)
    [result] = await estimated(client, panel, "callaway_santanna", controls="never")
    return result


async def test_every_aggregation_equals_that_of_the_reference(client: httpx.AsyncClient) -> None:
    result = await staggered(client)

    assert result["value"] == pytest.approx(-0.039951, abs=SIX)
    assert result["standard_error"]["value"] == pytest.approx(0.012034, abs=SIX)
    with (DATA / "did_reference_aggte.csv").open(encoding="utf-8") as lines:
        reference = list(csv.DictReader(lines))
    for kind in ("simple", "group", "dynamic", "calendar"):
        rows = [row for row in reference if row["type"] == kind]
        overall = aggregation(result, kind)["overall"]
        assert overall["value"] == pytest.approx(float(rows[0]["overall_att"]), abs=SIX)
        assert overall["standard_error"] == pytest.approx(float(rows[0]["overall_se"]), abs=SIX)
    groups = {row["at"]: row["value"] for row in aggregation(result, "group")["rows"]}
    assert groups == {
        2004: pytest.approx(-0.079749, abs=SIX),
        2006: pytest.approx(-0.022910, abs=SIX),
        2007: pytest.approx(-0.026054, abs=SIX),
    }


async def test_the_event_study_and_its_pre_test_equal_those_of_the_reference(client: httpx.AsyncClient) -> None:
    result = await staggered(client)

    values = [row["value"] for row in aggregation(result, "event_study")["rows"]]
    expected = [0.030507, -0.000563, -0.024459, -0.019932, -0.050957, -0.137259, -0.100811]
    assert values == [pytest.approx(value, abs=1e-6) for value in expected]
    errors = [row["standard_error"] for row in aggregation(result, "event_study")["rows"]]
    assert errors == [
        pytest.approx(error, abs=5e-5) for error in (0.0150, 0.0133, 0.0142, 0.0118, 0.0169, 0.0364, 0.0344)
    ]
    pre_test = diagnostic(result, "pre_trends")
    assert pre_test["values"]["textbook_all_cells"]["p_value"] == pytest.approx(0.16812, abs=5e-6)
    assert (pre_test["verdict"], pre_test["values"]["low_power"]) == ("flag", True)


async def test_the_effect_stands_until_trends_part_between_half_and_once_as_fast_as_before(
    client: httpx.AsyncClient,
) -> None:
    panel = await post_csv(client, published("mpdta.csv"), **WAGES)

    [result] = await estimated(client, panel, "callaway_santanna", controls="never", aggregations=["dynamic"])

    found = diagnostic(result, "breakdown")["values"]
    assert 0.5 < found["m_bar"] < 1.0
    curve = {each["m"]: (each["low"], each["high"]) for each in found["curve"]}
    assert [curve[m] for m in (0.0, 0.5, 1.0)] == [
        pytest.approx(anchor, abs=1e-3) for anchor in ((-0.116, -0.038), (-0.147, -0.008), (-0.178, 0.023))
    ]


async def test_estimators_left_out_are_chosen_by_the_design_and_the_accepted_one_is_named(
    client: httpx.AsyncClient,
) -> None:
    panel = await post_csv(client, published("mpdta.csv"), **WAGES)

    answer = (await client.post("/v1/effect-estimates", json={"panel_id": panel["id"]})).json()

    roles = {result["estimator"]: result["role"] for result in answer["results"]}
    assert (roles.pop("callaway_santanna"), roles.pop("imputation")) == ("primary", "second")
    assert roles == {"twfe": "shown", "completers_vs_others": "shown", "before_after": "shown"}
    able = [result for result in answer["results"] if result["estimand"] != "descriptive"]
    best = min(able, key=lambda result: (-result["grade"], abs(result["value"])))
    assert answer["accepted"] == best["estimator"]
    assert answer["panel"]["data_sha256"] == panel["sha256"]
    assert {result["provenance"]["data_hash"] for result in answer["results"]} != {None}


async def test_one_treated_state_gives_the_published_effects_and_a_rank_for_a_p_value(
    client: httpx.AsyncClient,
) -> None:
    panel = await post_csv(client, published("california_prop99.csv", ";"), **STATES)

    sdid, control = await estimated(client, panel, "sdid", "synthetic_control")

    assert sdid["value"] == pytest.approx(-15.6, abs=0.05)
    assert control["value"] == pytest.approx(-19.6, abs=0.15)
    assert diagnostic(sdid, "difference_in_differences")["values"]["value"] == pytest.approx(-27.3, abs=0.05)
    placebo = diagnostic(control, "placebo_space")["values"]
    assert (placebo["rank"], placebo["of"], control["p_value"]) == (3, 39, pytest.approx(0.077, abs=0.0005))
    [refused] = await estimated(client, panel, "sdid", standard_error="cluster")
    assert refused["p_value"] is None
    assert refused["p_value_reason"]


@pytest.mark.parametrize(
    ("covariates", "value", "error"),
    [([], -11863.90, 7456.65), (AGE, -21920.27, 6359.75), (HOUSE, -14177.93, 4987.27)],
)
async def test_repeated_cross_sections_give_the_published_table_to_the_cent(
    client: httpx.AsyncClient, covariates: list[str], value: float, error: float
) -> None:
    rows = [row | {"from": "1981" if row["nearinc"] == "1" else ""} for row in wooldridge("kielmc")]
    described = {"period": "year", "outcome": "rprice", "first_exposed": "from", "covariates": HOUSE}
    panel = await post_csv(client, rows, **described)

    [result] = await estimated(client, panel, "did_2x2", covariates=covariates, standard_error="classical")

    assert panel["shape"] == "repeated_cross_section"
    assert result["value"] == pytest.approx(value, abs=0.005)
    assert result["standard_error"]["value"] == pytest.approx(error, abs=0.005)
