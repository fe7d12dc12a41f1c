"""What validation found, as faults with places; never with what was sent."""

from collections.abc import Iterable, Mapping
from typing import Any

from app.domain.errors import Fault

_PLACES = {"query": "parameter", "path": "parameter", "header": "header", "cookie": "header"}
_OBJECT = "Send a JSON object with the fields described in the reference"
_ID = "Send an id as text, such as those that this service answers"
_PLAINLY = {"model_attributes_type": _OBJECT, "model_type": _OBJECT, "dict_type": _OBJECT, "uuid_type": _ID}
"""What is said in place of the validator's words, which speak of Python."""

_KEY = "[key]"
"""What the validator adds to the place of a field whose name is at fault."""


def faults_of(errors: Iterable[Mapping[str, Any]], *, inside: str = "body") -> tuple[Fault, ...]:
    """Return pydantic's findings as faults; `inside` is the place of locations that name none."""
    return tuple(_fault(error, inside) for error in errors)


def _fault(error: Mapping[str, Any], inside: str) -> Fault:
    location = [str(part) for part in error["loc"]]
    place = location.pop(0) if location and location[0] in {"body", *_PLACES} else inside
    message = _PLAINLY.get(error["type"], str(error["msg"]).removeprefix("Value error, "))
    code = str(error["type"]).replace(".", "_")
    if place in _PLACES:
        name = ".".join(part for part in location if not part.isdecimal())  # one of several values of a name
        return Fault(code, message, **{_PLACES[place]: name})
    location = [part for part in location if part != _KEY]
    pointer = "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in location)
    return Fault(code, message, pointer=pointer)
