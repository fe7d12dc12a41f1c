"""A published contract only grows: what a client could do under the last commit on main, it can do now.

A deliberate break passes with a note in docs/contract-changes.md: the line that the check prints, and why.
"""

import shutil
import subprocess
from typing import Any

import pytest
import yaml
from graphql import build_schema, find_breaking_changes

from tests.contracts.compatibility import breaks
from tests.contracts.conftest import ROOT

NOTES = ROOT / "docs" / "contract-changes.md"
GIT = shutil.which("git") or "git"


def git(*arguments: str) -> str:
    done = subprocess.run([GIT, "-C", str(ROOT), *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, (
        f"{done.stderr}\nThe check needs the history of main: fetch it (git fetch --unshallow)."
    )
    return done.stdout.strip()


@pytest.fixture(scope="module")
def baseline() -> str:
    """Where this change left main; on main itself, the commit before."""
    main = git("for-each-ref", "--format=%(refname)", "refs/remotes/origin/main", "refs/heads/main").splitlines()
    found = git("merge-base", "HEAD", main[-1]) if main else git("rev-parse", "HEAD^")
    unchanged = found == git("rev-parse", "HEAD") and not git("status", "--porcelain", "openapi.yaml", "schema.graphql")
    return git("rev-parse", "HEAD^") if unchanged else found


def unnoted(found: list[str]) -> list[str]:
    notes = NOTES.read_text("utf-8")
    return [each for each in found if f"`{each}`" not in notes]


def test_rest_breaks_no_client_without_a_note(baseline: str) -> None:
    before = yaml.load(git("show", f"{baseline}:openapi.yaml"), yaml.CSafeLoader)
    after = yaml.load((ROOT / "openapi.yaml").read_text("utf-8"), yaml.CSafeLoader)

    assert unnoted(breaks(before, after)) == []


def test_the_graph_breaks_no_client_without_a_note(baseline: str) -> None:
    before = build_schema(git("show", f"{baseline}:schema.graphql"))
    after = build_schema((ROOT / "schema.graphql").read_text("utf-8"))

    assert unnoted([each.description for each in find_breaking_changes(before, after)]) == []


def document(**changed: Any) -> dict[str, Any]:
    """A small document with one operation, a request and an answer; `changed` replaces parts of it."""
    parts: dict[str, Any] = {
        "name": "createThing",
        "sent": {"a": {"type": "string", "maxLength": 9}, "b": {"type": "string", "enum": ["x", "y"]}},
        "needed": ["a"],
        "answered": {"a": {"type": "string"}, "n": {"anyOf": [{"type": "integer"}, {"type": "null"}]}},
        "parameters": [{"in": "query", "name": "q", "schema": {"type": "integer"}}],
        "method": "post",
    } | changed
    body = {"type": "object", "properties": parts["sent"], "required": parts["needed"], "additionalProperties": False}
    operation = {
        "operationId": parts["name"],
        "parameters": parts["parameters"],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/New"}}},
        },
        "responses": {"200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}}},
    }
    answer = {"type": "object", "properties": parts["answered"], "required": list(parts["answered"])}
    return {
        "paths": {"/things": {parts["method"]: operation}},
        "components": {"schemas": {"New": body, "Thing": answer}},
    }


BEFORE = document()
SENT = BEFORE["components"]["schemas"]["New"]["properties"]
ANSWERED = BEFORE["components"]["schemas"]["Thing"]["properties"]
QUERY = BEFORE["paths"]["/things"]["post"]["parameters"]


@pytest.mark.parametrize(
    ("after", "said"),
    [
        (document(method="put"), "POST /things is gone"),
        (document(name="makeThing"), "POST /things is called makeThing and no more createThing"),
        (document(parameters=[]), "POST /things query parameter q is gone"),
        (document(parameters=[QUERY[0] | {"required": True}]), "POST /things query parameter q is required"),
        (
            document(parameters=[QUERY[0] | {"schema": {"type": "boolean"}}]),
            "POST /things query parameter q takes no integer",
        ),
        (document(needed=["a", "b"]), "New.b is required"),
        (document(sent={"a": SENT["a"]}), "New.b is gone"),
        (document(sent=SENT | {"a": {"type": "string", "maxLength": 8}}), "New.a has the maxLength 8"),
        (document(sent=SENT | {"b": {"type": "string", "enum": ["x"]}}), "New.b takes no y"),
        (document(answered={"a": ANSWERED["a"]}), "Thing.n is gone"),
        (document(answered=ANSWERED | {"a": {"anyOf": [{"type": "string"}, {"type": "null"}]}}), "Thing.a may be null"),
        (document(answered=ANSWERED | {"n": {"type": "string"}}), "Thing.n may be string"),
    ],
)
def test_the_gate_sees_a_break(after: dict[str, Any], said: str) -> None:
    assert breaks(BEFORE, after) == [said]


@pytest.mark.parametrize(
    "after",
    [
        BEFORE,
        document(parameters=[*QUERY, {"in": "query", "name": "new", "schema": {"type": "string"}}]),
        document(sent=SENT | {"new": {"type": "string"}}),
        document(sent=SENT | {"a": {"type": "string"}, "b": {"type": "string", "enum": ["x", "y", "z"]}}),
        document(answered=ANSWERED | {"new": {"type": "string"}}),
        document(answered=ANSWERED | {"n": {"type": "integer"}}),
    ],
)
def test_the_gate_lets_a_contract_grow(after: dict[str, Any]) -> None:
    assert breaks(BEFORE, after) == []
