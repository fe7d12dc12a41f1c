"""One outcome per unit: the checked input of the cross-sectional estimators."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from app.domain.errors import Fault, Invalid
from app.domain.impact.did import last_of, mean_of, start_of
from app.domain.impact.linear import FloatArray, IntArray
from app.domain.impact.options import Options
from app.domain.impact.panel import BoolArray, Panel, Shape
from app.domain.impact.result import Sample

_LEAST_PER_ARM = 2
_HALF = 0.5
BEFORE = "outcome_before"


@dataclass(frozen=True, eq=False, kw_only=True)
class CrossSection:
    """One row per unit.

    `outcome` (n); `exposed` (n, 0 or 1: offered or assigned, never completed); `covariates` (n x k, measured before
    exposure) named by `names` (k); `clusters` (n labels of the level at which exposure was assigned) or None; `weights`
    (n, positive sampling weights) or None; `baseline` names the covariate that is the outcome before exposure;
    `taken` (n, 0 or 1: took part) serves the complier effect only. `randomised`: chance alone decided on exposure.
    """

    outcome: FloatArray
    exposed: FloatArray
    covariates: FloatArray = field(default_factory=lambda: np.empty((0, 0)))
    names: tuple[str, ...] = ()
    clusters: IntArray | None = None
    weights: FloatArray | None = None
    baseline: str | None = None
    taken: FloatArray | None = None
    transform: str = "none"
    randomised: bool = False

    def __post_init__(self) -> None:
        if not self.names and self.covariates.size == 0:
            object.__setattr__(self, "covariates", np.empty((len(self.outcome), 0)))

    @property
    def n(self) -> int:
        """The number of units."""
        return len(self.outcome)

    @cached_property
    def treated(self) -> BoolArray:
        """Which units are exposed (n)."""
        return np.asarray(self.exposed > _HALF)

    @cached_property
    def held(self) -> FloatArray:
        """The sampling weights (n), scaled to sum to n; ones if there are none."""
        return np.ones(self.n) if self.weights is None else self.weights * (self.n / self.weights.sum())

    def covariate(self, name: str) -> FloatArray:
        """Return one covariate (n). Raises `Invalid` (`unknown_covariate`)."""
        if name not in self.names:
            raise Invalid(
                f"There is no covariate {name!r}; there are: {', '.join(self.names) or 'none'}.",
                errors=(Fault("unknown_covariate", name),),
            )
        return self.covariates[:, self.names.index(name)]

    def without(self, *dropped: str) -> CrossSection:
        """Return the same units without these covariates."""
        for name in dropped:
            self.covariate(name)
        kept = [at for at, name in enumerate(self.names) if name not in dropped]
        baseline = None if self.baseline in dropped else self.baseline
        names = tuple(self.names[at] for at in kept)
        return replace(self, covariates=self.covariates[:, kept], names=names, baseline=baseline)

    def among(self, kept: BoolArray) -> CrossSection:
        """Return the units marked True."""
        return replace(
            self,
            outcome=self.outcome[kept],
            exposed=self.exposed[kept],
            covariates=self.covariates[kept],
            clusters=None if self.clusters is None else self.clusters[kept],
            weights=None if self.weights is None else self.weights[kept],
            taken=None if self.taken is None else self.taken[kept],
        )


def checked(data: CrossSection) -> CrossSection:
    """Return the data if a comparison can be made at all.

    Raises `Invalid`: `one_unit`, `length_differs`, `not_finite`, `not_binary`, `weights_not_positive`, `none_treated`,
    `all_treated` (all treated), `too_few_units`, `constant_outcome`.
    """
    if data.n <= 1:
        raise _refusal(
            Fault("one_unit", "there is nobody to compare with: send at least two exposed and two other units")
        )
    faults = [*_shape_faults(data)] or [*_value_faults(data)] or [*_arm_faults(data)]
    if faults:
        raise _refusal(*faults)
    return data


def _shape_faults(data: CrossSection) -> list[Fault]:
    columns = {"exposed": data.exposed, "clusters": data.clusters, "weights": data.weights, "taken": data.taken}
    faults = [
        Fault("length_differs", f"{name} has {len(column)} values for {data.n} units")
        for name, column in columns.items()
        if column is not None and len(column) != data.n
    ]
    if data.covariates.shape != (data.n, len(data.names)):
        shape = " x ".join(str(side) for side in data.covariates.shape)
        faults.append(Fault("length_differs", f"covariates are {shape}, not {data.n} x {len(data.names)}"))
    return faults


def _value_faults(data: CrossSection) -> list[Fault]:
    faults = []
    if not np.isfinite(data.outcome).all():
        faults.append(Fault("not_finite", f"{int((~np.isfinite(data.outcome)).sum())} units have no finite outcome"))
    for at, name in enumerate(data.names):
        missing = int((~np.isfinite(data.covariates[:, at])).sum())
        if missing:
            faults.append(Fault("not_finite", f"{missing} units have no finite {name}"))
    for name, column in (("exposed", data.exposed), ("taken", data.taken)):
        if column is not None and not np.isin(column, (0.0, 1.0)).all():
            faults.append(Fault("not_binary", f"{name} must be 0 or 1 for every unit"))
    if data.weights is not None and not (np.isfinite(data.weights).all() and (data.weights > 0.0).all()):
        faults.append(Fault("weights_not_positive", "every weight must be finite and above zero"))
    return faults


def _arm_faults(data: CrossSection) -> list[Fault]:
    treated = int(data.treated.sum())
    control = data.n - treated
    if treated == 0:
        return [Fault("none_treated", "no unit is exposed")]
    if control == 0:
        return [Fault("all_treated", "every unit is exposed, so there is nobody to compare with")]
    if min(treated, control) < _LEAST_PER_ARM:
        return [Fault("too_few_units", f"{treated} exposed and {control} other units; each side needs at least 2")]
    if float(np.ptp(data.outcome)) == 0.0:
        return [Fault("constant_outcome", "the outcome is the same for every unit")]
    return []


def _refusal(*faults: Fault) -> Invalid:
    return Invalid(f"No effect can be estimated: {faults[0].detail}.", errors=faults)


def sample_of(data: CrossSection) -> Sample:
    """Return the counts of units and clusters; a cluster with both kinds of unit counts as treated."""
    treated = int(data.treated.sum())
    if data.clusters is None:
        return Sample(data.n, treated, data.n - treated)
    return Sample(
        data.n,
        treated,
        data.n - treated,
        len(np.unique(data.clusters[data.treated])),
        len(np.setdiff1d(data.clusters[~data.treated], data.clusters[data.treated])),
    )


def from_panel(panel: Panel, options: Options) -> tuple[CrossSection, BoolArray]:
    """Return the cross-section of a panel and which of its units (per unit) are in it.

    A panel with periods is collapsed to each unit's mean since the one start of exposure. Its mean before becomes the
    covariate `outcome_before`, the baseline; other covariates are taken from the last period before.

    Raises `Invalid`: `wrong_shape`, `one_unit`, `none_treated`, `all_treated`, `several_starts`, `unknown_covariate`.
    """
    panel.require_shape(Shape.CROSS_SECTION, Shape.PANEL)
    panel.require_comparison()
    if panel.shape is Shape.PANEL:
        return _collapsed(panel, options)
    names = options.covariates
    if options.baseline is not None and options.baseline not in names:
        names = (*names, options.baseline)
    data = CrossSection(
        outcome=panel.outcome,
        exposed=panel.exposed,
        covariates=_stacked([panel.column(name) for name in names]),
        names=names,
        clusters=panel.cluster,
        weights=panel.weights,
        baseline=options.baseline,
        taken=None if options.take_up is None else panel.column(options.take_up),
        transform=panel.transform,
        randomised=panel.design.assignment.randomised,
    )
    used = np.zeros(panel.n_units, dtype=np.bool_)
    used[panel.unit] = True
    return data, used


def _collapsed(panel: Panel, options: Options) -> tuple[CrossSection, BoolArray]:
    panel.require_absorbing()
    start = start_of(panel)
    outcome = panel.wide()
    after, before = mean_of(outcome[start:]), mean_of(outcome[:start])
    columns = {BEFORE: before}
    for name in options.covariates:
        columns[name] = last_of(panel.wide(panel.column(name))[:start])
    taken = None if options.take_up is None else last_of(panel.wide(panel.column(options.take_up)))
    used = np.asarray(np.isfinite(np.column_stack([after, *columns.values()])).all(axis=1))
    data = CrossSection(
        outcome=after[used],
        exposed=panel.ever_exposed[used].astype(np.float64),
        covariates=_stacked([column[used] for column in columns.values()]),
        names=tuple(columns),
        clusters=None if panel.cluster is None else panel.unit_cluster[used],
        weights=None if panel.weights is None else mean_of(panel.wide(panel.weights))[used],
        baseline=BEFORE,
        taken=None if taken is None else taken[used],
        transform=panel.transform,
        randomised=panel.design.assignment.randomised,
    )
    return data, used


def _stacked(columns: list[FloatArray]) -> FloatArray:
    return np.column_stack(columns) if columns else np.empty((0, 0))
