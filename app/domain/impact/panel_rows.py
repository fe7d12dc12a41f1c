"""Rows in, a validated Panel out: what would make an estimate wrong is refused here, with where it stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from app.domain.errors import Fault, Invalid
from app.domain.impact.design import Design
from app.domain.impact.linear import FloatArray, IntArray
from app.domain.impact.panel import BoolArray, Panel, Shape

Column = Sequence[Any] | npt.NDArray[Any]

_TABLE_ROOM = 8  # a lookup table may be this many times longer than the column before sorting is cheaper
_LISTED = 5
_LARGEST = 1e100  # its squares and their sums still fit into a float


def build(
    *,
    outcome: Column,
    unit: Column | None = None,
    period: Column | None = None,
    first_exposed: Column | None = None,
    exposure: Column | None = None,
    cluster: Column | None = None,
    weights: Column | None = None,
    covariates: Mapping[str, Column] | None = None,
    transform: str = "none",
    design: Design | None = None,
) -> Panel:
    """Return the panel of these columns, all of the same length, one row per unit and period.

    `unit` None: every row is another unit (repeated cross-section). `period` None: one period (cross-section).
    Exposure is told by one of `first_exposed` (per row a period label; None, NaN, or 0 where all periods are above 0,
    means never) or `exposure` (0 or 1 per row). In `outcome` None marks a missing value: the row counts for attrition
    and is left out. Labels are integers or texts that sort in time (ISO dates). `transform` is none or log.

    Raises `Invalid` whose `errors` name the column (`pointer` "/rows/<index>/<column>") and what is wrong there.
    """
    observed, values = _outcome(outcome, transform)
    rows = len(values)
    _check_lengths(
        rows, unit=unit, period=period, first_exposed=first_exposed, exposure=exposure, cluster=cluster, weights=weights
    )
    units, unit_labels = codes(np.arange(rows) if unit is None else unit, "unit")
    periods, period_labels = codes(np.zeros(rows, dtype=np.int64) if period is None else period, "period")
    if unit is not None:
        _refuse_duplicates(units, periods, len(period_labels))
    exposed, first = _exposure(
        first_exposed, exposure, units=units, periods=periods, labels=period_labels, n_units=len(unit_labels)
    )
    count = len(period_labels)
    panel = Panel(
        unit=units,
        period=periods,
        outcome=values,
        exposed=exposed,
        first=first,
        unit_labels=unit_labels,
        period_labels=period_labels,
        absorbing=bool(((periods >= first[units]) == (exposed > 0.0)).all()),
        cluster=None if cluster is None else codes(cluster, "cluster")[0],
        weights=None if weights is None else _positive(weights),
        covariates={name: _covariate(column, name, observed) for name, column in (covariates or {}).items()},
        transform=transform,
        shape=_shape(unit, count),
        design=design or Design(),
    )
    _check_clusters(panel)
    kept = panel if bool(observed.all()) else panel.rows(observed)
    _check_outcome(kept)
    return kept


def codes(labels: Column, name: str) -> tuple[IntArray, tuple[int | str, ...]]:
    """Return each label's position among the sorted distinct ones, and those; integers or texts, not mixed."""
    column = np.asarray(labels)
    if column.dtype.kind == "f" and bool(np.isfinite(column).all()) and bool((column == np.floor(column)).all()):
        column = column.astype(np.int64)
    if column.dtype.kind == "b" or column.dtype.kind not in "iuU" or _mixed(labels):
        _refuse("bad_label", f"The column {name!r} must hold whole numbers or texts, without gaps.", f"/columns/{name}")
    if column.dtype.kind == "U":
        distinct, inverse = np.unique(column, return_inverse=True)
        return inverse.astype(np.int64).ravel(), tuple(distinct.tolist())
    low, high = int(column.min()), int(column.max())
    if high - low > _TABLE_ROOM * len(column) + 1000:
        distinct, inverse = np.unique(column, return_inverse=True)
        return inverse.astype(np.int64).ravel(), tuple(distinct.tolist())
    table = np.zeros(high - low + 1, dtype=np.int64)
    table[column - low] = 1
    distinct = np.flatnonzero(table) + low
    return (np.cumsum(table) - 1)[column - low], tuple(distinct.tolist())


