"""What an authentication scheme is: its options, its kind of secret, and how configurations of it are checked."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from app.domain.errors import Fault
from app.lms import Delivery, SourceSetup

_HEADER_CHARACTERS = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_TEXT_MAX = 500
_SECRET_MAX = 1_000
_ENTROPY_BYTES = 32


class OptionType(StrEnum):
    """What an option's value may be; `header` is an HTTP field name, `url` an https address."""

    TEXT = "text"
    HEADER = "header"
    URL = "url"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    CHOICE = "choice"


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a scheme. `at_least` and `at_most` bound integers; `choices` lists the words of a choice."""

    name: str
    type: OptionType
    description: str
    default: Any = None
    required: bool = False
    choices: tuple[str, ...] = ()
    at_least: int = 0
    at_most: int = 0

    def fault(self, value: Any) -> str | None:
        """Return what is wrong with `value`, or None."""
        match self.type:
            case OptionType.BOOLEAN:
                fault = None if isinstance(value, bool) else "must be true or false"
            case OptionType.INTEGER:
                whole = isinstance(value, int) and not isinstance(value, bool)
                fits = whole and self.at_least <= value <= self.at_most
                fault = None if fits else f"must be a whole number from {self.at_least} to {self.at_most}"
            case OptionType.CHOICE:
                fault = None if value in self.choices else f"must be one of {', '.join(self.choices)}"
            case _:
                fault = self._fault_of_text(value)
        return fault

    def _fault_of_text(self, value: Any) -> str | None:
        if not isinstance(value, str) or len(value) > _TEXT_MAX or not value.isprintable():
            return f"must be printable text of at most {_TEXT_MAX} characters"
        if self.type is OptionType.HEADER and (not value or not _HEADER_CHARACTERS.issuperset(value)):
            return "must be the name of an HTTP header, such as X-Signature"
        if self.type is OptionType.URL and not value.startswith("https://"):
            return "must be an https address"
        return "must not be empty" if self.required and not value else None


class SecretForm(StrEnum):
    """How the text of a source's secret is written.

    `none`: there is no secret. `token`: any text, compared or used as a key in UTF-8. `user_and_password`:
    `user:password`, the user without a colon (RFC 7617). `signing_key`: `whsec_` and the key in base64, `whpk_` and an
    Ed25519 public key in base64, or any other text as the key itself in UTF-8.
    """

    NONE = "none"
    TOKEN = "token"  # noqa: S105 - the name of a form, not a secret
    USER_AND_PASSWORD = "user_and_password"  # noqa: S105 - the same
    SIGNING_KEY = "signing_key"


@dataclass(frozen=True, slots=True)
class Carriers:
    """Where a request holds a secret in clear: names of headers (lower-case), query parameters and body fields."""

    headers: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()


NOTHING = Carriers()
"""What carries no secret in clear: most senders sign."""


@dataclass(frozen=True, slots=True)
class Scheme:
    """One way for a sender to prove who it is. `verify` raises `Refused`.

    `carries(options)` returns the headers, the query parameters and the body fields, by name, that hold the secret (a
    signature is none) and that must not be stored or shown. `secret_path`: the receiver's URL needs a secret segment.
    """

    name: str
    title: str
    description: str
    secret: SecretForm
    verify: Callable[[Delivery, SourceSetup], None]
    options: tuple[Option, ...] = ()
    carries: Callable[[Mapping[str, Any]], Carriers] = lambda _options: NOTHING
    secret_path: bool = False

    def check(self, authentication: Mapping[str, Any]) -> list[Fault]:
        """Return what is wrong with `{"scheme": ..., **options}`, pointers into that document; empty if nothing is."""
        known = {option.name: option for option in self.options}
        faults = [
            Fault("unknown_field", self._unknown(name), pointer=f"/{name}")
            for name in authentication
            if name != "scheme" and name not in known
        ]
        for name, option in known.items():
            value = authentication.get(name)
            if value is None:
                if option.required:
                    faults.append(Fault("missing", f"the scheme {self.name} needs {name!r}", pointer=f"/{name}"))
                continue
            fault = option.fault(value)
            if fault:
                faults.append(Fault("invalid_value", f"{name!r} {fault}", pointer=f"/{name}"))
        return faults

    def _unknown(self, name: str) -> str:
        if name == "secret":
            return "stands beside `authentication` when a source is made; afterwards rotate-secret changes it"
        return f"the scheme {self.name} has no option {name!r}"

    def secret_form(self, authentication: Mapping[str, Any] | None = None) -> SecretForm:
        """Return how the secret is written under these options: `user_field` asks for a user beside the password."""
        return SecretForm.USER_AND_PASSWORD if authentication and authentication.get("user_field") else self.secret

    def check_secret(self, secret: str, authentication: Mapping[str, Any] | None = None) -> str | None:
        """Return what is wrong with the text of a secret for this scheme, or None."""
        form = self.secret_form(authentication)
        if form is SecretForm.NONE:
            return f"the scheme {self.name} has no secret"
        if not secret or len(secret) > _SECRET_MAX or "\x00" in secret:
            return f"the secret must have 1 to {_SECRET_MAX} characters"
        if form is SecretForm.USER_AND_PASSWORD and (secret.startswith(":") or ":" not in secret):
            return "the secret must be written user:password"
        if form is SecretForm.SIGNING_KEY and secret.startswith(("whsec_", "whpk_")):
            try:
                text = secret.partition("_")[2]
                key = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
            except ValueError:
                key = b""
            return None if key else "after whsec_ or whpk_ the key must be base64"
        return None

    def new_secret(self, entropy: bytes, authentication: Mapping[str, Any] | None = None) -> str | None:
        """Return the text of a secret made of at least 32 random bytes, or None when the scheme has none."""
        if len(entropy) < _ENTROPY_BYTES:
            raise ValueError(f"a secret needs at least {_ENTROPY_BYTES} random bytes")
        word = base64.urlsafe_b64encode(entropy).decode().rstrip("=")
        form = self.secret_form(authentication)
        if form is SecretForm.SIGNING_KEY and authentication and authentication.get("key") == "raw":
            form = SecretForm.TOKEN  # what begins with whsec_ would be taken for base64 by whoever signs with it
        match form:
            case SecretForm.NONE:
                return None
            case SecretForm.TOKEN:
                return word
            case SecretForm.USER_AND_PASSWORD:
                return f"lms-{hashlib.sha256(entropy).hexdigest()[:8]}:{word}"
            case SecretForm.SIGNING_KEY:
                return f"whsec_{base64.b64encode(entropy).decode()}"
