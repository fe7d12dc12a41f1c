"""`expand`: what a row refers to, and what refers to it, in full beside its ids; two levels deep, no query per row."""

import importlib
import pkgutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from pydantic import Field, SerializerFunctionWrapHandler, create_model, model_serializer
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import SQLModel

from app import services
from app.domain.errors import Fault, Invalid
from app.models.base import Answer
from app.services import branches, nouns
from app.services.branches import Listing
from app.services.nouns import NounType
from app.services.pages import Query

DEEPEST = 2
LISTED_MOST = 50
_PATHS_MOST = 20
RELATION = "x-relation"
"""Marks a field that is only there where it was asked for; the finished reference has no such word."""

Tree = dict[str, "Tree"]
"""What is to be expanded, and inside it what."""


@dataclass(frozen=True, slots=True)
class Relation:
    """A way from a noun to another: along a foreign id of its own, or to the rows that name it by theirs (`many`)."""

    name: str
    target: NounType[Any]
    column: str
    many: bool


class Expandable(Answer):
    """A row that shows its relations only where they were asked for."""

    @model_serializer(mode="wrap")
    def _what_was_asked_for(self, handler: SerializerFunctionWrapHandler):  # type: ignore[no-untyped-def]  # noqa: ANN202  a type would stand in the reference instead of the fields
        shown = handler(self)
        for name in type(self).model_fields.keys() - self.model_fields_set:
            if name in _names_of(type(self)):
                shown.pop(name, None)
        return shown


_SHAPES: dict[type[SQLModel], NounType[Any]] = {}


@cache
def _names_of(shape: type[SQLModel]) -> frozenset[str]:
    return frozenset(relations(_SHAPES[shape].name))


@cache
def _nouns() -> dict[str, NounType[Any]]:
    """Return every noun that has ids of its own, by its table's name: the folder of services is the registry."""
    found: dict[str, NounType[Any]] = {}
    for module in pkgutil.iter_modules(services.__path__):
        declared = vars(importlib.import_module(f"app.services.{module.name}")).values()
        found |= {each.name: each for each in declared if isinstance(each, NounType) and "id" in each.read.model_fields}
    return found


@cache
def relations(name: str) -> Mapping[str, Relation]:
    """Return the relations of a noun by their names: `goal_owner` for `goal_owner_id`, and lists such as `outcomes`."""
    every = _nouns()
    if name not in every:
        return {}
    noun = every[name]
    found = {}
    for column, target in _foreign_ids(noun):
        one = column.removesuffix("_id")
        if one in noun.read.model_fields:  # a field of another meaning has the name, such as the role of an observer
            one = f"{one}_{target}"
        if target in every and one not in noun.read.model_fields:
            found[one] = Relation(one, every[target], column, many=False)
    for other in every.values():
        if other.linked is not None or "archived_at" not in other.table.c:
            continue
        for column, target in _foreign_ids(other):
            many = "children" if column == "parent_id" else other.plural
            if target == name and column in {f"{name}_id", "parent_id"} and many not in noun.read.model_fields:
                found[many] = Relation(many, other, column, many=True)
    return dict(sorted(found.items()))


def _foreign_ids(noun: NounType[Any]) -> list[tuple[str, str]]:
    """Return (column, name of the table that it names) for each foreign id that a noun shows."""
    keys = [(each.column_keys[-1], each.elements[0].target_fullname) for each in noun.table.foreign_key_constraints]
    return [(column, target.partition(".")[0]) for column, target in keys if column in noun.read.model_fields]


@cache
def _shapes() -> dict[str, type[SQLModel]]:
    """Return the shape of every noun with its relations; they name one another, so all are made at once."""
    made: dict[str, type[SQLModel]] = {}
    for name, noun in _nouns().items():
        fields: dict[str, Any] = {}
        for relation in relations(name).values():
            inner = f"{_title(relation.target)} | None"
            text = f"`{relation.column}` in full; only with `expand={relation.name}`."
            if relation.many:
                inner = f"list[{_title(relation.target)}] | None"
                text = f"The newest {LISTED_MOST} that name it; only with `expand={relation.name}`."
            fields[relation.name] = (inner, Field(default=None, description=text, json_schema_extra={RELATION: True}))
        made[name] = create_model(_title(noun), __base__=(Expandable, noun.read), **fields)
        made[name].__doc__ = noun.read.__doc__
        _SHAPES[made[name]] = noun
    namespace = {_title(noun): made[name] for name, noun in _nouns().items()}
    for shape in made.values():
        shape.model_rebuild(_types_namespace=namespace)
    return made


