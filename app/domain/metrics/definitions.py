"""What a row of the catalogue consists of. A metric is data: anyone can read the row and get the same answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any

from app.domain.figure import ValueType
from app.domain.metrics.answers import Answer, caveat, share

Compute = Callable[..., Answer]


class InputType(StrEnum):
    """How an input, a parameter or a field of a record is written in JSON.

    `count`: whole number >= 0. `decimal`: a decimal string ("12.5") or a whole number, never a float. `money`:
    {"amount": "12.50", "currency": "EUR"}. `date`: "2026-01-31". `datetime`: RFC 3339 with an offset. `text`, `flag`
    (true or false), `choice` (one word of `allowed`). `decimals`: list of decimals. `records`: list of objects with
    the named `fields`.
    """

    COUNT = "count"
    DECIMAL = "decimal"
    MONEY = "money"
    DATE = "date"
    DATETIME = "datetime"
    TEXT = "text"
    FLAG = "flag"
    CHOICE = "choice"
    DECIMALS = "decimals"
    RECORDS = "records"


class Standing(StrEnum):
    """Whether the definition is the field's standard, common practice, or ours."""

    STANDARD = "standard"
    COMMON = "common"
    OURS = "ours"


@dataclass(frozen=True, slots=True)
class Input:
    """One named input of a metric, or one named field of a record.

    An input that is not `required` may be left out or null and is then `default`. A required input given as null is not
    known: the figure is `no_data`. `variant` restricts the input to that value of the metric's variant parameter; it
    may be given with other variants and is not used. `low` and `high` bound numbers, both inclusive.
    `fields` and `make` describe the records of a `records` input: `make` takes one argument per field.
    """

    name: str
    type: InputType
    description: str
    required: bool = True
    default: Any = None
    variant: str | None = None
    allowed: tuple[str, ...] = ()
    low: Decimal | None = None
    high: Decimal | None = None
    fields: tuple[Input, ...] = ()
    make: Callable[..., Any] | None = None


KPI_UNIT = Input(
    "kpi_unit", InputType.TEXT, "Unit of the KPI (`percent`, `days`); completes the unit of the figure.", required=False
)


@dataclass(frozen=True, slots=True)
class Parameter:
    """One declared choice of a metric: part of the figure's identity, echoed in `Figure.parameters`.

    A parameter of one `variant` is neither used nor echoed with the others; the variant parameter itself comes first.
    """

    name: str
    type: InputType
    description: str
    default: Any
    variant: str | None = None
    allowed: tuple[str, ...] = ()
    low: Decimal | None = None
    high: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Vector:
    """Inputs and parameters in JSON form, and the part of the published figure that must come out.

    `expected` is compared key by key with `Figure.as_json()`; `caveats` in it lists codes that must be present.
    """

    id: str
    title: str
    inputs: Mapping[str, Any]
    expected: Mapping[str, Any]
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Metric:
    """One row of the catalogue.

    `unit` is a unit of metrics.md G12; `kpi` and `money` stand for `kpi:<unit>` and `money:<currency>`, completed from
    the inputs. `variant_parameter` names the parameter that the inputs' `variant` refers to. `compute` takes every
    input of the chosen variant and every parameter by keyword. A change of formula, rule, default or rounding of a
    published metric raises `definition_version`.
    """

    slug: str
    title: str
    unit: str
    description: str
    formula: str
    edge_rules: tuple[str, ...]
    source: str
    standing: Standing
    inputs: tuple[Input, ...]
    compute: Compute
    vectors: tuple[Vector, ...]
    parameters: tuple[Parameter, ...] = ()
    variant_parameter: str | None = None
    value_type: ValueType = ValueType.DECIMAL
    definition_version: int = 1

    def as_json(self) -> dict[str, Any]:
        """Return the row in published form, vectors included: what another tool needs to compute the same figures."""
        return {
            "slug": self.slug,
            "title": self.title,
            "definition_version": self.definition_version,
            "unit": self.unit,
            "value_type": self.value_type.value,
            "description": self.description,
            "formula": self.formula,
            "edge_rules": list(self.edge_rules),
            "source": self.source,
            "standing": self.standing.value,
            "variant_parameter": self.variant_parameter,
            "parameters": [_described(parameter) for parameter in self.parameters],
            "inputs": [_described(item) for item in self.inputs],
            "vectors": [_in_json(asdict(vector)) for vector in self.vectors],
        }


def _described(item: Input | Parameter) -> dict[str, Any]:
    description = {
        "name": item.name,
        "type": item.type.value,
        "description": item.description,
        "default": _in_json(item.default),
        "variant": item.variant,
        "allowed": list(item.allowed),
        "low": _in_json(item.low),
        "high": _in_json(item.high),
    }
    if isinstance(item, Input):
        description |= {"required": item.required, "fields": [_described(part) for part in item.fields]}
    return description


def _in_json(value: Any) -> Any:
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, Mapping):
        return {name: _in_json(part) for name, part in value.items()}
    return [_in_json(part) for part in value] if isinstance(value, list | tuple) else value


def part_of(
    part: str, whole: str, *, people: bool = False, aside: Mapping[str, tuple[str, str]] | None = None
) -> Compute:
    """Return the compute function of a plain proportion of the inputs `part` and `whole`.

    `aside` maps an input that counts what is left out to the code and the sentence ({n} is the count) of its caveat.
    """

    def proportion(**given: Any) -> Answer:
        answer = share(given[part], given[whole], people=people)
        notes = [
            caveat(code, sentence.format(n=given[name]), when=given[name])
            for name, (code, sentence) in (aside or {}).items()
        ]
        return answer.noting(*notes)

    return proportion


def by_variant(parameter: str, functions: Mapping[str, Compute]) -> Compute:
    """Return a compute function that picks one of `functions` by the value of `parameter`."""

    def chosen(**given: Any) -> Answer:
        return functions[given.pop(parameter)](**given)

    return chosen
