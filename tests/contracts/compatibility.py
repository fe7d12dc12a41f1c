"""What a client of an earlier OpenAPI document could not do any more under a later one.

Additive changes are none: new operations, new optional parameters and request fields, new fields and new enum values
in answers (enums are open on output), wider types in requests. Anything else has a line that says what and where.
"""

from collections.abc import Iterator, Mapping
from typing import Any

Document = Mapping[str, Any]
_NARROWING = {"maximum": 1, "maxLength": 1, "maxItems": 1, "minimum": -1, "minLength": -1, "minItems": -1}


def breaks(old: Document, new: Document) -> list[str]:
    """Return every break, in the order of the earlier document."""
    return list(_Comparison(old, new).operations())


class _Comparison:
    def __init__(self, old: Document, new: Document) -> None:
        self._old, self._new = old, new
        self._compared: set[tuple[str, str, bool]] = set()

    def operations(self) -> Iterator[str]:
        for path, methods in self._old["paths"].items():
            for method, was in methods.items():
                place = f"{method.upper()} {path}"
                now = self._new["paths"].get(path, {}).get(method)
                if now is None:
                    yield f"{place} is gone"
                    continue
                if was["operationId"] != now["operationId"]:
                    yield f"{place} is called {now['operationId']} and no more {was['operationId']}"
                if now.get("security") and not was.get("security"):
                    yield f"{place} needs a key"
                yield from self._parameters(place, was, now)
                yield from self._body(place, was, now)
                yield from self._answers(place, was, now)

    def _parameters(self, place: str, was: Document, now: Document) -> Iterator[str]:
        before = {(each["in"], each["name"]): each for each in self._whole(self._old, was)}
        after = {(each["in"], each["name"]): each for each in self._whole(self._new, now)}
        for key, each in before.items():
            name = f"{place} {key[0]} parameter {key[1]}"
            if key not in after:
                yield f"{name} is gone"
                continue
            if after[key].get("required") and not each.get("required"):
                yield f"{name} is required"
            yield from self._schema(name, each["schema"], after[key]["schema"], sent=True)
        for key, each in after.items():
            if key not in before and each.get("required"):
                yield f"{place} {key[0]} parameter {key[1]} is new and required"

    def _whole(self, document: Document, operation: Document) -> list[Any]:
        return [_resolved(document, each) for each in operation.get("parameters", [])]

    def _body(self, place: str, was: Document, now: Document) -> Iterator[str]:
        before, after = was.get("requestBody"), now.get("requestBody")
        if after is None:
            if before is not None:
                yield f"{place} takes no body"
            return
        if before is None:
            if after.get("required"):
                yield f"{place} needs a body"
            return
        for media_type, content in before["content"].items():
            if media_type not in after["content"]:
                yield f"{place} takes no {media_type}"
            else:
                found = after["content"][media_type]["schema"]
                yield from self._schema(f"{place} body", content["schema"], found, sent=True)

    def _answers(self, place: str, was: Document, now: Document) -> Iterator[str]:
        for status, before in was["responses"].items():
            if not status.startswith("2"):
                continue
            after = now["responses"].get(status)
            if after is None:
                yield f"{place} answers no {status}"
                continue
            for media_type, content in _resolved(self._old, before).get("content", {}).items():
                found = _resolved(self._new, after).get("content", {}).get(media_type)
                if found is None:
                    yield f"{place} {status} answers no {media_type}"
                else:
                    schemas = content.get("schema", {}), found.get("schema", {})
                    yield from self._schema(f"{place} {status}", *schemas, sent=False)

    def _schema(self, place: str, was: Document, now: Document, *, sent: bool) -> Iterator[str]:
        """Compare two schemas: of what clients send, or of what they are answered."""
        names = str(was.get("$ref", "")).rpartition("/")[2], str(now.get("$ref", "")).rpartition("/")[2]
        if all(names):
            if (*names, sent) in self._compared:
                return
            self._compared.add((*names, sent))
            place = names[0]
        was, now = _resolved(self._old, was), _resolved(self._new, now)
        before, after = _kinds(self._old, was), _kinds(self._new, now)
        lost = before - after if sent else after - before
        if lost and before and after:
            verb = "takes no" if sent else "may be"
            yield f"{place} {verb} {', '.join(sorted(lost))}"
            return
        yield from self._words(place, was, now, sent=sent)
        for branch in ("items", "additionalProperties"):
            one, other = was.get(branch), now.get(branch)
            if isinstance(one, Mapping) and isinstance(other, Mapping):
                yield from self._schema(f"{place}[]", one, other, sent=sent)
        for one, other in zip(_choices(was), _choices(now), strict=False):
            yield from self._schema(place, one, other, sent=sent)
        yield from self._properties(place, was, now, sent=sent)

    def _words(self, place: str, was: Document, now: Document, *, sent: bool) -> Iterator[str]:
        if not sent:
            return
        gone = [word for word in was.get("enum", []) if word not in now.get("enum", was.get("enum", []))]
        if gone:
            yield f"{place} takes no {', '.join(map(str, gone))}"
        for name, sign in _NARROWING.items():
            if name in now and (name not in was or (now[name] - was[name]) * sign < 0):
                yield f"{place} has the {name} {now[name]}"
        if now.get("pattern") != was.get("pattern") and "pattern" in now:
            yield f"{place} has the pattern {now['pattern']}"

    def _properties(self, place: str, was: Document, now: Document, *, sent: bool) -> Iterator[str]:
        before, after = was.get("properties", {}), now.get("properties", {})
        for name, each in before.items():
            if name in after:
                yield from self._schema(f"{place}.{name}", each, after[name], sent=sent)
            elif after or now.get("additionalProperties") is False:
                yield f"{place}.{name} is gone"
        required = set(was.get("required", [])), set(now.get("required", []))
        for name in sorted(required[1] - required[0] if sent else (required[0] - required[1]) & after.keys()):
            yield f"{place}.{name} is {'required' if sent else 'not always there'}"


def _resolved(document: Document, found: Any) -> Any:
    while "$ref" in found:
        _, section, name = found["$ref"].removeprefix("#/").split("/")
        found = document["components"][section][name]
    return found


def _choices(schema: Document) -> list[Any]:
    return [choice for choice in schema.get("anyOf", []) if choice != {"type": "null"}]


def _kinds(document: Document, schema: Document) -> set[str]:
    """Return the JSON types that a schema allows; none when it does not say."""
    schema = _resolved(document, schema)
    if "anyOf" in schema:
        return set().union(*(_kinds(document, choice) for choice in schema["anyOf"]))
    kind = schema.get("type", [])
    return {kind} if isinstance(kind, str) else set(kind)
