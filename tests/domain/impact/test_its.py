"""Sicily's smoking ban (Lopez Bernal, Cummins, Gasparrini 2017), and series whose truth is known."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from app.domain.errors import Invalid
from app.domain.impact.design import Assignment, Design, Plan
from app.domain.impact.estimate import estimate
from app.domain.impact.its import prais_winsten, reml
from app.domain.impact.its_counts import poisson
from app.domain.impact.linear import t_two_sided
from app.domain.impact.options import Options
from app.domain.impact.panel_rows import build
from app.domain.impact.result import StandardErrorKind as Kind
from app.domain.impact.result import Verdict
from app.domain.impact.series import Series, checked

SEASON = {"offset": "stdpop", "season": 12, "harmonics": 2}


def sicily(published, transform="none"):
    column = published("sicily.csv")
    return build(
        unit=["Sicily"] * 59,
        period=list(range(1, 60)),
        outcome=column["aces"],
        exposure=column["smokban"],
        covariates={"stdpop": column["stdpop"]},
        transform=transform,
        design=Design(assignment=Assignment.MANDATORY, plan=Plan.LOCKED),
    )


def drawn(seed, *, before=24, after=12, rho=0.4, level=0.0):
    """A trend, a yearly wave and AR(1) errors."""
    rng = np.random.default_rng(seed)
    errors = np.zeros(before + after + 50)
    for at, shock in enumerate(rng.normal(size=len(errors))):
        errors[at] = shock + (rho * errors[at - 1] if at else 0.0)
    time = np.arange(1.0, before + after + 1)
    outcome = 0.05 * time + np.sin(2 * np.pi * time / 12) + errors[50:] + level * (time > before)
    return Series(outcome=outcome, start=before, season=12, harmonics=1)


@pytest.mark.parametrize(
    ("extras", "ratio", "low", "high", "dispersion"),
    [
        ({"offset": "stdpop", "family": "poisson"}, 0.8944, 0.8647, 0.9251, 3.559),
        ({"offset": "stdpop"}, 0.8944, 0.839, 0.953, 3.559),
        (SEASON, 0.8851, 0.8394, 0.9332, 2.262),
    ],
)
def test_counts_give_the_published_rate_ratios(published, extras, ratio, low, high, dispersion):
    [result] = estimate(sicily(published), ["its_poisson"], Options(extras=extras))

    found = result.diagnostic("rate_ratio").values
    assert found["value"] == pytest.approx(ratio, abs=6e-5)
    assert (found["low"], found["high"]) == pytest.approx((low, high), abs=5e-4)
    assert result.diagnostic("series").values["dispersion"] == pytest.approx(dispersion, abs=6e-4)
    assert result.value == pytest.approx(np.log(found["value"]), abs=1e-12)
    assert result.transform == "log"


def test_the_ban_did_not_change_the_slope(published):
    extras = SEASON | {"change": "level_and_slope"}
    [result] = estimate(sicily(published), ["its_poisson"], Options(extras=extras))

    assert result.coefficient("slope_change").p_value == pytest.approx(0.424, abs=5e-4)


def test_restricted_maximum_likelihood_on_the_log_rate_agrees(published):
    [result] = estimate(sicily(published, "log"), ["its_reml"], Options(extras=SEASON))

    found = result.diagnostic("rate_ratio").values
    assert (found["value"], found["low"], found["high"]) == pytest.approx((0.883, 0.839, 0.929), abs=5e-4)
    assert result.df == pytest.approx(18.9, abs=0.1)
    assert result.standard_error.kind is Kind.MODEL


def test_pretending_the_ban_came_in_the_nineteenth_month_finds_nothing(published):
    [result] = estimate(sicily(published, "log"), ["its_reml"], Options(extras=SEASON))

    placebo = result.diagnostic("placebo_date")
    assert placebo.verdict is Verdict.OK
    [date] = placebo.values["dates"]
    assert date["at"] == 19
    assert np.exp(date["value"]) == pytest.approx(1.001, abs=5e-4)


def test_one_series_with_a_locked_plan_is_weak_evidence_and_no_more(published):
    [result] = estimate(sicily(published, "log"), ["its_reml"], Options(extras=SEASON))

    assert result.grade == 2
    assert result.words == "is consistent with"
    assert (result.sample.units_treated, result.sample.units_control) == (1, 0)
    assert result.diagnostic("intervals_too_narrow") is not None
    assert result.diagnostic("precision").values["smallest_effect_found"] > 0


def test_without_autocorrelation_all_fits_of_white_noise_agree():
    series = drawn(1, before=60, after=24, rho=0.0, level=2.0)

    restricted, quasi = reml(series), prais_winsten(series)

    assert restricted.effect == pytest.approx(2.0, abs=1.0)
    assert quasi.effect == pytest.approx(restricted.effect, abs=0.1)
    assert restricted.effect_df <= series.length - 5


def test_the_restricted_estimate_of_the_autocorrelation_is_less_biased():
    fits = [(reml(series).rho, prais_winsten(series).rho) for series in (drawn(seed, rho=0.6) for seed in range(40))]

    restricted, quasi = np.mean(fits, axis=0)

    assert quasi < 0.45
    assert abs(restricted - 0.6) < abs(quasi - 0.6)


def test_false_findings_of_a_short_autocorrelated_series_stay_near_the_measured_nine_percent():
    found = [reml(drawn(seed)) for seed in range(100)]

    from_t = np.mean([t_two_sided(one.effect / one.effect_error, one.effect_df) < 0.05 for one in found])
    assert 0.03 <= from_t <= 0.14


def test_the_likelihood_is_highest_at_the_estimate():
    series = drawn(3)
    found = reml(series)

    def restricted(rho):
        design, _ = series.columns()
        n = series.length
        lags = np.abs(np.subtract.outer(np.arange(n), np.arange(n)))
        inverse = np.linalg.inv(rho**lags / (1 - rho**2))
        cross = design.T @ inverse @ design
        residual = series.outcome - design @ np.linalg.solve(cross, design.T @ inverse @ series.outcome)
        squares = residual @ inverse @ residual
        determinants = -np.linalg.slogdet(inverse)[1] + np.linalg.slogdet(cross)[1]
        return -0.5 * ((n - design.shape[1]) * np.log(squares) + determinants)

    assert restricted(found.rho) >= max(restricted(found.rho - 0.01), restricted(found.rho + 0.01))


def test_a_change_of_slope_is_averaged_over_the_exposed_periods():
    time = np.arange(40.0)
    rng = np.random.default_rng(4)
    since = np.maximum(time - 30, 0)
    outcome = 1.0 + 0.1 * time + 2.0 * (time >= 30) + 0.5 * since + 1e-3 * rng.normal(size=40)

    found = reml(Series(outcome=outcome, start=30, with_slope=True))

    assert found.effect == pytest.approx(2.0 + 0.5 * since[30:].mean(), abs=0.01)


def test_counts_twice_as_high_double_the_rate_exactly():
    series = Series(outcome=np.array([10.0, 12, 9, 11, 10, 8, 12, 10, 9, 11, 10, 12, 21, 19, 20, 22]), start=12)

    found = poisson(series, quasi=False)

    design, _ = series.columns()
    assert design.T @ (series.outcome - found.fitted) == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"start": 11}, "too_few_points"),
        ({"start": 36}, "too_few_points"),
        ({"outcome": np.ones(36)}, "constant_outcome"),
        ({"outcome": np.full(36, np.nan)}, "not_finite"),
        ({"season": 2}, "no_season"),
        ({"regressors": np.ones((36, 1)), "names": ("control",)}, "collinear_columns"),
    ],
)
def test_series_that_cannot_show_a_break_are_refused(changed, code):
    with pytest.raises(Invalid) as refused:
        checked(replace(drawn(5), **changed))
    assert code in [fault.code for fault in refused.value.errors]


def test_a_series_without_any_error_is_refused():
    with pytest.raises(Invalid) as refused:
        reml(Series(outcome=np.arange(30.0), start=20))
    assert refused.value.errors[0].code == "no_variation"


def test_negative_counts_are_refused():
    with pytest.raises(Invalid) as refused:
        poisson(drawn(6), quasi=True)
    assert refused.value.errors[0].code == "not_counts"


def panel(before, *, periods=None, units=1):
    rng = np.random.default_rng(7)
    labels = periods or list(range(before + 6))
    rows = [(unit, label, at) for unit in range(units) for at, label in enumerate(labels)]
    return build(
        unit=[unit for unit, _, _ in rows],
        period=[label for _, label, _ in rows],
        outcome=rng.normal(size=len(rows)),
        exposure=[int(at >= before) for _, _, at in rows],
        design=Design(plan=Plan.LOCKED),
    )


def test_under_two_years_of_months_the_grade_is_one():
    short, enough = (estimate(panel(before), ["its_reml"])[0] for before in (23, 24))

    assert (short.grade, enough.grade) == (1, 2)
    assert short.diagnostic("few_points").verdict is Verdict.FLAG
    assert enough.diagnostic("few_points") is None


def test_under_twelve_points_nothing_is_computed():
    with pytest.raises(Invalid) as refused:
        estimate(panel(11), ["its_reml"])
    assert refused.value.errors[0].code == "too_few_points"


def test_a_missing_period_is_refused_not_closed_up():
    months = [at for at in range(31) if at != 9]
    assert any(later - earlier == 2 for earlier, later in pairwise(months))

    with pytest.raises(Invalid) as refused:
        estimate(panel(24, periods=months), ["its_reml"])
    assert refused.value.errors[0].code == "uneven_periods"


def test_several_units_exposed_together_are_one_series_of_means():
    several = panel(24, units=5)

    [result] = estimate(several, ["its_reml"])

    assert result.sample.units_treated == 5
    assert result.diagnostic("raw_means").values["observed"] == pytest.approx(several.wide().mean(axis=1).tolist())


def test_a_wave_before_the_break_fails_the_placebo_date():
    series = drawn(8, before=40, rho=0.0)
    jump = series.outcome + 8.0 * (np.arange(52) >= 20)
    rows = build(
        unit=["a"] * 52,
        period=list(range(52)),
        outcome=jump,
        exposure=[0] * 40 + [1] * 12,
        design=Design(plan=Plan.LOCKED),
    )

    [result] = estimate(rows, ["its_reml"], Options(extras={"season": 12, "harmonics": 1}))

    assert result.diagnostic("placebo_date").verdict is Verdict.FAIL
    assert result.grade <= 1


@pytest.mark.parametrize(
    ("slug", "extras"),
    [
        ("its_poisson", {"family": "normal"}),
        ("its_reml", {"change": "everything"}),
        ("its_reml", {"placebo_dates": [99]}),
    ],
)
def test_unknown_choices_are_refused(published, slug, extras):
    with pytest.raises(Invalid) as refused:
        estimate(sicily(published), [slug], Options(extras=extras))
    assert refused.value.errors[0].code in {"invalid_option", "unknown_period"}


def test_a_control_series_enters_as_regressor(published):
    [result] = estimate(sicily(published, "log"), ["its_prais_winsten"], Options(covariates=("stdpop",)))

    assert result.coefficient("stdpop") is not None
