"""Shapes that follow from a noun's own: its merge patch, its page, its query parameters."""

from datetime import date
from types import NoneType
from typing import Annotated, Any, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, create_model
from pydantic.fields import FieldInfo
from sqlalchemy import Uuid
from sqlmodel import SQLModel
from sqlmodel.main import FieldInfoMetadata

from app.api import expansions
from app.models.examples import give_patch_example
from app.models.values import AwareTime, Day
from app.services.nouns import NounType

LIMIT_MOST = 200
_RANGES = ("created_at", "recorded_at", "received_at", "occurred_at")
_BOUNDS: dict[type, Any] = {date: Day, int: Annotated[int, Field(ge=0, lt=2**31)]}
"""By the type of a column what bounds it; an instant, where it is not told."""


def camel(text: str) -> str:
    """Return a snake_case or kebab-case name in UpperCamelCase."""
    return "".join(part.capitalize() for part in text.replace("-", "_").split("_"))


def patch_shape(write: type[BaseModel]) -> type[BaseModel]:
    """Return the merge-patch shape of a Write shape: the same fields, none required, absent is not null.

    An object inside, such as an amount of money, can be sent in part too.
    """
    fields: dict[str, Any] = {}
    for name, info in write.model_fields.items():
        inner: Any = info.annotation
        nested = isinstance(inner, type) and issubclass(inner, BaseModel)
        annotation = patch_shape(inner) if nested else _annotation(info)
        fields[name] = (annotation, Field(default=None, description=info.description, examples=info.examples))
    shape: type[BaseModel] = create_model(
        write.__name__.removesuffix("Write") + "Patch",
        __config__=ConfigDict(extra="forbid", json_schema_extra=give_patch_example),
        __doc__=f"{write.__doc__} A merge patch: absent fields stay, null clears.",
        **fields,
    )
    return shape


def _filter(noun: NounType[Any], name: str) -> Any:
    """Return type and description of the list filter on a column."""
    shape = next(each for each in (noun.write, noun.read, noun.row) if name in each.model_fields)
    annotation: Any = _annotation(shape.model_fields[name])
    text = f"Only rows with this {name}; repeat it for any of several."
    if _may_lack(noun, name):
        annotation = Annotated[annotation, BeforeValidator(lambda sent: None if sent == "null" else sent)]
        text += " `null` finds rows without one."
    return list[annotation], Field(default=[], description=text)


def _may_lack(noun: NounType[Any], name: str) -> bool:
    """Return whether a row can be without the id that a filter is about."""
    if name in noun.derived:
        return NoneType in get_args(noun.read.model_fields[name].annotation)
    column = noun.table.c[name]
    return bool(column.nullable) and isinstance(column.type, Uuid)


def _annotation(info: FieldInfo) -> Any:
    """Return the type of a field with its constraints, without what SQLModel keeps for the table."""
    metadata = [each for each in info.metadata if not isinstance(each, FieldInfoMetadata)]
    return Annotated[(info.annotation, *metadata)] if metadata else info.annotation


def page_shape(read: type[SQLModel], shown: type[SQLModel] | None = None) -> type[BaseModel]:
    """Return the shape of one page of `read`; `shown` is what its items are where they can show more."""

    def give_page_example(schema: dict[str, Any]) -> None:
        schema["examples"] = [
            {"items": read.model_json_schema().get("examples", [])[:1], "next_cursor": None, "total": None}
        ]

    item: Any = shown or read
    shape: type[BaseModel] = create_model(
        read.__name__.removesuffix("Read") + "Page",
        __config__=ConfigDict(json_schema_extra=give_page_example),
        __doc__="One page of a list.",
        items=(list[item], Field(description="The rows of this page.")),
        next_cursor=(str | None, Field(description="As `cursor` it gives the next page; null on the last.")),
        total=(int | None, Field(default=None, description="Rows of all pages, with include_total=true.")),
    )
    return shape


def query_shape(noun: NounType[Any], *, sort: str | None = None, within: str | None = None) -> type[BaseModel]:
    """Return the query parameters of a noun's list; unknown ones are refused.

    `sort` is the order unless asked; `within` is the filter that the path gives already.
    """
    columns = "|".join(noun.sorts)
    fields: dict[str, Any] = {
        "limit": (int, Field(default=50, ge=1, le=LIMIT_MOST, description="Rows on a page.")),
        "cursor": (str | None, Field(default=None, max_length=2000, description="`next_cursor` of the page before.")),
        "sort": (
            str,
            Field(
                default=sort or f"-{noun.sorts[0]}",
                max_length=200,
                description=f"Columns in order, `-` before one that descends: {', '.join(noun.sorts)}.",
                json_schema_extra={"pattern": f"^(-?({columns}))?(,(-?({columns}))?)*$"},
                examples=[",".join(dict.fromkeys((f"-{noun.sorts[0]}", *noun.sorts[1:][-1:])))],
            ),
        ),
        "include_total": (bool, Field(default=False, description="Whether to count all pages.")),
    }
    if "archived_at" in noun.table.c:
        fields["include_archived"] = (bool, Field(default=False, description="Whether to list archived rows too."))
    if noun.search:
        text = f"Text to look for in {', '.join(noun.search)}; upper and lower case are the same."
        fields["q"] = (str | None, Field(default=None, max_length=200, description=text))
    if expansions.relations(noun.name):
        fields["expand"] = (str | None, Field(default=None, max_length=500, description=expansions.description(noun)))
    for name in (each for each in noun.filters if each != within):
        fields[name] = _filter(noun, name)
    for name in (*(each for each in _RANGES if each in noun.table.c), *noun.ranges):
        bound = _BOUNDS.get(noun.table.c[name].type.python_type, AwareTime)
        fields[f"{name}_gte"] = (bound | None, Field(default=None, description=f"Only from this {name} on."))
        fields[f"{name}_lt"] = (bound | None, Field(default=None, description=f"Only before this {name}."))
    shape: type[BaseModel] = create_model(f"{camel(noun.plural)}Query", __config__=ConfigDict(extra="forbid"), **fields)
    return shape
