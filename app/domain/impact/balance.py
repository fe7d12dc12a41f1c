"""What the panel holds: units, clusters, periods, gaps, leavers and raw means; travels with every estimate (3.3)."""

from __future__ import annotations

import numpy as np

from app.domain.impact import leavers
from app.domain.impact.linear import FloatArray
from app.domain.impact.panel import BoolArray, Panel
from app.domain.impact.result import Diagnostic, Sample, Verdict

ATTRITION_STEP = 0.05  # impact.md 3.9: a wider gap in leaving rates costs a step


def report(panel: Panel, used: BoolArray) -> tuple[Diagnostic, ...]:
    """Return the diagnostics of the data; `used` (per unit) are the units that the estimate rests on."""
    wide = panel.wide()
    seen = ~np.isnan(wide)
    return (
        _composition(panel, used),
        _missing(panel, seen),
        _attrition(panel, seen),
        *leavers.report(panel, wide),
        _raw_means(panel),
    )


def sample_of(panel: Panel, used: BoolArray, *, observations: int) -> Sample:
    """Return the counts of units and clusters among the `used` units (per unit); no clusters where the unit is one."""
    treated = panel.ever_exposed & used
    control = ~panel.ever_exposed & used
    if panel.cluster is None:
        return Sample(observations, int(treated.sum()), int(control.sum()))
    exposed, others = np.unique(panel.unit_cluster[treated]), np.unique(panel.unit_cluster[control])
    return Sample(
        observations=observations,
        units_treated=int(treated.sum()),
        units_control=int(control.sum()),
        clusters_treated=len(exposed),
        clusters_control=len(np.setdiff1d(others, exposed)),
    )


def pre_periods(panel: Panel, anticipation: int = 0) -> int:
    """Return how many periods before exposure at least half of the exposed units have."""
    before = np.sort(panel.first[panel.ever_exposed]) - anticipation
    return int(max(before[(len(before) - 1) // 2], 0)) if len(before) else 0


def _composition(panel: Panel, used: BoolArray) -> Diagnostic:
    cohorts = {str(panel.period_labels[at]): int(((panel.first == at) & used).sum()) for at in panel.cohorts.tolist()}
    dropped = int((~used).sum())
    mixed = 0
    if panel.cluster is not None:
        exposed = np.unique(panel.unit_cluster[panel.ever_exposed & used])
        mixed = len(np.intersect1d(exposed, np.unique(panel.unit_cluster[~panel.ever_exposed & used])))
    share = float((panel.ever_exposed & used).sum()) / max(int(used.sum()), 1)
    lopsided = not 0.01 <= share <= 0.95  # noqa: PLR2004  the bounds of impact.md 3.2
    values = {
        "units": int(used.sum()),
        "units_dropped": dropped,
        "share_dropped": dropped / len(used),
        "cohorts": cohorts,
        "never_exposed": int((~panel.ever_exposed & used).sum()),
        "periods": panel.n_periods,
        "periods_pre": pre_periods(panel),
        "share_treated": share,
        "mixed_clusters": mixed,
    }
    verdict = Verdict.FLAG if lopsided or mixed else Verdict.INFO
    detail = f"{int(used.sum())} of {len(used)} units are used; {share:.0%} of them are exposed."
    if mixed:
        detail += f" {mixed} clusters hold both exposed and unexposed units, so exposure was not assigned by cluster."
    return Diagnostic("composition", verdict, detail, values)


def _missing(panel: Panel, seen: BoolArray) -> Diagnostic:
    treated = panel.ever_exposed
    shares = [_share_missing(seen[:, arm]) for arm in (treated, ~treated)]
    gap = None if None in shares else float(shares[0] or 0.0) - float(shares[1] or 0.0)
    return Diagnostic(
        "missing_outcome",
        Verdict.FLAG if gap is not None and abs(gap) > ATTRITION_STEP else Verdict.OK,
        "Share of unit-periods without an outcome, by arm.",
        {"treated": shares[0], "control": shares[1], "gap": gap},
    )


def _share_missing(seen: BoolArray) -> float | None:
    return float(1.0 - seen.mean()) if seen.size else None


def _attrition(panel: Panel, seen: BoolArray) -> Diagnostic:
    """Compare leavers: of the units observed in the first period, those not observed in the last one."""
    treated = panel.ever_exposed
    present = seen[0]
    left = present & ~seen[-1]
    rates = [float(left[arm & present].mean()) if bool((arm & present).any()) else None for arm in (treated, ~treated)]
    gap = None if None in rates else float(rates[0] or 0.0) - float(rates[1] or 0.0)
    if panel.n_periods == 1 or gap is None:
        return Diagnostic("attrition", Verdict.UNAVAILABLE, "Leavers cannot be counted by arm.")
    return Diagnostic(
        "attrition",
        Verdict.FAIL if abs(gap) > ATTRITION_STEP else Verdict.OK,
        f"Leavers between first and last period: {rates[0]:.1%} of the exposed, {rates[1]:.1%} of the others.",
        {"treated": rates[0], "control": rates[1], "gap": gap},
    )


def _raw_means(panel: Panel) -> Diagnostic:
    """Mean outcome by cohort and period, for the picture; None where nobody was observed."""
    observed = np.bincount(panel.unit, minlength=panel.n_units) > 0
    width = panel.n_periods
    code = panel.first[panel.unit] * width + panel.period
    size = (width + 1) * width
    counts = np.bincount(code, minlength=size).reshape(width + 1, width)
    totals = np.bincount(code, weights=panel.outcome, minlength=size).reshape(width + 1, width)
    rows = [
        {
            "cohort": "never" if cohort == width else panel.period_labels[cohort],
            "units": int((observed & (panel.first == cohort)).sum()),
            "means": _means(totals[cohort], counts[cohort]),
        }
        for cohort in [*panel.cohorts.tolist(), width]
        if bool((observed & (panel.first == cohort)).any())
    ]
    return Diagnostic(
        "raw_means",
        Verdict.INFO,
        "Mean outcome by first exposed period and period.",
        {"periods": list(panel.period_labels), "cohorts": rows},
    )


def _means(totals: FloatArray, counts: FloatArray) -> list[float | None]:
    return [float(total / count) if count else None for total, count in zip(totals, counts, strict=True)]
