"""Bands, roll-ups, coverage and age of measurements (metrics.md, section 4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from app.domain.attainment import ResolvedTarget
from app.domain.figure import rounded, written
from app.domain.metrics.answers import Answer, caveat, inconsistent, no_data, not_applicable, share
from app.domain.metrics.definitions import Input, InputType, Metric, Standing, Vector, part_of

DATETIME, DECIMAL, COUNT = InputType.DATETIME, InputType.DECIMAL, InputType.COUNT
SECONDS_A_DAY = 86_400
ZERO, ONE = Decimal(0), Decimal(1)


@dataclass(frozen=True, slots=True)
class Period:
    """One period that was due; `value` None was not measured."""

    value: Decimal | None


@dataclass(frozen=True, slots=True)
class Child:
    """One outcome or sub-objective in a roll-up; `progress` None is unknown."""

    name: str
    weight: Decimal
    progress: Decimal | None
    unit: str = "ratio"


@dataclass(frozen=True, slots=True)
class RollUp:
    """Weighted progress over the known children; `coverage` is their share of the weight. Unrounded."""

    reached: Decimal
    known_weight: Decimal
    weight: Decimal
    worst: Child | None
    unknown: tuple[str, ...]

    @property
    def progress(self) -> Decimal | None:
        """Σ w · clamp(p, 0, 1) / Σ w over known children; None where their weights add up to 0."""
        return self.reached / self.known_weight if self.known_weight else None

    @property
    def coverage(self) -> Decimal | None:
        """Weight of known children over the weight of all; None where all weights are 0."""
        return self.known_weight / self.weight if self.weight else None


def roll_up(children: Sequence[Child]) -> RollUp:
    """Return the roll-up of children. The worst child is the known one with the lowest unclamped progress."""
    known = [(child, child.progress) for child in children if child.progress is not None]
    return RollUp(
        reached=sum((child.weight * min(max(progress, ZERO), ONE) for child, progress in known), ZERO),
        known_weight=sum((child.weight for child, _ in known), ZERO),
        weight=sum((child.weight for child in children), ZERO),
        worst=min(known, key=lambda pair: pair[1])[0] if known else None,
        unknown=tuple(child.name for child in children if child.progress is None),
    )


def objective_progress(*, children: Sequence[Child]) -> Answer:
    """Return the weighted progress of an objective's children, with coverage and the worst of them."""
    if not children:
        return no_data("the objective has no outcome")
    others = [child.name for child in children if child.unit != "ratio"]
    if others:
        return inconsistent(f"only progress is added up, never another unit: {', '.join(others)}")
    rolled = roll_up(children)
    if rolled.worst is None or rolled.worst.progress is None:
        return no_data("no child has a known progress")
    if rolled.progress is None:
        return not_applicable("the weights of the known children add up to 0")
    worst = f"{rolled.worst.name} at {written(rounded(rolled.worst.progress))}"
    covered = written(rounded(rolled.coverage or ZERO))
    return Answer(value=rolled.progress, numerator=rolled.reached, denominator=rolled.known_weight).noting(
        caveat("coverage", f"Children with {covered} of the weight are known."),
        caveat("worst_child", f"Worst child: {worst}."),
        caveat("unknown_children", f"Left out as unknown: {', '.join(rolled.unknown)}.", when=rolled.unknown),
    )


def maintain_attainment(*, periods: Sequence[Period], low: Decimal | None, high: Decimal | None) -> Answer:
    """Return the share of observed periods whose value lies in the band; periods are oldest first."""
    if low is None and high is None:
        return not_applicable("a band needs a lower or an upper end")
    if low is not None and high is not None and low > high:
        return inconsistent("the lower end of the band lies above the upper")
    band = ResolvedTarget(None, None, low, high)
    values = [period.value for period in periods if period.value is not None]
    missing = len(periods) - len(values)
    gap = caveat("missing_periods", f"{missing} periods have no value; they are left out.", when=missing)
    if not values:
        return no_data("no period has a value").noting(gap)
    breach = caveat("breach_now", "The newest value lies outside the band.", when=not band.holds(values[-1]))
    return share(sum(band.holds(value) for value in values), len(values)).noting(gap, breach)


def ttl(*, now: datetime, newest_occurred_at: datetime) -> Answer:
    """Return the days since the newest measurement occurred."""
    age = now - newest_occurred_at
    if age.total_seconds() < 0:
        return inconsistent("the newest measurement lies after the instant of the question")
    seconds = age.days * SECONDS_A_DAY + age.seconds
    return Answer(value=Decimal(seconds) / SECONDS_A_DAY)


