"""Verification of deliveries, one function per scheme: raw bytes, constant time, the clock passed in.

Every function raises `Refused`. All valid secrets are tried without an early exit, so that the time taken says nothing.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from app.lms import Delivery, Refused, SourceSetup, Unreadable
from app.lms._body import content, json_object, strict_json

TOLERANCE_SECONDS = 300
_SIGNATURES_MAX = 16
_TIMESTAMP = re.compile(r"\d{1,12}", re.ASCII)


def nothing(_delivery: Delivery, _setup: SourceSetup) -> None:
    """Accept: the unguessable path of the source is the proof."""


def basic(delivery: Delivery, setup: SourceSetup) -> None:
    """Check HTTP Basic; each secret is `user:password` in UTF-8 (https://www.rfc-editor.org/rfc/rfc7617)."""
    kind, _, credentials = _header(delivery, "authorization").partition(" ")
    if kind.lower() != "basic":
        raise Refused("the Authorization header does not hold Basic credentials")
    try:
        sent = base64.b64decode(credentials.strip(), validate=True)
    except ValueError:
        raise Refused("the Basic credentials are not base64") from None
    _require_one(sent, (secret.encode() for secret in _secrets(setup)), "the user or the password is wrong")


def static_header(delivery: Delivery, setup: SourceSetup) -> None:
    """Check the header that holds the prefix and the secret, nothing else."""
    name, prefix = str(setup.authentication["header"]), str(setup.authentication.get("prefix") or "")
    expected = (f"{prefix}{secret}".encode() for secret in _secrets(setup))
    _require_one(_raw(_header(delivery, name)), expected, f"the header {name} does not hold the secret")


def body_field(delivery: Delivery, setup: SourceSetup) -> None:
    """Check the field of the JSON object or form with the secret; with `user_field` it is `user:password`."""
    field, user_field = str(setup.authentication["field"]), setup.authentication.get("user_field")
    try:
        fields = json_object(delivery)
    except Unreadable as error:
        raise Refused(f"the field with the secret cannot be read: {error}") from None
    names = [str(user_field), field] if user_field else [field]
    parts = [fields.get(name) for name in names]
    if not all(isinstance(part, str) for part in parts):
        raise Refused(f"the body does not have the text field {' and '.join(names)}")
    sent = ":".join(map(str, parts)).encode()
    _require_one(sent, (secret.encode() for secret in _secrets(setup)), "the secret in the body is wrong")


def hmac_sha256(delivery: Delivery, setup: SourceSetup) -> None:
    """Check HMAC-SHA256 over the raw body in hex or base64, with an optional prefix (https://www.rfc-editor.org/rfc/rfc2104).

    With `timestamp_header` it is over `timestamp.body`, and the timestamp must be recent
    (https://developers.coassemble.com/webhooks).
    """
    signed, name = delivery.body, setup.authentication.get("timestamp_header")
    if name:
        timestamp = _header(delivery, str(name))
        if not _TIMESTAMP.fullmatch(timestamp):
            raise Refused(f"the header {name} does not hold seconds since 1970")
        _require_recent(delivery, int(timestamp), setup)
        signed = b".".join((timestamp.encode(), signed))
    digests = [hmac.digest(secret.encode(), signed, "sha256") for secret in _secrets(setup)]
    _require_digest(delivery, setup, digests)


def concatenation_hash(delivery: Delivery, setup: SourceSetup) -> None:
    """Check SHA-256 over the raw body followed by the secret; not an HMAC (iSpring Learn)."""
    digests = [hashlib.sha256(delivery.body + secret.encode()).digest() for secret in _secrets(setup)]
    _require_digest(delivery, setup, digests)


def standard_webhooks(delivery: Delivery, setup: SourceSetup) -> None:
    """Check Standard Webhooks: HMAC-SHA256 or Ed25519 over `id.timestamp.body`, any one of several signatures.

    https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md#verifying-webhook-authenticity
    """
    prefix = str(setup.authentication.get("header_prefix") or "webhook")
    message_id = _header(delivery, f"{prefix}-id")
    timestamp = _header(delivery, f"{prefix}-timestamp")
    signatures = _header(delivery, f"{prefix}-signature").split(" ")
    if not message_id or not _TIMESTAMP.fullmatch(timestamp) or len(signatures) > _SIGNATURES_MAX:
        raise Refused("the id, the timestamp or the list of signatures is malformed")
    _require_recent(delivery, int(timestamp), setup)
    signed = b".".join((_raw(message_id), timestamp.encode(), delivery.body))
    found = False
    for secret in _secrets(setup):
        if secret.startswith("whpk_"):
            found |= _signed_by(secret, signed, signatures)
        else:
            expected = "v1," + base64.b64encode(hmac.digest(_key(secret, setup), signed, "sha256")).decode()
            found |= _one_matches(expected.encode(), map(_raw, signatures))
    if not found:
        raise Refused("no signature of the body matches")


def embedded_md5(delivery: Delivery, setup: SourceSetup) -> None:
    """Check MD5 over the JSON text without its signature, a colon and the secret (LearnUpon v1).

    Tried over the text as sent with the element cut out, and over the same document serialised compactly.
    """
    if setup.authentication.get("accept_md5") is not True:
        raise Refused("MD5 signatures are switched off; set accept_md5 to true if the sender has nothing better")
    outer, inner = (
        str(setup.authentication.get("object") or "header"),
        str(setup.authentication.get("field") or "signature"),
    )
    try:
        raw = content(delivery)
        found = strict_json(raw)
    except Unreadable as error:
        raise Refused(f"the field with the signature cannot be read: {error}") from None
    holder = found.get(outer) if isinstance(found, dict) else None
    sent = holder.get(inner) if isinstance(holder, dict) else None
    if not isinstance(holder, dict) or not isinstance(sent, str):
        raise Refused(f"the body has no text {outer}.{inner}")
    element = rb'"' + re.escape(inner.encode()) + rb'"\s*:\s*"' + re.escape(sent.encode()) + rb'"'
    cut = re.sub(rb"\s*,\s*" + element + rb"|" + element + rb"\s*,?\s*", b"", raw, count=1)
    del holder[inner]
    compact = json.dumps(found, separators=(",", ":"), ensure_ascii=False).encode()
    expected = (
        hashlib.md5(text + b":" + secret.encode(), usedforsecurity=False).hexdigest().encode()
        for secret in _secrets(setup)
        for text in (cut, compact)
    )
    _require_one(sent.lower().encode(), expected, "the signature in the body does not match")


def oauth2_bearer(_delivery: Delivery, setup: SourceSetup) -> None:
    """Check that the door found a bearer token of our own token endpoint valid (RFC 6750)."""
    if setup.options.get("bearer_verified") is not True:
        raise Refused("the bearer token is missing, wrong or expired; ask /v1/oauth/token for a new one")


def query_token(delivery: Delivery, setup: SourceSetup) -> None:
    """Check the query parameter that holds the secret, for senders that can send no header (CloudEvents webhook 3.2).

    https://github.com/cloudevents/spec/blob/main/cloudevents/http-webhook.md#32-uri-query-parameter
    """
    name = str(setup.authentication.get("parameter") or "access_token")
    expected = (secret.encode() for secret in _secrets(setup))
    sent = delivery.query.get(name, "").encode("utf-8", "replace")
    _require_one(sent, expected, f"the query parameter {name} does not hold the secret")


def _require_digest(delivery: Delivery, setup: SourceSetup, digests: Iterable[bytes]) -> None:
    options: Mapping[str, Any] = setup.authentication
    name, prefix = str(options["header"]), str(options.get("prefix") or "")
    sent = _header(delivery, name)
    if not sent.startswith(prefix):
        raise Refused(f"the header {name} does not start with {prefix!r}")
    sent = sent[len(prefix) :]
    if options.get("encoding") == "base64":
        expected = [base64.b64encode(digest) for digest in digests]
    else:
        sent, expected = sent.lower(), [digest.hex().encode() for digest in digests]
    _require_one(_raw(sent), expected, f"the signature in {name} does not match the body")


def _require_recent(delivery: Delivery, timestamp: int, setup: SourceSetup) -> None:
    tolerance = timedelta(seconds=int(setup.authentication.get("tolerance_seconds") or TOLERANCE_SECONDS))
    age = timedelta(seconds=delivery.received_at.timestamp() - timestamp)
    if abs(age) > tolerance:
        side = "behind" if age > timedelta(0) else "ahead of"
        raise Refused(
            f"the signature's timestamp lies {abs(age).total_seconds():.0f} seconds {side} the clock of this service, "
            f"and {tolerance.total_seconds():.0f} are allowed; compare both clocks"
        )


def _signed_by(public_key: str, signed: bytes, signatures: Iterable[str]) -> bool:
    try:
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key.removeprefix("whpk_"), validate=True))
    except ValueError:
        raise Refused("the public key of the source is not 32 bytes in base64; correct the source's secret") from None
    return any(
        _verified(key, signature.removeprefix("v1a,"), signed)
        for signature in signatures
        if signature.startswith("v1a,")
    )


