"""Self-selected training against a comparison group from a survey: LaLonde-Dehejia-Wahba, NSW treated and CPS-1.

Published: Dehejia and Wahba 1999, Table 2; Imbens and Xu 2024, Tables B1 and B2.
"""

import importlib
import importlib.util
from pathlib import Path

import numpy as np
import pytest

from app.domain.impact.design import Assignment, Design, Plan
from app.domain.impact.estimate import estimate
from app.domain.impact.options import Options
from app.domain.impact.panel_rows import build
from app.domain.impact.result import Estimand, Verdict
from app.domain.impact.result import StandardErrorKind as Kind

TEN = ("age", "educ", "black", "hisp", "marr", "nodegree", "re74", "re75", "u74", "u75")
EIGHT = ("age", "agesq", "educ", "nodegree", "black", "hisp", "re74", "re75")
PLACEBO = {"placebo": {"outcome": "re75", "drop": ["u75"]}}


@pytest.fixture(scope="module")
def people():
    folder = Path(importlib.util.find_spec("causaldata").submodule_search_locations[0])
    pandas = importlib.import_module("pandas")  # only here: the package holds Stata files
    nsw, cps = (pandas.read_stata(folder / name / f"{name}.dta") for name in ("nsw_mixtape", "cps_mixtape"))
    rows = pandas.concat([nsw[nsw["treat"] == 1], cps])
    column = {name: rows[name].to_numpy(dtype=float) for name in rows.columns if name != "data_id"}
    column |= {"agesq": column["age"] ** 2, "u74": 1.0 * (column["re74"] == 0), "u75": 1.0 * (column["re75"] == 0)}
    return build(
        outcome=column["re78"],
        exposure=column["treat"],
        covariates={name: column[name] for name in (*TEN, "agesq")},
        design=Design(assignment=Assignment.VOLUNTARY, plan=Plan.LOCKED),
    )


@pytest.fixture(scope="module")
def adjusted(people):
    """The five estimators with ten covariates, computed once; regressions with HC1, as published."""
    options = Options(covariates=TEN, baseline="re75", standard_error=Kind.HC1, extras=PLACEBO)
    slugs = ("ols_adjusted", "regression_adjustment", "ipw", "aipw", "entropy_balancing")
    return dict(zip(slugs, estimate(people, slugs, options), strict=True))


@pytest.mark.parametrize(("kind", "error"), [(Kind.CLASSICAL, 712.02), (Kind.HC1, 581.92)])
def test_the_naive_comparison_is_off_by_ten_thousand_dollars(people, kind, error):
    [result] = estimate(people, ["difference_in_means"], Options(standard_error=kind))

    assert result.value == pytest.approx(-8497.52, abs=0.005)
    assert result.standard_error.value == pytest.approx(error, abs=0.005)
    assert result.estimand is Estimand.DESCRIPTIVE
    assert result.grade <= 1
    assert (result.sample.units_treated, result.sample.units_control) == (185, 15_992)


@pytest.mark.parametrize(
    ("slug", "kind", "value", "error", "tolerance"),
    [
        ("ols_adjusted", Kind.HC1, 1066.38, 626.85, 0.005),
        ("regression_adjustment", Kind.INFLUENCE, 1133.28, 624.26, 0.02 * 624.26),
        ("entropy_balancing", Kind.HC1, 1406.30, 654.93, 0.005),
        ("aipw", Kind.INFLUENCE, 1488.88, 675.56, 0.02 * 675.56),
        ("ipw", Kind.INFLUENCE, 1377.12, 667.18, 0.005),
    ],
)
def test_ten_covariates_bring_the_published_effects(adjusted, slug, kind, value, error, tolerance):
    result = adjusted[slug]

    assert result.value == pytest.approx(value, abs=0.006)
    assert result.standard_error.value == pytest.approx(error, abs=tolerance)
    assert result.standard_error.kind is kind
    assert result.estimand is Estimand.ATT


def test_eight_covariates_give_the_first_published_regression(people):
    [result] = estimate(people, ["ols_adjusted"], Options(covariates=EIGHT, standard_error=Kind.CLASSICAL))

    assert result.value == pytest.approx(738.8, abs=0.05)
    assert result.standard_error.value == pytest.approx(547.1, abs=0.05)


def test_the_placebo_outcome_fails_with_the_published_numbers(adjusted):
    placebo = adjusted["ols_adjusted"].diagnostic("placebo_outcome")

    assert placebo.verdict is Verdict.FAIL
    assert placebo.values["value"] == pytest.approx(-1134.82, abs=0.005)
    assert placebo.values["standard_error"] == pytest.approx(272.44, abs=0.005)
    assert "placebo fails, t=-4.2" in placebo.detail


@pytest.mark.parametrize("slug", ["ols_adjusted", "regression_adjustment", "ipw", "aipw", "entropy_balancing"])
def test_no_method_lifts_the_grade_above_two_and_the_failed_placebo_takes_it_to_one(adjusted, slug):
    result = adjusted[slug]

    assert result.grade == 1
    assert {"failed_placebo", "failed_placebo_cap"} <= {reason.code for reason in result.reasons}
    assert result.words == "changed / differed"


@pytest.mark.parametrize(
    ("slug", "low", "high"), [("aipw", 257, 259), ("ipw", 257, 259), ("entropy_balancing", 268, 270)]
)
def test_sixteen_thousand_controls_weigh_as_much_as_some_two_hundred_and_sixty(adjusted, slug, low, high):
    overlap = adjusted[slug].diagnostic("overlap")

    assert low <= overlap.values["ess_control"] <= high
    assert overlap.values["controls"] == 15_992
    assert sum(overlap.values["histogram"]["treated"]) == 185
    assert max(map(abs, overlap.values["smd_before"].values())) > 1.0
    assert max(map(abs, overlap.values["smd_after"].values())) < 0.12


def test_entropy_balancing_leaves_no_difference_of_means(adjusted):
    after = adjusted["entropy_balancing"].diagnostic("overlap").values["smd_after"]

    assert max(map(abs, after.values())) < 1e-7


def test_an_influence_function_says_that_it_has_no_other_standard_error(adjusted):
    note = adjusted["aipw"].diagnostic("standard_error_kind")

    assert note.values == {"asked": "hc1", "given": "influence"}


def test_without_a_baseline_the_grade_is_one_at_best_and_the_placebo_cannot_be_run(people):
    rest = tuple(name for name in TEN if not name.startswith(("re", "u")))
    [result] = estimate(people, ["aipw"], Options(covariates=rest))

    assert result.grade <= 1
    assert result.diagnostic("placebo_outcome").verdict is Verdict.UNAVAILABLE


def test_the_result_is_json_without_nan(adjusted):
    told = adjusted["ols_adjusted"].to_dict()

    assert told["estimator"] == "ols_adjusted"
    assert np.isfinite(told["value"])
    assert {"overlap", "e_value", "oster_delta", "placebo_outcome", "raw_means"} <= {
        one["code"] for one in told["diagnostics"]
    }
