"""A delivery is a repeat of another only if the same would be read from both, whenever they are read."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from tests.api.test_webhooks import basic, connect
from tests.engines import Organisation

OPEN = {"authentication": {"scheme": "static_header", "header": "x-api-key"}}
FIELD_MAP = {
    "kind": {"path": '_headers."x-event"'},
    "learner": [{"kind": "account", "path": "who"}],
    "activity": "course",
    "time": "at",
    "event_id": '_headers."x-attempt-id"',
}
SENDING: Mapping[str, str] = {
    "date": "Sat, 28 Nov 2026 10:00:0{}",
    "user-agent": "sender/{}",
    "x-request-id": "7b0c-{}",
    "traceparent": "00-{}",
    "x-webhook-timestamp": "179586000{}",
    "x-webhook-signature": "abc{}",
    "x-retry-count": "{}",
    "x-forwarded-for": "10.0.0.{}",
}
"""What another try of the same message changes."""

CLOUD_EVENT = {"ce-specversion": "1.0", "ce-source": "/lms", "ce-time": "2026-05-05T10:00:00Z"}
ENTRY = {"enrollmentId": 9, "courseId": 7, "dateCompleted": "2026-04-02T13:04:28Z", "user": {"userId": 4}}
CASES: Mapping[str, tuple[dict[str, Any], Any, Sequence[dict[str, str]]]] = {
    "cloudevents": (
        {},
        {"userId": "p1", "courseId": "pc"},
        (
            {**CLOUD_EVENT, "ce-id": "1", "ce-type": "x.course.enrolled"},
            {**CLOUD_EVENT, "ce-id": "2", "ce-type": "x.course.completed"},
        ),
    ),
    "learnupon": (
        {},
        {"data": [{**ENTRY, "moduleId": 5, "enrollmentStatus": "passed"}]},
        (
            {"x-webhook-id": "w1", "x-webhook-type": "module_complete"},
            {"x-webhook-id": "w2", "x-webhook-type": "course_completion"},
        ),
    ),
    "mapped": (
        {"mapping": FIELD_MAP},
        {"who": "ana", "course": "fire", "at": "2026-05-05T10:00:00Z"},
        ({"x-event": "enrolled", "x-attempt-id": "1"}, {"x-event": "enrolled", "x-attempt-id": "2"}),
    ),
}


@pytest.mark.parametrize("adapter", CASES)
async def test_what_only_headers_tell_apart_is_kept_apart_while_a_source_is_paused(
    acme: Organisation, adapter: str
) -> None:
    more, body, told = CASES[adapter]
    source = (await connect(acme, "lms", adapter, **OPEN, **more)).json()
    await acme.client.post(f"/v1/sources/{source['id']}/pause")
    kept: list[list[str]] = [[], []]
    for attempt in range(2):
        for number, headers in enumerate(told):
            sending = {name: value.format(attempt) for name, value in SENDING.items()}
            sent = {**sending, **headers, "content-type": "application/json", "x-api-key": source["secret"]}
            answer = await acme.client.post(source["webhook_path"], json=body, headers=sent)
            assert answer.json()["status"] == "quarantined", answer.text
            kept[number].append(answer.json()["delivery"])
    assert [len(set(each)) for each in kept] == [1, 1], "another try of one message is no other message"
    assert kept[0] != kept[1]

    await acme.client.post(f"/v1/sources/{source['id']}/resume")
    wanted = {"source_id": source["id"], "status": ["quarantined"]}
    replayed = (await acme.client.post("/v1/deliveries/replay", json=wanted)).json()["items"]

    assert [(each["status"], each["recorded"], each["repeats"]) for each in replayed] == [("applied", 1, 1)] * 2


async def test_a_form_that_was_mislabelled_does_not_hide_the_one_with_the_right_label(acme: Organisation) -> None:
    source = (await connect(acme, "lms", "docebo")).json()
    answers = [
        await acme.client.post(
            source["webhook_path"],
            content=b"event=heartbeat",
            headers={**basic(source["secret"]), "content-type": kind},
        )
        for kind in ("application/x-www-form-urlencoded", "text/plain", "text/plain")
    ]

    assert len({answer.json()["delivery"] for answer in answers}) == 2


async def test_statements_without_id_and_time_are_two_however_alike_they_are(acme: Organisation) -> None:
    source = (await connect(acme, "lrs", "xapi")).json()
    statement = {
        "actor": {"mbox": "mailto:ana@example.org"},
        "verb": {"id": "http://adlnet.gov/expapi/verbs/completed"},
        "object": {"id": "https://example.org/course"},
    }
    timed = {**statement, "timestamp": "2026-05-05T10:00:00Z"}
    await acme.client.post(f"/v1/sources/{source['id']}/pause")
    headers = {**basic(source["secret"]), "x-experience-api-version": "1.0.3", "content-type": "application/json"}
    path = source["webhook_path"].replace("/webhooks/", "/xapi/")
    for one in (statement, statement, timed, timed):
        stored = await acme.client.post(f"{path}/statements", content=json.dumps(one), headers=headers)
        assert stored.status_code == 200, stored.text

    deliveries = (await acme.client.get("/v1/deliveries?sort=received_at")).json()["items"]

    assert [each["repeats"] for each in deliveries] == [0, 0, 1], "with a time they say the same, and are one"
