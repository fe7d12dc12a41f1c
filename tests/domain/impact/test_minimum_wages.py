"""Minimum wages and teen employment (Callaway and Sant'Anna 2021), against what the R package did gives."""

import pytest

from app.domain.impact.callaway_santanna import callaway_santanna
from app.domain.impact.design import Assignment, Design, Plan
from app.domain.impact.estimate import estimate
from app.domain.impact.options import CellMethod, Controls, Options
from app.domain.impact.panel_rows import build
from app.domain.impact.result import AggregationKind as Kind
from app.domain.impact.result import Verdict

NEVER = {"controls": Controls.NEVER}
SIX = 5e-7


@pytest.fixture(scope="module")
def counties(published):
    def panel(plan=Plan.LOCKED, **overrides):
        column = published("mpdta.csv")
        return build(
            **{
                "unit": column["countyreal"],
                "period": column["year"],
                "outcome": column["lemp"],
                "first_exposed": column["first.treat"],
                "covariates": {"lpop": column["lpop"]},
                "design": Design(assignment=Assignment.ROLLOUT, plan=plan),
            }
            | overrides
        )

    return panel


@pytest.fixture(scope="module")
def result(counties):
    return callaway_santanna(counties(), Options(**NEVER))


@pytest.fixture(scope="module")
def reference(published):
    def rows(name):
        column = published(f"did_reference_{name}.csv")
        return [dict(zip(column, row, strict=True)) for row in zip(*column.values(), strict=True)]

    return rows


def test_every_cohort_and_period_is_met(result, reference):
    found = {(row.at, row.period): row for row in result.aggregation(Kind.COHORT_PERIOD).rows}
    expected = reference("attgt")

    assert len(found) == len(expected) == 12
    for row in expected:
        ours = found[row["group"], row["t"]]
        assert ours.value == pytest.approx(row["att"], abs=SIX)
        assert ours.standard_error == pytest.approx(row["se"], abs=SIX)


@pytest.mark.parametrize("kind", [Kind.SIMPLE, Kind.GROUP, Kind.DYNAMIC, Kind.CALENDAR])
def test_every_aggregation_is_met(result, reference, kind):
    expected = [row for row in reference("aggte") if row["type"] == kind.value]
    found = result.aggregation(kind)

    assert found.overall.value == pytest.approx(expected[0]["overall_att"], abs=SIX)
    assert found.overall.standard_error == pytest.approx(expected[0]["overall_se"], abs=SIX)
    rows = {row["egt"]: row for row in expected if row["egt"] is not None and row["egt"] >= 0}
    assert len(found.rows) == len(rows)
    for row in found.rows:
        assert row.value == pytest.approx(rows[row.at]["att_egt"], abs=SIX)
        assert row.standard_error == pytest.approx(rows[row.at]["se_egt"], abs=SIX)


def test_the_event_study_is_met_and_has_wider_simultaneous_bands(result, reference):
    expected = {row["egt"]: row for row in reference("aggte") if row["type"] == "dynamic"}
    rows = result.aggregation(Kind.EVENT_STUDY).rows

    assert [row.at for row in rows] == [-3, -2, -1, 0, 1, 2, 3]
    for row in rows:
        assert row.value == pytest.approx(expected[row.at]["att_egt"], abs=SIX)
        assert row.standard_error == pytest.approx(expected[row.at]["se_egt"], abs=SIX)
        assert row.band.method == "sup_t"
        # the quantile of the largest of seven correlated t lies between the pointwise and the Bonferroni one
        assert 1.965 < (row.band.high - row.value) / row.standard_error < 2.72


def test_the_headline_is_the_first_aggregation_asked_for(counties, result):
    dynamic = callaway_santanna(counties(), Options(**NEVER, aggregations=(Kind.DYNAMIC, Kind.SIMPLE)))

    assert result.value == pytest.approx(-0.039951, abs=SIX)
    assert result.standard_error.value == pytest.approx(0.012034, abs=SIX)
    assert dynamic.value == pytest.approx(-0.077240, abs=SIX)
    assert [one.kind for one in dynamic.aggregations] == [Kind.DYNAMIC, Kind.SIMPLE]


def test_the_textbook_pre_test_is_met_and_the_deciding_one_is_hotelling(result, reference):
    [expected] = reference("pretest")
    found = result.diagnostic("pre_trends").values

    assert found["textbook_all_cells"]["statistic"] == pytest.approx(expected["W"], abs=1e-6)
    assert found["textbook_all_cells"]["df"] == 5
    assert found["textbook_all_cells"]["p_value"] == pytest.approx(expected["Wpval"], abs=5e-6)
    assert (found["df"], found["df_denominator"]) == (3, 497)
    assert 0.05 < found["p_value"] < 0.1


