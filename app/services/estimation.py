"""The engine as services call it: imported at first use (half a second), run in a thread beside the event loop.

A run holds no unit of work: what it needs is read before, as a `Task`, and what comes of it is written after.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.domain.errors import Fault, Invalid
from app.models.effect_options import EffectOptions, Transform

_ASKED = "The design would not have chosen it; it was asked for."
_OF_THE_REQUEST = ("/options", "/estimators")


@dataclass(frozen=True, slots=True)
class Names:
    """What people call the exposure and the outcome."""

    exposure: str
    outcome: str


@dataclass(frozen=True, slots=True)
class Task:
    """All that a run needs: how the panel is built, and what is estimated (no estimators: what the design allows).

    `build` takes the design and, where it is not that of the options, the scale. `posted` tells whether faults of the
    data may point at the panel that the request names. Nothing is shown of fewer than `least_people` by themselves.
    `spelled` names the columns that a covariate of the options became.
    """

    build: Callable[..., Any]
    design: Mapping[str, Any]
    estimators: Sequence[str]
    options: EffectOptions
    names: Names
    posted: bool
    least_people: int = 0
    spelled: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ran:
    """The results as JSON values, in order, and the estimator of the accepted one (None: none is an effect).

    `exposed_side` is what the exposed units did, in the KPI's own unit (`app.domain.impact.described`).
    """

    results: list[dict[str, Any]]
    accepted: str | None
    exposed_side: dict[str, Any]


Told = Callable[[int, int], Awaitable[None]]
"""Is awaited before each estimator with how many are done, of how many; what it raises ends the run."""


async def run(task: Task, told: Told | None = None) -> Ran:
    """Build the panel and run the estimators, in a thread.

    Raises Invalid: `invalid_request` where the request is wrong, `not_evaluable` where the data do not allow it.
    """
    loop = asyncio.get_running_loop()

    def on_the_loop(done: int, total: int) -> None:
        if told is not None:
            asyncio.run_coroutine_threadsafe(_awaited(told, done, total), loop).result()

    try:
        return await asyncio.to_thread(_run, task, on_the_loop)
    except Invalid as error:
        raise refused(error, posted=task.posted) from error


async def _awaited(told: Told, done: int, total: int) -> None:
    await told(done, total)


async def exposed_side(task: Task) -> dict[str, Any]:
    """Return what the exposed units did, in the KPI's own unit, without estimating anything. Raises Invalid."""
    try:
        return await asyncio.to_thread(_exposed_side, task)
    except Invalid as error:
        raise refused(error, posted=task.posted) from error


def _exposed_side(task: Task, built: Any = None) -> dict[str, Any]:
    from app.domain.impact import described  # noqa: PLC0415  the engine is imported at first use

    panel = built or task.build(task.design, Transform.NONE)
    periods = tuple(task.options.periods)
    side: dict[str, Any] = described.exposed_side(panel.restrict(periods) if periods else panel)
    return side


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


def _run(task: Task, told: Callable[[int, int], None]) -> Ran:
    from app.domain.impact import choose, privacy, scales, words  # noqa: PLC0415  the engine is imported at first use
    from app.domain.impact.estimate import estimate  # noqa: PLC0415  the same

    built, chosen = task.build(task.design), engine_options(task.options, task.spelled)
    results = estimate(built, tuple(task.estimators), chosen, told=told)
    used = built.restrict(chosen.periods) if chosen.periods else built
    roles = {choice.slug: choice for choice in choose.admissible(used, chosen)}
    scale = "log of " if built.transform == "log" else ""
    said = {"exposure": task.names.exposure, "outcome": f"{scale}{task.names.outcome}"}
    best = choose.accepted(results)
    return Ran(
        [
            privacy.protected(result.to_dict(), task.least_people)
            | _role(roles.get(result.estimator))
            | {"statement": words.sentence(result, **said), "scales": scales.of(result.grade)}
            for result in results
        ],
        None if best is None else best.estimator,
        _exposed_side(task, None if scale else built),
    )


def _role(choice: Any) -> dict[str, Any]:
    if choice is None:
        return {"role": "asked", "role_reason": _ASKED}
    return {"role": choice.role.value, "role_reason": choice.reason}


def engine_options(chosen: EffectOptions, spelled: Mapping[str, tuple[str, ...]]) -> Any:
    """Return the choices as the engine takes them, each covariate by the columns that it became."""
    from app.domain.impact.options import CellMethod, Controls, Options  # noqa: PLC0415  the engine: at first use
    from app.domain.impact.result import AggregationKind, StandardErrorKind  # noqa: PLC0415  the same

    kind = None if chosen.standard_error is None else StandardErrorKind(chosen.standard_error.value)
    return Options(
        standard_error=kind,
        level=chosen.level,
        covariates=tuple(column for name in chosen.covariates for column in spelled.get(name, (name,))),
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
