"""Several looks at one outcome: refreshing a dashboard must not make something significant (impact.md 3.5)."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy import optimize, special

from app.domain.errors import Fault, Invalid
from app.domain.impact.design import Design, LookMethod
from app.domain.impact.grade import stepped_down
from app.domain.impact.linear import normal_quantile
from app.domain.impact.result import Diagnostic, EffectResult, Interval, Reason, Verdict

_NODES = 120
_HIGHEST = 12.0
_LEAST_P = 1e-300


def obrien_fleming(fractions: Sequence[float], *, alpha: float = 0.05) -> list[float]:
    """Return the critical |z| of each look (O'Brien and Fleming 1979), two-sided, for any information fractions.

    `fractions` ascend to at most 1 (12 monthly looks: 1/12, 2/12, ...). The chance that any look exceeds its value is
    `alpha` under no effect. Raises `Invalid` (`bad_fractions`).
    """
    times = np.asarray(fractions, dtype=np.float64)
    if not len(times) or times[0] <= 0.0 or times[-1] > 1.0 or bool((np.diff(times) <= 0.0).any()):
        raise Invalid(
            "Information fractions must ascend from above 0 to at most 1.",
            errors=(Fault("bad_fractions", str(list(fractions))),),
        )
    edge = float(optimize.brentq(lambda at: _crossing(at, times.tolist()) - alpha, 0.05, _HIGHEST))
    return [edge / math.sqrt(time) for time in times.tolist()]


def repeated_p_value(z: float, fractions: Sequence[float], look: int) -> float:
    """Return the smallest `alpha` at which |z| at `look` (from 1) crosses the O'Brien-Fleming boundary.

    Jennison and Turnbull 1984, doi:10.1016/0197-2456(84)90133-4.
    """
    return min(max(_crossing(abs(z) * math.sqrt(fractions[look - 1]), list(fractions)), 0.0), 1.0) if z else 1.0


def always_valid(value: float, standard_error: float, *, n: int, n_planned: int, alpha: float = 0.05) -> Interval:
    """Return the interval that holds at every look at once, however often one looks (asymptotic confidence sequence).

    `n` units have accrued, `n_planned` is the size at which it is tightest. It needs independent increments: accruing
    learners, not growing windows on the same people. Waudby-Smith et al. 2024, doi:10.1214/24-AOS2408.
    """
    grown, rho = _mixture(n, n_planned, alpha)
    half = standard_error * math.sqrt(2.0 * grown / (n * rho) * math.log(math.sqrt(grown) / alpha))
    return Interval(value - half, value + half, 1.0 - alpha, "always_valid")


def always_valid_p_value(value: float, standard_error: float, *, n: int, n_planned: int, alpha: float = 0.05) -> float:
    """Return the p-value that holds at every look: the level at which the interval of `always_valid` reaches zero."""
    grown, rho = _mixture(n, n_planned, alpha)
    return min(1.0, math.sqrt(grown) * math.exp(-((value / standard_error) ** 2) * n * rho / (2.0 * grown)))


def _mixture(n: int, n_planned: int, alpha: float) -> tuple[float, float]:
    log_alpha = -2.0 * math.log(alpha)
    rho = (log_alpha + math.log(1.0 + log_alpha)) / n_planned
    return n * rho + 1.0, rho


def at_this_look(result: EffectResult, design: Design) -> EffectResult:
    """Return the result with the interval and p-value that hold however often it is looked at; as it is for one look.

    O'Brien-Fleming spends the error over the planned looks, evenly spaced; a look beyond them has none left: no
    p-value, and no more than grade 2. Always-valid intervals hold at any number of looks. What a single look would
    have said stays in the finding `looks`.
    """
    error = None if result.standard_error is None else result.standard_error.value
    single = design.planned_looks <= 1 and design.look <= 1 and design.look_method is LookMethod.OBRIEN_FLEMING
    if single or not error or result.value is None or result.interval is None or result.p_value is None:
        return result
    told: dict[str, object] = {
        "look": design.look,
        "planned_looks": design.planned_looks,
        "method": design.look_method.value,
        "single_look": {"p_value": result.p_value, "low": result.interval.low, "high": result.interval.high},
    }
    alpha = 1.0 - result.interval.level
    if design.look_method is LookMethod.ALWAYS_VALID:
        n = result.sample.units_treated + result.sample.units_control
        planned = design.planned_units or n
        wide = always_valid(0.0, 1.0, n=n, n_planned=planned, alpha=alpha).high or 0.0
        interval = _widened(result.value, result.interval, wide, LookMethod.ALWAYS_VALID)
        p_value = always_valid_p_value(_z(result.p_value), 1.0, n=n, n_planned=planned, alpha=alpha)
        said = f"Look {design.look}: its interval and p-value hold however often one looks, while learners accrue."
        return _looked(result, interval, p_value, Diagnostic("looks", Verdict.INFO, said, told))
    if design.look > design.planned_looks:
        said = f"Look {design.look} of {design.planned_looks} planned: no error is left to spend, so nothing is tested."
        spent = replace(result, interval=None, p_value=None, p_value_reason=said)
        spent = spent.with_diagnostics(Diagnostic("looks", Verdict.FLAG, said, told))
        return stepped_down(spent, Reason("looks_spent", said, cap=2))
    fractions = [one / design.planned_looks for one in range(1, design.planned_looks + 1)]
    critical = obrien_fleming(fractions, alpha=alpha)[design.look - 1]
    interval = _widened(result.value, result.interval, critical, LookMethod.OBRIEN_FLEMING)
    p_value = repeated_p_value(_z(result.p_value), fractions, design.look)
    told |= {"critical": critical, "crossed": p_value < alpha}
    said = f"Look {design.look} of {design.planned_looks}: O'Brien-Fleming asks for {critical:.3g} standard errors."
    return _looked(result, interval, p_value, Diagnostic("looks", Verdict.INFO, said, told))


def _z(p_value: float) -> float:
    """Return the |z| that has this two-sided p-value: what the test of a single look, of whatever kind, amounts to."""
    return -float(special.ndtri(max(p_value, _LEAST_P) / 2.0))


def _widened(value: float, single: Interval, critical: float, method: LookMethod) -> Interval:
    """Return the interval of a single look, of whatever kind, drawn out to `critical` standard errors."""
    factor = critical / normal_quantile(0.5 + single.level / 2.0)
    low, high = (None if end is None else value + (end - value) * factor for end in (single.low, single.high))
    return Interval(low, high, single.level, method.value)


def _looked(result: EffectResult, interval: Interval, p_value: float, told: Diagnostic) -> EffectResult:
    return replace(result, interval=interval, p_value=p_value).with_diagnostics(told)


def _crossing(edge: float, times: list[float]) -> float:
    """Return P(|B(t)| >= edge at any of `times`) for Brownian motion B, by recursive integration."""
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    at, mass = nodes * edge, weights * edge
    density = np.exp(-(at**2) / (2.0 * times[0])) / math.sqrt(2.0 * math.pi * times[0])
    inside = 1.0 - 2.0 * float(special.ndtr(-edge / math.sqrt(times[0])))
    for earlier, later in itertools.pairwise(times):
        step = math.sqrt(later - earlier)
        stays = special.ndtr((edge - at) / step) - special.ndtr((-edge - at) / step)
        inside = float((density * mass) @ stays)
        kernel = np.exp(-((at[:, None] - at[None, :]) ** 2) / (2.0 * step**2)) / (step * math.sqrt(2.0 * math.pi))
        density = kernel @ (density * mass)
    return 1.0 - inside
