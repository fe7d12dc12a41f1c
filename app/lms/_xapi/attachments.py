"""Attachments: raw data that comes with statements, matched to them by its SHA-2 and in no other way.

https://github.com/adlnet/xAPI-Spec/blob/master/xAPI-Data.md#2411-attachments
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.lms._xapi import Unacceptable
from app.lms._xapi.multipart import Part

SIGNATURE = "http://adlnet.gov/expapi/attachments/signature"
HASH_HEADER = "x-experience-api-hash"

Placed = tuple[str, Mapping[str, Any]]
"""(JSON Pointer, statement)."""

_DIGESTS = {56: "sha224", 64: "sha256", 96: "sha384", 128: "sha512"}


@dataclass(frozen=True, slots=True)
class Attached:
    """The raw data of an attachment; `sha2` is hexadecimal in lower case."""

    sha2: str
    content_type: str
    content: bytes


def declared(statement: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Return the attachment objects of a statement, and of its substatement, each with its place."""
    for at, holder in (("", statement), ("/object", statement["object"])):
        for place, one in enumerate(holder.get("attachments", ())):
            yield f"{at}/attachments/{place}", one


def matched(placed: Sequence[Placed], sent: Iterable[Part]) -> dict[str, Attached]:
    """Return the raw data by SHA-2. Every part is of an attachment, and every attachment without address has its part.

    https://github.com/adlnet/xAPI-Spec/blob/master/xAPI-Communication.md#requirements-for-attachment-statement-batches
    """
    wanted: dict[str, Mapping[str, Any]] = {}
    for _, statement in placed:
        for _, one in declared(statement):
            wanted.setdefault(one["sha2"].lower(), one)
    found: dict[str, Attached] = {}
    for number, part in enumerate(sent, start=2):
        data = _attached(part, wanted, f"part {number} of the body")
        found[data.sha2] = data
    for where, statement in placed:
        for at, one in declared(statement):
            if "fileUrl" not in one and one["sha2"].lower() not in found:
                raise Unacceptable("has neither a fileUrl nor a part of the body with its data", f"{where}{at}")
    return found


def _attached(part: Part, wanted: Mapping[str, Mapping[str, Any]], where: str) -> Attached:
    sha2 = part.headers.get(HASH_HEADER, "").lower()
    if sha2 not in wanted:
        raise Unacceptable(f"{where} has no X-Experience-API-Hash with the sha2 of an attachment of these statements")
    if part.headers.get("content-transfer-encoding", "").lower() != "binary":
        raise Unacceptable(f"{where} needs the header Content-Transfer-Encoding: binary")
    if hashlib.new(_DIGESTS[len(sha2)], part.content, usedforsecurity=False).hexdigest() != sha2:
        raise Unacceptable(f"{where} holds other data than its X-Experience-API-Hash says")
    told = wanted[sha2]["contentType"]
    if part.headers.get("content-type", told) != told:
        raise Unacceptable(f"{where} has another Content-Type than its attachment")
    return Attached(sha2, told, part.content)
