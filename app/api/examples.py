"""An example for every schema of the reference, put together from those of its fields and of the schemas inside it."""

from collections.abc import Mapping
from typing import Any

_BY_FORMAT = {"date": "2026-02-01", "date-time": "2026-02-01T08:30:00Z", "decimal": "12.5", "binary": ""}
_BY_TYPE: dict[str, Any] = {"string": "text", "number": 0.5, "boolean": True, "object": {}, "null": None}
_LEAF = "#/components/schemas/"

Schemas = Mapping[str, dict[str, Any]]


def complete(schemas: Schemas) -> None:
    """Give each object schema an example, and each given one the nulls that the framework leaves out of examples."""
    for name, schema in schemas.items():
        if schema.get("type") != "object" and "allOf" not in schema:
            continue
        given = schema.get("examples")
        if given:
            schema["examples"] = [_whole(example, schema, schemas) for example in given]
        else:
            schema["examples"] = [_example({"$ref": _LEAF + name}, schemas, ())]


def _whole(value: Any, schema: Mapping[str, Any], schemas: Schemas) -> Any:
    """Return a given example with null for each required member that it lacks, however deep."""
    schema = _resolved(schema, schemas)
    if isinstance(value, list) and "items" in schema:
        return [_whole(each, schema["items"], schemas) for each in value]
    properties = schema.get("properties", {})
    if not isinstance(value, Mapping) or not properties:
        return value
    missing = {name: None for name in schema.get("required", ()) if name not in value}
    return {
        name: _whole(inner, properties.get(name, {}), schemas) if inner is not None else None
        for name, inner in (dict(value) | missing).items()
    }


def _resolved(schema: Mapping[str, Any], schemas: Schemas) -> Mapping[str, Any]:
    """Follow a reference, the first choice that is an object, or the first of several shapes put together."""
    if "allOf" in schema:
        return _resolved(schema["allOf"][0], schemas)
    for choice in schema.get("anyOf", ()):
        if "$ref" in choice or "items" in choice:
            return _resolved(choice, schemas)
    if "$ref" in schema:
        return _resolved(schemas[schema["$ref"].removeprefix(_LEAF)], schemas)
    return schema


def _example(schema: Mapping[str, Any], schemas: Schemas, above: tuple[str, ...]) -> Any:
    """Return an example of a schema; `above` names the schemas that it stands in, so that none is entered twice."""
    if schema.get("examples"):
        return _whole(schema["examples"][0], schema, schemas)
    if "allOf" in schema:
        schema = schema["allOf"][0]
    if "$ref" in schema:
        name = schema["$ref"].removeprefix(_LEAF)
        return None if name in above else _example(schemas[name], schemas, (*above, name))
    for word in ("default", "const"):
        if word in schema:
            return schema[word]
    if "enum" in schema:
        return schema["enum"][0]
    if "anyOf" in schema:
        return _of_choices(schema["anyOf"], schemas, above)
    return _of_type(schema, schemas, above)


def _of_choices(choices: list[dict[str, Any]], schemas: Schemas, above: tuple[str, ...]) -> Any:
    nullable = any(choice.get("type") == "null" for choice in choices)
    told = any("$ref" in choice or "examples" in choice or "items" in choice for choice in choices)
    return None if nullable and not told else _example(choices[0], schemas, above)


def _of_type(schema: Mapping[str, Any], schemas: Schemas, above: tuple[str, ...]) -> Any:
    kind = schema.get("type", "string")
    if kind == "array":
        inner = _example(schema.get("items", {}), schemas, above)
        return [] if inner is None else [inner]
    if kind == "integer":
        return schema.get("minimum", 1)
    if "properties" in schema:
        required = schema.get("required", ())
        request = schema.get("additionalProperties") is False
        return {
            name: _example(field, schemas, above)
            for name, field in schema["properties"].items()
            if not request or name in required or "examples" in field
        }
    return _BY_FORMAT.get(schema.get("format", ""), _BY_TYPE[kind])
