"""Who is active and who is about to be lost (metrics.md, section 3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from app.domain.figure import Caveat
from app.domain.metrics.answers import Answer, caveat, inconsistent, no_data, not_applicable
from app.domain.metrics.definitions import Input, InputType, Metric, Parameter, Standing, Vector

COUNT = InputType.COUNT
DECIMAL = InputType.DECIMAL
EMPLOYED_RULE = (
    "Resolved people who work here today: who is known by a source's name only, and who has left, are counted beside."
)


@dataclass(frozen=True, slots=True)
class Learner:
    """`count` enrolled learners alike in what they did and how long ago they were last seen."""

    passed: bool
    activities_beyond_home: int
    days_since_visit: int
    count: int = 1


@dataclass(frozen=True, slots=True)
class Component:
    """One component of the engagement index; `amount` None is missing, not 0."""

    name: str
    amount: Decimal | None
    cap: Decimal
    weight: Decimal


COMPONENTS: tuple[tuple[str, Decimal, Decimal], ...] = (
    ("active_weeks", Decimal(4), Decimal(1)),
    ("activities_touched", Decimal(3), Decimal(1)),
    ("voluntary_returns", Decimal(2), Decimal(1)),
    ("contribution", Decimal(3), Decimal(1)),
)
"""Name, cap and weight of each component where a tenant has declared none; part of the definition's version."""


def active_learners(*, window_days: int, zone: str, active: int) -> Answer:
    """Return the distinct learners with a qualifying event in the rolling window."""
    return Answer(value=Decimal(active), n_people=active, basis=f"rolling_{window_days}_days_{zone}")


def at_risk(*, inactive_days: int, learners: Sequence[Learner]) -> Answer:
    """Return the learners who did something, have not passed, and have not been seen for a while."""
    enrolled = sum(learner.count for learner in learners)
    if enrolled == 0:
        return no_data("nobody is enrolled")
    found = sum(
        learner.count
        for learner in learners
        if learner.activities_beyond_home > 0 and not learner.passed and learner.days_since_visit >= inactive_days
    )
    return Answer(value=Decimal(found), numerator=Decimal(found), denominator=Decimal(enrolled), n_people=enrolled)


def engagement_index(*, components: Sequence[Component]) -> Answer:
    """Return the weighted mean of capped components, over those that are known."""
    if any(component.cap <= 0 for component in components):
        return inconsistent("a component with a cap of 0 can reach nothing; give every cap above 0")
    known = [(part, part.amount) for part in components if part.amount is not None]
    missing = [part.name for part in components if part.amount is None]
    if not known:
        return no_data("no component is known")
    weight = sum((part.weight for part, _ in known), Decimal(0))
    if weight == 0:
        return not_applicable("every known component has the weight 0")
    reached = sum((part.weight * min(Decimal(1), amount / part.cap) for part, amount in known), Decimal(0))
    return Answer(value=reached / weight, numerator=reached, denominator=weight).noting(
        Caveat("not_for_impact", "An index of activity is never an input to an impact claim."),
        caveat("missing_components", f"Reweighted without: {', '.join(missing)}.", when=missing),
    )


