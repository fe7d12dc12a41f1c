"""Rows of benefit, net benefit, BCR, ROI, payback, break-even and range (metrics.md, section 6)."""

from __future__ import annotations

from decimal import Decimal

from app.domain.metrics.costs import BELOW_ZERO_RULE, COST, COST_BASIS, usd
from app.domain.metrics.definitions import Input, InputType, Metric, Parameter, Standing, Vector, by_variant
from app.domain.metrics.returns import (
    CashFlow,
    annual_benefit,
    bcr,
    benefit_horizon,
    break_even_share,
    net_benefit,
    payback_average,
    payback_dated,
    roi,
    roi_range,
)

DECIMAL, MONEY, CHOICE = InputType.DECIMAL, InputType.MONEY, InputType.CHOICE
ZERO, ONE = Decimal(0), Decimal(1)
BENEFIT = Input("benefit", MONEY, "B: yearly benefit, margin and not revenue.")
RETAIL = {
    "effect_per_period": "3800",
    "units": "25",
    "periods_per_year": "12",
    "unit_value": usd("1"),
    "value_kind": "revenue",
    "unit_value_approved": True,
}
GV_C = {"benefit": usd("1077321"), "cost": usd("754165"), "cost_basis": "fully_loaded"}
NOTHING_SPENT = {"benefit": usd("100"), "cost": usd("0"), "cost_basis": "direct"}
NO_VALUE = {"status": "not_applicable", "value": None}
RANGES = {
    "effect_low": "10",
    "effect": "20",
    "effect_high": "30",
    "unit_value_low": usd("90"),
    "unit_value": usd("100"),
    "unit_value_high": usd("110"),
    "cost_low": usd("900"),
    "cost": usd("1000"),
    "cost_high": usd("1200"),
    "cost_basis": "direct",
}
FLOWS = [
    {"on": "2026-01-01", "amount": usd("-1000")},
    {"on": "2026-04-01", "amount": usd("600")},
    {"on": "2026-07-01", "amount": usd("600")},
]

BENEFITS: tuple[Metric, ...] = (
    Metric(
        slug="annual_benefit",
        title="Annual benefit",
        unit="money",
        description="What an accepted effect is worth in a year.",
        formula="effect per period · units · periods per year · unit value (· margin rate, if the value is revenue)",
        edge_rules=(
            "Revenue is turned into margin; without a margin rate there is no benefit.",
            "The unit value has a source, an approver and a validity; unapproved is said beside all that rests on it.",
            "Of a year's periods those not observed are assumed, which is said beside every figure of a year's money.",
        ),
        source="Phillips, guiding principles; metrics.md section 6",
        standing=Standing.STANDARD,
        inputs=(
            Input("effect_per_period", DECIMAL, "Accepted effect of one period and unit, positive when better."),
            Input("units", DECIMAL, "People or units with that effect.", required=False, default=ONE, low=ZERO),
            Input("periods_per_year", DECIMAL, "Periods in a year.", low=ZERO),
            Input("unit_value", MONEY, "Money per unit of the KPI."),
            Input("value_kind", CHOICE, "What the unit value is.", allowed=("margin", "saving", "revenue")),
            Input("margin_rate", DECIMAL, "Margin in revenue, 0..1.", required=False, low=ZERO, high=ONE),
            Input(
                "unit_value_approved",
                InputType.FLAG,
                "Whether somebody answers for the unit value.",
                required=False,
                default=False,
            ),
        ),
        compute=annual_benefit,
        vectors=(
            Vector(
                "GV-A",
                "3,800 a month · 12 · 25 people is 1,140,000 of revenue; at 20 % margin 228,000 of benefit",
                {**RETAIL, "margin_rate": "0.20"},
                {
                    "status": "ok",
                    "value": "228000",
                    "numerator": "1140000",
                    "unit": "money:USD",
                    "caveats": ["revenue_to_margin"],
                },
            ),
            Vector(
                "benefit-revenue-only",
                "revenue without a margin is no benefit",
                RETAIL,
                {"status": "insufficient", "value": None},
            ),
            Vector(
                "benefit-saving",
                "10 hours a month saved at 42.50, nobody has approved it",
                {
                    "effect_per_period": "10",
                    "periods_per_year": "12",
                    "unit_value": usd("42.50"),
                    "value_kind": "saving",
                },
                {"status": "ok", "value": "5100", "caveats": ["unit_value_not_approved"]},
            ),
        ),
    ),
    Metric(
        slug="benefit_horizon",
        title="Benefit over the horizon",
        unit="money",
        description="Yearly benefit over the years that may be counted.",
        formula="annual benefit · years",
        edge_rules=("The first year only for short solutions.", "More than one year needs a written reason."),
        source="Phillips, guiding principle 9",
        standing=Standing.STANDARD,
        inputs=(
            Input("annual_benefit", MONEY, "Benefit of one year."),
            Input("years", DECIMAL, "Years counted.", required=False, default=ONE, low=ZERO),
            Input("reason", InputType.TEXT, "Why more than the first year counts.", required=False),
        ),
        compute=benefit_horizon,
        vectors=(
            Vector(
                "horizon-first-year",
                "the first year",
                {"annual_benefit": usd("228000")},
                {"status": "ok", "value": "228000", "basis": "first_year"},
            ),
            Vector(
                "horizon-no-reason",
                "three years without a reason",
                {"annual_benefit": usd("228000"), "years": "3"},
                {"status": "insufficient", "value": None},
            ),
            Vector(
                "horizon-reason",
                "three years with one",
                {"annual_benefit": usd("228000"), "years": "3", "reason": "the machine runs for three years"},
                {"status": "ok", "value": "684000", "caveats": ["horizon_reason"]},
            ),
        ),
    ),
    Metric(
        slug="net_benefit",
        definition_version=2,
        title="Net benefit",
        unit="money",
        description="Benefit minus cost.",
        formula="B - C",
        edge_rules=("May be negative.", "The cost basis is printed.", BELOW_ZERO_RULE),
        source="Standard",
        standing=Standing.STANDARD,
        inputs=(BENEFIT, COST, COST_BASIS),
        compute=net_benefit,
        vectors=(
            Vector(
                "net-ordinary", "the case of GV-C", GV_C, {"status": "ok", "value": "323156", "basis": "fully_loaded"}
            ),
            Vector(
                "net-negative",
                "a loss",
                {"benefit": usd("10.10"), "cost": usd("10.30"), "cost_basis": "direct"},
                {"status": "ok", "value": "-0.2"},
            ),
            Vector(
                "net-cost-below-zero",
                "more came back than was spent",
                {"benefit": usd("10"), "cost": usd("-1"), "cost_basis": "direct"},
                {"status": "inconsistent", "value": None},
            ),
        ),
    ),
)

