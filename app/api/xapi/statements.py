"""The Statement resource (https://github.com/adlnet/xAPI-Spec/blob/master/xAPI-Communication.md#21-statement-resource)."""

import asyncio
import base64
import json
import struct
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from fastapi import Response
from pydantic_core import to_json
from sqlalchemy.ext.asyncio import AsyncSession

from app.api import telemetry
from app.api.budgets import Budgets
from app.api.errors import problem
from app.api.xapi import parameters, posts
from app.api.xapi.exchange import CONSISTENT_HEADER, Exchange, done, shown, shown_json
from app.domain.errors import NotFound, Unavailable
from app.domain.mentions import key_of
from app.lms._xapi import Unacceptable, attachments, completing, formats, grammar, multipart
from app.lms._xapi.grammar import Object
from app.models.unit import Units
from app.services.xapi import activities, lookups
from app.services.xapi import attachments as stored_attachments
from app.services.xapi.lookups import CERTAIN_AFTER, EPOCH, Place, Shown, Wanted
from app.services.xapi.statements import Outcome

PAGE_MOST = 500
"""Statements in one answer; `limit` 0 asks for this many."""

_PAGE_BYTES = 8 * 1024 * 1024
_LONG_BODY = 128 * 1024
"""A longer body is checked in a thread of its own, so that others need not wait for it."""

_BY_ID = ("statementId", "voidedStatementId")
_SHOWING = ("format", "attachments")
_FILTERS = (
    *("agent", "verb", "activity", "registration", "related_activities", "related_agents"),
    *("since", "until", "limit", "ascending", "cursor"),
)
_CURSOR = struct.Struct(">Q16s")


async def post(exchange: Exchange) -> Response:
    """Store statements and answer their ids, in order.

    https://github.com/adlnet/xAPI-Spec/blob/master/xAPI-Communication.md#212-post-statements
    """
    parameters.check(exchange.call.parameters, ())
    prepared = await _prepared(exchange, None)
    outcome = await _kept(exchange, prepared)
    return _consistent(_conflict(exchange, outcome) or shown_json(exchange, prepared.ids), exchange, outcome.stored_at)


async def put(exchange: Exchange) -> Response:
    """Store the statement with the id that the address names.

    https://github.com/adlnet/xAPI-Spec/blob/master/xAPI-Communication.md#211-put-statements
    """
    sent = exchange.call.parameters
    parameters.check(sent, ("statementId",), ("statementId",))
    statement_id = parameters.value(sent, "statementId", grammar.uuid)
    outcome = await _kept(exchange, await _prepared(exchange, str(statement_id)))
    return _consistent(_conflict(exchange, outcome) or done(), exchange, outcome.stored_at)


async def get(exchange: Exchange) -> Response:
    """Answer one statement by its id, or those that meet every filter.

    https://github.com/adlnet/xAPI-Spec/blob/master/xAPI-Communication.md#213-get-statements
    """
    sent = exchange.call.parameters
    by_id = [name for name in _BY_ID if name in sent]
    parameters.check(sent, (*by_id, *_SHOWING) if by_id else (*_BY_ID, *_FILTERS, *_SHOWING))
    if len(by_id) > 1:
        raise Unacceptable("cannot be asked for together with statementId", parameter="voidedStatementId")
    parameters.value(sent, "format", lambda text, at: grammar.one_of(text, formats.FORMATS, at))
    attached = parameters.value(sent, "attachments", parameters.flag) or False
    units: Units = exchange.request.app.state.database
    if by_id:
        statement_id = parameters.value(sent, by_id[0], grammar.uuid)
        assert statement_id is not None  # noqa: S101  it is there
        return await _get_one(exchange, units, statement_id, voided=by_id == ["voidedStatementId"], attached=attached)
    wanted = _wanted(exchange, attached=attached)
    async with units.reading(exchange.connected.tenant) as session:
        through = await lookups.consistent_through(session, exchange.received_at)
        found, more = await lookups.page(session, wanted)
        listed = await _formatted(exchange, session, found)
        raw = await _attached(exchange, session, listed) if attached else []
    result = {"statements": listed, "more": _more(exchange, more)}
    changed_at = max((one.stored_at for one in found), default=None)
    return _consistent(_sent(exchange, result, raw, changed_at, attached=attached), exchange, through)


async def _get_one(exchange: Exchange, units: Units, statement_id: UUID, *, voided: bool, attached: bool) -> Response:
    source_id = exchange.connected.source_id
    async with units.reading(exchange.connected.tenant) as session:
        through = await lookups.consistent_through(session, exchange.received_at)
        found = await lookups.one(session, source_id, statement_id, voided=voided)
        listed = await _formatted(exchange, session, [found] if found else [])
        raw = await _attached(exchange, session, listed) if attached else []
    if found is None:
        raise NotFound(f"There is no {'voided ' if voided else ''}statement with this id.")
    return _consistent(_sent(exchange, listed[0], raw, found.stored_at, attached=attached), exchange, through)


async def _prepared(exchange: Exchange, only_id: str | None) -> posts.Prepared:
    if len(exchange.call.body) < _LONG_BODY:
        return posts.prepared(exchange, only_id)
    return await asyncio.to_thread(posts.prepared, exchange, only_id)


