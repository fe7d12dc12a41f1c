"""From the body of a request with statements to what is kept of it: read, checked and completed, all or nothing."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from app.api import readings
from app.api.xapi.exchange import Exchange
from app.domain.mentions import key_of
from app.lms import Delivery, TransportFault, TransportFaultCode, Unreadable
from app.lms import xapi as adapter
from app.lms._body import content, strict_json
from app.lms._xapi import Unacceptable, attachments, comparing, completing, grammar, multipart, signatures, statements
from app.lms._xapi.grammar import Object
from app.services.xapi.statements import Post, Told

_JSON = "application/json"
_MIXED = "multipart/mixed"


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request with statements: their ids in order, and what to keep."""

    ids: list[str]
    post: Post


def prepared(exchange: Exchange, only_id: str | None = None) -> Prepared:
    """Return what a POST, or the PUT of the statement `only_id`, asks to keep. Raises Unacceptable, TransportFault."""
    raw, parts = _parts(exchange)
    placed = _statements(_document(raw), exchange, only_id)
    found = attachments.matched(placed, parts)
    for at, one in placed:
        signatures.check(one, found, at)
    named = comparing.with_ids([one for _, one in placed], exchange.received_at, only_id)
    _check_ids(named)
    delivery = exchange.delivery(raw)
    connected = exchange.connected
    reading = readings.judged(connected, lambda: adapter.of_statements(named, connected.setup))
    given = [one["id"] for one, (_, sent) in zip(named, placed, strict=True) if "id" not in sent and only_id is None]
    kept = [completing.accepted(one, exchange.edition) for one in named]
    looked_up = [completing.found_by(one) for one in kept]
    post = Post(
        inbound=readings.inbound(connected, delivery, reading, given_ids=given),
        statements=tuple(_told(one, by, found) for one, by in zip(kept, looked_up, strict=True)),
        definitions=tuple(told for by in looked_up for told in by.definitions),
        attachments=tuple((data.sha2, data.content_type, data.content) for data in found.values()),
    )
    return Prepared([one["id"] for one in named], post)


def _parts(exchange: Exchange) -> tuple[bytes, list[multipart.Part]]:
    """Return the JSON of the statements and the parts with attachments.

    https://github.com/adlnet/xAPI-Spec/blob/master/xAPI-Communication.md#15-content-types
    """
    told = exchange.call.headers.get("content-type", "")
    media_type = told.partition(";")[0].strip().lower()
    if media_type == _JSON:
        return content(exchange.delivery_as_sent()), []
    if media_type != _MIXED:
        raise Unacceptable(f"statements come as {_JSON} or {_MIXED}: say so in the Content-Type")
    if exchange.call.headers.get("content-encoding", "identity") != "identity":
        raise TransportFault(TransportFaultCode.UNSUPPORTED_CONTENT_ENCODING, f"{_MIXED} is read only as it is")
    first, *others = multipart.parts(told, exchange.call.body)
    if first.headers.get("content-type", "").partition(";")[0].strip().lower() != _JSON:
        raise Unacceptable(f"the first part of the body must hold the statements, as {_JSON}")
    return content(Delivery({}, first.content, exchange.received_at)), others


def _document(raw: bytes) -> Any:
    try:
        return strict_json(raw)
    except Unreadable as error:
        raise Unacceptable(str(error)) from None


def _statements(document: Any, exchange: Exchange, only_id: str | None) -> list[tuple[str, Object]]:
    """Return the checked statements, each with its place."""
    if isinstance(document, list) and only_id is None:
        places = [f"/{place}" for place in range(len(document))]
        return [(at, statements.statement(one, exchange.edition, at)) for at, one in zip(places, document, strict=True)]
    found = statements.statement(document, exchange.edition)
    if only_id is not None and "id" in found and UUID(found["id"]) != UUID(only_id):
        # https://github.com/adlnet/xAPI-Spec/blob/master/xAPI-Communication.md#211-put-statements
        raise Unacceptable(f"is {found['id']}, and the parameter statementId is {only_id}", "/id")
    return [("", found)]


def _check_ids(named: Sequence[Object]) -> None:
    # https://github.com/adlnet/xAPI-Spec/blob/master/xAPI-Communication.md#212-post-statements (the last requirement)
    seen = set()
    for place, one in enumerate(named):
        known = grammar.uuid(one["id"], f"/{place}/id")
        if known in seen:
            raise Unacceptable("stands for two statements of the batch", f"/{place}/id")
        seen.add(known)


def _told(kept: Object, by: completing.Found, found: dict[str, attachments.Attached]) -> Told:
    hashes = {one["sha2"].lower() for _, one in attachments.declared(kept)}
    return Told(
        statement_id=UUID(kept["id"]),
        content_sha256=comparing.digest(kept),
        document=json.dumps(kept, ensure_ascii=False, separators=(",", ":")),
        verb_key=key_of("verb", kept["verb"]["id"]),
        keys=by.keys,
        people=tuple(by.people),
        told_at=completing.told_at(kept),
        registration=completing.registration(kept),
        refers_to=completing.refers_to(kept),
        voids=completing.voids(kept),
        hashes=frozenset(hashes),
        attachment_bytes=sum(len(found[each].content) for each in hashes if each in found),
    )
