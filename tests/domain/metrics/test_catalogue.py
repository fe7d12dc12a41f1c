from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from app.domain.errors import Invalid, NotFound
from app.domain.figure import Figure, Status
from app.domain.metrics import METRICS, Input, Metric, Vector, catalogue, evaluate, metric

GOLDEN = Path(__file__).parents[2] / "golden" / "metric-vectors.json"
ROWS = [pytest.param(row, id=row.slug) for row in METRICS]
VECTORS = [pytest.param(row, vector, id=f"{row.slug}:{vector.id}") for row in METRICS for vector in row.vectors]
# Every metric of sections 2, 3, 4, 6, 7 and the simple figures of 5, by the names of the specification.
SPECIFIED = [
    "participation_rate",
    "org_reach",
    "participants",
    "completion_rate",
    "learner_on_time_rate",
    "delivery_on_time_rate",
    "overdue_rate",
    "time_to_complete",
    "drop_out_rate",
    "learning_hours",
    "hours_per_employee",
    "utilisation",
    "reuse_ratio",
    "validity_rate",
    "recompletion_share",
    "active_learners",
    "at_risk",
    "engagement_index",
    "response_rate",
    "learning_nps",
    "intent_to_apply",
    "scrap_rate",
    "application_rate",
    "manager_support_index",
    "pass_rate",
    "scaled_score",
    "score_gain",
    "normalised_gain",
    "normalised_change",
    "effect_size",
    "retention_of_learning",
    "time_to_proficiency",
    "progress",
    "improvement_abs",
    "improvement_rel",
    "maintain_attainment",
    "plan_value",
    "pace_index",
    "status",
    "forecast_at_due",
    "projected_date",
    "objective_progress",
    "measurement_coverage",
    "ttl",
    "raw_change",
    "did",
    "estimate_adjusted",
    "accepted_effect",
    "rtm_expected",
    "mde",
    "attribution_budget",
    "simpson_check",
    "annual_benefit",
    "benefit_horizon",
    "cost",
    "net_benefit",
    "bcr",
    "roi",
    "payback",
    "cost_per",
    "icer",
    "cost_of_delay",
    "scrap_cost",
    "break_even_share",
    "roi_range",
    "alignment_coverage",
    "objective_support",
    "evaluability_score",
    "chain_completeness",
    "level_mix",
    "review_adherence",
    "decision_rate",
    "action_on_time",
    "content_freshness",
    "stakeholder_engagement",
    "accountability_coverage",
    "real_work_share",
    "forecast_calibration",
    "duplicate_rate",
    "unmatched_rate",
    "quarantine_rate",
    "late_arrival_p95",
    "source_silence",
    "restated_share",
]


def seen(figure: Figure) -> dict[str, Any]:
    published = figure.as_json()
    published["caveats"] = [caveat["code"] for caveat in published["caveats"]]
    return published


@pytest.mark.parametrize(("row", "vector"), VECTORS)
def test_every_vector_of_the_catalogue_comes_out_as_it_says(row: Metric, vector: Vector):
    published = seen(evaluate(row.slug, vector.inputs, vector.parameters))

    expected = dict(vector.expected)
    caveats = expected.pop("caveats", None)
    assert {key: published[key] for key in expected} == expected
    if caveats is not None:
        assert set(caveats) <= set(published["caveats"])
    if caveats == []:
        assert published["caveats"] == []


@pytest.mark.parametrize(("row", "vector"), VECTORS)
def test_every_figure_has_all_fields_and_a_value_exactly_when_it_is_usable(row: Metric, vector: Vector):
    figure = evaluate(row.slug, vector.inputs, vector.parameters)

    published = figure.as_json()
    assert set(published) >= {"metric", "definition_version", "parameters", "status", "value", "unit", "numerator"}
    assert (published["value"] is not None) == (figure.status is Status.OK)
    assert (published["reason"] is None) == (figure.status is Status.OK)
    assert set(published["parameters"]) <= {parameter.name for parameter in row.parameters}


def test_the_catalogue_holds_exactly_the_specified_metrics():
    slugs = [row.slug for row in METRICS]

    assert sorted(slugs) == sorted(SPECIFIED)
    assert len(set(slugs)) == len(slugs)


