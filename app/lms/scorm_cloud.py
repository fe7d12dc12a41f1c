"""SCORM Cloud registration postbacks: the whole registration on every roll-up, as a form field or as JSON.

Postbacks are snapshots of a state, sent again on every change and not in order, without an event id: each is known by
its registration, instance and `updated`, or a pass that follows a completion would be taken for it. Completion and
success are two axes with `UNKNOWN`: completed is `COMPLETED`, passed follows `registrationSuccess`. Scores are 0..100,
so 1 is one percent. The form's `userName` and `password` are the authentication; its `data` is JSON.
The XML of the version 1 postback is refused. A 3xx counts as delivered.
https://cloud.scorm.com/docs/v2/guides/postback/; the scale of scores:
https://github.com/RusticiSoftware/scormcloud-api-v2-client-python (models/score_schema.py)
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from app.domain.learning import Kind, LearningEvent
from app.lms import Adapter, Delivery, Parsed, SourceSetup, Unreadable
from app.lms._body import json_in_form, json_object
from app.lms._people import account, email, full_name, learner
from app.lms._times import first_of
from app.lms._values import activity, duration_seconds, identifier, mapping, number, percentage, share, text

_PASSED = {"PASSED": True, "FAILED": False}


def parse(delivery: Delivery, setup: SourceSetup) -> Parsed:
    """Return the event that the state of the registration amounts to."""
    body = json_object(delivery)
    state = json_in_form(body, "data") if isinstance(body.get("data"), str) else body
    if "registrationCompletion" not in state:
        raise Unreadable("the postback does not hold a registration; set its format to V2 JSON")
    person, course = mapping(state.get("learner")), mapping(state.get("course"))
    kind, moments = _reached(state)
    at, at_text = first_of(*moments, state.get("updated"), zone=setup.zone)
    raw = number(mapping(state.get("score")).get("scaled"))
    passed = _PASSED.get(str(state.get("registrationSuccess")).upper())
    extras = {
        "registration": text(state.get("id")),
        "instance": text(state.get("instance")),
        "xapi_registration": text(state.get("xapiRegistrationId")),
    }
    event = LearningEvent(
        kind=kind,
        identities=learner(account(person.get("id")), email(person.get("email"))),
        activity=activity(course.get("id"), title=course.get("title"), version=course.get("version")),
        occurred_at=at,
        occurred_at_text=at_text,
        event_key=_snapshot(state),
        attempt=_attempt(state),
        passed=passed,
        score_raw=raw,
        score_max=None if raw is None else Decimal(100),
        score_scaled=percentage(raw),
        progress=share(state.get("registrationCompletionAmount")),
        duration_seconds=duration_seconds(number(state.get("totalSecondsTracked"))),
        person_name=full_name(person.get("firstName"), person.get("lastName")),
        extras={name: value for name, value in extras.items() if value},
    )
    return Parsed((event,))


def _reached(state: Mapping[str, Any]) -> tuple[Kind, tuple[Any, ...]]:
    """Return how far the registration has come, and the moments that may tell when, the best first."""
    success = str(state.get("registrationSuccess")).upper()
    if str(state.get("registrationCompletion")).upper() == "COMPLETED":
        return Kind.COMPLETED, (state.get("completedDate"),)
    if success in _PASSED:
        return (Kind.PASSED if _PASSED[success] else Kind.FAILED), (state.get("lastAccessDate"),)
    if number(state.get("registrationCompletionAmount")):
        return Kind.PROGRESSED, (state.get("lastAccessDate"),)
    if text(state.get("firstAccessDate")):
        return Kind.STARTED, (state.get("firstAccessDate"),)
    return Kind.ENROLLED, (state.get("createdDate"),)


def _attempt(state: Mapping[str, Any]) -> str | None:
    """Return which taking it is: a registration that is launched anew after its end gets another instance."""
    registration = identifier(state.get("id"), "registration")
    return registration and f"{registration}|{text(state.get('instance')) or '0'}"


def _snapshot(state: Mapping[str, Any]) -> str | None:
    told = [text(state.get(name)) for name in ("id", "instance", "updated")]
    return identifier("|".join([part or "" for part in told]), "registration") if told[0] and told[2] else None


ADAPTER = Adapter(
    slug="scorm-cloud",
    title="SCORM Cloud",
    how_to_connect=(
        "1. POST /v1/sources with adapter `scorm-cloud` and the authentication below; keep the URL and the secret.\n"
        "2. Set the postback of the application, or of each registration: that URL, auth type form (or httpbasic),\n"
        "3. user name and password of the secret, result format course, legacy off.\n"
        "4. Every change of a registration is sent again: repeated states are duplicates and count once.\n"
        "5. Launch and finish a registration; GET /v1/deliveries shows the postback and its event."
    ),
    schemes=("body_field", "basic", "none"),
    authentication={"scheme": "body_field", "field": "password", "user_field": "userName"},
    example={
        "headers": {"content-type": "application/x-www-form-urlencoded; charset=UTF-8"},
        "body": "data=%7B%22id%22%3A%22reg-7f21%22%2C%22instance%22%3A0%2C%22updated%22%3A%222026-07-09T16%3A20%3A31Z"
        "%22%2C%22registrationCompletion%22%3A%22COMPLETED%22%2C%22registrationSuccess%22%3A%22PASSED%22%2C%22score%22%3A"
        "%7B%22scaled%22%3A88.0%7D%2C%22completedDate%22%3A%222026-07-09T16%3A20%3A28Z%22%2C%22course%22%3A%7B%22id%22"
        "%3A%22golf-ethics-v3%22%7D%2C%22learner%22%3A%7B%22id%22%3A%22emp-3391%22%7D%7D",
    },
    parse=parse,
)
