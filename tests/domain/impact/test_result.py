"""The result leaves the engine as JSON and nothing else."""

import json

import numpy as np

from app.domain.impact.result import (
    Aggregation,
    AggregationKind,
    Diagnostic,
    EffectResult,
    EffectRow,
    Estimand,
    Sample,
    StandardError,
    StandardErrorKind,
    Verdict,
    json_safe,
)


def result(**overrides):
    fields = {
        "estimator": "did_2x2",
        "estimand": Estimand.ATT,
        "value": np.float64(1.5),
        "standard_error": StandardError(float("nan"), StandardErrorKind.HC2),
        "interval": None,
        "p_value": None,
        "p_value_reason": "cannot be tested",
        "sample": Sample(4, 2, 2),
        "diagnostics": (Diagnostic("raw_means", Verdict.INFO, "Means.", {"means": np.array([1.0, np.inf])}),),
        "aggregations": (Aggregation(AggregationKind.GROUP, None, (EffectRow(np.int64(2004), 0.1, None),)),),
    }
    return EffectResult(**(fields | overrides))


def test_the_result_is_json_with_none_for_what_is_not_finite():
    answer = result().to_dict()

    assert json.loads(json.dumps(answer, allow_nan=False)) == answer
    assert answer["estimand"] == "att"
    assert answer["standard_error"] == {"value": None, "kind": "hc2"}
    assert answer["diagnostics"][0]["values"] == {"means": [1.0, None]}
    assert answer["aggregations"][0]["rows"][0]["at"] == 2004


def test_diagnostics_and_aggregations_are_found_by_name():
    one = result()

    assert one.diagnostic("raw_means") is one.diagnostics[0]
    assert one.diagnostic("pre_trends") is None
    assert one.aggregation(AggregationKind.GROUP) is one.aggregations[0]
    assert one.aggregation(AggregationKind.DYNAMIC) is None
    assert one.coefficient("grant") is None


def test_further_diagnostics_are_appended():
    more = Diagnostic("overlap", Verdict.OK, "Enough.")

    assert result().with_diagnostics(more).diagnostics[-1] is more


def test_json_safe_leaves_words_and_turns_flags():
    assert json_safe({"a": np.bool_(True), 1: ("x", None)}) == {"a": True, "1": ["x", None]}
