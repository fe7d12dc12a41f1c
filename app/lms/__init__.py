"""Source formats: bytes in, LearningEvents out. Pure; one module per format, found by listing this folder.

A module `app/lms/<slug>.py` defines one `ADAPTER`. Dashes in the slug become underscores, and a slug that begins with
a digit, which no module name may, takes the prefix `lms_` (`360learning` is `lms_360learning.py`). What adapters share
stands in modules whose names start with `_`. Nothing else needs an edit: `adapters()` finds the module, and the
conformance test in `tests/lms` runs it against its recordings.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Any, NamedTuple

from app.domain.errors import Fault
from app.domain.learning import LearningEvent


class Unreadable(Exception):
    """The delivery is authentic but cannot be read: it is kept as quarantined. The message is the reason."""


class TransportFaultCode(StrEnum):
    """What is wrong with the HTTP message itself; the door gives each its status (413, 400, 415, 415, 400)."""

    BODY_TOO_LARGE = "body_too_large"
    BROKEN_CONTENT_ENCODING = "broken_content_encoding"
    UNSUPPORTED_CONTENT_ENCODING = "unsupported_content_encoding"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    CONTRADICTORY_HEADERS = "contradictory_headers"


class TransportFault(Unreadable):
    """The HTTP message cannot be decoded: the only unreadable deliveries that are refused, not quarantined."""

    def __init__(self, code: TransportFaultCode, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class Refused(Exception):
    """The delivery is not authentic (bad or missing signature). The message says which check failed, never a secret."""


class UnknownKey(Refused):
    """The delivery is signed with the key `key_id`, which is not in the key set at hand: fetch the set anew, once."""

    def __init__(self, key_id: str) -> None:
        super().__init__("the signature names a key that is not in the key set")
        self.key_id = key_id


@dataclass(frozen=True, slots=True)
class Delivery:
    """One HTTP request from a source. Header names are lower-case; `body` holds the raw bytes as received.

    `received_at` is aware UTC and serves as the clock for signature tolerances.
    """

    headers: Mapping[str, str]
    body: bytes
    received_at: datetime
    method: str = "POST"
    path: str = ""
    query: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SourceSetup:
    """How one source is configured.

    `authentication` is `{"scheme": ..., **options}` of the closed list in `_signatures`; `secrets` are those valid now,
    newest first (two during a rotation); `mapping` is the field map of the mapped adapter; `zone` the IANA zone of
    times that carry none. `checked` says that `authentication` was found usable when the setup was made.
    """

    authentication: Mapping[str, Any]
    secrets: tuple[str, ...] = ()
    mapping: Mapping[str, Any] = field(default_factory=dict)
    zone: str = "UTC"
    options: Mapping[str, Any] = field(default_factory=dict)
    checked: bool = False


class Parsed(NamedTuple):
    """What a delivery says: its events, or none with the reason why it is acknowledged and ignored."""

    events: tuple[LearningEvent, ...] = ()
    ignored: str | None = None


@dataclass(frozen=True, slots=True)
class Adapter:
    """One source format.

    `parse` turns an authentic delivery into events; it raises `Unreadable`. `schemes` are the authentication schemes
    that the platform can use, the usual one first; `authentication` the usual configuration without its secret.
    `example` is a payload that the adapter reads as it stands: `{"headers": {...}, "body": ...}`, where `body` is a
    JSON value (sent compact) or, for other content types, the text itself; `mapping` is the field map it needs, if any.
    `examples` are the payloads of the schemes under which the platform sends another one.
    `of_statements` reads xAPI statements, one or an array, that come to the address for them below the webhook URL; it
    raises `Unreadable`; None where the platform sends none.
    `check_mapping` lists what is wrong with a field map (empty when it can be used); None when the adapter takes none.
    `notes` say what surprises in what the platform sends, a line each.
    `reference` documents the field map, JSON values only. `headers` are those that `parse` reads beside those that tell
    the form of the body: names in lower case, `*` in them for any characters.
    """

    slug: str
    title: str
    how_to_connect: str
    schemes: tuple[str, ...]
    authentication: Mapping[str, Any]
    example: Mapping[str, Any]
    parse: Callable[[Delivery, SourceSetup], Parsed]
    of_statements: Callable[[Any, SourceSetup], Parsed] | None = None
    check_mapping: Callable[[Mapping[str, Any]], list[Fault]] | None = None
    reference: Mapping[str, Any] = field(default_factory=dict)
    examples: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    notes: str = ""
    headers: tuple[str, ...] = ()

    def example_of(self, scheme: str) -> Mapping[str, Any]:
        """Return a payload as the platform sends it under an authentication scheme."""
        return self.examples.get(scheme, self.example)


@cache
def adapters() -> Mapping[str, Adapter]:
    """Return every adapter by slug, in alphabetical order."""
    names = [module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_")]
    found = {}
    for name in names:
        adapter: Adapter = importlib.import_module(f"{__name__}.{name}").ADAPTER
        if adapter.slug != name.removeprefix("lms_").replace("_", "-"):
            raise RuntimeError(f"app/lms/{name}.py defines the adapter {adapter.slug!r}: file name and slug must match")
        found[adapter.slug] = adapter
    return dict(sorted(found.items()))
