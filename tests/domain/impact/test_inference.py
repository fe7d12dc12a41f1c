"""How precision is measured follows from how exposure was dealt, and where nothing can be tested that is said."""

import itertools

import numpy as np
import pytest

from app.domain.impact import randomisation, wild_bootstrap
from app.domain.impact.callaway_santanna import callaway_santanna
from app.domain.impact.design import Assignment, Design, Plan
from app.domain.impact.did import did_2x2
from app.domain.impact.imputation import imputation
from app.domain.impact.inference import Clusters
from app.domain.impact.linear import least_squares
from app.domain.impact.options import Options
from app.domain.impact.panel_rows import build
from app.domain.impact.result import AggregationKind
from app.domain.impact.result import StandardErrorKind as Kind

SIMPLE = (AggregationKind.SIMPLE,)


def teams(total, treated, *, seed=0, effect=0.0, size=6, periods=4, design=None):
    """Whole teams exposed from the middle on, with a shock per team and period."""
    rng = np.random.default_rng(seed)
    people = total * size
    start = periods // 2 + 1
    first = np.repeat(np.where(np.arange(total) < treated, start, 0), size)
    shocks = np.repeat(rng.normal(size=(total, periods)), size, axis=0)
    time = np.arange(1, periods + 1)
    outcome = rng.normal(size=(people, 1)) + shocks + rng.normal(size=(people, periods))
    outcome += effect * ((first[:, None] > 0) & (time >= first[:, None]))
    return build(
        unit=np.repeat(np.arange(people), periods),
        period=np.tile(time, people),
        outcome=outcome.ravel(),
        first_exposed=np.repeat(first, periods),
        cluster=np.repeat(np.arange(people) // size, periods),
        design=design or Design(plan=Plan.LOCKED, assignment=Assignment.ROLLOUT),
    )


@pytest.mark.parametrize(
    ("total", "exposed", "kind"),
    [
        (40, 20, Kind.CLUSTER),
        (30, 10, Kind.CLUSTER),
        (29, 12, Kind.WILD_BOOTSTRAP),
        (40, 7, Kind.WILD_BOOTSTRAP),
        (10, 5, Kind.WILD_BOOTSTRAP),
        (40, 4, Kind.RANDOMISATION),
        (10, 2, Kind.RANDOMISATION),
        (8, 4, Kind.RANDOMISATION),
        (6, 3, None),
        (30, 1, None),
    ],
)
def test_the_number_of_clusters_decides_the_inference(total, exposed, kind):
    arms = np.repeat([0, 1], [total - exposed, exposed])

    clusters = Clusters(total, exposed, total - exposed, randomisation.possible_deals(arms))

    assert clusters.rule(Kind.CLUSTER) is kind


def test_few_randomised_clusters_are_dealt_anew():
    assert Clusters(39, 20, 19, 10**10).rule(Kind.HC2, randomised=True) is Kind.RANDOMISATION
    assert Clusters(40, 20, 20, 10**10).rule(Kind.HC2, randomised=True) is Kind.HC2


@pytest.mark.parametrize("estimator", [did_2x2, callaway_santanna])
def test_three_of_six_clusters_cannot_be_tested(estimator):
    result = estimator(teams(6, 3), Options(aggregations=SIMPLE))

    assert result.value is not None
    assert result.p_value is None
    assert result.interval is None
    assert "20 ways" in result.p_value_reason
    assert result.grade <= 2
    assert "untestable" in [reason.code for reason in result.reasons]


def test_a_cluster_robust_p_value_is_refused_for_two_treated_clusters():
    result = did_2x2(teams(12, 2), Options(standard_error=Kind.CLUSTER))

    assert result.standard_error.kind is Kind.CLUSTER
    assert result.p_value is None
    assert "invent significance" in result.p_value_reason


def test_two_of_twelve_clusters_are_tested_by_dealing_exposure_anew():
    result = did_2x2(teams(12, 2), Options())

    assert result.standard_error.kind is Kind.RANDOMISATION
    # all 66 deals are counted, so every p-value is a multiple of 1/66
    assert result.p_value * 66 == pytest.approx(round(result.p_value * 66))
    assert result.p_value >= 1 / 66


def test_exhaustive_randomisation_is_the_permutation_test():
    panel = teams(8, 3, effect=1.0)
    change = panel.wide()[2:].mean(axis=0) - panel.wide()[:2].mean(axis=0)
    by_team = change.reshape(8, 6).mean(axis=1)
    observed = by_team[:3].mean() - by_team[3:].mean()
    differences = [
        abs(by_team[list(chosen)].mean() - np.delete(by_team, chosen).mean())
        for chosen in itertools.combinations(range(8), 3)
    ]

    expected = np.mean([one >= abs(observed) - 1e-12 for one in differences])

    for estimator in (did_2x2, callaway_santanna):
        result = estimator(panel, Options(standard_error=Kind.RANDOMISATION, aggregations=SIMPLE))
        if estimator is did_2x2:
            assert result.value == pytest.approx(observed)
            assert result.p_value == pytest.approx(expected)
        assert result.interval.method == "randomisation"


def test_the_randomisation_interval_holds_what_is_not_rejected():
    panel = teams(12, 6, effect=2.0)
    result = did_2x2(panel, Options(standard_error=Kind.RANDOMISATION))

    def p_value(shift):
        moved = build(
            unit=panel.unit,
            period=panel.period + 1,
            outcome=panel.outcome - shift * panel.exposed,
            exposure=panel.exposed,
            cluster=panel.cluster,
        )
        return did_2x2(moved, Options(standard_error=Kind.RANDOMISATION)).p_value

    assert p_value(result.interval.low + 0.01) > 0.05
    assert p_value(result.interval.low - 0.01) <= 0.05
    assert p_value(result.interval.high - 0.01) > 0.05
    assert p_value(result.interval.high + 0.01) <= 0.05


def test_random_deals_keep_how_many_clusters_each_arm_has():
    arms = np.repeat([0, 1, 2], [20, 10, 10])

    deals = randomisation.deal(arms, np.random.default_rng(0), 50)

    assert not deals.exact
    assert (np.sort(deals.arms, axis=1) == np.sort(arms)).all()


def test_all_deals_are_listed_once_where_they_are_few():
    deals = randomisation.deal(np.array([0, 0, 1, 2]), np.random.default_rng(0), 5)

    assert deals.exact
    assert len({tuple(row) for row in deals.arms.tolist()}) == len(deals.arms) == deals.possible == 12


def test_many_clusters_are_counted_without_overflow():
    assert randomisation.possible_deals(np.repeat([0, 1], 50_000)) == 10**15


def test_the_wild_bootstrap_equals_refitting_every_draw():
    rng = np.random.default_rng(3)
    clusters = np.repeat(np.arange(10), 4)
    x = np.column_stack([np.ones(40), np.repeat(np.arange(10) % 2, 4), rng.normal(size=40)])
    y = rng.normal(size=40) + np.repeat(rng.normal(size=10), 4)
    weights = rng.uniform(0.5, 2.0, 40)
    fit = least_squares(y, x, ["constant", "exposure", "age"], weights=weights)

    found = wild_bootstrap.wild_bootstrap(
        fit, "exposure", clusters, rng=np.random.default_rng(1), draws=199, level=0.95
    )

    six_points = np.sqrt([1.5, 1.0, 0.5, 0.5, 1.0, 1.5]) * [-1, -1, -1, 1, 1, 1]
    webb = np.random.default_rng(1).choice(six_points, (199, 10))
    null = least_squares(y, x[:, [0, 2]], ["constant", "age"], weights=weights)
    drawn = []
    for row in webb:
        refit = least_squares(y - null.residuals + null.residuals * row[clusters], x, fit.names, weights=weights)
        drawn.append(abs(refit.beta[1]) / refit.standard_error("exposure", Kind.CLUSTER, clusters))
    observed = abs(fit.beta[1]) / fit.standard_error("exposure", Kind.CLUSTER, clusters)
    assert found.p_value == pytest.approx((1 + np.sum(np.array(drawn) >= observed)) / 200)


def test_the_wild_bootstrap_interval_is_where_its_p_value_falls_to_five_percent():
    result = did_2x2(teams(20, 10, effect=1.0), Options(draws=399))

    assert result.standard_error.kind is Kind.WILD_BOOTSTRAP
    assert result.interval.low < result.value < result.interval.high
    assert (result.p_value < 0.05) == (not result.interval.low <= 0.0 <= result.interval.high)


def test_the_same_seed_gives_the_same_numbers_and_another_seed_others():
    panel = teams(20, 10)
    first, again, other = (did_2x2(panel, Options(seed=seed)).p_value for seed in (1, 1, 2))

    assert first == again
    assert first != other


def test_teams_that_hold_exposed_and_unexposed_people_cannot_be_dealt_anew():
    panel = teams(12, 6)
    mixed = build(
        unit=panel.unit,
        period=panel.period + 1,
        outcome=panel.outcome,
        exposure=panel.exposed,
        cluster=(panel.unit + 3) // 24,
    )

    result = did_2x2(mixed, Options())

    assert result.diagnostic("composition").values["mixed_clusters"] > 0
    assert result.standard_error.kind is not Kind.RANDOMISATION


def test_imputation_does_not_test_with_too_few_clusters_and_says_where_one_can():
    result = imputation(teams(20, 10), Options())

    assert result.p_value is None
    assert "callaway_santanna" in result.p_value_reason
    assert imputation(teams(20, 10), Options(standard_error=Kind.CLUSTER)).p_value is not None


def test_randomisation_inference_stands_beside_cluster_robust_inference_of_under_thirty():
    result = callaway_santanna(teams(40, 20), Options(aggregations=SIMPLE))

    small = result.diagnostic("small_sample").values
    assert (small["exposed"], small["unexposed"]) == (20, 20)
    assert small["randomisation_p_value"] == pytest.approx(result.p_value, abs=0.05)


def test_deals_of_very_many_units_stay_small():
    deals = randomisation.deal(np.repeat([0, 1], [99_980, 20]), np.random.default_rng(0), 999)

    assert deals.arms.shape == (99, 100_000)
    assert (deals.arms.sum(axis=1) == 20).all()


def test_under_team_shocks_false_positives_stay_near_five_percent():
    """A smoke test: 50 panels without effect, 12 teams; unit-level standard errors would reject in about a third."""
    rejected = sum(did_2x2(teams(12, 6, seed=seed), Options(draws=199)).p_value < 0.05 for seed in range(50))
    naive = sum(did_2x2(teams(12, 6, seed=seed), Options(standard_error=Kind.HC2)).p_value < 0.05 for seed in range(50))

    assert rejected <= 7
    assert naive >= 10
