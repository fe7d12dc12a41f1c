"""Cohort effects, imputation and what goes on before exposure, on panels whose truth is known."""

import numpy as np
import pytest

from app.domain.errors import Invalid
from app.domain.impact import cells, cohorts
from app.domain.impact.callaway_santanna import callaway_santanna
from app.domain.impact.design import Assignment, Design, Plan
from app.domain.impact.did import did_2x2
from app.domain.impact.drdid import dr_did, ipw_did, or_did
from app.domain.impact.imputation import imputation
from app.domain.impact.options import CellMethod, Controls, Options
from app.domain.impact.panel_rows import build
from app.domain.impact.result import AggregationKind as Kind
from app.domain.impact.result import Verdict
from app.domain.impact.twfe import twfe

LOCKED = Design(assignment=Assignment.VOLUNTARY, plan=Plan.LOCKED)


def panel(first, outcome, *, x=None, keep=None, **overrides):
    """Units x periods as rows; periods count from 1."""
    units, periods = outcome.shape
    columns = {
        "unit": np.repeat(np.arange(units), periods),
        "period": np.tile(np.arange(1, periods + 1), units),
        "outcome": outcome.ravel(),
        "first_exposed": np.repeat(first, periods),
    }
    if keep is not None:
        columns = {name: column[keep.ravel()] for name, column in columns.items()}
    covariates = {} if x is None else {"x": np.repeat(x, periods)}
    return build(**{**columns, "covariates": covariates, "design": LOCKED, **overrides})


def noise(seed, units, periods):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(units, 1)) + np.sin(np.arange(periods)) + rng.normal(size=(units, periods))


def staggered(seed=0, units=200, periods=10, *, effect=0.0):
    rng = np.random.default_rng(seed + 1000)
    first = rng.permutation(np.resize([5, 8, 0, 0], units))
    exposed = (first[:, None] > 0) & (np.arange(1, periods + 1) >= first[:, None])
    return first, noise(seed, units, periods) + effect * exposed


class TestEffects:
    def test_an_effect_without_noise_is_found_exactly(self):
        first = np.repeat([3, 4, 0], 6)
        time = np.arange(1, 6)
        grown = np.maximum(time - first[:, None] + 1, 0) * (first[:, None] > 0)
        outcome = np.arange(18.0)[:, None] + time**2 + grown

        for estimator in (callaway_santanna, imputation):
            result = estimator(panel(first, outcome), Options())
            rows = result.aggregation(Kind.DYNAMIC).rows

            assert [(row.at, row.value) for row in rows] == [(0, 1), (1, 2), (2, 3)] or np.allclose(
                [row.value for row in rows], [1, 2, 3]
            )

    def test_two_way_fixed_effects_get_a_growing_effect_wrong_and_say_why(self):
        first = np.repeat([3, 6, 0], 10)
        time = np.arange(1, 9)
        grown = np.maximum(time - first[:, None] + 1.0, 0) * (first[:, None] > 0)
        result = twfe(panel(first, np.arange(30.0)[:, None] + time + grown), Options())

        truth = grown[grown > 0].mean()
        bacon = result.diagnostic("bacon")
        assert result.value < truth - 0.3
        assert bacon.verdict is Verdict.FLAG
        assert bacon.values["weights"]["exposed_already"] > 0.1
        assert bacon.values["weighted_mean"] == pytest.approx(result.value)
        assert sum(bacon.values["weights"].values()) == pytest.approx(1.0)
        assert (result.grade, result.estimand.value) == (1, "descriptive")

    def test_with_one_start_all_comparisons_of_changes_agree(self):
        rng = np.random.default_rng(4)
        outcome = noise(4, 80, 2)
        first = rng.permutation(np.resize([2, 0], 80))
        held = panel(first, outcome)

        values = [
            estimator(held, Options()).value
            for estimator in (did_2x2, callaway_santanna, imputation, twfe, dr_did, or_did, ipw_did)
        ]

        assert values == pytest.approx([values[0]] * len(values))

    @pytest.mark.parametrize(
        ("estimator", "method"),
        [
            (dr_did, CellMethod.DOUBLY_ROBUST),
            (or_did, CellMethod.OUTCOME_REGRESSION),
            (ipw_did, CellMethod.INVERSE_PROPENSITY),
        ],
    )
    def test_given_covariates_a_two_period_panel_is_one_cell(self, estimator, method):
        rng = np.random.default_rng(5)
        x = rng.normal(size=120)
        first = np.where(rng.random(120) < 1 / (1 + np.exp(-x)), 2, 0)
        held = panel(first, noise(5, 120, 2) + x[:, None] * [0.0, 1.0], x=x)
        options = Options(covariates=("x",), cell_method=method)

        one, other = estimator(held, options), callaway_santanna(held, options)

        assert one.value == pytest.approx(other.value)
        assert one.standard_error.value == pytest.approx(other.standard_error.value)

    def test_overlap_travels_with_propensity_weights(self):
        rng = np.random.default_rng(6)
        x = rng.normal(size=200)
        held = panel(np.where(x + rng.normal(size=200) > 0, 2, 0), noise(6, 200, 2), x=x)

        assert dr_did(held, Options(covariates=("x",))).diagnostic("overlap") is not None
        assert or_did(held, Options(covariates=("x",))).diagnostic("overlap") is None

    def test_covariates_that_tell_the_groups_apart_are_refused(self):
        x = np.repeat([0.0, 1.0], 20) + np.linspace(0, 0.1, 40)

        with pytest.raises(Invalid) as refused:
            dr_did(panel(np.repeat([0, 2], 20), noise(7, 40, 2), x=x), Options(covariates=("x",)))
        assert refused.value.errors[0].code == "separated"

    def test_whole_number_weights_equal_repeated_units(self):
        first, outcome = staggered(8, units=40)
        repeated = np.repeat(np.arange(40), np.resize([1, 3], 40))

        weighted = panel(first, outcome, weights=np.repeat(np.resize([1.0, 3.0], 40), 10))
        copied = panel(first[repeated], outcome[repeated])

        for estimator in (callaway_santanna, imputation, twfe):
            assert estimator(weighted, Options()).value == pytest.approx(estimator(copied, Options()).value)


