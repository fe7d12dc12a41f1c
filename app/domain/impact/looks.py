"""Several looks at one outcome: refreshing a dashboard must not make something significant (impact.md 3.5)."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
from scipy import optimize, special

from app.domain.errors import Fault, Invalid
from app.domain.impact.result import Diagnostic, EffectResult, Interval, Verdict

_NODES = 120
_HIGHEST = 12.0


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


def always_valid(value: float, standard_error: float, *, n: int, n_planned: int, alpha: float = 0.05) -> Interval:
    """Return the interval that holds at every look at once, however often one looks (asymptotic confidence sequence).

    `n` units have accrued, `n_planned` is the size at which it is tightest. It needs independent increments: accruing
    learners, not growing windows on the same people. Waudby-Smith et al. 2024, doi:10.1214/24-AOS2408.
    """
    spread = standard_error * math.sqrt(n)
    log_alpha = -2.0 * math.log(alpha)
    rho = (log_alpha + math.log(1.0 + log_alpha)) / n_planned
    grown = n * rho + 1.0
    half = spread * math.sqrt(2.0 * grown / (n**2 * rho) * math.log(math.sqrt(grown) / alpha))
    return Interval(value - half, value + half, 1.0 - alpha, "always_valid")


def look_taken(result: EffectResult, *, look: int, planned_looks: int) -> Diagnostic | None:
    """Return the interval and verdict of this look among those planned, evenly spaced; None for a single look.

    A look beyond the plan has no error left to spend and is flagged.
    """
    error = None if result.standard_error is None else result.standard_error.value
    if (planned_looks <= 1 and look <= 1) or error is None or result.value is None or result.interval is None:
        return None
    values: dict[str, object] = {"look": look, "planned_looks": planned_looks}
    if look > planned_looks:
        said = f"Look {look} of {planned_looks} planned: its interval and p-value no longer mean what they say."
        return Diagnostic("looks", Verdict.FLAG, said, values)
    alpha = 1.0 - result.interval.level
    critical = obrien_fleming([one / planned_looks for one in range(1, planned_looks + 1)], alpha=alpha)[look - 1]
    low, high = result.value - critical * error, result.value + critical * error
    values |= {"critical": critical, "low": low, "high": high, "crossed": not low <= 0.0 <= high}
    said = f"Look {look} of {planned_looks}: the O'Brien-Fleming interval is {low:.4g} to {high:.4g}."
    return Diagnostic("looks", Verdict.INFO, said, values)


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
