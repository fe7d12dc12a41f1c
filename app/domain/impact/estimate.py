"""The public entry: a panel and the estimators asked for, results out.

Estimators are found, not listed. A module of this folder that defines `ESTIMATORS: tuple[Estimator, ...]` offers them;
slugs are unique. Nothing else needs an edit when one is added.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import app.domain.impact as folder
from app.domain.errors import Fault, Invalid
from app.domain.impact.choose import admissible
from app.domain.impact.looks import at_this_look
from app.domain.impact.options import Estimator, Options
from app.domain.impact.panel import Panel
from app.domain.impact.result import EffectResult
from app.domain.impact.spread import side_by_side

Told = Callable[[int, int], None]
"""Is told before each estimator how many are done, of how many."""


def _nobody(_done: int, _total: int) -> None:
    return None


@cache
def estimators() -> Mapping[str, Estimator]:
    """Return every estimator by slug, in alphabetical order."""
    found: dict[str, Estimator] = {}
    for name in sorted(module.name for module in pkgutil.iter_modules(folder.__path__)):
        offered: tuple[Estimator, ...] = getattr(importlib.import_module(f"{folder.__name__}.{name}"), "ESTIMATORS", ())
        for one in offered:
            if one.slug in found:
                raise RuntimeError(f"app/domain/impact/{name}.py offers {one.slug!r}, which another module offers too")
            found[one.slug] = one
    return dict(sorted(found.items()))


def estimate(
    panel: Panel, slugs: Sequence[str] = (), options: Options | None = None, *, told: Told = _nobody
) -> list[EffectResult]:
    """Run the estimators `slugs` on `panel`; results in the same order.

    Without slugs those run that the design allows (`choose.admissible`), the primary one first, and those that the data
    refuse are left out. Each result carries the others beside it (`specification_spread`), the interval of this look
    where several are planned, and what is needed to compute it again. What `told` raises ends the run.

    Raises `Invalid` for an unknown slug, for options that the panel cannot serve, where an estimator asked for refuses,
    and where none that the design allows can be computed.
    """
    chosen = options or Options()
    if not 0.0 < chosen.level < 1.0:
        raise Invalid(
            "The level of an interval is between 0 and 1, such as 0.95.",
            errors=(Fault("bad_level", str(chosen.level), pointer="/options/level"),),
        )
    used = panel.restrict(chosen.periods) if chosen.periods else panel
    found = _asked_for(used, slugs, chosen, told) if slugs else _allowed(used, chosen, told)
    provenance = _provenance(used, chosen)
    return [_completed(one, used, provenance) for one in side_by_side(found)]


def _asked_for(panel: Panel, slugs: Sequence[str], options: Options, told: Told) -> list[EffectResult]:
    known = estimators()
    unknown = [(at, slug) for at, slug in enumerate(slugs) if slug not in known]
    if unknown:
        raise Invalid(
            f"Unknown estimator {unknown[0][1]!r}. Choose among: {', '.join(known)}.",
            errors=tuple(Fault("unknown_estimator", slug, pointer=f"/estimators/{at}") for at, slug in unknown),
        )
    found = []
    for done, slug in enumerate(slugs):
        told(done, len(slugs))
        found.append(known[slug].run(panel, options))
    return found


def _allowed(panel: Panel, options: Options, told: Told) -> list[EffectResult]:
    found: list[EffectResult] = []
    refusal: Invalid | None = None
    choices = admissible(panel, options)
    for done, choice in enumerate(choices):
        told(done, len(choices))
        try:
            found.append(estimators()[choice.slug].run(panel, options))
        except Invalid as refused:
            refusal = refusal or refused
    if not found and refusal is not None:
        raise refusal
    return found


def _provenance(panel: Panel, options: Options) -> dict[str, Any]:
    return {
        "data_hash": panel.digest(),
        "plan_hash": panel.design.plan_hash,
        "seed": options.seed,
        "draws": options.draws,
        "look": panel.design.look,
    }


def _completed(result: EffectResult, panel: Panel, provenance: Mapping[str, Any]) -> EffectResult:
    marked = at_this_look(result, panel.design)
    return replace(marked, provenance={**marked.provenance, **provenance})