METRICS: tuple[Metric, ...] = (
    Metric(
        slug="active_learners",
        definition_version=2,
        title="Active learners",
        unit="count",
        description="Distinct learners with at least one qualifying event in a rolling window.",
        formula="|people with >= 1 qualifying event in the last `window_days` local days|",
        edge_rules=(
            "The window rolls and its time zone is declared.",
            "0 is a value; an unknown count is no_data.",
            EMPLOYED_RULE,
        ),
        source="Open edX Aspects, active learners over 7 and 30 days",
        standing=Standing.COMMON,
        parameters=(
            Parameter("window_days", COUNT, "Length of the window in days: 7 or 30.", default=30, low=Decimal(1)),
            Parameter("zone", InputType.TEXT, "IANA time zone in which days are counted.", default="UTC"),
        ),
        inputs=(Input("active", COUNT, "Distinct people with a qualifying event in the window."),),
        compute=active_learners,
        vectors=(
            Vector(
                "active-ordinary",
                "120 people in seven days",
                {"active": 120},
                {"status": "ok", "value": "120", "n_people": 120, "basis": "rolling_7_days_Europe/Berlin"},
                {"window_days": 7, "zone": "Europe/Berlin"},
            ),
            Vector("active-nobody", "nobody: a count of 0", {"active": 0}, {"status": "ok", "value": "0"}),
            Vector("active-unknown", "not counted", {"active": None}, {"status": "no_data", "value": None}),
        ),
    ),
    Metric(
        slug="at_risk",
        definition_version=2,
        title="Learners at risk",
        unit="count",
        description="Learners who began, have not passed, and have not been seen for a while.",
        formula="|enrolled, at least one activity beyond the home page, not passed, last visit >= N days ago|",
        edge_rules=(
            "Who opened the home page only never began and is not counted.",
            "N is declared.",
            "Distinct people: of several pursuits, those withdrawn from left out, one at risk is enough.",
            EMPLOYED_RULE,
        ),
        source="Open edX Aspects, at-risk learners",
        standing=Standing.COMMON,
        parameters=(Parameter("inactive_days", COUNT, "N: days since the last visit.", default=7, low=Decimal(1)),),
        inputs=(
            Input(
                "learners",
                InputType.RECORDS,
                "The enrolled learners, one record each or one per group of equal ones.",
                fields=(
                    Input("passed", InputType.FLAG, "Whether they passed."),
                    Input("activities_beyond_home", COUNT, "Activities touched beyond the home page."),
                    Input("days_since_visit", COUNT, "Full days since the last visit."),
                    Input("count", COUNT, "How many such learners.", required=False, default=1),
                ),
                make=Learner,
            ),
        ),
        compute=at_risk,
        vectors=(
            Vector(
                "at-risk-ordinary",
                "of 30, four began and were not seen for seven days or more",
                {
                    "learners": [
                        {"passed": True, "activities_beyond_home": 9, "days_since_visit": 40, "count": 12},
                        {"passed": False, "activities_beyond_home": 0, "days_since_visit": 40, "count": 6},
                        {"passed": False, "activities_beyond_home": 3, "days_since_visit": 6, "count": 8},
                        {"passed": False, "activities_beyond_home": 3, "days_since_visit": 7, "count": 4},
                    ]
                },
                {"status": "ok", "value": "4", "denominator": "30", "n_people": 30},
            ),
            Vector("at-risk-nobody", "nobody is enrolled", {"learners": []}, {"status": "no_data", "value": None}),
        ),
    ),
    Metric(
        slug="engagement_index",
        title="Engagement index",
        unit="ratio",
        description="A weighted mean of capped activity counts between 0 and 1. An index of activity, nothing more.",
        formula="Σ wᵢ · min(1, xᵢ / capᵢ) / Σ wᵢ over known components",
        edge_rules=(
            "A missing component is left out, the rest reweighted, and it is said.",
            "Components: active weeks, activities touched, voluntary returns, contribution.",
            "Weights and caps are part of the definition: a tenant declares its own, or "
            + ", ".join(f"{name} up to {cap}" for name, cap, _ in COMPONENTS)
            + " weigh alike.",
            "Never an input to an impact claim.",
        ),
        source="metrics.md section 3; the literature has little consensus on engagement",
        standing=Standing.OURS,
        inputs=(
            Input(
                "components",
                InputType.RECORDS,
                "The components.",
                fields=(
                    Input("name", InputType.TEXT, "Name of the component."),
                    Input(
                        "amount", DECIMAL, "x: the amount observed; null if missing.", required=False, low=Decimal(0)
                    ),
                    Input("cap", DECIMAL, "The amount from which on more does not count; above 0."),
                    Input("weight", DECIMAL, "w: the weight.", low=Decimal(0)),
                ),
                make=Component,
            ),
        ),
        compute=engagement_index,
        vectors=(
            Vector(
                "engagement-ordinary",
                "half of the weeks, more activities than the cap; contribution is missing",
                {
                    "components": [
                        {"name": "active weeks", "amount": "4", "cap": "8", "weight": "2"},
                        {"name": "activities touched", "amount": "30", "cap": "20", "weight": "1"},
                        {"name": "contribution", "amount": None, "cap": "5", "weight": "1"},
                    ]
                },
                {
                    "status": "ok",
                    "value": "0.666667",
                    "numerator": "2",
                    "denominator": "3",
                    "caveats": ["missing_components", "not_for_impact"],
                },
            ),
            Vector(
                "engagement-all-missing",
                "nothing is known",
                {"components": [{"name": "active weeks", "amount": None, "cap": "8", "weight": "1"}]},
                {"status": "no_data", "value": None},
            ),
            Vector(
                "engagement-no-weight",
                "all weights zero",
                {"components": [{"name": "active weeks", "amount": "4", "cap": "8", "weight": "0"}]},
                {"status": "not_applicable", "value": None},
            ),
        ),
    ),
)
