"""What a request to the graph carries, and what it is answered: the border between HTTP and the schema."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from app.api.principals import Principal
from app.models.unit import Units
from app.vault import Vault


@dataclass(frozen=True, slots=True)
class Asked:
    """The parameters of a request (GraphQL over HTTP, "Request Parameters")."""

    query: str
    operation_name: str | None
    variables: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and what answers are made with."""

    principal: Principal
    database: Units
    vault: Vault
    request_id: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered: `refused` when nothing was run, `writes` when that is because it is no query."""

    content: dict[str, Any]
    refused: bool = False
    writes: bool = False


Run = Callable[[Asked, Caller], Awaitable[Answer]]


class Malformed(Exception):
    """The request has no well-formed parameters; the message says what to send."""
