"""Canvas LMS Live Events: Canvas format, Caliper format, plain or as a signed body (JWS).

Canvas format: `{metadata, body}`; the learner stands in the body, `metadata.user_id` is whoever acted. Ids are local
(`455`) or global (`70000000000455` = shard x 10^13 + local) for the same thing, so both are kept. There is no event id.
An `enrollment_updated` that is active may have changed anything about it, so it tells of no new enrolment.
`course_completed` needs module requirements and fires again when its time changes; the enrolment state `completed`
means concluded and is no completion. Only student enrolments count. Grades may exceed their maximum.
https://developerdocs.instructure.com/services/canvas/data-services/live-events/overview/file.data_service_setup,
https://github.com/instructure/canvas-lms/tree/master/doc/api/data_services/json/canvas/event-types
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from app.domain.learning import ActivityName, Identity, Kind, LearningEvent
from app.lms import Adapter, Delivery, Parsed, SourceSetup, Unreadable, _caliper
from app.lms._body import json_or_form
from app.lms._people import account, email, full_name, learner, username
from app.lms._times import first_of
from app.lms._values import activity, identifier, mapping, number, scaled, text

_SHARD = 10**13
_ENROLMENT_STATES = {
    "active": Kind.ENROLLED,
    "invited": Kind.ENROLLED,
    "creation_pending": Kind.ENROLLED,
    "deleted": Kind.WITHDRAWN,
    "rejected": Kind.WITHDRAWN,
    "inactive": Kind.WITHDRAWN,
}
_LEARNERS = frozenset({"StudentEnrollment", None})

Facts = dict[str, Any]


def parse(delivery: Delivery, setup: SourceSetup) -> Parsed:
    """Return the event of a Canvas message, or the events of a Caliper envelope."""
    found = json_or_form(delivery)
    if isinstance(found, list) or _caliper.is_envelope(found):
        return _caliper.parsed(found, zone=setup.zone)
    metadata, body = found.get("metadata"), found.get("body")
    name = text(mapping(metadata).get("event_name"))
    if not isinstance(metadata, dict) or not isinstance(body, dict) or name is None:
        raise Unreadable("the message has no metadata with an event_name, or no body")
    reader = _READERS.get(name)
    if reader is None:
        return Parsed(ignored=f"the event {name[:100]!r} tells nothing about a learner's progress")
    facts = reader(body, metadata)
    if isinstance(facts, str):
        return Parsed(ignored=facts)
    times = facts.pop("times")
    at, at_text = first_of(*times, metadata.get("event_time"), zone=setup.zone)
    extras = {"event": name, **{key: value for key, value in facts.pop("extras", {}).items() if value}}
    return Parsed((LearningEvent(occurred_at=at, occurred_at_text=at_text, extras=extras, **facts),))


def _course_completed(body: Mapping[str, Any], metadata: Mapping[str, Any]) -> Facts:
    return {**_course_of(body, metadata), "kind": Kind.COMPLETED, "progress": Decimal(1)}


def _course_progress(body: Mapping[str, Any], metadata: Mapping[str, Any]) -> Facts:
    progress = mapping(body.get("progress"))
    done, needed = number(progress.get("requirement_completed_count")), number(progress.get("requirement_count"))
    return {**_course_of(body, metadata), "kind": Kind.PROGRESSED, "progress": scaled(done, None, needed)}


def _course_of(body: Mapping[str, Any], metadata: Mapping[str, Any]) -> Facts:
    user, course = mapping(body.get("user")), mapping(body.get("course"))
    return {
        "identities": learner(*_user(user.get("id"), metadata), email(user.get("email"))),
        "activity": _named(course.get("id"), metadata, title=course.get("name")),
        "times": (mapping(body.get("progress")).get("completed_at"),),
        "person_name": full_name(user.get("name")),
        "extras": {"course_sis_id": text(course.get("sis_source_id"))},
    }


def _enrolment(body: Mapping[str, Any], metadata: Mapping[str, Any]) -> Facts | str:
    state = text(body.get("workflow_state"))
    kind = _ENROLMENT_STATES.get(state or "")
    if body.get("type") != "StudentEnrollment" or kind is None:
        return f"the enrolment of a {text(body.get('type'))} in the state {state} is none that counts"
    created = metadata.get("event_name") == "enrollment_created"
    return {
        "kind": kind,
        "affirmed": kind is Kind.ENROLLED and not created,
        "identities": learner(*_user(body.get("user_id"), metadata)),
        "activity": _named(body.get("course_id"), metadata),
        "times": (body.get("created_at" if created else "updated_at"),),
        "person_name": full_name(body.get("user_name")),
        "extras": {"enrolment": identifier(body.get("enrollment_id"), "enrolment")},
    }


def _grade(body: Mapping[str, Any], metadata: Mapping[str, Any]) -> Facts:
    raw, high = number(body.get("score")), number(body.get("points_possible"))
    return {
        "kind": Kind.EXPERIENCED,
        "identities": learner(*_user(body.get("student_id") or body.get("user_id"), metadata)),
        "activity": _named(
            body.get("assignment_id"), metadata, prefix="assignment:", title=body.get("assignment_name")
        ),
        "times": (),
        "score_raw": raw,
        "score_max": high,
        "score_scaled": scaled(raw, None, high),
        "extras": {"grade": text(body.get("grade")), "course": text(metadata.get("context_id"))},
    }


def _course_grade(body: Mapping[str, Any], metadata: Mapping[str, Any]) -> Facts | str:
    if body.get("workflow_state") == "deleted":
        return "the course grade was deleted"
    raw = number(body.get("current_score"))
    if raw is None:
        return "the course grade holds no score yet"  # it is made when a student is enrolled
    return {
        "kind": Kind.EXPERIENCED,
        "identities": learner(*_user(body.get("user_id"), metadata)),
        "activity": _named(body.get("course_id"), metadata),
        "times": (body.get("updated_at"),),
        "score_raw": raw,
        "score_max": Decimal(100),
        "score_scaled": scaled(raw, None, Decimal(100)),
    }


def _submission(body: Mapping[str, Any], metadata: Mapping[str, Any]) -> Facts | str:
    if _global(text(body.get("user_id")), metadata) == text(metadata.get("user_id")) and not _is_student(metadata):
        return _no_student(metadata)
    return {
        "kind": Kind.EXPERIENCED,
        "identities": learner(*_user(body.get("user_id"), metadata)),
        "activity": _named(body.get("assignment_id"), metadata, prefix="assignment:"),
        "times": (body.get("submitted_at"), body.get("updated_at")),
        "extras": {"state": text(body.get("workflow_state")), "course": text(metadata.get("context_id"))},
    }


def _outcome_result(body: Mapping[str, Any], metadata: Mapping[str, Any]) -> Facts | str:
    """Return the facts of a mastered or missed outcome; where the body names nobody, of a student who acted."""
    raw, high = number(body.get("score")), number(body.get("possible"))
    named = _named(body.get("learning_outcome_id"), metadata, prefix="learning_outcome:", title=body.get("title"))
    facts = _by_actor(metadata, named)
    if text(body.get("user_id")) or text(body.get("user_uuid")):
        names = learner(*_user(body.get("user_id"), metadata), account(body.get("user_uuid")))
        facts = {"kind": Kind.EXPERIENCED, "identities": names, "activity": named}
    if isinstance(facts, str):
        return facts
    mastery = {"mastery": str(body["mastery"]).lower()} if isinstance(body.get("mastery"), bool) else {}
    score = {"score_raw": raw, "score_max": high, "score_scaled": scaled(raw, None, high)}
    return {**facts, **score, "times": (body.get("assessed_at"), body.get("created_at")), "extras": mastery}


def _discussion_entry(body: Mapping[str, Any], metadata: Mapping[str, Any]) -> Facts | str:
    if not _is_student(metadata):  # whoever acts is the author
        return _no_student(metadata)
    return {
        "kind": Kind.EXPERIENCED,
        "identities": learner(*_user(body.get("user_id") or metadata.get("user_id"), metadata)),
        "activity": _named(body.get("discussion_topic_id"), metadata, prefix="discussion_topic:"),
        "times": (body.get("created_at"),),
        "extras": {"course": text(metadata.get("context_id"))},
    }


def _quiz_submitted(body: Mapping[str, Any], metadata: Mapping[str, Any]) -> Facts | str:
    return _by_actor(metadata, _named(body.get("quiz_id"), metadata, prefix="quiz:"))


def _asset_accessed(body: Mapping[str, Any], metadata: Mapping[str, Any]) -> Facts | str:
    kind = text(body.get("asset_type"))
    if kind in {None, "user", "account", "enrollment", "group"}:
        return f"the asset is no activity ({kind})"
    prefix = "" if kind == "course" else f"{kind}:"
    return _by_actor(metadata, _named(body.get("asset_id"), metadata, prefix=prefix, title=body.get("asset_name")))


def _by_actor(metadata: Mapping[str, Any], named: ActivityName) -> Facts | str:
    """Return the facts of an event whose learner is whoever acted, if that was a student."""
    if not _is_student(metadata) or text(metadata.get("user_id")) is None:
        return _no_student(metadata)
    return {
        "kind": Kind.EXPERIENCED,
        "identities": learner(*_user(metadata.get("user_id"), metadata), username(metadata.get("user_login"))),
        "activity": named,
        "times": (),
        "extras": {"course": text(metadata.get("context_id"))},
    }


def _is_student(metadata: Mapping[str, Any]) -> bool:
    """Return whether whoever acted is a student of the course, or may be one: the role is not told."""
    return text(metadata.get("context_role")) in _LEARNERS


def _no_student(metadata: Mapping[str, Any]) -> str:
    return f"the actor is not a student ({text(metadata.get('context_role'))})"


def _user(value: Any, metadata: Mapping[str, Any]) -> tuple[Identity | None, ...]:
    """Return the account by its global id, and by its local one if that was sent."""
    told = text(value)
    return account(_global(told, metadata)), account(told)


def _named(value: Any, metadata: Mapping[str, Any], *, prefix: str = "", title: Any = None) -> ActivityName:
    """Return the activity as sent, with its global id as another name."""
    told = identifier(value, "activity")
    other = _global(told, metadata)
    return activity(told and prefix + told, title=title, aliases=(other and prefix + other,))


def _global(told: str | None, metadata: Mapping[str, Any]) -> str | None:
    root = text(metadata.get("root_account_id")) or ""
    if told is None or not (told.isascii() and told.isdigit() and root.isascii() and root.isdigit()):
        return told
    shard = int(root) // _SHARD
    return told if int(told) >= _SHARD or not shard else str(shard * _SHARD + int(told))


_READERS: dict[str, Callable[[Mapping[str, Any], Mapping[str, Any]], Facts | str]] = {
    "asset_accessed": _asset_accessed,
    "course_completed": _course_completed,
    "course_grade_change": _course_grade,
    "course_progress": _course_progress,
    "discussion_entry_created": _discussion_entry,
    "discussion_entry_submitted": _discussion_entry,
    "enrollment_created": _enrolment,
    "enrollment_updated": _enrolment,
    "grade_change": _grade,
    "learning_outcome_result_created": _outcome_result,
    "learning_outcome_result_updated": _outcome_result,
    "quiz_submitted": _quiz_submitted,
    "submission_created": _submission,
    "submission_updated": _submission,
}

ADAPTER = Adapter(
    slug="canvas",
    title="Canvas Live Events",
    how_to_connect=(
        "1. POST /v1/sources with adapter `canvas` and scheme `jws`, jwks_url as published by Instructure.\n"
        "2. In Canvas: Admin, Data Streams, Add; delivery HTTPS, the webhook URL, Sign Payload on, either format.\n"
        "3. Subscribe to course_completed, course_progress, enrollment_created, enrollment_updated; grades if wanted.\n"
        "4. Without Sign Payload use the scheme `none`: its URL then holds a secret segment.\n"
        "5. course_completed needs module requirements in the course; check one course end to end."
    ),
    schemes=("jws", "none", "query_token"),
    authentication={
        "scheme": "jws",
        "jwks_url": "https://8axpcl50e4.execute-api.us-east-1.amazonaws.com/main/jwks",
    },
    example={
        "headers": {"content-type": "application/json"},
        "body": {
            "metadata": {
                "event_name": "course_completed",
                "event_time": "2026-05-06T14:22:09.117Z",
                "root_account_id": "70000000000001",
                "user_id": "70000000000455",
            },
            "body": {
                "course": {"id": "3311", "name": "Operations 210"},
                "progress": {"completed_at": "2026-05-06T14:22:08.903Z"},
                "user": {"id": "455", "email": "m.duarte@example.edu", "name": "Marta Duarte"},
            },
        },
    },
    parse=parse,
)
