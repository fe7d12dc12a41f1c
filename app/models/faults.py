"""What validation found, as faults with places; never with what was sent."""

from collections.abc import Iterable, Mapping
from typing import Any

from app.domain.errors import Fault

_PLACES = {"query": "parameter", "path": "parameter", "header": "header", "cookie": "header"}


def faults_of(errors: Iterable[Mapping[str, Any]], *, inside: str = "body") -> tuple[Fault, ...]:
    """Return pydantic's findings as faults; `inside` is the place of locations that name none."""
    return tuple(_fault(error, inside) for error in errors)


def _fault(error: Mapping[str, Any], inside: str) -> Fault:
    location = [str(part) for part in error["loc"]]
    place = location.pop(0) if location and location[0] in {"body", *_PLACES} else inside
    message = str(error["msg"]).removeprefix("Value error, ")
    code = str(error["type"]).replace(".", "_")
    if place in _PLACES:
        name = ".".join(location)
        return Fault(code, message, **{_PLACES[place]: name})
    pointer = "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in location)
    return Fault(code, message, pointer=pointer)
