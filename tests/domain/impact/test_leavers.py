"""Units that drop out: the effect on staying is told first, the effect on the outcome is bounded."""

import numpy as np
import pytest

from app.domain.impact.estimate import estimate
from app.domain.impact.leavers import report
from app.domain.impact.panel_rows import build
from app.domain.impact.result import Verdict

UNITS, PERIODS, START = 400, 4, 2


def panel(*, gone=(), effect=0.0, spread=1.0, cluster=None):
    """Half of the units are exposed from period 2 on; those `gone` have no outcome in the last period."""
    rng = np.random.default_rng(3)
    unit, period = np.repeat(np.arange(UNITS), PERIODS), np.tile(np.arange(PERIODS), UNITS)
    treated = unit < UNITS // 2
    y = rng.normal(size=UNITS)[unit] + spread * rng.normal(size=len(unit)) + effect * (treated & (period >= START))
    missing = np.isin(unit, list(gone)) & (period == PERIODS - 1)
    return build(
        unit=unit,
        period=period,
        outcome=[None if out else value for value, out in zip(y.tolist(), missing, strict=True)],
        first_exposed=[START if one else None for one in treated],
        cluster=None if cluster is None else cluster[unit],
    )


def told(one):
    return report(one, one.wide())


def test_without_leavers_staying_is_told_and_nothing_needs_bounds():
    [staying] = told(panel())

    assert (staying.code, staying.verdict, staying.values["effect"]) == ("retention", Verdict.INFO, 0.0)


def test_an_effect_on_staying_is_found_with_its_interval():
    staying, bounds = told(panel(gone=range(40)))

    assert staying.verdict is Verdict.FLAG
    assert staying.values["effect"] == pytest.approx(-0.2)
    assert staying.values["standard_error"] == pytest.approx(np.sqrt(0.2 * 0.8 / 199), rel=1e-6)
    assert staying.values["low"] < -0.2 < staying.values["high"] < 0
    assert (bounds.values["trimmed"], bounds.values["trimmed_share"]) == ("control", pytest.approx(0.2))


def test_when_the_worst_leave_the_bounds_reach_the_truth_that_the_stayers_miss():
    whole = panel(effect=1.0)
    change = whole.wide()[-1] - whole.wide()[:START].mean(axis=0)
    worst = np.argsort(change[: UNITS // 2])[:60]
    data = panel(effect=1.0, gone=worst.tolist())

    _, bounds = told(data)
    stayers = np.delete(change[: UNITS // 2], worst).mean() - change[UNITS // 2 :].mean()

    assert stayers > 1.3
    assert bounds.values["low"] == pytest.approx(1.0, abs=0.15)
    assert bounds.values["high"] > stayers


def test_the_same_numbers_of_leavers_bound_to_a_point():
    _, bounds = told(panel(effect=1.0, gone=[*range(20), *range(200, 220)]))

    assert bounds.values["low"] == bounds.values["high"] == pytest.approx(1.0, abs=0.3)
    assert bounds.verdict is Verdict.INFO


def test_whole_teams_that_leave_count_as_few():
    cluster = np.arange(UNITS) // 20
    alone, _ = told(panel(gone=range(40)))
    together, _ = told(panel(gone=range(40), cluster=cluster))

    assert together.values["standard_error"] > 3 * alone.values["standard_error"]


def test_it_travels_with_the_estimates_of_a_panel():
    [result] = estimate(panel(gone=range(30), effect=0.5), ["did_2x2"])

    assert result.diagnostic("retention").values["treated"] == pytest.approx(0.85)
    assert result.diagnostic("lee_bounds") is not None
