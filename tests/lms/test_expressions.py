"""JMESPath under a budget."""

import time

import jmespath
import pytest

from app.lms import Unreadable
from app.lms._expressions import Budget, Malformed, compiled

DOCUMENT = {
    "users": [{"id": number, "name": f"user {number}", "tags": ["a", "b"]} for number in range(500)],
    "text": "y" * 50_000,
    "nested": {"a": {"b": [1, 2, [3, [4]]]}},
}


@pytest.mark.parametrize(
    "text",
    [
        "users[7].name",
        "users[?id > `490`].id",
        "users[?name == 'user 3'] | [0].id",
        "users[].tags[] | length(@)",
        "sort_by(users, &id)[-1].name",
        "max_by(users, &id).id",
        "nested.a.b[]",
        "nested.*.b",
        "users[0].{n: name, t: tags}",
        "users[::100].id",
        "not_null(missing, text) | length(@)",
        "map(&id, users[:3])",
        "join('-', users[0].tags)",
        "users[0] == users[0] && 'same' || 'other'",
        "!missing",
        "keys(nested)",
        "merge(nested, {x: `1`})",
        "to_string(nested)",
        "contains(users[0].tags, 'b')",
    ],
)
def test_an_expression_means_what_the_reference_implementation_says(text):
    assert compiled(text).of(DOCUMENT, Budget()) == jmespath.search(text, DOCUMENT)


@pytest.mark.parametrize(
    "text",
    [
        "users | " + " | ".join(["[@,@][]"] * 40),
        "users[].[" + ",".join(["@"] * 60) + "][][][]",
        " | ".join(["[@,@]"] * 40) + " | to_string(@)",
        " | ".join(["[@,@]"] * 40) + " | [?@ == @]",
        "map(&to_string(@), [" + ",".join(["@"] * 100) + "])",
        "users[*].[" + "length(to_string(@))," * 14 + "@]",
    ],
    ids=["flatten", "multiselect", "to_string", "equality", "map", "many-texts"],
)
def test_an_expression_that_grows_without_end_is_stopped_soon(text):
    expression = compiled(text)
    document = {**DOCUMENT, "users": DOCUMENT["users"] * 20}
    began = time.process_time()

    with pytest.raises(Unreadable, match="too many steps"):
        expression.of(document, Budget())

    assert time.process_time() - began < 2


def test_one_budget_serves_all_expressions_of_a_delivery():
    budget = Budget(steps=700)
    expression = compiled("users[].id")
    expression.of(DOCUMENT, budget)

    with pytest.raises(Unreadable, match="too many steps"):
        expression.of(DOCUMENT, budget)


@pytest.mark.parametrize(
    "text", ["", "  ", "a" * 501, "a.", "[", "a b", "nosuch(@)", "[].nosuch(@)", "`{`", "`bare`", "(" * 200, "@@", "a]"]
)
def test_a_text_that_is_no_expression_is_malformed(text):
    with pytest.raises(Malformed):
        compiled(text)


@pytest.mark.parametrize("text", ["abs(text)", "length(`1`)", "ceil(to_number('1e999'))", "sort(users)", "avg(text)"])
def test_an_expression_that_fails_on_a_payload_makes_it_unreadable(text):
    with pytest.raises(Unreadable, match="fails on this payload"):
        compiled(text).of(DOCUMENT, Budget())
