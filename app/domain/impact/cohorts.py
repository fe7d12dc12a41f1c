"""The panel sorted by cohort (first exposed period), balanced, as the cohort estimators read it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from app.domain.errors import Fault, Invalid
from app.domain.impact.linear import FloatArray, IntArray
from app.domain.impact.options import Controls, Options
from app.domain.impact.panel import BoolArray, Panel, Shape


@dataclass(frozen=True, eq=False)
class Cohorts:
    """Units observed in every period, sorted by first exposed period, never exposed ones last.

    `outcome` is periods x units. `firsts` holds the distinct first exposed positions ascending; the last one equals
    `n_periods` and stands for never exposed within these periods. Cohort c is the units `bounds[c]:bounds[c + 1]`.
    `weights` (units) average 1. `units` are positions in the panel. `covariates` holds per name periods x units, or
    1 x units where it never changes.
    """

    panel: Panel
    outcome: FloatArray
    firsts: IntArray
    bounds: IntArray
    weights: FloatArray | None
    cluster: IntArray
    units: IntArray
    covariates: tuple[FloatArray, ...]
    names: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def n_units(self) -> int:
        """The number of units."""
        return int(self.outcome.shape[1])

    @property
    def n_periods(self) -> int:
        """The number of periods in use."""
        return int(self.outcome.shape[0])

    @property
    def n_cohorts(self) -> int:
        """The number of exposed cohorts; the never exposed are no cohort."""
        return len(self.firsts) - 1

    @cached_property
    def sizes(self) -> IntArray:
        """Units per cohort, the never exposed last."""
        return np.diff(self.bounds)

    @cached_property
    def shares(self) -> FloatArray:
        """Each exposed cohort's (weighted) share of all units."""
        weights = np.ones(self.n_units) if self.weights is None else self.weights
        sums = np.add.reduceat(weights, self.bounds[: self.n_cohorts])
        sums[-1] = weights[self.bounds[self.n_cohorts - 1] : self.bounds[self.n_cohorts]].sum()
        return np.asarray(sums / self.n_units)

    @property
    def clustered(self) -> bool:
        """Whether exposure was assigned to clusters of units."""
        return self.panel.cluster is not None

    @cached_property
    def n_clusters(self) -> int:
        """The number of clusters; units where no cluster was given."""
        return int(self.cluster.max()) + 1

    @property
    def used(self) -> BoolArray:
        """Per unit of the panel, whether it is here."""
        return np.isin(np.arange(self.panel.n_units), self.units)

    def covariates_at(self, period: int) -> FloatArray:
        """Return the covariates as they stood in `period`: units x k."""
        return np.column_stack([one[min(period, len(one) - 1)] for one in self.covariates])


def arrange(panel: Panel, options: Options) -> Cohorts:
    """Return the panel by cohort.

    Units that miss a period and those exposed too early to have a base period are left out. Where everyone is exposed
    in the end, the periods from the last start on are dropped and the last cohort serves as never exposed.

    Raises `Invalid`: no complete unit, no cohort with a base period, nobody to compare with.
    """
    panel.require_shape(Shape.PANEL)
    panel.require_absorbing()
    panel.require_comparison()
    notes: list[str] = []
    early = panel.first - 1 - options.anticipation < 0
    width, first = panel.n_periods, panel.first.copy()
    if bool(early.any()):
        notes.append(f"{int(early.sum())} units exposed without an earlier base period are left out.")
    never = first[~early] >= width
    if not bool(never.any()):
        if options.controls is Controls.NEVER:
            raise _refused("no_never_exposed", "No unit is never exposed: ask for controls not yet exposed.")
        if bool(early.all()):
            raise _refused("no_base_period", "Every unit is exposed before there is a base period.")
        last = int(first.max())
        width = last - options.anticipation
        early |= (first >= width) & (first < last)
        first[first == last] = width
        notes.append(f"Everyone is exposed in the end, so periods from {panel.period_labels[width]} on are left out.")
    first = np.minimum(first, width)
    outcome = panel.wide()[:width]
    whole = ~np.isnan(outcome).any(axis=0)
    if bool((~whole).any()):
        notes.append(f"{int((~whole).sum())} units not observed in every period are left out.")
    kept = np.flatnonzero(whole & ~early)
    order = kept[np.argsort(first[kept], kind="stable")]
    firsts, begins = np.unique(first[order], return_index=True)
    if len(firsts) <= 1 or firsts[-1] != width:
        raise _refused(
            "empty_cell",
            "Among the units observed in every period there is no cohort with a base period, or nobody to compare "
            "it with.",
        )
    weights = None if panel.weights is None else np.nanmean(panel.wide(panel.weights)[:width][:, order], axis=0)
    return Cohorts(
        panel=panel,
        outcome=np.ascontiguousarray(outcome[:, order]),
        firsts=firsts,
        bounds=np.append(begins, len(order)).astype(np.int64),
        weights=None if weights is None else weights / weights.mean(),
        cluster=np.unique(panel.unit_cluster[order], return_inverse=True)[1].ravel(),
        units=order,
        covariates=tuple(_steady(panel.wide(panel.column(name))[:width, order]) for name in options.covariates),
        names=options.covariates,
        notes=tuple(notes),
    )


def _steady(table: FloatArray) -> FloatArray:
    """Return only the first row of a covariate that never changes."""
    return table[:1] if bool((table == table[0]).all()) else table


def _refused(code: str, detail: str) -> Invalid:
    return Invalid(detail, errors=(Fault(code, detail, pointer="/panel"),))
