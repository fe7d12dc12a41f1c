from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from app.domain.errors import Fault, Invalid
from app.domain.figure import Status
from app.domain.metrics import evaluate
from app.domain.metrics.survival import Spell
from app.domain.money import Money

COUNTS = {"audience": 40, "started_in_audience": 30}
KPI = {"baseline": "60", "target": "45", "current": "50"}
EUR, USD = {"amount": "5", "currency": "EUR"}, {"amount": "5", "currency": "USD"}


def faults(slug: str, inputs: dict[str, Any], parameters: dict[str, Any] | None = None) -> tuple[Fault, ...]:
    with pytest.raises(Invalid) as caught:
        evaluate(slug, inputs, parameters)
    return caught.value.errors


def codes(slug: str, inputs: dict[str, Any], parameters: dict[str, Any] | None = None) -> list[tuple[str, str | None]]:
    return [(fault.code, fault.pointer) for fault in faults(slug, inputs, parameters)]


@pytest.mark.parametrize("raw", [-1, 1.0, "40", True, Decimal(40), [40], 10**13])
def test_a_count_is_a_whole_number_of_0_or_more(raw: Any):
    assert codes("participation_rate", {**COUNTS, "audience": raw}) == [("wrong_type", "/inputs/audience")]


@pytest.mark.parametrize(
    "raw",
    [
        1.5,
        "NaN",
        "Infinity",
        "-Infinity",
        "1e5",
        " 1",
        "1,5",
        "",
        "१२",
        "0x10",
        True,
        Decimal("NaN"),
        Decimal("sNaN"),
        Decimal("Infinity"),
        Decimal("1e400"),
        "9" * 41,
        "9200000000001",
        "0." + "0" * 39 + "1",
    ],
)
def test_a_decimal_is_exact_finite_and_within_what_can_be_stored(raw: Any):
    assert codes("progress", {**KPI, "current": raw}) == [("wrong_type", "/inputs/current")]


def test_a_float_is_refused_with_the_way_out():
    (fault,) = faults("progress", {**KPI, "current": 50.5})

    assert 'as a string, like "12.5"' in fault.detail


@pytest.mark.parametrize(
    "raw", ["2026-02-30", "20260101", "२०२६-०१-०१", "2026-W01-1", "2026-01-01T00:00:00Z", 20260101]
)
def test_a_date_is_a_calendar_date_in_one_spelling(raw: Any):
    inputs = {"baseline": "1", "target": "2", "start_on": raw, "due_on": "2026-12-31", "on": "2026-06-01"}

    assert codes("plan_value", inputs) == [("wrong_type", "/inputs/start_on")]


@pytest.mark.parametrize("raw", ["2026-01-01T00:00:00", "yesterday", 5, datetime(2026, 1, 1)])  # noqa: DTZ001  # naive on purpose
def test_an_instant_without_offset_is_refused(raw: Any):
    assert codes("ttl", {"now": raw, "newest_occurred_at": "2026-01-01T00:00:00Z"}) == [("wrong_type", "/inputs/now")]


def test_instants_are_compared_across_offsets():
    figure = evaluate(
        "ttl", {"now": datetime(2026, 1, 2, tzinfo=UTC), "newest_occurred_at": "2026-01-01T02:00:00+02:00"}
    )

    assert figure.value == 1


@pytest.mark.parametrize(
    "raw",
    [{"amount": "5"}, {"amount": "5", "currency": "eur"}, {"amount": 5.5, "currency": "EUR"}, "5 EUR", {**EUR, "x": 1}],
)
def test_money_is_an_amount_with_a_currency(raw: Any):
    inputs = {"benefit": raw, "cost": EUR, "cost_basis": "direct"}

    assert codes("bcr", inputs) == [("wrong_type", "/inputs/benefit")]


def test_two_currencies_are_refused_and_never_added():
    (fault,) = faults("net_benefit", {"benefit": EUR, "cost": USD, "cost_basis": "direct"})

    assert (fault.code, fault.pointer) == ("currency_mismatch", "/inputs/cost")
    assert "USD stands beside EUR" in fault.detail


