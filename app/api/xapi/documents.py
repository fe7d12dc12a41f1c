"""The document resources: State, Activity Profile and Agent Profile.

https://github.com/adlnet/xAPI-Spec/blob/master/xAPI-Communication.md#22-document-resources
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from fastapi import Response

from app.api.xapi import parameters
from app.api.xapi.exchange import Exchange, done, shown, shown_json
from app.domain.errors import NotFound
from app.lms import Unreadable
from app.lms._body import content, strict_json
from app.lms._xapi import Edition, Unacceptable, actors, grammar
from app.models.unit import Units
from app.services.xapi import documents
from app.services.xapi.documents import Condition, Context

_ANY_TYPE = "application/octet-stream"
_TYPE_LENGTH = 255


@dataclass(frozen=True, slots=True)
class DocumentResource:
    """One of the three: by what a document is named, and whether replacing one needs its ETag.

    `owners` are the parameters that every request needs; `registers` tells whether documents may belong to a
    registration, `clears` whether all of a context can be deleted at once. In the editions of `guarded`, no document
    is replaced without a condition; in those of `conditional`, none is put without one.
    """

    name: str
    id_name: str
    owners: tuple[str, ...]
    registers: bool = False
    clears: bool = False
    guarded: frozenset[Edition] = frozenset(Edition)
    conditional: frozenset[Edition] = frozenset({Edition.ONE})

    async def get(self, exchange: Exchange) -> Response:
        """Answer a document, or the ids of those there are."""
        sent = exchange.call.parameters
        single = self.id_name in sent
        self._check(sent, (self.id_name,) if single else ("since",))
        context, units = self._context(exchange), _units(exchange)
        if not single:
            since = parameters.value(sent, "since", grammar.timestamp)
            async with units.reading(exchange.connected.tenant) as session:
                found, changed_at = await documents.listed(session, context, since)
            return shown_json(exchange, found, changed_at=changed_at)
        async with units.reading(exchange.connected.tenant) as session:
            row = await documents.get(session, context, self._id(sent))
        if row is None:
            raise NotFound("There is no such document.")
        return shown(exchange, row.content, row.content_type, changed_at=row.updated_at)

    async def put(self, exchange: Exchange) -> Response:
        """Store a document in place of whatever is there."""
        sent = exchange.call.parameters
        self._check(sent, (self.id_name,), (self.id_name,))
        context, kind, body, condition = self._context(exchange), _kind(exchange), _body(exchange), _condition(exchange)
        _object(kind, body)
        async with _units(exchange).transaction(exchange.connected.tenant) as session:
            await documents.put(
                session,
                context,
                self._id(sent),
                condition,
                kind,
                body,
                guarded=exchange.edition in self.guarded,
                conditional=exchange.edition in self.conditional,
            )
        return done()

    async def post(self, exchange: Exchange) -> Response:
        """Store a document, or merge a JSON object into the one that is there."""
        sent = exchange.call.parameters
        self._check(sent, (self.id_name,), (self.id_name,))
        context, kind, body, condition = self._context(exchange), _kind(exchange), _body(exchange), _condition(exchange)
        told = _object(kind, body)
        async with _units(exchange).transaction(exchange.connected.tenant) as session:
            await documents.post(session, context, self._id(sent), condition, kind, body, told)
        return done()

    async def delete(self, exchange: Exchange) -> Response:
        """Delete a document, or where the resource allows it all of a context."""
        sent = exchange.call.parameters
        self._check(sent, (self.id_name,), () if self.clears else (self.id_name,))
        document_id = self._id(sent) if self.id_name in sent else None
        context, condition = self._context(exchange), _condition(exchange)
        async with _units(exchange).transaction(exchange.connected.tenant) as session:
            await documents.remove(session, context, document_id, condition)
        return done()

    def _check(self, sent: Mapping[str, str], further: tuple[str, ...], needed: tuple[str, ...] = ()) -> None:
        registration = ("registration",) if self.registers else ()
        parameters.check(sent, (*self.owners, *registration, *further), (*self.owners, *needed))

    def _context(self, exchange: Exchange) -> Context:
        sent = exchange.call.parameters
        agent = parameters.value(sent, "agent", parameters.agent)
        registration: UUID | None = parameters.value(sent, "registration", grammar.uuid)
        return Context(
            source_id=exchange.connected.source_id,
            resource=self.name,
            activity=parameters.value(sent, "activityId", grammar.iri),
            agent=None if agent is None else actors.identity(agent),
            registration=registration,
        )

    def _id(self, sent: Mapping[str, str]) -> str:
        found = parameters.value(sent, self.id_name, parameters.identifier)
        assert found is not None  # noqa: S101  it is there
        return found


# https://github.com/adlnet/xAPI-Spec/blob/master/xAPI-Communication.md#31-concurrency: state goes free in 1.0.3
STATE = DocumentResource(
    "state",
    "stateId",
    ("activityId", "agent"),
    registers=True,
    clears=True,
    guarded=frozenset({Edition.TWO}),
    conditional=frozenset(),
)
ACTIVITY_PROFILE = DocumentResource("activity_profile", "profileId", ("activityId",))
AGENT_PROFILE = DocumentResource("agent_profile", "profileId", ("agent",))


def _units(exchange: Exchange) -> Units:
    units: Units = exchange.request.app.state.database
    return units


def _kind(exchange: Exchange) -> str:
    kind = exchange.call.headers.get("content-type", _ANY_TYPE)
    return grammar.media_type(kind[: _TYPE_LENGTH + 1], "") if len(kind) <= _TYPE_LENGTH else _ANY_TYPE


def _body(exchange: Exchange) -> bytes:
    if "content-encoding" in exchange.call.headers:
        return content(exchange.delivery_as_sent())
    return exchange.call.body


def _object(kind: str, body: bytes) -> dict[str, Any] | None:
    """Return the JSON object that a document is, None for another document; what claims to be JSON must be."""
    if kind.partition(";")[0].strip().lower() != documents.JSON_TYPE:
        return None
    try:
        found = strict_json(body)
    except Unreadable as error:
        raise Unacceptable(f"the document is to be {documents.JSON_TYPE}: {error}") from None
    return found if isinstance(found, dict) else None


def _condition(exchange: Exchange) -> Condition:
    return Condition(_etags(exchange, "if-match"), _etags(exchange, "if-none-match"))


def _etags(exchange: Exchange, name: str) -> tuple[str, ...] | None:
    """Return the ETags of a header, quotes left out; those that a sender made itself may lack them."""
    sent = exchange.call.headers.get(name)
    return None if sent is None else tuple(tag.strip().strip('"') for tag in sent.split(","))
