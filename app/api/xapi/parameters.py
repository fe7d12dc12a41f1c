"""Parameters of requests: each allowed, needed and of the type that the specification gives it.

https://github.com/adlnet/xAPI-Spec/blob/master/xAPI-Communication.md#32-error-codes: unknown ones are refused
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeVar

from app.lms import Unreadable
from app.lms._body import strict_json
from app.lms._xapi import Unacceptable, actors, grammar

T = TypeVar("T")

_TEXT_MOST = 2_000
_DIGITS_MOST = 9


def check(parameters: Mapping[str, str], allowed: Collection[str], needed: Collection[str] = ()) -> None:
    """Raise Unacceptable for a parameter that is not recognised here, letter case counting, or that is missing."""
    for name in parameters:
        if name not in allowed:
            taken = ", ".join(sorted(allowed)) or "none"
            raise Unacceptable(f"is no parameter of this request, which takes {taken}", parameter=name[:50])
    for name in needed:
        if name not in parameters:
            raise Unacceptable("is needed", parameter=name)


def value(parameters: Mapping[str, str], name: str, read: Callable[[str, str], T]) -> T | None:
    """Return a parameter as `read` (text, place) understands it; None when it is absent."""
    if name not in parameters:
        return None
    try:
        return read(parameters[name], "")
    except Unacceptable as error:
        place = f"{error.pointer} {error.reason}" if error.pointer else error.reason
        raise Unacceptable(place, parameter=name) from None


def flag(text: str, at: str) -> bool:
    """Return a boolean, spelled as in JSON."""
    return grammar.one_of(text, ("true", "false"), at) == "true"


def count(text: str, at: str) -> int:
    """Return a whole number of at least 0."""
    if not (text.isascii() and text.isdecimal() and len(text) <= _DIGITS_MOST):
        raise Unacceptable("must be a whole number, 0 or more", at)
    return int(text)


def identifier(text: str, at: str) -> str:
    """Return the id of a document: any text, but some."""
    if not 1 <= len(text) <= _TEXT_MOST:
        raise Unacceptable(f"must have 1 to {_TEXT_MOST} characters", at)
    return text


def agent(text: str, at: str) -> dict[str, Any]:
    """Return an agent from its JSON."""
    return actors.agent(_document(text, at), at)


def agent_or_group(text: str, at: str) -> dict[str, Any]:
    """Return an agent or identified group from its JSON."""
    found = actors.actor(_document(text, at), at)
    if not actors.identified(found):
        raise Unacceptable("must be an agent or a group with an identifier", at)
    return found


def _document(text: str, at: str) -> Any:
    try:
        return strict_json(text.encode("utf-8", "surrogatepass"))
    except Unreadable as error:
        raise Unacceptable(f"must be JSON: {error}", at) from None
