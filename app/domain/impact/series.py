"""One series with a break: what the interrupted time series estimators read (impact.md 3.2 and 3.4)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from app.domain.errors import Fault, Invalid
from app.domain.impact.did import mean_of, start_of
from app.domain.impact.linear import FloatArray, collinear
from app.domain.impact.options import Options
from app.domain.impact.panel import Panel, Shape
from app.domain.impact.result import Sample

LEAST_BEFORE = 12
LEVEL = "level_change"
SLOPE = "slope_change"
_LEAST_SPARE = 3
_WORDS = ("level", "level_and_slope")
_DEFAULT_HARMONICS = 2


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Series:
    """An outcome per period (T), exposed from position `start` on, and how its course is to be modelled.

    `offset` (T) is the logarithm of what the outcome is a share of, or None. `season` is the number of periods of a
    cycle and `harmonics` how many pairs of sine and cosine stand for it. `with_slope` adds a change of slope.
    `regressors` (T x k, named by `names`) are control series.
    """

    outcome: FloatArray
    start: int
    offset: FloatArray | None = None
    season: int | None = None
    harmonics: int = 0
    with_slope: bool = False
    regressors: FloatArray | None = None
    names: tuple[str, ...] = ()
    periods: tuple[int | str, ...] = ()

    @property
    def length(self) -> int:
        """The number of periods."""
        return len(self.outcome)

    @property
    def since(self) -> FloatArray:
        """How many periods exposure has lasted (T): 0 before and in the first exposed period."""
        return np.maximum(np.arange(self.length, dtype=np.float64) - self.start, 0.0)

    def columns(self) -> tuple[FloatArray, tuple[str, ...]]:
        """Return the design (T x k) and the names of its columns; the change of level comes second."""
        time = np.arange(1.0, self.length + 1.0)
        exposed = (np.arange(self.length) >= self.start).astype(np.float64)
        named = {"constant": np.ones(self.length), LEVEL: exposed, "trend": time}
        if self.with_slope:
            named[SLOPE] = self.since
        for order in range(1, self.harmonics + 1):
            turn = 2.0 * np.pi * order * time / float(self.season or 1)
            named |= {f"sine_{order}": np.sin(turn), f"cosine_{order}": np.cos(turn)}
        for at, name in enumerate(self.names):
            if self.regressors is not None:
                named[name] = self.regressors[:, at]
        return np.column_stack(list(named.values())), tuple(named)

    def contrast(self) -> FloatArray:
        """Return the weights (k) of the coefficients in the effect: its mean over the exposed periods."""
        _, names = self.columns()
        weights = np.zeros(len(names))
        weights[names.index(LEVEL)] = 1.0
        if self.with_slope:
            weights[names.index(SLOPE)] = float(self.since[self.start :].mean())
        return weights

    def before(self, start: int) -> Series:
        """Return the unexposed periods only, as if exposure had begun at position `start`."""
        end = self.start
        return replace(
            self,
            outcome=self.outcome[:end],
            start=start,
            offset=None if self.offset is None else self.offset[:end],
            regressors=None if self.regressors is None else self.regressors[:end],
            periods=self.periods[:end],
        )


def checked(series: Series, *, least_before: int = LEAST_BEFORE) -> Series:
    """Return the series if a break can be estimated at all.

    Raises `Invalid`: `not_finite`, `constant_outcome`, `too_few_points`, `no_season`, `collinear_columns`.
    """
    faults = []
    columns, names = series.columns()
    after = series.length - series.start
    if not (np.isfinite(series.outcome).all() and np.isfinite(columns).all()):
        faults.append(Fault("not_finite", "every period needs a finite outcome and control series"))
    elif float(np.ptp(series.outcome)) == 0.0:
        faults.append(Fault("constant_outcome", "the outcome is the same in every period"))
    if series.start < least_before or after < 1:
        faults.append(
            Fault("too_few_points", f"{series.start} periods before and {after} since; {least_before} and 1 are needed")
        )
    if series.harmonics and (series.season or 0) <= 2 * series.harmonics:
        faults.append(Fault("no_season", f"{series.harmonics} harmonics need a season of more periods than twice that"))
    if series.length - len(names) < _LEAST_SPARE:
        faults.append(Fault("too_few_points", f"{series.length} periods for {len(names)} coefficients"))
    if not faults:
        redundant = [names[at] for at in collinear(columns)]
        if redundant:
            faults.append(Fault("collinear_columns", ", ".join(redundant)))
    if faults:
        raise Invalid(f"The series cannot show a break: {faults[0].detail}.", errors=tuple(faults))
    return series


def from_panel(panel: Panel, options: Options, *, counts: bool = False) -> tuple[Series, Sample]:
    """Return the series of a panel's exposed units (their mean per period; their sum if `counts`) and its counts.

    `options.covariates` are control series. `options.extras`: `season` (periods in a cycle), `harmonics` (2 where there
    is a season), `change` ("level" or "level_and_slope") and `offset`, the covariate that the outcome is a share of.

    Raises `Invalid`: `wrong_shape`, `none_treated`, `several_starts`, `exposure_not_absorbing`, `gap_in_series`,
    `uneven_periods`, `invalid_option` and those of `checked`.
    """
    panel.require_shape(Shape.PANEL)
    panel.require_absorbing()
    if not panel.ever_exposed.any():
        raise Invalid(
            "No unit is exposed in the periods of the data: there is no break to estimate.",
            errors=(Fault("none_treated", "exposure never begins", pointer="/panel"),),
        )
    start = start_of(panel)
    _refuse_gaps(panel)
    treated = panel.rows(panel.ever_exposed[panel.unit])
    combined = _sum_of if counts else mean_of
    extras = options.extras
    season = None if extras.get("season") is None else int(extras["season"])
    names = options.covariates
    series = Series(
        outcome=combined(treated.wide().T),
        start=start,
        offset=_offset(treated, extras.get("offset"), counts=counts),
        season=season,
        harmonics=int(extras.get("harmonics", 0 if season is None else _DEFAULT_HARMONICS)),
        with_slope=_change(extras.get("change", "level")) == "level_and_slope",
        regressors=np.column_stack([mean_of(treated.wide(panel_column).T) for panel_column in _columns(treated, names)])
        if names
        else None,
        names=names,
        periods=panel.period_labels,
    )
    return checked(series), Sample(len(treated.outcome), int(panel.ever_exposed.sum()), 0)


def _columns(panel: Panel, names: tuple[str, ...]) -> list[FloatArray]:
    return [panel.column(name) for name in names]


def _offset(panel: Panel, name: object, *, counts: bool) -> FloatArray | None:
    if name is None:
        return None
    wide = panel.wide(panel.column(str(name))).T
    total = _sum_of(wide) if counts else mean_of(wide)
    if not (np.isfinite(total).all() and (total > 0.0).all()):
        raise Invalid(
            f"The offset {name} must be above zero in every period.",
            errors=(Fault("offset_not_positive", str(name), pointer="/options/extras/offset"),),
        )
    return np.log(total)


def _change(word: object) -> str:
    if word not in _WORDS:
        raise Invalid(
            f"`change` must be one of {', '.join(_WORDS)}.",
            errors=(Fault("invalid_option", str(word), pointer="/options/extras/change"),),
        )
    return str(word)


def _sum_of(table: FloatArray) -> FloatArray:
    return np.asarray(np.where(np.isnan(table), 0.0, table).sum(axis=0))


def _refuse_gaps(panel: Panel) -> None:
    """Raise `Invalid` where a period is missing: its neighbours would be taken for consecutive ones."""
    seen = np.bincount(panel.period[panel.ever_exposed[panel.unit]], minlength=panel.n_periods)
    if not seen.all():
        label = panel.period_labels[int(seen.argmin())]
        raise Invalid(
            f"Period {label} has no outcome of an exposed unit: a series must have no gaps.",
            errors=(Fault("gap_in_series", str(label), pointer="/panel"),),
        )
    numbers = [label for label in panel.period_labels if isinstance(label, int)]
    steps = set(np.diff(numbers).tolist()) if len(numbers) == panel.n_periods else set()
    if len(steps) > 1:
        raise Invalid(
            "The periods are not evenly spaced: a series must have no gaps.",
            errors=(Fault("uneven_periods", f"steps of {sorted(steps)}", pointer="/panel"),),
        )