RETURNS: tuple[Metric, ...] = (
    Metric(
        slug="bcr",
        title="Benefit-cost ratio",
        unit="times",
        description="Benefit over cost. Others publish it under the name ROI.",
        formula="B / C",
        edge_rules=("C = 0 is not_applicable.", "B < 0 is allowed.", BELOW_ZERO_RULE),
        source="Standard",
        standing=Standing.STANDARD,
        inputs=(BENEFIT, COST, COST_BASIS),
        compute=bcr,
        vectors=(
            Vector("GV-C-bcr", "published 1.428", GV_C, {"status": "ok", "value": "1.428495", "basis": "fully_loaded"}),
            Vector("bcr-nothing-spent", "nothing spent", NOTHING_SPENT, NO_VALUE),
        ),
    ),
    Metric(
        slug="roi",
        title="Return on investment",
        unit="percent",
        description="Net benefit over cost in percent.",
        formula="(B - C) / C · 100 = (BCR - 1) · 100",
        edge_rules=(
            "C = 0 is not_applicable.",
            "B < 0 is allowed; intangibles are never forced into B (Phillips, guiding principle 11).",
            "B/C is not ROI: 143 % of GV-C is its BCR.",
            BELOW_ZERO_RULE,
        ),
        source="Phillips, ROI Methodology",
        standing=Standing.STANDARD,
        inputs=(BENEFIT, COST, COST_BASIS),
        compute=roi,
        vectors=(
            Vector("GV-C-roi", "published 42.8 %, not 143 %", GV_C, {"status": "ok", "value": "42.849509"}),
            Vector(
                "roi-check-case",
                "80,000 bring 240,000",
                {"benefit": usd("240000"), "cost": usd("80000"), "cost_basis": "fully_loaded"},
                {"status": "ok", "value": "200"},
            ),
            Vector("roi-nothing-spent", "nothing spent", NOTHING_SPENT, NO_VALUE),
        ),
    ),
    Metric(
        slug="payback",
        title="Payback time",
        unit="months",
        description="Months until the benefit has paid the cost.",
        formula="average: C / (B / 12); dated: months from the first flow until their sum stays at 0 or above",
        edge_rules=(
            "B <= 0 is never: not_applicable.",
            "Dated flows are preferred when dates exist; a month is a twelfth of 365.2425 days.",
            BELOW_ZERO_RULE,
        ),
        source="Standard",
        standing=Standing.STANDARD,
        variant_parameter="method",
        parameters=(
            Parameter("method", CHOICE, "How it is reckoned.", default="average", allowed=("average", "dated")),
        ),
        inputs=(
            Input("benefit", MONEY, "B: yearly benefit.", variant="average"),
            Input("cost", MONEY, "C: cost of the initiative.", variant="average"),
            Input(
                "flows",
                InputType.RECORDS,
                "Money in and out.",
                variant="dated",
                fields=(
                    Input("on", InputType.DATE, "Date."),
                    Input("amount", MONEY, "In is positive, out is negative."),
                ),
                make=CashFlow,
            ),
            COST_BASIS,
        ),
        compute=by_variant("method", {"average": payback_average, "dated": payback_dated}),
        vectors=(
            Vector("GV-C-payback", "published 8.4 months", GV_C, {"status": "ok", "value": "8.400449"}),
            Vector(
                "payback-never",
                "no benefit",
                {"benefit": usd("0"), "cost": usd("5"), "cost_basis": "direct"},
                NO_VALUE,
            ),
            Vector(
                "payback-dated",
                "1,000 out in January, 600 in April and in July: 181 days",
                {"flows": FLOWS, "cost_basis": "direct"},
                {"status": "ok", "value": "5.946734", "caveats": ["paid_back_on"]},
                {"method": "dated"},
            ),
            Vector(
                "payback-dated-never",
                "600 of 1,000 came back",
                {"flows": FLOWS[:2], "cost_basis": "direct"},
                NO_VALUE,
                {"method": "dated"},
            ),
        ),
    ),
    Metric(
        slug="break_even_share",
        title="Break-even share",
        unit="ratio",
        description="How much of the raw change the training must explain to have paid for itself.",
        formula="C / monetised raw change",
        edge_rules=(
            "Above 1 it cannot pay back even if all of the change were due to training.",
            "A change that is no improvement is not_applicable.",
            BELOW_ZERO_RULE,
        ),
        source="metrics.md section 6",
        standing=Standing.OURS,
        inputs=(
            COST,
            Input("monetised_change", MONEY, "Raw change of the KPI in money, positive when better."),
            COST_BASIS,
        ),
        compute=break_even_share,
        vectors=(
            Vector(
                "break-even-ordinary",
                "training need only explain 8 %",
                {"cost": usd("8000"), "monetised_change": usd("100000"), "cost_basis": "direct"},
                {"status": "ok", "value": "0.08", "caveats": []},
            ),
            Vector(
                "break-even-impossible",
                "more was spent than changed",
                {"cost": usd("8000"), "monetised_change": usd("5000"), "cost_basis": "direct"},
                {"status": "ok", "value": "1.6", "caveats": ["cannot_pay_back"]},
            ),
            Vector(
                "break-even-no-change",
                "the KPI became worse",
                {"cost": usd("8000"), "monetised_change": usd("-1"), "cost_basis": "direct"},
                NO_VALUE,
            ),
        ),
    ),
    Metric(
        slug="roi_range",
        definition_version=2,
        title="Range of the return on investment",
        unit="percent",
        description="ROI of the base case, with the worst and the best case of the ranges of its parts.",
        formula="(effect · unit value - cost) / cost · 100 at base; lowest and highest over all combinations of ends",
        edge_rules=(
            "The range is of scenarios, not a probability.",
            "Each base case lies between its ends, otherwise inconsistent.",
            "A cost of 0 in the range is not_applicable, one below 0 inconsistent.",
        ),
        source="Ours; sensitivity analysis is standard practice",
        standing=Standing.OURS,
        parameters=(
            Parameter(
                "level",
                DECIMAL,
                "Level of the interval of the effect.",
                default=Decimal("0.95"),
                low=ZERO,
                high=ONE,
            ),
        ),
        inputs=(
            Input("effect_low", DECIMAL, "Low end of the effect over the horizon, in KPI units."),
            Input("effect", DECIMAL, "The accepted effect over the horizon."),
            Input("effect_high", DECIMAL, "High end."),
            Input("unit_value_low", MONEY, "Low end of the unit value."),
            Input("unit_value", MONEY, "The unit value."),
            Input("unit_value_high", MONEY, "High end."),
            Input("cost_low", MONEY, "Low end of the cost."),
            Input("cost", MONEY, "The cost."),
            Input("cost_high", MONEY, "High end."),
            COST_BASIS,
        ),
        compute=roi_range,
        vectors=(
            Vector(
                "roi-range-ordinary",
                "from -25 % to 266.7 %, base 100 %",
                RANGES,
                {
                    "status": "ok",
                    "value": "100",
                    "interval": {
                        "low": "-25",
                        "high": "266.666667",
                        "level": "0.95",
                        "method": "range_of_scenarios",
                    },
                },
            ),
            Vector(
                "roi-range-contradiction",
                "a base below its low end",
                {**RANGES, "effect": "5"},
                {"status": "inconsistent", "value": None},
            ),
            Vector("roi-range-free", "nothing spent", {**RANGES, "cost_low": usd("0")}, NO_VALUE),
        ),
    ),
)
METRICS: tuple[Metric, ...] = (*BENEFITS, *RETURNS)
