"""Where the id of a new row leads: the links of the reference (https://spec.openapis.org/oas/v3.1.0#link-object)."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from app.api.shapes import camel

Link = tuple[str, dict[str, Any]]

_ID = "$response.body#/id"
_OPERATIONS = "/v1/operations"
_SHAPE = re.compile(r"/([A-Za-z]+?)(?:Read|Created)$")
_HUMP = re.compile(r"(?<!^)(?=[A-Z])")


def link(document: dict[str, Any]) -> None:
    """Tell of every POST that makes something with an id what can be asked and done with it; each link once."""
    links = document["components"].setdefault("links", {})
    for path, methods in document["paths"].items():
        for status, answer in methods.get("post", {}).get("responses", {}).items():
            leading = _OPERATIONS if status == "202" else path
            if status.startswith("2") and f"{leading}/{{id}}" in document["paths"]:
                found = dict(_of_id(document["paths"], leading, _foreign_key(answer)))
                links |= found
                answer["links"] = {name: {"$ref": f"#/components/links/{name}"} for name in found}


def _of_id(paths: Mapping[str, Any], path: str, foreign_key: str) -> Iterator[Link]:
    """Yield the operations at the address of an id and below it, and the lists that it narrows."""
    for each, methods in paths.items():
        inside = each.removesuffix("/").startswith(f"{path}/{{id}}") and each.count("{") == 1
        for operation in methods.values() if inside else ():
            yield operation["operationId"], _link(operation, "id")
        listing = {} if "{" in each else methods.get("get", {})
        for name in (parameter["name"] for parameter in listing.get("parameters", ()) if parameter["in"] == "query"):
            if _names(foreign_key, name):
                yield f"{listing['operationId']}Of{camel(foreign_key.removesuffix('_id'))}", _link(listing, name)


def _foreign_key(answer: Mapping[str, Any]) -> str:
    """Return what other nouns call the id in an answer: `effect_estimate_id` in an EffectEstimateRead."""
    shape = _SHAPE.search(answer["content"]["application/json"]["schema"].get("$ref", ""))
    return f"{_HUMP.sub('_', shape[1]).lower()}_id" if shape else ""


def _names(foreign_key: str, parameter: str) -> bool:
    """Whether a parameter is that key, in full or by its last words: `endpoint_id` is one of a webhook endpoint."""
    return parameter.endswith("_id") and f"_{foreign_key}".endswith(f"_{parameter}")


def _link(operation: Mapping[str, Any], parameter: str) -> dict[str, Any]:
    return {
        "operationId": operation["operationId"],
        "parameters": {parameter: _ID},
        "description": f"{operation['summary']}: `{parameter}` is the `id` of this answer.",
    }
