"""Secrets in bodies, found by their field and by what the value means: there are many spellings of one text."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from urllib.parse import unquote_plus

from app.lms import Unreadable
from app.lms._body import signed_payload

REMOVED = "[removed]"
_STRING = rb'"(?:[^"\\]++|\\.)*+(?:"|\Z)'  # one that does not end is passed over at once, not from each quote in it
_MEMBER = re.compile(rb"(" + _STRING + rb")(?:(\s*+:\s*+)(" + _STRING + rb"))?+", re.DOTALL)


def without_values(body: bytes, field: str, secrets: Collection[str]) -> bytes:
    """Return a JSON document or a form in which every `field` that holds one of the secrets holds another text.

    All else stays byte for byte; but of a JWS, which nothing can be taken out of, only the payload is left.
    """

    def is_secret(name: str | None, value: str | None) -> bool:
        return name == field and value in secrets

    def without_member(found: re.Match[bytes]) -> bytes:
        name, colon, value = found.groups()
        if value is None or not is_secret(_json_text(name), _json_text(value)):
            return found[0]
        return name + colon + json.dumps(REMOVED).encode()

    def without_field(piece: bytes) -> bytes:
        name, _, value = piece.partition(b"=")
        return name + b"=" + REMOVED.encode() if is_secret(_form_text(name), _form_text(value)) else piece

    try:
        whole = signed_payload(body)
    except Unreadable:
        return body
    if whole.lstrip()[:1] in {b"{", b"["}:
        shown = _MEMBER.sub(without_member, whole)
    else:
        fields = whole.strip(b"\r\n")
        shown = whole.replace(fields, b"&".join(map(without_field, fields.split(b"&"))), 1) if fields else whole
    return body if shown == whole else shown


def _json_text(token: bytes) -> str | None:
    try:
        return str(json.loads(token, strict=False))
    except ValueError:
        return None


def _form_text(piece: bytes) -> str:
    return unquote_plus(piece.decode("utf-8", "replace"))
