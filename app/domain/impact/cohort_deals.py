"""Randomisation inference for cohort effects: the start dates dealt anew to the clusters."""

from __future__ import annotations

import numpy as np

from app.domain.impact.cells import Cells
from app.domain.impact.cohorts import Cohorts
from app.domain.impact.inference import Clusters
from app.domain.impact.linear import FloatArray, IntArray, sum_by
from app.domain.impact.options import Options
from app.domain.impact.randomisation import Randomised, compare, deal, possible_deals


def count_clusters(cohorts: Cohorts) -> Clusters:
    """Return how many clusters hold exposed and unexposed units, and in how many ways starts can be dealt to them."""
    arm = _arm_of_units(cohorts)
    lowest = np.full(cohorts.n_clusters, cohorts.n_cohorts)
    np.minimum.at(lowest, cohorts.cluster, arm)
    mixed = bool((lowest[cohorts.cluster] != arm).any())
    exposed = len(np.unique(cohorts.cluster[arm < cohorts.n_cohorts]))
    unexposed = len(np.unique(cohorts.cluster[arm == cohorts.n_cohorts]))
    return Clusters(cohorts.n_clusters, exposed, unexposed, possible_deals(lowest), mixed)


def dealt_anew(cells: Cells, options: Options) -> Randomised:
    """Return the inference on the mean over all exposed cells; no cluster may hold more than one cohort.

    The outcome is first freed of what the covariates explain in each period: under the null that is the same whoever
    is exposed.
    """
    cohorts = cells.cohorts
    arms = np.zeros(cohorts.n_clusters, dtype=np.int64)
    arms[cohorts.cluster] = _arm_of_units(cohorts)
    deals = deal(arms, np.random.default_rng(options.seed), options.draws)
    weights = np.ones(cohorts.n_units) if cohorts.weights is None else cohorts.weights
    mass = sum_by(weights[:, None], cohorts.cluster)[:, 0]
    exposed = (np.arange(cohorts.n_periods)[:, None] >= cohorts.firsts[_arm_of_units(cohorts)]).astype(np.float64)
    found = []
    for outcome in (_freed(cohorts), exposed):
        sums = sum_by((outcome * weights).T, cohorts.cluster)
        real = _simple(cells, sums, mass, arms[None, :])
        found.append((_simple(cells, sums, mass, deals.arms), float(real[0])))
    return compare(found[0][0], found[1][0], (found[0][1], found[1][1]), deals, level=options.level)


def _simple(cells: Cells, sums: FloatArray, mass: FloatArray, arms: IntArray) -> FloatArray:
    """Return the simple average under each deal (B) from cluster sums (G x periods) and their weights (G)."""
    count = cells.cohorts.n_cohorts + 1
    member = (arms[:, None, :] == np.arange(count)[None, :, None]).astype(np.float64)
    by_arm, size = member @ sums, member @ mass
    total = np.zeros(len(arms))
    shares = np.zeros(len(arms))
    for cell in cells.cells:
        if cell.period < int(cells.cohorts.firsts[cell.cohort]):
            continue
        controls = [at for at in range(cell.controls, count) if at != cell.cohort]
        change = by_arm[:, :, cell.period] - by_arm[:, :, cell.base]
        effect = change[:, cell.cohort] / size[:, cell.cohort]
        effect -= change[:, controls].sum(axis=1) / size[:, controls].sum(axis=1)
        total += size[:, cell.cohort] * effect
        shares += size[:, cell.cohort]
    return total / shares


def _freed(cohorts: Cohorts) -> FloatArray:
    if not cohorts.names:
        return cohorts.outcome
    design = np.column_stack([np.ones(cohorts.n_units), cohorts.covariates_at(0)])
    return np.asarray(cohorts.outcome - (design @ np.linalg.lstsq(design, cohorts.outcome.T)[0]).T)


def _arm_of_units(cohorts: Cohorts) -> IntArray:
    return np.repeat(np.arange(cohorts.n_cohorts + 1), cohorts.sizes)
