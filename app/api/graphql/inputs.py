"""Typed inputs: the filters and sorts of lists that REST takes as query parameters, and what it takes as bodies."""

from dataclasses import dataclass
from enum import Enum, StrEnum
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin

import strawberry
from pydantic import BaseModel, ValidationError
from strawberry import UNSET
from strawberry.types import has_object_definition

from app.api.graphql.scalars import described, typed, worded
from app.api.shapes import camel, query_shape
from app.domain.errors import Fault, Invalid
from app.models.faults import faults_of
from app.services.nouns import NounType

M = TypeVar("M", bound=BaseModel)

FIRST = 20
FIRST_MOST = 100
_NOT_FILTERS = ("limit", "cursor", "sort", "include_total", "expand")


@strawberry.enum(description="Which way a sort runs.")
class SortDirection(StrEnum):
    """Which way a sort runs."""

    ASC = "asc"
    DESC = "desc"


_SIGNS = {SortDirection.ASC: "", SortDirection.DESC: "-"}


@dataclass(frozen=True, slots=True)
class Asked:
    """A list's filters and sort, checked; `filters` as REST holds them, so that both bind cursors alike."""

    filters: dict[str, Any]
    sort: tuple[str, ...]
    q: str | None
    include_archived: bool


@cache
def _shape(noun: NounType[Any]) -> type[BaseModel]:
    return query_shape(noun)


@cache
def filter_of(noun: NounType[Any]) -> Any:
    """Return the input type with the filters of a noun's list."""
    name = f"{camel(noun.name)}Filter"
    fields: dict[str, Any] = {"__doc__": f"Filters of {noun.plural}.", "__annotations__": {}}
    for key, info in _shape(noun).model_fields.items():
        if key not in _NOT_FILTERS:
            annotation = typed(info.annotation)
            fields["__annotations__"][key] = annotation if info.default is None else annotation | None
            fields[key] = strawberry.field(default=UNSET, description=_described(noun, key, info.description))
    description = f"Which {noun.plural.replace('_', ' ')} to list; every condition must hold."
    return strawberry.input(type(name, (), fields), name=name, description=description)


def _described(noun: NounType[Any], key: str, described: str | None) -> str:
    names = {*noun.read.model_fields, *noun.table.c.keys()}
    if key in noun.filters:
        shape = next(each for each in (noun.read, noun.write, noun.row) if key in each.model_fields)
        text = worded(shape.model_fields[key].description or f"Its {key}.", names)
        nullable = " Null finds those without one." if "`null`" in (described or "") else ""
        return f"Only those with one of these: {text}{nullable}"
    return worded(described, names)


@cache
def sort_of(noun: NounType[Any]) -> Any:
    """Return the input type with the sorts of a noun's list."""
    name = f"{camel(noun.name)}Sort"
    keys = Enum(f"{name}Field", {key.upper(): key for key in noun.sorts})  # type: ignore[misc]  # made at run time
    words = strawberry.enum(
        keys, name=f"{name}Field", description=f"What {noun.plural.replace('_', ' ')} can be sorted by."
    )
    fields: dict[str, Any] = {
        "__doc__": f"One key of a sort of {noun.plural}.",
        "__annotations__": {"field": words, "direction": SortDirection},
        "field": strawberry.field(description="What to compare."),
        "direction": strawberry.field(default=SortDirection.ASC, description="Which way."),
    }
    return strawberry.input(type(name, (), fields), name=name, description="One key of a sort; the id ends every sort.")


def _refuse_nul(given: dict[str, Any]) -> None:
    """Refuse a character that GraphQL's escapes can spell and no database holds."""
    for key, value in given.items():
        if any(isinstance(each, str) and "\0" in each for each in (value if isinstance(value, list) else [value])):
            fault = Fault("invalid_value", "holds the character NUL", pointer=f"/{key}")
            raise Invalid("Leave the character NUL out of the filter.", errors=(fault,))


def asked(noun: NounType[Any], filters: Any, sorts: Any) -> Asked:
    """Return what a list is asked for. Raises Invalid with the faults that REST would name."""
    given = {} if not filters else {key: value for key, value in vars(filters).items() if value is not UNSET}
    _refuse_nul(given)
    sort = tuple(f"{_SIGNS[each.direction]}{each.field.value}" for each in sorts or ())
    try:
        checked = _shape(noun).model_validate({key: value for key, value in given.items() if value is not None})
    except ValidationError as error:
        faults = tuple(Fault(each.code, each.detail, pointer=each.pointer) for each in faults_of(error.errors()))
        raise Invalid("Mend the filter: see errors in extensions.", errors=faults) from error
    values = checked.model_dump(exclude={*_NOT_FILTERS, "include_archived", "q"})
    return Asked(
        filters={key: value for key, value in values.items() if value not in (None, [])},
        sort=sort or (f"-{noun.sorts[0]}",),
        q=getattr(checked, "q", None),
        include_archived=getattr(checked, "include_archived", True),
    )


@cache
def input_of(model: type[BaseModel]) -> Any:
    """Return the input type with the fields, defaults and descriptions of what REST takes as a body."""
    name = f"{model.__name__.removesuffix('Write')}Input"
    fields: dict[str, Any] = {"__doc__": model.__doc__, "__annotations__": {}}
    for key, info in model.model_fields.items():
        default = {} if info.is_required() else {"default": UNSET if info.default is None else info.default}
        fields["__annotations__"][key] = _taken(info.annotation)
        fields[key] = strawberry.field(description=worded(info.description, model.model_fields), **default)
    return strawberry.input(type(name, (), fields), name=name, description=described(model))


def _taken(annotation: Any) -> Any:
    """Return the input type of what stands in a body: of shapes inside it, their own."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in {Union, UnionType}:
        return _taken(next(each for each in arguments if each is not NoneType)) | None
    inner = isinstance(annotation, type) and issubclass(annotation, BaseModel)
    return input_of(annotation) if inner else typed(annotation)


def given(model: type[M], value: Any) -> M:
    """Return an input in the shape that REST takes. Raises Invalid with the faults that REST would name."""
    return checked(model, _plain(value))


def checked(model: type[M], values: Any) -> M:
    """Return values in a shape. Raises Invalid with its faults."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise Invalid("Mend the input: see errors in extensions.", errors=faults_of(error.errors())) from error


def _plain(value: Any) -> Any:
    if isinstance(value, Enum) or not has_object_definition(value):
        return value
    return {key: _plain(each) for key, each in vars(value).items() if each is not UNSET}