def test_two_currencies_within_records_are_refused_too():
    items = [{"category": "staff", "amount": EUR}, {"category": "tuition", "amount": USD}]

    assert codes("cost", {"items": items}) == [("currency_mismatch", "/inputs/items/1/amount")]


def test_a_word_outside_the_allowed_ones_is_refused_with_the_list():
    (fault,) = faults("completion_rate", {"enrolled": 1, "completed": 1}, {"denominator": "everyone"})

    assert (fault.code, fault.pointer) == ("not_allowed", "/parameters/denominator")
    assert "audience, enrolled, cohort" in fault.detail


def test_unknown_names_are_refused_with_the_known_ones():
    found = faults("participation_rate", {**COUNTS, "audiense": 4}, {"by/unit~1": 1})

    assert [(fault.code, fault.pointer) for fault in found] == [
        ("unknown_field", "/parameters/by~1unit~01"),
        ("unknown_field", "/inputs/audiense"),
    ]
    assert "audience, started_in_audience" in found[1].detail


def test_every_fault_of_a_list_is_told_with_its_place():
    rows = [{"days": "4", "outcome": "completed"}, {"outcome": "lost"}, 7, {"days": "x", "outcome": "open", "n": 1}]

    assert codes("time_to_complete", {"durations": rows}) == [
        ("missing_field", "/inputs/durations/1/days"),
        ("not_allowed", "/inputs/durations/1/outcome"),
        ("wrong_type", "/inputs/durations/2"),
        ("wrong_type", "/inputs/durations/3/days"),
        ("unknown_field", "/inputs/durations/3/n"),
    ]


def test_a_flood_of_faults_is_cut():
    assert len(faults("time_to_complete", {"durations": [None] * 500})) == 50


def test_record_classes_are_taken_as_they_are():
    from_json = evaluate("time_to_complete", {"durations": [{"days": "4", "outcome": "completed", "count": 3}]})
    from_python = evaluate("time_to_complete", {"durations": [Spell(Decimal(4), "completed", 3)]})

    assert from_python == from_json


def test_money_objects_give_the_figure_its_currency():
    figure = evaluate(
        "bcr", {"benefit": Money(Decimal(6), "EUR"), "cost": Money(Decimal(4), "EUR"), "cost_basis": "direct"}
    )
    net = evaluate("net_benefit", {"benefit": EUR, "cost": EUR, "cost_basis": "direct"})

    assert (figure.value, figure.unit) == (Decimal("1.5"), "times")
    assert net.unit == "money:EUR"


@pytest.mark.parametrize(
    ("slug", "inputs", "parameters", "pointer"),
    [
        ("learning_nps", {"scores": [{"score": 11}]}, {}, "/inputs/scores/0/score"),
        ("scrap_cost", {"scrap_rate": "101", "cost": EUR, "cost_basis": "direct"}, {}, "/inputs/scrap_rate"),
        (
            "drop_out_rate",
            {"started": 1, "withdrawn": 0, "inactive": 0},
            {"inactive_days": 0},
            "/parameters/inactive_days",
        ),
    ],
)
def test_numbers_outside_their_bounds_are_refused(
    slug: str, inputs: dict[str, Any], parameters: dict[str, Any], pointer: str
):
    assert codes(slug, inputs, parameters) == [("out_of_range", pointer)]


def test_an_optional_input_may_be_null_and_takes_its_default():
    figure = evaluate("participation_rate", {**COUNTS, "started_outside_audience": None})

    assert (figure.status, figure.caveats) == (Status.OK, ())


def test_parameters_are_echoed_in_json_form_with_their_defaults():
    figure = evaluate(
        "status",
        {
            "direction": "higher_is_better",
            "baseline": "1",
            "target": "2",
            "start_on": date(2026, 1, 1),
            "due_on": date(2026, 12, 31),
            "on": date(2026, 6, 1),
        },
        {"at_risk_at": "0.5"},
    )

    assert figure.parameters == {"kind": "change", "on_track_at": "0.90", "at_risk_at": "0.5", "stale_after": "1.5"}
