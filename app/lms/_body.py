"""Bodies: raw bytes to one strict JSON document or a form. Content types are hints, because senders mislabel them.

What is refused: other content encodings than gzip, more than `DECODED_BYTES_MAX` after decompression, XML, multipart,
bytes that are not UTF-8, a byte order mark, NUL, lone surrogates, NaN and infinities (written `1e999` too), nesting
deeper than 200, more than half a million values, integers of more than 4,300 digits, a key given twice, and anything
after the end of the document.
"""

from __future__ import annotations

import base64
import json
import re
import zlib
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl

from pydantic_core import from_json

from app.lms import Delivery, TransportFault, TransportFaultCode, Unreadable

DECODED_BYTES_MAX = 8 * 1024 * 1024
_FORM_FIELDS_MAX = 2_000
_DEPTH_SURE = 100  # so many brackets cannot nest too deep
_PARTS_MAX = 500_000  # a dense body would need sixty times its size in memory
_FORM_TYPE = "application/x-www-form-urlencoded"
_GZIP_WINDOW = zlib.MAX_WBITS | 16
_CHARSETS = frozenset({"", "utf-8", "utf8", "us-ascii", "ascii", "iso-8859-1", "latin1", "windows-1252"})
_NUL_ESCAPE = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_JWS = re.compile(rb"ey[\w-]+\.[\w-]+\.[\w-]*", re.ASCII)
_CHARSET = re.compile(r"charset\s*=\s*\"?([^\s;\"]+)", re.IGNORECASE)

Form = dict[str, str]


def content(delivery: Delivery) -> bytes:
    """Return the body without its content encoding; `TransportFault` when it is another, broken or too large."""
    encoding = delivery.headers.get("content-encoding")
    if encoding:
        encoding = encoding.strip().lower()
    if encoding in {"gzip", "x-gzip"}:
        return _gunzip(delivery.body)
    if encoding and encoding != "identity":
        raise TransportFault(
            TransportFaultCode.UNSUPPORTED_CONTENT_ENCODING, "the body may be sent as it is or with gzip, once"
        )
    if len(delivery.body) > DECODED_BYTES_MAX:
        raise _too_large()
    return delivery.body


def document(delivery: Delivery) -> Any:
    """Return the JSON object or array of a delivery, or its form as an object of texts."""
    found = json_or_form(delivery)
    return found if isinstance(found, dict | list) else dict(found)


def json_or_form(delivery: Delivery) -> dict[str, Any] | list[Any]:
    """Return what the body holds: JSON is known by its first byte, whatever the content type; a form by its type.

    A body without a telling content type is read as a form when it looks like `a=b`. Of a compact JWS the payload is
    read; whoever asks has checked its signature, or was told by other means who sent it.
    """
    raw = signed_payload(content(delivery))
    media_type = _media_type(delivery.headers.get("content-type", ""))
    start = raw.lstrip(b" \t\r\n")[:1]
    if not start:
        raise Unreadable("the body is empty")
    if start in {b"{", b"["}:
        return _composite(strict_json(raw))
    if start == b"<" or media_type.endswith(("/xml", "+xml")):
        raise TransportFault(TransportFaultCode.UNSUPPORTED_MEDIA_TYPE, "XML is not read; set the sender to JSON")
    if media_type.startswith("multipart/"):
        raise TransportFault(TransportFaultCode.UNSUPPORTED_MEDIA_TYPE, "multipart bodies are not read; send JSON")
    if media_type == _FORM_TYPE or ("json" not in media_type and b"=" in raw):
        return dict(form(raw))
    return _composite(strict_json(raw))


def json_object(delivery: Delivery) -> dict[str, Any]:
    """Return the body as an object; a form gives an object of texts."""
    found = json_or_form(delivery)
    if not isinstance(found, dict):
        raise Unreadable("the body is a JSON array where an object was expected")
    return found


def strict_json(raw: bytes) -> Any:
    """Return one JSON document, exactly as RFC 8259 and this module's list allow; `Unreadable` otherwise.

    The parser of pydantic refuses bad grammar, bad UTF-8, lone surrogates and depth; the standard one, on what is
    left, sees duplicate keys and numbers too large for a float, which the first lets pass. Where no surrogate can be
    and no depth, the standard one sees all, and the other is only asked what is wrong.
    """
    opened = raw.count(b"[") + raw.count(b"{")
    if opened + raw.count(b",") > _PARTS_MAX:
        raise Unreadable(f"the body has more than {_PARTS_MAX} values; send less at once")
    plain = b"\\u" not in raw and opened <= _DEPTH_SURE
    if not plain:
        _examine(raw)
    try:
        return _decoded(raw.decode())
    except ValueError as error:
        if plain:
            _examine(raw)
        raise Unreadable(f"the body is not JSON: {_place(str(error))}") from None