def _verified(key: Ed25519PublicKey, signature: str, signed: bytes) -> bool:
    try:
        key.verify(base64.b64decode(signature, validate=True), signed)
    except (InvalidSignature, ValueError):
        return False
    return True


def _key(secret: str, setup: SourceSetup) -> bytes:
    form = setup.authentication.get("key") or "auto"
    if form == "raw" or (form == "auto" and not secret.startswith("whsec_")):
        return secret.encode()
    try:
        text = secret.removeprefix("whsec_")
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except ValueError:
        raise Refused("the key of the source is not base64; correct the source's secret") from None


def _require_one(sent: bytes, expected: Iterable[bytes], otherwise: str) -> None:
    if not _one_matches(sent, expected):
        raise Refused(otherwise)


def _one_matches(one: bytes, others: Iterable[bytes]) -> bool:
    found = False
    for other in others:
        found |= hmac.compare_digest(one, other)
    return found


def _secrets(setup: SourceSetup) -> tuple[str, ...]:
    known = setup.secrets if all(setup.secrets) else tuple(filter(None, setup.secrets))
    if not known:
        raise Refused("the source has no secret; rotate it to make one")
    return known


def _header(delivery: Delivery, name: str) -> str:
    value = delivery.headers.get(name.lower())
    if value is None:
        raise Refused(f"the header {name} is missing")
    return value


def _raw(value: str) -> bytes:
    """Return the bytes of a header's value, which servers decode as latin-1."""
    try:
        return value.encode("latin-1")
    except UnicodeEncodeError:
        return value.encode("utf-8", "replace")
