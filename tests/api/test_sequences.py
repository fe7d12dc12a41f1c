"""What platforms send about one learner, as it comes: late, repeated, contradicted, under several names.

Every sequence gives the same enrolments forwards and backwards (lms/events.md, section 7).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.api.senders import deliveries
from tests.engines import Organisation

DAY = "2026-05-{:02}T09:00:00Z"


def scorm(updated: int, completion: str, success: str, score: float | None = None) -> dict[str, Any]:
    return {
        "id": "reg-1",
        "instance": 0,
        "updated": DAY.format(updated),
        "registrationCompletion": completion,
        "registrationSuccess": success,
        "score": None if score is None else {"scaled": score},
        "firstAccessDate": DAY.format(1),
        "completedDate": DAY.format(2) if completion == "COMPLETED" else None,
        "course": {"id": "golf"},
        "learner": {"id": "emp-1", "email": "ana@example.org"},
    }


def manager(number: int, name: str, **data: Any) -> dict[str, Any]:
    event = {"eventId": f"e-{number}", "eventName": name, "timestamp": DAY.format(number)}
    return {"accountId": 1, "events": [{**event, "data": {"userId": 7, "loId": "course:1", **data}}]}


def canvas(number: int, name: str, body: dict[str, Any], actor: str = "70000000000455") -> dict[str, Any]:
    told = {"event_name": name, "event_time": DAY.format(number), "root_account_id": "70000000000001"}
    return {"metadata": told | {"user_id": actor, "context_role": "StudentEnrollment"}, "body": body}


def enrolled_in_canvas(number: int, name: str, **told: Any) -> dict[str, Any]:
    ids = {"user_id": "70000000000455", "course_id": "70000000003311", "enrollment_id": "70000000000001"}
    times = {"created_at": DAY.format(1), "updated_at": DAY.format(number)}
    body = {"type": "StudentEnrollment", "workflow_state": "active", **ids, **times, **told}
    return canvas(number, name, body, actor="70000000000001")


def completed_in_canvas(number: int, user: str, course: str) -> dict[str, Any]:
    progress = {"completed_at": DAY.format(number)}
    user_told = {"id": user, "email": "Ana@Example.org"}
    return canvas(number, "course_completed", {"user": user_told, "course": {"id": course}, "progress": progress})


def openedx(event_id: str, name: str, number: int, **data: Any) -> dict[str, Any]:
    told = {"user": {"id": 4, "pii": {"email": "ana@example.org"}}, "course": {"course_key": "course-v1:A+B+C"}, **data}
    meta = {"id": event_id, "event_type": f"org.openedx.learning.{name}.v1", "time": DAY.format(number)}
    return {"openedx_events.learning.data.CourseEnrollmentData": told, "event_metadata": meta}


def moodle(name: str, number: int, learner: int, actor: int) -> dict[str, Any]:
    ids = {"userid": actor, "relateduserid": learner, "courseid": 31, "objectid": 5, "contextinstanceid": 6}
    return {"eventname": rf"\core\event\{name}", "timecreated": 1_778_000_000 + number, "other": {}, **ids}


def statement(verb: str, number: int, **result: Any) -> dict[str, Any]:
    return {
        "actor": {"mbox": "mailto:ana@example.org"},
        "verb": {"id": f"http://adlnet.gov/expapi/verbs/{verb}"},
        "object": {"id": "https://example.org/course"},
        "context": {"registration": "0f6b1c5e-4a6e-41f1-9d7d-0242ac140007"},
        "timestamp": DAY.format(number),
        **({"result": result} if result else {}),
    }


EARNED = "http://id.tincanapi.com/verb/earned"


def by_openedx(told: dict[str, Any]) -> dict[str, Any]:
    version = {"https://w3id.org/xapi/openedx/extension/transformer-version": "event-routing-backends@9.0.0"}
    return told | {"context": {"extensions": version}}


def taught(told: dict[str, Any]) -> dict[str, Any]:
    return told | {"metadata": told["metadata"] | {"context_role": "TeacherEnrollment"}}


@dataclass(frozen=True)
class Story:
    """Bodies in the order of their making; each attempt that they amount to, as (state, passed), and its best score."""

    adapter: str
    bodies: Sequence[Any]
    attempts: Sequence[tuple[str, bool | None]]
    headers: Sequence[Mapping[str, str]] = field(default_factory=tuple)
    scores: Sequence[str | None] | None = None


SEQUENCES = {
    "a state that is told again as it changes": Story(
        "scorm-cloud",
        [
            scorm(1, "INCOMPLETE", "UNKNOWN"),
            scorm(2, "COMPLETED", "UNKNOWN"),
            scorm(3, "COMPLETED", "FAILED", 55.0),
            scorm(4, "COMPLETED", "PASSED", 90.0),
        ],
        [("completed", True)],
    ),
    "a completion before its enrolment, progress after it": Story(
        "adobe-learning-manager",
        [
            manager(3, "COURSE_COMPLETED", dateCompleted=DAY.format(3), hasPassed=True),
            manager(9, "COURSE_ENROLLMENT_BATCH", dateEnrolled=DAY.format(1)),
            manager(4, "LEARNER_PROGRESS", progressPercent=40),
            manager(5, "LEARNER_PROGRESS", progressPercent=40),
        ],
        [("completed", True)],
    ),
    "local and global ids, a completion that fires again": Story(
        "canvas",
        [
            enrolled_in_canvas(1, "enrollment_created"),
            completed_in_canvas(5, "455", "3311"),
            completed_in_canvas(6, "70000000000455", "70000000003311"),
        ],
        [("completed", None)],
    ),
    "one enrolment told by two events with ids of their own": Story(
        "openedx",
        [
            openedx("11111111-4a6e-11f1-9d7d-0242ac140007", "course.enrollment.created", 1, is_active=True),
            openedx("22222222-4a6e-11f1-9d7d-0242ac140007", "course.enrollment.created", 1, is_active=True),
            openedx("33333333-4a6e-11f1-9d7d-0242ac140007", "course.passing.status.updated", 4, is_passing=True),
        ],
        [("completed", True)],
    ),
    "an enrolment that changes after the end, and one that comes back": Story(
        "canvas",
        [
            enrolled_in_canvas(1, "enrollment_created"),
            canvas(2, "course_grade_change", {"user_id": "455", "course_id": "3311", "current_score": None}),
            completed_in_canvas(6, "455", "3311"),
            enrolled_in_canvas(10, "enrollment_updated", limit_privileges_to_course_section=True),
            enrolled_in_canvas(12, "enrollment_updated", workflow_state="deleted"),
            enrolled_in_canvas(14, "enrollment_updated"),
            canvas(15, "course_grade_change", {"user_id": "455", "course_id": "3311", "current_score": None}),
        ],
        [("completed", None), ("enrolled", None)],
    ),
    "a mode that changes when the certificate is bought, and an old record that is taken up again": Story(
        "openedx",
        [
            openedx("1-4a6e", "course.enrollment.created", 1, is_active=True, creation_date=DAY.format(1)),
            openedx("2-4a6e", "course.passing.status.updated", 3, is_passing=True),
            openedx("3-4a6e", "course.enrollment.changed", 4, is_active=True, mode="verified"),
            openedx("4-4a6e", "certificate.created", 5, current_status="downloadable"),
            openedx("5-4a6e", "course.enrollment.created", 9, is_active=True, creation_date=DAY.format(1)),
        ],
        [("completed", True), ("enrolled", None)],
    ),
    "a mode told as a registration, and a grade told as earned": Story(
        "openedx",
        [
            by_openedx(statement("registered", 1)),
            by_openedx(statement("earned", 2, score={"scaled": 0.87}) | {"verb": {"id": EARNED}}),
            by_openedx(statement("passed", 3)),
            by_openedx(statement("registered", 4)),
        ],
        [("completed", True)],
        scores=["0.87"],
    ),
    "teachers who take part": Story(
        "canvas",
        [
            taught(canvas(1, "discussion_entry_created", {"user_id": "455", "discussion_topic_id": "3311"})),
            taught(canvas(2, "submission_created", {"user_id": "455", "assignment_id": "3311"})),
            taught(canvas(3, "submission_updated", {"user_id": "8", "assignment_id": "3311"})),
        ],
        [("in_progress", None)],
    ),
    "an administrator who acts for the learner": Story(
        "moodle",
        [
            moodle("user_enrolment_created", 1, learner=8, actor=2),
            moodle("course_viewed", 1, learner=0, actor=3),
            moodle("course_completed", 2, learner=8, actor=3),
            moodle("course_completion_updated", 3, learner=0, actor=2),
        ],
        [("completed", None)],
    ),
    "a batch that is sent again in halves, all of one registration": Story(
        "xapi",
        [
            [statement("registered", 1), statement("completed", 3)],
            [statement("registered", 1)],
            [statement("completed", 3)],
        ],
        [("completed", None)],
    ),
    "completion and success on two axes": Story(
        "xapi",
        [
            statement("completed", 2, completion=True, success=False),
            statement("failed", 2, success=False),
            statement("passed", 4, success=True),
        ],
        [("completed", True)],
    ),
    "a course taken again after a year, and an old completion told late": Story(
        "xapi",
        [statement("registered", 1), statement("completed", 2), statement("registered", 8), statement("completed", 2)],
        [("completed", None), ("enrolled", None)],
    ),
    "a completion that was none": Story(
        "learnupon",
        [
            {
                "data": [
                    {
                        "enrollmentId": 1,
                        "courseId": 2,
                        "enrollmentStatus": status,
                        "dateCompleted": DAY.format(number),
                        "user": {"userId": 1, "email": None, "username": None, "firstName": None},
                    }
                ]
            }
            for number, status in ((3, "in_progress"), (4, "failed"))
        ],
        [("failed", False)],
        [{"x-webhook-type": "course_completion", "x-webhook-id": f"w-{number}"} for number in range(2)],
    ),
    "an enrolment without a time, told twice": Story(
        "ispring",
        [{"type": "LEARNERS_ENROLLED_IN_COURSE", "payloads": [{"courseId": "c", "learnerIds": ["l"]}]}] * 2,
        [("enrolled", None)],
    ),
}


async def told(org: Organisation, sequence: Story, number: int, *, backwards: bool) -> list[tuple[Any, ...]]:
    """Post a sequence to a source of its own, each body twice; return the attempts, without what differs by chance."""
    fields = {"name": "LMS", "slug": f"lms-{number}", "adapter": sequence.adapter, "authentication": {"scheme": "none"}}
    source = (await org.client.post("/v1/sources", json=fields)).json()
    address = source["webhook_url"].removeprefix("http://127.0.0.1:8000")
    letters = list(zip(sequence.bodies, sequence.headers or [{}] * len(sequence.bodies), strict=True))
    for body, headers in [each for letter in (letters[::-1] if backwards else letters) for each in (letter, letter)]:
        sent = {"content-type": "application/json", **headers}
        answer = await org.client.post(address, content=json.dumps(body), headers=sent)
        assert (answer.status_code, answer.json()["status"] in {"applied", "ignored"}) == (200, True), answer.text
    rows = (await org.client.get("/v1/enrolments?sort=created_at")).json()["items"]
    names = ("ordinal", "state", "passed", "score_best", "completed_at", "started_at", "person_id")
    return sorted(tuple(row[name] for name in names) for row in rows)


@pytest.mark.parametrize("name", SEQUENCES)
async def test_a_sequence_gives_the_same_attempts_forwards_and_backwards(
    acme: Organisation, rival: Organisation, name: str
) -> None:
    sequence = SEQUENCES[name]

    forwards = await told(acme, sequence, 1, backwards=False)
    backwards = await told(rival, sequence, 1, backwards=True)

    assert [(row[1], row[2]) for row in forwards] == list(sequence.attempts)
    assert sequence.scores is None or [row[3] for row in forwards] == list(sequence.scores)
    assert [row[:-1] for row in backwards] == [row[:-1] for row in forwards]
    assert len({row[-1] for row in forwards}) == 1
    assert await deliveries(acme)
