"""What a request says twice: one id must be the same both times; ids of different things may differ."""

import json
from datetime import UTC, datetime

import pytest

from app.lms import Delivery, SourceSetup, TransportFault, TransportFaultCode, adapters

WHOP = {
    "kind": "completed",
    "learner": "data.user_id",
    "activity": "data.course_id",
    "event_id": '_headers."webhook-id"',
}
CE = {"specversion": "1.0", "type": "course.completed", "source": "/a"}
STRUCTURED = {"content-type": "application/cloudevents+json"}
BATCH = {"content-type": "application/cloudevents-batch+json; charset=utf-8"}
FACTS = {"data": {"user_id": "u", "course_id": "c"}}
V1 = {"header": {"webhookId": 7, "webHookType": "course_completion"}, "user": {"userId": 1}, "courseId": 2}
CLOSED = {"attemptId": "a", "userId": "u", "courseId": "c", "closedAt": "2026-03-18T08:05:05.980Z"}

REFUSED = {
    "cloudevents, two modes": (
        "cloudevents",
        STRUCTURED | {"ce-specversion": "1.0", "ce-id": "1"},
        {**CE, "id": "1"},
        "",
    ),
    "cloudevents, a batch": ("cloudevents", BATCH | {"ce-specversion": "1.0"}, [{**CE, "id": "2"}], ""),
    "cloudevents, another id": ("cloudevents", STRUCTURED | {"ce-id": "one"}, {**CE, "id": "two"}, "'one'"),
    "cloudevents, one id for many": (
        "cloudevents",
        BATCH | {"ce-id": "one"},
        [{**CE, "id": each} for each in ("one", "two")],
        "'one'",
    ),
    "a message": (
        "standard-webhooks",
        {"webhook-id": "msg_1"},
        {"type": "course.completed", "id": "msg_2", **FACTS},
        "'msg_1'",
    ),
    "a message, mapped": ("mapped", {"webhook-id": "msg_1"}, {"id": "msg_2", **FACTS}, "'msg_2'"),
}
"""Adapter, headers, body; what the reason says."""

TAKEN = {
    "cloudevents, the same id": (
        "cloudevents",
        STRUCTURED | {"ce-id": "a%20b"},
        {**CE, "id": "a b", **FACTS},
        "/a|a b",
    ),
    "cloudevents, an object's id": (
        "cloudevents",
        {"content-type": "application/json", "ce-id": "1", **{f"ce-{name}": value for name, value in CE.items()}},
        {"id": "2", **FACTS["data"]},
        "/a|1",
    ),
    "a message, the same id": (
        "standard-webhooks",
        {"webhook-id": "msg_1"},
        {"type": "a.completed", "id": "msg_1", **FACTS},
        "msg_1",
    ),
    "a message, an object's id": (
        "standard-webhooks",
        {"webhook-id": "msg_1"},
        {"type": "a.completed", "id": "evt_2", **FACTS},
        "msg_1",
    ),
    "a message, mapped": ("mapped", {"webhook-id": "msg_1"}, {"id": "17", **FACTS}, "msg_1"),
    "360learning": (
        "360learning",
        {"webhook-id": "msg_1"},
        {"type": "course.attempt.closed", "data": {**CLOSED, "id": "msg_2"}},
        "msg_1",
    ),
    "learnupon 2": (
        "learnupon",
        {"x-webhook-id": "w", "x-webhook-type": "course_enrollment"},
        {"data": [{"enrollmentId": 5, "courseId": 2, "user": {"userId": 1}}]},
        "w#5",
    ),
    "learnupon 1": ("learnupon", {"x-webhook-id": "9"}, {**V1, "enrollmentStatus": "passed"}, "7"),
}
"""Adapter, headers, body; the key of the event."""


def parsed(slug, headers, body):
    adapter = adapters()[slug]
    scheme = {"scheme": "standard_webhooks"} if slug == "mapped" else adapter.authentication
    setup = SourceSetup(scheme, ("secret",), mapping=WHOP if slug == "mapped" else {})
    at = datetime(2026, 11, 23, tzinfo=UTC)
    return adapter.parse(
        Delivery({"content-type": "application/json", **headers}, json.dumps(body).encode(), at), setup
    )


@pytest.mark.parametrize("name", REFUSED)
def test_one_id_told_twice_and_differently_is_refused_with_both(name):
    slug, headers, body, says = REFUSED[name]

    with pytest.raises(TransportFault) as caught:
        parsed(slug, headers, body)

    assert caught.value.code is TransportFaultCode.CONTRADICTORY_HEADERS
    assert says in str(caught.value)


@pytest.mark.parametrize("name", TAKEN)
def test_the_same_id_twice_and_ids_of_different_things_are_taken(name):
    slug, headers, body, key = TAKEN[name]

    (event,) = parsed(slug, headers, body).events

    assert event.event_key == key


def test_an_adapter_whose_sender_tells_more_ids_than_one_says_what_they_are():
    noted = {slug for slug, adapter in adapters().items() if " id" in adapter.notes}

    assert {slug for slug, *_ in (*REFUSED.values(), *TAKEN.values())} | {"cornerstone"} <= noted
