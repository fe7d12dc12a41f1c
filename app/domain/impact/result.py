"""EffectResult: the only shape in which an estimated effect leaves the engine (impact.md 3.3 and 3.6).

Every estimator returns one `EffectResult`; `to_dict()` is JSON-safe: floats are finite or None, enums are their words,
tuples are lists. Nothing here computes; `app.domain.impact.grade` fills `grade`, `reasons` and `words`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from enum import Enum, StrEnum
from typing import Any

import numpy as np


class Estimand(StrEnum):
    """Whose effect the value is. `descriptive` is a difference that is nobody's effect."""

    ATT = "att"
    ATE = "ate"
    ITT = "itt"
    CACE = "cace"
    DESCRIPTIVE = "descriptive"


class StandardErrorKind(StrEnum):
    """How sampling variation was measured (decisions.md, "Causal exposure").

    `placebo` and `model` serve the estimators that have no other: synthetic controls and interrupted series.
    """

    CLASSICAL = "classical"
    HC1 = "hc1"
    HC2 = "hc2"
    CLUSTER = "cluster"
    WILD_BOOTSTRAP = "wild_bootstrap"
    RANDOMISATION = "randomisation"
    INFLUENCE = "influence"
    PLACEBO = "placebo"
    MODEL = "model"


class AggregationKind(StrEnum):
    """Over what the effects of cohorts and periods are averaged (Callaway and Sant'Anna 2021, section 3)."""

    SIMPLE = "simple"
    GROUP = "group"
    DYNAMIC = "dynamic"
    CALENDAR = "calendar"
    EVENT_STUDY = "event_study"
    COHORT_PERIOD = "cohort_period"


class Verdict(StrEnum):
    """What a diagnostic says: nothing against, a warning, a failure, a fact without verdict, or could not be run."""

    OK = "ok"
    FLAG = "flag"
    FAIL = "fail"
    INFO = "info"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class StandardError:
    """A standard error in the outcome's (transformed) unit and its kind; None where it cannot be had."""

    value: float | None
    kind: StandardErrorKind


@dataclass(frozen=True, slots=True)
class Interval:
    """A confidence interval; `level` 0..1; `method` names the reference (`t`, `normal`, `wild_bootstrap`, ...)."""

    low: float | None
    high: float | None
    level: float
    method: str


@dataclass(frozen=True, slots=True)
class Sample:
    """What the estimate rests on. Units and clusters count once, however many periods they are observed."""

    observations: int
    units_treated: int
    units_control: int
    clusters_treated: int | None = None
    clusters_control: int | None = None


@dataclass(frozen=True, slots=True)
class Coefficient:
    """One row of a regression table; `statistic` is t or z."""

    name: str
    value: float
    standard_error: float | None
    statistic: float | None
    p_value: float | None
    interval: Interval | None


@dataclass(frozen=True, slots=True)
class EffectRow:
    """One effect of an aggregation.

    `at` is what the row is about: the cohort's first exposed period, the event time (0 = first exposed period) or the
    calendar period; None for an overall effect. `period` is set on cohort x period cells only. `band` is the
    simultaneous (sup-t) band over the rows. A row below the minimum cell size has no value and says so in `suppressed`.
    """

    at: int | str | None
    value: float | None
    standard_error: float | None
    interval: Interval | None = None
    band: Interval | None = None
    p_value: float | None = None
    period: int | str | None = None
    n_treated: int | None = None
    n_control: int | None = None
    suppressed: str | None = None


@dataclass(frozen=True, slots=True)
class Aggregation:
    """Effects averaged one way: the overall effect and its rows, in order of `at`."""

    kind: AggregationKind
    overall: EffectRow | None
    rows: tuple[EffectRow, ...] = ()


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding that travels with the estimate: stable lower_snake `code`, a sentence, and its numbers."""

    code: str
    verdict: Verdict
    detail: str
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reason:
    """Why the grade is not higher: a `cap` (the highest grade still possible) or `steps` down, never up."""

    code: str
    detail: str
    cap: int | None = None
    steps: int = 0


@dataclass(frozen=True, slots=True)
class EffectResult:
    """One estimator's answer with all that makes it defensible.

    `value` is in the unit of the transformed outcome (log points under `transform` "log"). `p_value` is None where
    no test is possible or none was asked for, and `p_value_reason` then says why. `alternatives` are further standard
    errors of the same value. `df` are the degrees of freedom of the reference distribution, None for the normal.
    `words` is the strongest verb that the grade allows. `exploratory` marks what no locked plan had foreseen.
    `provenance` holds what is needed to compute the same again (data hash, seed, options).
    """

    estimator: str
    estimand: Estimand
    value: float | None
    standard_error: StandardError | None
    interval: Interval | None
    p_value: float | None
    p_value_reason: str | None
    sample: Sample
    df: float | None = None
    transform: str = "none"
    alternatives: tuple[StandardError, ...] = ()
    aggregations: tuple[Aggregation, ...] = ()
    coefficients: tuple[Coefficient, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    grade: int = 0
    reasons: tuple[Reason, ...] = ()
    words: str = ""
    exploratory: bool = True
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def with_diagnostics(self, *diagnostics: Diagnostic) -> EffectResult:
        """Return the same result with further diagnostics appended."""
        return replace(self, diagnostics=self.diagnostics + diagnostics)

    def diagnostic(self, code: str) -> Diagnostic | None:
        """Return the diagnostic of this code, or None if it was not run."""
        return next((one for one in self.diagnostics if one.code == code), None)

    def aggregation(self, kind: AggregationKind) -> Aggregation | None:
        """Return the aggregation of this kind, or None if it was not asked for."""
        return next((one for one in self.aggregations if one.kind == kind), None)

    def coefficient(self, name: str) -> Coefficient | None:
        """Return the coefficient of this name, or None if the regression has none."""
        return next((one for one in self.coefficients if one.name == name), None)

    def to_dict(self) -> dict[str, Any]:
        """Return the result as JSON values only."""
        answer: dict[str, Any] = json_safe(self)
        return answer


def restored(told: Mapping[str, Any]) -> EffectResult:
    """Return what `to_dict` told, as far as it takes to value an effect: estimate, error, sample, grade and scale."""
    error = told["standard_error"]
    counted = {one.name: told["sample"][one.name] for one in fields(Sample)}
    return EffectResult(
        estimator=told["estimator"],
        estimand=Estimand(told["estimand"]),
        value=told["value"],
        standard_error=None if error is None else StandardError(error["value"], StandardErrorKind(error["kind"])),
        interval=None,
        p_value=told["p_value"],
        p_value_reason=told["p_value_reason"],
        sample=Sample(**counted),
        transform=told["transform"],
        grade=told["grade"],
        words=told["words"],
    )


def claimed(effect: EffectResult, value: float, standard_error: float | None, units: int) -> EffectResult:
    """Return the effect cut down to a claim that is summed over `units`, in KPI units."""
    kind = StandardErrorKind.MODEL if effect.standard_error is None else effect.standard_error.kind
    error = None if standard_error is None else StandardError(standard_error / units, kind)
    return replace(effect, value=value / units, standard_error=error, transform="none")


def json_safe(value: Any) -> Any:  # noqa: PLR0911  one return for each kind of value is the plainest form
    """Return `value` as JSON values: non-finite floats become None, arrays and tuples lists, enums their words."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, np.bool_ | np.integer):
        return value.item()
    if isinstance(value, np.ndarray):
        return json_safe(value.tolist())
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: json_safe(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): json_safe(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [json_safe(one) for one in value]
    return value
