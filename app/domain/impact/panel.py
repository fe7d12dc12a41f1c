"""Panel: units observed over periods, with their exposure, as every estimator reads them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from app.domain.errors import Fault, Invalid
from app.domain.impact.design import Design
from app.domain.impact.linear import FloatArray, IntArray

BoolArray = npt.NDArray[np.bool_]


class Shape(StrEnum):
    """How the data were sampled: the same units again and again, others each period, or once."""

    PANEL = "panel"
    REPEATED_CROSS_SECTION = "repeated_cross_section"
    CROSS_SECTION = "cross_section"


@dataclass(frozen=True, slots=True, eq=False)
class Panel:
    """Long data: one row per unit and period with an observed outcome. Made by `panel_rows.build`, which validates.

    `unit` and `period` are positions in `unit_labels` and `period_labels` (ascending). `outcome` is transformed
    (`transform` none or log). `exposed` is 0 or 1 per row. `first` is per unit the position of the first exposed
    period; `n_periods` means never within the data. `absorbing` says that exposure, once begun, lasts in every row.
    `cluster` is per row the position of the cluster at which exposure was assigned, None where that is the unit
    itself. `weights` (per row, positive) are sampling weights. Units without any observed outcome keep their label.
    """

    unit: IntArray
    period: IntArray
    outcome: FloatArray
    exposed: FloatArray
    first: IntArray
    unit_labels: tuple[int | str, ...]
    period_labels: tuple[int | str, ...]
    absorbing: bool = True
    cluster: IntArray | None = None
    weights: FloatArray | None = None
    covariates: dict[str, FloatArray] = field(default_factory=dict)
    transform: str = "none"
    shape: Shape = Shape.PANEL
    design: Design = field(default_factory=Design)

    @property
    def n_units(self) -> int:
        """The number of units, observed or not."""
        return len(self.unit_labels)

    @property
    def n_periods(self) -> int:
        """The number of distinct periods."""
        return len(self.period_labels)

    @property
    def ever_exposed(self) -> BoolArray:
        """Per unit, whether it is exposed in any period of the data."""
        return self.first < self.n_periods

    @property
    def cohorts(self) -> IntArray:
        """The distinct positions of first exposed periods, ascending, never exposed ones left out."""
        return np.unique(self.first[self.ever_exposed])

    @property
    def unit_cluster(self) -> IntArray:
        """Per unit the position of its cluster; the unit itself where no cluster was given."""
        if self.cluster is None:
            return np.arange(self.n_units, dtype=np.int64)
        found = np.full(self.n_units, -1, dtype=np.int64)
        found[self.unit] = self.cluster
        return found

    def wide(self, values: FloatArray | None = None) -> FloatArray:
        """Return `values` (per row; the outcome if None) as periods x units, NaN where nothing was observed."""
        table = np.full(self.n_periods * self.n_units, np.nan)
        table[self.period * self.n_units + self.unit] = self.outcome if values is None else values
        return table.reshape(self.n_periods, self.n_units)

    def column(self, name: str) -> FloatArray:
        """Return the covariate `name` per row; raises `Invalid` (`unknown_covariate`)."""
        if name not in self.covariates:
            raise Invalid(
                f"The panel has no covariate {name!r}. It has: {', '.join(self.covariates) or 'none'}.",
                errors=(Fault("unknown_covariate", name, pointer="/options/covariates"),),
            )
        return self.covariates[name]

    def rows(self, keep: BoolArray) -> Panel:
        """Return the panel with only these rows; periods without rows stay."""
        return replace(
            self,
            unit=self.unit[keep],
            period=self.period[keep],
            outcome=self.outcome[keep],
            exposed=self.exposed[keep],
            cluster=None if self.cluster is None else self.cluster[keep],
            weights=None if self.weights is None else self.weights[keep],
            covariates={name: values[keep] for name, values in self.covariates.items()},
        )

    def restrict(self, labels: Sequence[int | str]) -> Panel:
        """Return the panel of these periods only; raises `Invalid` (`unknown_period`)."""
        unknown = [label for label in labels if label not in self.period_labels]
        if unknown:
            raise Invalid(
                f"The panel has no period {unknown[0]!r}. It has: {', '.join(map(str, self.period_labels))}.",
                errors=(Fault("unknown_period", str(unknown[0]), pointer="/options/periods"),),
            )
        kept = np.array(sorted(self.period_labels.index(label) for label in set(labels)), dtype=np.int64)
        part = self.rows(np.isin(self.period, kept))
        period = np.searchsorted(kept, part.period)
        first = np.searchsorted(kept, self.first).astype(np.int64)
        if not self.absorbing:
            first[part.unit] = len(kept)
            at = part.exposed > 0.0
            np.minimum.at(first, part.unit[at], period[at])
        return replace(
            part,
            period=period,
            first=first,
            absorbing=bool(((period >= first[part.unit]) == (part.exposed > 0.0)).all()),
            period_labels=tuple(self.period_labels[at] for at in kept),
            shape=Shape.CROSS_SECTION if len(kept) == 1 else self.shape,
        )

    def digest(self) -> str:
        """Return the SHA-256 of the data as hexadecimal digits: the same rows, however sorted, give the same."""
        names = sorted(self.covariates)
        place = self.unit * self.n_periods + self.period
        columns = [place, self.outcome, *(self.covariates[name] for name in names)]
        columns += [] if self.absorbing else [self.exposed]  # else the first exposed period tells it
        columns += [one for one in (self.cluster, self.weights) if one is not None]
        order = None if bool((place[1:] > place[:-1]).all()) else np.argsort(place, kind="stable")
        labels = (self.unit_labels, self.period_labels, names, self.transform)
        hashed = hashlib.sha256(repr(labels).encode())
        for one in [self.first, *(column if order is None else column[order] for column in columns)]:
            hashed.update(np.ascontiguousarray(one).data)
        return hashed.hexdigest()

    def require_comparison(self) -> None:
        """Raise `Invalid` unless there are exposed and unexposed units."""
        treated = int(self.ever_exposed.sum())
        if self.n_units == 1:
            raise _refused(
                "one_unit", "There is one unit, so there is nobody to compare with: use an interrupted series."
            )
        if treated == 0:
            raise _refused(
                "none_treated", "No unit is exposed in the periods of the data: there is no effect to estimate."
            )
        if treated == self.n_units and len(self.cohorts) == 1:
            raise _refused(
                "all_treated",
                "Every unit is exposed from the same period on, so there is nobody to compare with: add units that "
                "were not exposed, or use an interrupted series.",
            )

    def require_shape(self, *shapes: Shape) -> None:
        """Raise `Invalid` unless the data were sampled in one of these ways."""
        if self.shape not in shapes:
            raise _refused(
                "wrong_shape",
                f"This estimator needs a {' or '.join(one.value for one in shapes)}; this is a {self.shape.value}.",
            )

    def require_absorbing(self) -> None:
        """Raise `Invalid` if exposure ends for some unit."""
        if not self.absorbing:
            raise _refused(
                "exposure_not_absorbing",
                "Exposure ends for some units. Give the first exposed period instead of a 0/1 column, restrict the "
                "periods, or use first_difference, fixed_effects or random_effects.",
            )


def _refused(code: str, detail: str) -> Invalid:
    return Invalid(detail, errors=(Fault(code, detail, pointer="/panel"),))
