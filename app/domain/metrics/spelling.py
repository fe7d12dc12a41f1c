"""Names of metrics with their parameters: `completion_rate{denominator=cohort,horizon_days=30}`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any

from app.domain.errors import Fault, Invalid
from app.domain.metrics.catalogue import metric
from app.domain.metrics.definitions import InputType, Metric, Parameter
from app.domain.metrics.reading import read_parameters

_SPELLED = re.compile(r"([a-z0-9_]{1,80})(?:\{([^{}]*)\})?")
_WORDS = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Asked:
    """A metric with the parameters that it is asked with; those left out have their defaults."""

    slug: str
    parameters: tuple[tuple[str, Any], ...] = ()

    @property
    def row(self) -> Metric:
        """The row of the catalogue."""
        return metric(self.slug)

    @property
    def given(self) -> dict[str, Any]:
        """The parameters as asked, defaults left out."""
        return dict(self.parameters)

    @property
    def values(self) -> dict[str, Any]:
        """Every parameter of the chosen variant with its value, defaults filled in."""
        return read_parameters(self.row, self.given).values

    @property
    def variant(self) -> str | None:
        """The chosen variant; None for a metric without variants."""
        name = self.row.variant_parameter
        return None if name is None else str(self.values[name])

    def __str__(self) -> str:
        if not self.parameters:
            return self.slug
        return f"{self.slug}{{{','.join(f'{name}={_text(value)}' for name, value in self.parameters)}}}"


def ask(slug: str, parameters: Mapping[str, Any] | None = None) -> Asked:
    """Return a metric with parameters in JSON form. Raises NotFound for the slug and Invalid for the parameters."""
    given = {name: value for name, value in (parameters or {}).items() if value is not None}
    asked = Asked(metric(slug).slug, tuple(sorted(given.items())))
    read_parameters(asked.row, asked.given)
    return asked


@lru_cache(maxsize=1024)
def spelled(text: str) -> Asked:
    """Return the metric that a text such as `cost{basis=direct}` names. Raises Invalid and NotFound."""
    found = _SPELLED.fullmatch(text.strip())
    if found is None:
        raise _unreadable(f"{text[:80]!r} is not a metric such as completion_rate{{denominator=enrolled}}")
    row = metric(found[1])
    by_name = {parameter.name: parameter for parameter in row.parameters}
    given: dict[str, Any] = {}
    for part in filter(None, (found[2] or "").split(",")):
        name, equals, value = (each.strip() for each in part.partition("="))
        if not equals or name not in by_name:
            known = ", ".join(by_name) or "none"
            raise _unreadable(f"{row.slug} has no parameter {name[:80]!r}; it has: {known}")
        given[name] = _value(by_name[name], value)
    return ask(row.slug, given)


def variants(row: Metric) -> list[Asked]:
    """Return a metric once for each of its variants, the default one first."""
    if row.variant_parameter is None:
        return [Asked(row.slug)]
    parameter = next(each for each in row.parameters if each.name == row.variant_parameter)
    return [Asked(row.slug, ((parameter.name, word),)) for word in parameter.allowed]


def _value(parameter: Parameter, text: str) -> Any:
    if parameter.type is InputType.FLAG:
        return _WORDS.get(text, text)
    return int(text) if parameter.type is InputType.COUNT and text.isascii() and text.isdigit() else text


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def _unreadable(detail: str) -> Invalid:
    return Invalid(f"{detail}.", errors=(Fault("invalid_metric", detail, parameter="metric"),))
