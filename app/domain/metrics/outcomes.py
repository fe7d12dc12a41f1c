"""How far a KPI has come from its baseline (metrics.md, section 4: b baseline, t target, x current, s direction)."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from app.domain.attainment import Direction
from app.domain.metrics.answers import Answer, caveat, not_applicable, quotient
from app.domain.metrics.definitions import KPI_UNIT, Input, InputType, Metric, Standing, Vector

DECIMAL = InputType.DECIMAL
DIRECTION = Input(
    "direction", InputType.CHOICE, "Which way is better.", allowed=tuple(word.value for word in Direction)
)
BASELINE = Input("baseline", DECIMAL, "b: value of the KPI before, in KPI units.")
TARGET = Input("target", DECIMAL, "t: value of the KPI aimed at, in KPI units.")
CURRENT = Input("current", DECIMAL, "x: newest confirmed value of the KPI, in KPI units.")


def progress(*, baseline: Decimal, target: Decimal, current: Decimal) -> Answer:
    """Return the share of the way from baseline to target that has been covered; not clamped."""
    if target == baseline:
        return not_applicable("target and baseline are equal: there is no way to cover; make it a maintain outcome")
    worse = (current - baseline) * (target - baseline) < 0
    return quotient(current - baseline, target - baseline).noting(
        caveat("worse_than_baseline", "The KPI is worse than its baseline.", when=worse)
    )


def improvement_abs(*, direction: str, baseline: Decimal, current: Decimal) -> Answer:
    """Return the change since the baseline in KPI units, positive when better."""
    return Answer(value=Direction(direction).sign * (current - baseline))


def improvement_rel(*, direction: str, baseline: Decimal, current: Decimal) -> Answer:
    """Return the change since the baseline in percent of its size, positive when better."""
    if baseline == 0:
        return not_applicable("the baseline is 0: a change relative to it has no size; use improvement_abs")
    answer = quotient(Direction(direction).sign * (current - baseline), abs(baseline))
    return replace(answer, value=100 * answer.value if isinstance(answer.value, Decimal) else None)


METRICS: tuple[Metric, ...] = (
    Metric(
        slug="progress",
        title="Progress to target",
        unit="ratio",
        description="How much of the way from the baseline to the target an outcome has covered.",
        formula="(x - b) / (t - b)",
        edge_rules=(
            "Works for both directions: lower-is-better needs no special case.",
            "Not clamped: negative is worse than the baseline, above 1 is beyond the target.",
            "t = b is not_applicable: such an outcome is a maintain outcome and is refused at write.",
            "An unknown current value is no_data, never 0 %.",
        ),
        source="ServiceNow performance analytics, achievement percentage; metrics.md section 4",
        standing=Standing.COMMON,
        inputs=(BASELINE, TARGET, CURRENT),
        compute=progress,
        vectors=(
            Vector(
                "GV-F",
                "onboarding days, lower is better: baseline 60, target 45, now 50",
                {"baseline": "60", "target": "45", "current": "50"},
                {"status": "ok", "value": "0.666667", "numerator": "-10", "denominator": "-15"},
            ),
            Vector(
                "GV-G",
                "the same, now 66: worse than the baseline, shown as such",
                {"baseline": "60", "target": "45", "current": "66"},
                {"status": "ok", "value": "-0.4", "caveats": ["worse_than_baseline"]},
            ),
            Vector(
                "GV-H",
                "baseline 90, target 90: a maintain outcome",
                {"baseline": "90", "target": "90", "current": "91"},
                {"status": "not_applicable", "value": None},
            ),
            Vector(
                "GV-E-Q1",
                "220 against 250 in the quarter, counted from zero",
                {"baseline": "0", "target": "250", "current": "220"},
                {"status": "ok", "value": "0.88"},
            ),
            Vector(
                "GV-E-Q2",
                "240 against 250 in the quarter",
                {"baseline": "0", "target": "250", "current": "240"},
                {"status": "ok", "value": "0.96"},
            ),
            Vector(
                "GV-E-Q3",
                "200 against 250 in the quarter",
                {"baseline": "0", "target": "250", "current": "200"},
                {"status": "ok", "value": "0.8"},
            ),
            Vector(
                "GV-E-Q4",
                "230 against 250 in the quarter",
                {"baseline": "0", "target": "250", "current": "230"},
                {"status": "ok", "value": "0.92"},
            ),
            Vector(
                "progress-exact-hit",
                "the target is hit exactly",
                {"baseline": "60", "target": "45", "current": "45"},
                {"status": "ok", "value": "1"},
            ),
            Vector(
                "progress-beyond",
                "beyond the target",
                {"baseline": "10", "target": "20", "current": "25"},
                {"status": "ok", "value": "1.5"},
            ),
            Vector(
                "progress-unknown",
                "nothing measured yet",
                {"baseline": "60", "target": "45", "current": None},
                {"status": "no_data", "value": None},
            ),
        ),
    ),
    Metric(
        slug="improvement_abs",
        title="Improvement",
        unit="kpi",
        description="By how much the KPI is better than its baseline, in its own unit.",
        formula="s · (x - b), s = +1 if higher is better, -1 if lower is better",
        edge_rules=(
            "Positive is better in both directions; a regression is negative.",
            "For a KPI in percent the unit is percentage points.",
        ),
        source="Standard; metrics.md section 4",
        standing=Standing.STANDARD,
        inputs=(DIRECTION, BASELINE, CURRENT, KPI_UNIT),
        compute=improvement_abs,
        vectors=(
            Vector(
                "improvement-lower",
                "onboarding takes 50 days instead of 60",
                {"direction": "lower_is_better", "baseline": "60", "current": "50", "kpi_unit": "days"},
                {"status": "ok", "value": "10", "unit": "kpi:days"},
            ),
            Vector(
                "improvement-regression",
                "sales fall from 12.5 to 12.25",
                {"direction": "higher_is_better", "baseline": "12.5", "current": "12.25"},
                {"status": "ok", "value": "-0.25", "unit": "kpi"},
            ),
        ),
    ),
    Metric(
        slug="improvement_rel",
        title="Relative improvement",
        unit="percent",
        description="By how much the KPI is better than its baseline, in percent of the baseline's size.",
        formula="100 · s · (x - b) / |b|",
        edge_rules=(
            "A baseline of 0 is not_applicable.",
            "Percent of the baseline, never to be confused with percentage points (improvement_abs).",
        ),
        source="Standard; metrics.md section 4",
        standing=Standing.STANDARD,
        inputs=(DIRECTION, BASELINE, CURRENT),
        compute=improvement_rel,
        vectors=(
            Vector(
                "improvement-rel-ordinary",
                "a rate of 12 % instead of 10 % is +2 points and +20 %",
                {"direction": "higher_is_better", "baseline": "10", "current": "12"},
                {"status": "ok", "value": "20", "numerator": "2", "denominator": "10"},
            ),
            Vector(
                "improvement-rel-negative-baseline",
                "a loss of 50 shrinks to a loss of 40",
                {"direction": "higher_is_better", "baseline": "-50", "current": "-40"},
                {"status": "ok", "value": "20"},
            ),
            Vector(
                "improvement-rel-zero",
                "no percentage of zero",
                {"direction": "lower_is_better", "baseline": "0", "current": "4"},
                {"status": "not_applicable", "value": None},
            ),
        ),
    ),
)
