"""The catalogue as one tuple, and the one call that computes any figure in it."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from app.domain.errors import Invalid, NotFound
from app.domain.figure import PLACES, Figure, Interval, arithmetic, rounded
from app.domain.metrics import (
    alignment,
    application,
    assessments,
    costs,
    durations,
    engagement,
    estimates,
    evaluability,
    expectations,
    forecasts,
    gains,
    governance,
    isolation,
    outcomes,
    pace_rows,
    reach,
    reactions,
    returns_rows,
    rollups,
    timeliness,
    trust,
    volume,
)
from app.domain.metrics.answers import Answer, inconsistent, no_data
from app.domain.metrics.definitions import Metric
from app.domain.metrics.reading import Reading, read, read_parameters

METRICS: tuple[Metric, ...] = (
    *reach.METRICS,
    *volume.METRICS,
    *timeliness.METRICS,
    *durations.METRICS,
    *engagement.METRICS,
    *reactions.METRICS,
    *application.METRICS,
    *assessments.METRICS,
    *gains.METRICS,
    *outcomes.METRICS,
    *pace_rows.METRICS,
    *forecasts.METRICS,
    *rollups.METRICS,
    *isolation.METRICS,
    *estimates.METRICS,
    *expectations.METRICS,
    *returns_rows.METRICS,
    *costs.METRICS,
    *alignment.METRICS,
    *evaluability.METRICS,
    *governance.METRICS,
    *trust.METRICS,
)
_BY_SLUG: Mapping[str, Metric] = {row.slug: row for row in METRICS}


def metric(slug: str) -> Metric:
    """Return the row of a metric. Raises NotFound with the code `unknown_metric`."""
    try:
        return _BY_SLUG[slug]
    except KeyError:
        raise NotFound(
            f"there is no metric {slug[:80]!r}; GET /v1/metrics lists all of them", code="unknown_metric"
        ) from None


def catalogue() -> dict[str, Any]:
    """Return the whole catalogue in JSON form, with the rules that every row obeys and the vectors of each."""
    return {
        "rules": {
            "rounding": f"once, half to even, {PLACES} decimal places, no trailing zeros",
            "arithmetic": "decimals of 34 significant digits, half to even",
            "zero_denominator": "0/0 is not_applicable, x/0 is inconsistent; both without a value",
            "unknown": "a required input that is null makes the figure no_data",
            "expected": "compared key by key with the figure; caveats lists codes that must be present",
        },
        "metrics": [row.as_json() for row in METRICS],
    }


def evaluate(slug: str, inputs: Mapping[str, Any], parameters: Mapping[str, Any] | None = None) -> Figure:
    """Compute one figure from inputs in JSON form (or their Python counterparts).

    A required input given as null makes the figure `no_data`. The figure is not yet placed: give it subject, instant
    and period with `Figure.about`. Raises NotFound for an unknown slug, Invalid with pointers for inputs that cannot
    be read; inputs that contradict each other are no error but an `inconsistent` figure.
    """
    row = metric(slug)
    reading = read(row, inputs, parameters or {})
    if reading.unknown:
        return publish(row, no_data(f"not known: {', '.join(reading.unknown)}"), reading)
    with arithmetic():
        answer = row.compute(**reading.values)
    return publish(row, answer, reading)


def unreadable(slug: str, parameters: Mapping[str, Any], error: Invalid) -> Figure:
    """Return the figure of inputs that `evaluate` refused with `error`: inconsistent, with what was wrong first.

    The reason names inputs and what was expected of them, never what they hold. Raises Invalid for parameters that
    cannot be read either.
    """
    row = metric(slug)
    wrong = next((f": {fault.pointer} {fault.detail}" for fault in error.errors), "")
    return publish(row, inconsistent(f"{error.detail}{wrong}"), read_parameters(row, parameters))


def publish(row: Metric, answer: Answer, reading: Reading) -> Figure:
    """Turn an answer into the figure of its row: the only place where numbers are rounded."""
    value = answer.value
    interval = answer.interval
    return Figure(
        metric=row.slug,
        definition_version=row.definition_version,
        status=answer.status,
        unit=answer.unit or _unit(row, reading),
        value=rounded(value) if isinstance(value, Decimal) else value,
        value_type=row.value_type,
        reason=answer.reason,
        parameters=reading.parameters,
        numerator=None if answer.numerator is None else rounded(answer.numerator),
        denominator=None if answer.denominator is None else rounded(answer.denominator),
        n_people=answer.n_people,
        interval=interval and Interval(rounded(interval.low), rounded(interval.high), interval.level, interval.method),
        basis=answer.basis,
        caveats=answer.caveats,
    )


def _unit(row: Metric, reading: Reading) -> str:
    if row.unit == "money":
        return f"money:{reading.currency}" if reading.currency else "money"
    if row.unit == "kpi":
        return f"kpi:{reading.kpi_unit}" if reading.kpi_unit else "kpi"
    return row.unit
