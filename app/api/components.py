"""What the reference would say again and again, said once: shared parameters and headers; and nothing made up."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic_core import to_json

from app.api.expansions import RELATION
from app.api.shapes import camel

Operation = dict[str, Any]
_SHARED_FROM = 2
_BOUNDS = {"ge": "minimum", "le": "maximum", "gt": "exclusiveMinimum", "lt": "exclusiveMaximum"}
"""How pydantic names a bound over an optional number that has a validator of its own, and how JSON Schema does."""

_BOUND_WORDS = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}

_IN_PARTS = {"ProblemFault"}
"""Answers that leave out what is not known."""


def compose_expansions(schemas: dict[str, Any]) -> None:
    """Describe a shape with relations as the plain shape and what may stand beside it: no field is told twice."""
    for name, schema in list(schemas.items()):
        fields = schema.get("properties", {})
        relations = {field: inner for field, inner in fields.items() if inner.pop(RELATION, False)}
        if relations:
            plain = f"{name.removesuffix('Expanded')}Read"
            schemas.setdefault(
                plain, schema | {"properties": {field: fields[field] for field in fields if field not in relations}}
            )
            beside = {"type": "object", "properties": {field: _no_default(inner) for field, inner in relations.items()}}
            schemas[name] = {
                "allOf": [{"$ref": f"#/components/schemas/{plain}"}, beside],
                "description": f"{schema['description'].partition(chr(10))[0]} With the relations that were asked for.",
            }


def _no_default(field: dict[str, Any]) -> dict[str, Any]:
    return {word: value for word, value in field.items() if word != "default"}


def complete_answers(document: Mapping[str, Any]) -> None:
    """Say of every shape that is only answered, never sent, that all its fields are there: null where nothing is."""
    schemas = document["components"]["schemas"]
    sent: set[str] = set()
    for operation in operations(document):
        sent |= _reached(operation.get("requestBody"), schemas, sent)
    for name, schema in schemas.items():
        if name not in sent | _IN_PARTS and "properties" in schema:
            schema["required"] = list(schema["properties"])
            for field in schema["properties"].values():
                field.pop("default", None)


def _reached(place: Any, schemas: Mapping[str, Any], known: set[str]) -> set[str]:
    """Return the names of the schemas that a place leads to, those besides that are not known yet."""
    if isinstance(place, list):
        return known.union(*(_reached(each, schemas, known) for each in place))
    if not isinstance(place, Mapping):
        return known
    name = str(place.get("$ref", "")).rpartition("/")[2]
    if name in schemas and name not in known:
        known = _reached(schemas[name], schemas, known | {name})
    for each in place.values():
        known = _reached(each, schemas, known)
    return known


def tidy(document: dict[str, Any]) -> None:
    """Take out what says nothing, and move what stands in several operations to the document's components."""
    for operation in operations(document):
        for parameter in operation.get("parameters", []):
            _tidy_parameter(parameter)
        for response in operation["responses"].values():
            _tidy_response(response, document["components"]["schemas"])
        operation.setdefault("security", [])  # OpenAPI: an empty list says that none is needed
    _tidy_schemas(document)
    _share_parameters(document)
    _share_headers(document)


def operations(document: Mapping[str, Any]) -> Iterator[Operation]:
    """Return every operation of a document: those that it takes, and those that it posts to others."""
    for section in ("paths", "webhooks"):
        for methods in document.get(section, {}).values():
            yield from methods.values()


def _tidy_parameter(parameter: dict[str, Any]) -> None:
    """Say a description once, and leave out null: an address and a header have no way to write it."""
    schema = parameter["schema"]
    schema.pop("description", None)
    choices = [choice for choice in schema.get("anyOf", []) if choice != {"type": "null"}]
    if len(choices) == 1:
        del schema["anyOf"]
        parameter["schema"] = choices[0] | schema
        if parameter["schema"].get("default", ...) is None:
            del parameter["schema"]["default"]


