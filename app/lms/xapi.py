"""xAPI 1.0.3 and 2.0 statements, cmi5 included, as any learning record provider posts them.

One statement or an array, JSON. The learner is the actor (or every member of a group), the activity is the
object, the kind follows from the verb and the result, `timestamp` is the time, the statement's `id` the event's key.
Voiding takes back by id. Agents, statement references and sub-statements as objects are acknowledged and ignored.
https://github.com/adlnet/xAPI-Spec/blob/master/xAPI-Data.md,
https://github.com/AICC/CMI-5_Spec_Current/blob/quartz/cmi5_spec.md. Also what moodle-logstore_xapi, Open edX,
LinkedIn Learning, Udemy Business and SCORM Cloud's statement pipes send.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.domain.errors import Fault
from app.domain.learning import Kind
from app.lms import Adapter, Delivery, Parsed, SourceSetup
from app.lms._body import json_or_form
from app.lms._statements import parsed
from app.lms._xapi import Edition
from app.lms._xapi.comparing import with_ids

RESOURCE = "/v1/xapi/"
"""How the addresses of the xAPI resources begin."""

_VERBS_MAX = 500


def parse(delivery: Delivery, setup: SourceSetup) -> Parsed:
    """Return the events of the statements; `mapping.verbs` gives kinds to verbs of the source's own.

    At the statement resource, statements that came without an id have the one that it gave them.
    """
    body = json_or_form(delivery)
    if delivery.path.startswith(RESOURCE):
        statements = body if isinstance(body, list) else [body]
        return of_statements(with_ids(statements, delivery.received_at, delivery.query.get("statementId")), setup)
    return of_statements(body, setup)


def of_statements(body: Any, setup: SourceSetup) -> Parsed:
    """Return the events of a statement or of an array of them."""
    return parsed(body, zone=setup.zone, verbs=setup.mapping.get("verbs"))


def check_mapping(mapping: Mapping[str, Any]) -> list[Fault]:
    """Return what is wrong with `{"verbs": {verb id: kind or "ignore"}, "version": "1.0.3" or "2.0.0"}`."""
    unknown = [name for name in mapping if name not in {"verbs", "version"}]
    detail = "the mapping of xAPI has only 'verbs' and 'version'"
    faults = [Fault("unknown_field", detail, pointer=f"/{name}") for name in unknown]
    if mapping.get("version", Edition.ONE) not in set(Edition):
        faults.append(Fault("invalid_value", f"must be one of {', '.join(Edition)}", pointer="/version"))
    verbs = mapping.get("verbs", {})
    if not isinstance(verbs, Mapping) or len(verbs) > _VERBS_MAX:
        return [*faults, Fault("invalid_value", f"must be an object of at most {_VERBS_MAX} verbs", pointer="/verbs")]
    words = {"ignore", *Kind} - {Kind.VOIDED}
    return faults + [
        Fault("invalid_value", f"must be one of {', '.join(sorted(words))}", pointer=f"/verbs/{verb}")
        for verb, kind in verbs.items()
        if kind not in words
    ]


ADAPTER = Adapter(
    slug="xapi",
    title="xAPI and cmi5",
    how_to_connect=(
        "1. POST /v1/sources with adapter `xapi` and scheme `basic` (or `oauth2` for LinkedIn Learning and Udemy).\n"
        "2. In the LMS or authoring tool, enter /v1/xapi/{tenant}/{source}/ of this service as the LRS endpoint. It is "
        "a whole learning record store: statements with attachments and queries, state, profiles (1.0.3 and 2.0).\n"
        "3. Enter user and password of the secret as the LRS key and secret. A player in a browser: "
        "THROUGHLINE_CORS_ORIGINS must name the origin that it is served from.\n"
        "4. Who only pushes statements may use the webhook URL as its endpoint instead (they are taken at /statements "
        "below it, and at the URL itself): read leniently, kept for a replay, not to be queried. Moodle and Open edX: "
        "see their adapters.\n"
        "5. Complete a test course; the statement appears under GET /v1/deliveries?source_id=... Verbs of your own: "
        "set mapping.verbs to {verb id: kind}, then replay the deliveries."
    ),
    notes=(
        "The parameter statementId of a PUT and the id of the statement are one id: where they differ the answer "
        "is 400 and says both.\n"
        "Sent to the webhook URL, statements are acknowledged as any delivery is; a store's own answers (400, 409, "
        "the ids) are those of /v1/xapi/."
    ),
    schemes=("basic", "oauth2", "static_header", "standard_webhooks", "hmac_sha256", "query_token", "none"),
    authentication={"scheme": "basic"},
    example={
        "headers": {"content-type": "application/json", "x-experience-api-version": "1.0.3"},
        "body": {
            "id": "d1eec41f-1e93-4ed6-acbf-5c4bd0c24269",
            "actor": {"objectType": "Agent", "name": "Ola Berg", "mbox": "mailto:ola.berg@example.org"},
            "verb": {"id": "http://adlnet.gov/expapi/verbs/completed", "display": {"en-US": "completed"}},
            "object": {
                "objectType": "Activity",
                "id": "https://content.example.org/courses/fire-safety",
                "definition": {
                    "type": "http://adlnet.gov/expapi/activities/course",
                    "name": {"en-US": "Fire safety"},
                },
            },
            "result": {"completion": True, "success": True, "score": {"scaled": 0.95}, "duration": "PT38M12S"},
            "timestamp": "2026-03-04T15:30:00Z",
        },
    },
    parse=parse,
    of_statements=of_statements,
    check_mapping=check_mapping,
    reference={
        "fields": {
            "verbs": "An object of verb ids and kinds (or `ignore`), before the built-in table.",
            "version": "What the xAPI resources answer to requests that name no version: `1.0.3` (default) or `2.0.0`.",
        }
    },
)
