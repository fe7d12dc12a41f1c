"""Examples of shapes, put together from those of their fields, so that none is written twice."""

from typing import Any

_CLOSED = "additionalProperties"


def give_example(schema: dict[str, Any]) -> None:
    """Add to a shape's JSON schema one example made of its fields' own.

    A shape that refuses unknown fields is a request: its example holds what must be sent and what has an example of
    its own. Any other is an answer: its example holds every field, null where nothing else is known.
    """
    properties: dict[str, Any] = schema.get("properties", {})
    if "examples" in schema or not properties:
        return
    required = schema.get("required", ())
    request = schema.get(_CLOSED) is False
    schema["examples"] = [
        {
            name: _example(field)
            for name, field in properties.items()
            if not request or name in required or "examples" in field
        }
    ]


def give_patch_example(schema: dict[str, Any]) -> None:
    """Add to a merge patch's JSON schema an example that changes one field; nothing in a patch has a default."""
    properties: dict[str, Any] = schema["properties"]
    for field in properties.values():
        field.pop("default", None)
    named = [name for name, field in properties.items() if "examples" in field and not name.endswith("_id")]
    schema["examples"] = [{name: _example(properties[name]) for name in named[:1]}]


def _example(field: dict[str, Any]) -> Any:
    for place in (field, *field.get("anyOf", ())[:1]):
        if "examples" in place and (place is field or "default" not in field):
            return place["examples"][0]
    return field.get("default")
