"""Simple figures around isolation: changes of means, without a claim about their cause (metrics.md, section 5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from app.domain.attainment import Direction
from app.domain.figure import Caveat
from app.domain.metrics.answers import Answer, caveat, insufficient, not_applicable
from app.domain.metrics.definitions import KPI_UNIT, Input, InputType, Metric, Parameter, Standing, Vector
from app.domain.metrics.outcomes import DIRECTION

DECIMALS = InputType.DECIMALS
NOT_IMPACT = Caveat("not_impact", "A change after the training is not an impact of the training.")


def raw_change(*, direction: str, before: Decimal, after: Decimal) -> Answer:
    """Return the change from before to after in KPI units, positive when better. Never an impact."""
    return Answer(value=Direction(direction).sign * (after - before), caveats=(NOT_IMPACT,))


def did(
    *,
    transform: str,
    treated_before: Sequence[Decimal],
    treated_after: Sequence[Decimal],
    control_before: Sequence[Decimal],
    control_after: Sequence[Decimal],
    contaminated: int,
) -> Answer:
    """Return the difference in differences of four cell means."""
    cells = {
        "treated_after": treated_after,
        "treated_before": treated_before,
        "control_after": control_after,
        "control_before": control_before,
    }
    empty = [name for name, values in cells.items() if not values]
    if empty:
        return insufficient(f"four cells with values are needed; empty: {', '.join(empty)}")
    if transform == "log":
        if any(value <= 0 for values in cells.values() for value in values):
            return not_applicable("a value of 0 or less has no logarithm; use transform none")
        cells = {name: tuple(value.ln() for value in values) for name, values in cells.items()}
    means = {name: sum(values, Decimal(0)) / len(values) for name, values in cells.items()}
    treated = means["treated_after"] - means["treated_before"]
    control = means["control_after"] - means["control_before"]
    answer = Answer(value=treated - control, basis="means_of_four_cells")
    return replace(answer, unit="log_points" if transform == "log" else None).noting(
        Caveat("no_standard_error", "A difference of means without a standard error; the effect estimates carry one."),
        caveat(
            "contaminated",
            f"{contaminated} units of the comparison group were exposed as well.",
            when=contaminated,
        ),
    )


METRICS: tuple[Metric, ...] = (
    Metric(
        slug="raw_change",
        title="Raw change",
        unit="kpi",
        description="The change of the KPI from before to after. It is never labelled impact.",
        formula="s · (x_post - x_pre)",
        edge_rules=("Carries the caveat not_impact always.", "Positive is better in both directions."),
        source="metrics.md section 5",
        standing=Standing.STANDARD,
        inputs=(
            DIRECTION,
            Input("before", InputType.DECIMAL, "Value of the KPI before, in KPI units."),
            Input("after", InputType.DECIMAL, "Value of the KPI after, in KPI units."),
            KPI_UNIT,
        ),
        compute=raw_change,
        vectors=(
            Vector(
                "raw-change-lower",
                "scrap falls from 4.5 to 3.25",
                {"direction": "lower_is_better", "before": "4.5", "after": "3.25", "kpi_unit": "percent"},
                {"status": "ok", "value": "1.25", "unit": "kpi:percent", "caveats": ["not_impact"]},
            ),
            Vector(
                "raw-change-unknown",
                "no measurement afterwards",
                {"direction": "lower_is_better", "before": "4.5", "after": None},
                {"status": "no_data", "value": None},
            ),
        ),
    ),
    Metric(
        slug="did",
        title="Difference in differences",
        unit="kpi",
        description="How much more the treated changed than the comparison group, two periods, means of four cells.",
        formula="(mean treated after - mean treated before) - (mean control after - mean control before), of x or ln x",
        edge_rules=(
            "Four non-empty cells, otherwise insufficient.",
            "With transform log the unit is log points and every value must be above 0.",
            "Treated is who was offered or assigned, never who completed.",
            "Contaminated units of the comparison group are counted in a caveat.",
            "Standard errors come with effect estimates, not with this figure.",
        ),
        source="Standard; Wooldridge, Introductory Econometrics, section 13.2",
        standing=Standing.STANDARD,
        parameters=(
            Parameter(
                "transform",
                InputType.CHOICE,
                "Scale on which means are taken.",
                default="none",
                allowed=("none", "log"),
            ),
        ),
        inputs=(
            Input("treated_before", DECIMALS, "Values of the treated before."),
            Input("treated_after", DECIMALS, "Values of the treated after."),
            Input("control_before", DECIMALS, "Values of the comparison group before."),
            Input("control_after", DECIMALS, "Values of the comparison group after."),
            Input(
                "contaminated",
                InputType.COUNT,
                "Units of the comparison group that were exposed as well.",
                required=False,
                default=0,
            ),
            KPI_UNIT,
        ),
        compute=did,
        vectors=(
            Vector(
                "GV-D",
                "cells 1, 2 (control before, after), 3, 6 (treated)",
                {
                    "control_before": ["1"],
                    "control_after": ["2"],
                    "treated_before": ["3"],
                    "treated_after": ["6"],
                },
                {"status": "ok", "value": "2"},
            ),
            Vector(
                "did-log",
                "the treated fall to a quarter of themselves, the others stay: ln(1/4)",
                {
                    "treated_before": ["8", "2"],
                    "treated_after": ["2", "0.5"],
                    "control_before": ["5"],
                    "control_after": ["5"],
                    "contaminated": 1,
                },
                {"status": "ok", "value": "-1.386294", "unit": "log_points", "caveats": ["contaminated"]},
                {"transform": "log"},
            ),
            Vector(
                "did-log-of-zero",
                "no logarithm of zero",
                {
                    "treated_before": ["8"],
                    "treated_after": ["0"],
                    "control_before": ["5"],
                    "control_after": ["5"],
                },
                {"status": "not_applicable", "value": None},
                {"transform": "log"},
            ),
            Vector(
                "did-empty-cell",
                "no comparison group afterwards",
                {
                    "treated_before": ["8"],
                    "treated_after": ["2"],
                    "control_before": ["5"],
                    "control_after": [],
                },
                {"status": "insufficient", "value": None},
            ),
        ),
    ),
)