class TestWhoIsCompared:
    def test_units_missing_a_period_leave_the_balanced_estimate_and_are_counted(self):
        first, outcome = staggered(1)
        keep = np.ones_like(outcome, dtype=bool)
        keep[:7, 3] = False

        result = callaway_santanna(panel(first, outcome, keep=keep), Options())

        assert result.diagnostic("composition").values["units_dropped"] == 7
        assert "7 units not observed in every period" in result.diagnostic("cohorts").detail

    def test_units_exposed_from_the_first_period_have_no_base_and_leave(self):
        first, outcome = staggered(2)
        first[:9] = 1

        result = callaway_santanna(panel(first, outcome), Options())

        assert "9 units exposed without an earlier base period" in result.diagnostic("cohorts").detail

    def test_cohorts_under_five_units_are_suppressed_and_stay_out_of_the_averages(self):
        first, outcome = staggered(3)
        first[first == 5] = 0
        first[np.flatnonzero(first == 0)[:4]] = 6

        result = callaway_santanna(panel(first, outcome), Options())

        small = [row for row in result.aggregation(Kind.COHORT_PERIOD).rows if row.at == 6]
        assert {row.value for row in small} == {None}
        assert all("fewer than 5" in row.suppressed for row in small)
        assert [row.at for row in result.aggregation(Kind.GROUP).rows] == [8]

    def test_no_cohort_of_five_is_refused(self):
        first, outcome = staggered(4, units=20)
        first[:] = 0
        first[:3] = 5

        with pytest.raises(Invalid) as refused:
            callaway_santanna(panel(first, outcome), Options())
        assert refused.value.errors[0].code == "no_cells"

    def test_never_exposed_controls_must_exist_to_be_asked_for(self):
        first, outcome = staggered(5)
        first[first == 0] = 9

        with pytest.raises(Invalid) as refused:
            callaway_santanna(panel(first, outcome), Options(controls=Controls.NEVER))
        assert refused.value.errors[0].code == "no_never_exposed"

    def test_several_starts_are_no_two_by_two(self):
        with pytest.raises(Invalid) as refused:
            did_2x2(panel(*staggered(6)), Options())
        assert refused.value.errors[0].code == "several_starts"

    def test_anticipation_moves_the_base_and_keeps_those_who_may_react_out_of_the_controls(self):
        first, outcome = staggered(7)
        options = Options(anticipation=2)

        found = cells.compute(cohorts.arrange(panel(first, outcome), options), options)

        # periods count from 0 here: the cohort that starts in period 5 has its base in period 2
        post = [cell for cell in found.cells if cell.cohort == 0 and cell.period >= 2]
        assert {cell.base for cell in post} == {1}
        # those who start in period 8 serve as controls up to two periods before
        assert {cell.period: cell.n_control for cell in post if cell.period in (4, 5)} == {4: 150, 5: 100}

    def test_rows_that_cannot_be_predicted_are_left_out_of_imputation(self):
        first, outcome = staggered(8)
        first[first == 0] = 10

        result = imputation(panel(first, outcome), Options())

        assert result.diagnostic("imputed_rows").values["left_out"] == 200
        assert [row.at for row in result.aggregation(Kind.CALENDAR).rows] == [5, 6, 7, 8, 9]

    def test_imputation_without_unexposed_rows_is_refused(self):
        first, outcome = staggered(9)
        first[:] = np.resize([1, 2], len(first))
        with pytest.raises(Invalid):
            imputation(panel(first, outcome[:, :2]), Options())