def _mixed(labels: Column) -> bool:
    """Tell whether a list mixes texts and numbers, which numpy would silently turn into texts."""
    return not isinstance(labels, np.ndarray) and len({isinstance(one, str) for one in labels}) > 1


def _outcome(outcome: Column, transform: str) -> tuple[BoolArray, FloatArray]:
    if transform not in {"none", "log"}:
        _refuse("unknown_transform", f"Unknown transform {transform!r}: choose none or log.", "/transform")
    if len(outcome) == 0:
        _refuse("no_rows", "The panel has no rows.", "/rows")
    if isinstance(outcome, np.ndarray) and outcome.dtype.kind in "iuf":
        observed = np.ones(len(outcome), dtype=np.bool_)
        values = outcome.astype(np.float64)
    else:
        observed = np.array([one is not None for one in outcome], dtype=np.bool_)
        values = _numbers([0.0 if one is None else one for one in outcome], "outcome")
    _refuse_where(
        ~np.isfinite(values), "not_a_number", "outcome", "is not a finite number; send null where it is missing"
    )
    _refuse_where(np.abs(values) > _LARGEST, "too_large", "outcome", f"is beyond {_LARGEST:g}: use a larger unit")
    if transform == "log":
        _refuse_where(
            observed & (values <= 0.0), "log_of_nonpositive", "outcome", "is not above 0 and has no logarithm"
        )
        values = np.log(np.where(observed, values, 1.0))
    if not observed.any():
        _refuse("no_outcome", "No row has an outcome.", "/rows")
    return observed, values


def _exposure(
    first_exposed: Column | None,
    exposure: Column | None,
    *,
    units: IntArray,
    periods: IntArray,
    labels: tuple[int | str, ...],
    n_units: int,
) -> tuple[FloatArray, IntArray]:
    """Return exposure per row (0 or 1) and the first exposed position per unit (len(labels): never)."""
    if first_exposed is None and exposure is None:
        _refuse("no_exposure", "Tell exposure as first exposed period or as a 0/1 column.", "/exposure")
    first = np.full(n_units, len(labels), dtype=np.int64)
    if first_exposed is not None:
        per_row = _first_positions(first_exposed, labels)
        first[units] = per_row
        _refuse_where(
            first[units] != per_row, "first_exposed_varies", "first_exposed", "differs from the unit's other rows"
        )
        implied = (periods >= per_row).astype(np.float64)
        if exposure is not None:
            told = _binary(exposure)
            _refuse_where(told != implied, "exposure_contradiction", "exposure", "contradicts the first exposed period")
        return implied, first
    exposed = _binary(exposure if exposure is not None else [])
    np.minimum.at(first, units[exposed > 0.0], periods[exposed > 0.0])
    return exposed, first


def _first_positions(first_exposed: Column, labels: tuple[int | str, ...]) -> IntArray:
    """Return per row the position of the first period at or after the told one; len(labels) for never."""
    ordered = np.array(labels)
    if ordered.dtype.kind == "U":
        texts = [None if one is None or one == "" else str(one) for one in first_exposed]
        never = np.array([one is None for one in texts])
        return np.where(never, len(labels), np.searchsorted(ordered, [one or "" for one in texts])).astype(np.int64)
    told = first_exposed if isinstance(first_exposed, np.ndarray) else [_or_nan(one) for one in first_exposed]
    numbers = _numbers(told, "first_exposed", gaps=True)
    never = ~np.isfinite(numbers) | ((numbers == 0.0) & (ordered[0] > 0))
    return np.where(never, len(labels), np.searchsorted(ordered, np.where(never, 0.0, numbers))).astype(np.int64)


