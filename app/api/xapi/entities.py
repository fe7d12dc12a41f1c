"""Agents, Activities and About (https://github.com/adlnet/xAPI-Spec/blob/master/xAPI-Communication.md#24-agents-resource)."""

from typing import Any

from fastapi import Response

from app import __version__
from app.api.xapi import parameters
from app.api.xapi.exchange import Exchange, shown_json
from app.domain.mentions import key_of
from app.lms._xapi import Edition, actors, grammar
from app.models.unit import Units
from app.services.xapi import activities

_SOFTWARE = "https://w3id.org/xapi/lrs/software"


async def get_agent(exchange: Exchange) -> Response:
    """Answer the Person of an agent: what was asked by, because what other sources know of somebody is not theirs.

    https://github.com/adlnet/xAPI-Spec/blob/master/xAPI-Communication.md#24-agents-resource
    """
    sent = exchange.call.parameters
    parameters.check(sent, ("agent",), ("agent",))
    agent = parameters.value(sent, "agent", parameters.agent) or {}
    known = {name: [agent[name]] for name in ("name", *actors.IDENTIFIERS) if name in agent}
    return shown_json(exchange, {"objectType": "Person", **known})


async def get_activity(exchange: Exchange) -> Response:
    """Answer an activity with all that is known of it; one never heard of, by its id alone.

    https://github.com/adlnet/xAPI-Spec/blob/master/xAPI-Communication.md#25-activities-resource
    """
    sent = exchange.call.parameters
    parameters.check(sent, ("activityId",), ("activityId",))
    activity_id = parameters.value(sent, "activityId", grammar.iri) or ""
    key = key_of("activity", activity_id)
    units: Units = exchange.request.app.state.database
    async with units.reading(exchange.connected.tenant) as session:
        known = await activities.find(session, exchange.connected.source_id, [key])
    found = {"objectType": "Activity", "id": activity_id}
    return shown_json(exchange, found | ({"definition": known[key]} if key in known else {}))


async def get_about(exchange: Exchange) -> Response:
    """Answer which versions are spoken (https://github.com/adlnet/xAPI-Spec/blob/master/xAPI-Communication.md#28-about-resource)."""
    parameters.check(exchange.call.parameters, ())
    return shown_json(exchange, about())


def about() -> dict[str, Any]:
    """Return which versions are spoken, and by what."""
    software = {"name": "Throughline", "version": __version__}
    versions = ["1.0", "1.0.0", "1.0.1", "1.0.2", *Edition]
    return {"version": versions, "extensions": {_SOFTWARE: software}}
