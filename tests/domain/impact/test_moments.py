"""Effects and covariances from moments are those of the influence functions, unit by unit."""

import numpy as np
import pytest

from app.domain.impact import cells, cohorts
from app.domain.impact.options import Controls, Options
from app.domain.impact.panel_rows import build

UNITS, PERIODS = 90, 6


def arranged(*, clustered: bool, weighted: bool, controls: Controls):
    rng = np.random.default_rng(5)
    first = np.resize([3, 5, 0], UNITS)
    y = rng.normal(size=(UNITS, PERIODS)).cumsum(axis=1) + 1e6 + 0.5 * (first > 0)[:, None]
    panel = build(
        unit=np.repeat(np.arange(UNITS), PERIODS),
        period=np.tile(np.arange(1, PERIODS + 1), UNITS),
        outcome=y.ravel(),
        first_exposed=np.repeat(first, PERIODS),
        cluster=np.repeat(np.arange(UNITS) // 7, PERIODS) if clustered else None,
        weights=np.repeat(rng.uniform(0.5, 2.0, UNITS), PERIODS) if weighted else None,
    )
    options = Options(controls=controls)
    return cohorts.arrange(panel, options), options


def by_influence(held, found):
    """Every cell's influence written out: what the moments must add up to."""
    weights = np.ones(held.n_units) if held.weights is None else held.weights
    rows, values = [], []
    for cell in found.cells:
        change = held.outcome[cell.period] - held.outcome[cell.base]
        own = np.zeros(held.n_units, dtype=bool)
        own[held.bounds[cell.cohort] : held.bounds[cell.cohort + 1]] = True
        others = ~own & (np.arange(held.n_units) >= held.bounds[cell.controls])
        means = [np.average(change[side], weights=weights[side]) for side in (own, others)]
        row = np.zeros(held.n_units)
        for side, mean, sign in ((own, means[0], 1), (others, means[1], -1)):
            row[side] = sign * weights[side] * (change[side] - mean) * held.n_units / weights[side].sum()
        rows.append(row)
        values.append(means[0] - means[1])
    for at, share in enumerate(held.shares):
        row = np.full(held.n_units, -share)
        row[held.bounds[at] : held.bounds[at + 1]] += weights[held.bounds[at] : held.bounds[at + 1]]
        rows.append(row)
    influence = np.array(rows)
    if held.clustered:
        influence = np.stack([np.bincount(held.cluster, weights=row) for row in influence])
        factor = held.n_clusters / (held.n_clusters - 1)
        return values, influence @ influence.T * factor / held.n_units**2
    return values, influence @ influence.T / held.n_units**2


@pytest.mark.parametrize("controls", list(Controls))
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("clustered", [False, True])
def test_moments_add_up_to_the_influence_functions(clustered, weighted, controls):
    held, options = arranged(clustered=clustered, weighted=weighted, controls=controls)

    found = cells.compute(held, options)

    values, covariance = by_influence(held, found)
    assert found.values == pytest.approx(values, abs=1e-8)
    assert found.covariance == pytest.approx(covariance, abs=1e-10)
