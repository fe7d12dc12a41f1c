"""The reference: every operation and schema described, named for people, and shown by an example that is true."""

import re
from typing import Any

import jsonschema
import pytest

from app.config import Settings
from app.main import create_app
from tests import references
from tests.engines import SECRET_KEY

_VERBED = re.compile(r"[a-z]+(?:[A-Z][a-z]+)+")


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    address = f"sqlite:///{tmp_path_factory.mktemp('reference')}/none.db"
    return create_app(Settings(database_url=address, secret_keys=(SECRET_KEY,))).openapi()


@pytest.fixture(scope="module")
def operations(reference: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [(f"{method} {path}", operation) for method, path, operation in references.operations(reference)]


def test_every_schema_has_an_example_that_is_one(reference: dict[str, Any]) -> None:
    wrong = {}
    for name, schema in reference["components"]["schemas"].items():
        if schema.get("type") != "object":
            continue
        whole = jsonschema.Draft202012Validator({**schema, "components": reference["components"]})
        faults = [
            fault.message[:200] for example in schema.get("examples", [...]) for fault in whole.iter_errors(example)
        ]
        if faults:
            wrong[name] = faults

    assert wrong == {}


def test_every_field_of_every_schema_is_described(reference: dict[str, Any]) -> None:
    schemas = reference["components"]["schemas"]

    assert [name for name, schema in schemas.items() if not schema.get("description")] == []
    assert [
        f"{name}.{field}"
        for name, schema in schemas.items()
        for field, inner in schema.get("properties", {}).items()
        if not inner.get("description")
    ] == []


def test_every_operation_has_a_name_for_clients_and_a_described_tag(
    reference: dict[str, Any], operations: list[tuple[str, dict[str, Any]]]
) -> None:
    tags = {tag["name"] for tag in reference["tags"] if tag["description"]}
    names = [operation["operationId"] for _, operation in operations]

    assert [name for name in names if not _VERBED.fullmatch(name)] == []
    assert sorted(set(names)) == sorted(names)
    assert [place for place, operation in operations if not tags.issuperset(operation.get("tags", ["none"]))] == []
    assert [place for place, operation in operations if not operation.get("summary")] == []


def test_every_parameter_is_described(operations: list[tuple[str, dict[str, Any]]]) -> None:
    assert [
        (place, parameter["name"])
        for place, operation in operations
        for parameter in operation["parameters"]
        if not parameter.get("description")
    ] == []


def test_every_post_with_an_effect_takes_an_idempotency_key(operations: list[tuple[str, dict[str, Any]]]) -> None:
    spared = ("POST /v1/webhooks", "POST /v1/oauth", "POST /v1/xapi", "POST /graphql")
    without_effect = ("/try", "/test", "/test-event", "/evaluate", "/power")

    assert [
        place
        for place, operation in operations
        if place.startswith("POST")
        and not place.startswith(spared)
        and not place.endswith(without_effect)
        and "idempotency-key" not in [parameter["name"] for parameter in operation["parameters"]]
    ] == []


def test_what_can_be_written_conditionally_says_so(operations: list[tuple[str, dict[str, Any]]]) -> None:
    for place, operation in operations:
        method, _, path = place.partition(" ")
        headers = {parameter["name"] for parameter in operation["parameters"]}
        if method == "PATCH" or (method == "DELETE" and path.endswith("{id}")):
            assert "if-match" in headers, place
        if "if-none-match" in headers:
            assert "304" in operation["responses"], place
            assert "ETag" in operation["responses"]["200"]["headers"], place


def test_an_address_never_takes_null(operations: list[tuple[str, dict[str, Any]]]) -> None:
    assert [
        (place, parameter["name"])
        for place, operation in operations
        for parameter in operation["parameters"]
        if {"type": "null"} in parameter["schema"].get("anyOf", [])
    ] == []


def test_every_answer_has_a_shape_and_every_operation_says_whether_it_needs_a_key(
    operations: list[tuple[str, dict[str, Any]]],
) -> None:
    for place, operation in operations:
        assert "security" in operation, place
        for status, answer in operation["responses"].items():
            if "$ref" not in answer:
                assert answer["description"] not in {"", "Done."} or status == "204", place
                assert all(content["schema"] for content in answer.get("content", {}).values()), place


def test_what_several_operations_say_alike_is_said_once(reference: dict[str, Any]) -> None:
    said: dict[str, int] = {}
    for methods in reference["paths"].values():
        for operation in methods.values():
            for parameter in operation.get("parameters", []):
                if "$ref" not in parameter:
                    said[repr(parameter)] = said.get(repr(parameter), 0) + 1

    assert {text for text, times in said.items() if times > 1} == set()
    assert {"Limit", "Cursor", "IfMatch", "IdempotencyKey"} <= reference["components"]["parameters"].keys()
    assert {"ETag", "Link", "Location"} <= reference["components"]["headers"].keys()