METRICS: tuple[Metric, ...] = (
    Metric(
        slug="maintain_attainment",
        title="Attainment of a maintain target",
        unit="ratio",
        description="In how many of the observed periods the KPI stayed inside its band.",
        formula="periods inside [low, high] / periods observed",
        edge_rules=(
            "Both ends belong to the band; one may be open.",
            "Missing periods are reported apart.",
            "A present breach is shown however good the past was.",
        ),
        source="ServiceNow goal framework (maintain targets)",
        standing=Standing.COMMON,
        inputs=(
            Input(
                "periods",
                InputType.RECORDS,
                "Periods due, oldest first.",
                fields=(Input("value", DECIMAL, "Confirmed value, or null.", required=False),),
                make=Period,
            ),
            Input("low", DECIMAL, "Lower end of the band.", required=False),
            Input("high", DECIMAL, "Upper end of the band.", required=False),
        ),
        compute=maintain_attainment,
        vectors=(
            Vector(
                "maintain-ordinary",
                "98, 95, missing, 94.9 and a floor of 95",
                {"periods": [{"value": "98"}, {"value": "95"}, {"value": None}, {"value": "94.9"}], "low": "95"},
                {"status": "ok", "value": "0.666667", "denominator": "3", "caveats": ["missing_periods", "breach_now"]},
            ),
            Vector(
                "maintain-nothing",
                "no period measured",
                {"periods": [{"value": None}], "high": "5"},
                {"status": "no_data", "value": None},
            ),
            Vector(
                "maintain-no-band",
                "no band",
                {"periods": [{"value": "4"}]},
                {"status": "not_applicable", "value": None},
            ),
        ),
    ),
    Metric(
        slug="objective_progress",
        title="Objective progress",
        unit="ratio",
        description="Weighted progress of an objective's outcomes, with its coverage and the worst of them.",
        formula="Σ wᵢ · clamp(pᵢ, 0, 1) / Σ wᵢ over children with a known pᵢ",
        edge_rules=(
            "Weights that add up to 0 are not_applicable; no outcome at all is no_data, never 0 %.",
            "Unknown children are left out, and the coverage (known weight / weight) is shown.",
            "The worst child is shown unclamped.",
            "Only progress is added up: a child in another unit is inconsistent.",
        ),
        source="Common practice; worst child: ServiceNow",
        standing=Standing.COMMON,
        inputs=(
            Input(
                "children",
                InputType.RECORDS,
                "Outcomes or sub-objectives.",
                fields=(
                    Input("name", InputType.TEXT, "Name of the child."),
                    Input("weight", DECIMAL, "w: declared weight.", required=False, default=ONE, low=ZERO),
                    Input("progress", DECIMAL, "p: progress of the child, unclamped; null if unknown.", required=False),
                    Input("unit", InputType.TEXT, "Unit of the progress.", required=False, default="ratio"),
                ),
                make=Child,
            ),
        ),
        compute=objective_progress,
        vectors=(
            Vector("GV-L", "an objective with no outcome", {"children": []}, {"status": "no_data", "value": None}),
            Vector(
                "rollup-ordinary",
                "beyond the target, worse than the baseline, unknown",
                {
                    "children": [
                        {"name": "scrap", "weight": "2", "progress": "1.5"},
                        {"name": "onboarding", "weight": "1", "progress": "-0.4"},
                        {"name": "sales", "weight": "1", "progress": None},
                    ]
                },
                {
                    "status": "ok",
                    "value": "0.666667",
                    "numerator": "2",
                    "denominator": "3",
                    "caveats": ["coverage", "worst_child", "unknown_children"],
                },
            ),
            Vector(
                "rollup-no-weight",
                "all weights zero",
                {"children": [{"name": "scrap", "weight": "0", "progress": "1"}]},
                {"status": "not_applicable", "value": None},
            ),
            Vector(
                "rollup-other-unit",
                "days cannot be added to progress",
                {"children": [{"name": "a", "progress": "0.5"}, {"name": "b", "progress": "50", "unit": "kpi:days"}]},
                {"status": "inconsistent", "value": None},
            ),
        ),
    ),
    Metric(
        slug="measurement_coverage",
        title="Measurement coverage",
        unit="ratio",
        description="How many of the periods due have a confirmed value.",
        formula="periods with a confirmed value / periods due",
        edge_rules=("Provisional values do not count.", "Nothing due is not_applicable."),
        source="metrics.md section 4",
        standing=Standing.OURS,
        inputs=(
            Input("due", COUNT, "Periods that have ended by `as_of`."),
            Input("confirmed", COUNT, "Of these, periods with a confirmed value."),
        ),
        compute=part_of("confirmed", "due"),
        vectors=(
            Vector(
                "measured-ordinary",
                "nine of twelve months",
                {"due": 12, "confirmed": 9},
                {"status": "ok", "value": "0.75"},
            ),
            Vector(
                "measured-none-due",
                "no period has ended",
                {"due": 0, "confirmed": 0},
                {"status": "not_applicable", "value": None},
            ),
        ),
    ),
    Metric(
        slug="ttl",
        title="Staleness",
        unit="days",
        description="Time since the newest measurement occurred.",
        formula="now - newest occurred_at, in days of 86,400 seconds",
        edge_rules=("Without any measurement it is no_data.", "A measurement after the question is inconsistent."),
        source="metrics.md section 4",
        standing=Standing.OURS,
        inputs=(
            Input("now", DATETIME, "The instant of the question (`as_of`)."),
            Input("newest_occurred_at", DATETIME, "When the newest measurement occurred."),
        ),
        compute=ttl,
        vectors=(
            Vector(
                "ttl-ordinary",
                "a day and a half, across offsets",
                {"now": "2026-03-03T01:00:00+01:00", "newest_occurred_at": "2026-03-01T12:00:00Z"},
                {"status": "ok", "value": "1.5", "unit": "days"},
            ),
            Vector(
                "ttl-never",
                "never measured",
                {"now": "2026-03-03T01:00:00Z", "newest_occurred_at": None},
                {"status": "no_data", "value": None},
            ),
        ),
    ),
)
