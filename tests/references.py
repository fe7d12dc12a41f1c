"""How tests read the OpenAPI document."""

from typing import Any


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    """Every (method, path, operation) of a document, its shared parameters written out."""
    return [
        (method.upper(), path, operation | {"parameters": [_whole(document, each) for each in given]})
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        for given in [operation.get("parameters", [])]
    ]


def _whole(document: dict[str, Any], parameter: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in parameter:
        return parameter
    found: dict[str, Any] = document["components"]["parameters"][parameter["$ref"].rpartition("/")[2]]
    return found
