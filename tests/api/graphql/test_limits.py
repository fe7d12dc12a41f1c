"""What a query may ask for at once: refused before it runs, quickly, in a few words, naming the limit."""

import json
from typing import Any

import pytest
from graphql import GraphQLError, get_introspection_query

from app.api.graphql import documents, errors, limits

NODE = '{ objective(id: "x") { %s } }'


def refusals(text: str, **variables: Any) -> list[dict[str, Any]]:
    """What an answer would say about a document, without running it."""
    prepared = documents._prepare(text)
    found = list(prepared.errors)
    if not found:
        try:
            operation = prepared.operation(None)
            limits.check_operation(documents._map(), prepared.document, operation, variables)
        except GraphQLError as error:
            found = [error]
    return errors.shown(found, "request")


def fragments(count: int, body: str, last: str) -> str:
    """A chain of fragments on Objective, each with the next in place of %s."""
    chain = [f"fragment f{n} on Objective {{ {body.replace('%s', f'...f{n + 1}')} }}" for n in range(count)]
    return " ".join([NODE % "...f0", *chain, f"fragment f{count} on Objective {{ {last} }}"])


def lists(page: str) -> str:
    """Lists in lists in lists."""
    inner = f"initiatives({page}) {{ nodes {{ id }} }}"
    return f"{{ objectives({page}) {{ nodes {{ outcomes({page}) {{ nodes {{ {inner} }} }} }} }} }}"


IN_FRAGMENTS = """{ objectives(first: 100) { ...a } }
fragment a on ObjectiveConnection { nodes { children(first: 100) { ...b } } }
fragment b on ObjectiveConnection { edges { node { outcomes(first: 5) { nodes { id } } } } }"""
REFUSED = {
    "1,000 aliases": ("{ " + " ".join(f"a{n}: __typename" for n in range(1000)) + " }", "aliases"),
    "10,000 aliases": ("{ " + " ".join(f"a{n}:__typename" for n in range(10_000)) + " }", "characters"),
    "31 aliases": ("{ " + " ".join(f"a{n}: __typename" for n in range(31)) + " }", "aliases"),
    "3,000 times a field": ("{ " + "__typename " * 3000 + "}", "fields"),
    "5,000 tokens": ("{ " + "a " * 5000 + "}", "tokens"),
    "1,000 directives": ("{ __typename " + "@include(if: true) " * 500 + "}", "directives"),
    "200 levels": (NODE % ("parent { " * 200 + "id" + " }" * 200), "depth"),
    "13 levels": (NODE % ("parent { " * 12 + "id" + " }" * 12), "depth"),
    "5,000 fragments": ("{ __typename } " + "fragment f on Query { id } " * 5000, "characters"),
    "200 fragments": (
        "{ __typename } " + " ".join(f"fragment f{n} on Query {{ id }}" for n in range(200)),
        "fragments",
    ),
    "10 MB comment": ("# " + "x" * 10_000_000 + "\n{ __typename }", "characters"),
    "40,000 comments": ("#\n" * 40_000 + "{ __typename }", "comments"),
    "nested list": ('{ node(id: ["x"' + "[" * 3000 + "]" * 3000 + "]) { id } }", "depth"),
    "root fields": ("{ " + "__typename " * 21 + "}", "root fields"),
    "root fields in fragments": ("{ ...a ...a } fragment a on Query { " + "__typename " * 11 + "}", "root fields"),
    "links": (NODE % ("parent { id } " * 101), "links"),
    "lists in lists in lists": (lists("first: 100"), "cost"),
    "fragments doubled 10 times": (fragments(10, "%s %s", "id"), "fields"),
    "fragments doubled 30 times": (fragments(30, "%s %s", "id"), "fields"),
    "fields doubled 10 times": (fragments(10, "a: parent { %s } parent { %s }", "id"), "fields"),
    "fields doubled 30 times": (fragments(30, "parent { %s } parent { %s }", "id"), "depth"),
    "lists in fragments": (IN_FRAGMENTS, "cost"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_too_much_is_refused_with_the_limit_and_its_value(case: str) -> None:
    text, limit = REFUSED[case]

    found = refusals(text)

    assert [error["extensions"]["limit"] for error in found] == [limit]
    assert found[0]["extensions"]["code"] == "query_too_large"
    assert f"{found[0]['extensions']['most']:,}" in found[0]["message"]
    assert len(json.dumps(found)) < 4096


@pytest.mark.parametrize("first", ["0", "-1", "101", "1000000000", "9" * 5000])
def test_first_takes_1_to_100(first: str) -> None:
    literal = refusals(f"{{ objectives(first: {first}) {{ nodes {{ id }} }} }}")
    default = refusals(f"query($n: Int = {first}) {{ objectives(first: $n) {{ nodes {{ id }} }} }}")

    assert {error["extensions"]["limit"] for error in literal + default} == {"first"}


def test_first_is_counted_from_variables_and_their_defaults() -> None:
    text = f"query($n: Int = 1) {lists('first: $n')}"

    assert refusals(text) == []
    assert refusals(text, n=20) == []
    assert [error["extensions"]["limit"] for error in refusals(text, n=50)] == ["cost"]
    assert [error["extensions"]["limit"] for error in refusals(text, n=101)] == ["first"]


@pytest.mark.parametrize(
    "text",
    [
        "{ objectives(last: 5) { nodes { id } } }",
        "{ nothing }",
        "{ __typename ",
        "{ ...a } fragment a on Query { ...b } fragment b on Query { ...a }",
        "{ ...missing }",
        "{ ...a } fragment a on Nothing { id }",
        "fragment a on Query { id }",
        "type Query { a: Int }",
        "{ __type(name: 5) { name } }",
    ],
)
def test_what_is_no_query_for_this_schema_is_refused_without_naming_a_limit(text: str) -> None:
    found = refusals(text)

    assert {error["extensions"]["code"] for error in found} == {"invalid_query"}
    assert all("limit" not in error["extensions"] for error in found)


@pytest.mark.parametrize(
    "text",
    [
        get_introspection_query(),
        get_introspection_query(descriptions=True, specified_by_url=True, input_value_deprecation=True),
        "{ " + " ".join(f"a{n}: __typename" for n in range(20)) + " }",
        NODE % ("parent { " * 10 + "id" + " }" * 10),
        "{ objectives(first: 50) { nodes { outcomes { nodes { initiatives { nodes { title } } } } } } }",
        "{ objectives { nodes { outcomes { nodes { initiatives { nodes { figures { value } } } } } } } }",
        fragments(7, "id %s %s", "title"),
        fragments(98, "%s", "id"),
    ],
)
def test_what_people_ask_is_not_refused(text: str) -> None:
    assert refusals(text) == []


def test_introspection_cannot_be_nested_without_end() -> None:
    text = "{ __schema { types { fields { type { fields { type { fields { type { name } } } } } } } } }"

    assert [error["message"] for error in refusals(text)] == ["Maximum introspection depth exceeded"]


def test_a_field_may_stand_many_times() -> None:
    text = "{ objectives { nodes { " + "parent { id } " * 99 + "} } }"

    assert refusals(text) == []
