"""Bodies that are a compact JWS (Canvas Live Events with "Sign Payload"): only RS256, and its key always named."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from app.lms import Delivery, Refused, SourceSetup, Unreadable, _jose
from app.lms._body import content, strict_json

ALGORITHMS = ("RS256",)
_LEEWAY = timedelta(seconds=300)


def verify(delivery: Delivery, setup: SourceSetup) -> None:
    """Check the JWS body against `setup.options["jwks"]`; `UnknownKey` when its key is not there, else `Refused`."""
    try:
        signed = _jose.sealed(content(delivery).strip())
    except Unreadable as error:
        raise Refused(f"the body is not signed as it must be: {error}") from None
    if signed.header.get("alg") not in ALGORITHMS or signed.key_id is None:
        raise Refused("the body must be signed with RS256 and name its key in kid")
    _jose.check(signed, setup.options.get("jwks"), ALGORITHMS)
    _check_claims(_claims(signed.payload), delivery, setup)


def _claims(payload: bytes) -> Mapping[str, Any]:
    """Return the members of a JSON object; none where the payload is anything else, as it may be."""
    try:
        found = strict_json(payload)
    except Unreadable:
        return {}
    return found if isinstance(found, dict) else {}


def _check_claims(claims: Mapping[str, Any], delivery: Delivery, setup: SourceSetup) -> None:
    expires = claims.get("exp")
    if isinstance(expires, int | float) and delivery.received_at.timestamp() > expires + _LEEWAY.total_seconds():
        raise Refused("the signed body has expired; compare both clocks")
    audience = setup.authentication.get("audience")
    told = claims.get("aud")
    if audience and audience not in (told if isinstance(told, list) else [told]):
        raise Refused("the signed body is meant for another audience")
