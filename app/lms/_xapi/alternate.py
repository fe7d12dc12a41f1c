"""The syntax of senders that can set no header: everything in a form, the method in the address (1.0.3 only).

https://github.com/adlnet/xAPI-Spec/blob/master/xAPI-Communication.md#13-alternate-request-syntax
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from app.lms import Unreadable
from app.lms._body import form
from app.lms._xapi import Unacceptable

_HEADERS = frozenset(
    {"authorization", "x-experience-api-version", "content-type", "content-length", "if-match", "if-none-match"}
)
_METHODS = frozenset({"GET", "PUT", "POST", "DELETE"})


@dataclass(frozen=True, slots=True)
class Call:
    """One request as the specification's tables see it. Header names are in lower case."""

    method: str
    parameters: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


def unpacked(call: Call) -> Call:
    """Return the request that a POST with `method` in its address stands for."""
    method = call.parameters["method"]
    if method not in _METHODS:
        raise Unacceptable(f"must be one of {', '.join(sorted(_METHODS))}", parameter="method")
    if len(call.parameters) != 1:
        raise Unacceptable("must be the only parameter in the address; send others in the form", parameter="method")
    try:
        fields = form(call.body) if call.body else {}
    except Unreadable as error:
        raise Unacceptable(str(error)) from None
    content = fields.pop("content", None)
    if content is None and method in {"PUT", "POST"}:
        raise Unacceptable("the form needs a field 'content' with what is to be sent")
    told = {name.lower(): value for name, value in fields.items() if name.lower() in _HEADERS}
    rest = {name: value for name, value in fields.items() if name.lower() not in _HEADERS}
    headers = {**call.headers, "content-type": "application/json", **told}
    return Call(method, rest, headers, (content or "").encode())
