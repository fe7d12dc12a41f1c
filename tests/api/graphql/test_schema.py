"""The schema as a document: everything described, nothing secret, nothing that can be changed."""

from collections.abc import Iterator
from typing import Any

import pytest
import strawberry
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    build_schema,
    lexicographic_sort_schema,
    print_schema,
)
from strawberry import auto
from strawberry.types.field import StrawberryField

from app.api.graphql.nodes import Entry, entry
from app.api.graphql.schema import schema, sdl
from app.services.objectives import OBJECTIVES


def own_types() -> Iterator[GraphQLNamedType]:
    for name, found in schema().type_map.items():
        if not name.startswith("__") and name not in {"String", "Int", "Float", "Boolean", "ID"}:
            yield found


def described(found: GraphQLNamedType) -> Iterator[tuple[str, str | None]]:
    """Everything of a type that has a description: its path and that."""
    yield found.name, found.description
    if isinstance(found, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType):
        for name, field in found.fields.items():
            yield f"{found.name}.{name}", field.description
            for key, argument in getattr(field, "args", {}).items():
                yield f"{found.name}.{name}({key})", argument.description


def test_every_type_field_and_argument_is_described():
    found = [place for each in own_types() for place in described(each)]

    assert len(found) > 600
    assert [path for path, text in found if not text or not text.strip()] == []


def test_descriptions_are_sentences_that_speak_the_graphs_language():
    fields = {name for each in own_types() for name in getattr(each, "fields", {})}
    for path, text in (place for each in own_types() for place in described(each)):
        assert text is not None
        assert text[0] == text[0].upper() or text[0] == "`" or text.split()[0].strip(",:;").islower(), path
        assert text.rstrip().endswith((".", ")")), path
        assert ".md" not in text, path
        for word in ("period_start", "created_at", "goal_owner_id", "value_type", "external_id"):
            assert word not in text, path
    assert "problemStatement" in fields


def test_names_of_enum_values_are_in_upper_case():
    for each in own_types():
        if isinstance(each, GraphQLEnumType):
            assert all(name == name.upper() for name in each.values), each.name


def test_the_document_is_sorted_and_reads_back_as_the_same_schema():
    document = sdl()

    assert print_schema(lexicographic_sort_schema(build_schema(document))) + "\n" == document
    assert document == sdl()


def test_nothing_can_be_changed_and_nothing_is_pushed():
    assert schema().mutation_type is None
    assert schema().subscription_type is None


def test_no_field_holds_a_secret():
    names = {f"{each.name}.{name}" for each in own_types() for name in getattr(each, "fields", {})}

    secrets = {name for name in names if any(word in name.lower() for word in ("secret", "token", "password", "dedup"))}
    assert secrets == set()
    assert {name for name in names if name.startswith("ApiKey")} == set()


def test_every_list_of_nodes_is_paged():
    for each in own_types():
        for name, field in getattr(each, "fields", {}).items():
            target = str(getattr(field, "type", "")).strip("[]!")
            found = schema().type_map.get(target)
            if target.endswith("Connection"):
                assert {"first", "after", "filter", "sort"} <= set(field.args) or name == "changes", (
                    f"{each.name}.{name}"
                )
            elif "[" in str(getattr(field, "type", "")) and isinstance(found, GraphQLObjectType):
                paged = each.name.endswith(("Connection", "Explanation"))
                assert paged or "Node" not in {every.name for every in found.interfaces}, f"{each.name}.{name}"


def test_a_deprecated_field_says_so():
    old: Any = strawberry.field(deprecation_reason="Read title.")

    class OldNode(Entry):
        """An objective, in the old way."""

        title: auto = old

    kinds = dict(entry.__globals__["KINDS"])
    try:
        made = entry(OBJECTIVES)(OldNode)
    finally:
        entry.__globals__["KINDS"].update(kinds)

    field = next(each for each in made.__strawberry_definition__.fields if each.python_name == "title")
    assert isinstance(field, StrawberryField)
    assert (field.deprecation_reason, field.description) == ("Read title.", "One line.")


def test_a_node_can_only_show_columns_that_its_noun_shows():
    class WrongNode(Entry):
        """An objective with a column that REST does not show."""

        tenant_id: auto

    with pytest.raises(KeyError, match="tenant_id"):
        entry(OBJECTIVES)(WrongNode)
