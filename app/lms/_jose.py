"""Compact JWS, read and checked with a key set (https://www.rfc-editor.org/rfc/rfc7515, https://www.rfc-editor.org/rfc/rfc7517).

Only signatures with a private key (no MAC, no `none`), only keys of the set at hand, and only a key of the very kind
that the algorithm is for. Addresses and keys in the header (`jku`, `x5u`, `jwk`, `x5c`) are never used, `crit`
extensions never accepted (https://www.rfc-editor.org/rfc/rfc8725, 3.1 to 3.5).
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import import_key

from app.lms import Refused, UnknownKey, Unreadable
from app.lms._body import strict_json

RSA = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
CURVES = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}
ALGORITHMS = (*RSA, *CURVES)
"""What a signature may be made with at all."""

_RSA_BYTES_MIN = 256
"""https://www.rfc-editor.org/rfc/rfc7518#section-3.3: a key of 2048 bits or more."""

_SEGMENTS = 3


@dataclass(frozen=True, slots=True)
class Sealed:
    """A compact JWS over any bytes, taken apart. Nothing in it is to be believed before `check`."""

    token: bytes
    header: Mapping[str, Any]
    payload: bytes

    @property
    def key_id(self) -> str | None:
        """The `kid` of the header; None when it is missing or no text."""
        found = self.header.get("kid")
        return found if isinstance(found, str) else None


@dataclass(frozen=True, slots=True)
class Signed(Sealed):
    """A compact JWS over a JSON object: its members are claims."""

    claims: Mapping[str, Any]


def sealed(token: bytes) -> Sealed:
    """Take a compact JWS apart. Raises `Unreadable`."""
    segments = token.split(b".")
    if len(segments) != _SEGMENTS:
        raise Unreadable("it is not a compact JWS of three parts")
    return Sealed(token, _object(_decoded(segments[0])), _decoded(segments[1]))


def opened(token: bytes) -> Signed:
    """Take a compact JWS of claims apart. Raises `Unreadable`."""
    found = sealed(token)
    return Signed(found.token, found.header, found.payload, _object(found.payload))


def check(signed: Sealed, key_set: object, algorithms: Sequence[str]) -> None:
    """Return when a key of the set made the signature, with one of `algorithms`. Raises `Refused`.

    `UnknownKey` asks for a newer set. A header without `kid` needs a set with one fitting key only.
    """
    algorithm = signed.header.get("alg")
    if algorithm not in ALGORITHMS or algorithm not in algorithms:
        raise Refused(f"it must be signed with {' or '.join(algorithms)}")
    if "crit" in signed.header:
        raise Refused("it has critical extensions (crit), and none are understood here")
    if signed.header.get("kid") is not None and signed.key_id is None:
        raise Refused("its kid is no text")
    fitting = [key for key in _keys(key_set) if _fits(key, str(algorithm))]
    if signed.key_id is not None:
        fitting = [key for key in fitting if key.get("kid") == signed.key_id]
    elif len(fitting) > 1:
        raise Refused("it names no key (kid), and its issuer has several")
    if not fitting:
        raise UnknownKey((signed.key_id or "")[:200])
    if not any(_made(signed, key, str(algorithm)) for key in fitting):
        raise Refused("its signature does not match")


def _keys(key_set: object) -> list[dict[str, Any]]:
    keys = key_set.get("keys") if isinstance(key_set, Mapping) else None
    return [key for key in keys if isinstance(key, dict)] if isinstance(keys, list) else []


def _fits(key: Mapping[str, Any], algorithm: str) -> bool:
    """Return whether a key is meant for signatures of this algorithm, by its type, curve, size and own words."""
    if key.get("alg", algorithm) != algorithm or key.get("use", "sig") != "sig":
        return False
    operations = key.get("key_ops", ["verify"])
    if not isinstance(operations, list) or "verify" not in operations:
        return False
    if algorithm in CURVES:
        return key.get("kty") == "EC" and key.get("crv") == CURVES[algorithm]
    modulus = key.get("n")
    return key.get("kty") == "RSA" and isinstance(modulus, str) and len(modulus) * 3 // 4 >= _RSA_BYTES_MIN


def _made(signed: Sealed, key: dict[str, Any], algorithm: str) -> bool:
    public = {name: value for name, value in key.items() if name in {"kty", "n", "e", "crv", "x", "y"}}
    try:
        jws.deserialize_compact(signed.token, import_key(public), algorithms=[algorithm])
    except (JoseError, ValueError, TypeError):
        return False
    return True


def _decoded(segment: bytes) -> bytes:
    try:
        return base64.b64decode(segment + b"=" * (-len(segment) % 4), altchars=b"-_", validate=True)
    except ValueError:
        raise Unreadable("a part of the JWS is not base64url") from None


def _object(raw: bytes) -> dict[str, Any]:
    found = strict_json(raw)
    if not isinstance(found, dict):
        raise Unreadable("a part of the JWS is not a JSON object")
    return found