@pytest.mark.parametrize("row", ROWS)
def test_every_row_is_fully_documented(row: Metric):
    texts = [row.title, row.unit, row.description, row.formula, row.source, *row.edge_rules]
    texts += [item.description for item in _all_inputs(row.inputs)]
    texts += [parameter.description for parameter in row.parameters]

    assert all(len(text.strip()) > 2 for text in texts)
    assert row.edge_rules
    assert row.description.endswith(".")
    assert all(rule.endswith(".") for rule in row.edge_rules)
    assert all(item.make and item.fields for item in row.inputs if item.type == "records")


@pytest.mark.parametrize("row", ROWS)
def test_every_row_has_an_ordinary_and_an_edge_vector(row: Metric):
    statuses = [vector.expected.get("status", "ok") for vector in row.vectors]

    assert len(row.vectors) >= 2
    assert "ok" in statuses
    assert all(vector.title and vector.expected for vector in row.vectors)


@pytest.mark.parametrize("row", ROWS)
def test_every_allowed_word_of_a_variant_has_a_vector(row: Metric):
    choices = [parameter for parameter in row.parameters if parameter.name == row.variant_parameter]
    used = {vector.parameters.get(choice.name, choice.default) for choice in choices for vector in row.vectors}

    assert used == {word for choice in choices for word in choice.allowed}
    assert {item.variant for item in row.inputs} - {None} <= used


def test_vector_ids_are_unique_and_every_golden_case_is_among_them():
    ids = [vector.id for row in METRICS for vector in row.vectors]

    assert len(set(ids)) == len(ids)
    assert {name.split("-")[1] for name in ids if name.startswith("GV-")} == set("ABCDEFGHIJKL")


def test_the_exported_vectors_equal_the_catalogue():
    assert json.loads(GOLDEN.read_text(encoding="utf-8")) == catalogue()


def test_the_exported_catalogue_is_plain_json_without_floats():
    def leaves(value: object) -> list[object]:
        if isinstance(value, dict):
            return [leaf for part in value.values() for leaf in leaves(part)]
        return [leaf for part in value for leaf in leaves(part)] if isinstance(value, list) else [value]

    assert {type(leaf) for leaf in leaves(catalogue())} <= {str, int, bool, type(None)}


def test_an_unknown_metric_is_not_found():
    with pytest.raises(NotFound) as caught:
        metric("completion_percentage")

    assert caught.value.code == "unknown_metric"


def test_every_metric_says_no_data_when_its_first_required_input_is_not_known():
    for row in METRICS:
        vector = next(vector for vector in row.vectors if vector.expected.get("status") == "ok")
        variant = vector.parameters.get(row.variant_parameter or "", _default_variant(row))
        required = [item for item in row.inputs if item.required and item.variant in {None, variant}]
        for item in required[:1]:
            figure = evaluate(row.slug, {**vector.inputs, item.name: None}, vector.parameters)

            assert (row.slug, figure.status) == (row.slug, Status.NO_DATA)
            assert item.name in (figure.reason or "")


def _default_variant(row: Metric) -> str | None:
    return next((p.default for p in row.parameters if p.name == row.variant_parameter), None)


def _all_inputs(inputs: tuple[Input, ...]) -> list[Input]:
    return [each for item in inputs for each in (item, *_all_inputs(item.fields))]


def test_python_values_give_the_same_figure_as_their_json_forms():
    from_json = evaluate("progress", {"baseline": "60", "target": "45", "current": "50"})
    from_python = evaluate("progress", {"baseline": Decimal(60), "target": 45, "current": Decimal("50.0")})

    assert from_python == from_json


def test_inputs_of_another_variant_may_be_given_and_are_not_used():
    counts = {"audience": 10, "completed_in_audience": 5, "enrolled": 8, "completed": 6}

    by_audience = evaluate("completion_rate", counts, {"denominator": "audience"})
    by_enrolled = evaluate("completion_rate", counts, {"denominator": "enrolled"})

    assert (by_audience.value, by_enrolled.value) == (Decimal("0.5"), Decimal("0.75"))
    assert by_audience.parameters == {"denominator": "audience"}


def test_missing_inputs_of_the_chosen_variant_are_refused_with_a_pointer():
    with pytest.raises(Invalid) as caught:
        evaluate("completion_rate", {"audience": 10, "completed_in_audience": 5}, {"denominator": "enrolled"})

    assert [fault.pointer for fault in caught.value.errors] == ["/inputs/enrolled", "/inputs/completed"]
