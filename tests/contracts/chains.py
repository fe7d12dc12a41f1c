"""From one noun to the next: what the fuzzer follows besides the links of the contract.

A link of OpenAPI gives parameters, or a whole body; that one field of a body is the id of another answer, as in an
outcome of an objective that was made just now, it has no words for. schemathesis has.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

Document = Mapping[str, Any]

_CREATED = re.compile(r"create([A-Z][A-Za-z]+)")
_HUMP = re.compile(r"(?<!^)(?=[A-Z])")
_ROLES = {"owner_id": "person_id", "goal_owner_id": "person_id", "author_id": "person_id", "parent_id": ""}
"""Fields that are called by what somebody is there; a parent is another of the same noun."""


def chain(document: Document) -> None:
    """Add to every answer that makes a row the links to what can be made with its id, and one place to start from.

    What may name another row, if only it likes to, is no start to schemathesis: it waits for the other one for ever.
    """
    creating = dict(_creating(document))
    start = document["paths"]["/v1/tenant"]["get"]["responses"]["200"]
    start["links"] = {target["operationId"]: {"operationId": target["operationId"]} for target in creating.values()}
    for noun, operation in creating.items():
        links = operation["responses"]["201"].setdefault("links", {})
        for other, target in creating.items():
            for field in _fields(document, target):
                if _ROLES.get(field, field) == f"{noun}_id" or (field == "parent_id" and noun == other):
                    links[f"{target['operationId']}With_{field}"] = {
                        "operationId": target["operationId"],
                        "requestBody": {field: "$response.body#/id"},
                    }


def _creating(document: Document) -> Iterator[tuple[str, Any]]:
    for methods in document["paths"].values():
        operation = methods.get("post", {})
        made = _CREATED.fullmatch(operation.get("operationId", ""))
        if made and "201" in operation["responses"]:
            yield _HUMP.sub("_", made[1]).lower(), operation


def _fields(document: Document, operation: Document) -> list[str]:
    schema = operation["requestBody"]["content"].get("application/json", {}).get("schema", {})
    shape = document["components"]["schemas"].get(schema.get("$ref", "").rpartition("/")[2], {})
    return [name for name in shape.get("properties", {}) if name.endswith("_id") and name != "external_id"]
