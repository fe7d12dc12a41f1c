"""Bodies that are a compact JWS (Canvas Live Events with "Sign Payload").

https://www.rfc-editor.org/rfc/rfc7515. Only RS256, only keys of the set at hand, chosen by `kid`; addresses of keys in
the header (`jku`, `x5u`) are never followed and `crit` extensions never accepted.
"""

from __future__ import annotations

import base64
from datetime import timedelta
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from app.lms import Delivery, Refused, SourceSetup, UnknownKey, Unreadable
from app.lms._body import content, strict_json

ALGORITHMS = ("RS256",)
_LEEWAY = timedelta(seconds=300)
_SEGMENTS = 3


def verify(delivery: Delivery, setup: SourceSetup) -> None:
    """Check the JWS body against `setup.options["jwks"]`; `UnknownKey` when its key is not there, else `Refused`."""
    try:
        token = content(delivery).strip()
        header, claims = _part(token, 0), _part(token, 1)
    except Unreadable as error:
        raise Refused(str(error)) from None
    key_id = header.get("kid")
    if header.get("alg") not in ALGORITHMS or not isinstance(key_id, str) or "crit" in header:
        raise Refused("the body must be signed with RS256 and name its key in kid")
    keys = setup.options.get("jwks")
    known = [key for key in keys.get("keys", []) if isinstance(key, dict)] if isinstance(keys, dict) else []
    mine = [key for key in known if key.get("kid") == key_id and key.get("kty") == "RSA"]
    if not mine:
        raise UnknownKey(key_id[:200])
    try:
        jws.deserialize_compact(token, KeySet.import_key_set({"keys": mine}), algorithms=list(ALGORITHMS))
    except (JoseError, ValueError, TypeError):
        raise Refused("the signature of the body does not match") from None
    _check_claims(claims, delivery, setup)


def claims_of(delivery: Delivery) -> dict[str, Any] | None:
    """Return the payload of a JWS body, unverified, or None when the body is no JWS; `Unreadable` when it is broken."""
    token = content(delivery).strip()
    return _part(token, 1) if token[:2] == b"ey" else None


def _part(token: bytes, index: int) -> dict[str, Any]:
    segments = token.split(b".")
    if len(segments) != _SEGMENTS:
        raise Unreadable("the body is not a compact JWS of three parts")
    segment = segments[index]
    try:
        raw = base64.b64decode(segment + b"=" * (-len(segment) % 4), altchars=b"-_", validate=True)
    except ValueError:
        raise Unreadable("a part of the JWS is not base64url") from None
    found = strict_json(raw)
    if not isinstance(found, dict):
        raise Unreadable("a part of the JWS is not a JSON object")
    return found


def _check_claims(claims: dict[str, Any], delivery: Delivery, setup: SourceSetup) -> None:
    expires = claims.get("exp")
    if isinstance(expires, int | float) and delivery.received_at.timestamp() > expires + _LEEWAY.total_seconds():
        raise Refused("the signed body has expired; compare both clocks")
    audience = setup.authentication.get("audience")
    told = claims.get("aud")
    if audience and audience not in (told if isinstance(told, list) else [told]):
        raise Refused("the signed body is meant for another audience")
