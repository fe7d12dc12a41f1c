"""Rows of plan value, pace and status (metrics.md, section 4)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from app.domain.figure import ValueType
from app.domain.metrics.definitions import KPI_UNIT, Input, InputType, Metric, Parameter, Standing, Vector, by_variant
from app.domain.metrics.outcomes import BASELINE, CURRENT, TARGET
from app.domain.metrics.pace import PeriodTarget, pace_index, plan_value, status_of_band, status_of_change

DATE, DECIMAL, COUNT = InputType.DATE, InputType.DECIMAL, InputType.COUNT


def _window(variant: str | None = None) -> tuple[Input, ...]:
    return (
        Input("start_on", DATE, "T0: local date on which work begins.", variant=variant),
        Input("lag_days", COUNT, "L: days before an effect is expected.", required=False, default=0, variant=variant),
        Input(
            "period_targets",
            InputType.RECORDS,
            "Targets of single periods, instead of the straight line.",
            required=False,
            default=(),
            variant=variant,
            fields=(
                Input("from_on", DATE, "First date of the period."),
                Input("target", DECIMAL, "Target of the period, in KPI units."),
            ),
            make=PeriodTarget,
        ),
    )


DUE_ON = Input("due_on", DATE, "T1: local date on which the target is due.")
ON = Input("on", DATE, "τ: the local date of the question.")
ONBOARDING = {"baseline": "60", "target": "45", "start_on": "2026-01-01", "due_on": "2026-07-20", "lag_days": 20}
QUARTERS = [{"from_on": "2026-01-01", "target": "220"}, {"from_on": "2026-04-01", "target": "250"}]
SALES = {"baseline": "200", "target": "300", "start_on": "2026-01-01", "due_on": "2026-12-31"}
BAND = {"high": "5", "due_on": "2026-12-31", "on": "2026-06-30", "cadence_days": 30, "measured_on": "2026-06-15"}


def _state(vector_id: str, title: str, word: str, parameters: dict[str, Any] | None = None, **inputs: Any) -> Vector:
    given = {**ONBOARDING, "direction": "lower_is_better", "cadence_days": 30, **inputs}
    return Vector(vector_id, title, given, {"status": "ok", "value": word, "value_type": "enum"}, parameters or {})


METRICS: tuple[Metric, ...] = (
    Metric(
        slug="plan_value",
        title="Plan value",
        unit="kpi",
        description="Where the KPI should be by now.",
        formula="b + (t - b) · clamp((τ - T0 - L) / (T1 - T0 - L), 0, 1); or the target of the period begun last",
        edge_rules=(
            "Before T0 + L it is the baseline, from T1 on the target.",
            "A lag of the whole window or more is inconsistent and refused at write.",
            "Given period targets replace the line.",
        ),
        source="Center for Talent Reporting, TDRp (plan); the shape is ours",
        standing=Standing.OURS,
        inputs=(BASELINE, TARGET, *_window(), DUE_ON, ON, KPI_UNIT),
        compute=plan_value,
        vectors=(
            Vector(
                "plan-half",
                "90 of the 180 days after the lag have passed: half of the way from 60 to 45",
                {**ONBOARDING, "on": "2026-04-21", "kpi_unit": "days"},
                {"status": "ok", "value": "52.5", "unit": "kpi:days"},
            ),
            Vector(
                "plan-lag", "within the lag it is the baseline", {**ONBOARDING, "on": "2026-01-10"}, {"value": "60"}
            ),
            Vector(
                "plan-period-target",
                "the second quarter has a target of its own",
                {**SALES, "on": "2026-05-05", "period_targets": QUARTERS},
                {"status": "ok", "value": "250", "basis": "period_targets"},
            ),
            Vector(
                "plan-lag-too-long",
                "a lag of 200 days in a window of 200 days",
                {**ONBOARDING, "lag_days": 200, "on": "2026-04-21"},
                {"status": "inconsistent", "value": None},
            ),
        ),
    ),
    Metric(
        slug="pace_index",
        title="Pace",
        unit="ratio",
        description="How much of the change planned by now has happened.",
        formula="(x - b) / (plan_value(τ) - b)",
        edge_rules=(
            "1 is as planned; not clamped, negative is worse than the baseline.",
            "While no change is planned (until T0 + L) it is not_applicable: too early.",
        ),
        source="Ours, on the standard idea of plan against actual",
        standing=Standing.OURS,
        inputs=(BASELINE, TARGET, CURRENT, *_window(), DUE_ON, ON),
        compute=pace_index,
        vectors=(
            Vector(
                "pace-ordinary",
                "6 of 7.5 days saved by now",
                {**ONBOARDING, "current": "54", "on": "2026-04-21"},
                {"status": "ok", "value": "0.8", "numerator": "-6", "denominator": "-7.5"},
            ),
            Vector(
                "pace-too-early",
                "nothing is planned before the lag is over",
                {**ONBOARDING, "current": "54", "on": "2026-01-10"},
                {"status": "not_applicable", "value": None},
            ),
            Vector(
                "pace-regression",
                "worse than the baseline",
                {**ONBOARDING, "current": "63", "on": "2026-04-21"},
                {"status": "ok", "value": "-0.4"},
            ),
        ),
    ),
    Metric(
        slug="status",
        title="Attainment status",
        unit="word",
        description="Whether an outcome is on its way: too_early, on_track, at_risk, off_track, unknown, met, missed.",
        formula=(
            "change: from T1 on met if s · (confirmed - t) >= 0, else missed; before, pace >= 0.90 on_track, >= 0.75 "
            "at_risk, else off_track; maintain: a present breach is off_track, else by the share of periods in the band"
        ),
        edge_rules=(
            "Until T0 + L it is too_early.",
            "unknown without a measurement, or if the newest is older than 1.5 cadences.",
            "From T1 on only the value confirmed for the due date decides; without one it is unknown.",
            "An exact hit is met.",
            "A status set by hand is kept with author and reason, beside the computed one.",
        ),
        source="Thresholds: ServiceNow; the rest ours",
        standing=Standing.OURS,
        value_type=ValueType.ENUM,
        variant_parameter="kind",
        parameters=(
            Parameter("kind", InputType.CHOICE, "Kind of outcome.", default="change", allowed=("change", "maintain")),
            Parameter("on_track_at", DECIMAL, "Pace from which it is on track.", default=Decimal("0.90")),
            Parameter("at_risk_at", DECIMAL, "Pace from which it is at risk.", default=Decimal("0.75")),
            Parameter("stale_after", DECIMAL, "Cadences after which data are stale.", default=Decimal("1.5")),
        ),
        inputs=(
            Input(
                "direction",
                InputType.CHOICE,
                "Which way is better.",
                variant="change",
                allowed=("higher_is_better", "lower_is_better"),
            ),
            Input("baseline", DECIMAL, "b: value of the KPI before, in KPI units.", variant="change"),
            Input("target", DECIMAL, "t: value of the KPI aimed at, in KPI units.", variant="change"),
            *_window("change"),
            Input("low", DECIMAL, "Lower end of the band.", required=False, variant="maintain"),
            Input("high", DECIMAL, "Upper end of the band.", required=False, variant="maintain"),
            Input("periods_inside", COUNT, "Periods whose value was inside the band.", variant="maintain"),
            Input("periods_observed", COUNT, "Periods with a value.", variant="maintain"),
            DUE_ON,
            ON,
            Input("current", DECIMAL, "x: newest confirmed value of the KPI.", required=False),
            Input("measured_on", DATE, "Date of the newest measurement.", required=False),
            Input("cadence_days", COUNT, "Days between two measurements.", required=False),
            Input("confirmed_at_due", DECIMAL, "Value confirmed for the due date.", required=False),
        ),
        compute=by_variant("kind", {"change": status_of_change, "maintain": status_of_band}),
        vectors=(
            _state("status-too-early", "within the lag", "too_early", on="2026-01-15", current="66"),
            _state("status-on-track", "6.75 of 7.5 days", "on_track", on="2026-04-21", current="53.25"),
            _state("status-at-risk", "6 of 7.5 days", "at_risk", on="2026-04-21", current="54"),
            _state("status-off-track", "worse than before", "off_track", on="2026-04-21", current="61"),
            _state("status-no-data", "never measured", "unknown", on="2026-04-21"),
            _state(
                "status-stale",
                "measured 46 days ago, every 30 days",
                "unknown",
                on="2026-04-21",
                current="50",
                measured_on="2026-03-06",
            ),
            _state("status-met", "hit exactly", "met", on="2026-07-20", current="47", confirmed_at_due="45"),
            _state("status-missed", "missed by little", "missed", on="2026-08-01", confirmed_at_due="45.1"),
            _state("status-not-confirmed", "due, not confirmed", "unknown", on="2026-07-20", current="44"),
            _state(
                "status-threshold",
                "a tenant that is content with less",
                "on_track",
                {"on_track_at": "0.8"},
                on="2026-04-21",
                current="54",
            ),
            Vector(
                "status-band",
                "inside now, and in nine of ten periods",
                {**BAND, "current": "5", "periods_inside": 9, "periods_observed": 10},
                {"status": "ok", "value": "on_track"},
                {"kind": "maintain"},
            ),
            Vector(
                "status-band-breach",
                "outside now",
                {**BAND, "current": "5.1", "periods_inside": 9, "periods_observed": 10},
                {"status": "ok", "value": "off_track", "caveats": ["breach_now"]},
                {"kind": "maintain"},
            ),
        ),
    ),
)