class TestBeforeExposure:
    def test_groups_that_drift_apart_fail_and_cost_a_grade(self):
        first, outcome = staggered(1)
        outcome += 0.4 * np.arange(10) * (first[:, None] > 0)

        result = callaway_santanna(panel(first, outcome), Options())

        assert result.diagnostic("pre_trends").verdict is Verdict.FAIL
        assert result.diagnostic("pre_trend_linear").values["slope_per_period"] == pytest.approx(0.4, abs=0.1)
        assert "failed_pre_trend" in [reason.code for reason in result.reasons]
        assert result.grade < 3

    def test_a_dip_before_joining_is_flagged_as_anticipation(self):
        first, outcome = staggered(2)
        joining = (first[:, None] > 0) & (np.arange(1, 11) == first[:, None] - 1)

        result = callaway_santanna(panel(first, outcome - 1.5 * joining), Options())

        assert result.diagnostic("dip").verdict is Verdict.FAIL
        assert result.diagnostic("anticipation").verdict is Verdict.FAIL
        assert result.diagnostic("anticipation").values["value_moved"] == pytest.approx(0.0, abs=0.4)
        assert [reason.code for reason in result.reasons].count("anticipation") == 1

    def test_a_base_three_periods_back_is_what_the_move_of_the_base_says(self):
        first, outcome = staggered(3)
        held = panel(first, outcome)
        near = callaway_santanna(held, Options(controls=Controls.NEVER))
        far = callaway_santanna(held, Options(controls=Controls.NEVER, anticipation=3))

        assert near.diagnostic("anticipation").values["value_moved"] == pytest.approx(far.value)

    def test_a_pretended_date_is_the_effect_on_earlier_data(self):
        first = np.resize([7, 0], 100)
        outcome = noise(4, 100, 10)

        found = callaway_santanna(panel(first, outcome), Options()).diagnostic("placebo_date").values
        early = callaway_santanna(panel(np.where(first, 4, 0), outcome[:, :6]), Options())

        assert found["value"] == pytest.approx(early.value)
        assert found["standard_error"] == pytest.approx(early.standard_error.value)

    def test_without_an_earlier_period_trends_are_untested_and_the_grade_is_two_at_most(self):
        first = np.resize([2, 0], 60)
        result = did_2x2(panel(first, noise(5, 60, 3)), Options())

        assert result.diagnostic("pre_trends").verdict is Verdict.UNAVAILABLE
        assert result.grade == 2

    def test_other_estimators_of_the_same_panel_carry_the_same_tests(self):
        held = panel(*staggered(6))
        main = callaway_santanna(held, Options())

        for estimator in (imputation, twfe):
            assert (
                estimator(held, Options()).diagnostic("pre_trends").values["p_value"]
                == main.diagnostic("pre_trends").values["p_value"]
            )

    def test_few_clusters_allow_few_leads(self):
        first = np.repeat(np.resize([7, 0], 16), 10)
        held = panel(first, noise(7, 160, 10), cluster=np.repeat(np.arange(160) // 10, 10))

        leads = callaway_santanna(held, Options()).diagnostic("pre_trends").values["leads"]

        assert len(leads) == 16 // 5

    def test_true_trends_are_rarely_rejected(self):
        """A smoke test: 100 panels with parallel trends; the test holds its 5 %, the textbook one does not."""
        found = [
            callaway_santanna(panel(*staggered(seed, units=60)), Options(aggregations=(Kind.SIMPLE,)))
            .diagnostic("pre_trends")
            .values
            for seed in range(100)
        ]

        assert sum(one["p_value"] < 0.05 for one in found) <= 12
        assert sum(one["textbook_all_cells"]["p_value"] < 0.05 for one in found) >= 12


def test_the_share_found_in_simulated_rollouts_is_what_the_level_promises():
    """A smoke test: 60 panels with a known effect; nine in ten intervals at least hold it."""
    held = 0
    for seed in range(60):
        interval = callaway_santanna(
            panel(*staggered(seed, units=80, effect=0.5)), Options(aggregations=(Kind.SIMPLE,))
        ).interval
        held += interval.low <= 0.5 <= interval.high

    assert held >= 52
