"""Senders that number the enrolments of a learner: takings under two numbers are two attempts, however close."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.api.test_webhooks import connect
from tests.engines import Organisation

Body = dict[str, Any]
CMI5 = {"id": "https://w3id.org/xapi/cmi5/context/categories/cmi5"}
FIELD_MAP = {
    "kind": {"path": "kind"},
    "learner": [{"kind": "account", "path": "who"}],
    "activity": "course",
    "time": "at",
    "attempt": "taking",
}


def cornerstone(number: int, at: str) -> Body:
    data = {
        "eventId": f"event-{number}-{at}",
        "trainingId": "t-1",
        "targetUserId": 7,
        "targetUserRef": "seven",
        "trainingActionDateTimestamp": at,
        "trainingRegistrationNumber": number,
    }
    return {"records": [{"value": {"lmsEventsCase": "TrainingCompleted", "trainingCompleted": {"data": data}}}]}


def learnupon(number: int, at: str) -> Body:
    header = {"webhookId": int(at[:4]), "webHookType": "course_completion"}
    told = {"enrollmentId": number, "courseId": 7, "enrollmentStatus": "completed", "dateCompleted": at}
    return {"header": header, "user": {"userId": 4}, **told}


def scorm_cloud(number: int, at: str) -> Body:
    passed = "FAILED" if number == 0 else "PASSED"
    state = {"id": "reg", "instance": number, "updated": at, "completedDate": at}
    named = {"course": {"id": "fire"}, "learner": {"id": "ana"}}
    return {**state, **named, "registrationCompletion": "COMPLETED", "registrationSuccess": passed}


def statement(verb: str, number: int, at: str, *category: Body) -> Body:
    return {
        "actor": {"account": {"homePage": "https://lms.example.org", "name": f"ana-{len(category)}"}},
        "verb": {"id": f"http://adlnet.gov/expapi/verbs/{verb}"},
        "object": {"id": "https://example.org/au/1"},
        "timestamp": at,
        "context": {
            "registration": f"aa531277-b57b-4c15-8d91-d292c5b2b8f{number}",
            "contextActivities": {"category": list(category)},
        },
    }


def mapped(kind: str, number: int | None, at: str) -> Body:
    return {"kind": kind, "who": "ana", "course": "fire", "at": at, "taking": number}


DATES = ("2025-03-01T10:00:00Z", "2026-03-01T10:00:00Z")
TOLD: Mapping[str, Sequence[Body]] = {
    "cornerstone": [cornerstone(n, at) for n, at in enumerate(DATES, 1)],
    "learnupon": [learnupon(n, at) for n, at in enumerate(DATES, 1)],
    "scorm-cloud": [scorm_cloud(n, at) for n, at in enumerate(DATES)],
    "xapi": [
        statement(verb, n, at, *category)
        for category in ([CMI5], [])
        for n, at in enumerate(DATES)
        for verb in ("initialized", "completed")
    ],
    "mapped": [
        mapped("enrolled", None, "2025-01-01T00:00:00Z"),
        mapped("completed", 2, DATES[1]),
        mapped("completed", 1, DATES[0]),
        mapped("started", 1, "2026-03-02T00:00:00Z"),
        mapped("enrolled", 1, "2026-03-03T00:00:00Z"),
        mapped("rated", 3, "2026-03-04T00:00:00Z"),
    ],
}


def dates(items: Sequence[Body]) -> Iterator[tuple[int, str | None, bool | None]]:
    for each in sorted(items, key=lambda one: (one["person_id"], one["ordinal"])):
        yield each["ordinal"], (each["completed_at"] or "")[:4], each["passed"]


async def test_what_is_told_under_two_numbers_is_two_attempts(acme: Organisation) -> None:
    found = {}
    for adapter, bodies in TOLD.items():
        more = {"mapping": FIELD_MAP} if adapter == "mapped" else {}
        key = {"scheme": "static_header", "header": "x-api-key"}
        source = (await connect(acme, adapter, adapter, authentication=key, **more)).json()
        for body in reversed(bodies):
            sent = await acme.client.post(
                source["webhook_path"], json=body, headers={"x-api-key": source["secret"], "x-webhook-id": "w"}
            )
            assert (sent.json()["status"], sent.json()["recorded"]) == ("applied", 1), (adapter, sent.text)
        references = (await acme.client.get(f"/v1/activity-references?source_id={source['id']}")).json()["items"]
        [activity_id] = {each["activity_id"] for each in references}
        listed = (await acme.client.get(f"/v1/enrolments?activity_id={activity_id}")).json()["items"]
        found[adapter] = sorted(dates(listed))

    twice = [(1, "2025", None), (2, "2026", None)]
    assert found == {
        "cornerstone": twice,
        "learnupon": twice,
        "scorm-cloud": [(1, "2025", False), (2, "2026", True)],
        "xapi": [(1, "2025", None), *twice],  # the registration of a plain statement tells nothing
        "mapped": twice,
    }


async def test_a_replay_with_a_mapping_that_reads_the_number_parts_what_was_one_attempt(acme: Organisation) -> None:
    key = {"scheme": "static_header", "header": "x-api-key"}
    blind = {name: rule for name, rule in FIELD_MAP.items() if name != "attempt"}
    source = (await connect(acme, "lms", "mapped", authentication=key, mapping=blind)).json()
    for number, at in enumerate(DATES):
        body = mapped("completed", number, at)
        await acme.client.post(source["webhook_path"], json=body, headers={"x-api-key": source["secret"]})
    before = list(dates((await acme.client.get("/v1/enrolments")).json()["items"]))

    etag = (await acme.client.get(f"/v1/sources/{source['id']}")).headers["etag"]
    patched = {"mapping": FIELD_MAP}
    answer = await acme.client.patch(f"/v1/sources/{source['id']}", json=patched, headers={"If-Match": etag})
    assert answer.status_code == 200, answer.text
    wanted = {"source_id": source["id"], "status": ["applied"]}
    await acme.client.post("/v1/deliveries/replay", json=wanted)
    after = list(dates((await acme.client.get("/v1/enrolments")).json()["items"]))

    assert (before, after) == ([(1, "2025", None)], [(1, "2025", None), (2, "2026", None)])
