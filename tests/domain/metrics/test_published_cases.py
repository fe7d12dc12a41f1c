"""The golden vectors at the digits at which they were published, written apart from the catalogue."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from app.domain.figure import Status
from app.domain.metrics import evaluate


def value(slug: str, inputs: dict[str, Any], **parameters: Any) -> Decimal:
    figure = evaluate(slug, inputs, parameters)
    assert isinstance(figure.value, Decimal), figure.reason
    return figure.value


def usd(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "USD"}


def test_gv_a_the_retail_case_counts_margin_and_not_revenue():
    figure = evaluate(
        "annual_benefit",
        {
            "effect_per_period": "3800",
            "units": "25",
            "periods_per_year": "12",
            "unit_value": usd("1"),
            "value_kind": "revenue",
            "margin_rate": "0.2",
        },
    )

    assert (figure.numerator, figure.value, figure.unit) == (Decimal(1_140_000), Decimal(228_000), "money:USD")


def test_gv_b_the_estimate_is_discounted_by_confidence():
    told = [{"change": "16800", "share": "1", "confidence": "0.7"}] * 20

    together = value("estimate_adjusted", {"asked": 20, "estimates": told})
    alone = value("estimate_adjusted", {"asked": 1, "estimates": told[:1]})

    assert (together, alone) == (Decimal(235_200), Decimal(11_760))


def test_gv_c_roi_is_42_8_percent_and_not_143():
    case = {"benefit": usd("1077321"), "cost": usd("754165"), "cost_basis": "fully_loaded"}

    assert f"{value('bcr', case):.3f}" == "1.428"
    assert f"{value('roi', case):.1f}" == "42.8"
    assert f"{value('payback', case):.1f}" == "8.4"


def test_gv_d_the_difference_in_differences_of_four_cells_is_2():
    cells = {"control_before": ["1"], "control_after": ["2"], "treated_before": ["3"], "treated_after": ["6"]}

    assert value("did", cells) == 2


def test_gv_e_each_quarter_is_held_against_its_own_target():
    shares = [
        value("progress", {"baseline": "0", "target": "250", "current": current})
        for current in ("220", "240", "200", "230")
    ]

    assert [f"{100 * each:.0f}" for each in shares] == ["88", "96", "80", "92"]


@pytest.mark.parametrize(("current", "printed"), [("50", "0.667"), ("66", "-0.400")])
def test_gv_f_and_g_lower_is_better_needs_baseline_and_direction(current: str, printed: str):
    assert f"{value('progress', {'baseline': '60', 'target': '45', 'current': current}):.3f}" == printed


def test_gv_h_a_target_equal_to_the_baseline_has_no_progress():
    figure = evaluate("progress", {"baseline": "90", "target": "90", "current": "90"})

    assert (figure.status, figure.value) == (Status.NOT_APPLICABLE, None)


def test_gv_i_the_same_two_learners_have_gains_of_opposite_sign():
    pairs = {"pairs": [{"pre": "20", "post": "60"}, {"pre": "95", "post": "90"}]}

    assert f"{value('normalised_gain', pairs, level='individual'):.2f}" == "-0.25"
    assert f"{value('normalised_gain', pairs, level='class'):.2f}" == "0.41"


@pytest.mark.parametrize(("part", "whole", "low", "high"), [(4, 5, "37.6", "96.4"), (80, 100, "71.1", "86.7")])
def test_gv_j_eighty_percent_is_not_eighty_percent(part: int, whole: int, low: str, high: str):
    figure = evaluate("completion_rate", {"audience": whole, "completed_in_audience": part})

    assert figure.value == Decimal("0.8")
    assert figure.interval is not None
    assert (f"{100 * figure.interval.low:.1f}", f"{100 * figure.interval.high:.1f}") == (low, high)


def test_gv_k_a_learner_never_graded_has_not_failed():
    alone = evaluate("pass_rate", {"attempted": 0, "passed_first": 0, "never_graded": 1})
    among = evaluate("pass_rate", {"attempted": 4, "passed_first": 3, "never_graded": 1})

    assert (alone.status, alone.value) == (Status.NO_DATA, None)
    assert (among.value, among.denominator) == (Decimal("0.75"), Decimal(4))


def test_gv_l_an_objective_without_outcome_has_no_data_and_never_zero_percent():
    figure = evaluate("objective_progress", {"children": []})

    assert (figure.status, figure.value) == (Status.NO_DATA, None)


def test_cohens_sample_sizes_are_met_by_the_minimum_detectable_effect():
    detectable = {n: value("mde", {"standard_deviation": "1", "per_arm": n}) for n in (64, 394, 26)}

    assert {n: f"{effect:.1f}" for n, effect in detectable.items()} == {64: "0.5", 394: "0.2", 26: "0.8"}


def test_the_roi_check_case_of_80_000_and_240_000():
    case = {"benefit": usd("240000"), "cost": usd("80000"), "cost_basis": "fully_loaded"}

    assert (value("bcr", case), value("roi", case)) == (3, 200)
