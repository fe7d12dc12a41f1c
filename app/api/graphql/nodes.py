"""Nodes: what has a public id. A node class is an allow-list: its fields read a row, its links load other nodes."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, TypeVar
from uuid import UUID

import strawberry
from sqlalchemy import ForeignKeyConstraint
from sqlalchemy.ext.asyncio import AsyncSession
from strawberry.annotation import StrawberryAnnotation
from strawberry.types.auto import auto
from strawberry.types.field import StrawberryField

from app.api.graphql.context import View
from app.api.graphql.scalars import computed, described, typed, worded
from app.api.shapes import camel
from app.domain import ids
from app.domain.errors import NotFound
from app.models.base import ReadShape
from app.services import branches
from app.services.branches import Listing
from app.services.nouns import NounType

N = TypeVar("N", bound="type[Any]")

NAMES: dict[str, Any] = {}
"""The types of the graph by class name: links name classes that are declared later."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A noun in the graph: its class, and the columns that it reads."""

    noun: NounType[Any]
    node: "type[Entry]"
    listing: Listing

    async def by_id(self, session: AsyncSession, noun_ids: Sequence[UUID], as_of: datetime | None) -> Sequence[Any]:
        """Return the rows with these ids, in order."""
        return await branches.by_id(session, self.listing, noun_ids, as_of=as_of)


KINDS: dict[str, Kind] = {}
"""Everything that is made of rows, by the noun's name."""


class Entry:
    """A row as it stands in a view of the graph."""

    noun: ClassVar[NounType[Any]]
    prefix: ClassVar[str]

    def __init__(self, row: Any, view: View) -> None:
        self.row = row
        self.view = view

    @classmethod
    def is_type_of(cls, value: Any, _info: Any) -> bool:
        """Return whether a value is of this type."""
        return type(value) is cls


class _Id(StrawberryField):
    """The public id of a node."""

    def get_result(self, source: Any, info: Any, args: list[Any], kwargs: Any) -> Any:  # noqa: ARG002  the base class sets the signature
        """Return the TypeID."""
        return ids.encode(source.prefix, source.row.id)


class _Column(StrawberryField):
    """A column of the row, as it is stored."""

    def get_result(self, source: Any, info: Any, args: list[Any], kwargs: Any) -> Any:  # noqa: ARG002  the base class sets the signature
        """Return the stored value."""
        return getattr(source.row, self.name)


class _Inside(StrawberryField):
    """A value inside a JSON column of the row."""

    column: str

    def get_result(self, source: Any, info: Any, args: list[Any], kwargs: Any) -> Any:  # noqa: ARG002  the base class sets the signature
        """Return the value under the field's own name."""
        return getattr(source.row, self.column).get(self.name)


class _One(StrawberryField):
    """A link to the node whose id stands in a column of the row."""

    column: str
    target: str

    def get_result(self, source: Any, info: Any, args: list[Any], kwargs: Any) -> Any:  # noqa: ARG002  the base class sets the signature
        """Return the node, loaded with those that its siblings link to."""
        noun_id = getattr(source.row, self.column)
        return None if noun_id is None else load(source.view, self.target, noun_id)


@strawberry.interface(description="Anything with a public id: the same id as in REST, webhooks and exports.")
class Node(Entry):
    """The interface of everything that `node(id:)` finds."""

    id: strawberry.ID = _Id(python_name="id", description="Public id.")  # type: ignore[assignment]  # a field, as strawberry.field gives

    @classmethod
    def resolve_type(cls, value: Any, _info: Any, _abstract: Any) -> str:
        """Return the name of a node's GraphQL type."""
        name: str = type(value).__strawberry_definition__.name
        return name


def one(column: str, description: str | None = None, *, deprecated: str | None = None) -> Any:
    """Declare a link along the foreign id in `column`; without a description, that of the Read shape's field."""
    field = _One(description=description, deprecation_reason=deprecated)
    field.column = column
    return field


def missing(kind: Kind, text: str) -> NotFound:
    """Return the error for an id that this tenant does not have in this view."""
    return NotFound(f"There is no {kind.noun.spoken} {text} in this tenant.")


