"""How values are written in the graph: scalars, enums, and the GraphQL type of a Python annotation."""

import re
import types
import typing
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any, NewType
from uuid import UUID

import strawberry
from pydantic import BaseModel
from strawberry.annotation import StrawberryAnnotation
from strawberry.scalars import JSON
from strawberry.types.field import StrawberryField
from strawberry.types.scalar import ScalarDefinition
from strawberry.utils.str_converters import to_camel_case

from app.domain.figure import Status, ValueType
from app.domain.learning import Kind
from app.models.values import plain

FigureValue = NewType("FigureValue", str)
"""The value of a figure: a decimal, a day or a word, always as text."""

Long = NewType("Long", int)
"""A whole number that may be larger than GraphQL's Int, up to 2^53."""

_ENUM_NAMES: dict[type[Enum], str] = {
    Status: "FigureStatus",
    ValueType: "FigureValueType",
    Kind: "LearningEventKind",
}
_NAME = re.compile(r"[a-z]+(?:_[a-z0-9]+)+")
_REFERENCE = re.compile(r" \([^()]*\.md[^()]*\)")
_SHAPES: dict[type[BaseModel], type] = {}


def _show_instant(value: datetime) -> str:
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _read_instant(value: Any) -> datetime:
    if not isinstance(value, str):
        raise TypeError("an instant is a string such as 2026-03-01T00:00:00Z")
    found = datetime.fromisoformat(value)
    if found.tzinfo is None:
        raise ValueError("an instant needs a time zone: end it with Z or an offset such as +02:00")
    try:
        return found.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("an instant lies in the years 1 to 9999") from error


def _show_day(value: date | str) -> str:
    return value if isinstance(value, str) else value.isoformat()


def _read_day(value: Any) -> date:
    if not isinstance(value, str):
        raise TypeError("a day is a string such as 2026-03-01")
    return date.fromisoformat(value)


def _show_decimal(value: Decimal | str) -> str:
    return plain(value) if isinstance(value, Decimal) else value


def _read_decimal(value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise TypeError("an exact number is a string such as 12.5")
    found = Decimal(value)
    if not found.is_finite():
        raise ValueError("an exact number is finite")
    return found


def _show_figure_value(value: Decimal | date | str) -> str:
    return value.isoformat() if isinstance(value, date) else _show_decimal(value)


SCALARS: Mapping[object, ScalarDefinition] = {
    datetime: strawberry.scalar(
        name="DateTime",
        description="An instant (RFC 3339): UTC with `Z` out, any offset in, never without one.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc3339",
        serialize=_show_instant,
        parse_value=_read_instant,
    ),
    date: strawberry.scalar(
        name="Date",
        description="A calendar day (ISO 8601), such as `2026-03-01`.",
        serialize=_show_day,
        parse_value=_read_day,
    ),
    Decimal: strawberry.scalar(
        name="Decimal",
        description="An exact decimal number as a string, such as `12.5`; never a float.",
        serialize=_show_decimal,
        parse_value=_read_decimal,
    ),
    Long: strawberry.scalar(
        name="Long",
        description="A whole number of up to 53 bits: more than an Int holds, no more than JavaScript can.",
        serialize=int,
    ),
    FigureValue: strawberry.scalar(
        name="FigureValue",
        description="The value of a figure as a string: a decimal, a day or a word, as `valueType` says.",
        serialize=_show_figure_value,
    ),
}


def typed(annotation: Any) -> Any:
    """Return what Strawberry is to make of the annotation of a shape's field."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return typed(arguments[0])
    if origin in {typing.Union, types.UnionType}:
        rest = [each for each in arguments if each is not type(None)]
        return typed(rest[0]) | None
    if origin is list:
        return list[typed(arguments[0])]  # type: ignore[misc]  # made at run time
    if annotation is Any or annotation is dict or origin is dict:
        return JSON
    return _made(annotation) if isinstance(annotation, type) else annotation


def _made(annotation: type) -> Any:
    if annotation is UUID:
        return strawberry.ID
    if issubclass(annotation, Enum):
        return enum_of(annotation)
    return shape_of(annotation) if issubclass(annotation, BaseModel) else annotation


def enum_of(words: type[Enum]) -> Any:
    """Return an enum of the domain as a GraphQL enum; its members' names are in upper case already."""
    if "__strawberry_definition__" not in words.__dict__:
        strawberry.enum(words, name=_ENUM_NAMES.get(words), description=described(words))
    return words


def described(documented: type) -> str:
    """Return the first paragraph of a docstring, without its references to design documents."""
    text = " ".join((documented.__doc__ or "").split("\n\n", 1)[0].split())
    return _REFERENCE.sub("", text)


class ValueField(StrawberryField):
    """A field that reads its value from an object or a mapping, without a resolver's overhead."""

    def get_result(self, source: Any, info: Any, args: list[Any], kwargs: Any) -> Any:  # noqa: ARG002  the base class sets the signature
        """Return the value under the field's own name."""
        return source.get(self.name) if isinstance(source, Mapping) else getattr(source, self.name)


class _Computed(StrawberryField):
    """A field whose value its object works out: a value, or an awaitable of one."""

    def get_result(self, source: Any, info: Any, args: list[Any], kwargs: Any) -> Any:  # noqa: ARG002  the base class sets the signature
        """Return what the object's method `get_<name>` returns."""
        return getattr(source, f"get_{self.name}")()


def computed(description: str, annotation: StrawberryAnnotation | None = None, *, deprecated: str | None = None) -> Any:
    """Declare a field that the object's method `get_<name>` works out."""
    return _Computed(description=description, type_annotation=annotation, deprecation_reason=deprecated)


def fields_of(
    model: type[BaseModel], field: Callable[..., StrawberryField], *, only: Iterable[str] | None = None, **types_of: Any
) -> dict[str, Any]:
    """Return a class body with the fields and descriptions of a shape; `types_of` overrides types by field."""
    body: dict[str, Any] = {"__doc__": model.__doc__, "__annotations__": {}}
    for key in only or model.model_fields:
        info = model.model_fields[key]
        body["__annotations__"][key] = types_of.get(key, typed(info.annotation))
        description = worded(info.description, model.model_fields)
        body[key] = field(python_name=key, graphql_name=info.alias, description=description)
    return body


def worded(text: str | None, fields: Collection[str]) -> str:
    """Return a description with the names of fields as the graph writes them."""

    def spelled(found: re.Match[str]) -> str:
        return to_camel_case(found[0]) if found[0] in fields else found[0]

    return _NAME.sub(spelled, text or "")


def shape_of(model: type[BaseModel], **types_of: Any) -> Any:
    """Return a GraphQL type with the fields and descriptions of a shape."""
    if model not in _SHAPES:
        name = model.__name__.removesuffix("Read")
        made = type(name, (), fields_of(model, ValueField, **types_of))
        _SHAPES[model] = strawberry.type(made, name=name, description=described(model))
    return _SHAPES[model]
