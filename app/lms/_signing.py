"""Signing as senders do, for test events and demonstrations: the counterpart of `_verification`."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from app.lms import Delivery, SourceSetup
from app.lms._body import strict_json


def signed(delivery: Delivery, setup: SourceSetup, *, message_id: str = "msg_test") -> Delivery:
    """Return the delivery with what the source's scheme asks for, made with its newest secret.

    The clock is `delivery.received_at`; `message_id` is the id of Standard Webhooks. `jws` and `oauth2` are returned
    as they are, because only the sender has the private key and only the token endpoint issues tokens. ValueError when
    the scheme is unknown or has no secret here.
    """
    scheme = setup.authentication.get("scheme")
    if scheme in {"none", "jws", "oauth2"}:
        return delivery
    sign = _SIGNERS.get(str(scheme))
    if sign is None or not setup.secrets:
        raise ValueError(f"the scheme {scheme!r} is unknown or has no secret")
    if scheme == "standard_webhooks":
        prefix = str(setup.authentication.get("header_prefix") or "webhook").lower()
        stamp = {f"{prefix}-id": message_id, f"{prefix}-timestamp": str(int(delivery.received_at.timestamp()))}
        delivery = _with_headers(delivery, stamp)
    return sign(delivery, setup.authentication, setup.secrets[0])


def _basic(delivery: Delivery, _options: Mapping[str, Any], secret: str) -> Delivery:
    return _with_headers(delivery, {"authorization": f"Basic {base64.b64encode(secret.encode()).decode()}"})


def _static_header(delivery: Delivery, options: Mapping[str, Any], secret: str) -> Delivery:
    return _with_headers(delivery, {str(options["header"]).lower(): f"{options.get('prefix') or ''}{secret}"})


def _body_field(delivery: Delivery, options: Mapping[str, Any], secret: str) -> Delivery:
    user_field = options.get("user_field")
    user, _, password = secret.rpartition(":")
    added = {str(user_field): user, str(options["field"]): password} if user_field else {str(options["field"]): secret}
    if delivery.body.lstrip()[:1] != b"{":
        return replace(delivery, body=b"&".join(filter(None, (delivery.body, urlencode(added).encode()))))
    return replace(delivery, body=_compact(strict_json(delivery.body) | added))


def _hmac_sha256(delivery: Delivery, options: Mapping[str, Any], secret: str) -> Delivery:
    signed, name = delivery.body, options.get("timestamp_header")
    if name:
        timestamp = str(int(delivery.received_at.timestamp()))
        delivery, signed = _with_headers(delivery, {str(name).lower(): timestamp}), f"{timestamp}.".encode() + signed
    return _with_digest(delivery, options, hmac.digest(secret.encode(), signed, "sha256"))


def _concatenation_hash(delivery: Delivery, options: Mapping[str, Any], secret: str) -> Delivery:
    return _with_digest(delivery, options, hashlib.sha256(delivery.body + secret.encode()).digest())


def _standard_webhooks(delivery: Delivery, options: Mapping[str, Any], secret: str) -> Delivery:
    prefix = str(options.get("header_prefix") or "webhook").lower()
    raw = options.get("key") == "raw" or (options.get("key") != "base64" and not secret.startswith("whsec_"))
    text = secret.removeprefix("whsec_")
    key = secret.encode() if raw else base64.b64decode(text + "=" * (-len(text) % 4))
    stamp = f"{delivery.headers[f'{prefix}-id']}.{delivery.headers[f'{prefix}-timestamp']}."
    digest = hmac.digest(key, stamp.encode() + delivery.body, "sha256")
    return _with_headers(delivery, {f"{prefix}-signature": f"v1,{base64.b64encode(digest).decode()}"})


def _embedded_md5(delivery: Delivery, options: Mapping[str, Any], secret: str) -> Delivery:
    found = strict_json(delivery.body)
    holder = found.setdefault(str(options.get("object") or "header"), {})
    field = str(options.get("field") or "signature")
    holder.pop(field, None)
    text = _compact(found) + b":" + secret.encode()
    holder[field] = hashlib.md5(text, usedforsecurity=False).hexdigest()
    return replace(delivery, body=_compact(found))


def _query_token(delivery: Delivery, options: Mapping[str, Any], secret: str) -> Delivery:
    return replace(delivery, query={**delivery.query, str(options.get("parameter") or "access_token"): secret})


def _with_digest(delivery: Delivery, options: Mapping[str, Any], digest: bytes) -> Delivery:
    text = base64.b64encode(digest).decode() if options.get("encoding") == "base64" else digest.hex()
    return _with_headers(delivery, {str(options["header"]).lower(): f"{options.get('prefix') or ''}{text}"})


def _with_headers(delivery: Delivery, headers: Mapping[str, str]) -> Delivery:
    return replace(delivery, headers={**delivery.headers, **headers})


def _compact(found: Any) -> bytes:
    return json.dumps(found, separators=(",", ":"), ensure_ascii=False).encode()


_SIGNERS: Mapping[str, Callable[[Delivery, Mapping[str, Any], str], Delivery]] = {
    "basic": _basic,
    "static_header": _static_header,
    "body_field": _body_field,
    "hmac_sha256": _hmac_sha256,
    "concatenation_hash": _concatenation_hash,
    "standard_webhooks": _standard_webhooks,
    "embedded_md5": _embedded_md5,
    "query_token": _query_token,
}
