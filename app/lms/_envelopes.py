"""Payloads of user-defined types inside a standard envelope: CloudEvents and Standard Webhooks.

The envelope becomes one document `{type, source, id, time, subject, data}`, which the source's field map reads; without
one, `CONVENTION` reads the names that such payloads usually have.
"""

from __future__ import annotations

from typing import Any

from app.lms import TransportFault, TransportFaultCode

# The kind is told by what the type ends in, so both `course.completed` and `com.example.course.completed.v1` are read.
KIND_WORDS = {
    "enrolled": "enrolled",
    "assigned": "enrolled",
    "registered": "enrolled",
    "started": "started",
    "progressed": "progressed",
    "completed": "completed",
    "passed": "passed",
    "failed": "failed",
    "withdrawn": "withdrawn",
    "unenrolled": "withdrawn",
    "expired": "expired",
    "certified": "certified",
    "awarded": "earned",
    "earned": "earned",
    "rated": "rated",
    "answered": "answered",
}

CONVENTION: dict[str, Any] = {
    "kind": {"path": "verb", "values": KIND_WORDS},
    "learner": [
        {
            "kind": "account",
            "path": "data.user_id || data.userId || data.learner_id || data.learnerId || data.student_id "
            "|| data.person_id || data.user.id || data.learner.id || data.student.id",
        },
        {"kind": "email", "path": "data.email || data.user_email || data.user.email || data.learner.email"},
        {"kind": "username", "path": "data.username || data.user.username || data.learner.username"},
    ],
    "activity": {
        "path": "data.course_id || data.courseId || data.activity_id || data.activityId || data.course.id "
        "|| data.activity.id || data.lesson.id || data.lesson_id",
        "title": "data.course_name || data.courseName || data.course.title || data.course.name || data.activity.title",
    },
    "time": "data.completed_at || data.completedAt || data.occurred_at || data.occurredAt || time",
    "score": {"path": "data.score || data.percentage", "scale": "auto"},
    "passed": "data.passed",
    "event_id": "key",
}


def expect_one_id(header: str, told: str, body_id: Any) -> None:
    """Refuse a message whose header and body tell two ids of one kind: both begin alike, `msg_`, and they differ.

    Whop repeats webhook-id as the `id` of the body. Any other `id` there is that of an object or an event, and may be
    anything. Raises TransportFault.
    """
    kind, mark, _ = told.partition("_")
    if mark and isinstance(body_id, str) and body_id != told and body_id.startswith(kind + mark):
        reason = f"the header {header} says {told[:100]!r} and the id of the body {body_id[:100]!r}"
        raise TransportFault(TransportFaultCode.CONTRADICTORY_HEADERS, reason)


def verb_of(kind: Any) -> str | None:
    """Return the last word of an event type that is no version: `completed` of `com.example.course.completed.v1`."""
    if not isinstance(kind, str):
        return None
    words = [word for word in kind.replace("/", ".").replace("_", ".").lower().split(".") if word]
    while words and words[-1].removeprefix("v").isdigit():
        words.pop()
    return words[-1] if words else None
