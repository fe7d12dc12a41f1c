"""Details of cohorts that averages depend on: deals of staggered starts, bands, shares, who may serve as control."""

import itertools

import numpy as np
import pytest

from app.domain.impact import aggregates, cells, cohorts
from app.domain.impact.bands import simultaneous_quantile
from app.domain.impact.callaway_santanna import callaway_santanna
from app.domain.impact.leads import Leads
from app.domain.impact.linear import t_quantile
from app.domain.impact.options import Options
from app.domain.impact.panel_rows import build
from app.domain.impact.result import AggregationKind as Kind
from app.domain.impact.result import StandardErrorKind


def panel(first, periods, *, size=1, seed=0, x=None, clustered=True):
    """Teams of growing size with these starts (0: never)."""
    rng = np.random.default_rng(seed)
    sizes = size + np.arange(len(first)) % 2
    team = np.repeat(np.arange(len(first)), sizes)
    people = len(team)
    outcome = rng.normal(size=(people, periods)) + rng.normal(size=(len(first), periods))[team]
    return build(
        unit=np.repeat(np.arange(people), periods),
        period=np.tile(np.arange(1, periods + 1), people),
        outcome=outcome.ravel(),
        first_exposed=np.repeat(np.asarray(first)[team], periods),
        cluster=np.repeat(team, periods) if clustered else None,
        covariates={} if x is None else {"x": np.repeat(rng.normal(size=people), periods)},
    )


def test_staggered_starts_dealt_anew_are_the_estimates_of_the_panels_so_dealt():
    starts = (3, 3, 4, 0, 0, 0)
    options = Options(aggregations=(Kind.SIMPLE,), standard_error=StandardErrorKind.RANDOMISATION)
    observed = callaway_santanna(panel(starts, 5, size=5), options)

    dealt = [
        abs(callaway_santanna(panel(other, 5, size=5), Options(aggregations=(Kind.SIMPLE,))).value)
        for other in sorted(set(itertools.permutations(starts)))
    ]

    assert len(dealt) == 60
    assert observed.p_value == pytest.approx(np.mean(np.array(dealt) >= abs(observed.value) - 1e-12))


def test_covariates_are_taken_out_before_starts_are_dealt_anew():
    options = Options(aggregations=(Kind.SIMPLE,), standard_error=StandardErrorKind.RANDOMISATION, covariates=("x",))

    result = callaway_santanna(panel((3,) * 6 + (0,) * 6, 4, size=6, x=True), options)

    assert result.standard_error.kind is StandardErrorKind.RANDOMISATION
    assert 0.0 < result.p_value <= 1.0
    assert result.interval.low < result.value < result.interval.high


def test_who_may_already_react_to_exposure_is_no_control_when_everyone_is_exposed_in_the_end():
    held = panel([4] * 10 + [7] * 10 + [8] * 10, 8, clustered=False)

    found = cohorts.arrange(held, Options(anticipation=2))

    # the last cohort, from period 8 on, serves up to period 5; the one of period 7 reacts from 5 on and is left out
    assert found.n_periods == 5
    assert found.sizes.tolist() == [15, 15]
    assert found.panel.period_labels[int(found.firsts[0])] == 4


def test_one_row_alone_has_the_pointwise_quantile_and_more_rows_a_larger_one():
    rng = np.random.default_rng

    alone = simultaneous_quantile(np.eye(1), rng(0), level=0.95, df=8.0, draws=40_000)
    normal = simultaneous_quantile(np.eye(1), rng(0), level=0.95, df=None, draws=40_000)
    five = simultaneous_quantile(np.eye(5), rng(0), level=0.95, df=None, draws=40_000)

    assert alone == pytest.approx(t_quantile(0.975, 8.0), rel=0.02)
    assert normal == pytest.approx(1.96, rel=0.02)
    # (1 - alpha)^(1/5) for independent rows
    assert five == pytest.approx(t_quantile(0.5 + 0.95**0.2 / 2, None), rel=0.02)
    assert simultaneous_quantile(np.zeros((2, 2)), rng(0), level=0.95, df=None, draws=10) is None


def test_leads_averaged_over_cohorts_are_those_of_the_event_study():
    held = panel([5] * 12 + [7] * 24 + [0] * 20, 8)
    options = Options()
    found = cells.compute(cohorts.arrange(held, options), options)

    leads, study = Leads(found).single(3), aggregates.event_study(found)
    at = [study.at.index(-step) for step in leads.at]

    assert leads.values == pytest.approx(study.values[at])
    assert leads.errors(found) == pytest.approx(study.errors(found)[at])


def test_a_unit_whose_exposure_has_ended_is_unexposed_in_what_is_left():
    held = build(
        unit=np.repeat([1, 2, 3], 3),
        period=np.tile([1, 2, 3], 3),
        outcome=np.arange(9.0),
        exposure=[0, 1, 0, 0, 1, 1, 0, 0, 0],
    )

    assert held.restrict((1, 3)).first.tolist() == [2, 1, 2]
    assert held.restrict((1, 3)).absorbing