def _tidy_response(response: dict[str, Any], schemas: Mapping[str, Any]) -> None:
    """Describe an answer by what it holds, where the framework has only said that it is one."""
    if response.get("description") != "Successful Response":
        return
    held = response.get("content", {}).get("application/json", {}).get("schema", {}).get("$ref", "")
    schema = schemas.get(held.rpartition("/")[2], {})
    response["description"] = schema.get("description", "Done.").partition("\n\n")[0]


def _tidy_schemas(found: Any) -> None:
    """Leave out titles that only spell a name again, and write the bounds of whole numbers as such."""
    if isinstance(found, list):
        for each in found:
            _tidy_schemas(each)
    if not isinstance(found, dict):
        return
    if isinstance(found.get("title"), str) and found.keys() & {"type", "anyOf", "$ref", "enum", "const", "allOf"}:
        del found["title"]
    if {} in found.get("anyOf", []):  # anything at all, null too
        del found["anyOf"]
    _tell_bounds_of_decimals(found)
    if found.get("type") in ("integer", "number"):
        found |= {bound: found.pop(name) for name, bound in _BOUNDS.items() if name in found}
    if found.get("type") == "integer":
        found |= {bound: int(found[bound]) for bound in _BOUNDS.values() if bound in found}
    for name, each in found.items():
        if name not in {"example", "examples", "default"}:
            _tidy_schemas(each)


def _tell_bounds_of_decimals(found: dict[str, Any]) -> None:
    """Say in words between which numbers a decimal lies: it is written as text, for which a schema has no bounds."""
    for choice in (found, *found.get("anyOf", [])):
        if choice.get("type") == "string":
            told = [f"{_BOUND_WORDS[name]} {choice.pop(name)}" for name in _BOUND_WORDS if name in choice]
            if told:
                found["description"] = f"{found.get('description', '')} It is {' and '.join(told)}.".strip()


def _share_parameters(document: dict[str, Any]) -> None:
    """Name the parameters of several operations; one of many resources by itself, any other by its resource too."""
    places: dict[bytes, list[tuple[str, list[Any], int]]] = defaultdict(list)
    for path, methods in document["paths"].items():
        for operation in methods.values():
            for at, parameter in enumerate(operation.get("parameters", [])):
                places[to_json(parameter)].append((path, operation["parameters"], at))
    shared = document["components"].setdefault("parameters", {})
    for uses in sorted(places.values(), key=lambda found: (-len(found), found[0][0])):
        if len(uses) < _SHARED_FROM:
            continue
        _, within, at = uses[0]
        parameter = within[at]
        resources = sorted({_resource(path) for path, _, _ in uses})
        name = _free_name(shared, parameter, resources)
        if name is not None:
            shared[name] = parameter
            for _, parameters, place in uses:
                parameters[place] = {"$ref": f"#/components/parameters/{name}"}


def _free_name(taken: Mapping[str, Any], parameter: Mapping[str, Any], resources: list[str]) -> str | None:
    """Return a name for a shared parameter: its own, with its resource, or with whether it must be there as well."""
    name = camel(parameter["name"])
    candidates = [name] if len(resources) > 1 else []
    candidates += [camel(each) + name for each in resources]
    candidates += [("Required" if parameter.get("required") else "Optional") + name]
    return next((each for each in candidates if each not in taken), None)


def _resource(path: str) -> str:
    """Return the resource of a path: its first word behind the version."""
    return path.removeprefix("/v1").strip("/").partition("/")[0]


def _share_headers(document: dict[str, Any]) -> None:
    shared = document["components"].setdefault("headers", {})
    for operation in operations(document):
        for response in operation["responses"].values():
            for name, header in response.get("headers", {}).items():
                key = name.replace("-", "")
                if shared.setdefault(key, header) == header:
                    response["headers"][name] = {"$ref": f"#/components/headers/{key}"}