def _or_nan(value: Any) -> Any:
    return np.nan if value is None else value


def _binary(exposure: Column) -> FloatArray:
    exposed = _numbers(exposure, "exposure")
    _refuse_where((exposed != 0.0) & (exposed != 1.0), "exposure_not_binary", "exposure", "is neither 0 nor 1")
    return exposed


def _positive(weights: Column) -> FloatArray:
    held = _numbers(weights, "weights")
    _refuse_where(held <= 0.0, "weight_not_positive", "weights", "is not above 0; leave the row out")
    return held


def _covariate(column: Column, name: str, observed: BoolArray) -> FloatArray:
    """Return the covariate; a gap is a fault only where the outcome is observed."""
    if len(column) != len(observed):
        _refuse("ragged_columns", f"{name!r} has {len(column)} rows, the outcome {len(observed)}.", f"/columns/{name}")
    told = column if isinstance(column, np.ndarray) else [_or_nan(one) for one in column]
    values = _numbers(told, name, gaps=True)
    _refuse_where(observed & ~np.isfinite(values), "not_a_number", name, "is not a finite number")
    return values


def _numbers(column: Column, name: str, *, gaps: bool = False) -> FloatArray:
    try:
        values = np.asarray(column, dtype=np.float64)
    except (TypeError, ValueError):
        _refuse("not_a_number", f"The column {name!r} must hold numbers, without gaps.", f"/columns/{name}")
    if not gaps:
        _refuse_where(~np.isfinite(values), "not_a_number", name, "is not a finite number")
    return values


def _shape(unit: Column | None, n_periods: int) -> Shape:
    if n_periods == 1:
        return Shape.CROSS_SECTION
    return Shape.REPEATED_CROSS_SECTION if unit is None else Shape.PANEL


def _refuse_duplicates(units: IntArray, periods: IntArray, n_periods: int) -> None:
    place = units * n_periods + periods
    if bool((np.diff(place) > 0).all()):
        return
    order = np.argsort(place, kind="stable")
    repeated = np.zeros(len(place), dtype=np.bool_)
    repeated[order[1:]] = place[order[1:]] == place[order[:-1]]
    _refuse_where(repeated, "duplicate_unit_period", "unit", "repeats a unit and period of an earlier row")


def _check_lengths(rows: int, **columns: Column | None) -> None:
    for name, column in columns.items():
        if column is not None and len(column) != rows:
            _refuse("ragged_columns", f"{name!r} has {len(column)} rows, the outcome {rows}.", f"/columns/{name}")


def _check_clusters(panel: Panel) -> None:
    if panel.cluster is not None and panel.shape is Shape.PANEL:
        moved = panel.unit_cluster[panel.unit] != panel.cluster
        _refuse_where(
            moved, "cluster_varies", "cluster", "differs from the unit's other rows; give the cluster at assignment"
        )


def _check_outcome(panel: Panel) -> None:
    if float(np.ptp(panel.outcome)) == 0.0:
        _refuse(
            "constant_outcome", "The outcome has the same value in every row: there is nothing to explain.", "/rows"
        )
    if not bool(panel.ever_exposed.any()) and panel.n_periods > 1:
        _refuse(
            "none_treated", "No unit is exposed in any period of the data: exposure lies after the outcome.", "/rows"
        )


def _refuse_where(wrong: BoolArray, code: str, name: str, what: str) -> None:
    """Raise `Invalid` naming the first rows where `wrong`."""
    at = np.flatnonzero(wrong)
    if len(at):
        faults = tuple(Fault(code, f"{name} {what}", pointer=f"/rows/{row}/{name}") for row in at[:_LISTED].tolist())
        raise Invalid(f"{name} {what} (row {at[0]}; {len(at)} in all).", errors=faults)


def _refuse(code: str, detail: str, pointer: str) -> NoReturn:
    raise Invalid(detail, errors=(Fault(code, detail, pointer=pointer),))