def test_the_pre_test_is_marked_as_low_power_and_says_what_it_could_have_missed(result):
    found = result.diagnostic("pre_trends")

    assert found.verdict is Verdict.FLAG
    assert found.values["low_power"]
    assert "could have missed a drift of up to 0.025 per period" in found.detail
    assert "parallel" not in found.detail


@pytest.mark.parametrize(("m", "low", "high"), [(0.0, -0.116, -0.038), (0.5, -0.147, -0.008), (1.0, -0.178, 0.023)])
def test_violations_of_parallel_trends_widen_the_interval_as_known(counties, m, low, high):
    result = callaway_santanna(counties(), Options(**NEVER, aggregations=(Kind.DYNAMIC,)))
    curve = {point["m"]: point for point in result.diagnostic("breakdown").values["curve"]}

    # the anchor refers to the normal, the engine to t(499): 0.0001 apart
    assert curve[m]["low"] == pytest.approx(low, abs=0.0006)
    assert curve[m]["high"] == pytest.approx(high, abs=0.0006)
    assert 0.5 < result.diagnostic("breakdown").values["m_bar"] < 1.0


def test_with_a_locked_plan_the_dynamic_effect_is_moderate_evidence(counties):
    options = Options(**NEVER, aggregations=(Kind.DYNAMIC,))
    planned, unplanned = (callaway_santanna(counties(plan), options) for plan in (Plan.LOCKED, Plan.NONE))

    assert (planned.grade, planned.words, planned.exploratory) == (3, "probably caused", False)
    assert (unplanned.grade, unplanned.words, unplanned.exploratory) == (2, "is consistent with", True)
    assert [reason.code for reason in unplanned.reasons] == ["differences", "unplanned"]


@pytest.mark.parametrize(
    ("method", "simple", "error"),
    [
        (CellMethod.DOUBLY_ROBUST, -0.041752, 0.011503),
        (CellMethod.OUTCOME_REGRESSION, -0.041969, 0.011445),
        (CellMethod.INVERSE_PROPENSITY, -0.041777, 0.011500),
    ],
)
def test_with_covariates_each_method_gives_what_csdid_gives(counties, method, simple, error):
    result = callaway_santanna(counties(), Options(**NEVER, covariates=("lpop",), cell_method=method))

    assert result.value == pytest.approx(simple, abs=1e-6)
    assert result.standard_error.value == pytest.approx(error, abs=1e-6)


def test_units_not_yet_exposed_may_serve_as_controls(counties):
    result = callaway_santanna(counties(), Options(controls=Controls.NOT_YET))

    by_cell = {(row.at, row.period): row for row in result.aggregation(Kind.COHORT_PERIOD).rows}
    assert by_cell[2004, 2004].n_control == 309 + 40 + 131
    assert by_cell[2004, 2006].n_control == 309 + 131
    assert by_cell[2006, 2004].n_control == 309 + 131
    assert by_cell[2007, 2007].n_control == 309


def test_where_everyone_is_exposed_in_the_end_the_last_cohort_is_the_control(published):
    column = published("mpdta.csv")
    exposed = [at for at, first in enumerate(column["first.treat"]) if first]
    panel = build(
        unit=[column["countyreal"][at] for at in exposed],
        period=[column["year"][at] for at in exposed],
        outcome=[column["lemp"][at] for at in exposed],
        first_exposed=[column["first.treat"][at] for at in exposed],
    )

    result = callaway_santanna(panel, Options())

    assert {row.at for row in result.aggregation(Kind.COHORT_PERIOD).rows} == {2004, 2006}
    assert max(row.period for row in result.aggregation(Kind.COHORT_PERIOD).rows) == 2006
    assert result.sample.units_control == 131
    assert "2007" in result.diagnostic("cohorts").detail


def test_clusters_of_single_units_differ_by_the_small_sample_factor_only(counties, published):
    clustered = callaway_santanna(counties(cluster=published("mpdta.csv")["countyreal"]), Options(**NEVER))
    plain = callaway_santanna(counties(), Options(**NEVER))

    assert clustered.value == plain.value
    assert clustered.standard_error.value == pytest.approx(plain.standard_error.value * (500 / 499) ** 0.5)


def test_second_opinions_stand_beside_the_effect(counties):
    main, second, shown = estimate(counties(), ["callaway_santanna", "imputation", "twfe"], Options(**NEVER))

    spread = main.diagnostic("specification_spread").values
    assert [one["estimator"] for one in spread["estimates"]] == ["callaway_santanna", "imputation"]
    # both as diff-diff 3.13 and csdid give them
    assert second.value == pytest.approx(-0.047710, abs=SIX)
    assert second.standard_error.value == pytest.approx(0.013222, abs=SIX)
    assert shown.value == pytest.approx(-0.036549, abs=SIX)
    assert shown.grade == 1
    assert main.provenance["data_hash"] == second.provenance["data_hash"]