async def _kept(exchange: Exchange, prepared: posts.Prepared) -> Outcome:
    """Wait until the statements are committed, or known to contradict what is stored."""
    adapter = exchange.connected.adapter.slug
    budgets: Budgets = exchange.request.app.state.budgets
    try:
        with budgets.place(exchange.connected.source_id, len(exchange.call.body)):
            outcome: Outcome = await exchange.request.app.state.xapi.submit(exchange.connected.tenant, prepared.post)
    except Unavailable:
        telemetry.delivery_judged(adapter, "unavailable")
        raise
    verdict = outcome.receipt.status.value if outcome.receipt else "rejected"
    telemetry.delivery_judged(adapter, verdict, len(outcome.conflicts))
    return outcome


def _conflict(exchange: Exchange, outcome: Outcome) -> Response | None:
    if not outcome.conflicts:
        return None
    named = ", ".join(str(each) for each in outcome.conflicts[:3])
    detail = f"Other statements are stored under {named}. Statements never change; nothing of the request was kept."
    return problem(exchange.request, "conflict", detail)


def _consistent(response: Response, exchange: Exchange, through: datetime) -> Response:
    """Tell up to when what was stored can be read."""
    at = max(through, exchange.received_at - CERTAIN_AFTER)
    response.headers[CONSISTENT_HEADER] = completing.spelled(at)
    return response


def _wanted(exchange: Exchange, *, attached: bool) -> Wanted:
    sent = exchange.call.parameters
    agent = parameters.value(sent, "agent", parameters.agent_or_group)
    verb = parameters.value(sent, "verb", grammar.iri)
    activity = parameters.value(sent, "activity", grammar.iri)
    limit = parameters.value(sent, "limit", parameters.count) or PAGE_MOST
    related_agents = parameters.value(sent, "related_agents", parameters.flag) or False
    key = None if agent is None else completing.agent_key(agent)
    if related_agents and key == completing.agent_key(authority_of(exchange)):
        key = None  # the authority of every statement of the source
    return Wanted(
        source_id=exchange.connected.source_id,
        limit=min(limit, PAGE_MOST),
        most_bytes=_PAGE_BYTES,
        agent=key,
        activity=None if activity is None else key_of("activity", activity),
        verb=None if verb is None else key_of("verb", verb),
        registration=parameters.value(sent, "registration", grammar.uuid),
        related_agents=related_agents,
        related_activities=parameters.value(sent, "related_activities", parameters.flag) or False,
        since=parameters.value(sent, "since", grammar.timestamp),
        until=parameters.value(sent, "until", grammar.timestamp),
        ascending=parameters.value(sent, "ascending", parameters.flag) or False,
        attachments=attached,
        after=parameters.value(sent, "cursor", _place),
    )


def authority_of(exchange: Exchange) -> Object:
    """Return who vouches for the statements of a source: its account at this service.

    https://github.com/adlnet/xAPI-Spec/blob/master/xAPI-Data.md#249-authority
    """
    home = exchange.request.app.state.settings.base_url
    account = {"homePage": home, "name": f"{exchange.connected.tenant.slug}/{exchange.connected.slug}"}
    return {"objectType": "Agent", "account": account}


async def _formatted(exchange: Exchange, session: AsyncSession, found: Sequence[Shown]) -> list[Object]:
    authority = authority_of(exchange)
    listed = [completing.shown(json.loads(one.document), one.stored_at, authority) for one in found]
    wanted = exchange.call.parameters.get("format", "exact")
    if wanted == "ids":
        return [formats.ids(one) for one in listed]
    if wanted == "exact":
        return listed
    keys = {key for one in listed for key in completing.found_by(one).keys}
    definitions = await activities.find(session, exchange.connected.source_id, keys)
    languages = formats.preferred(exchange.call.headers.get("accept-language"))

    def known(activity_id: str) -> Object | None:
        return definitions.get(key_of("activity", activity_id))

    return [formats.canonical(one, known, languages) for one in listed]


async def _attached(exchange: Exchange, session: AsyncSession, listed: Sequence[Object]) -> list[multipart.Part]:
    hashes = [each["sha2"].lower() for one in listed for _, each in attachments.declared(one)]
    found = await stored_attachments.find(session, exchange.connected.source_id, hashes)
    return [
        multipart.Part(
            {"Content-Type": kind, "Content-Transfer-Encoding": "binary", "X-Experience-API-Hash": sha2}, content
        )
        for sha2, kind, content in found
    ]


def _sent(
    exchange: Exchange, value: Any, raw: Sequence[multipart.Part], changed_at: datetime | None, *, attached: bool
) -> Response:
    """Return JSON, or multipart/mixed whenever attachments are asked for, none of them there included."""
    if not attached:
        return shown_json(exchange, value, changed_at=changed_at)
    media_type, body = multipart.compose(to_json(value), raw)
    return shown(exchange, body, media_type, changed_at=changed_at)


def _more(exchange: Exchange, more: Place | None) -> str:
    """Return the address of the next page, which needs no parameter besides; empty at the end.

    https://github.com/adlnet/xAPI-Spec/blob/master/xAPI-Data.md#25-retrieval-of-statements
    """
    if more is None:
        return ""
    at, row_id = more
    packed = _CURSOR.pack((at - EPOCH) // timedelta(microseconds=1), row_id.bytes)
    cursor = base64.urlsafe_b64encode(packed).decode()
    return f"{exchange.base_path}/statements?{urlencode({**exchange.call.parameters, 'cursor': cursor})}"


def _place(text: str, at: str) -> Place:
    try:
        microseconds, row_id = _CURSOR.unpack(base64.urlsafe_b64decode(text))
        return EPOCH + timedelta(microseconds=microseconds), UUID(bytes=row_id)
    except (ValueError, OverflowError, struct.error):
        raise Unacceptable("is not as a 'more' of this resource has it", at) from None
