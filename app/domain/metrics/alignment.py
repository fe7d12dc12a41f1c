"""Whether learning serves what the business wants (metrics.md, section 7)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from app.domain.figure import Caveat, rounded, written
from app.domain.metrics.answers import Answer, caveat, inconsistent, no_data, quotient, share
from app.domain.metrics.costs import usd
from app.domain.metrics.definitions import Input, InputType, Metric, Parameter, Standing, Vector
from app.domain.money import Money

COUNT, DECIMAL, FLAG, TEXT = InputType.COUNT, InputType.DECIMAL, InputType.FLAG, InputType.TEXT
ZERO, ONE = Decimal(0), Decimal(1)
TIERS = ("none", "linked", "measurable", "agreed")


@dataclass(frozen=True, slots=True)
class Link:
    """One initiative's tie to one objective: how firm it is, and the declared weight of the initiative that it takes.

    An initiative without any tie is one record of tier none. `hours` and `spend` are the whole initiative's and are
    repeated on each of its records.
    """

    initiative: str
    tier: str
    weight: Decimal = ONE
    hours: Decimal | None = None
    spend: Money | None = None

    def size(self, measure: str) -> Decimal | None:
        """Return the hours or the money of the whole initiative; None where it is not known."""
        if measure == "hours":
            return self.hours
        return None if self.spend is None else self.spend.amount

    def reaches(self, tier: str) -> bool:
        """Say whether the tie is as firm as a tier."""
        return TIERS.index(self.tier) >= TIERS.index(tier)


@dataclass(frozen=True, slots=True)
class Goal:
    """An active objective with its priority weight and the number of aligned initiatives."""

    weight: Decimal
    aligned_initiatives: int
    no_learning_needed: bool = False


def alignment_coverage(*, measure: str, tier: str, links: Sequence[Link]) -> Answer:
    """Return the share of initiatives, hours or spend under ties as firm as the tier."""
    if not links:
        return no_data("there is no initiative")
    return _by_count(tier, links) if measure == "count" else _by_amount(measure, tier, links)


def _by_count(tier: str, links: Sequence[Link]) -> Answer:
    n = len({link.initiative for link in links})
    reached = {name: len({link.initiative for link in links if link.reaches(name)}) for name in TIERS[1:]}
    return share(reached[tier], n).noting(_tiers({name: Decimal(count) / n for name, count in reached.items()}))


def _by_amount(measure: str, tier: str, links: Sequence[Link]) -> Answer:
    weights: dict[str, Decimal] = {}
    sizes: dict[str, Decimal] = {}
    for link in links:
        size = link.size(measure)
        if size is None:
            return no_data(f"the {measure} of {link.initiative} are not known")
        if sizes.setdefault(link.initiative, size) != size:
            return inconsistent(f"{link.initiative} is given with different {measure}")
        weights[link.initiative] = weights.get(link.initiative, ZERO) + link.weight
    twice = [name for name, weight in weights.items() if weight > 1]
    if twice:
        return inconsistent(f"weights above 1 would count twice: {', '.join(twice)}")
    if any(size < 0 for size in sizes.values()):
        return inconsistent(f"{measure} below 0 have no share: more came back than was spent")
    whole = sum(sizes.values(), ZERO)
    parts = {
        name: sum((sizes[link.initiative] * link.weight for link in links if link.reaches(name)), ZERO)
        for name in TIERS[1:]
    }
    note = _tiers({name: part / whole for name, part in parts.items()}) if whole else None
    return quotient(parts[tier], whole).on_basis(f"{measure}_by_declared_weights").noting(note)


def _tiers(rates: dict[str, Decimal]) -> Caveat:
    said = ", ".join(f"{name} {written(rounded(rate))}" for name, rate in rates.items())
    return Caveat("tiers", f"By tier: {said}.")


def objective_support(*, objectives: Sequence[Goal]) -> Answer:
    """Return the priority-weighted share of active objectives with an aligned initiative."""
    needing = [goal for goal in objectives if not goal.no_learning_needed]
    exempt = len(objectives) - len(needing)
    note = caveat("no_learning_needed", f"{exempt} objectives need no learning; they are left out.", when=exempt)
    if not objectives:
        return no_data("there is no active objective")
    supported = sum((goal.weight for goal in needing if goal.aligned_initiatives), ZERO)
    return quotient(supported, sum((goal.weight for goal in needing), ZERO)).noting(note)


LINKS = (
    {"initiative": "onboarding", "tier": "agreed", "weight": "0.5", "hours": "100", "spend": usd("1000")},
    {"initiative": "onboarding", "tier": "linked", "weight": "0.5", "hours": "100", "spend": usd("1000")},
    {"initiative": "safety", "tier": "measurable", "hours": "60", "spend": usd("500")},
    {"initiative": "yoga", "tier": "none", "hours": "40", "spend": usd("500")},
)
NO_DATA = {"status": "no_data", "value": None}
NOT_APPLICABLE = {"status": "not_applicable", "value": None}

METRICS: tuple[Metric, ...] = (
    Metric(
        slug="alignment_coverage",
        definition_version=2,
        title="Alignment coverage",
        unit="ratio",
        description="How much of the learning serves an active objective, by initiatives, hours or spend.",
        formula="aligned / all; linked: a live link to an active objective; measurable: an outcome with baseline and "
        "target; agreed: and an agreement in force",
        edge_rules=(
            "All three tiers are shown, the asked one is the value.",
            "Hours and spend that serve several objectives are split by declared weights and never counted twice.",
            "Spend below 0 of an initiative is inconsistent.",
            "Weights of one initiative above 1 are inconsistent.",
            "By count, one tie of the tier is enough.",
        ),
        source="metrics.md section 7; surveys by Docebo and ATD on unclear goals",
        standing=Standing.OURS,
        parameters=(
            Parameter(
                "measure", InputType.CHOICE, "What is counted.", default="count", allowed=("count", "hours", "spend")
            ),
            Parameter("tier", InputType.CHOICE, "How firm the tie must be.", default="agreed", allowed=TIERS[1:]),
        ),
        inputs=(
            Input(
                "links",
                InputType.RECORDS,
                "One record per initiative and objective; an initiative without any is one record of tier none.",
                fields=(
                    Input("initiative", TEXT, "Initiative."),
                    Input("tier", InputType.CHOICE, "How firm the tie is.", allowed=TIERS),
                    Input(
                        "weight",
                        DECIMAL,
                        "Declared share of the initiative, 0..1.",
                        required=False,
                        default=ONE,
                        low=ZERO,
                        high=ONE,
                    ),
                    Input("hours", DECIMAL, "Learning hours of the whole initiative.", required=False, low=ZERO),
                    Input("spend", InputType.MONEY, "Spend of the whole initiative.", required=False),
                ),
                make=Link,
            ),
        ),
        compute=alignment_coverage,
        vectors=(
            Vector(
                "alignment-count",
                "one initiative of three is agreed",
                {"links": LINKS},
                {"status": "ok", "value": "0.333333", "numerator": "1", "denominator": "3", "caveats": ["tiers"]},
            ),
            Vector(
                "alignment-hours",
                "half of 100 hours are agreed, of 200",
                {"links": LINKS},
                {"status": "ok", "value": "0.25", "numerator": "50", "denominator": "200"},
                {"measure": "hours"},
            ),
            Vector(
                "alignment-spend",
                "measurable or better: 500 + 500 of 2,000",
                {"links": LINKS},
                {"status": "ok", "value": "0.5"},
                {"measure": "spend", "tier": "measurable"},
            ),
            Vector(
                "alignment-twice",
                "more than the whole is spoken for",
                {"links": [LINKS[0], {**LINKS[1], "weight": "0.6"}]},
                {"status": "inconsistent", "value": None},
                {"measure": "hours"},
            ),
            Vector("alignment-nothing", "no initiative", {"links": []}, NO_DATA),
        ),
    ),
    Metric(
        slug="objective_support",
        title="Objective support",
        unit="ratio",
        description="How much of what the business wants is served by an aligned initiative.",
        formula="Σ priority weight of active objectives with an aligned initiative / Σ priority weight",
        edge_rules=(
            "A goal may need no learning, with a reason: it is left out and counted.",
            "Weights that add up to 0 are not_applicable.",
        ),
        source="Form from TDRp",
        standing=Standing.COMMON,
        inputs=(
            Input(
                "objectives",
                InputType.RECORDS,
                "The active objectives.",
                fields=(
                    Input("weight", DECIMAL, "Priority weight.", low=ZERO),
                    Input("aligned_initiatives", COUNT, "Aligned initiatives."),
                    Input("no_learning_needed", FLAG, "Declared, with a reason.", required=False, default=False),
                ),
                make=Goal,
            ),
        ),
        compute=objective_support,
        vectors=(
            Vector(
                "support-of-goals",
                "priority 3 is served, 1 is not, one needs none",
                {
                    "objectives": [
                        {"weight": "3", "aligned_initiatives": 2},
                        {"weight": "1", "aligned_initiatives": 0},
                        {"weight": "5", "aligned_initiatives": 0, "no_learning_needed": True},
                    ]
                },
                {"status": "ok", "value": "0.75", "caveats": ["no_learning_needed"]},
            ),
            Vector(
                "support-no-weight",
                "all weights zero",
                {"objectives": [{"weight": "0", "aligned_initiatives": 0}]},
                NOT_APPLICABLE,
            ),
            Vector("support-no-goal", "no active objective", {"objectives": []}, NO_DATA),
        ),
    ),
)
