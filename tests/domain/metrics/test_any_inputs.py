"""Whatever is sent, the answer is a figure or a refusal with pointers: never another error, never NaN."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.domain.errors import Invalid
from app.domain.figure import Figure, Status
from app.domain.metrics import METRICS, Input, InputType, Metric, Parameter, evaluate

ODD_DECIMALS = ["0", "1", "-1", "0.5", "1e-34", "9200000000000", "-9200000000000", "0.0000001", "100", "33.333333"]
DATES = [date(1, 1, 1), date(2026, 1, 1), date(2026, 1, 2), date(2026, 12, 31), date(9999, 12, 31)]
RAW: dict[InputType, st.SearchStrategy[Any]] = {
    InputType.COUNT: st.sampled_from([0, 1, 2, 5, 40, 9_200_000_000_000]),
    InputType.DECIMAL: st.sampled_from([Decimal(text) for text in ODD_DECIMALS]),
    InputType.DECIMALS: st.lists(st.sampled_from([Decimal(text) for text in ODD_DECIMALS]), max_size=4),
    InputType.MONEY: st.sampled_from([{"amount": text, "currency": "EUR"} for text in ("0", "-5", "12.5", "100")]),
    InputType.DATE: st.sampled_from(DATES),
    InputType.DATETIME: st.sampled_from([datetime(2026, 1, day, tzinfo=UTC) for day in (1, 2, 3)]),
    InputType.TEXT: st.sampled_from(["north", "ratio", "kpi:days"]),
    InputType.FLAG: st.booleans(),
}
JUNK = st.sampled_from([None, True, -1, 1.5, "NaN", "Infinity", "1e5", "", "\x00", [], {}, [1], [None], {"amount": 1}])


def raw(item: Input | Parameter) -> st.SearchStrategy[Any]:
    if item.type is InputType.CHOICE:
        return st.sampled_from(item.allowed)
    if item.type is InputType.RECORDS and isinstance(item, Input):
        return st.lists(st.fixed_dictionaries({part.name: maybe(part) for part in item.fields}), max_size=4)
    values = RAW[item.type]
    return values.filter(lambda value: _within(item, value)) if item.type in {"count", "decimal"} else values


def _within(item: Input | Parameter, value: Any) -> bool:
    return (item.low is None or value >= item.low) and (item.high is None or value <= item.high)


def maybe(item: Input) -> st.SearchStrategy[Any]:
    return raw(item) if item.required else st.one_of(st.none(), raw(item))


def answered(slug: str, inputs: dict[str, Any]) -> Figure | Invalid:
    try:
        return evaluate(slug, inputs)
    except Invalid as refusal:
        return refusal


@pytest.mark.parametrize("row", [pytest.param(row, id=row.slug) for row in METRICS])
@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_well_typed_inputs_always_give_a_figure(row: Metric, data: st.DataObject):
    inputs = {item.name: data.draw(maybe(item)) for item in row.inputs}
    parameters = {parameter.name: data.draw(st.one_of(st.none(), raw(parameter))) for parameter in row.parameters}

    figure = evaluate(row.slug, inputs, parameters)

    assert (figure.value is not None) == (figure.status is Status.OK)
    assert "NaN" not in str(figure.as_json())
    assert "Infinity" not in str(figure.as_json())
    if isinstance(figure.value, Decimal) and figure.interval:
        assert figure.interval.low <= figure.interval.high


@pytest.mark.parametrize("row", [pytest.param(row, id=row.slug) for row in METRICS])
@settings(max_examples=6, deadline=None)
@given(data=st.data())
def test_junk_is_refused_with_a_pointer_or_is_not_known(row: Metric, data: st.DataObject):
    inputs = {item.name: data.draw(JUNK) for item in row.inputs}

    outcome = answered(row.slug, inputs)

    if isinstance(outcome, Invalid):
        assert outcome.errors
        assert all(fault.pointer and fault.pointer.startswith("/inputs/") for fault in outcome.errors)
    else:
        assert outcome.metric == row.slug
