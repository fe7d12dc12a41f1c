"""The error tree. Every error has a stable `code` (see `app/api/problems.py` for status, title and remedy).

ThroughlineError
├── NotFound            there is no such thing in this tenant
├── Invalid             what was sent cannot be accepted; `errors` says where
├── Conflict            the request contradicts the present state
└── Unavailable         the service cannot answer now; try again
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong in a request: where (`pointer` into the body, a `parameter` or a `header`) and what."""

    code: str
    detail: str
    pointer: str | None = None
    parameter: str | None = None
    header: str | None = None


class ThroughlineError(Exception):
    """Base of every error that a caller can do something about. `detail` says what to do next."""

    code = "internal_error"

    def __init__(self, detail: str, *, code: str | None = None, errors: tuple[Fault, ...] = ()) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code or type(self).code
        self.errors = errors


class NotFound(ThroughlineError):
    """There is no such thing in this tenant; another tenant's id answers the same."""

    code = "not_found"


class Invalid(ThroughlineError):
    """What was sent cannot be accepted."""

    code = "invalid_request"


class Conflict(ThroughlineError):
    """The request contradicts the present state of the thing it addresses."""

    code = "conflict"


class Unavailable(ThroughlineError):
    """The service cannot answer now; the same request may succeed later."""

    code = "unavailable"