def linked(noun: str, description: str) -> Any:
    """Declare a link to a node that the entry's method `get_<name>` finds."""
    return computed(description, StrawberryAnnotation(f"{camel(noun)}Node | None", namespace=NAMES))


def load(view: View, noun: str, noun_id: UUID) -> Awaitable[Any]:
    """Return a node by id; None for an id that this tenant does not have in this view."""
    kind = KINDS[noun]

    async def by_id(session: AsyncSession, noun_ids: list[UUID]) -> Sequence[Any]:
        rows = await kind.by_id(session, noun_ids, view.at)
        return [None if row is None else kind.node(row, view) for row in rows]

    return view.load((noun, "by id"), by_id, noun_id)


def entry(noun: NounType[Any], *needs: str, inside: str | None = None) -> Callable[[N], N]:
    """Class decorator: a GraphQL type over the rows of `noun`, named and described by the class.

    Its `auto` fields are columns, typed and described by the Read shape; those that are no columns are read from the
    JSON column `inside`. `needs` names further columns that its own resolvers read.
    """

    def decorate(cls: N) -> N:
        listed = [name for name, annotation in cls.__annotations__.items() if annotation is auto]
        shared = [name for name in ReadShape.model_fields if name in noun.read.model_fields]
        links = [field for field in cls.__dict__.values() if isinstance(field, _One)]
        for name in (*listed, *shared):
            _be_value(cls, noun, name, inside)
        for link in links:
            _aim(noun, link)
        columns = {"id", *noun.sorts, *needs, *listed, *shared, *(link.column for link in links)}
        cls.noun = noun
        if "prefix" not in cls.__dict__:
            cls.prefix = noun.row.prefix
        cls.__init__ = Entry.__init__  # strawberry.type would make one that takes every field
        made: N = object_type(cls, name=cls.__name__.removesuffix("Node"), description=described(cls))
        NAMES[cls.__name__] = made
        read = {column if column in noun.table.c else inside for column in columns}
        KINDS[noun.name] = Kind(noun, made, Listing(noun, tuple(sorted(str(column) for column in read))))
        return made

    return decorate


def object_type(cls: N, *, name: str, description: str) -> N:
    """Return a class as a GraphQL type whose fields may name types of the graph that are declared later."""
    named = {
        key: field.type_annotation
        for key, field in cls.__dict__.items()
        if isinstance(field, StrawberryField) and field.type_annotation and field.type_annotation.namespace is NAMES
    }
    made: Any = strawberry.type(cls, name=name, description=description)
    for field in made.__strawberry_definition__.fields:
        if field.python_name in named:
            field.type_annotation = named[field.python_name]  # dataclasses put its text in the module's names instead
    found: N = made
    return found


def _be_value(cls: Any, noun: NounType[Any], name: str, inside: str | None) -> None:
    info = noun.read.model_fields[name]
    given = cls.__dict__.get(name)
    reason = given.deprecation_reason if isinstance(given, StrawberryField) else None
    field: Any = _Column(python_name=name, description=_described(noun, name), deprecation_reason=reason)
    if name not in noun.table.c:
        field = _Inside(python_name=name, description=field.description, deprecation_reason=reason)
        field.column = str(inside)
    cls.__annotations__[name] = typed(info.annotation)
    setattr(cls, name, field)


def _aim(noun: NounType[Any], field: _One) -> None:
    field.target = _target(noun, field.column)
    field.description = field.description or _described(noun, field.column)
    field.type_annotation = StrawberryAnnotation(f"{camel(field.target)}Node | None", namespace=NAMES)


def _described(noun: NounType[Any], name: str) -> str:
    fields = noun.read.model_fields
    return worded(fields[name].description, fields)


def _target(noun: NounType[Any], column: str) -> str:
    for constraint in noun.table.constraints:
        if isinstance(constraint, ForeignKeyConstraint) and constraint.column_keys[-1] == column:
            return constraint.elements[0].target_fullname.partition(".")[0]  # the table may not be there yet
    raise LookupError(f"{noun.name}.{column} is no foreign key")
