"""What a caller may ask of an estimator, and what an estimator declares about itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from app.domain.impact.result import AggregationKind, EffectResult, StandardErrorKind

if TYPE_CHECKING:
    from app.domain.impact.panel import Panel


class Controls(StrEnum):
    """Whom a cohort is compared with: units not exposed yet at that time, or units never exposed."""

    NOT_YET = "not_yet"
    NEVER = "never"


class CellMethod(StrEnum):
    """How covariates enter an effect of a cohort: doubly robust, outcome regression or inverse propensity weights."""

    DOUBLY_ROBUST = "dr"
    OUTCOME_REGRESSION = "or"
    INVERSE_PROPENSITY = "ipw"


@dataclass(frozen=True, slots=True)
class Options:
    """The choices of one run; an estimator ignores those that do not concern it.

    `standard_error` None means the service's default (impact.md 3.4). `covariates` are names of the panel's covariate
    columns; `periods` restricts the panel to these labels (empty: all). `anticipation` is the number of periods before
    the first exposed one in which units may already react; `exposure_lags` adds that many lags of exposure to the
    panel regressions. `aggregations` empty means all. `draws` and `seed` rule bootstrap and randomisation.
    `baseline` names the covariate that holds the outcome before exposure, `take_up` the one that says who took part
    (cross-sections). `extras` holds what only one estimator understands (donors, harmonics, ...).
    """

    standard_error: StandardErrorKind | None = None
    level: float = 0.95
    covariates: tuple[str, ...] = ()
    periods: tuple[int | str, ...] = ()
    controls: Controls = Controls.NOT_YET
    cell_method: CellMethod = CellMethod.DOUBLY_ROBUST
    anticipation: int = 0
    exposure_lags: int = 0
    aggregations: tuple[AggregationKind, ...] = ()
    draws: int = 999
    seed: int = 0
    baseline: str | None = None
    take_up: str | None = None
    extras: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Estimator:
    """One estimator: `run(panel, options)` returns a graded result or raises `Invalid` saying what the data lack.

    `descriptive` ones are never called an impact. `title` is a name that people read.
    """

    slug: str
    title: str
    run: Callable[[Panel, Options], EffectResult]
    descriptive: bool = False