def _title(noun: NounType[Any]) -> str:
    return noun.read.__name__.removesuffix("Read") + "Expanded"


def shape_of(noun: NounType[Any]) -> type[SQLModel]:
    """Return the shape of a noun's answers: with its relations where it has any, else its Read shape."""
    return _shapes()[noun.name] if relations(noun.name) else noun.read


def description(noun: NounType[Any]) -> str:
    """Return what the parameter `expand` of a noun takes."""
    offered = ", ".join(relations(noun.name))
    return f"Relations to show in full, at most {DEEPEST} deep (`a.b`), comma separated: {offered}."


def parsed(noun: NounType[Any], text: str | None) -> Tree:
    """Return what an `expand` asks for. Raises Invalid for what is no relation, or lies too deep."""
    tree: Tree = {}
    paths = [path.strip() for path in (text or "").split(",") if path.strip()]
    if len(paths) > _PATHS_MOST:
        raise _refused(f"takes {_PATHS_MOST} relations at the most")
    for path in paths:
        inner, place, steps = tree, noun, path.split(".")
        if len(steps) > DEEPEST:
            raise _refused(f"goes {DEEPEST} levels deep at the most")
        for step in steps:
            offered = relations(place.name)
            if step not in offered:
                article = "an" if place.spoken[0] in "aeiou" else "a"
                names = ", ".join(offered) or "nothing"
                raise _refused(f"takes {names} of {article} {place.spoken}, not {step[:50]!r}")
            inner, place = inner.setdefault(step, {}), offered[step].target
    return tree


def _refused(detail: str) -> Invalid:
    return Invalid(f"Mend expand: it {detail}.", errors=(Fault("unknown_relation", detail, parameter="expand"),))


async def expanded(
    session: AsyncSession, noun: NounType[Any], rows: Sequence[SQLModel], tree: Tree, as_of: datetime | None = None
) -> list[Any]:
    """Return rows, in order, with the relations of `tree` in JSON form: one query each, whatever the number."""
    if not tree or not rows:
        return list(rows)
    values = [row.model_dump(mode="json") for row in rows]
    for name, inner in tree.items():
        relation = relations(noun.name)[name]
        load = _listed if relation.many else _named
        for value, found in zip(values, await load(session, relation, rows, inner, as_of), strict=True):
            value[name] = found
    return values


async def _named(
    session: AsyncSession, relation: Relation, rows: Sequence[Any], inner: Tree, as_of: datetime | None
) -> list[Any]:
    """Return for each row what its foreign id names, now or as of an instant; None where there is none."""
    target = relation.target
    named = [getattr(row, relation.column) for row in rows]
    wanted = sorted({*named} - {None})
    if target.linked is not None:
        present = [row for row in await nouns.get_many(session, target, wanted) if row is not None]
        shown = await nouns.present_many(session, target, present)
    else:
        found = await branches.by_id(session, _all_of(target), wanted, as_of=as_of)
        shown = [target.present(row._mapping) for row in found if row is not None]  # noqa: SLF001  its public name
    whole = await expanded(session, target, shown, inner, as_of)
    by_id = {getattr(row, "id"): full for row, full in zip(shown, whole, strict=True)}  # noqa: B009  every such shape has one
    return [by_id.get(each) for each in named]


async def _listed(
    session: AsyncSession, relation: Relation, rows: Sequence[Any], inner: Tree, as_of: datetime | None
) -> list[list[Any]]:
    """Return for each row the newest rows that name it."""
    target = relation.target
    query = Query(sort=(f"-{target.sorts[0]}",), limit=LISTED_MOST)
    listing = _all_of(target, relation.column)
    pages = await branches.pages(session, listing, [row.id for row in rows], query, as_of=as_of)
    shown = [target.present(row._mapping) for page in pages for row in page.items]  # noqa: SLF001  its public name
    whole = iter(await expanded(session, target, shown, inner, as_of))
    return [[next(whole) for _ in page.items] for page in pages]


def _all_of(noun: NounType[Any], parent: str | None = None) -> Listing:
    return Listing(noun, tuple(column.name for column in noun.table.c), parent)
