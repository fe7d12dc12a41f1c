"""Signed statements: an attachment that is a JWS over the statement (https://github.com/adlnet/xAPI-Spec/blob/master/xAPI-Data.md#26-signed-statements).

A certificate in the signature is checked against, to catch mistakes; whom it belongs to is for readers to judge.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from app.lms import Unreadable
from app.lms._body import strict_json
from app.lms._xapi import Unacceptable, comparing
from app.lms._xapi.attachments import SIGNATURE, Attached, declared
from app.lms._xapi.completing import told_at

# The JWS has one of these algorithms (Signature Requirements, fourth item).
_ALGORITHMS: Mapping[str, hashes.HashAlgorithm] = {
    "RS256": hashes.SHA256(),
    "RS384": hashes.SHA384(),
    "RS512": hashes.SHA512(),
}
_COMPACT = re.compile(rb"\s*([\w-]+)\.([\w-]+)\.([\w-]+)\s*", re.ASCII)
_CONTENT_TYPE = "application/octet-stream"


def check(statement: Mapping[str, Any], found: Mapping[str, Attached], at: str) -> None:
    """Raise `Unacceptable` unless every signature of a checked statement is well formed and signs this statement."""
    for place, one in declared(statement):
        if one["usageType"] != SIGNATURE:
            continue
        here = f"{at}{place}"
        if one["contentType"] != _CONTENT_TYPE:
            raise Unacceptable(f"must be {_CONTENT_TYPE}, because it is a signature", f"{here}/contentType")
        data = found.get(one["sha2"].lower())
        if data is None:
            raise Unacceptable("is a signature: send it as a part of the body, so that it can be checked", here)
        _check_signature(statement, data.content, here)


def _check_signature(statement: Mapping[str, Any], signature: bytes, at: str) -> None:
    compact = _COMPACT.fullmatch(signature)
    if compact is None:
        raise Unacceptable("is no JWS in compact serialization", at)
    head = _document(_decoded(compact[1], at), "header", at)
    payload = _document(_decoded(compact[2], at), "payload", at)
    algorithm = _ALGORITHMS.get(str(head.get("alg")))
    if algorithm is None:
        raise Unacceptable(f"must be signed with one of {', '.join(_ALGORITHMS)}", at)
    if not _same(payload, statement):
        raise Unacceptable("signs another statement than the one that it is attached to", at)
    if "x5c" in head:
        signed = compact[1] + b"." + compact[2]
        _verify(head["x5c"], _decoded(compact[3], at), signed, algorithm, at)


def _same(payload: Mapping[str, Any], statement: Mapping[str, Any]) -> bool:
    """Return whether what was signed is this statement; what a store assigns may be missing in either."""
    try:
        alike = comparing.digest(payload) == comparing.digest(statement)
        times = {told_at(one) for one in (payload, statement) if "timestamp" in one}
    except (AttributeError, KeyError, TypeError, Unacceptable):  # the payload was never checked: it may be anything
        return False
    named = {str(one["id"]).lower() for one in (payload, statement) if "id" in one}
    return alike and len(times) <= 1 and len(named) <= 1


def _verify(chain: Any, signature: bytes, signed: bytes, algorithm: hashes.HashAlgorithm, at: str) -> None:
    # https://www.rfc-editor.org/rfc/rfc7515#section-4.1.6: the first certificate holds the key; base64, not base64url
    try:
        certificate = x509.load_der_x509_certificate(base64.b64decode(chain[0], validate=True))
        key = certificate.public_key()
    except (ValueError, TypeError, LookupError, UnsupportedAlgorithm):
        raise Unacceptable("names in x5c no X.509 certificate that can be read", at) from None
    if not isinstance(key, rsa.RSAPublicKey):
        raise Unacceptable("names in x5c a certificate without RSA key", at)
    try:
        key.verify(signature, signed, padding.PKCS1v15(), algorithm)
    except InvalidSignature:
        raise Unacceptable("does not fit the certificate in its x5c", at) from None


def _decoded(part: bytes, at: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(part + b"=" * (-len(part) % 4))
    except (ValueError, binascii.Error):
        raise Unacceptable("is no JWS: a part of it is not base64url", at) from None


def _document(raw: bytes, what: str, at: str) -> dict[str, Any]:
    try:
        found = strict_json(raw)
    except Unreadable as error:
        raise Unacceptable(f"has a {what} that is not JSON: {error}", at) from None
    if not isinstance(found, dict):
        raise Unacceptable(f"has a {what} that is no JSON object", at)
    return found
