"""Keys of what xAPI statements mention: 16 bytes for an agent, activity or verb, whatever the length of its name."""

from __future__ import annotations

from hashlib import sha256

from app.domain.learning import Identity, IdentityKind

_AGENTS = {
    IdentityKind.EMAIL: "mbox mailto:",
    IdentityKind.EMAIL_SHA1: "mbox_sha1sum ",
    IdentityKind.OPENID: "openid ",
    IdentityKind.ACCOUNT: "account ",
}


def key_of(kind: str, name: str) -> bytes:
    """Return the key of an `agent`, `activity` or `verb`."""
    return sha256(f"{kind} {name}".encode()).digest()[:16]


def agent_name(identity: Identity) -> str:
    """Return what an agent with this identity is known by, one text for equal ones.

    https://github.com/adlnet/xAPI-Spec/blob/master/xAPI-Data.md#2423-inverse-functional-identifier
    """
    value = identity.value if identity.issuer is None else f"{identity.issuer} {identity.value}"
    return _AGENTS.get(identity.kind, f"{identity.kind} ") + value


def agent_keys(identity: Identity) -> list[bytes]:
    """Return the keys under which statements may mention who has this identity: a mailbox by its hash, too."""
    named = (identity, identity.hashed())
    return [key_of("agent", agent_name(each)) for each in named if each is not None]
