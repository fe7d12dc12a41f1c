"""Names of the learner, from the fields that senders have, strongest first."""

from __future__ import annotations

from typing import Any

from app.domain.learning import Identity, IdentityKind
from app.lms import Unreadable
from app.lms._values import identifier, text

_NAME_CHARACTERS_MAX = 300


def account(value: Any, issuer: str | None = None) -> Identity | None:
    """Return the account `value` of `issuer` (None: of the delivering source), or None when there is no value."""
    return _named(IdentityKind.ACCOUNT, value, issuer)


def username(value: Any, issuer: str | None = None) -> Identity | None:
    """Return the login name, or None when there is none."""
    return _named(IdentityKind.USERNAME, value, issuer)


def email(value: Any) -> Identity | None:
    """Return the e-mail address, or None when the value is no address: senders put other things there."""
    if not isinstance(value, str) or "@" not in value:
        return None
    found = _named(IdentityKind.EMAIL, value, None)
    return None if found is None or found.value.split() != [found.value] else found


def email_sha1(value: Any) -> Identity | None:
    """Return the SHA-1 of the `mailto:` address (xAPI `mbox_sha1sum`), or None when there is none."""
    return _named(IdentityKind.EMAIL_SHA1, value, None)


def openid(value: Any) -> Identity | None:
    """Return the OpenID, or None when there is none."""
    return _named(IdentityKind.OPENID, value, None)


def learner(*names: Identity | None) -> tuple[Identity, ...]:
    """Return the names that there are, each once, in the order given; `Unreadable` when there is none."""
    found: list[Identity] = []
    for name in names:
        if name is not None and name not in found:  # there are few: cheaper than to hash them
            found.append(name)
    if not found:
        raise Unreadable("the payload does not name the learner")
    return tuple(found)


def full_name(*parts: Any) -> str | None:
    """Return the parts of a person's name that there are, joined by a space, or None."""
    found = " ".join([part.strip() for part in map(text, parts) if part])
    return found[:_NAME_CHARACTERS_MAX] or None


def _named(kind: IdentityKind, value: Any, issuer: str | None) -> Identity | None:
    found = identifier(value, "learner")
    return None if found is None else Identity.of(kind, found, issuer)
