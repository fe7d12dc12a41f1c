"""What an initiative costs, on which basis, and per what (metrics.md, section 6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from app.domain.figure import Caveat, rounded, written
from app.domain.metrics.answers import Answer, caveat, inconsistent, no_data, not_applicable, quotient
from app.domain.metrics.definitions import Input, InputType, Metric, Parameter, Standing, Vector
from app.domain.money import Money, total

DECIMAL, MONEY, CHOICE = InputType.DECIMAL, InputType.MONEY, InputType.CHOICE
DIRECT = ("staff", "development", "delivery", "outsourced", "tuition")
LOADED = (*DIRECT, "learner_time", "travel", "overhead", "evaluation")
BASES = ("direct", "fully_loaded")
ZERO = Decimal(0)
COST_BASIS = Input("cost_basis", CHOICE, "Basis of the cost: printed on the figure.", allowed=BASES)
COST = Input("cost", MONEY, "C: cost of the initiative.")
BELOW_ZERO_RULE = "A cost below 0 is inconsistent: money that came back (an item below 0) only makes a cost smaller."


def usd(amount: str) -> dict[str, str]:
    """Return money of a test vector in JSON form, in US dollars."""
    return {"amount": amount, "currency": "USD"}


@dataclass(frozen=True, slots=True)
class CostItem:
    """One cost. Development serves longer than one turn: `used` of a `lifetime` (years, or participants) is charged."""

    category: str
    amount: Money
    used: Decimal | None = None
    lifetime: Decimal | None = None

    @property
    def prorated(self) -> bool:
        """Whether only a part of the item is charged on the fully-loaded basis."""
        return self.category == "development" and self.used is not None and bool(self.lifetime)

    def charged(self) -> Money:
        """Return the part of the amount that this turn bears, exact up to one division."""
        if self.category != "development" or self.used is None or not self.lifetime:
            return self.amount
        return Money(self.amount.amount * self.used / self.lifetime, self.amount.currency)


def cost(*, basis: str, items: Sequence[CostItem]) -> Answer:
    """Return the sum of the costs that belong to a basis."""
    if any(item.lifetime == 0 or (item.used or ZERO) > (item.lifetime or item.used or ZERO) for item in items):
        return inconsistent("a cost cannot be used for longer than its lifetime")
    loaded = basis == "fully_loaded"
    counted = [item for item in items if loaded or item.category in DIRECT]
    amount = total(item.charged() if loaded else item.amount for item in counted)
    if amount is None:
        return no_data("no cost of this basis is recorded").on_basis(basis)
    if problem := below_zero(amount):
        return problem.on_basis(basis)
    aside = total(item.amount for item in items if item.category not in DIRECT)
    learner_time = any(item.category == "learner_time" for item in items)
    return Answer(value=amount.amount, basis=basis).noting(
        caveat(
            "excluded_costs",
            f"Not in the direct basis: {_say(aside)}." if aside else "",
            when=not loaded and aside,
        ),
        caveat("no_learner_time", "No cost of learner time is recorded.", when=loaded and not learner_time),
        caveat(
            "development_prorated",
            "Development is charged for its declared part only.",
            when=loaded and any(item.prorated for item in counted),
        ),
    )


def below_zero(*costs: Money) -> Answer | None:
    """Return the answer that refuses a cost below 0, or None: money that came back only makes a cost smaller."""
    if all(each.amount >= 0 for each in costs):
        return None
    return inconsistent("a cost is not below 0: more money came back than was spent")


def _say(amount: Money) -> str:
    return f"{written(rounded(amount.amount))} {amount.currency}"


def cost_per(*, per: str, cost: Money, cost_basis: str, quantity: Decimal) -> Answer:
    """Return the cost of one learner, completion, hour or unit of outcome."""
    if problem := below_zero(cost):
        return problem.on_basis(cost_basis)
    if quantity < 0:
        return not_applicable("the outcome has become worse: there is nothing the cost has bought").on_basis(cost_basis)
    answer = quotient(cost.amount, quantity)
    if quantity == 0:
        answer = not_applicable(f"no {per} to divide the cost by", numerator=cost.amount, denominator=quantity)
    return answer.on_basis(cost_basis)


def icer(*, cost_new: Money, cost_old: Money, effect_new: Decimal, effect_old: Decimal, cost_basis: str) -> Answer:
    """Return what one more unit of effect costs when the new initiative replaces the old."""
    if problem := below_zero(cost_new, cost_old):
        return problem.on_basis(cost_basis)
    more_cost, more_effect = cost_new.amount - cost_old.amount, effect_new - effect_old
    differ = more_cost != 0 or more_effect != 0
    dominant = differ and more_cost <= 0 <= more_effect
    dominated = differ and more_effect <= 0 <= more_cost
    notes = (
        caveat("dominant", "The new initiative has no less effect at no more cost.", when=dominant),
        caveat("dominated", "The new initiative has no more effect at no less cost.", when=dominated),
    )
    if more_effect == 0:
        return not_applicable("both have the same effect; compare their costs").on_basis(cost_basis).noting(*notes)
    return quotient(more_cost, more_effect).on_basis(cost_basis).noting(*notes)


def cost_of_delay(*, value_per_week: Money, weeks_late: Decimal, lost_share: Decimal) -> Answer:
    """Return the value that a delay destroys."""
    return Answer(value=value_per_week.amount * weeks_late * lost_share).noting(
        caveat("only_lost_value", "Value that only comes later is not counted.", when=lost_share < 1)
    )


def scrap_cost(*, definition: str, scrap_rate: Decimal, cost: Money, cost_basis: str) -> Answer:
    """Return the part of the cost spent on learning that is not going to be used."""
    if problem := below_zero(cost):
        return problem.on_basis(cost_basis)
    return Answer(value=cost.amount * scrap_rate / 100, basis=cost_basis).noting(
        Caveat("scrap_definition", f"Scrap rate as defined by {definition}.")
    )


METRICS: tuple[Metric, ...] = (
    Metric(
        slug="cost",
        definition_version=2,
        title="Cost",
        unit="money",
        description="What an initiative costs: its direct costs, or everything it takes.",
        formula="direct: Σ staff, development, delivery, outsourced, tuition; fully_loaded: + learner time, travel, "
        "overhead, evaluation, development · used / lifetime",
        edge_rules=(
            "direct excludes learner time and travel, and says what it leaves out.",
            "fully_loaded charges development by its declared life or participants.",
            "Two currencies are never added: the request is refused.",
            BELOW_ZERO_RULE,
            "The basis is printed on every ratio made of it.",
        ),
        source="Association for Talent Development (direct); Phillips, guiding principle 10 (fully loaded)",
        standing=Standing.STANDARD,
        parameters=(Parameter("basis", CHOICE, "Which costs belong to it.", default="fully_loaded", allowed=BASES),),
        inputs=(
            Input(
                "items",
                InputType.RECORDS,
                "Cost items.",
                fields=(
                    Input("category", CHOICE, "Kind of cost.", allowed=LOADED),
                    Input("amount", MONEY, "Full amount."),
                    Input("used", DECIMAL, "Part of the life used: years or participants.", required=False, low=ZERO),
                    Input("lifetime", DECIMAL, "Declared life: years or participants.", required=False, low=ZERO),
                ),
                make=CostItem,
            ),
        ),
        compute=cost,
        vectors=(
            Vector(
                "cost-loaded",
                "a course built for three years, in its first, with learner time",
                {
                    "items": [
                        {"category": "development", "amount": usd("30000"), "used": "1", "lifetime": "3"},
                        {"category": "delivery", "amount": usd("5000.50")},
                        {"category": "learner_time", "amount": usd("8000")},
                    ]
                },
                {
                    "status": "ok",
                    "value": "23000.5",
                    "unit": "money:USD",
                    "basis": "fully_loaded",
                    "caveats": ["development_prorated"],
                },
            ),
            Vector(
                "cost-direct",
                "the same, direct",
                {
                    "items": [
                        {"category": "development", "amount": usd("30000"), "used": "1", "lifetime": "3"},
                        {"category": "delivery", "amount": usd("5000.50")},
                        {"category": "learner_time", "amount": usd("8000")},
                    ]
                },
                {"status": "ok", "value": "35000.5", "basis": "direct", "caveats": ["excluded_costs"]},
                {"basis": "direct"},
            ),
            Vector(
                "cost-none", "nothing recorded", {"items": []}, {"status": "no_data", "value": None, "unit": "money"}
            ),
        ),
    ),
    Metric(
        slug="cost_per",
        definition_version=2,
        title="Cost per unit",
        unit="money",
        description="Cost of one learner, completion, hour, or unit of outcome (cost-effectiveness).",
        formula="C / quantity",
        edge_rules=(
            "A quantity of 0 is not_applicable.",
            BELOW_ZERO_RULE,
            "A unit of outcome uses the accepted effect, positive when better; a worse outcome is not_applicable.",
        ),
        source="Standard; Levin and McEwan 2001 (cost-effectiveness)",
        standing=Standing.STANDARD,
        parameters=(
            Parameter(
                "per",
                CHOICE,
                "One of what.",
                default="learner",
                allowed=("learner", "completion", "hour", "outcome_unit"),
            ),
        ),
        inputs=(COST, COST_BASIS, Input("quantity", DECIMAL, "How many of them.")),
        compute=cost_per,
        vectors=(
            Vector(
                "cost-per-learner",
                "12,000 for 48 learners",
                {"cost": usd("12000"), "cost_basis": "direct", "quantity": "48"},
                {"status": "ok", "value": "250", "basis": "direct"},
            ),
            Vector(
                "cost-per-nothing",
                "nobody completed",
                {"cost": usd("12000"), "cost_basis": "direct", "quantity": "0"},
                {"status": "not_applicable", "value": None, "basis": "direct"},
                {"per": "completion"},
            ),
            Vector(
                "cost-per-outcome",
                "12,000 for half a day less of onboarding",
                {"cost": usd("12000"), "cost_basis": "fully_loaded", "quantity": "0.5"},
                {"status": "ok", "value": "24000", "basis": "fully_loaded"},
                {"per": "outcome_unit"},
            ),
        ),
    ),
    Metric(
        slug="icer",
        definition_version=2,
        title="Incremental cost-effectiveness ratio",
        unit="money",
        description="What one more unit of effect costs if the new initiative replaces the old.",
        formula="(C₁ - C₀) / (E₁ - E₀)",
        edge_rules=(
            "Equal effects are not_applicable.",
            "Dominance is stated.",
            "Effects positive when better.",
            BELOW_ZERO_RULE,
        ),
        source="Drummond et al., Methods for the Economic Evaluation of Health Care Programmes",
        standing=Standing.STANDARD,
        inputs=(
            Input("cost_new", MONEY, "C₁."),
            Input("cost_old", MONEY, "C₀."),
            Input("effect_new", DECIMAL, "E₁, positive when better."),
            Input("effect_old", DECIMAL, "E₀, positive when better."),
            COST_BASIS,
        ),
        compute=icer,
        vectors=(
            Vector(
                "icer-ordinary",
                "5,000 more for 2 days more",
                {
                    "cost_new": usd("15000"),
                    "cost_old": usd("10000"),
                    "effect_new": "6",
                    "effect_old": "4",
                    "cost_basis": "direct",
                },
                {"status": "ok", "value": "2500", "caveats": []},
            ),
            Vector(
                "icer-same-effect",
                "the same effect for less",
                {
                    "cost_new": usd("9000"),
                    "cost_old": usd("10000"),
                    "effect_new": "4",
                    "effect_old": "4",
                    "cost_basis": "direct",
                },
                {"status": "not_applicable", "value": None, "caveats": ["dominant"]},
            ),
        ),
    ),
    Metric(
        slug="cost_of_delay",
        title="Cost of delay",
        unit="money",
        description="Value lost because an initiative came late.",
        formula="value per week · weeks late · share of it truly lost",
        edge_rules=("Only value truly lost counts, not value that comes later.",),
        source="Reinertsen 2009",
        standing=Standing.COMMON,
        inputs=(
            Input("value_per_week", MONEY, "Value of one week."),
            Input("weeks_late", DECIMAL, "Weeks late.", low=ZERO),
            Input(
                "lost_share",
                DECIMAL,
                "Share of the value that is lost rather than shifted, 0..1.",
                required=False,
                default=Decimal(1),
                low=ZERO,
                high=Decimal(1),
            ),
        ),
        compute=cost_of_delay,
        vectors=(
            Vector(
                "delay-ordinary",
                "six weeks of 2,500, half of it lost",
                {"value_per_week": usd("2500"), "weeks_late": "6", "lost_share": "0.5"},
                {"status": "ok", "value": "7500", "unit": "money:USD", "caveats": ["only_lost_value"]},
            ),
            Vector(
                "delay-none",
                "in time",
                {"value_per_week": usd("2500"), "weeks_late": "0"},
                {"status": "ok", "value": "0"},
            ),
        ),
    ),
    Metric(
        slug="scrap_cost",
        definition_version=2,
        title="Cost of scrap learning",
        unit="money",
        description="Part of the cost spent on learning that is not going to be used.",
        formula="scrap_rate / 100 · C",
        edge_rules=("The formula of the scrap rate is named.", "Rests on a self-report.", BELOW_ZERO_RULE),
        source="Explorance",
        standing=Standing.COMMON,
        parameters=(
            Parameter(
                "definition", CHOICE, "Formula of the scrap rate.", default="planned", allowed=("planned", "6wk")
            ),
        ),
        inputs=(
            Input("scrap_rate", DECIMAL, "Scrap rate in percent.", low=ZERO, high=Decimal(100)),
            COST,
            COST_BASIS,
        ),
        compute=scrap_cost,
        vectors=(
            Vector(
                "scrap-cost-ordinary",
                "45 % of 200,000",
                {"scrap_rate": "45", "cost": usd("200000"), "cost_basis": "direct"},
                {"status": "ok", "value": "90000", "caveats": ["scrap_definition"]},
            ),
            Vector(
                "scrap-cost-unknown",
                "no survey",
                {"scrap_rate": None, "cost": usd("200000"), "cost_basis": "direct"},
                {"status": "no_data", "value": None},
            ),
        ),
    ),
)
