"""The engine as services call it: imported at first use (half a second), run in a thread beside the event loop."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from app.domain.errors import Fault, Invalid
from app.models.effect_options import EffectOptions

_ASKED = "The design would not have chosen it; it was asked for."
_OF_THE_REQUEST = ("/options", "/estimators")


@dataclass(frozen=True, slots=True)
class Names:
    """What people call the exposure and the outcome."""

    exposure: str
    outcome: str


@dataclass(frozen=True, slots=True)
class Ran:
    """The results as JSON values, in order, and the estimator of the accepted one (None: none is an effect)."""

    results: list[dict[str, Any]]
    accepted: str | None


async def run(
    panel: Callable[[], Any],
    estimators: Sequence[str],
    options: EffectOptions,
    names: Names,
    *,
    posted: bool,
    least_people: int = 0,
) -> Ran:
    """Build the panel and run the estimators; none: those that the design allows.

    Raises Invalid: `invalid_request` where the request is wrong, `not_evaluable` where the data do not allow it.
    `posted` tells whether faults of the data may point at the panel that the request names. Nothing is shown of fewer
    than `least_people` by themselves.
    """
    try:
        return await asyncio.to_thread(_run, panel, tuple(estimators), options, names, least_people)
    except Invalid as error:
        raise refused(error, posted=posted) from error


async def described(panel: Callable[[], Any], *, least_people: int) -> dict[str, Any]:
    """Return what a panel holds, as JSON values: shape, counts, balance and the findings about its data."""
    return await asyncio.to_thread(_described, panel, least_people)


def _described(panel: Callable[[], Any], least_people: int) -> dict[str, Any]:
    from app.domain.impact import described, privacy  # noqa: PLC0415  the engine is imported at first use

    found = described.described(panel())
    return found | {"diagnostics": [privacy.protected_finding(one, least_people) for one in found["diagnostics"]]}


def refused(error: Invalid, *, posted: bool) -> Invalid:
    """Return an error of the engine as one of a request that names data instead of holding them."""
    if any((fault.pointer or "").startswith(_OF_THE_REQUEST) for fault in error.errors):
        return Invalid(error.detail, errors=error.errors)
    pointer = "/panel_id" if posted else None
    faults = tuple(Fault(fault.code, fault.detail, pointer=pointer) for fault in error.errors)
    return Invalid(error.detail, code="not_evaluable", errors=faults)


def _run(
    panel: Callable[[], Any], estimators: tuple[str, ...], options: EffectOptions, names: Names, least_people: int
) -> Ran:
    from app.domain.impact import choose, privacy, words  # noqa: PLC0415  the engine is imported at first use
    from app.domain.impact.estimate import estimate  # noqa: PLC0415  the same

    built, chosen = panel(), engine_options(options)
    results = estimate(built, estimators, chosen)
    used = built.restrict(chosen.periods) if chosen.periods else built
    roles = {choice.slug: choice for choice in choose.admissible(used, chosen)}
    scale = "log of " if built.transform == "log" else ""
    said = {"exposure": names.exposure, "outcome": f"{scale}{names.outcome}"}
    best = choose.accepted(results)
    return Ran(
        [
            privacy.protected(result.to_dict(), least_people)
            | _role(roles.get(result.estimator))
            | {"statement": words.sentence(result, **said)}
            for result in results
        ],
        None if best is None else best.estimator,
    )


def _role(choice: Any) -> dict[str, Any]:
    if choice is None:
        return {"role": "asked", "role_reason": _ASKED}
    return {"role": choice.role.value, "role_reason": choice.reason}


def engine_options(chosen: EffectOptions) -> Any:
    """Return the choices as the engine takes them."""
    from app.domain.impact.options import CellMethod, Controls, Options  # noqa: PLC0415  the engine: at first use
    from app.domain.impact.result import AggregationKind, StandardErrorKind  # noqa: PLC0415  the same

    kind = None if chosen.standard_error is None else StandardErrorKind(chosen.standard_error.value)
    return Options(
        standard_error=kind,
        level=chosen.level,
        covariates=tuple(chosen.covariates),
        periods=tuple(chosen.periods),
        controls=Controls(chosen.controls.value),
        cell_method=CellMethod(chosen.cell_method.value),
        anticipation=chosen.anticipation,
        exposure_lags=chosen.exposure_lags,
        aggregations=tuple(AggregationKind(one.value) for one in chosen.aggregations),
        draws=chosen.draws,
        seed=chosen.seed,
        baseline=chosen.baseline,
        take_up=chosen.take_up,
        extras=chosen.extras.model_dump(mode="json", exclude_none=True),
    )
