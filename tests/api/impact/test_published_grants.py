"""P2: the Michigan job-training grants (Holzer et al. 1993), as printed in Wooldridge, Introductory Econometrics."""

import httpx
import pytest

from tests.api.impact.scene import coefficients, diagnostic, estimated, post_csv, wooldridge
from tests.builders import Body

FIRMS = {
    "unit": "fcode",
    "period": "year",
    "outcome": "scrap",
    "exposure": "grant",
    "transform": "log",
    "assignment": "voluntary",
    "direction": "lower_is_better",
    "covariates": ["union"],
}
TWO_YEARS = {"periods": [1987, 1988], "standard_error": "classical"}


async def firms(client: httpx.AsyncClient) -> Body:
    return await post_csv(client, wooldridge("jtrain"), **FIRMS)


def near(value: float, error: float, *, places: int = 4) -> tuple[object, object]:
    return pytest.approx(value, abs=0.51 * 10**-places), pytest.approx(error, rel=0.02)


async def test_the_panel_tells_what_it_holds(client: httpx.AsyncClient) -> None:
    panel = await firms(client)

    assert (panel["rows"], panel["units"], panel["periods"]) == (471, 157, [1987, 1988, 1989])
    assert (panel["shape"], panel["exposure_lasts"], panel["observations"]) == ("panel", False, 162)
    assert [row["variable"] for row in panel["balance"]] == ["outcome", "union"]


async def test_firm_fixed_effects_give_the_table_of_example_14_1(client: httpx.AsyncClient) -> None:
    panel = await firms(client)

    [result] = await estimated(client, panel, "fixed_effects", exposure_lags=1, standard_error="classical")

    assert coefficients(result) == {
        "1988": near(-0.0802, 0.1095),
        "1989": near(-0.2472, 0.1332),
        "exposure": near(-0.2523, 0.1506),
        "exposure_lag1": near(-0.4216, 0.2102),
    }
    regression = diagnostic(result, "regression")["values"]
    assert (regression["observations"], regression["r_squared"]) == (162, pytest.approx(0.201, abs=0.0005))


async def test_clustered_by_firm_the_same_table_is_less_sure(client: httpx.AsyncClient) -> None:
    [result] = await estimated(client, await firms(client), "fixed_effects", exposure_lags=1, standard_error="cluster")

    assert coefficients(result)["exposure"][1] == pytest.approx(0.1421, rel=0.02)
    assert coefficients(result)["exposure_lag1"][1] == pytest.approx(0.2798, rel=0.02)


async def test_two_years_give_the_difference_of_section_13_4(client: httpx.AsyncClient) -> None:
    [result] = await estimated(client, await firms(client), "first_difference", **TWO_YEARS)

    assert list(coefficients(result).values()) == [near(-0.0574, 0.0972), near(-0.3171, 0.1639)]
    assert result["transform"] == "log"
    assert diagnostic(result, "regression")["values"]["r_squared"] == pytest.approx(0.067, abs=0.0005)


async def test_the_scale_of_the_panel_can_be_left_for_levels(client: httpx.AsyncClient) -> None:
    [result] = await estimated(client, await firms(client), "first_difference", transform="none", **TWO_YEARS)

    assert list(coefficients(result).values()) == [near(-0.5637, 0.4049), near(-0.7394, 0.6826)]
    assert diagnostic(result, "regression")["values"]["r_squared"] == pytest.approx(0.022, abs=0.0005)


async def test_the_cross_section_of_1988_would_have_said_no_effect(client: httpx.AsyncClient) -> None:
    asked = {"periods": [1988], "standard_error": "classical"}
    [result] = await estimated(client, await firms(client), "completers_vs_others", **asked)

    assert list(coefficients(result).values())[1] == near(0.0566, 0.4056)
    assert (result["grade"], result["role"], result["p_value"]) == (1, "shown", None)


async def test_random_effects_give_the_table_of_example_10_4(client: httpx.AsyncClient) -> None:
    asked = {"exposure_lags": 1, "covariates": ["union"], "standard_error": "classical"}
    [result] = await estimated(client, await firms(client), "random_effects", **asked)

    assert coefficients(result) == {
        "constant": near(0.415, 0.243, places=3),
        "1988": near(-0.093, 0.109, places=3),
        "1989": near(-0.270, 0.132, places=3),
        "exposure": near(-0.215, 0.148, places=3),
        "exposure_lag1": near(-0.377, 0.205, places=3),
        "union": near(0.548, 0.411, places=3),
    }


async def test_first_differences_give_the_table_of_example_10_6(client: httpx.AsyncClient) -> None:
    asked = {"exposure_lags": 1, "standard_error": "classical"}
    [result] = await estimated(client, await firms(client), "first_difference", **asked)

    assert coefficients(result) == {
        "constant": near(-0.091, 0.091, places=3),
        "1989": near(-0.096, 0.125, places=3),
        "exposure": near(-0.223, 0.131, places=3),
        "exposure_lag1": near(-0.351, 0.235, places=3),
    }


async def test_hours_of_training_in_1988_give_the_regression_of_example_7_3(client: httpx.AsyncClient) -> None:
    size = ["lsales", "lemploy"]
    told = [row for row in wooldridge("jtrain") if float(row["year"]) == 1988]
    rows = [row for row in told if not {row["hrsemp"], *(row[name] for name in size)} & {"", "NA"}]
    panel = await post_csv(client, rows, unit="fcode", outcome="hrsemp", exposure="grant", covariates=size)

    [result] = await estimated(client, panel, "ols_adjusted", covariates=size, standard_error="classical")

    assert (panel["units"], result["value"]) == (105, pytest.approx(26.25, abs=0.005))
    assert result["standard_error"]["value"] == pytest.approx(5.59, abs=0.005)
