"""`multipart/mixed` (RFC 2046): statements first, then the raw data of attachments.

https://github.com/adlnet/xAPI-Spec/blob/master/xAPI-Communication.md#152-multipartmixed
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256

from app.lms._xapi import Unacceptable

_PARTS_MOST = 2_000
_HEADERS_MOST = 4_096
_BOUNDARY = re.compile(r";\s*boundary=(?:\"([^\"\r\n]{1,70})\"|([^\s;\"]{1,70}))", re.IGNORECASE)
_END = b"--"
_HEADER_END = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Part:
    """One part: its header fields, names in lower case, and its bytes."""

    headers: Mapping[str, str]
    content: bytes


def parts(content_type: str, body: bytes) -> list[Part]:
    """Return the parts of a body of that `Content-Type`, at least one."""
    boundary = _BOUNDARY.search(content_type)
    if boundary is None:
        raise Unacceptable("the Content-Type multipart/mixed needs a boundary of 1 to 70 characters")
    delimiter = b"\r\n--" + (boundary[1] or boundary[2]).encode("latin-1", "replace")
    pieces = (b"\r\n" + body).split(delimiter, _PARTS_MOST + 2)[1:]
    if len(pieces) > _PARTS_MOST:
        raise Unacceptable(f"the body has more than {_PARTS_MOST} parts")
    if not pieces or not pieces[-1].startswith(_END):
        raise Unacceptable("the body does not end with its boundary and two hyphens, or never shows its boundary")
    found = [_part(piece) for piece in pieces[:-1]]
    if not found:
        raise Unacceptable("the body has no part")
    return found


def compose(document: bytes, attached: Iterable[Part]) -> tuple[str, bytes]:
    """Return `Content-Type` and body of an answer: the JSON document, then attachments."""
    listed = list(attached)
    boundary = _boundary(document, listed)
    pieces = [_written({"Content-Type": "application/json"}, document)]
    pieces += [_written(part.headers, part.content) for part in listed]
    line = f"--{boundary}".encode()
    body = b"".join(line + b"\r\n" + piece + b"\r\n" for piece in pieces) + line + b"--\r\n"
    return f'multipart/mixed; boundary="{boundary}"', body


def _boundary(document: bytes, attached: Iterable[Part]) -> str:
    """Return a boundary that stands in none of the parts."""
    seed = sha256(document)
    while True:
        boundary = f"throughline-{seed.hexdigest()[:32]}"
        if not any(boundary.encode() in content for content in (document, *(part.content for part in attached))):
            return boundary
        seed.update(b"again")


def _part(piece: bytes) -> Part:
    padding, line_end, rest = piece.partition(b"\r\n")
    if padding.strip(b" \t") or not line_end:
        raise Unacceptable("a boundary is followed by something else than a new line")
    if rest.startswith(b"\r\n"):
        return Part({}, rest[2:])
    head, end, content = rest.partition(_HEADER_END)
    if not end or len(head) > _HEADERS_MOST:
        raise Unacceptable("a part has no empty line after its header fields, or too long ones")
    return Part(_fields(head), content)


def _fields(head: bytes) -> dict[str, str]:
    fields: dict[str, str] = {}
    for line in head.decode("latin-1").split("\r\n"):
        name, colon, value = line.partition(":")
        if not colon or not name.strip() or name.strip().lower() in fields:
            raise Unacceptable("a header field of a part is malformed, or given twice")
        fields[name.strip().lower()] = value.strip()
    return fields


def _written(headers: Mapping[str, str], content: bytes) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return lines.encode("latin-1", "replace") + b"\r\n" + content
