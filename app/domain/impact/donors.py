"""The estimators for one to four treated units with a pool of donors: `sdid` and `synthetic_control`."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from app.domain.errors import Fault, Invalid
from app.domain.impact import balance
from app.domain.impact.answers import along
from app.domain.impact.did import start_of
from app.domain.impact.grade import Evidence, Family, graded
from app.domain.impact.options import Estimator, Options
from app.domain.impact.panel import BoolArray, Panel, Shape
from app.domain.impact.placebos import SpacePlacebos, constant_effects, in_space, in_time, leave_one_out, statistic
from app.domain.impact.result import (
    Diagnostic,
    EffectResult,
    Estimand,
    Interval,
    Sample,
    StandardError,
    StandardErrorKind,
    Verdict,
)
from app.domain.impact.synthetic import Block, Fit, Method, checked, fit

MOST_PLACEBOS = 200
_DONORS_WANTED = 10
_PERIODS_WANTED = 12
_MOST_TREATED = 4
_SHOWN_WEIGHT = 0.001
_POOR_FIT = 0.25
_PLACEBO_KINDS = (None, StandardErrorKind.PLACEBO, StandardErrorKind.RANDOMISATION)


def effect_of_few(block: Block, method: Method, options: Options) -> EffectResult:
    """Return the ungraded effect on the mean of the treated units, tested by the rank among placebos.

    `options.draws` (at most 200) bounds the placebos; they are drawn, by `options.seed`, only where not every donor can
    serve once.
    A clustered or bootstrap standard error is never computed: with so few treated units it invents significance.
    """
    found = fit(checked(block), method)
    rng = np.random.default_rng(options.seed)
    space = in_space(block, method, replications=min(options.draws, MOST_PLACEBOS), generator=rng)
    p_value = space.p_value(statistic(found, method))
    bounds = constant_effects(found, space, method, level=options.level)
    reason = _refusal(options, block)
    return EffectResult(
        estimator=method.value,
        estimand=Estimand.ATT,
        value=found.value,
        standard_error=StandardError(space.standard_error, StandardErrorKind.PLACEBO),
        interval=None if bounds is None or reason else Interval(*bounds, options.level, "placebo"),
        p_value=None if reason else p_value,
        p_value_reason=reason,
        sample=Sample(
            observations=block.donors.size + block.treated.size,
            units_treated=block.treated.shape[0],
            units_control=block.donors.shape[0],
        ),
        diagnostics=(
            _in_space(found, space, method, p_value, options),
            _in_time(block, method, options, rng),
            _without_donors(block, found, method),
            _weights(block, found),
            _fit_before(block, found),
            *_sizes(block),
            _differences(block),
            _course(block, found),
        ),
    )


def _refusal(options: Options, block: Block) -> str | None:
    if options.standard_error in _PLACEBO_KINDS:
        return None
    return (
        f"With {block.treated.shape[0]} treated unit(s) there is no {options.standard_error} p-value: it would invent "
        "significance. Leave the kind out to get the rank among placebos."
    )


def _in_space(found: Fit, space: SpacePlacebos, method: Method, p_value: float, options: Options) -> Diagnostic:
    count = len(space.effects)
    can = space.smallest_p <= 1.0 - options.level + 1e-12
    ranked = "size of the effect" if method is Method.SDID else "ratio of gaps since and before exposure"
    detail = f"By {ranked} the treated rank {round(p_value * (count + 1))} of {count + 1} (p = {p_value:.3f})."
    if not can:
        detail += f" {count} placebos cannot give a p-value below {space.smallest_p:.3f}."
    return Diagnostic(
        "placebo_space",
        Verdict.OK if can else Verdict.FLAG,
        detail,
        {
            "p_value": p_value,
            "rank": round(p_value * (count + 1)),
            "of": count + 1,
            "statistic": statistic(found, method),
            "smallest_p_value": space.smallest_p,
            "every_donor_once": space.exhaustive,
            "effects": np.sort(space.effects).tolist(),
        },
    )


def _in_time(block: Block, method: Method, options: Options, rng: np.random.Generator) -> Diagnostic:
    found = in_time(block, method, replications=min(options.draws, MOST_PLACEBOS), generator=rng)
    if found is None:
        return Diagnostic("placebo_date", Verdict.UNAVAILABLE, "Too few periods before exposure.", {})
    fails = found.p_value <= 1.0 - options.level + 1e-12
    return Diagnostic(
        "placebo_date",
        Verdict.FAIL if fails else Verdict.OK,
        f"Pretending exposure began at {found.at} gives {found.effect:.4g} (rank p = {found.p_value:.3f}).",
        {"at": found.at, "periods": found.periods, "value": found.effect, "p_value": found.p_value},
    )


def _without_donors(block: Block, found: Fit, method: Method) -> Diagnostic:
    estimates = leave_one_out(block, found, method)
    if not estimates:
        return Diagnostic("leave_one_out", Verdict.UNAVAILABLE, "There are too few donors to leave one out.", {})
    low, high = min(estimates.values()), max(estimates.values())
    turns = low * found.value <= 0.0 or high * found.value <= 0.0
    return Diagnostic(
        "leave_one_out",
        Verdict.FLAG if turns else Verdict.OK,
        f"Without one donor at a time the estimate runs from {low:.4g} to {high:.4g}.",
        {"low": low, "high": high, "estimates": estimates},
    )


def _weights(block: Block, found: Fit) -> Diagnostic:
    order = np.argsort(-found.donor_weights)
    donors = {
        block.donor_names[j]: float(found.donor_weights[j]) for j in order if found.donor_weights[j] >= _SHOWN_WEIGHT
    }
    periods = {
        str(block.periods[t]): float(weight) for t, weight in enumerate(found.period_weights) if weight >= _SHOWN_WEIGHT
    }
    return Diagnostic(
        "weights", Verdict.INFO, f"{len(donors)} donors carry the comparison.", {"donors": donors, "periods": periods}
    )


def _fit_before(block: Block, found: Fit) -> Diagnostic:
    """Compare the gap before exposure with how much the treated moved before it."""
    course = block.treated.mean(axis=0)[: block.before]
    moved = float(course.std())
    gap = found.gap[: block.before]
    error = float((gap - gap.mean()).std() if found.period_weights.any() else math.sqrt(found.mspe_before))
    share = error / moved if moved > 0.0 else None
    poor = share is not None and share > _POOR_FIT
    return Diagnostic(
        "fit_before",
        Verdict.FLAG if poor else Verdict.OK,
        f"Before exposure the synthetic control misses by {error:.4g}; the treated themselves varied by {moved:.4g}.",
        {"error": error, "variation": moved, "share": share},
    )


def _sizes(block: Block) -> tuple[Diagnostic, ...]:
    treated, donors = block.treated.shape[0], block.donors.shape[0]
    told = []
    if donors < _DONORS_WANTED:
        told.append(("few_donors", f"{donors} donors; {_DONORS_WANTED} are wanted."))
    if block.before < _PERIODS_WANTED:
        told.append(("few_periods", f"{block.before} periods before exposure; {_PERIODS_WANTED} are wanted."))
    if treated > _MOST_TREATED:
        told.append(("many_treated", f"{treated} treated units: compare changes of units instead (callaway_santanna)."))
    return tuple(Diagnostic(code, Verdict.FLAG, detail, {}) for code, detail in told)


def _differences(block: Block) -> Diagnostic:
    """Return the plain difference in differences of the same block, for comparison."""
    gap = block.treated.mean(axis=0) - block.donors.mean(axis=0)
    value = float(gap[block.before :].mean() - gap[: block.before].mean())
    return Diagnostic(
        "difference_in_differences",
        Verdict.INFO,
        f"With equal weights, the plain difference in differences, the effect would be {value:.4g}.",
        {"value": value},
    )


def _course(block: Block, found: Fit) -> Diagnostic:
    treated = block.treated.mean(axis=0)
    return Diagnostic(
        "synthetic_course",
        Verdict.INFO,
        "The treated, their synthetic control and the gap between them, by period.",
        {
            "periods": list(block.periods),
            "treated": treated.tolist(),
            "synthetic": (found.donor_weights @ block.donors).tolist(),
            "gap": found.gap.tolist(),
        },
    )


def block_of(panel: Panel) -> tuple[Block, BoolArray]:
    """Return the balanced block of a panel and which units (per unit) are in it; others miss some period.

    Raises `Invalid`: `wrong_shape`, `exposure_not_absorbing`, `one_unit`, `none_treated`, `all_treated`,
    `several_starts`, `gap_in_treated`.
    """
    panel.require_shape(Shape.PANEL)
    panel.require_absorbing()
    panel.require_comparison()
    start = start_of(panel)
    table = panel.wide()
    complete = np.asarray(np.isfinite(table).all(axis=0))
    if bool((panel.ever_exposed & ~complete).any()):
        name = panel.unit_labels[int(np.flatnonzero(panel.ever_exposed & ~complete)[0])]
        raise Invalid(
            f"The treated unit {name} has no outcome in some period: restrict the periods to those observed.",
            errors=(Fault("gap_in_treated", str(name), pointer="/panel"),),
        )
    donors = np.flatnonzero(complete & ~panel.ever_exposed)
    block = Block(
        donors=np.ascontiguousarray(table[:, donors].T),
        treated=np.ascontiguousarray(table[:, panel.ever_exposed].T),
        before=start,
        donor_names=tuple(str(panel.unit_labels[j]) for j in donors),
        periods=panel.period_labels,
    )
    return block, complete


def _offer(method: Method, title: str) -> Estimator:
    def run(panel: Panel, options: Options) -> EffectResult:
        block, used = block_of(panel)
        found = effect_of_few(block, method, options)
        told = found.with_diagnostics(*along(found, panel, options), *balance.report(panel, used))
        placed = replace(told, transform=panel.transform)
        return graded(placed, panel.design, Evidence(Family.SYNTHETIC, pre_periods=block.before))

    return Estimator(method.value, title, run)


ESTIMATORS = (
    _offer(Method.SDID, "Synthetic difference in differences"),
    _offer(Method.SYNTHETIC_CONTROL, "Synthetic control on the outcome alone"),
)