def _decoded(text: str) -> Any:
    """Return what a decoder would; it looks for white space with patterns, which takes longer."""
    text = text.strip(" \t\r\n")
    try:
        found, end = _SCAN(text, 0)
    except StopIteration:
        raise ValueError("a value is missing") from None
    if end != len(text):
        raise ValueError("something follows the document")
    return found


def _examine(raw: bytes) -> None:
    if b"\\u0000" in raw and _NUL_ESCAPE.search(raw):
        raise Unreadable("the body holds the character NUL (\\u0000)")
    try:
        from_json(raw, allow_inf_nan=False, cache_strings="none")
    except ValueError as error:
        raise Unreadable(f"the body is not JSON: {_place(str(error))}") from None


def form(raw: bytes) -> Form:
    """Return the fields of an urlencoded form, UTF-8, each given once."""
    try:
        pairs = parse_qsl(
            raw.decode("utf-8").strip("\r\n"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=_FORM_FIELDS_MAX,
        )
    except ValueError:
        raise Unreadable(f"the form is not UTF-8 or has more than {_FORM_FIELDS_MAX} fields") from None
    fields = dict(pairs)
    if not fields:
        raise Unreadable("the body is empty")
    if len(fields) != len(pairs):
        raise Unreadable("the form gives a field twice")
    if any("\x00" in name or "\x00" in value for name, value in pairs):
        raise Unreadable("the form holds the character NUL")
    return fields


def json_in_form(fields: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return the JSON object that stands as text in the form field `name`."""
    text = fields.get(name)
    if not isinstance(text, str):
        raise Unreadable(f"the form has no field {name!r} with JSON in it")
    found = strict_json(text.encode())
    if not isinstance(found, dict):
        raise Unreadable(f"the form field {name!r} does not hold a JSON object")
    return found


def signed_payload(raw: bytes) -> bytes:
    """Return the payload of a compact JWS (https://www.rfc-editor.org/rfc/rfc7515#section-7.1), or the bytes as given.

    Neither JSON nor a form can be taken for one: its three parts are base64url, the first that of a JSON object.
    """
    token = raw.strip()
    if not _JWS.fullmatch(token):
        return raw
    segment = token.split(b".")[1]
    try:
        return base64.urlsafe_b64decode(segment + b"=" * (-len(segment) % 4))
    except ValueError:
        raise Unreadable("the payload of the signed body is not base64url") from None


def _gunzip(body: bytes) -> bytes:
    reader = zlib.decompressobj(_GZIP_WINDOW)
    try:
        decoded = reader.decompress(body, DECODED_BYTES_MAX + 1)
    except zlib.error:
        decoded = None
    if decoded is not None and len(decoded) > DECODED_BYTES_MAX:
        raise _too_large()
    if decoded is None or not reader.eof or reader.unused_data:
        raise TransportFault(TransportFaultCode.BROKEN_CONTENT_ENCODING, "the body is not one whole gzip stream")
    return decoded


def _too_large() -> TransportFault:
    return TransportFault(
        TransportFaultCode.BODY_TOO_LARGE,
        f"the body is larger than {DECODED_BYTES_MAX // 2**20} MiB; send less at once",
    )


@lru_cache(maxsize=256)
def _media_type(label: str) -> str:
    """Return the type that a Content-Type names; a sender names the same one each time."""
    charset = _CHARSET.search(label)
    if charset and charset[1].lower() not in _CHARSETS:
        raise TransportFault(TransportFaultCode.UNSUPPORTED_MEDIA_TYPE, "the body must be UTF-8")
    return label.partition(";")[0].strip().lower()


def _composite(found: Any) -> dict[str, Any] | list[Any]:
    if isinstance(found, dict | list):
        return found
    raise Unreadable("the body is a bare JSON value; an object or an array was expected")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a key is given twice in one object")
    return members


def _float(digits: str) -> float:
    number = float(digits)
    if number - number != 0:  # an infinity minus itself is NaN
        raise ValueError("a number is too large")
    return number


def _place(message: str) -> str:
    """Return a parser's message without what it quotes of the body."""
    return re.sub(r"`.*?`", "...", message)[:120]


def _constant(name: str) -> None:
    raise ValueError(f"{name} is no value of JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_float=_float, parse_constant=_constant)
_SCAN: Callable[[str, int], tuple[Any, int]] = _DECODER.scan_once  # type: ignore[attr-defined]  # its stubs lack it
